"""Health checks: every field, what it may be, and what it does on a real node."""
import pathlib

import pytest

from cluster import wait_until
from task_servers import ANSWERING

pytestmark = pytest.mark.row("2.3")

COMMAND = {"protocol": "COMMAND", "command": {"value": "true"}}
DEFAULTS = {
    "protocol": "HTTP", "portIndex": 0, "gracePeriodSeconds": 300, "intervalSeconds": 60, "timeoutSeconds": 20,
    "maxConsecutiveFailures": 3, "delaySeconds": 15, "ignoreHttp1xx": False, "ipProtocol": "IPv4"}
QUICK = {"gracePeriodSeconds": 0, "intervalSeconds": 1, "timeoutSeconds": 1, "delaySeconds": 0}
# What is sent, and what of it is kept: older clients write fields that a protocol has no use for.
TAKEN = [
    {"protocol": "HTTPS"}, {"protocol": "TCP"}, {"protocol": "MESOS_HTTP"}, {"protocol": "MESOS_HTTPS"},
    {"protocol": "MESOS_TCP"}, COMMAND, {"path": "/up?deep=1"}, {"path": "up"}, {"path": ""}, {"port": 8080},
    {"portIndex": 1}, {"gracePeriodSeconds": 0}, {"intervalSeconds": 1}, {"timeoutSeconds": 90},
    {"maxConsecutiveFailures": 0}, {"delaySeconds": 0}, {"ignoreHttp1xx": True},
    {"protocol": "MESOS_HTTP", "ipProtocol": "IPv6"},
    {"protocol": "TCP", "path": "/"}, {**COMMAND, "path": "/", "portIndex": 0},
]


def kept(check):
    protocol = check.get("protocol", "HTTP")
    idle = {"COMMAND": ("path", "port", "portIndex"), "TCP": ("path",)}.get(protocol, ())
    return {k: v for k, v in {**DEFAULTS, **check}.items()
            if k not in idle and not (k == "portIndex" and "port" in check)}


@pytest.mark.parametrize("check", TAKEN, ids=str)
def test_what_is_given_comes_back_with_its_defaults(marathon, app, check):
    answer = marathon.call("POST", "/v2/apps", app(instances=0, ports=[0, 0], healthChecks=[check]))
    assert answer.status == 201, answer.body
    assert answer.json["healthChecks"] == [kept(check)]
    assert marathon.call("GET", "/v2/apps/web").json["app"]["healthChecks"] == [kept(check)]


@pytest.mark.parametrize("path, asked", [(None, "/"), ("", "/"), ("up", "/up"), ("/up", "/up")])
def test_a_path_begins_at_the_root(marathon, app, path, asked):
    check = {} if path is None else {"path": path}
    assert marathon.call("POST", "/v2/apps", app(instances=0, healthChecks=[check])).status == 201
    task = marathon.call("GET", "/v2/apps/web/effective").json["effective"]["taskInfo"]
    assert task["health_check"]["http"]["path"] == asked


@pytest.mark.parametrize("check, path", [
    ({"protocol": "UDP"}, "/healthChecks(0)/protocol"), ({"protocol": "COMMAND"}, "/healthChecks(0)"),
    ({"protocol": "COMMAND", "command": "true"}, "/healthChecks(0)/command"), ({"portIndex": 1}, "/healthChecks(0)"),
    ({"port": 0}, "/healthChecks(0)/port"), ({"port": 80, "portIndex": 0}, "/healthChecks(0)"),
    ({"protocol": "MESOS_HTTP", "path": "up"}, "/healthChecks(0)"), ({"gracePeriodSeconds": -1}, "/healthChecks(0)/gracePeriodSeconds"),
    ({"intervalSeconds": 0}, "/healthChecks(0)/intervalSeconds"), ({"timeoutSeconds": 0}, "/healthChecks(0)/timeoutSeconds"),
    ({"maxConsecutiveFailures": -1}, "/healthChecks(0)/maxConsecutiveFailures"), ({"delaySeconds": -1}, "/healthChecks(0)/delaySeconds"),
    ({"ignoreHttp1xx": 1}, "/healthChecks(0)/ignoreHttp1xx"), ({"ipProtocol": "IPv6"}, "/healthChecks(0)"),
], ids=str)
def test_a_wrong_one_is_refused_with_its_path(marathon, app, check, path):
    answer = marathon.call("POST", "/v2/apps", app(healthChecks=[check]))
    assert answer.status == 422 and [d["path"] for d in answer.json["details"]] == [path], answer.body


def health(marathon):
    (task,) = marathon.tasks("/web")
    (result,) = task.get("healthCheckResults", [{}])
    return result


@pytest.mark.parametrize("answer, alive", [(200, True), (302, True), (399, True), (404, False), (500, False)])
def test_answers_of_200_to_399_are_well_and_none_is_followed(marathon, app, answer, alive):
    marathon.call("POST", "/v2/apps", app(cmd=ANSWERING % answer, healthChecks=[{**QUICK, "maxConsecutiveFailures": 0}]))

    def is_told():
        found = health(marathon) if marathon.tasks("/web") else {}
        return found.get("alive") is alive and (alive or f"status {answer}" in (found["lastFailureCause"] or ""))
    # Until the server listens there are failures, too, which are not what is meant.
    wait_until(is_told, f"{answer} is told")


def test_a_failure_within_the_grace_period_does_not_count_until_it_was_well_once(marathon, app):
    check = {**QUICK, **COMMAND, "command": {"value": "echo >>asked; test -e well"}, "gracePeriodSeconds": 300, "maxConsecutiveFailures": 1}
    deployed = marathon.call("POST", "/v2/apps", app(healthChecks=[check]))
    assert deployed.status == 201
    (first,) = wait_until(lambda: [t for t in marathon.tasks("/web") if t["state"] == "TASK_RUNNING"], "the task")
    sandbox = pathlib.Path(marathon.agents[0].container_of(first["id"])["tepui"]["sandbox"])
    asked = sandbox / "asked"
    # Nobody is told of such a failure; who asks again has seen the one before.
    wait_until(lambda: asked.exists() and len(asked.read_text()) >= 3, "two failures")
    (sandbox / "well").touch()
    wait_until(lambda: health(marathon).get("alive"), "it is well")
    (same,) = marathon.tasks("/web")
    assert same["id"] == first["id"]
    (sandbox / "well").unlink()
    wait_until(lambda: first["id"] not in [t["id"] for t in marathon.tasks("/web")], "it is killed when it is not any more")


def test_a_command_has_the_environment_and_the_directory_of_its_task(marathon, app):
    check = {**QUICK, **COMMAND, "command": {"value": 'test "$WORD" = said && test -e here && test -n "$MESOS_TASK_ID"'}}
    marathon.deploy(app(cmd="touch here; exec sleep 1000", env={"WORD": "said"}, healthChecks=[check]))
    assert health(marathon)["alive"]
