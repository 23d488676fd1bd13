"""The master's legacy endpoints, each by every name that it has."""
import json

import pytest

from cluster import wait_until
from framework import SMALL

pytestmark = pytest.mark.row("3.6")

LISTS = ["/state", "/state-summary", "/slaves", "/frameworks", "/tasks", "/roles"]
READS = [*LISTS, "/flags", "/version", "/metrics/snapshot"]


@pytest.fixture(scope="module")
def crowd(cluster, agent):
    """A framework with a task that runs and one that has ended."""
    from framework import Framework
    framework = Framework(cluster)
    framework.running = framework.launch(framework.offer(), "sleep 1000", SMALL,
                                         labels={"labels": [{"key": "k", "value": "v"}]})
    framework.status(framework.running, "TASK_RUNNING")
    framework.ended = framework.launch(framework.offer(), "true", SMALL)

    def is_over():
        framework.status(framework.ended, "TASK_FINISHED")
        return get(cluster, f"/tasks?task_id={framework.ended}")["tasks"][0]["state"] == "TASK_FINISHED"
    wait_until(is_over, "the end of the task")
    yield framework
    framework.call("TEARDOWN")
    framework.close()


def get(cluster, path):
    answer = cluster.call("GET", path)
    assert answer.status == 200, (path, answer.status, answer.body)
    return answer.json


def only(items, id_):
    found = [item for item in items if item["id"] == id_]
    assert len(found) == 1, items
    return found[0]


# ---- names ----

@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("form", ["{}", "/master{}", "{}/", "/master{}/", "{}.json", "/master{}.json", "/{}"])
def test_it_is_found_by_every_name(cluster, path, form):
    assert isinstance(get(cluster, form.format(path)), dict)


@pytest.mark.parametrize("path", READS)
def test_it_comes_as_a_script(cluster, path):
    answer = cluster.call("GET", path + "?jsonp=back.call")
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/javascript"
    assert answer.body.startswith(b"back.call(") and answer.body.endswith(b");")
    assert isinstance(json.loads(answer.body[len(b"back.call("):-2]), dict)


@pytest.mark.parametrize("path", READS)
def test_a_script_calls_nothing_but_a_function(cluster, path):
    assert cluster.call("GET", path + "?jsonp=alert(1)//").status == 400


@pytest.mark.parametrize("path", READS)
def test_it_is_read_only(cluster, path):
    answer = cluster.call("PUT", path)
    assert answer.status == 405 and "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/health", "/master/health"])
def test_health_is_200_and_empty(cluster, path):
    answer = cluster.call("GET", path)
    assert (answer.status, answer.body) == (200, b"")


# ---- fields ----

@pytest.mark.parametrize("field, kind", [
    ("version", str), ("build_date", str), ("build_time", float), ("build_user", str), ("git_sha", str),
    ("start_time", float), ("elected_time", float), ("id", str), ("pid", str), ("hostname", str), ("capabilities", list),
    ("activated_slaves", int), ("deactivated_slaves", int), ("unreachable_slaves", int), ("leader", str),
    ("leader_info", dict), ("flags", dict), ("slaves", list), ("recovered_slaves", list), ("frameworks", list),
    ("completed_frameworks", list), ("orphan_tasks", list), ("unregistered_frameworks", list),
])
def test_state_has_the_field(cluster, field, kind):
    assert isinstance(get(cluster, "/state")[field], kind)


@pytest.mark.parametrize("field", ["id", "pid", "port", "hostname"])
def test_leader_info_has_the_field(cluster, field):
    assert get(cluster, "/state")["leader_info"][field]


@pytest.mark.parametrize("path", ["/state", "/slaves", "/state-summary"])
@pytest.mark.parametrize("field, kind", [
    ("id", str), ("hostname", str), ("port", int), ("attributes", dict), ("pid", str), ("registered_time", float),
    ("resources", dict), ("used_resources", dict), ("offered_resources", dict), ("reserved_resources", dict),
    ("unreserved_resources", dict), ("active", bool), ("deactivated", bool), ("version", str), ("capabilities", list),
])
def test_a_slave_has_the_field(cluster, agent, path, field, kind):
    assert isinstance(only(get(cluster, path)["slaves"], agent.id)[field], kind)


