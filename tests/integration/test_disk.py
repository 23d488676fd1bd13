"""Disk of sandboxes counted and limited by the file system: project quotas of ext4 and xfs."""
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from cluster import wait_until
from conftest import cannot_run
from framework import SMALL, Framework, scalar
from images import Layout, Store, directory, entry, layer, link

pytestmark = pytest.mark.vm

MIB = 1 << 20
PROJECTS = "[7000-7009]"
IDS = f"1600000000-{1600000000 + 65535}"
MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-F", "-O", "project,quota"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
}
MODULES = {"ext4": ["loop", "quota_v2"], "xfs": ["loop", "xfs"]}


def mount(kind, image, where, options):
    modules = os.environ.get("TEPUI_TEST_MODULES")
    for name in MODULES[kind] if modules else []:
        subprocess.run(["modprobe", "-d", modules, name], check=True)
    with open(image, "wb") as file:
        file.truncate(320 * MIB)
    subprocess.run([*MAKE[kind], str(image)], check=True)
    where.mkdir()
    return subprocess.run(["mount", "-t", kind, "-o", "loop," + options, str(image), str(where)], capture_output=True, text=True)


@pytest.fixture(params=["ext4", "xfs"])
def quota_node(request, cluster):
    """A node whose work directory is on a file system of its own that counts projects."""
    if not shutil.which(MAKE[request.param][0]):
        cannot_run(f"no {MAKE[request.param][0]}")
    where = cluster.directory / "agent0"
    done = mount(request.param, cluster.directory / "disk", where, "prjquota")
    if done.returncode:
        # The kernel of a hybrid host may be built without; the machine of check-vm is not.
        pytest.skip(f"{request.param} without project quotas here: {done.stderr.strip()}")
    try:
        cluster.start_master()
        cluster.start_agent(f"--disk_projects={PROJECTS}", "--enforce_container_disk_quota", "--gc_delay=1secs",
                            f"--image_store={where / 'images'}", f"--user_ids={IDS}")
        yield cluster
    finally:
        # Lazily: what holds it, agent and tasks, is ended by the cluster's own fixture.
        subprocess.run(["umount", "-l", str(where)], check=True)


def app(name, cmd, disk=8, **more):
    return {"id": name, "cmd": cmd, "cpus": 0.1, "mem": 32, "disk": disk, "instances": 1, "backoffSeconds": 3600, **more}


def is_full_disk(message):
    """What `head` says of it comes between, unless there was no room for that either."""
    return message.startswith("Command exited with status 3; ") and \
        message.endswith("the task's disk of 8 MB is full")


def usage(node, name):
    (task,) = node.tasks(name)
    return node.agents[0].container_of(task["id"])


def sandboxes(node):
    root = node.agents[0].work_dir / "slaves"
    return sorted(p for p in root.glob("*/frameworks/*/executors/*/runs/*") if not p.is_symlink())


def project_of(path):
    out = subprocess.run(["lsattr", "-dp", str(path)], check=True, capture_output=True, text=True).stdout
    return int(out.split()[0])


def test_use_is_counted_at_once_and_each_has_its_own(quota_node):
    quota_node.deploy(app("/a", "head -c 3000000 /dev/zero >x; sync x; exec sleep 1000"))
    quota_node.deploy(app("/b", "exec sleep 1000"))

    def counted():
        view = usage(quota_node, "/a")
        return view["statistics"].get("disk_used_bytes", 0) >= 3000000 and view
    view = wait_until(counted, "the file is counted")
    assert view["tepui"]["disk_source"] == "quota"
    assert view["statistics"]["disk_limit_bytes"] == 8 * MIB
    # xfs allocates ahead of a growing file.
    assert view["statistics"]["disk_used_bytes"] < 3000000 + 2 * MIB
    assert usage(quota_node, "/b")["statistics"]["disk_used_bytes"] < MIB
    projects = [project_of(p) for p in sandboxes(quota_node)]
    assert len(set(projects)) == 2 and all(7000 <= p <= 7009 for p in projects)


