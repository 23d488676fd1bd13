"""What an update keeps, replaces and refuses; and what it makes of versions and tasks."""
import pytest

from cluster import wait_until

pytestmark = pytest.mark.row("1.2")


def put(marathon, body, query="?force=true", path="/v2/apps/web"):
    return marathon.call("PUT", path + query, body)


@pytest.fixture
def web(marathon, app):
    answer = marathon.call("POST", "/v2/apps", app(
        instances=0, env={"A": "1"}, labels={"l": "1"}, mem=64, upgradeStrategy={"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0.5}))
    assert answer.status == 201
    return answer.json


@pytest.mark.parametrize(("update", "field", "value"), [
    ({"cpus": 0.2}, "env", {"A": "1"}), ({"cpus": 0.2}, "labels", {"l": "1"}), ({"env": {"B": "2"}}, "env", {"B": "2"}),
    ({"labels": {}}, "labels", {}), ({"mem": None}, "mem", 64), ({"cmd": None}, "cmd", "exec sleep 1000"), ({}, "mem", 64),
    ({"upgradeStrategy": {"minimumHealthCapacity": 1, "maximumOverCapacity": 0}}, "upgradeStrategy",
     {"minimumHealthCapacity": 1, "maximumOverCapacity": 0}),
])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_partial_update_goes_by_fields(marathon, web, method, update, field, value):
    assert marathon.call(method, "/v2/apps/web?force=true", update).status == 200
    assert marathon.app("/web")[field] == value


@pytest.mark.parametrize(("field", "value"), [("env", None), ("labels", {}), ("mem", 128), ("instances", 1)])
@pytest.mark.parametrize("flag", ["false", "False"])
def test_a_whole_one_takes_defaults(marathon, web, field, value, flag):
    assert put(marathon, {"cmd": "exec sleep 1", "cpus": 0.1}, f"?force=true&partialUpdate={flag}").status == 200
    assert marathon.app("/web").get(field) == value


@pytest.mark.parametrize("field", ["tasks", "tasksRunning", "tasksStaged", "deployments", "lastTaskFailure", "versionInfo", "uris",
                                   "readinessCheckResults", "taskStats", "unknown"])
def test_what_is_only_shown_is_ignored(marathon, web, field):
    assert put(marathon, {field: [], "cpus": 0.2}).status == 200
    assert marathon.app("/web")["cpus"] == 0.2


@pytest.mark.parametrize("body", [{"version": "2020-01-01T00:00:00.000Z", "cpus": 1}, {"id": "/web", "version": "2020-01-01T00:00:00.000Z", "cmd": "x"}])
def test_a_version_stands_alone(marathon, web, body):
    answer = put(marathon, body)
    assert answer.status == 422
    (detail,) = answer.json["details"]
    assert detail["errors"] == ["The 'version' field may only be combined with the 'id' field."]


def test_back_to_a_version_with_the_id(marathon, web):
    assert put(marathon, {"env": {"A": "2"}}).status == 200
    answer = put(marathon, {"id": "/web", "version": web["version"]})
    assert answer.status == 200 and marathon.app("/web")["env"] == {"A": "1"}
    # History only grows.
    assert len(marathon.call("GET", "/v2/apps/web/versions").json["versions"]) == 3


def test_a_change_of_nothing_is_a_deployment_all_the_same(marathon, web):
    answer = put(marathon, {"mem": 64})
    assert answer.status == 200 and answer.json["deploymentId"] == answer.headers["Marathon-Deployment-Id"]
    marathon.wait_deployment(answer.json["deploymentId"])
    assert marathon.app("/web")["version"] == web["version"]


@pytest.mark.parametrize(("update", "scales", "configures"), [
    ({"instances": 2}, True, False), ({"labels": {"x": "y"}}, True, True), ({"backoffSeconds": 2}, True, True),
    ({"cmd": "exec sleep 2000"}, True, True), ({"killSelection": "OLDEST_FIRST"}, True, True), ({"instances": 2, "cpus": 0.2}, True, True),
])
def test_what_a_change_does_to_versions(marathon, app, update, scales, configures):
    before = marathon.deploy(app())["versionInfo"]
    assert put(marathon, update).status == 200
    after = marathon.app("/web")["versionInfo"]
    assert (after["lastScalingAt"] > before["lastScalingAt"], after["lastConfigChangeAt"] > before["lastConfigChangeAt"]) == (scales, configures)


@pytest.mark.parametrize(("update", "restarts"), [({"instances": 2}, False), ({"labels": {"x": "y"}}, True), ({"cpus": 0.2}, True)])
def test_what_restarts_tasks(marathon, app, update, restarts):
    marathon.deploy(app())
    (before,) = [t["id"] for t in marathon.tasks("/web")]
    answer = put(marathon, update)
    marathon.wait_deployment(answer.json["deploymentId"])
    assert (before not in [t["id"] for t in marathon.tasks("/web")]) == restarts


def test_a_restart_is_a_new_version_of_the_same(marathon, app):
    before = marathon.deploy(app())
    (old,) = marathon.tasks("/web")
    answer = marathon.call("POST", "/v2/apps/web/restart")
    assert answer.status == 200 and set(answer.json) == {"version", "deploymentId"}
    marathon.wait_deployment(answer.json["deploymentId"])
    after = marathon.app("/web")
    assert after["version"] == answer.json["version"] > before["version"]
    assert after["versionInfo"]["lastConfigChangeAt"] == after["version"]
    assert after["versionInfo"]["lastScalingAt"] == before["versionInfo"]["lastScalingAt"]
    (new,) = marathon.tasks("/web")
    assert new["id"] != old["id"] and new["version"] == after["version"]


def test_versions_are_newest_first_and_bare(marathon, web):
    second = put(marathon, {"cpus": 0.2}).json["version"]
    assert marathon.call("GET", "/v2/apps/web/versions").json == {"versions": [second, web["version"]]}
    old = marathon.call("GET", f"/v2/apps/web/versions/{web['version']}").json
    assert (old["id"], old["cpus"], old["version"]) == ("/web", 0.1, web["version"]) and "app" not in old


def test_several_at_once_are_one_deployment_or_none(marathon, app, web):
    answer = put(marathon, [{"id": "/web", "cpus": 0.2}, app("/new", instances=0)], path="/v2/apps")
    assert answer.status == 200 and marathon.app("/web")["cpus"] == 0.2 and marathon.app("/new")
    assert put(marathon, [{"id": "/web", "cpus": 0.3}, {"id": "/worse", "cpus": -1}], path="/v2/apps").status == 422
    assert marathon.app("/web")["cpus"] == 0.2 and marathon.app("/worse") is None
    answer = marathon.call("PATCH", "/v2/apps?force=true", [{"id": "/web", "cpus": 0.4}, {"id": "/new", "mem": 48}])
    assert answer.status == 200 and (marathon.app("/web")["cpus"], marathon.app("/new")["mem"]) == (0.4, 48)


def test_several_whole_ones(marathon, web):
    assert put(marathon, [{"id": "/web", "cmd": "x", "instances": 0}], "?force=true&partialUpdate=false", "/v2/apps").status == 200
    assert "env" not in marathon.app("/web")


# ---- deleting ----

def test_a_deletion_waits_for_nobody(marathon, locked):
    """Unlike everywhere else, force is the default."""
    answer = marathon.call("DELETE", f"/v2/apps{locked[0]}")
    assert answer.status == 200 and set(answer.json) == {"version", "deploymentId"}


def test_a_deletion_waits_if_it_is_told_to(marathon, locked):
    answer = marathon.call("DELETE", f"/v2/apps{locked[0]}?force=false")
    assert answer.status == 409 and answer.json["deployments"] == [{"id": locked[1]}]


# ---- tasks of an app ----

@pytest.fixture
def three(marathon, app):
    marathon.deploy(app(instances=3))
    return [t["id"] for t in marathon.tasks("/web")]


def replaced(marathon, gone, count):
    def running():
        return sum(t["state"] == "TASK_RUNNING" and t["id"] not in gone for t in marathon.tasks("/web"))
    wait_until(lambda: running() == count, "the tasks that took their places")


@pytest.mark.parametrize("query", ["", "?host=*", "?host=127.0.0.1", "?wipe=true", "?scale=False"])
def test_tasks_are_killed_and_replaced(marathon, three, query):
    answer = marathon.call("DELETE", f"/v2/apps/web/tasks{query}")
    assert answer.status == 200 and sorted(t["id"] for t in answer.json["tasks"]) == sorted(three)
    replaced(marathon, three, 3)


def test_tasks_of_another_host_are_not(marathon, three):
    answer = marathon.call("DELETE", "/v2/apps/web/tasks?host=elsewhere")
    assert (answer.status, answer.json) == (200, {"tasks": []})
    assert sorted(t["id"] for t in marathon.tasks("/web")) == sorted(three)


def test_tasks_are_killed_for_good(marathon, three):
    answer = marathon.call("DELETE", "/v2/apps/web/tasks?scale=true")
    assert answer.status == 200 and set(answer.json) == {"version", "deploymentId"}
    marathon.wait_deployment(answer.json["deploymentId"])
    assert marathon.app("/web")["instances"] == 0 and marathon.tasks("/web") == []


def test_one_task_is_killed_and_replaced(marathon, three):
    answer = marathon.call("DELETE", f"/v2/apps/web/tasks/{three[0]}")
    assert answer.status == 200 and answer.json["task"]["id"] == three[0]
    replaced(marathon, three[:1], 3)


def test_one_task_is_killed_for_good(marathon, three):
    answer = marathon.call("DELETE", f"/v2/apps/web/tasks/{three[0]}?scale=True")
    marathon.wait_deployment(answer.json["deploymentId"])
    assert marathon.app("/web")["instances"] == 2
    assert sorted(t["id"] for t in marathon.tasks("/web")) == sorted(three[1:])


def test_tasks_of_a_group(marathon, app):
    marathon.deploy(app("/a/b"))
    marathon.deploy(app("/c"))
    (task,) = marathon.call("GET", "/v2/apps/a/*/tasks").json["tasks"]
    assert task["appId"] == "/a/b"


def test_one_task_of_another_app_is_unknown(marathon, app, three):
    marathon.deploy(app("/other"))
    answer = marathon.call("DELETE", f"/v2/apps/other/tasks/{three[0]}")
    assert (answer.status, answer.json) == (404, {"message": f"Task '{three[0]}' does not exist"})