@pytest.mark.parametrize("field, kind", [
    ("reserved_resources_full", dict), ("unreserved_resources_full", list), ("used_resources_full", list),
    ("offered_resources_full", list),
])
def test_a_slave_has_its_resources_in_full(cluster, agent, field, kind):
    assert isinstance(only(get(cluster, "/slaves")["slaves"], agent.id)[field], kind)


def test_resources_are_numbers_by_name_and_ports_as_text(cluster, agent):
    resources = only(get(cluster, "/slaves")["slaves"], agent.id)["resources"]
    assert {name: type(resources[name]) for name in ("cpus", "mem", "disk", "gpus")} == dict.fromkeys(
        ("cpus", "mem", "disk", "gpus"), float)
    assert resources["ports"] == "[31000-31099]"


@pytest.mark.parametrize("path", ["/state", "/frameworks"])
@pytest.mark.parametrize("field, kind", [
    ("id", str), ("name", str), ("used_resources", dict), ("offered_resources", dict), ("capabilities", list),
    ("hostname", str), ("webui_url", str), ("active", bool), ("connected", bool), ("recovered", bool), ("user", str),
    ("failover_timeout", float), ("checkpoint", bool), ("registered_time", float), ("unregistered_time", float),
    ("roles", list), ("tasks", list), ("unreachable_tasks", list), ("completed_tasks", list), ("offers", list),
    ("executors", list),
])
def test_a_framework_has_the_field(cluster, crowd, path, field, kind):
    assert isinstance(only(get(cluster, path)["frameworks"], crowd.info["id"]["value"])[field], kind)


@pytest.mark.parametrize("field, kind", [
    ("id", str), ("name", str), ("framework_id", str), ("executor_id", str), ("slave_id", str), ("state", str),
    ("resources", dict), ("role", str), ("statuses", list), ("labels", list),
])
def test_a_task_has_the_field(cluster, crowd, field, kind):
    framework = only(get(cluster, "/state")["frameworks"], crowd.info["id"]["value"])
    assert isinstance(only(framework["tasks"], crowd.running)[field], kind)


def test_a_status_has_state_and_timestamp(cluster, crowd):
    status = get(cluster, f"/tasks?task_id={crowd.running}")["tasks"][0]["statuses"][0]
    assert status["state"] == "TASK_RUNNING" and isinstance(status["timestamp"], float)


def test_a_task_that_has_ended_is_among_the_completed(cluster, crowd):
    framework = only(get(cluster, "/state")["frameworks"], crowd.info["id"]["value"])
    assert only(framework["completed_tasks"], crowd.ended)["state"] == "TASK_FINISHED"


@pytest.mark.parametrize("list_", ["slaves", "frameworks"])
@pytest.mark.parametrize("state", ["STAGING", "STARTING", "RUNNING", "KILLING", "FINISHED", "KILLED", "FAILED", "LOST",
                                   "ERROR", "UNREACHABLE"])
def test_the_summary_counts_tasks_by_state(cluster, agent, crowd, list_, state):
    rows = get(cluster, "/state-summary")[list_]
    row = only(rows, {"slaves": agent.id, "frameworks": crowd.info["id"]["value"]}[list_])
    assert isinstance(row[f"TASK_{state}"], int) and (state != "RUNNING" or row["TASK_RUNNING"] >= 1)


@pytest.mark.parametrize("field, kind", [("name", str), ("weight", float), ("frameworks", list), ("resources", dict)])
def test_a_role_has_the_field(cluster, crowd, field, kind):
    roles = {role["name"]: role for role in get(cluster, "/roles")["roles"]}
    assert isinstance(roles["*"][field], kind) and crowd.info["id"]["value"] in roles["*"]["frameworks"]


# ---- questions ----

def test_slaves_are_asked_for_by_id(cluster, agent):
    assert [s["id"] for s in get(cluster, f"/slaves?slave_id={agent.id}")["slaves"]] == [agent.id]
    assert get(cluster, "/slaves?slave_id=nosuch")["slaves"] == []