def test_a_write_beyond_the_disk_fails_and_the_end_says_why(quota_node):
    quota_node.call("POST", "/v2/apps", app("/full", "head -c 20000000 /dev/zero >x || exit 3; exit 0"))
    end = wait_until(lambda: quota_node.app("/full").get("lastTaskFailure"), "the task's end", 60)
    assert end["state"] == "TASK_FAILED"
    assert is_full_disk(end["message"])
    (sandbox,) = sandboxes(quota_node)
    assert 7 * MIB < sum(p.stat().st_blocks * 512 for p in sandbox.iterdir()) <= 8 * MIB


def test_what_a_task_writes_over_its_image_counts(quota_node, tmp_path):
    Layout(tmp_path / "box").image([layer(
        *[directory(d) for d in ("bin", "proc", "sys", "dev", "tmp", "etc")],
        entry("bin/busybox", data=pathlib.Path("/bin/busybox").read_bytes(), mode=0o755),
        *[link(f"bin/{name}", "busybox") for name in ("sh", "head")])], {"Env": ["PATH=/bin"]})
    Store(quota_node.agents[0].work_dir / "images").add(f"oci:{tmp_path}/box", name="box:1")
    quota_node.call("POST", "/v2/apps", {
        **app("/image", "head -c 20000000 /dev/zero >/big || exit 3; exit 0"), "user": "0",
        "container": {"type": "DOCKER", "docker": {"image": "box:1"}}})
    end = wait_until(lambda: quota_node.app("/image").get("lastTaskFailure"), "the task's end", 60)
    assert is_full_disk(end["message"])


def test_the_owner_cannot_move_files_out_of_the_count(quota_node):
    quota_node.call("POST", "/v2/apps", app("/out", "chattr -p 0 . 2>&1; chattr -P . 2>&1; head -c 20000000 /dev/zero >x || exit 3; exit 0"))
    end = wait_until(lambda: quota_node.app("/out").get("lastTaskFailure"), "the task's end", 60)
    assert is_full_disk(end["message"])
    assert quota_node.tepui("task", "log", end["taskId"]).count("Operation not permitted") == 2


@pytest.mark.slow
def test_a_restarted_agent_knows_and_a_removed_sandbox_gives_its_project_back(quota_node):
    quota_node.deploy(app("/a", "head -c 3000000 /dev/zero >x; sync x; exec sleep 1000"))
    agent = quota_node.agents[0]
    (first,) = sandboxes(quota_node)
    agent.end(signal.SIGKILL)
    agent.start()
    wait_until(lambda: quota_node.active_agents() == 1, "the agent is back")
    view = wait_until(lambda: usage(quota_node, "/a"), "the container is back")
    assert view["tepui"]["disk_source"] == "quota"
    assert view["statistics"]["disk_used_bytes"] >= 3000000
    # The next one gets another.
    quota_node.deploy(app("/b", "exec sleep 1000"))
    assert len({project_of(p) for p in sandboxes(quota_node)}) == 2
    quota_node.remove("/a")
    wait_until(lambda: first not in sandboxes(quota_node), "the sandbox is removed", 90)
    # A project is free when it has no inode any more.
    wait_until(lambda: not list((agent.work_dir / "trash").iterdir()), "its files to be removed")

    # Ten projects, of which one is taken: the rest are enough only if the first is free again.
    quota_node.deploy(app("/c", "exec sleep 1000", disk=1, instances=9, cpus=0.01, mem=8, backoffSeconds=1), 90)


def test_more_tasks_than_projects(quota_node):
    quota_node.deploy(app("/many", "exec sleep 1000", disk=1, instances=10, cpus=0.01, mem=8), 90)
    quota_node.call("POST", "/v2/apps", app("/more", "exec sleep 1000", disk=1, cpus=0.01, mem=8))
    end = wait_until(lambda: quota_node.app("/more").get("lastTaskFailure"), "the refusal", 60)
    assert end["message"].endswith("find a free project among the 10 of --disk_projects: No space left on device")


