"""POST /api/v1/scheduler: endpoint, headers, status codes."""
import json
import socket

import pytest

from cluster import SLOW
from framework import Framework

pytestmark = pytest.mark.row("1.1")

PATH = "/api/v1/scheduler"
JSON, PROTOBUF = "application/json", "application/x-protobuf"
INFO = {"user": "nobody", "name": "rows"}
SUBSCRIBE = {"type": "SUBSCRIBE", "subscribe": {"framework_info": INFO}}


def post(cluster, body, path=PATH, **headers):
    headers = {name.replace("_", "-"): value for name, value in {"Content_Type": JSON, **headers}.items() if value}
    return cluster.call("POST", path, body if isinstance(body, (bytes, str)) else json.dumps(body), headers)


def call(cluster, framework, type_, **headers):
    return post(cluster, {"type": type_, "framework_id": framework.info["id"]},
                **{"Mesos_Stream_Id": framework.stream_id, **headers})


def head_of(cluster, body=SUBSCRIBE, path=PATH, **headers):
    """Status and headers of an answer that does not end; with the connection, to be closed."""
    headers = {name.replace("_", "-"): value for name, value in {"Content_Type": JSON, **headers}.items() if value}
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection = socket.create_connection(("127.0.0.1", cluster.master_port), timeout=20 * SLOW)
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    connection.close()
    first, *rest = answer.split(b"\r\n\r\n")[0].decode().split("\r\n")
    return int(first.split()[1]), {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}


# ---- 200 ----

@pytest.mark.parametrize("path", [PATH, "/master" + PATH])
def test_subscribe_is_200_chunked_and_names_the_stream(cluster, path):
    status, headers = head_of(cluster, path=path)
    assert status == 200 and headers["transfer-encoding"] == "chunked" and headers["content-type"] == JSON
    assert 0 < len(headers["mesos-stream-id"]) <= 128


def test_every_subscription_has_a_stream_id_of_its_own(cluster):
    assert head_of(cluster)[1]["mesos-stream-id"] != head_of(cluster)[1]["mesos-stream-id"]


def test_a_subscribe_that_is_not_valid_is_200_with_one_error_event(cluster):
    answer = post(cluster, {"type": "SUBSCRIBE", "subscribe": {"framework_info": {**INFO, "failover_timeout": -1}}})
    size, record = answer.body.split(b"\n", 1)
    assert answer.status == 200 and json.loads(record)["type"] == "ERROR" and int(size) == len(record)


@pytest.mark.parametrize("accept, expected", [
    (None, JSON), ("*/*", JSON), ("application/*", JSON), (JSON, JSON), (PROTOBUF, PROTOBUF),
    (f"{PROTOBUF}, {JSON}", JSON), (f"{JSON};q=0, {PROTOBUF}", PROTOBUF),
])
def test_the_form_of_the_stream_is_negotiated_and_json_is_preferred(cluster, accept, expected):
    status, headers = head_of(cluster, Accept=accept)
    assert (status, headers["content-type"]) == (200, expected)


# ---- 202 ----

@pytest.mark.parametrize("type_, body", [
    ("REVIVE", {}), ("SUPPRESS", {}), ("REVIVE", {"revive": {"roles": ["*"]}}),
    ("ACCEPT", {"accept": {"offer_ids": [{"value": "nosuch"}]}}), ("ACCEPT", {"accept": {}}),
    ("DECLINE", {"decline": {"offer_ids": [{"value": "nosuch"}]}}), ("DECLINE", {"decline": {}}),
    ("KILL", {"kill": {"task_id": {"value": "nosuch"}, "agent_id": {"value": "nosuch"}}}),
    ("RECONCILE", {"reconcile": {}}),
    ("ACKNOWLEDGE", {"acknowledge": {"agent_id": {"value": "nosuch"}, "task_id": {"value": "nosuch"},
                                     "uuid": "QUFBQUFBQUFBQUFBQUFBQQ=="}}),
])
def test_a_call_is_202_also_if_it_is_dropped(cluster, framework, type_, body):
    answer = post(cluster, {"type": type_, "framework_id": framework.info["id"], **body},
                  Mesos_Stream_Id=framework.stream_id)
    assert (answer.status, answer.body) == (202, b"")


def test_teardown_is_202(cluster, subscribe):
    assert call(cluster, subscribe(), "TEARDOWN").status == 202


def test_calls_may_come_on_any_connection_and_by_the_longer_path(cluster, framework):
    for path in (PATH, "/master" + PATH, PATH + "/"):
        assert post(cluster, {"type": "REVIVE", "framework_id": framework.info["id"]}, path,
                    Mesos_Stream_Id=framework.stream_id).status == 202


# ---- 307 ----

@pytest.mark.parametrize("path", ["/redirect", "/master/redirect"])
def test_redirect_is_307_without_a_scheme(cluster, path):
    answer = cluster.call("GET", path)
    assert (answer.status, answer.headers["Location"]) == (307, f"//127.0.0.1:{cluster.master_port}")