def test_frameworks_are_asked_for_by_id(cluster, crowd):
    id_ = crowd.info["id"]["value"]
    assert [f["id"] for f in get(cluster, f"/frameworks?framework_id={id_}")["frameworks"]] == [id_]
    assert get(cluster, "/frameworks?framework_id=nosuch")["frameworks"] == []


def tasks(cluster, crowd, query=""):
    id_ = crowd.info["id"]["value"]
    return [t["id"] for t in get(cluster, f"/tasks?framework_id={id_}{query}")["tasks"]]


@pytest.mark.parametrize("query, expected", [
    ("", ["running", "ended"]), ("&order=des", ["running", "ended"]), ("&order=asc", ["ended", "running"]),
    ("&limit=1", ["running"]), ("&limit=1&offset=1", ["ended"]), ("&offset=2", []), ("&order=asc&limit=1", ["ended"]),
])
def test_tasks_come_in_order_and_by_page(cluster, crowd, query, expected):
    assert tasks(cluster, crowd, query) == [getattr(crowd, name) for name in expected]


@pytest.mark.parametrize("query", ["limit=x", "limit=0", "limit=-1", "offset=x", "offset=1x"])
def test_a_page_that_is_no_number_is_400(cluster, query):
    assert cluster.call("GET", f"/tasks?{query}").status == 400


# ---- what is done by them ----

def test_teardown_removes_the_framework(cluster, subscribe):
    framework = subscribe()
    id_ = framework.info["id"]["value"]
    answer = cluster.call("POST", "/teardown", f"frameworkId={id_}".encode())
    assert (answer.status, answer.body) == (200, b"")
    assert [f["id"] for f in get(cluster, f"/frameworks?framework_id={id_}")["completed_frameworks"]] == [id_]


@pytest.mark.parametrize("body, words", [
    (b"", b"Missing 'frameworkId' query parameter"), (b"x=1", b"Missing 'frameworkId' query parameter"),
    (b"frameworkId=nosuch", b"No framework found with specified ID"),
])
def test_a_teardown_that_is_wrong_is_400(cluster, body, words):
    answer = cluster.call("POST", "/master/teardown", body)
    assert answer.status == 400 and words in answer.body


@pytest.mark.parametrize("verb", ["browse", "read", "download"])
def test_files_need_a_path_and_there_are_none(cluster, verb):
    assert cluster.call("GET", f"/files/{verb}").status == 400
    assert cluster.call("GET", f"/files/{verb}?path=/master/log").status == 404


def test_no_file_is_attached(cluster):
    assert get(cluster, "/files/debug") == {}


# ---- the daemon itself ----

@pytest.mark.parametrize("prefix", ["", "/master"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_level_of_logging_is_told_and_changed_for_a_while(cluster, prefix, method):
    told = cluster.call(method, f"{prefix}/logging/toggle")
    assert (told.status, told.body) == (200, b"0\n")
    assert cluster.call(method, f"{prefix}/logging/toggle?level=1&duration=1secs").status == 200
    wait_until(lambda: cluster.call("GET", "/logging/toggle").body == b"0\n", "the usual level")


@pytest.mark.parametrize("query", ["level=1", "level=x&duration=1secs", "level=1&duration=x", "duration=1secs"])
def test_a_level_without_its_time_is_400(cluster, query):
    assert cluster.call("POST", f"/logging/toggle?{query}").status == 400


def test_system_stats_are_numbers(cluster):
    stats = get(cluster, "/system/stats.json")
    assert stats["cpus_total"] > 0 and 0 < stats["mem_free_bytes"] <= stats["mem_total_bytes"]


@pytest.mark.parametrize("path", ["/quota", "/weights", "/maintenance/schedule", "/maintenance/status"])
def test_what_operators_set_comes_as_a_script(cluster, path):
    answer = cluster.call("GET", path + "?jsonp=cb")
    assert answer.status == 200 and answer.body.startswith(b"cb(") and answer.body.endswith(b");")
