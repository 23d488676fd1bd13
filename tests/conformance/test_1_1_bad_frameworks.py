"""Frameworks that misbehave get their error or are cut off; a good one beside them is served as before."""
import json
import socket
import uuid

import pytest

from cluster import SLOW, wait_until
from framework import SMALL
from protolite import varint

pytestmark = pytest.mark.row("1.1")

JSON, PROTOBUF = "application/json", "application/x-protobuf"


@pytest.fixture(name="witness")
def good_framework(agent, framework):
    """After the test its stream is as it was, and a task of its own goes through."""
    yield framework
    task = framework.launch(framework.offer(), "true", SMALL)
    framework.status(task, "TASK_FINISHED")
    framework.call("RECONCILE", tasks=[{"task_id": {"value": "nosuch"}}])
    assert framework.status("nosuch")["state"] == "TASK_UNKNOWN"
    assert framework.events[0]["type"] == "SUBSCRIBED" and agent.id
    assert not {"ERROR", "CLOSED"} & {e["type"] for e in framework.events}


def post(cluster, body, content_type=JSON, **headers):
    return cluster.call("POST", "/api/v1/scheduler", body,
                        {"Content-Type": content_type, **{n.replace("_", "-"): v for n, v in headers.items()}})


def raw(cluster, data, read=True):
    """What comes back until the master closes, or what a second brings."""
    with socket.create_connection(("127.0.0.1", cluster.master_port), timeout=5 * SLOW) as connection:
        connection.sendall(data)
        answer = b""
        while read and (piece := connection.recv(65536)):
            answer += piece
            if b"\r\n\r\n" in answer:
                break
    return answer


def nested(depth, open_, close):
    return open_ * depth + close * depth


# ---- bytes ----

@pytest.mark.parametrize("body, content_type, statuses", [
    (b"\x00\xff" * 5000, JSON, {400}), (b"\x00\xff" * 5000, PROTOBUF, {400}),
    (nested(10000, b"[", b"]"), JSON, {400}), (nested(10000, b'{"a":', b"}")[:-10000] + b"1" + b"}" * 10000, JSON, {400}),
    (b'{"type":"REVIVE","x":[' + b"0," * 500000 + b"0]}", JSON, {400, 413}),
    (b'{"type":"REVIVE","type":"REVIVE"}', JSON, {400}),
    (b'{"type":77,"framework_id":{"value":"x"}}', JSON, {400, 501}),
    # A length that is longer than the body; one of 2^63.
    (b"\x1a\xff\xff\xff\x7f", PROTOBUF, {400}), (b"\x1a" + varint(1 << 63), PROTOBUF, {400}),
    # Two million tasks without a name; ten thousand messages in one another.
    (b"\x10\x09\x4a" + varint(4000000) + b"\x0a\x00" * 2000000, PROTOBUF, {400, 413}),
    (b"\x10\x01" + b"\x1a\x80\x01" * 10000, PROTOBUF, {400}),
], ids=["no JSON", "no protobuf", "lists in lists", "objects in objects", "half a million values", "a key twice",
        "a type by number", "longer than the body", "longer than memory", "two million tasks", "messages in messages"])
def test_a_body_that_is_garbage_or_a_bomb(cluster, witness, body, content_type, statuses):
    assert post(cluster, body, content_type).status in statuses and witness.stream_id


@pytest.mark.parametrize("data", [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"POST /api/v1/scheduler HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 10000 + b"\r\n",
    b"POST /api/v1/scheduler HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
    b"POST /api/v1/scheduler HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /api/v1/scheduler HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
], ids=["TLS", "ten thousand headers", "two lengths", "no chunk", "a negative length"])
def test_a_request_that_is_none(cluster, witness, data):
    answer = raw(cluster, data)
    assert answer == b"" or answer.split(b" ")[1][:1] == b"4", answer[:200]
    assert witness.stream_id


def test_a_body_that_is_too_large_is_refused_by_its_length(cluster, witness):
    head = b"POST /api/v1/scheduler HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (17 << 20)
    assert raw(cluster, head).split(b" ")[1] == b"413" and witness.stream_id


def test_a_request_that_is_cut_off(cluster, witness):
    raw(cluster, b"POST /api/v1/scheduler HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"type\":", read=False)
    assert witness.stream_id


# ---- calls ----

def test_acknowledging_what_never_was(cluster, witness, subscribe):
    other = subscribe()
    def n_invalid():
        return cluster.call("GET", "/metrics/snapshot").json["master/invalid_status_update_acknowledgements"]
    before = n_invalid()
    for agent_id in ("nosuch", "", "x" * 300):
        other.call("ACKNOWLEDGE", agent_id={"value": agent_id}, task_id={"value": "nosuch"},
                   uuid="QUFBQUFBQUFBQUFBQUFBQQ==")
    assert n_invalid() == before + 3
    assert witness.stream_id


def test_a_foreign_framework_id_with_its_own_stream(cluster, witness, subscribe):
    other = subscribe()
    answer = post(cluster, json.dumps({"type": "TEARDOWN", "framework_id": witness.info["id"]}),
                  Mesos_Stream_Id=other.stream_id)
    assert answer.status == 400


def test_a_thousand_offers_that_are_not_valid(witness, subscribe):
    other = subscribe()
    other.call("DECLINE", offer_ids=[{"value": f"{uuid.uuid4()}"} for _ in range(1000)])
    assert other.post("ACCEPT", offer_ids=[{"value": f"o{i}"} for i in range(1001)], operations=[]).status == 400
    assert witness.stream_id


def test_subscribing_again_and_again(witness, subscribe):
    """Each ends the one before; the last one stays."""
    first = subscribe()
    streams = []
    for _ in range(20):
        streams.append(subscribe(subscribed=False))
        streams[-1].info = first.info
        assert streams[-1].subscribe()["type"] == "SUBSCRIBED"
    assert streams[-1].post("REVIVE").status == 202 and witness.stream_id


# ---- readers ----

def test_a_framework_that_never_reads_is_cut_off(cluster, witness):
    body = json.dumps({"type": "SUBSCRIBE", "subscribe": {"framework_info": {
        "user": "nobody", "name": "deaf", "failover_timeout": 0}}}).encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", cluster.master_port))
        connection.sendall(b"POST /api/v1/scheduler HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                           b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        data = b""
        while b'"framework_id":{"value":"' not in data or not data.endswith(b"\r\n"):
            data += connection.recv(4096)
        stream_id = data.split(b"Mesos-Stream-Id: ")[1].split(b"\r\n")[0].decode()
        framework_id = data.split(b'"framework_id":{"value":"')[1].split(b'"')[0].decode()
        call = json.dumps({"type": "RECONCILE", "framework_id": {"value": framework_id}, "reconcile": {
            "tasks": [{"task_id": {"value": f"{i:0200}"}} for i in range(5000)]}})
        statuses = []
        def is_cut_off():
            statuses.append(post(cluster, call, Mesos_Stream_Id=stream_id).status)
            return statuses[-1] != 202
        wait_until(is_cut_off, "the end of its stream")
        assert statuses[-1] in (400, 403) and len(statuses) < 200
    assert witness.stream_id
