"""Readiness checks: what they say, and that deployments wait for it."""
import pytest

from cluster import wait_until
from task_servers import OWN_PORT, SERVER, TLS_SERVER

pytestmark = pytest.mark.row("2.4")

PORTS = [{"port": 0, "name": "http-api"}]


def results(marathon, app_id="/web"):
    return marathon.call("GET", f"/v2/apps{app_id}?embed=app.readiness").json["app"]["readinessCheckResults"]


def test_defaults_are_filled_in(marathon, app):
    answer = marathon.call("POST", "/v2/apps", app(instances=0, portDefinitions=PORTS, readinessChecks=[{}]))
    assert answer.json["readinessChecks"] == [{
        "name": "readinessCheck", "protocol": "HTTP", "path": "/", "portName": "http-api", "intervalSeconds": 30,
        "timeoutSeconds": 10, "httpStatusCodesForReady": [200], "preserveLastResponse": False}]


def test_none_is_left_out(marathon, app):
    answer = marathon.call("POST", "/v2/apps", app(instances=0, readinessChecks=[]))
    assert "readinessChecks" not in answer.json


@pytest.mark.parametrize("check, path, error", [
    ({"portName": "x"}, "/readinessChecks(0)/portName", "No port definition reference for portName x"),
    ({"intervalSeconds": 5, "timeoutSeconds": 5}, "/readinessChecks(0)/timeoutSeconds", "got 5, expected less than 5"),
    ({"httpStatusCodesForReady": []}, "/readinessChecks(0)/httpStatusCodesForReady", "error.minItems"),
])
def test_a_wrong_one_is_refused(marathon, app, check, path, error):
    answer = marathon.call("POST", "/v2/apps", app(portDefinitions=PORTS, readinessChecks=[check]))
    assert answer.status == 422, answer.body
    assert [d for d in answer.json["details"] if d["path"] == path and error in d["errors"]], answer.body


def test_a_deployment_waits_until_its_instance_is_ready(marathon, app):
    check = {"intervalSeconds": 2, "timeoutSeconds": 1, "path": "/x", "preserveLastResponse": True}
    answer = marathon.call("POST", "/v2/apps", app(cmd=SERVER % OWN_PORT, portDefinitions=PORTS, readinessChecks=[check]))
    assert answer.status == 201, answer.body

    def not_ready():
        return [r for r in results(marathon) if not r["ready"] and r["lastResponse"]["status"] == 503]
    (result,) = wait_until(not_ready, "it is asked, and not ready")
    (task,) = marathon.tasks("/web")
    assert task["state"] == "TASK_RUNNING" and result["taskId"] == task["id"] and result["name"] == "readinessCheck"
    (deployment,) = marathon.call("GET", "/v2/deployments").json
    (action,) = deployment["currentActions"]
    assert [r["taskId"] for r in action["readinessCheckResults"]] == [task["id"]]
    marathon.wait_deployment(answer.headers["Marathon-Deployment-Id"])
    assert results(marathon) == []


def test_it_is_asked_over_tls_of_whoever_is_there(marathon, app):
    check = {"protocol": "HTTPS", "path": "/x", "intervalSeconds": 2, "timeoutSeconds": 1}
    marathon.deploy(app(cmd=TLS_SERVER % OWN_PORT, portDefinitions=PORTS, readinessChecks=[check]))


def test_that_there_was_no_answer_is_shown_as_one(marathon, app):
    check = {"preserveLastResponse": True, "intervalSeconds": 2, "timeoutSeconds": 1}
    marathon.call("POST", "/v2/apps", app(portDefinitions=PORTS, readinessChecks=[check]))
    (result,) = wait_until(lambda: results(marathon), "it is asked")
    (task,) = marathon.tasks("/web")
    url = f"http://{task['host']}:{task['ports'][0]}/"
    assert not result["ready"] and result["lastResponse"]["status"] == 504
    assert result["lastResponse"]["contentType"] == "text/plain"
    assert result["lastResponse"]["body"].startswith(f"Marathon could not query {url}: ")
