"""The image store: what is read from disk, what is refused, and what it leaves."""
import bz2
import gzip
import json
import lzma
import os
import stat
import subprocess

import pytest

from cluster import BUILD
from images import CONFIG, INDEX, LAYER, MANIFEST, Layout, Refused, Store, directory, entry, layer, sha256, tmp_path  # noqa: F401

pytestmark = pytest.mark.vm


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store")
    yield made
    if made.path.exists():
        assert made.garbage() == []


def refuse(store, source, **options):
    with pytest.raises(Refused) as caught:
        store.add(source, **options)
    assert store.garbage() == []
    return str(caught.value)


BASE = layer(directory("etc"), entry("etc/passwd", data=b"root:x:0:0::/root:/bin/sh\napp:x:12:34::/srv:\n"),
             entry("etc/group", data=b"app:x:34:\nextra:x:50:x,app\n"))


# ---- Forms ----

def zstd(data):
    return subprocess.run(["zstd", "-qc"], input=data, capture_output=True, check=True).stdout


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstd])
def test_plain_archive_is_an_image_of_one_layer(store, tmp_path, pack):
    (tmp_path / "web.tar.x").write_bytes(pack(BASE))
    added = store.add(f"tar:{tmp_path}/web.tar.x")
    assert (added["name"], added["layers"], added["unpacked"]) == ("web:latest", 1, 1)
    [tree] = store.trees("web")
    assert (tree / "etc/passwd").read_bytes().startswith(b"root:")
    assert tree.parent.name == sha256(BASE).removeprefix("sha256:")


def test_layers_are_unpacked_once(store, tmp_path):
    one, two = layer(entry("a", data=b"1")), layer(entry("b", data=b"2"))
    Layout(tmp_path / "first").image([BASE, one], tag="v1")
    Layout(tmp_path / "second").image([BASE, two], tag="v2")
    assert store.add(f"oci:{tmp_path}/first")["unpacked"] == 2
    assert store.add(f"oci:{tmp_path}/second")["unpacked"] == 1
    assert store.add(f"oci:{tmp_path}/first", name="again:3")["unpacked"] == 0
    assert sorted(i["name"] for i in store.list()) == ["again:3", "first:v1", "second:v2"]
    assert store.trees("first:v1")[0] == store.trees("second:v2")[0]


def test_config_is_shown(store, tmp_path):
    config = {"Env": ["A=1"], "Cmd": ["x"], "Entrypoint": ["/e"], "User": "app", "WorkingDir": "/srv",
              "StopSignal": "SIGINT", "Volumes": {"/v": {}}, "ExposedPorts": {"80/tcp": {}},
              "Labels": {"l": "m"}, "Healthcheck": {"Test": ["NONE"]}}
    descriptor = Layout(tmp_path / "web").image([BASE], config)
    store.add(f"oci:{tmp_path}/web")
    for name in ("web", f"@{descriptor['digest']}", f"web@{descriptor['digest']}"):
        shown = store.show(name)
        assert (shown["manifest"], shown["cmd"], shown["entrypoint"], shown["user"]) == \
            (descriptor["digest"], ["x"], ["/e"], "app")
        assert shown["volumes"] == {"/v": {}} and shown["exposedPorts"] == {"80/tcp": {}}
        assert (shown["stopSignal"], shown["workingDir"], shown["labels"]) == ("SIGINT", "/srv", {"l": "m"})


def docker_archive(path, layers, tags, blobs=False):
    """As `docker save` writes it; BLOBS: as since Docker 25, with an OCI layout around."""
    config = json.dumps({"os": "linux", "architecture": "amd64", "config": {"Cmd": ["d"]},
                         "rootfs": {"type": "layers", "diff_ids": [sha256(d) for d in layers]}}).encode()

    def place(data, old):
        return f"blobs/sha256/{sha256(data)[7:]}" if blobs else old

    names = [place(data, f"{i}/layer.tar") for i, data in enumerate(layers)]
    manifest = [{"Config": place(config, "c.json"), "RepoTags": tags, "Layers": names}]
    entries = [entry(name, data=data) for name, data in zip(names, layers)]
    entries += [entry(place(config, "c.json"), data=config),
                entry("manifest.json", data=json.dumps(manifest).encode())]
    path.write_bytes(layer(*entries))


