"""Deployments: shown, cancelled, undone."""
import pytest

from cluster import wait_until

pytestmark = pytest.mark.row("1.6")


def test_a_deployment_is_shown(marathon, locked):
    (shown,) = marathon.call("GET", "/v2/deployments").json
    assert shown["id"] == locked[1] and shown["affectedApps"] == ["/locked"] and shown["affectedPods"] == []
    assert shown["steps"] == [{"actions": [{"action": "StartApplication", "app": "/locked"}]},
                              {"actions": [{"action": "ScaleApplication", "app": "/locked"}]}]
    assert (shown["currentStep"], shown["totalSteps"]) == (2, 2)
    assert shown["currentActions"] == [{"action": "ScaleApplication", "app": "/locked", "readinessCheckResults": []}]


def test_a_cancelled_deployment_leaves_what_is_there(marathon, locked):
    answer = marathon.call("DELETE", f"/v2/deployments/{locked[1]}?force=true")
    assert (answer.status, answer.body) == (202, b"")
    assert marathon.call("GET", "/v2/deployments").json == []
    assert marathon.app("/locked")


def test_a_deployment_is_undone(marathon, locked):
    answer = marathon.call("DELETE", f"/v2/deployments/{locked[1]}")
    assert answer.status == 200 and set(answer.json) == {"version", "deploymentId"}
    wait_until(lambda: marathon.app("/locked") is None, "the end of '/locked'")
