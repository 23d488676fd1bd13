"""Pods of /v2/pods on real agents: what containers share, how they end together, whoever dies in between."""
import contextlib
import os
import pathlib
import signal

import pytest

from cluster import wait_until
from groups import FOREVER, read

# Serves the volume on the port of its endpoint until it is told to fail.
FRONT = """exec python3 -c '
import functools, http.server, os
os.chdir("shared")
http.server.HTTPServer(("127.0.0.1", int(os.environ["ENDPOINT_HTTP"])), http.server.SimpleHTTPRequestHandler).serve_forever()'"""
# Writes into the volume, and reads it back from its neighbour over the loopback device.
BACK = """echo hello from $MARATHON_CONTAINER_ID > shared/message
until python3 -c '
import os, urllib.request
print(urllib.request.urlopen("http://127.0.0.1:" + os.environ["EP_HOST_HTTP"] + "/message").read().decode())' 2>/dev/null
do sleep 0.1; done
exec sleep 1000"""


def container(name, script, **more):
    return {"name": name, "exec": {"command": {"shell": script}}, "resources": {"cpus": 0.05, "mem": 32}, **more}


def pod(*containers, instances=1, **more):
    return {"id": "/pair", "containers": list(containers), "scaling": {"kind": "fixed", "instances": instances},
            "executorResources": {"cpus": 0.05, "mem": 32, "disk": 1}, "networks": [{"mode": "host"}], **more}


def talking():
    mounts = [{"name": "data", "mountPath": "shared"}]
    check = {"http": {"endpoint": "http", "path": "/message"}, "intervalSeconds": 2, "timeoutSeconds": 1,
             "delaySeconds": 0, "gracePeriodSeconds": 30}
    return pod(container("front", FRONT, endpoints=[{"name": "http"}], volumeMounts=mounts, healthCheck=check),
               container("back", BACK, volumeMounts=mounts), volumes=[{"name": "data"}])


def sleepers(seconds="1000", **more):
    return pod(container("one", f"exec sleep {seconds}"), container("two", f"exec sleep {seconds}"), **more)


def deploy(cluster, definition, method="POST"):
    path = "/v2/pods" if method == "POST" else f"/v2/pods{definition['id']}"
    answer = cluster.call(method, path, definition)
    assert answer.status in (200, 201), answer.body
    return answer.headers["Marathon-Deployment-Id"]


def instances(cluster):
    return cluster.call("GET", "/v2/pods/pair::status").json["instances"]


def stable(cluster, n=1):
    """The N instances, when they are all and each runs."""
    found = instances(cluster)
    return found if len(found) == n and all(i["status"] == "STABLE" for i in found) else None


def task_ids(instance):
    return [c["containerId"] for c in instance["containers"]]


def pid_of(cluster, task_id):
    """Of what the task executes, as its environment tells."""
    for pid in {p for a in cluster.agents for p in a.processes()}:
        with contextlib.suppress(OSError):
            if f"MESOS_TASK_ID={task_id}".encode() in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                return pid
    return None


@pytest.mark.vm
def test_containers_share_a_volume_and_the_loopback_device(node):
    node.wait_deployment(deploy(node, talking()))
    instance, = instances(node)
    assert instance["status"] == "STABLE"
    front, back = task_ids(instance)
    wait_until(lambda: read(node.agents[0], back) == "hello from back\n\n", "what one wrote the other has served")
    assert front.endswith(".front.1") and back.endswith(".back.1")
    assert instance["containers"][0]["endpoints"][0]["healthy"]


@pytest.mark.parametrize("dies", [None, "master", "agent"])
def test_both_are_replaced_when_one_crashes(node, dies):
    node.wait_deployment(deploy(node, sleepers()))
    before, = instances(node)
    if dies == "master":
        node.kill_master()
        node.agents_are_back()
    if dies == "agent":
        node.kill_agent(node.agents[0])
    wait_until(lambda: stable(node), "it is known again")
    assert instances(node)[0]["id"] == before["id"]
    os.kill(pid_of(node, task_ids(before)[0]), signal.SIGKILL)
    after, = wait_until(lambda: (stable(node) or [before])[0]["id"] != before["id"] and stable(node),
                        "another in its place")
    assert {c["status"] for c in after["containers"]} == {"TASK_RUNNING"}
    # Nothing of the first is left: a pod of two tasks is all that is there.
    wait_until(lambda: len(node.agents[0].containers()) == 3, "the end of the first")
    last = node.call("GET", "/v2/queue").json
    assert all(i["count"] == 0 for i in last["queue"])


def test_one_that_finishes_leaves_the_other_alone(node):
    node.wait_deployment(deploy(node, pod(container("init", "echo done"), container("main", FOREVER))))
    instance, = instances(node)
    finished = wait_until(lambda: [i for i in instances(node) if i["containers"][0]["status"] == "TASK_FINISHED"],
                          "the first has finished")
    assert [i["id"] for i in finished] == [instance["id"]]
    assert finished[0]["containers"][1]["status"] == "TASK_RUNNING"


def test_a_deleted_pod_leaves_nothing(node):
    node.wait_deployment(deploy(node, sleepers(instances=2)))
    answer = node.call("DELETE", "/v2/pods/pair")
    assert answer.status == 202
    node.wait_deployment(answer.headers["Marathon-Deployment-Id"])
    assert node.call("GET", "/v2/pods/pair").status == 404
    wait_until(lambda: not node.agents[0].container_cgroups(), "the end of its containers")


def commands(cluster):
    """What runs in all cgroups of the agents, by how often."""
    found = []
    for agent in cluster.agents:
        for pid in agent.processes():
            with contextlib.suppress(OSError):
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                found += [words[1].decode()] if words[0] == b"sleep" else []
    return {c: found.count(c) for c in set(found) if c != "infinity"}


@pytest.mark.parametrize("dies", [None, "master", "agent"])
def test_a_pod_is_rolled_over_whoever_dies_in_between(cluster, dies):
    cluster.start_master()
    for _ in range(2):
        cluster.start_agent()
    scheduling = {"upgrade": {"minimumHealthCapacity": 1, "maximumOverCapacity": 0.34}}
    cluster.wait_deployment(deploy(cluster, sleepers(instances=3, scheduling=scheduling)))
    old = {i["id"] for i in instances(cluster)}
    wait_until(lambda: commands(cluster) == {"1000": 6}, lambda: f"six tasks: {commands(cluster)}")
    rolling = deploy(cluster, sleepers("2000", instances=3, scheduling=scheduling), "PUT")
    wait_until(lambda: {i["id"] for i in instances(cluster)} - old, "the first new one")
    if dies == "master":
        cluster.kill_master()
        cluster.agents_are_back()
    if dies == "agent":
        cluster.kill_agent(cluster.agents[1])
    cluster.wait_deployment(rolling)
    assert not {i["id"] for i in wait_until(lambda: stable(cluster, 3), "three new ones")} & old
    wait_until(lambda: commands(cluster) == {"2000": 6}, lambda: f"no task twice, none left: {commands(cluster)}")
