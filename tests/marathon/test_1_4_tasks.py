"""Tasks of all apps."""
import pytest

pytestmark = pytest.mark.row("1.4")


@pytest.mark.parametrize("query", ["?status=running", "?status[]=running", "?status=nope", "?status=running&status=staging", ""])
def test_running_tasks_are_listed(marathon, app, query):
    marathon.deploy(app())
    (task,) = marathon.call("GET", f"/v2/tasks{query}").json["tasks"]
    assert (task["appId"], task["state"]) == ("/web", "TASK_RUNNING")


def test_running_tasks_are_not_staging(marathon, app):
    marathon.deploy(app())
    assert marathon.call("GET", "/v2/tasks?status=staging").json == {"tasks": []}
