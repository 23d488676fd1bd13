"""Volumes that are images: what a task sees of an image beside its own root, and what becomes of what it writes."""
import os
import pathlib
import subprocess

import pytest

from cluster import Cluster, wait_until
from framework import SMALL, Framework, scalar
from images import Layout, Store, directory, entry, layer, link, tmp_path  # noqa: F401

pytestmark = pytest.mark.vm

BUSYBOX = pathlib.Path("/bin/busybox")
FIRST = 1500000000
DATA = {"type": "DOCKER", "docker": {"name": "data:1"}}
BOX = {"type": "MESOS", "mesos": {"image": {"type": "DOCKER", "docker": {"name": "box:1"}}}}


@pytest.fixture(name="node")
def running_node(tmp_path):
    if subprocess.run(["stat", "-fc", "%T", tmp_path], capture_output=True, text=True, check=True).stdout.strip() == \
            "overlayfs":
        pytest.skip("an overlay on an overlay")
    store = Store(tmp_path / "store")
    Layout(tmp_path / "box").image([layer(
        *[directory(d) for d in ("bin", "proc", "sys", "dev", "tmp", "etc", "srv")],
        entry("bin/busybox", data=BUSYBOX.read_bytes(), mode=0o755),
        *[link(f"bin/{n}", "busybox") for n in ("sh", "sleep", "cat", "touch", "ls", "stat", "grep", "id")])],
        {"Env": ["PATH=/bin"]})
    # Two layers, of which the upper one hides a file of the lower.
    Layout(tmp_path / "data").image([
        layer(directory("deep"), entry("deep/file", data=b"lower\n", mode=0o644), entry("gone", data=b"x"),
              entry("tool", data=b"#!/bin/sh\necho ran\n", mode=0o4755), entry("app-file", data=b"a", uid=7, gid=7)),
        layer(entry("deep/file", data=b"upper\n", mode=0o644), entry(".wh.gone"))], {})
    for name in ("box", "data"):
        store.add(f"oci:{tmp_path}/{name}", name=f"{name}:1")
    cluster = Cluster("imagevolumes")
    # Layers of containers need a file system that can carry them, as the store does.
    (tmp_path / "work").mkdir()
    (cluster.directory / "agent0").symlink_to(tmp_path / "work")
    try:
        cluster.start_master()
        cluster.start_agent(f"--image_store={store.path}", f"--user_ids={FIRST}-{FIRST + 2 * 65536 - 1}",
                            "--resources=cpus:4;mem:4096;disk:100;disk(db):100")
        cluster.store, cluster.framework = store, Framework(cluster)
        yield cluster
    finally:
        cluster.close()


def volume(path, mode="RO", image=DATA):
    return {"mode": mode, "container_path": path, "image": image}


def start(node, command, *volumes, box=False, **more):
    framework = node.framework
    task = framework.launch(framework.offer(), command + "; echo end; exec sleep 1000", SMALL,
                            container={**(BOX if box else {"type": "MESOS"}), "volumes": list(volumes)}, **more)
    status = framework.status(task, "TASK_RUNNING", "TASK_FAILED", "TASK_ERROR")
    assert status["state"] == "TASK_RUNNING", status
    container = wait_until(lambda: node.agents[0].container_of(task), "the container")

    def whole():
        text = pathlib.Path(container["tepui"]["sandbox"], "stdout").read_text()
        return text if text.endswith("end\n") else None
    return task, container, wait_until(whole, "its output").splitlines()[:-1]


def stop(node, task):
    node.framework.call("KILL", task_id={"value": task})
    node.framework.status(task, "TASK_KILLED")


def uses(node):
    return sorted(os.listdir(node.store.path / "uses"))


@pytest.mark.parametrize("box", [False, True])
def test_all_layers_are_seen_and_cannot_be_written(node, box):
    _, _, lines = start(node, "cat data/deep/file; ls data; touch data/x 2>&1 | grep -c Read-only",
                        volume("data"), box=box)
    assert lines == ["upper", "app-file", "deep", "tool", "1"]


def test_what_is_written_is_the_containers_own_and_goes_with_it(node):
    command = "cat data/deep/file; echo mine > data/new; cat data/new; ls data"
    task, container, lines = start(node, command, volume("data", "RW"))
    assert lines == ["upper", "mine", "app-file", "deep", "new", "tool"]
    upper = node.agents[0].work_dir / "containers" / container["container_id"] / "root/volume-0/upper"
    assert (upper / "new").owner() == "nobody"
    other, _, again = start(node, "ls data", volume("data", "RW"))
    assert "new" not in again
    stop(node, task)
    stop(node, other)
    wait_until(lambda: not os.listdir(node.agents[0].work_dir / "containers"), "nothing to be left")
    wait_until(lambda: uses(node) == [], "no use of the image")


