"""Groups on real nodes: what depends on something starts when that is healthy, whatever happens to the master meanwhile."""
import re
import socket

import pytest

from cluster import Cluster, REPOSITORY, wait_until


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
        cluster.kill_master()
    ear.listen()
    wait_until(lambda: current_step(cluster, deployment) is None, "the end of the deployment", 60)
    times = started(cluster)
    assert times["/shop/db/store"] < times["/shop/front/web"] < times["/shop/front/edge"]
    assert cluster.call("DELETE", "/v2/groups/shop").status == 200
    wait_until(lambda: cluster.call("GET", "/v2/groups").json["groups"] == [], "the end of '/shop'", 30)
    wait_until(lambda: cluster.call("GET", "/v2/tasks").json["tasks"] == [], "the end of its tasks", 30)


def test_the_example_by_the_command_line(cluster):
    example = str(REPOSITORY / "docs/examples/shop.json")
    text = cluster.tepui("group", "add", example, "--dry-run")
    assert re.search(r"^ *2 +ScaleApplication +/shop/db/store *$", text, re.M)
    assert re.search(r"^ *4 +ScaleApplication +/shop/front/edge *$", text, re.M)
    assert cluster.tepui("group", "list", "--quiet") == "/\n"
    assert "done" in cluster.tepui("group", "add", example, "--wait")
    assert re.search(r"^/shop/front +2 +0 +3 +3 +/shop/db *$", cluster.tepui("group", "list"), re.M)
    assert cluster.tepui("group", "list", "--quiet").split() == ["/", "/shop", "/shop/db", "/shop/front"]
    shown = cluster.tepui("group", "show", "/shop")
    assert re.search(r"^/shop/front/edge +1 +1 +0 +/shop/front/web *$", shown, re.M)
    # The nodes are known by now.
    text = cluster.tepui("group", "scale", "/shop", "20", "--dry-run")
    assert re.search(r"^/shop/front/web +\S+ +\d+ +64 MB memory are needed, ", text, re.M) and "waiting" in text
    assert cluster.call("GET", "/v2/deployments").json == [] and cluster.app("/shop/front/web")["instances"] == 2
    assert "nothing would be done" in cluster.tepui("app", "scale", "/shop/front/web", "2", "--dry-run", check=False).stderr
    text = cluster.tepui("app", "remove", "/shop/front/edge", "--dry-run")
    assert "StopApplication" in text and cluster.app("/shop/front/edge")
    (version,) = cluster.tepui("group", "versions", "/shop").split()
    cluster.tepui("group", "scale", "/shop/front", "2", "--wait")
    assert cluster.app("/shop/front/web")["instances"] == 4
    cluster.tepui("group", "rollback", "/shop", version, "--wait")
    assert cluster.app("/shop/front/web")["instances"] == 2
    cluster.tepui("group", "remove", "/shop", "--wait")
    assert cluster.tepui("group", "list", "--quiet") == "/\n"


@pytest.mark.parametrize("args, status, fragment", [
    (["show", "/none"], 4, "Group '/none' does not exist"), (["scale", "/none", "2"], 4, "Group '/none' does not exist"),
    (["scale", "/", "many"], 2, "'many' is not a factor"), (["remove", "/none"], 4, "Group '/none' does not exist"),
    (["rollback", "/", "yesterday"], 1, "Invalid timestamp provided 'yesterday'"),
    (["list", "--dry-run"], 2, "takes no option '--dry-run'")])
def test_what_the_command_line_refuses(cluster, args, status, fragment):
    done = cluster.tepui("group", *args, check=False)
    assert done.returncode == status and fragment in done.stderr
