"""What apps and operators may ask for past Marathon: absent, refused and shown as docs/deployments.md says."""
import pytest

from cluster import wait_until

pytestmark = pytest.mark.row("8")

OWN_EVENTS = {"app_launch_given_up_event", "deployment_awaits_promotion_event", "deployment_promoted_event",
              "deployment_canary_weight_event", "deployment_paused_event", "deployment_resumed_event", "unhealthy_kills_stopped_event",
              "unhealthy_kills_resumed_event"}


@pytest.mark.parametrize("field", ["deployment", "maxLaunchAttempts", "unhealthyStrategy", "unhealthyKillsStopped", "weight"])
def test_what_was_not_asked_for_is_not_shown(marathon, app, field):
    shown = marathon.deploy(app())
    assert field not in shown
    assert not {"weight"} & set(marathon.tasks("/web")[0])


@pytest.mark.parametrize("fields", [
    {"deployment": {"deadlineSeconds": 60, "minUpSeconds": 2, "rollback": True, "canary": {"count": 1, "weight": 10}}},
    {"maxLaunchAttempts": 3}, {"weight": 0}, {"weight": 1000},
    {"unhealthyStrategy": {"replaceFirst": True, "maxKillPercent": 40}},
])
def test_what_was_asked_for_is_shown_as_it_was_given(marathon, app, fields):
    shown = marathon.call("POST", "/v2/apps", app(instances=0, **fields)).json
    assert {key: shown[key] for key in fields} == fields


@pytest.mark.parametrize("fields, path", [
    ({"deployment": {"rollback": True}}, "/deployment/rollback"),
    ({"deployment": {"deadlineSeconds": 0}}, "/deployment/deadlineSeconds"),
    ({"deployment": {"canary": {}}}, "/deployment/canary/count"),
    ({"deployment": {"canary": {"count": 1, "weight": 101}}}, "/deployment/canary/weight"),
    ({"maxLaunchAttempts": 0}, "/maxLaunchAttempts"), ({"weight": 1001}, "/weight"), ({"weight": -1}, "/weight"),
    ({"weight": 1.5}, "/weight"),
    ({"portDefinitions": [{"labels": {"VIP_0": "web:80"}}]}, "/portDefinitions(0)/labels/VIP_0"),
    ({"portDefinitions": [{"labels": {"VIP_0": "/web:80", "VIP_0_BALANCE": "best"}}]}, "/portDefinitions(0)/labels/VIP_0"),
    ({"networks": [{"name": "n", "labels": {"allow": "/db"}}]}, "/networks(0)/labels/allow"),
    ({"unhealthyStrategy": {"maxKillPercent": 0}}, "/unhealthyStrategy/maxKillPercent"),
])
def test_what_makes_no_sense_is_refused_by_its_path(marathon, app, fields, path):
    answer = marathon.call("POST", "/v2/apps", app(**fields))
    assert answer.status == 422
    assert [d["path"] for d in answer.json["details"]] == [path]


@pytest.mark.parametrize("verb", ["promote", "pause", "resume", "abort", "weight"])
def test_a_deployment_that_is_not_there_is_not_found(marathon, verb):
    answer = marathon.call("POST", f"/v2/deployments/nosuch/{verb}", {"weight": 1} if verb == "weight" else None)
    assert (answer.status, answer.json) == (404, {"message": "DeploymentPlan nosuch does not exist"})


@pytest.mark.parametrize("verb, message", [
    ("promote", "has no canaries that are up and wait to be promoted"),
    ("weight", "has no canaries that wait to be promoted"),
    ("resume", "is not paused"),
    ("abort", "changed no app that was there before"),
])
def test_what_a_deployment_is_not_ready_for_is_a_conflict(marathon, locked, verb, message):
    answer = marathon.call("POST", f"/v2/deployments/{locked[1]}/{verb}", {"weight": 1} if verb == "weight" else None)
    assert (answer.status, answer.json) == (409, {"message": f"Deployment {locked[1]} {message}"})


@pytest.mark.parametrize("body, path", [({}, "/weight"), ({"weight": 101}, "/weight"), ({"weight": "1"}, "/weight"),
                                        ({"weight": 1, "more": 1}, "/more")])
def test_a_percentage_is_one(marathon, locked, body, path):
    answer = marathon.call("POST", f"/v2/deployments/{locked[1]}/weight", body)
    assert answer.status == 422 and [d["path"] for d in answer.json["details"]] == [path]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_weight_is_changed_without_another_task(marathon, app, method):
    marathon.deploy(app(weight=2))
    before = marathon.tasks("/web")
    assert [t["weight"] for t in before] == [2]
    answer = marathon.call(method, "/v2/apps/web", {"weight": 5})
    assert answer.status == 200, answer.body
    marathon.wait_deployment(answer.json["deploymentId"])
    assert [(t["id"], t["weight"]) for t in marathon.tasks("/web")] == [(before[0]["id"], 5)]


