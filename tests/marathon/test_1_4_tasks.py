"""Tasks of all apps."""
import uuid

import pytest

from cluster import wait_until

pytestmark = pytest.mark.row("1.4")


@pytest.mark.parametrize("query", ["?status=running", "?status[]=running", "?status=RUNNING", "?status=nope",
                                   "?status=running&status=staging", "?status=nope&status=running", ""])
def test_running_tasks_are_listed(marathon, app, query):
    marathon.deploy(app())
    (task,) = marathon.call("GET", f"/v2/tasks{query}").json["tasks"]
    assert (task["appId"], task["state"]) == ("/web", "TASK_RUNNING")
    assert len(task["servicePorts"]) == 1


def test_running_tasks_are_not_staging(marathon, app):
    marathon.deploy(app())
    assert marathon.call("GET", "/v2/tasks?status=staging").json == {"tasks": []}


@pytest.fixture
def two(marathon, app):
    for app_id in ("/one", "/two"):
        marathon.deploy(app(app_id))
    return [t["id"] for t in marathon.call("GET", "/v2/tasks").json["tasks"]]


@pytest.mark.parametrize("query", ["", "?wipe=true", "?force=true", "?scale=false"])
def test_tasks_are_killed_by_their_ids(marathon, two, query):
    answer = marathon.call("POST", f"/v2/tasks/delete{query}", {"ids": two})
    assert answer.status == 200 and sorted(t["id"] for t in answer.json["tasks"]) == sorted(two)
    wait_until(lambda: not set(two) & {t["id"] for t in marathon.call("GET", "/v2/tasks").json["tasks"]}, "the end of the tasks")


def test_tasks_are_killed_for_good(marathon, two):
    answer = marathon.call("POST", "/v2/tasks/delete?scale=true", {"ids": two})
    assert answer.status == 200 and set(answer.json) == {"version", "deploymentId"}
    marathon.wait_deployment(answer.json["deploymentId"])
    assert [marathon.app(i)["instances"] for i in ("/one", "/two")] == [0, 0]


@pytest.mark.parametrize("unknown", [f"one.instance-{uuid.UUID(int=1)}._app.1", f"one.marathon-{uuid.UUID(int=1)}._app",
                                     f"group_one.{uuid.UUID(int=1)}", "one.instance-1"])
def test_an_id_of_nothing_is_skipped(marathon, two, unknown):
    """In any of the forms that ids have had."""
    answer = marathon.call("POST", "/v2/tasks/delete", {"ids": [unknown, two[0]]})
    assert answer.status == 200 and [t["id"] for t in answer.json["tasks"]] == [two[0]]


@pytest.mark.parametrize("task_id", ["", "x", "/one"])
def test_what_is_no_id_is_refused(marathon, two, task_id):
    answer = marathon.call("POST", "/v2/tasks/delete", {"ids": [two[0], task_id]})
    assert answer.status == 400 and answer.json["message"].startswith(f"Invalid task id '{task_id}'. [")
    assert len(marathon.call("GET", "/v2/tasks").json["tasks"]) == 2


@pytest.mark.parametrize("path", ["/v2/tasks", "/v2/apps/two/tasks"])
def test_old_scripts_get_lines(marathon, two, path):
    answer = marathon.call("GET", path, headers={"Accept": "text/plain"})
    line = answer.body.decode().splitlines()[-1].split("\t")
    assert answer.headers["Content-Type"].startswith("text/plain")
    task = marathon.tasks("/two")[0]
    assert line == ["two", str(task["servicePorts"][0]), f"{task['host']}:{task['ports'][0]}", ""]
