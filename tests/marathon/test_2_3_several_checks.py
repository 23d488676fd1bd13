"""Several health checks on one app: a task is well when it is in all of them, and what is told says in which it is not."""
import pytest

from cluster import wait_until
from task_servers import OWN_PORT, SERVER

pytestmark = pytest.mark.row("2.3")

FAST = {"intervalSeconds": 1, "gracePeriodSeconds": 0, "delaySeconds": 0, "timeoutSeconds": 5}


def command(line, **fields):
    return {"protocol": "COMMAND", "command": {"value": line}, **FAST, "maxConsecutiveFailures": 1000, **fields}


def results(marathon):
    return [task.get("healthCheckResults", []) for task in marathon.tasks("/web")]


def alive(marathon):
    return [[result["alive"] for result in task] for task in results(marathon)]


def counts(marathon):
    shown = marathon.app("/web")
    return shown["tasksRunning"], shown["tasksHealthy"], shown["tasksUnhealthy"]


def shown_health(marathon):
    """What the command-line client makes of the results."""
    (task,) = marathon.tasks("/web")
    (line,) = [line for line in marathon.tepui("task", "show", task["id"]).splitlines() if line.startswith("health")]
    return line.removeprefix("health").strip()


@pytest.mark.parametrize("protocols", [
    ["HTTP", "HTTPS", "TCP"], ["HTTP", "MESOS_TCP"], ["COMMAND", "COMMAND"], ["MESOS_HTTP", "COMMAND", "COMMAND", "TCP"],
    ["TCP"] * 16])
def test_any_number_of_these_is_kept_in_their_order(marathon, app, protocols):
    checks = [command("true") if protocol == "COMMAND" else {"protocol": protocol} for protocol in protocols]
    answer = marathon.call("POST", "/v2/apps", app(instances=0, healthChecks=checks))
    assert answer.status == 201, answer.body
    assert [check["protocol"] for check in marathon.app("/web")["healthChecks"]] == protocols


def test_those_of_mesos_are_one_at_most(marathon, app):
    checks = [{"protocol": "MESOS_HTTP"}, {"protocol": "TCP"}, {"protocol": "MESOS_TCP"}]
    answer = marathon.call("POST", "/v2/apps", app(healthChecks=checks))
    assert answer.status == 422, answer.body
    assert answer.json["details"] == [{"path": "/", "errors": ["AppDefinition can contain at most one Mesos health check"]}]


def test_a_deployment_waits_for_all_of_them(marathon, app):
    """The second is well when it may be, and until then the instance is neither healthy nor unhealthy."""
    checks = [command("true"), command("[ -e go ]", gracePeriodSeconds=1000)]
    answer = marathon.call("POST", "/v2/apps", app(healthChecks=checks))
    assert answer.status == 201, answer.body
    wait_until(lambda: alive(marathon) == [[True, False]], "the first is well")
    assert counts(marathon) == (1, 0, 0)
    assert shown_health(marathon) == "-"
    assert len(marathon.call("GET", "/v2/deployments").json) == 1
    ((first, second),) = results(marathon)
    assert second == {"alive": False, "consecutiveFailures": 0, "firstSuccess": None, "lastFailure": None, "lastSuccess": None,
                      "lastFailureCause": None, "instanceId": first["instanceId"]}
    (task,) = marathon.tasks("/web")
    sandbox = marathon.agents[0].container_of(task["id"])["tepui"]["sandbox"]
    with open(f"{sandbox}/go", "w", encoding="utf-8"):
        pass
    marathon.wait_deployment(answer.headers["Marathon-Deployment-Id"])
    assert alive(marathon) == [[True, True]] and counts(marathon) == (1, 1, 0)
    assert shown_health(marathon) == "healthy"


def test_the_one_that_fails_is_told_and_ends_the_task(marathon, app, events):
    """Each counts for itself: the first one is well all the time."""
    checks = [command("true"), command("exit 7", maxConsecutiveFailures=2)]
    heard = events()
    answer = marathon.call("POST", "/v2/apps", app(healthChecks=checks, backoffSeconds=1000))
    assert answer.status == 201, answer.body
    killed = heard.wait("unhealthy_instance_kill_event", appId="/web")
    assert killed["reason"] == "COMMAND health check 'exit 7': exited with status 7, 2 times"
    added = [event["healthCheck"] for event in heard.seen if event["eventType"] == "add_health_check_event"]
    assert [check["command"]["value"] for check in added] == ["true", "exit 7"]
    failed = [event["healthCheck"] for event in heard.seen if event["eventType"] == "failed_health_check_event"]
    assert [check["command"]["value"] for check in failed] == ["exit 7", "exit 7"]


def test_a_result_is_told_of_each(marathon, app):
    """The server answers 503 three times first; those failures are not the command's."""
    http = {"protocol": "MESOS_HTTP", "path": "/x", **FAST, "maxConsecutiveFailures": 1000}
    answer = marathon.call("POST", "/v2/apps", app(
        cmd=SERVER % OWN_PORT, portDefinitions=[{"port": 0}], healthChecks=[http, command("false")]))
    assert answer.status == 201, answer.body
    wait_until(lambda: alive(marathon) == [[True, False]] and counts(marathon) == (1, 0, 1), "the server is well, the command is not")
    assert shown_health(marathon).startswith("unhealthy: COMMAND health check 'false': exited with status 1, ")
    ((first, second),) = results(marathon)
    assert first["consecutiveFailures"] == 0 and first["firstSuccess"] and first["lastSuccess"]
    assert second["consecutiveFailures"] > 0 and second["lastFailure"] and second["lastSuccess"] is None
    assert second["lastFailureCause"].startswith("COMMAND health check 'false': exited with status 1, ")
