"""The store when it is killed, when many use it at once, and when its disk is full."""
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from cluster import wait_until
from images import Layout, Refused, Store, entry, layer

BIG = [entry(f"f{i}", data=bytes([i]) * 200_000) for i in range(40)]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def state(store):
    """What is in the store, without times."""
    return sorted(str(p.relative_to(store.path)) for p in store.path.rglob("*") if "tree" not in p.parts or p.name == "tree")


def children(pid):
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(p) for p in text.split()]


def is_gone(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_killed_while_unpacking(store, tmp_path):
    """Half of a layer has come: its helper goes with it, and the next command clears up."""
    data = layer(*BIG)
    os.mkfifo(tmp_path / "a.tar")
    store.list()
    adder = subprocess.Popen(store.command("add", f"tar:{tmp_path}/a.tar"))
    with open(tmp_path / "a.tar", "wb") as writer:
        writer.write(data[:len(data) // 2])
        writer.flush()
        wait_until(lambda: any(store.path.glob("tmp/*/tree/f5")), "the first files")
        helpers = children(adder.pid)
        assert helpers
        adder.kill()
        adder.wait()
        wait_until(lambda: all(map(is_gone, helpers)), "the helper's end")
    assert store.garbage() != []
    assert store.list() == [] and store.garbage() == []
    (tmp_path / "b.tar").write_bytes(data)
    assert store.add(f"tar:{tmp_path}/b.tar")["unpacked"] == 1


STEPS = ["mkdir,mkdirat", "openat", "syncfs", "fsync", "rename,renameat", "write"]


@pytest.mark.unsanitized("looks for leaks in vain under strace")
@pytest.mark.parametrize("calls", STEPS)
def test_killed_at_every_step(store, tmp_path, calls):
    """kill -9 at each call of a kind in turn: every time the next command finds all or nothing, and goes on."""
    Layout(tmp_path / "web").image([layer(entry("a")), layer(entry("b"), entry(".wh.a"))])
    source = f"oci:{tmp_path}/web"
    store.run("prune")              # makes the store
    complete = None
    # Beyond this the calls repeat themselves: loading the program opens files, too.
    first = 1 if calls != "openat" else 12
    for n in range(first, first + 60):
        done = subprocess.run(["strace", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e",
                               f"inject={calls}:signal=KILL:when={n}", *store.command("add", source, json=True)],
                              capture_output=True, text=True, check=False)
        known = store.list()        # opens the store, and so clears up
        assert store.garbage() == []
        for image in known:
            assert all(pathlib.Path(t).is_dir() for t in store.show(image["name"])["layers"])
        if done.returncode == 0:
            complete = n
            break
        assert done.returncode in (-signal.SIGKILL, 137), done.stderr
    assert complete is not None and complete > first
    store.run("prune", all=True)
    assert [p for p in state(store) if re.search("[0-9a-f]{64}", p)] == []


def test_many_at_once_make_a_layer_once(store, tmp_path):
    base = layer(*BIG)
    for i in range(8):
        Layout(tmp_path / f"n{i}").image([base, layer(entry("own", data=b"%d" % i))])
    adders = [subprocess.Popen(store.command("add", f"oci:{tmp_path}/n{i % 8}", json=True, name=f"i{i}"),
                               stdout=subprocess.PIPE, text=True) for i in range(16)]
    added = [json.loads(adder.communicate()[0]) for adder in adders]
    assert sum(a["unpacked"] for a in added) == 9
    assert len(store.list()) == 16 and store.garbage() == []
    assert len({store.trees(f"i{i}")[0] for i in range(16)}) == 1
    for i in range(16):
        assert (store.trees(f"i{i}")[1] / "own").read_text() == str(i % 8)


def test_adding_and_pruning_at_once(store, tmp_path):
    """A prune sees an image whole or not at all: what is added while it runs stays whole."""
    for i in range(6):
        Layout(tmp_path / f"n{i}").image([layer(*BIG), layer(entry("own", data=b"%d" % i))])
    adders = [subprocess.Popen(store.command("add", f"oci:{tmp_path}/n{i}", quiet=True), stdout=subprocess.PIPE)
              for i in range(6)]
    pruners = [subprocess.Popen(store.command("prune"), stdout=subprocess.PIPE) for _ in range(6)]
    for process in adders + pruners:
        process.communicate()
        assert process.returncode == 0
    assert len(store.list()) == 6
    for image in store.list():
        assert all(t.is_dir() for t in store.trees(image["name"]))


@pytest.fixture
def small(tmp_path):
    """A store on a file system of 64 MiB."""
    where = tmp_path / "small"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=700", "tmpfs", where], check=True)
    yield Store(where / "store")
    subprocess.run(["umount", where], check=True)


def used(store, name, when):
    os.utime(store.path / f"images/{name}:latest.json", (when, when))


def test_prune_by_watermark(small, tmp_path):
    for i in range(5):
        (tmp_path / f"i{i}.tar").write_bytes(layer(entry("f", data=os.urandom(8 << 20))))
        small.add(f"tar:{tmp_path}/i{i}.tar")
    for i, name in enumerate(("i3", "i1", "i0", "i2", "i4")):
        used(small, name, 1_000_000 + i)
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/config.json").write_text("{}")
    small.run("bundle", "i3", "c1", tmp_path / "bundle", "true")
    used(small, "i3", 1)
    assert small.run("prune", high=90, low=10).startswith("0 images, 0 layers")
    # 40 of 64 MiB: the oldest two that nothing runs on go, and then it is enough.
    assert small.run("prune", high=60, low=40).startswith("2 images, 2 layers")
    assert sorted(i["name"] for i in small.list()) == ["i2:latest", "i3:latest", "i4:latest"]
    assert small.run("prune", high=1, low=0).startswith("2 images, 2 layers")
    assert [i["name"] for i in small.list()] == ["i3:latest"]
    small.run("release", "c1")


def test_agent_prunes_by_itself(small, tmp_path, cluster):
    """Above the watermark the longest unused goes, but nothing that a container runs on; then it is still full."""
    for i in range(4):
        (tmp_path / f"i{i}.tar").write_bytes(layer(entry("f", data=os.urandom(8 << 20))))
        small.add(f"tar:{tmp_path}/i{i}.tar")
        used(small, f"i{i}", 1_000_000 + i)
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/config.json").write_text("{}")
    small.run("bundle", "i0", "c1", tmp_path / "bundle", "true")
    used(small, "i0", 1)
    cluster.start_master()
    flags = [f"--image_store={small.path}", "--image_gc_interval=200ms", "--image_gc_high=40"]
    agent = cluster.start_agent(*flags, "--image_gc_low=30")
    # 32 of 64 MiB are too much; two less are enough.
    wait_until(lambda: len(small.list()) == 2, "the removal of two")
    assert sorted(i["name"] for i in small.list()) == ["i0:latest", "i3:latest"]
    wait_until(lambda: agent.call("GET", "/metrics/snapshot").json["tepui/images_removed"] == 2, "its counter")
    agent.end()
    agent.argv += ["--image_gc_high=5", "--image_gc_low=0"]
    agent.start()
    wait_until(lambda: "images that are left are in use" in agent.text(), "the warning")
    assert [i["name"] for i in small.list()] == ["i0:latest"]
    assert small.garbage() == []
    agent.end()
    small.run("release", "c1")


def test_an_operator_prunes_all_that_nothing_runs_on_but_what_is_excluded(small, tmp_path, cluster):
    for i in range(4):
        (tmp_path / f"i{i}.tar").write_bytes(layer(entry("f", data=bytes([i]))))
        small.add(f"tar:{tmp_path}/i{i}.tar")
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/config.json").write_text("{}")
    small.run("bundle", "i0", "c1", tmp_path / "bundle", "true")
    cluster.start_master()
    agent = cluster.start_agent(f"--image_store={small.path}", "--image_gc_interval=0ms")

    def prune(*excluded, type_="DOCKER"):
        return agent.call("POST", "/api/v1", {"type": "PRUNE_IMAGES", "prune_images": {"excluded_images": [
            {"type": type_, "docker": {"name": name}} for name in excluded]}}, {"Content-Type": "application/json"})
    answer = prune("oci:/etc")
    assert answer.status == 400 and b"keep image 'oci:/etc': not a name" in answer.body
    assert prune("i1", type_="APPC").status == 400 and prune(*["i1"] * 1025).status == 413
    assert len(small.list()) == 4
    by_digest = next(i["manifest"] for i in small.list() if i["name"] == "i2:latest")
    assert prune("i1", by_digest).status == 200
    assert sorted(i["name"] for i in small.list()) == ["i0:latest", "i1:latest", "i2:latest"]
    assert cluster.tepui("node", "prune", "127.0.0.1", "i1").endswith("has no images but those that run or are kept\n")
    assert sorted(i["name"] for i in small.list()) == ["i0:latest", "i1:latest"]
    assert prune().status == 200
    assert [i["name"] for i in small.list()] == ["i0:latest"]
    assert agent.call("GET", "/metrics/snapshot").json["tepui/images_removed"] == 3
    assert small.garbage() == []
    agent.end()
    small.run("release", "c1")


def test_full_disk_is_an_error_and_leaves_nothing(small, tmp_path):
    (tmp_path / "fits.tar").write_bytes(layer(entry("f", data=bytes(1 << 20))))
    small.add(f"tar:{tmp_path}/fits.tar")
    (tmp_path / "big.tar").write_bytes(layer(entry("f", data=os.urandom(100 << 20))))
    for source in (f"tar:{tmp_path}/big.tar", f"docker-archive:{tmp_path}/big.tar"):
        with pytest.raises(Refused, match="write 'f': No space left on device"):
            small.add(source)
        assert small.garbage() == []
    assert len(small.list()) == 1
    assert os.statvfs(small.path).f_bavail * os.statvfs(small.path).f_frsize > 60 << 20
