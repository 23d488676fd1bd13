"""Deployments that end by themselves, on real agents, whoever dies in between."""

from cluster import wait_until


def sleeper(**changes):
    return {"id": "/web", "cmd": "exec sleep 1000", "cpus": 0.05, "mem": 16, "instances": 2, "backoffSeconds": 1,
            "backoffFactor": 1, "deployment": {"deadlineSeconds": 3, "minUpSeconds": 1, "rollback": True}, **changes}


def change(cluster, **changes):
    answer = cluster.call("PUT", "/v2/apps/web", changes)
    assert answer.status == 200, answer.body
    return answer.json["deploymentId"]


def deployment(cluster, deployment_id):
    return cluster.call("GET", f"/v2/deployments/{deployment_id}").json


def ids(cluster):
    return {t["id"] for t in cluster.tasks("/web") if t["state"] == "TASK_RUNNING"}


def test_one_who_waits_is_told_why_it_failed(node):
    node.deploy(sleeper(instances=1))
    done = node.tepui("deployment", "wait", change(node, cmd="exit 3"), check=False)
    assert done.returncode == 1
    assert "Command exited with status 3" in done.stderr and "on node '127.0.0.1'" in done.stderr


def test_an_app_is_given_up_until_somebody_asks(node):
    app = sleeper(instances=1, cmd="exit 3", backoffSeconds=0, maxLaunchAttempts=3)
    assert node.call("POST", "/v2/apps", app).status == 201

    def waiting():
        return next(iter(node.call("GET", "/v2/queue").json["queue"]), {})
    wait_until(lambda: waiting().get("givenUp"), "it is given up")
    node.kill_master()
    node.agents_are_back()
    item = waiting()
    assert item["givenUp"] and item["failedStarts"] == 3
    assert "given up after 3 failed starts, the last: instance 'web.instance-" in item["explanation"]
    assert "Command exited with status 3" in node.tepui("queue")
    node.tepui("queue", "reset", "/web")
    wait_until(lambda: waiting().get("givenUp") and waiting()["lastFailure"] != item["lastFailure"],
               "it is tried and given up again")


def commands(cluster):
    """How many tasks run each version of /web."""
    versions = [t["version"] for t in cluster.tasks("/web") if t["state"] == "TASK_RUNNING"]
    return {v: versions.count(v) for v in versions}


def test_labels_and_strategies_are_changed_in_place(node):
    node.deploy(sleeper())
    before = ids(node)
    node.tepui("app", "set", "--in-place", "--wait", "/web", "labels.color=red", "backoffSeconds=9")
    app = node.app("/web")
    assert app["labels"] == {"color": "red"} and app["backoffSeconds"] == 9
    assert ids(node) == before and set(commands(node)) == {app["version"]}
    check = {"protocol": "COMMAND", "command": {"value": "true"}}
    refused = node.call("PUT", "/v2/apps/web?inPlace=true", {"healthChecks": [check], "cpus": 0.1})
    assert refused.status == 422
    assert {d["path"]: "cannot be changed in place: " in d["errors"][0] for d in refused.json["details"]} == {
        "/healthChecks": True, "/cpus": True}
    node.kill_master()
    node.agents_are_back()
    wait_until(lambda: ids(node) == before, "the tasks are known again")
    assert set(commands(node)) == {app["version"]}


def test_an_unhealthy_instance_is_replaced_before_it_is_killed(node):
    check = {"protocol": "COMMAND", "command": {"value": "test ! -e sick"}, "gracePeriodSeconds": 0, "delaySeconds": 0,
             "intervalSeconds": 1, "timeoutSeconds": 5, "maxConsecutiveFailures": 2}
    node.deploy(sleeper(healthChecks=[check], unhealthyStrategy={"replaceFirst": True}))
    sick = min(ids(node))
    sandbox = node.agents[0].container_of(sick)["tepui"]["sandbox"]
    with open(f"{sandbox}/sick", "w", encoding="ascii"):
        pass
    healthy = []        # of those that are not being killed, at each look

    def is_replaced():
        tasks = node.tasks("/web")
        healthy.append(sum(1 for t in tasks if t["state"] == "TASK_RUNNING"))
        return sick not in [t["id"] for t in tasks]
    wait_until(is_replaced, "the sick one is gone", 60)
    assert min(healthy) >= 2
    wait_until(lambda: node.app("/web")["tasksHealthy"] == 2, "two are healthy")
    assert not node.call("GET", "/v2/queue").json["queue"]