def test_a_fixed_address_is_of_one_app(marathon, app):
    port = {"portDefinitions": [{"labels": {"VIP_0": "10.1.2.3:80"}}]}
    assert marathon.call("POST", "/v2/apps", app("/one", instances=0, **port)).status == 201
    answer = marathon.call("POST", "/v2/apps", app("/two", instances=0, **port))
    assert answer.status == 422 and "10.1.2.3:80 is the address of '/one'" in answer.json["details"][0]["errors"][0]
    named = {"portDefinitions": [{"labels": {"VIP_0": "/web:80"}}]}
    for app_id in ("/three", "/four"):
        assert marathon.call("POST", "/v2/apps", app(app_id, instances=0, **named)).status == 201


def test_a_deployment_is_paused_and_resumed(marathon, locked):
    answer = marathon.call("POST", f"/v2/deployments/{locked[1]}/pause")
    assert answer.status == 200 and answer.json["deploymentId"] == locked[1]
    assert marathon.call("GET", "/v2/deployments").json[0]["paused"] is True
    assert marathon.call("POST", f"/v2/deployments/{locked[1]}/pause").status == 409
    assert marathon.call("POST", f"/v2/deployments/{locked[1]}/resume").status == 200
    assert "paused" not in marathon.call("GET", "/v2/deployments").json[0]


def test_events_past_marathon_are_for_those_who_name_them(marathon, locked, events):
    some, everything = events("?event_type=deployment_paused_event"), events()
    assert everything.next()["eventType"] == "event_stream_attached"
    marathon.call("POST", f"/v2/deployments/{locked[1]}/pause")
    event = some.next()
    assert (event["eventType"], event["id"]) == ("deployment_paused_event", locked[1])
    marathon.call("DELETE", f"/v2/deployments/{locked[1]}?force=true")
    seen = []
    while "deployment_failed" not in seen:
        seen.append(everything.next()["eventType"])
    assert not OWN_EVENTS & set(seen)


def test_scale_and_replace_first_exclude_each_other(marathon, app):
    marathon.deploy(app())
    answer = marathon.call("DELETE", "/v2/apps/web/tasks?scale=true&replaceFirst=true")
    assert (answer.status, answer.json) == (
        400, {"message": "You cannot use scale and replaceFirst at the same time."})


def test_a_task_is_replaced_before_it_is_killed(marathon, app):
    marathon.deploy(app())
    (task,) = marathon.tasks("/web")
    answer = marathon.call("DELETE", f"/v2/apps/web/tasks/{task['id']}?replaceFirst=true")
    assert answer.status == 200 and answer.json["task"]["id"] == task["id"]
    fewest = []

    def is_replaced():
        running = [t["id"] for t in marathon.tasks("/web") if t["state"] == "TASK_RUNNING"]
        fewest.append(len(running))
        return task["id"] not in running
    wait_until(is_replaced, "another has its place")
    assert min(fewest) == 1


@pytest.mark.parametrize("change, status", [({"labels": {"a": "b"}}, 200), ({"cmd": "exec sleep 2000"}, 422)])
def test_a_change_in_place_keeps_the_task_or_is_refused(marathon, app, change, status):
    marathon.deploy(app())
    before = [t["id"] for t in marathon.tasks("/web")]
    answer = marathon.call("PUT", "/v2/apps/web?inPlace=true", change)
    assert answer.status == status
    if status == 200:
        marathon.wait_deployment(answer.json["deploymentId"])
    assert [t["id"] for t in marathon.tasks("/web")] == before


def test_the_queue_says_why_it_waits_and_until_when(marathon, app):
    assert marathon.call("POST", "/v2/apps", app(cmd="exit 3", backoffSeconds=600, maxLaunchDelaySeconds=600)).status == 201
    (item,) = wait_until(lambda: [i for i in marathon.call("GET", "/v2/queue").json["queue"] if "nextStart" in i],
                         "the first failure")
    assert item["failedStarts"] == 1 and item["backoffSeconds"] == 600
    assert item["lastFailure"]["message"] == "Command exited with status 3"
    assert item["nodeFailures"][0]["failedStarts"] == 1 and "avoidedUntil" not in item["nodeFailures"][0]
    assert item["explanation"].startswith("backing off for ") and "after 1 failed starts" in item["explanation"]
    assert marathon.call("DELETE", "/v2/queue/web/delay").status == 204
