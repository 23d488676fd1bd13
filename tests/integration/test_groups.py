"""Groups on real nodes: what depends on something starts when that is healthy, whatever happens to the master meanwhile."""
import signal
import socket

import pytest

from cluster import Cluster, wait_until


@pytest.fixture
def cluster():
    made = Cluster("groups")
    try:
        made.start_master()
        made.start_agent("--resources=cpus:4;mem:2048;disk:2048;ports:[31000-31099]")
        yield made
    finally:
        made.close()


def group(port):
    """"/shop/db" is healthy when someone listens on PORT; the rest of the shop waits for it."""
    app = {"cmd": "exec sleep 1000", "cpus": 0.1, "mem": 32}
    check = {"protocol": "COMMAND", "command": {"value": f"exec bash -c '</dev/tcp/127.0.0.1/{port}'"}, "intervalSeconds": 1,
             "timeoutSeconds": 5, "gracePeriodSeconds": 600, "delaySeconds": 0}
    return {"id": "/shop", "groups": [
        {"id": "db", "apps": [{"id": "store", **app, "healthChecks": [check]}]},
        {"id": "front", "dependencies": ["../db"], "apps": [{"id": "web", **app}, {"id": "edge", **app, "dependencies": ["web"]}]}]}


def started(cluster):
    """When the tasks of the shop were started, by app."""
    return {task["appId"]: task["startedAt"] for task in cluster.call("GET", "/v2/tasks").json["tasks"] if task.get("startedAt")}


def current_step(cluster, deployment):
    return next((d["currentStep"] for d in cluster.call("GET", "/v2/deployments").json if d["id"] == deployment), None)


@pytest.fixture
def ear():
    """A socket that nobody can connect to before it listens."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        yield made


def test_what_depends_waits_for_health_whatever_becomes_of_the_master(cluster, ear):
    answer = cluster.call("POST", "/v2/groups", group(ear.getsockname()[1]))
    assert answer.status == 201, answer.body
    deployment = answer.json["deploymentId"]
    for _ in range(3):
        wait_until(lambda: "/shop/db/store" in started(cluster), "the start of '/shop/db/store'", 30)
        assert set(started(cluster)) == {"/shop/db/store"} and current_step(cluster, deployment) == 2
        cluster.master.end(signal.SIGKILL)
        cluster.start_master()
    ear.listen()
    wait_until(lambda: current_step(cluster, deployment) is None, "the end of the deployment", 60)
    times = started(cluster)
    assert times["/shop/db/store"] < times["/shop/front/web"] < times["/shop/front/edge"]
    assert cluster.call("DELETE", "/v2/groups/shop").status == 200
    wait_until(lambda: cluster.call("GET", "/v2/groups").json["groups"] == [], "the end of '/shop'", 30)
    wait_until(lambda: cluster.call("GET", "/v2/tasks").json["tasks"] == [], "the end of its tasks", 30)