@pytest.fixture(name="reserved_node")
def quota_node_with_reserved_disk(quota_node):
    agent = quota_node.agents[0]
    agent.end(signal.SIGKILL)
    agent.argv.append("--resources=cpus:2;mem:512;disk:100;disk(db):64")
    agent.start()
    wait_until(lambda: quota_node.active_agents() == 1, "the agent is back")
    quota_node.framework = Framework(quota_node, roles=["db"])
    return quota_node


def test_a_persistent_volume_is_limited_by_itself(reserved_node):
    def volume(name, size):
        return scalar("disk", size, reservations=[{"type": "STATIC", "role": "db"}], disk={
            "persistence": {"id": name}, "volume": {"container_path": name, "mode": "RW"}})

    def offer_with(*volumes):
        wanted = {v["disk"]["persistence"]["id"] for v in volumes}
        return reserved_node.framework.offer(lambda o: wanted <= {
            r["disk"]["persistence"]["id"] for r in o["resources"] if "disk" in r} and len(o["resources"]) > 2)

    def run(command, *volumes, before=()):
        framework = reserved_node.framework
        offer = offer_with(*(() if before else volumes))
        return framework.status(framework.launch(offer, command, [*SMALL, scalar("disk", 4), *volumes], before=before),
                                "TASK_FINISHED", "TASK_FAILED", "TASK_ERROR")

    both = volume("a", 8), volume("b", 16)
    status = run("head -c 20000000 /dev/zero >a/x && exit 3; head -c 12000000 /dev/zero >b/x || exit 4; "
                 "head -c 3000000 /dev/zero >x || exit 5", *both,
                 before=[{"type": "CREATE", "create": {"volumes": list(both)}}])
    assert status["state"] == "TASK_FINISHED", status
    agent = reserved_node.agents[0]
    where = agent.work_dir / "volumes/roles/db"
    assert 7 * MIB < (where / "a/x").stat().st_blocks * 512 <= 8 * MIB
    projects = {project_of(where / name) for name in "ab"}
    assert len(projects) == 2 and all(7000 <= p <= 7009 for p in projects)

    def views():
        return {v["persistence"]["id"]: v for v in agent.call("GET", "/state").json["volumes"]}
    assert views()["a"]["source"] == "quota" and views()["a"]["limit_bytes"] == 8 * MIB
    assert 7 * MIB < views()["a"]["used_bytes"] <= 8 * MIB

    # A new agent knows, and gives the projects to nobody else.
    agent.end(signal.SIGKILL)
    agent.start()
    wait_until(lambda: reserved_node.active_agents() == 1, "the agent is back")
    assert 7 * MIB < views()["a"]["used_bytes"] <= 8 * MIB
    assert run("head -c 20000000 /dev/zero >a/y && exit 3; rm a/x; head -c 4000000 /dev/zero >a/y", both[0])["state"] == \
        "TASK_FINISHED"
    assert project_of(where / "a") in projects
    reserved_node.framework.accept(offer_with(*both), {"type": "DESTROY", "destroy": {"volumes": list(both)}})
    wait_until(lambda: not views() and not any(where.iterdir()), "no volume to be left")


def start_and_end(cluster, *flags):
    agent = cluster.start_agent(*flags, wait=False)
    wait_until(lambda: not agent.is_alive(), "its end")
    return agent.text()


@pytest.mark.parametrize("value", ["[0-5]", "[1-100000]", "x", "[]"])
def test_bad_ranges_are_refused(cluster, value):
    cluster.start_master()
    assert f"use '--disk_projects={value}': not 1 to 65536 numbers above 0" in \
        start_and_end(cluster, f"--disk_projects={value}")


def test_a_file_system_that_does_not_count_is_refused(cluster):
    where = cluster.directory / "agent0"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "x", str(where)], check=True)
    try:
        cluster.start_master()
        assert "use '--disk_projects=[1-5]': count the use of projects: the file system does not (ext4 and xfs do " \
            "when mounted with prjquota)" in start_and_end(cluster, "--disk_projects=[1-5]")
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)
