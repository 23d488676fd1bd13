"""Autoscaling, which is ours: the field, its endpoint and its event, as clients see them."""
import pytest

from cluster import wait_until

pytestmark = pytest.mark.row("6")

TARGET = {"metric": "cpu", "value": 0.5}


def test_defaults_are_filled_in(marathon, app):
    answer = marathon.call("POST", "/v2/apps", app(instances=0, autoscale={"max": 3, "targets": [TARGET]}))
    assert answer.json["autoscale"] == {
        "min": 1, "max": 3, "targets": [TARGET], "tolerance": 0.1, "intervalSeconds": 15, "warmUpSeconds": 30, "timeZone": "UTC",
        "up": {"stabilizationSeconds": 0, "periodSeconds": 15, "maxInstances": 4, "maxPercent": 100},
        "down": {"stabilizationSeconds": 300, "periodSeconds": 15, "maxInstances": 0, "maxPercent": 100}}


def test_apps_without_it_are_as_ever(marathon, app):
    answer = marathon.call("POST", "/v2/apps", app(instances=0, autoscale={}))
    assert answer.status == 201 and "autoscale" not in answer.json
    answer = marathon.call("GET", "/v2/apps/web/autoscale")
    assert (answer.status, answer.json) == (404, {"message": "App '/web' has no autoscale"})
    answer = marathon.call("GET", "/v2/apps/nobody/autoscale")
    assert (answer.status, answer.json) == (404, {"message": "App '/nobody' does not exist"})


@pytest.mark.parametrize("autoscale, path, error", [
    ({"min": 4, "max": 3, "targets": [TARGET]}, "/autoscale/max", "must be at least min"),
    ({"max": 3, "targets": []}, "/autoscale/targets", "error.minItems"),
    ({"max": 3, "targets": [{"metric": "cpu", "value": 0}]}, "/autoscale/targets(0)/value", "error.min"),
    ({"max": 3, "targets": [{"metric": "requestsPerSecond", "value": 5}]}, "/autoscale/targets(0)/metric",
     "requestsPerSecond of a service address is not supported by this version: name a Prometheus counter of the app"),
])
def test_nonsense_is_refused(marathon, app, autoscale, path, error):
    answer = marathon.call("POST", "/v2/apps", app(autoscale=autoscale))
    assert answer.status == 422, answer.body
    assert [d for d in answer.json["details"] if d["path"] == path and error in d["errors"]], answer.body


def test_an_app_of_that_name_is_still_shown(marathon, app):
    marathon.call("POST", "/v2/apps", app("/web/autoscale", instances=0))
    assert marathon.call("GET", "/v2/apps/web/autoscale").json["app"]["id"] == "/web/autoscale"


def test_a_change_of_it_restarts_nothing(marathon, app):
    marathon.deploy(app(autoscale={"max": 3, "targets": [TARGET]}))
    (before,) = marathon.tasks("/web")
    answer = marathon.call("PUT", "/v2/apps/web", {"autoscale": {"max": 5, "targets": [TARGET]}})
    marathon.wait_deployment(answer.json["deploymentId"])
    assert [t["id"] for t in marathon.tasks("/web")] == [before["id"]]
    assert marathon.app("/web")["autoscale"]["max"] == 5


def test_what_it_does_is_told_to_those_who_ask(marathon, app, events):
    everything, asked = events(), events("?event_type=autoscale_decision_event")
    marathon.deploy(app(autoscale={"min": 2, "max": 3, "intervalSeconds": 1, "targets": [TARGET]}))
    wait_until(lambda: marathon.app("/web")["instances"] == 2, "two instances are the least")
    shown = marathon.call("GET", "/v2/apps/web/autoscale").json
    assert (shown["appId"], shown["instances"], shown["min"], shown["max"], shown["isPaused"]) == ("/web", 2, 2, 3, False)
    decision = shown["decisions"][-1]
    assert (decision["from"], decision["to"], decision["reason"]) == (1, 2, "bounds")
    assert decision["message"].startswith("2 instances instead of 1: the least there may be now")
    marathon.wait_deployment(decision["deploymentId"])

    event = asked.wait("autoscale_decision_event", to=2)
    assert {k: v for k, v in event.items() if k not in ("eventType", "appId")} == decision
    assert (event["eventType"], event["appId"]) == ("autoscale_decision_event", "/web")
    everything.wait("deployment_success", id=decision["deploymentId"])
    assert not [e for e in everything.seen if e["eventType"] == "autoscale_decision_event"]