@pytest.mark.parametrize("blobs", [False, True])
def test_docker_archive(store, tmp_path, blobs):
    docker_archive(tmp_path / "d.tar", [BASE, layer(entry("x"))], ["docker.io/library/foo:7"], blobs)
    assert store.add(f"docker-archive:{tmp_path}/d.tar")["name"] == "foo:7"
    assert store.show("foo:7")["cmd"] == ["d"]
    assert "find 'bar:1' in" in refuse(store, f"docker-archive:{tmp_path}/d.tar:bar:1")
    assert store.add(f"docker-archive:{tmp_path}/d.tar:foo:7")["unpacked"] == 0


def test_foreign_tools_images(store, tmp_path):
    """skopeo writes the forms; the layout among them was made by umoci."""
    here = {"cwd": tmp_path, "check": True, "capture_output": True}
    root = tmp_path / "b/rootfs"
    subprocess.run(["umoci", "init", "--layout", "l"], **here)
    subprocess.run(["umoci", "new", "--image", "l:base"], **here)
    subprocess.run(["umoci", "unpack", "--image", "l:base", "b"], **here)
    (root / "etc").mkdir()
    (root / "etc/a").write_text("a")
    subprocess.run(["umoci", "repack", "--image", "l:v1", "b"], **here)
    for form in ("docker-archive:d.tar:some/web:2", "oci-archive:o.tar:v1"):
        subprocess.run(["skopeo", "copy", "-q", "oci:l:v1", form], **here)
    layout = store.add(f"oci:{tmp_path}/l:v1")
    docker = store.add(f"docker-archive:{tmp_path}/d.tar")
    archive = store.add(f"oci-archive:{tmp_path}/o.tar", name="archive")
    assert (layout["name"], docker["name"]) == ("l:v1", "some/web:2")
    assert (layout["unpacked"], docker["unpacked"], archive["unpacked"]) == (1, 0, 0)
    assert store.show("l:v1")["layers"] == store.show("archive")["layers"] == store.show("some/web:2")["layers"]


def test_platform_is_chosen_through_nested_indexes(store, tmp_path):
    layout = Layout(tmp_path / "web")
    amd = layout.image([layer(entry("amd"))], platform={"os": "linux", "architecture": "amd64"})
    arm = layout.image([layer(entry("arm"))], platform={"os": "linux", "architecture": "arm64", "variant": "v8"})
    inner = layout.blob({"schemaVersion": 2, "mediaType": INDEX, "manifests": [arm, amd]}, INDEX,
                        annotations={"org.opencontainers.image.ref.name": "v1"})
    layout.index([inner])
    store.add(f"oci:{tmp_path}/web:v1", platform="linux/amd64", name="amd")
    store.add(f"oci:{tmp_path}/web:v1", platform="linux/arm64/v8", name="arm")
    assert [p.name for n in ("amd", "arm") for t in store.trees(n) for p in t.iterdir()] == ["amd", "arm"]
    assert "no image for linux/riscv64" in refuse(store, f"oci:{tmp_path}/web:v1", platform="linux/riscv64")
    for _ in range(5):
        inner = layout.blob({"schemaVersion": 2, "manifests": [inner]}, INDEX)
    layout.index([inner])
    assert refuse(store, f"oci:{tmp_path}/web") == "index: nested deeper than 4"


def test_tepui_image_passes_on(store, tmp_path):
    def tepui(*args):
        return subprocess.run([BUILD / "tepui", "image", *args, f"--store={store.path}"], capture_output=True, text=True,
                              check=False)

    # What only reads makes no store.
    done = tepui("list")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "no images\n")
    assert (tepui("show", "web:2").returncode, store.path.exists()) == (4, False)
    (tmp_path / "web.tar").write_bytes(BASE)
    assert tepui("add", f"tar:{tmp_path}/web.tar", "--name", "web:2").stdout.startswith("web:2  sha256:")
    assert tepui("list", "--quiet").stdout == "web:2\n"
    assert json.loads(tepui("show", "web:2", "--json").stdout)["name"] == "web:2"
    assert tepui("show", "nope").returncode == 4
    assert tepui("remove", "web:2").returncode == 0
    assert tepui("prune", "--high", "1").stdout.startswith("0 images, 1 layers, 2 documents removed")


# ---- Wrong documents and digests ----

def test_every_digest_is_verified(store, tmp_path):
    layout = Layout(tmp_path / "web")
    descriptor = layout.image([BASE])
    manifest = json.loads(layout.file(descriptor["digest"]).read_text())
    for part in (descriptor, manifest["config"], manifest["layers"][0]):
        path = layout.file(part["digest"])
        good = path.read_bytes()
        path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        assert f"'{part['digest']}': what is there has the digest 'sha256:" in refuse(store, f"oci:{tmp_path}/web")
        path.write_bytes(good + b"\n")
        refuse(store, f"oci:{tmp_path}/web")
        path.write_bytes(good)
    assert store.list() == []
    assert store.add(f"oci:{tmp_path}/web")["unpacked"] == 1


