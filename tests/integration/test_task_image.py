"""Tasks that run from an image of the agent's store, in user namespaces of their own."""
import itertools
import os
import pathlib
import subprocess

import pytest

from cluster import Cluster, wait_until
from images import Layout, Store, busybox, entry

FIRST = 1500000000
numbers = itertools.count()

CONFIG = {"Env": ["COLOR=green", "PATH=/bin:/custom"], "User": "app", "WorkingDir": "/srv",
          "Entrypoint": ["/bin/entry"], "Cmd": ["from-cmd"]}
ENTRY = b"#!/bin/sh\necho \"entry: $*\"\n[ $# -gt 0 ] && [ \"$1\" = sleep ] && exec \"$@\"\nexec sleep 1000\n"


@pytest.fixture(name="cluster", scope="module")
def running_cluster(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("images")
    if subprocess.run(["stat", "-fc", "%T", tmp], capture_output=True, text=True, check=True).stdout.strip() == \
            "overlayfs":
        pytest.skip("an overlay on an overlay")
    store = Store(tmp / "store")
    Layout(tmp / "web").image([busybox(entry("etc/marker", data=b"in the image\n"),
                                       entry("bin/entry", data=ENTRY, mode=0o755))], CONFIG)
    store.add(f"oci:{tmp}/web", name="web:1")
    cluster = Cluster("image")
    cluster.store = store
    try:
        cluster.start_master()
        cluster.start_agent(f"--image_store={store.path}", f"--user_ids={FIRST}-{FIRST + 3 * 65536 - 1}")
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(name="start")
def start_app(cluster):
    started = []

    def start(image="web:1", **more):
        app_id = f"/i{next(numbers)}"
        started.append(app_id)
        cluster.deploy({"id": app_id, "cpus": 0.1, "mem": 64, "instances": 1,
                        "container": {"type": "DOCKER", "docker": {"image": image}}, **more})
        return wait_until(lambda: cluster.agents[0].container_of(cluster.tasks(app_id)[0]["id"]), "the container")
    yield start
    for app_id in started:
        cluster.call("DELETE", f"/v2/apps{app_id}?force=true")
        wait_until(lambda app_id=app_id: cluster.app(app_id) is None, f"the end of {app_id}")


def output(container, last="end"):
    def whole():
        text = pathlib.Path(container["tepui"]["sandbox"], "stdout").read_text()
        return text if last in text else None
    return wait_until(whole, "the output")


def test_configuration_of_the_image_is_honoured(start):
    text = output(start(cmd="id -u; id -g; pwd; cat /etc/marker; echo $COLOR $PATH $HOME; "
                            "echo end; exec sleep 1000")).split("\n")
    assert text[:5] == ["1000", "1000", "/srv", "in the image", "green /bin:/custom /home/app"]


@pytest.mark.parametrize("more, said", [
    ({}, "entry: from-cmd"),
    ({"args": ["one", "two three"]}, "entry: one two three"),
])
def test_entrypoint_and_arguments(start, more, said):
    assert said in output(start(**more), said)


def test_what_the_app_says_goes_before(start):
    text = output(start(cmd="id -u; echo $COLOR; echo end; exec sleep 1000", user="root", env={"COLOR": "blue"}))
    assert text.split("\n")[:2] == ["0", "blue"]


def test_root_is_nobody_outside(start):
    container = start(cmd="touch /made sandbox-file $MESOS_SANDBOX/made; cat /proc/self/uid_map; echo end; "
                          "exec sleep 1000", user="root")
    inside, outside, size = output(container).split()[:3]
    assert (inside, size) == ("0", "65536")
    assert (int(outside) - FIRST) % 65536 == 0 and FIRST <= int(outside) < FIRST + 3 * 65536
    status = pathlib.Path(f"/proc/{container['tepui']['pid']}/status").read_text()
    assert f"Uid:\t{outside}\t" in status
    assert os.stat(f"/proc/{container['tepui']['pid']}/root/made").st_uid == int(outside)


def test_ids_are_disjoint_and_used_again(cluster, start):
    # Those of earlier tests may still be taken away.
    wait_until(lambda: not os.listdir(cluster.agents[0].work_dir / "containers"), "all ids to be free")
    containers = [start(cmd="exec sleep 1000") for _ in range(3)]
    firsts = sorted(int(pathlib.Path(f"/proc/{c['tepui']['pid']}/uid_map").read_text().split()[1]) for c in containers)
    assert firsts == [FIRST, FIRST + 65536, FIRST + 2 * 65536]
    # There are no more; a task that waits for some gets those of the first that ends.
    app = {"id": f"/i{next(numbers)}", "cmd": "exec sleep 1000", "cpus": 0.1, "mem": 64, "backoffSeconds": 1,
           "container": {"type": "MESOS", "docker": {"image": "web:1"}}}
    cluster.call("POST", "/v2/apps", app)
    try:
        message = wait_until(lambda: cluster.app(app["id"]).get("lastTaskFailure"), "its failure")["message"]
        assert "all of" in message and "--user_ids" in message
    finally:
        cluster.call("DELETE", f"/v2/apps{app['id']}?force=true")


def test_restarted_agent_remembers_ids(cluster, start):
    container = start(cmd="exec sleep 1000")
    agent = cluster.agents[0]
    agent.process.kill()
    agent.process.wait()
    agent.start()
    wait_until(lambda: cluster.active_agents() == 1 and agent.container_of(container["executor_id"]), "its return")
    other = start(cmd="exec sleep 1000")
    maps = {pathlib.Path(f"/proc/{c['tepui']['pid']}/uid_map").read_text().split()[1] for c in (container, other)}
    assert len(maps) == 2


def test_standard_streams_sessions_and_terminals_work(cluster, start):
    container = start(cmd="echo a > /dev/stdout; echo b > /dev/stderr; exec sleep 1000")
    assert output(container, "a") == "a\n"
    done = cluster.tepui("task", "exec", container["executor_id"], "--", "sh", "-c", "id -u; echo x > /dev/stdout")
    assert done.split() == ["1000", "x"]


def test_container_leaves_nothing_and_the_image_may_go(cluster):
    app = {"id": f"/i{next(numbers)}", "cmd": "touch /tmp/x; exec sleep 1000", "cpus": 0.1, "mem": 64,
           "user": "root", "container": {"type": "MESOS", "docker": {"image": "web:1"}}}
    cluster.deploy(app)
    container = cluster.agents[0].container_of(cluster.tasks(app["id"])[0]["id"])
    root = cluster.agents[0].work_dir / "containers" / container["container_id"]
    assert root.exists()
    refused = subprocess.run(cluster.store.command("remove", "web:1"), capture_output=True, text=True, check=False)
    assert refused.returncode != 0 and "containers run" in refused.stderr
    cluster.remove(app["id"])
    wait_until(lambda: not root.exists(), "nothing to be left")
    wait_until(lambda: not list((cluster.agents[0].work_dir / "trash").iterdir()), "its files to be removed")
    mounts = pathlib.Path("/proc/self/mountinfo").read_text()
    assert str(root) not in mounts


@pytest.mark.parametrize("image, user, words", [
    ("nothing:1", None, "nothing:1"),
    ("web:1", "stranger", "stranger"),
])
def test_what_is_not_there_is_told(cluster, image, user, words):
    app = {"id": f"/i{next(numbers)}", "cmd": "true", "cpus": 0.1, "mem": 64,
           "container": {"type": "MESOS", "docker": {"image": image}}, **({"user": user} if user else {})}
    assert cluster.call("POST", "/v2/apps", app).status == 201
    try:
        assert words in wait_until(lambda: cluster.app(app["id"]).get("lastTaskFailure"), "its failure")["message"]
    finally:
        cluster.call("DELETE", f"/v2/apps{app['id']}?force=true")
        wait_until(lambda: cluster.app(app["id"]) is None, "its end")


def test_agent_without_a_store_says_so():
    cluster = Cluster("nostore")
    try:
        cluster.start_master()
        cluster.start_agent()
        cluster.call("POST", "/v2/apps", {"id": "/x", "cmd": "true", "container": {
            "type": "MESOS", "docker": {"image": "web:1"}}})
        message = wait_until(lambda: cluster.app("/x").get("lastTaskFailure"), "its failure")["message"]
        assert "no --image_store" in message
    finally:
        cluster.close()
