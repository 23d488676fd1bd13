"""POST /api/v1 of the agent: what operators' tools ask of a node."""
import base64
import json

import pytest

from cluster import wait_until
from protolite import Schema

pytestmark = pytest.mark.row("3.1")

JSON, PROTOBUF = "application/json", "application/x-protobuf"
SCHEMA = Schema("mesos.proto", "agent.proto")


@pytest.fixture(scope="module")
def task(node):
    """Something to look at: a task of an app, with a line in its stdout."""
    node.deploy({"id": "/looked-at", "cmd": "echo a line; exec sleep 10000", "cpus": 0.1, "mem": 32})
    yield node.tasks("/looked-at")[0]
    node.remove("/looked-at")


def post(node, body, path="/api/v1", **headers):
    headers = {name.replace("_", "-"): value for name, value in {"Content_Type": JSON, **headers}.items() if value}
    return node.agents[0].call("POST", path, body if isinstance(body, (bytes, str)) else json.dumps(body), headers)


def ask(node, type_, body=None):
    """The response's body for a call in JSON, which is the same in protobuf."""
    field = type_.lower()
    call = {"type": type_, **({field: body} if body is not None else {})}
    answer = post(node, call)
    assert answer.status == 200, answer.body
    assert answer.json["type"] == type_ and list(answer.json) in (["type"], ["type", field])
    packed = post(node, SCHEMA.encode("mesos.v1.agent.Call", call), Content_Type=PROTOBUF, Accept=PROTOBUF)
    assert packed.status == 200 and packed.headers["Content-Type"] == PROTOBUF
    response = SCHEMA.decode("mesos.v1.agent.Response", packed.body)
    assert response["type"] == type_ and set(response) == set(answer.json)
    return answer.json[field]


# ---- status codes that all calls have ----

@pytest.mark.parametrize("path", ["/api/v1", "/slave(1)/api/v1", "/api/v1/", "/api/v1?x=y"])
def test_the_path_may_have_the_prefix_of_the_process(node, path):
    assert post(node, {"type": "GET_HEALTH"}, path).status == 200


@pytest.mark.parametrize("status, body, headers", [
    (400, "{", {}),
    (400, "[]", {}),
    (400, {"type": "GET_NOTHING"}, {}),
    (400, {}, {}),
    (400, {"type": "READ_FILE"}, {}),
    (400, {"type": "READ_FILE", "read_file": {"path": "/x"}}, {}),
    (400, {"type": "GET_HEALTH"}, {"Content_Type": None}),
    (400, b"\xff\xff\xff", {"Content_Type": PROTOBUF}),
    (406, {"type": "GET_HEALTH"}, {"Accept": "text/html"}),
    (415, {"type": "GET_HEALTH"}, {"Content_Type": "text/plain"}),
    (415, {"type": "GET_HEALTH"}, {"Content_Type": JSON + "; charset=utf-8"}),
    (501, {"type": "ADD_RESOURCE_PROVIDER_CONFIG"}, {}),
    (501, {"type": "UPDATE_RESOURCE_PROVIDER_CONFIG"}, {}),
    (501, {"type": "REMOVE_RESOURCE_PROVIDER_CONFIG"}, {}),
    (501, {"type": "MARK_RESOURCE_PROVIDER_GONE"}, {}),
])
def test_what_is_wrong_has_its_status(node, status, body, headers):
    assert post(node, body, **headers).status == status


def test_only_post_is_allowed(node):
    answer = node.agents[0].call("GET", "/api/v1")
    assert answer.status == 405 and answer.headers["Allow"] == "POST"


def test_without_accept_the_answer_is_json(node):
    assert post(node, {"type": "GET_HEALTH"}).headers["Content-Type"] == JSON


# ---- calls ----

def test_get_health(node):
    assert ask(node, "GET_HEALTH") == {"healthy": True}


def test_get_flags(node):
    flags = {flag["name"]: flag["value"] for flag in ask(node, "GET_FLAGS")["flags"]}
    assert flags == node.agents[0].call("GET", "/flags").json["flags"]


def test_get_version(node):
    assert ask(node, "GET_VERSION")["version_info"]["version"] == node.agents[0].call("GET", "/version").json["version"]


@pytest.mark.parametrize("body", [{}, {"timeout": {"nanoseconds": 5000000000}}])
def test_get_metrics(node, body):
    metrics = {metric["name"]: metric["value"] for metric in ask(node, "GET_METRICS", body)["metrics"]}
    assert set(metrics) == set(node.agents[0].call("GET", "/metrics/snapshot").json)
    assert metrics["slave/cpus_total"] == 4.0


def test_logging_level_is_zero_and_back_after_the_duration(node):
    def set_level(nanoseconds):
        answer = post(node, {"type": "SET_LOGGING_LEVEL", "set_logging_level": {
            "level": 3, "duration": {"nanoseconds": nanoseconds}}})
        assert answer.status == 200 and answer.body == b""
    assert ask(node, "GET_LOGGING_LEVEL") == {"level": 0}
    set_level(3600 * 10 ** 9)
    assert ask(node, "GET_LOGGING_LEVEL") == {"level": 3}
    set_level(10 ** 8)
    wait_until(lambda: ask(node, "GET_LOGGING_LEVEL") == {"level": 0}, "the usual level")


def test_a_logging_level_without_duration_is_refused(node):
    assert post(node, {"type": "SET_LOGGING_LEVEL", "set_logging_level": {"level": 1}}).status == 400
    assert post(node, {"type": "SET_LOGGING_LEVEL",
                       "set_logging_level": {"level": 1, "duration": {"nanoseconds": 0}}}).status == 400


