"""What clients in the field force."""
import json
import socket

import pytest

from cluster import SLOW
from framework import SMALL

pytestmark = pytest.mark.row("10")

JSON = "application/json"


def request(cluster, head, body=b""):
    """Status and body of one answer, by bytes of the request."""
    with socket.create_connection(("127.0.0.1", cluster.master_port), timeout=20 * SLOW) as connection:
        connection.sendall(head + b"\r\n\r\n" + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(65536)
    return int(answer.split(b" ")[1]), answer


def test_a_request_may_be_chunked_with_names_in_lower_case(cluster, framework):
    body = json.dumps({"type": "REVIVE", "framework_id": framework.info["id"]}).encode()
    half = len(body) // 2
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:])) + b"0\r\n\r\n"
    head = (f"POST /api/v1/scheduler HTTP/1.1\r\nhost: localhost\r\ncontent-type: {JSON}\r\n"
            f"mesos-stream-id: {framework.stream_id}\r\naccept-encoding: gzip\r\ntransfer-encoding: chunked").encode()
    assert request(cluster, head, chunks)[0] == 202


def test_what_asks_for_gzip_may_be_answered_as_it_is(cluster):
    answer = cluster.call("GET", "/state", headers={"Accept-Encoding": "gzip, deflate"})
    assert answer.status == 200 and answer.json["id"]


def test_every_unset_field_as_null(cluster):
    info = {"user": "nobody", "name": "rows", "id": None, "failover_timeout": None, "checkpoint": None, "role": None,
            "hostname": None, "principal": None, "webui_url": None, "capabilities": None, "labels": None, "roles": None}
    body = json.dumps({"type": "SUBSCRIBE", "framework_id": None, "subscribe": {
        "framework_info": info, "suppressed_roles": None, "offer_constraints": None}}).encode()
    head = b"POST /api/v1/scheduler HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d"
    assert request(cluster, head % len(body), body)[0] == 200


def test_ids_of_offers_may_be_empty(framework):
    framework.call("ACCEPT", offer_ids=[], operations=[])
    framework.call("DECLINE", offer_ids=[])


def test_without_multi_role_no_allocation_info_anywhere(agent, subscribe):
    framework = subscribe((), capabilities=[])
    offer = framework.offer()
    assert "allocation_info" not in json.dumps(offer) and agent.id
    assert {r["role"] for r in offer["resources"]} == {"*"}


def test_with_multi_role_it_is_in_offer_and_resources(agent, subscribe):
    offer = subscribe(["a"]).offer()
    assert offer["allocation_info"] == {"role": "a"} and agent.id
    assert {r["allocation_info"]["role"] for r in offer["resources"]} == {"a"}


def test_with_reservation_refinement_no_role(agent, framework):
    assert not any("role" in r for r in framework.offer()["resources"]) and agent.id


def test_resources_without_allocation_info_are_those_of_the_offer(agent, subscribe):
    framework = subscribe(["a"])
    run = agent.run_of(framework.launch(framework.offer(), "sleep", SMALL))
    assert {r["allocation_info"]["role"] for r in run["task"]["resources"]} == {"a"}


@pytest.mark.parametrize("path", ["/state.json", "/master/state.json", "/master/state", "/state/", "/state?x=y",
                                  "/master/slaves/", "/version", "/master/version"])
def test_paths_as_old_clients_write_them(cluster, path):
    answer = cluster.call("GET", path)
    assert answer.status == 200 and isinstance(answer.json, dict)
