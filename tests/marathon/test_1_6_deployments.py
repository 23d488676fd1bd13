"""Deployments: shown, cancelled, undone."""
import uuid

import pytest

from cluster import wait_until
from event_reader import TIMESTAMP

pytestmark = pytest.mark.row("1.6")


@pytest.mark.parametrize("field", ["id", "version", "affectedApps", "affectedPods", "currentStep", "totalSteps", "steps", "currentActions"])
def test_a_deployment_has(marathon, locked, field):
    (shown,) = marathon.call("GET", "/v2/deployments").json
    assert field in shown


def test_a_deployment_is_shown(marathon, locked):
    (shown,) = marathon.call("GET", "/v2/deployments").json
    assert shown["id"] == locked[1] and shown["affectedApps"] == ["/locked"] and shown["affectedPods"] == []
    assert str(uuid.UUID(shown["id"])) == shown["id"] and TIMESTAMP.match(shown["version"])
    assert shown["steps"] == [{"actions": [{"action": "StartApplication", "app": "/locked"}]},
                              {"actions": [{"action": "ScaleApplication", "app": "/locked"}]}]
    assert (shown["currentStep"], shown["totalSteps"]) == (2, 2)
    assert shown["currentActions"] == [{"action": "ScaleApplication", "app": "/locked", "readinessCheckResults": []}]


@pytest.mark.parametrize(("change", "action"), [({"cpus": 999}, "RestartApplication"), ({"instances": 2}, "ScaleApplication")])
def test_action_of_a_change(marathon, app, change, action):
    """There is room for one of it."""
    marathon.deploy(app(cpus=5))
    assert marathon.call("PUT", "/v2/apps/web", change).status == 200
    (shown,) = marathon.call("GET", "/v2/deployments").json
    assert shown["steps"] == [{"actions": [{"action": action, "app": "/web"}]}]


def test_apps_that_depend_are_changed_in_their_order(marathon, app):
    assert marathon.call("PUT", "/v2/apps", [app("/b", cpus=999, dependencies=["/a"]), app("/a", cpus=999)]).status == 200
    (shown,) = marathon.call("GET", "/v2/deployments").json
    order = [[(a["action"], a["app"]) for a in step["actions"]] for step in shown["steps"]]
    assert order.index([("ScaleApplication", "/a")]) < order.index([("ScaleApplication", "/b")])
    assert sorted(shown["affectedApps"]) == ["/a", "/b"]


def test_a_finished_deployment_is_not_shown(marathon, app):
    marathon.deploy(app())
    assert marathon.call("GET", "/v2/deployments").json == []


def test_a_cancelled_deployment_leaves_what_is_there(marathon, locked):
    answer = marathon.call("DELETE", f"/v2/deployments/{locked[1]}?force=true")
    assert (answer.status, answer.body) == (202, b"")
    assert marathon.call("GET", "/v2/deployments").json == []
    assert marathon.app("/locked")


def test_a_deployment_of_a_new_app_is_undone(marathon, locked):
    answer = marathon.call("DELETE", f"/v2/deployments/{locked[1]}")
    assert answer.status == 200 and set(answer.json) == {"version", "deploymentId"}
    assert answer.headers["Marathon-Deployment-Id"] == answer.json["deploymentId"] != locked[1]
    wait_until(lambda: marathon.app("/locked") is None, "the end of '/locked'")


def test_a_deployment_of_a_change_is_undone(marathon, app):
    marathon.deploy(app(cpus=0.1))
    answer = marathon.call("PUT", "/v2/apps/web", {"cpus": 999})
    undone = marathon.call("DELETE", f"/v2/deployments/{answer.json['deploymentId']}")
    assert undone.status == 200
    marathon.wait_deployment(undone.json["deploymentId"])
    assert marathon.app("/web")["cpus"] == 0.1 and marathon.app("/web")["tasksRunning"] == 1


def test_a_forced_change_takes_the_place_of_a_deployment(marathon, locked):
    answer = marathon.call("PUT", "/v2/apps/locked?force=true", {"cpus": 999})
    (shown,) = marathon.call("GET", "/v2/deployments").json
    assert shown["id"] == answer.json["deploymentId"] != locked[1]