def test_what_is_below_redirect_is_404(cluster):
    assert cluster.call("GET", "/redirect/state").status == 404


# ---- 400 ----

@pytest.mark.parametrize("body, words", [
    ("{", "line 1"), ("", ""), ("[]", "object"), ("null", "object"),
    ({}, "Failed to validate scheduler::Call: Expecting 'type' to be present"),
    ({"type": "SUBSCRIBE"}, "Failed to validate scheduler::Call: Expecting 'subscribe' to be present"),
    ({"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "u"}}}, "name"),
    ({"type": "SUBSCRIBE", "subscribe": {}}, "framework_info"),
    ({**SUBSCRIBE, "framework_id": {"value": "x"}},
     "Failed to validate scheduler::Call: 'framework_id' differs from 'subscribe.framework_info.id'"),
    ({"type": "SUBSCRIBE", "subscribe": {"framework_info": {**INFO, "id": {"value": "x"}}}},
     "Failed to validate scheduler::Call: 'framework_id' differs from 'subscribe.framework_info.id'"),
    ({"type": "REVIVE"}, "Failed to validate scheduler::Call: Expecting 'framework_id' to be present"),
    ({"type": "REVIVE", "framework_id": {"value": "nosuch"}}, "Framework cannot be found"),
])
def test_a_body_that_is_wrong_is_400(cluster, body, words):
    answer = post(cluster, body)
    assert answer.status == 400 and words in answer.body.decode(), answer.body


@pytest.mark.parametrize("type_", ["ACCEPT", "DECLINE", "KILL", "ACKNOWLEDGE", "RECONCILE"])
def test_a_call_without_its_body_is_400(cluster, framework, type_):
    answer = call(cluster, framework, type_)
    assert answer.status == 400
    assert f"Failed to validate scheduler::Call: Expecting '{type_.lower()}' to be present" in answer.body.decode()


@pytest.mark.parametrize("body", [b"\xff", b"\x08\x01\x12", b"\x0a\xff\xff\xff\xff\x0f"])
def test_a_body_that_is_no_protobuf_is_400(cluster, body):
    assert post(cluster, body, Content_Type=PROTOBUF).status == 400


def test_without_content_type_is_400(cluster):
    answer = post(cluster, SUBSCRIBE, Content_Type=None)
    assert answer.status == 400 and b"Content-Type" in answer.body


def test_a_stream_id_on_subscribe_is_400(cluster):
    answer = post(cluster, SUBSCRIBE, Mesos_Stream_Id="x")
    assert answer.status == 400
    assert b"Subscribe calls should not include the 'Mesos-Stream-Id' header" in answer.body


def test_a_call_without_stream_id_is_400(cluster, framework):
    answer = call(cluster, framework, "REVIVE", Mesos_Stream_Id=None)
    assert answer.status == 400
    assert b"All non-subscribe calls should include the 'Mesos-Stream-Id' header" in answer.body


def test_a_wrong_stream_id_is_400(cluster, framework):
    answer = call(cluster, framework, "REVIVE", Mesos_Stream_Id="wrong")
    assert answer.status == 400
    assert (f"The stream ID 'wrong' included in this request didn't match the stream ID currently associated with"
            f" framework ID {framework.info['id']['value']}") in answer.body.decode()


def test_the_stream_id_fences_a_scheduler_that_failed_over(cluster, framework, subscribe):
    successor = subscribe(subscribed=False)
    successor.info = framework.info
    assert successor.subscribe()["type"] == "SUBSCRIBED"
    assert call(cluster, framework, "REVIVE").status == 400
    assert call(cluster, successor, "REVIVE").status == 202


# ---- 403 to 503 ----

def test_a_framework_that_is_not_connected_is_403(cluster, framework):
    framework.close()
    answer = call(cluster, framework, "REVIVE")
    assert answer.status == 403 and b"Framework is not subscribed" in answer.body
    assert framework.subscribe()["type"] == "SUBSCRIBED"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method_is_405_and_names_the_right_one(cluster, method):
    answer = cluster.call(method, PATH)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


def test_an_accept_that_admits_neither_form_is_406(cluster):
    answer = post(cluster, SUBSCRIBE, Accept="text/html")
    assert answer.status == 406 and JSON.encode() in answer.body and PROTOBUF.encode() in answer.body


@pytest.mark.parametrize("content_type", ["text/plain", "application/json; charset=utf-8", "application/protobuf"])
def test_another_content_type_is_415(cluster, content_type):
    answer = post(cluster, SUBSCRIBE, Content_Type=content_type)
    assert answer.status == 415 and JSON.encode() in answer.body and PROTOBUF.encode() in answer.body


def test_a_call_of_type_unknown_is_501(cluster, framework):
    assert call(cluster, framework, "UNKNOWN").status == 501


def test_framework_id_may_not_be_that_of_another(cluster, framework, subscribe):
    other = subscribe()
    assert isinstance(other, Framework)
    assert call(cluster, other, "TEARDOWN", Mesos_Stream_Id=framework.stream_id).status == 400
