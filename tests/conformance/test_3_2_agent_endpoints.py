"""The agent's older endpoints, each also under the name of its process."""
import pytest

from cluster import wait_until

pytestmark = pytest.mark.row("3.2")


@pytest.fixture(scope="module")
def task(node):
    node.deploy({"id": "/shown", "cmd": "echo a line; exec sleep 10000", "cpus": 0.1, "mem": 32,
                 "labels": {"colour": "red"}})
    yield node.tasks("/shown")[0]
    node.remove("/shown")


def get(node, path):
    answer = node.agents[0].call("GET", path)
    assert answer.status == 200, (path, answer.body)
    return answer


@pytest.mark.parametrize("prefix", ["", "/slave(1)"])
@pytest.mark.parametrize("path", [
    "/state", "/state.json", "/flags", "/health", "/monitor/statistics", "/monitor/statistics.json", "/containers",
    "/metrics/snapshot", "/metrics/snapshot?timeout=5secs", "/version", "/logging/toggle", "/state/", "/flags.json",
    "/health.json", "/version.json", "/containers.json", "/metrics/snapshot.json"])
def test_the_path_is_served(node, prefix, path):
    get(node, prefix + path)


@pytest.mark.parametrize("path", ["/state", "/flags", "/version", "/containers", "/monitor/statistics",
                                  "/metrics/snapshot"])
def test_jsonp_wraps_the_answer(node, path):
    answer = get(node, path + "?jsonp=cb")
    assert answer.body.startswith(b"cb(") and answer.headers["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize("member", [
    "version", "start_time", "id", "pid", "hostname", "capabilities", "resources", "reserved_resources",
    "unreserved_resources", "reserved_resources_full", "unreserved_resources_allocated",
    "reserved_resources_allocated", "attributes", "master_hostname", "flags", "frameworks", "completed_frameworks"])
def test_state_has_the_member(node, task, member):
    assert member in get(node, "/state").json


def executor_of(node, task):
    return next((framework, executor) for framework in get(node, "/state").json["frameworks"]
                for executor in framework["executors"] if executor["id"] == task["id"])


@pytest.mark.parametrize("member", ["id", "name", "user", "failover_timeout", "checkpoint", "hostname", "roles",
                                    "executors", "completed_executors"])
def test_a_framework_of_the_state_has_the_member(node, task, member):
    assert member in executor_of(node, task)[0]


@pytest.mark.parametrize("member", ["id", "name", "source", "container", "directory", "resources", "type", "tasks",
                                    "queued_tasks", "completed_tasks"])
def test_an_executor_of_the_state_has_the_member(node, task, member):
    assert member in executor_of(node, task)[1]


@pytest.mark.parametrize("member", ["id", "name", "framework_id", "executor_id", "slave_id", "state", "resources",
                                    "statuses", "labels"])
def test_a_task_of_the_state_has_the_member(node, task, member):
    row, = executor_of(node, task)[1]["tasks"]
    assert member in row and row["id"] == task["id"] and row["resources"]["cpus"] == 0.1


def test_statistics_name_their_executor(node, task):
    rows = wait_until(lambda: [r for r in get(node, "/monitor/statistics").json if r["executor_id"] == task["id"]],
                      "figures")
    assert set(rows[0]) == {"executor_id", "executor_name", "framework_id", "source", "statistics"}


@pytest.mark.parametrize("query, is_there", [
    ("container_id={container}", True), ("container_id=nothing", False),
    ("framework_id={framework}", True), ("framework_id=nothing", False),
    ("framework_id={framework}&executor_id={executor}", True), ("framework_id={framework}&executor_id=no", False)])
def test_containers_can_be_chosen(node, task, query, is_there):
    row = node.agents[0].container_of(task["id"])
    query = query.format(container=row["container_id"], framework=row["framework_id"], executor=row["executor_id"])
    assert (task["id"] in [r["executor_id"] for r in get(node, f"/containers?{query}").json]) == is_there


def test_containers_have_an_id_and_a_status(node, task):
    row = node.agents[0].container_of(task["id"])
    assert row["status"]["container_id"] == {"value": row["container_id"]} and row["status"]["executor_pid"] > 0


def test_files_are_listed_read_and_taken(node, task):
    directory = executor_of(node, task)[1]["directory"]
    rows = {row["path"]: row for row in get(node, f"/files/browse?path={directory}").json}
    row = rows[directory + "/stdout"]
    assert set(row) == {"gid", "mode", "mtime", "nlink", "path", "size", "uid"} and row["mode"] == "-rw-r--r--"
    path = directory + "/stdout"
    assert get(node, f"/files/read?path={path}&offset=2&length=4").json == {"data": "line", "offset": 2}
    assert get(node, f"/files/read?path={path}&offset=-1").json == {"data": "", "offset": 7}
    answer = get(node, f"/files/download?path={path}")
    assert answer.body == b"a line\n" and answer.headers["Content-Disposition"] == 'attachment; filename="stdout"'


@pytest.mark.parametrize("status, query", [(400, ""), (400, "path=relative"), (404, "path=/nothing")])
@pytest.mark.parametrize("endpoint", ["browse", "read", "download"])
def test_what_is_no_file_has_its_status(node, endpoint, status, query):
    assert node.agents[0].call("GET", f"/files/{endpoint}?{query}").status == status


@pytest.mark.parametrize("query", ["level=1", "duration=1secs", "level=x&duration=1secs", "level=1&duration=x",
                                   "level=1&duration=0secs"])
def test_a_logging_level_that_is_none_is_400(node, query):
    assert node.agents[0].call("GET", f"/logging/toggle?{query}").status == 400


def test_the_logging_level_is_that_for_a_while(node):
    assert get(node, "/logging/toggle").body == b"0\n"
    assert node.agents[0].call("POST", "/logging/toggle?level=1&duration=1hrs").status == 200
    assert get(node, "/logging/toggle").body == b"1\n"
    assert node.agents[0].call("POST", "/logging/toggle?level=1&duration=100ms").status == 200
    wait_until(lambda: get(node, "/logging/toggle").body == b"0\n", "the usual level")


@pytest.mark.parametrize("path", ["/files/debug", "/slave(1)/files/debug"])
def test_what_can_be_browsed_is_told_with_its_place(node, task, path):
    (directory,) = [e["directory"] for f in get(node, "/state").json["frameworks"] for e in f["executors"]
                    if e["id"] == task["id"]]
    assert get(node, path).json[directory] == directory
    assert get(node, f"/files/browse?path={directory}").json


def test_system_stats_are_numbers(node):
    stats = get(node, "/system/stats.json").json
    assert stats["cpus_total"] > 0 and 0 < stats["mem_free_bytes"] <= stats["mem_total_bytes"]
    assert {type(stats[f"avg_load_{minutes}min"]) for minutes in (1, 5, 15)} == {float}


@pytest.mark.parametrize("path", ["/logging/toggle", "/slave(1)/logging/toggle"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_level_is_changed_for_a_while(node, path, method):
    assert node.agents[0].call(method, path + "?level=1&duration=1secs").status == 200


@pytest.mark.parametrize("path", ["/api/v1/operator", "/slave(1)/api/v1/anything/below"])
def test_what_lies_below_belongs_to_the_api(node, path):
    answer = node.agents[0].call("POST", path, {"type": "GET_HEALTH"}, {"Content-Type": "application/json"})
    assert answer.status == 200 and answer.json["type"] == "GET_HEALTH"