def test_ids_of_the_volume_are_those_inside(node):
    _, container, lines = start(
        node, "stat -c %u:%g /data /data/deep/file /data/app-file; echo 1 > /data/made; cat /proc/self/uid_map",
        volume("/data", "RW"), box=True)
    assert lines[:3] == ["0:0", "0:0", "7:7"]
    upper = node.agents[0].work_dir / "containers" / container["container_id"] / "root/volume-0/upper"
    assert os.stat(upper / "made").st_uid == FIRST
    assert lines[3].split() == ["0", str(FIRST), "65536"]


def test_no_set_user_id_and_no_devices(node):
    _, _, lines = start(node, "grep ' /mnt/mesos/sandbox/data ' /proc/self/mountinfo | cut -d' ' -f6", volume("data"))
    assert {"ro", "nosuid", "nodev"} <= set(lines[0].split(","))


def test_images_stay_as_long_as_a_container_has_them(node):
    task, container, _ = start(node, "true", volume("a"), volume("b", "RW", {**DATA, "docker": {"name": "box:1"}}))
    assert uses(node) == [f"{container['container_id']}%2F{i}.json" for i in range(2)]
    for name in ("data:1", "box:1"):
        refused = subprocess.run(node.store.command("remove", name), capture_output=True, text=True, check=False)
        assert refused.returncode != 0 and "containers run" in refused.stderr
    # A supervisor that is killed has its container taken away by the agent, also by a new one.
    agent = node.agents[0]
    agent.process.kill()
    agent.process.wait()
    agent.start()
    wait_until(lambda: node.active_agents() == 1 and agent.container_of(task), "its return")
    assert len(uses(node)) == 2
    stop(node, task)
    wait_until(lambda: uses(node) == [], "no use of the images")
    subprocess.run(node.store.command("remove", "data:1"), capture_output=True, check=True)


def test_a_part_of_the_sandbox_is_writable_with_an_image(node):
    _, container, lines = start(node, "echo one > /opt/x; cat $MESOS_SANDBOX/parts/x; stat -c %u:%g /opt/x",
                                {"mode": "RW", "container_path": "/opt", "host_path": "parts"}, box=True)
    assert lines == ["one", "0:0"]
    assert os.stat(pathlib.Path(container["tepui"]["sandbox"], "parts/x")).st_uid == 0


def test_a_persistent_volume_belongs_to_the_ids_inside_whatever_those_are_outside(node):
    made = scalar("disk", 10, reservations=[{"type": "STATIC", "role": "db"}], disk={
        "persistence": {"id": "p"}, "volume": {"container_path": "/srv", "mode": "RW"}})
    node.framework.call("TEARDOWN")
    node.framework = framework = Framework(node, roles=["db"])

    def run(command, *before):
        offer = framework.offer(lambda o: before or any("disk" in r for r in o["resources"]))
        task = framework.launch(offer, command, [*SMALL, made], before=before, container=BOX)
        return framework.status(task, "TASK_FINISHED", "TASK_FAILED", "TASK_ERROR")

    status = run("echo one > /srv/x", {"type": "CREATE", "create": {"volumes": [made]}})
    assert status["state"] == "TASK_FINISHED", status
    file = node.agents[0].work_dir / "volumes/roles/db/p/x"
    assert (file.read_text(), file.stat().st_uid) == ("one\n", 0)
    # The first range of ids is another container's now.
    _, container, lines = start(node, "cat /proc/self/uid_map", box=True)
    assert lines[0].split()[1] == str(FIRST)
    status = run(f"grep -q {FIRST + 65536} /proc/self/uid_map && stat -c %u /srv/x | grep -qx 0 && echo two >> /srv/x")
    assert status["state"] == "TASK_FINISHED", status
    assert (file.read_text(), file.stat().st_uid) == ("one\ntwo\n", 0)


@pytest.mark.parametrize("bad, words", [
    (volume("data", image={"type": "DOCKER", "docker": {"name": "none:1"}}), "container.volumes[1].image: "),
    (volume("data", image={"type": "APPC", "appc": {"name": "x"}}), "container.volumes[1].image.type: only DOCKER"),
    ({**volume("data"), "host_path": "x"}, "Only one of them should be set: 'host_path', 'image' and 'source'"),
    (volume("../x"), "container.volumes[1].container_path: not a path"),
    (volume("/proc/x"), "mounts[1].destination"),
])
def test_what_cannot_be_honoured_is_told_by_field(node, bad, words):
    framework = node.framework
    task = framework.launch(framework.offer(), "true", SMALL, container={
        "type": "MESOS", "volumes": [volume("first"), bad]})
    status = framework.status(task, "TASK_ERROR", "TASK_FAILED")
    assert words in status["message"]
    assert uses(node) == []
