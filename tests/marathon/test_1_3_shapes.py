"""The canonical shape of an app and of its tasks, and that of 1.4 for those who ask for it."""
import re

import pytest

from cluster import wait_until
from event_reader import TIMESTAMP

pytestmark = pytest.mark.row("1.3")

ALWAYS = {
    "cpus": 0.1, "mem": 32, "disk": 0, "gpus": 0, "instances": 0, "executor": "", "labels": {}, "backoffSeconds": 1,
    "backoffFactor": 1.15, "maxLaunchDelaySeconds": 300, "networks": [{"mode": "host"}], "requirePorts": False,
    "upgradeStrategy": {"minimumHealthCapacity": 1, "maximumOverCapacity": 1}, "killSelection": "YOUNGEST_FIRST",
    "unreachableStrategy": {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0}, "role": "*", "tasksStaged": 0,
    "tasksRunning": 0, "tasksHealthy": 0, "tasksUnhealthy": 0, "deployments": [],
}
ABSENT = ["args", "acceptedResourceRoles", "constraints", "dependencies", "env", "fetch", "healthChecks", "readinessChecks", "secrets",
          "ports", "uris", "ipAddress", "container", "user", "taskKillGracePeriodSeconds", "check", "residency"]


@pytest.fixture
def plain(marathon, app):
    assert marathon.call("POST", "/v2/apps", app(instances=0)).status == 201
    (shown,) = marathon.call("GET", "/v2/apps").json["apps"]
    return shown


@pytest.mark.parametrize("field", ALWAYS)
def test_field_that_is_always_there(plain, field):
    assert plain[field] == ALWAYS[field]


@pytest.mark.parametrize("field", ABSENT)
def test_field_that_is_left_out(plain, field):
    assert field not in plain


def test_a_port_is_given_by_default(plain):
    (port,) = plain["portDefinitions"]
    assert 10000 <= port.pop("port") < 20000
    assert port == {"labels": {}, "name": "default", "protocol": "tcp"}


def test_versions_have_three_digits_of_fraction(plain):
    info = plain["versionInfo"]
    assert TIMESTAMP.match(plain["version"]) and info == {"lastScalingAt": plain["version"], "lastConfigChangeAt": plain["version"]}


# ---- tasks ----

@pytest.fixture(scope="module")
def task(cluster):
    from conftest import remove_all
    check = {"protocol": "COMMAND", "command": {"value": "true"}, "intervalSeconds": 1, "delaySeconds": 0}
    cluster.deploy({"id": "/a/web", "cmd": "exec sleep 1000", "cpus": 0.1, "mem": 32, "healthChecks": [check]})
    (found,) = cluster.tasks("/a/web")
    remove_all(cluster)
    return found


@pytest.mark.parametrize("field", ["id", "appId", "host", "ports", "servicePorts", "slaveId", "state", "stagedAt", "startedAt", "version",
                                   "role", "ipAddresses", "healthCheckResults", "localVolumes"])
def test_a_task_has(task, field):
    assert field in task


def test_the_app_of_a_task_is_found_in_its_id(task):
    """As allegro's marathon-consul does it: cut at the last dot before the instance."""
    assert re.match(r"^a_web\.instance-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\._app\.1$", task["id"])
    assert task["appId"] == "/a/web"


def test_times_of_a_task(task):
    assert all(TIMESTAMP.match(task[key]) for key in ("stagedAt", "startedAt", "version"))


def test_health_of_a_task(task):
    (result,) = task["healthCheckResults"]
    assert set(result) == {"alive", "consecutiveFailures", "firstSuccess", "lastFailure", "lastSuccess", "lastFailureCause", "instanceId"}
    assert (result["alive"], result["consecutiveFailures"], result["lastFailure"]) == (True, 0, None)
    assert task["id"].startswith(result["instanceId"] + "._app")


def test_addresses_of_a_task(task):
    """On the node's own network they are the node's."""
    assert task["state"] == "TASK_RUNNING" and task["ipAddresses"] == [{"ipAddress": "127.0.0.1", "protocol": "IPv4"}]


# ---- embeds ----

def test_statistics(marathon, app):
    marathon.deploy(app(instances=2))
    (shown,) = marathon.call("GET", "/v2/apps?embed=apps.taskStats").json["apps"]
    assert shown["taskStats"] == shown["tasksStats"]
    stats = shown["taskStats"]
    assert set(stats) == {"startedAfterLastScaling", "withLatestConfig", "totalSummary"}
    total = stats["totalSummary"]["stats"]
    assert total["counts"] == {"staged": 0, "running": 2, "healthy": 0, "unhealthy": 0}
    assert set(total["lifeTime"]) == {"averageSeconds", "medianSeconds"}


def test_the_last_failure(marathon, app):
    answer = marathon.call("POST", "/v2/apps", app(cmd="exit 3", backoffSeconds=60))
    failure = wait_until(lambda: marathon.app("/web").get("lastTaskFailure"), "the first failure")
    assert answer.status == 201
    assert set(failure) == {"appId", "host", "message", "state", "taskId", "timestamp", "version", "slaveId"}
    assert (failure["appId"], failure["state"]) == ("/web", "TASK_FAILED") and TIMESTAMP.match(failure["timestamp"])
    (shown,) = marathon.call("GET", "/v2/apps?embed=apps.lastTaskFailure").json["apps"]
    assert shown["lastTaskFailure"] == failure
    (shown,) = marathon.call("GET", "/v2/apps?embed=apps.failures").json["apps"]
    assert shown["lastTaskFailure"] == failure and "tasks" in shown


# ---- 1.4 ----

def legacy(marathon, definition):
    answer = marathon.call("POST", "/v2/apps", definition)
    assert answer.status == 201, answer.body
    return marathon.call("GET", "/v2/apps?compat=1.4").json["apps"][0]


def test_old_ports_and_uris(marathon, app):
    shown = legacy(marathon, app(instances=0, portDefinitions=[{"port": 10101}, {"port": 10102}]))
    assert shown["ports"] == [10101, 10102] and shown["uris"] == [] and shown["portDefinitions"]
    assert marathon.call("GET", "/v2/apps/web?compat=1.4").json["app"]["ports"] == [10101, 10102]
    group = marathon.call("GET", "/v2/groups?compat=1.4").json
    assert group["apps"][0]["ports"] == [10101, 10102]


def test_old_network_of_docker(marathon, app):
    shown = legacy(marathon, app(instances=0, container={"type": "DOCKER", "docker": {"image": "x"}}))
    assert shown["container"]["docker"]["network"] == "HOST"
    assert "network" not in marathon.app("/web")["container"]["docker"]


def test_nobody_else_sees_them(marathon, app):
    assert marathon.call("POST", "/v2/apps", app(instances=0)).status == 201
    assert "ports" not in marathon.call("GET", "/v2/apps?compat=1.5").json["apps"][0]