@pytest.mark.parametrize("body", [None, {}, {"excluded_images": [{"type": "DOCKER", "docker": {"name": "i"}}]}])
def test_prune_images_is_answered_when_there_are_none(node, body):
    answer = post(node, {"type": "PRUNE_IMAGES", **({"prune_images": body} if body is not None else {})})
    assert answer.status == 200 and answer.body == b""


def sandbox(node, task):
    return node.agents[0].container_of(task["id"])["tepui"]["sandbox"]


def test_list_files(node, task):
    infos = {info["path"]: info for info in ask(node, "LIST_FILES", {"path": sandbox(node, task)})["file_infos"]}
    stdout = infos[sandbox(node, task) + "/stdout"]
    assert stdout["size"] == len("a line\n") and stdout["nlink"] == 1 and stdout["mode"] & 0o170000 == 0o100000
    assert stdout["mtime"]["nanoseconds"] > 10 ** 18 and stdout["uid"].isdigit() and stdout["gid"].isdigit()


def test_read_file(node, task):
    path = sandbox(node, task) + "/stdout"
    assert ask(node, "READ_FILE", {"path": path, "offset": 0}) == {
        "size": 7, "data": base64.b64encode(b"a line\n").decode()}
    assert ask(node, "READ_FILE", {"path": path, "offset": 2, "length": 4})["data"] == base64.b64encode(b"line").decode()
    assert ask(node, "READ_FILE", {"path": path, "offset": 100}) == {"size": 7, "data": ""}


@pytest.mark.parametrize("call", ["LIST_FILES", "READ_FILE"])
def test_a_file_that_is_not_there_is_404(node, task, call):
    for path in (sandbox(node, task) + "/nothing", "/slave/log", "/etc/passwd"):
        assert post(node, {"type": call, call.lower(): {"path": path, "offset": 0}}).status == 404


def test_get_agent(node):
    info = ask(node, "GET_AGENT")["agent_info"]
    assert info["id"]["value"] == node.call("GET", "/slaves").json["slaves"][0]["id"]
    assert info["port"] == node.agents[0].port and {r["name"] for r in info["resources"]} >= {"cpus", "mem", "disk"}


def test_there_are_no_resource_providers(node):
    assert ask(node, "GET_RESOURCE_PROVIDERS") == {}


# ---- tasks, executors, frameworks, containers ----

def ids(rows, *path):
    for name in path:
        rows = [row[name] for row in rows]
    return {row["value"] for row in rows}


def test_get_tasks(node, task):
    tasks = {row["task_id"]["value"]: row for row in ask(node, "GET_TASKS")["launched_tasks"]}
    row = tasks[task["id"]]
    assert (row["name"], row["state"], row["agent_id"]["value"]) == ("looked-at", "TASK_RUNNING", task["slaveId"])
    assert "executor_id" not in row and row["statuses"][0]["state"] == "TASK_RUNNING"
    assert {r["name"]: r["scalar"]["value"] for r in row["resources"] if "scalar" in r}["cpus"] == 0.1


def test_a_task_that_has_ended_is_completed(node):
    node.deploy({"id": "/looked-at-later", "cmd": "exec sleep 10000", "cpus": 0.1, "mem": 32})
    name = node.tasks("/looked-at-later")[0]["id"]
    node.remove("/looked-at-later")
    wait_until(lambda: name in ids(ask(node, "GET_TASKS").get("completed_tasks", []), "task_id"), "its end")
    assert name in ids(ask(node, "GET_EXECUTORS")["completed_executors"], "executor_info", "executor_id")
    assert name not in ids(ask(node, "GET_TASKS").get("launched_tasks", []), "task_id")


def test_get_executors(node, task):
    infos = {row["executor_info"]["executor_id"]["value"]: row["executor_info"]
             for row in ask(node, "GET_EXECUTORS")["executors"]}
    assert infos[task["id"]]["name"] == (f"Command Executor (Task: {task['id']}) "
                                         "(Command: sh -c 'echo a line; exec sleep 10000')")
    assert infos[task["id"]]["source"] == task["id"] and "value" in infos[task["id"]]["framework_id"]


def test_get_frameworks(node, task):
    infos = {row["framework_info"]["name"]: row["framework_info"] for row in ask(node, "GET_FRAMEWORKS")["frameworks"]}
    assert "value" in infos["marathon"]["id"]


def test_get_state_is_all_of_them(node, task):
    state = ask(node, "GET_STATE")
    assert set(state) == {"get_tasks", "get_executors", "get_frameworks"}
    assert task["id"] in ids(state["get_tasks"]["launched_tasks"], "task_id")


@pytest.mark.parametrize("body", [None, {}, {"show_nested": True, "show_standalone": True}])
def test_get_containers(node, task, body):
    rows = {row["executor_id"]["value"]: row for row in ask(node, "GET_CONTAINERS", body)["containers"]}
    row = rows[task["id"]]
    assert set(row) >= {"framework_id", "executor_id", "executor_name", "container_id", "container_status"}
    assert row["container_status"]["container_id"] == row["container_id"] and row["container_status"]["executor_pid"] > 0
    statistics = wait_until(lambda: {r["executor_id"]["value"]: r for r in ask(node, "GET_CONTAINERS", body)["containers"]}
                            [task["id"]].get("resource_statistics"), "figures")
    assert statistics["mem_limit_bytes"] == 32 << 20 and statistics["cpus_soft_limit"] == 0.1
    assert statistics["timestamp"] > 1e9 and statistics["cpus_user_time_secs"] >= 0
