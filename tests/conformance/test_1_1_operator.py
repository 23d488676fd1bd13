"""POST /api/v1 of the master: the statuses that all v1 endpoints have."""
import pytest

from cluster import wait_until
from operator_calls import JSON, PROTOBUF, ask, post

pytestmark = pytest.mark.row("1.1")

HEALTH = {"type": "GET_HEALTH"}
# type = GET_HEALTH, by number.
HEALTH_PROTOBUF = b"\x08\x01"


@pytest.mark.parametrize("path", ["/api/v1", "/master/api/v1", "/api/v1/", "/api/v1/operator", "/master/api/v1/x/y"])
def test_the_call_is_found_by_the_longest_prefix(cluster, path):
    answer = post(cluster, HEALTH, path)
    assert (answer.status, answer.json) == (200, {"type": "GET_HEALTH", "get_health": {"healthy": True}})


@pytest.mark.parametrize("content_type, body", [(JSON, HEALTH), (PROTOBUF, HEALTH_PROTOBUF)])
@pytest.mark.parametrize("accept, expected", [(None, JSON), ("*/*", JSON), (JSON, JSON), (PROTOBUF, PROTOBUF),
                                              (f"{PROTOBUF}, {JSON}", JSON)])
def test_the_forms_of_call_and_answer_are_independent(cluster, content_type, body, accept, expected):
    answer = post(cluster, body, Content_Type=content_type, Accept=accept)
    assert (answer.status, answer.headers["Content-Type"]) == (200, expected)
    if expected == PROTOBUF:
        # type = GET_HEALTH, get_health { healthy: true }
        assert answer.body == b"\x08\x01\x12\x02\x08\x01"


@pytest.mark.parametrize("body, words", [
    ("{", "line 1"), ("", ""), ("[]", "object"),
    ({}, "Failed to validate master::Call: Expecting 'type' to be present"),
    ({"type": "TEARDOWN"}, "Failed to validate master::Call: Expecting 'teardown' to be present"),
    ({"type": "GET_METRICS"}, "Failed to validate master::Call: Expecting 'get_metrics' to be present"),
    ({"type": "SET_LOGGING_LEVEL"}, "Failed to validate master::Call: Expecting 'set_logging_level' to be present"),
    ({"type": "LIST_FILES"}, "Failed to validate master::Call: Expecting 'list_files' to be present"),
    ({"type": "READ_FILE"}, "Failed to validate master::Call: Expecting 'read_file' to be present"),
    ({"type": "TEARDOWN", "teardown": {}}, "framework_id"),
    ({"type": "TEARDOWN", "teardown": {"framework_id": {"value": "nosuch"}}},
     "No framework found with specified ID"),
    ({"type": "SET_LOGGING_LEVEL", "set_logging_level": {"level": 1}}, "duration"),
])
def test_a_body_that_is_wrong_is_400(cluster, body, words):
    answer = post(cluster, body)
    assert answer.status == 400 and words in answer.body.decode(), answer.body


def test_without_content_type_is_400(cluster):
    answer = post(cluster, HEALTH, Content_Type=None)
    assert answer.status == 400 and b"Content-Type" in answer.body


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method_is_405_and_names_the_right_one(cluster, method):
    answer = cluster.call(method, "/api/v1")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


def test_an_accept_that_admits_neither_form_is_406(cluster):
    answer = post(cluster, HEALTH, Accept="text/html")
    assert answer.status == 406 and JSON.encode() in answer.body and PROTOBUF.encode() in answer.body


@pytest.mark.parametrize("content_type", ["text/plain", "application/json; charset=utf-8", "application/recordio"])
def test_another_content_type_is_415(cluster, content_type):
    assert post(cluster, HEALTH, Content_Type=content_type).status == 415


def test_a_call_of_type_unknown_is_501(cluster):
    answer = post(cluster, {"type": "UNKNOWN"})
    assert answer.status == 501 and b"UNKNOWN" in answer.body


# ---- what the master tells of itself (3.4) ----

@pytest.mark.row("3.4")
def test_flags_are_pairs_of_strings(cluster):
    flags = {flag["name"]: flag["value"] for flag in ask(cluster, "GET_FLAGS")["flags"]}
    assert flags["listen"] == cluster.master_address and all(isinstance(value, str) for value in flags.values())


@pytest.mark.row("3.4")
def test_version_is_that_of_the_dialect(cluster):
    assert ask(cluster, "GET_VERSION")["version_info"]["version"] == "1.11.0"


@pytest.mark.row("3.4")
@pytest.mark.parametrize("body", [{}, {"timeout": {"nanoseconds": 5000000000}}])
def test_metrics_are_pairs_of_name_and_number(cluster, body):
    metrics = {m["name"]: m["value"] for m in ask(cluster, "GET_METRICS", get_metrics=body)["metrics"]}
    assert metrics["master/elected"] == 1.0 and metrics["master/uptime_secs"] > 0


@pytest.mark.row("3.4")
def test_the_logging_level_is_raised_for_a_while(cluster):
    assert ask(cluster, "GET_LOGGING_LEVEL") == {"level": 0}
    ask(cluster, "SET_LOGGING_LEVEL", set_logging_level={"level": 2, "duration": {"nanoseconds": 60000000000}})
    assert ask(cluster, "GET_LOGGING_LEVEL") == {"level": 2}
    ask(cluster, "SET_LOGGING_LEVEL", set_logging_level={"level": 2, "duration": {"nanoseconds": 1}})
    wait_until(lambda: ask(cluster, "GET_LOGGING_LEVEL") == {"level": 0}, "the usual level")


@pytest.mark.row("3.4")
@pytest.mark.parametrize("type_, body", [
    ("LIST_FILES", {"list_files": {"path": "/master/log"}}),
    ("READ_FILE", {"read_file": {"path": "/master/log", "offset": 0}}),
])
def test_a_file_that_is_not_there_is_404(cluster, type_, body):
    assert post(cluster, {"type": type_, **body}).status == 404


@pytest.mark.row("3.4")
def test_get_master_tells_who_leads_since_when(cluster):
    master = ask(cluster, "GET_MASTER")
    info = master["master_info"]
    assert info["hostname"] == "127.0.0.1" and info["port"] == cluster.master_port and info["version"] == "1.11.0"
    assert info["address"] == {"hostname": "127.0.0.1", "port": cluster.master_port} and info["id"]
    assert info["pid"] == f"master@{cluster.master_address}"
    assert isinstance(master["start_time"], float) and master["elected_time"] >= master["start_time"]


@pytest.mark.row("3.4")
def test_teardown_removes_the_framework(cluster, subscribe):
    framework = subscribe()
    ask(cluster, "TEARDOWN", teardown={"framework_id": framework.info["id"]})
    errors = wait_until(lambda: framework.all("ERROR"), "the end of the framework")
    assert errors[0]["message"] == "Framework has been removed"
