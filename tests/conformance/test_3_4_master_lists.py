"""POST /api/v1 of the master: the calls that list what it knows, field by field."""
import pytest

from cluster import wait_until
from framework import SMALL
from operator_calls import ask, post

pytestmark = pytest.mark.row("3.4")


@pytest.fixture
def task(agent, framework):
    """The id of a task that runs."""
    task_id = framework.launch(framework.offer(), "sleep 1000", SMALL,
                               labels={"labels": [{"key": "k", "value": "v"}]})
    framework.status(task_id, "TASK_RUNNING")
    yield task_id
    framework.call("KILL", task_id={"value": task_id})
    framework.status(task_id, "TASK_KILLED")


def only(items, fits):
    found = [item for item in items if fits(item)]
    assert len(found) == 1, items
    return found[0]


def framework_of(cluster, framework, key="frameworks"):
    return only(ask(cluster, "GET_FRAMEWORKS").get(key, []), lambda f: f["framework_info"]["id"] == framework.info["id"])


def agent_of(cluster, agent):
    return only(ask(cluster, "GET_AGENTS")["agents"], lambda a: a["agent_info"]["id"]["value"] == agent.id)


def scalars(resources):
    return {r["name"]: r["scalar"]["value"] for r in resources if "scalar" in r}


def test_get_state_has_four_parts(cluster):
    assert set(ask(cluster, "GET_STATE")) == {"get_tasks", "get_executors", "get_frameworks", "get_agents"}


def test_get_state_tells_what_its_parts_tell(cluster, agent, framework, task):
    state = ask(cluster, "GET_STATE")
    for part in ("GET_TASKS", "GET_EXECUTORS", "GET_FRAMEWORKS", "GET_AGENTS"):
        assert state[part.lower()] == ask(cluster, part)


@pytest.mark.parametrize("field, kind", [
    ("agent_info", dict), ("active", bool), ("deactivated", bool), ("version", str), ("pid", str),
    ("registered_time", dict), ("total_resources", list), ("allocated_resources", list), ("capabilities", list),
])
def test_get_agents_has_the_field(cluster, agent, task, field, kind):
    assert isinstance(agent_of(cluster, agent)[field], kind)


def test_an_agent_tells_what_tasks_have_of_it_by_role(cluster, agent, task):
    allocated = agent_of(cluster, agent)["allocated_resources"]
    assert scalars(allocated)["cpus"] >= 0.1
    assert all(resource["allocation_info"]["role"] == "*" for resource in allocated)


def test_an_agents_pid_is_its_address(cluster, agent):
    assert agent_of(cluster, agent)["pid"].startswith("slave(1)@127.0.0.1:")


def test_offered_resources_are_told_of_agent_and_framework(cluster, agent, framework):
    framework.offer()
    assert scalars(agent_of(cluster, agent)["offered_resources"])["cpus"] > 0
    shown = framework_of(cluster, framework)
    assert scalars(shown["offered_resources"])["cpus"] > 0
    assert shown["offers"][0]["agent_id"]["value"] == agent.id
    assert shown["offers"][0]["allocation_info"]["role"] == "*"


@pytest.mark.parametrize("field, kind", [
    ("framework_info", dict), ("active", bool), ("connected", bool), ("recovered", bool), ("registered_time", dict),
    ("allocated_resources", list),
])
def test_get_frameworks_has_the_field(cluster, framework, task, field, kind):
    assert isinstance(framework_of(cluster, framework)[field], kind)


def test_a_framework_that_is_away_is_neither_active_nor_connected(cluster, framework):
    framework.close()
    wait_until(lambda: not framework_of(cluster, framework)["active"], "the end of its connection")
    assert framework_of(cluster, framework)["connected"] is False
    framework.subscribe()
    shown = framework_of(cluster, framework)
    assert shown["active"] is True and int(shown["reregistered_time"]["nanoseconds"]) > 0


def test_a_framework_that_was_torn_down_is_completed(cluster, subscribe):
    framework = subscribe()
    ask(cluster, "TEARDOWN", teardown={"framework_id": framework.info["id"]})
    shown = framework_of(cluster, framework, "completed_frameworks")
    assert shown["active"] is False and int(shown["unregistered_time"]["nanoseconds"]) > 0


@pytest.mark.parametrize("field", ["name", "task_id", "framework_id", "agent_id", "state", "resources", "statuses",
                                   "labels", "status_update_state", "status_update_uuid"])
def test_get_tasks_has_the_field(cluster, framework, task, field):
    shown = only(ask(cluster, "GET_TASKS")["tasks"], lambda t: t["task_id"]["value"] == task)
    assert shown[field]


def test_a_task_that_has_ended_is_completed_when_that_is_acknowledged(cluster, agent, framework):
    task_id = framework.launch(framework.offer(), "true", SMALL)
    framework.status(task_id, "TASK_FINISHED")

    def completed():
        framework.status(task_id, "TASK_FINISHED")
        tasks = ask(cluster, "GET_TASKS")
        return [t for t in tasks.get("completed_tasks", []) if t["task_id"]["value"] == task_id]
    shown = wait_until(completed, "the end of the task")[0]
    assert shown["state"] == "TASK_FINISHED" and shown["framework_id"] == framework.info["id"]


def test_get_executors_tells_of_custom_ones(cluster, agent, framework):
    executor = {"executor_id": {"value": "e1"}, "type": "CUSTOM", "command": {"value": "x"}}
    offer = framework.offer()
    framework.accept(offer, {"type": "LAUNCH", "launch": {"task_infos": [
        {"name": "t", "task_id": {"value": "of-e1"}, "agent_id": offer["agent_id"], "resources": SMALL,
         "executor": executor}]}})
    framework.status("of-e1", "TASK_RUNNING")
    shown = only(ask(cluster, "GET_EXECUTORS")["executors"],
                 lambda e: e["executor_info"]["framework_id"] == framework.info["id"])
    assert shown["agent_id"]["value"] == agent.id and shown["executor_info"]["executor_id"]["value"] == "e1"
    task = only(ask(cluster, "GET_TASKS")["tasks"], lambda t: t["task_id"]["value"] == "of-e1")
    assert task["executor_id"]["value"] == "e1"


@pytest.mark.parametrize("field", ["name", "weight", "frameworks", "resources"])
def test_get_roles_has_the_field(cluster, agent, framework, task, field):
    role = only(ask(cluster, "GET_ROLES")["roles"], lambda r: r["name"] == "*")
    assert role[field]
    assert framework.info["id"] in role["frameworks"] and role["weight"] == 1.0


def test_lists_that_are_empty_are_left_out(cluster):
    assert "orphan_executors" not in ask(cluster, "GET_EXECUTORS")


@pytest.mark.parametrize("type_, number", [("GET_STATE", 8), ("GET_AGENTS", 9), ("GET_FRAMEWORKS", 10),
                                           ("GET_EXECUTORS", 11), ("GET_TASKS", 12)])
def test_lists_come_as_protobuf_too(cluster, agent, framework, task, type_, number):
    answer = post(cluster, {"type": type_}, Accept="application/x-protobuf")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/x-protobuf")
    assert answer.body[:2] == bytes([8, number])
    assert task.encode() in answer.body or type_ not in ("GET_STATE", "GET_TASKS")


def test_lists_negotiate_like_any_answer(cluster):
    assert post(cluster, {"type": "GET_STATE"}, Accept="text/html").status == 406