def test_diff_id_is_verified(store, tmp_path):
    """A layer that says that it is another must not take that one's place."""
    layout = Layout(tmp_path / "web")
    evil = layout.blob(gzip.compress(layer(entry("evil"))), LAYER + "+gzip")
    config = layout.blob({"rootfs": {"type": "layers", "diff_ids": [sha256(BASE)]}}, CONFIG)
    layout.index([layout.blob({"schemaVersion": 2, "config": config, "layers": [evil]}, MANIFEST)])
    assert f"verify diff id '{sha256(BASE)}'" in refuse(store, f"oci:{tmp_path}/web")
    assert list((store.path / "layers/sha256").iterdir()) == []


@pytest.mark.parametrize("change, message", [
    (lambda m: m.update(manifests=[]), "both an index ('manifests') and an image"),
    (lambda m: m.update(schemaVersion=1), "manifest.schemaVersion: 1 is outside 2..2"),
    (lambda m: m.update(mediaType=INDEX), "is not what it is"),
    (lambda m: m.pop("layers"), "neither an index nor an image"),
    (lambda m: m["layers"].append(m["layers"][0]), "2, but the configuration has 1 diff_ids"),
    (lambda m: m["layers"][0].update(size=5), "longer than the 5 bytes that its manifest says"),
    (lambda m: m["layers"][0].update(size=1 << 40), "bytes where its manifest says 1099511627776"),
    (lambda m: m["layers"][0].update(mediaType="image/png"), "'image/png' is not supported"),
    (lambda m: m["layers"][0].update(digest="sha256:../../../../etc/passwd"), "not a digest that can be verified"),
    (lambda m: m["layers"].extend(m["layers"] * 200), "are more than 128"),
    (lambda m: m["config"].update(digest=m["layers"][0]["digest"]), "configuration"),
])
def test_wrong_manifests(store, tmp_path, change, message):
    layout = Layout(tmp_path / "web")
    document = json.loads(layout.file(layout.image([BASE])["digest"]).read_text())
    change(document)
    layout.index([layout.blob(document, MANIFEST)])
    assert message in refuse(store, f"oci:{tmp_path}/web")


@pytest.mark.parametrize("plant", [
    lambda p: p.symlink_to("/etc/shadow"), os.mkfifo, lambda p: p.mkdir(), lambda p: None,
    lambda p: (p.touch(), os.truncate(p, 1 << 30)),
])
def test_documents_that_are_no_files(store, tmp_path, plant):
    layout = Layout(tmp_path / "web")
    path = layout.file(layout.image([BASE])["digest"])
    path.unlink()
    plant(path)
    refuse(store, f"oci:{tmp_path}/web")


# ---- The store itself ----

def test_store_is_closed_to_others(store, tmp_path):
    store.run("prune")
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o700
    store.path.chmod(0o755)
    with pytest.raises(Refused, match="closed to all others"):
        store.list()
    store.path.chmod(0o700)
    with pytest.raises(Refused) as caught:
        store.show("web")
    assert (caught.value.status, str(caught.value)) == (4, "find image 'web:latest': it is not in the store")


def test_removed_images_go_with_what_they_alone_needed(store, tmp_path):
    Layout(tmp_path / "first").image([BASE, layer(entry("a"))])
    Layout(tmp_path / "second").image([BASE, layer(entry("b"))])
    store.add(f"oci:{tmp_path}/first")
    store.add(f"oci:{tmp_path}/second")
    base, own = store.trees("first")
    store.run("remove", "first")
    assert own.exists()
    assert store.run("prune").startswith("0 images, 1 layers, 2 documents removed")
    assert base.exists() and not own.exists()
    store.run("remove", "second")
    assert store.run("prune").startswith("0 images, 2 layers, 2 documents removed")
    assert not base.exists()


def test_damaged_record_stops_a_prune_and_nothing_else(store, tmp_path):
    Layout(tmp_path / "web").image([BASE])
    store.add(f"oci:{tmp_path}/web")
    record = store.path / "images/web:latest.json"
    record.write_text(record.read_text()[:30])
    with pytest.raises(Refused, match="what they refer to is not known"):
        store.run("prune")
    assert store.list() == []
    assert store.add(f"oci:{tmp_path}/web")["unpacked"] == 0
    assert len(store.list()) == 1
