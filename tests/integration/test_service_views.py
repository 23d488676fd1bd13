"""What operators are told of services: what has gone through them on this node, in the API and in /metrics."""
import contextlib

import pytest

from service_node import ServiceNode, backend_address, endpoint, service


@pytest.fixture(name="node")
def node_fixture():
    with contextlib.closing(ServiceNode()) as node:
        yield node


def metrics(node):
    """{line without its value: value}"""
    text = node.agent.call("GET", "/metrics").body.decode()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in text.splitlines() if line[0] != "#")}


def traffic(node):
    """Connections, and bytes both ways, by task."""
    answer = node.agent.call("GET", "/services?traffic=true").json
    return {b["task_id"]: (b["connections"], b["sent_bytes"], b["received_bytes"]) for s in answer["services"] for b in s["backends"]}


def test_connections_and_bytes_are_counted_for_each_backend(node):
    assert metrics(node)["tepui_services"] == 0
    assert node.agent.call("GET", "/services?traffic=true").json["services"] == []
    for i in (1, 2):
        node.backends.listen(i, backend_address(i), 8080)
    node.tell_nodes()
    node.tell(services=[service()], endpoints=[endpoint(1, weight=3), endpoint(2)])
    node.wait_counters(2)
    assert node.shares(40) == {1: 30, 2: 10}
    counted = traffic(node)
    assert {task: row[0] for task, row in counted.items()} == {"t1": 30, "t2": 10}
    # Each packet has at least its headers, and an answer is one at least.
    assert all(sent >= n * 100 and received >= n * 100 for n, sent, received in counted.values())
    figures = metrics(node)
    assert figures['tepui_service_connections_total{service="web:80/tcp"}'] == 40
    assert figures['tepui_service_sent_bytes_total{service="web:80/tcp"}'] == sum(row[1] for row in counted.values())
    assert figures['tepui_service_backends_serving{service="web:80/tcp"}'] == 2
    assert figures["tepui_services"] == 1 and figures["tepui_services_in_force"] == 1
    # Not asked for, not read.
    plain, = node.agent.call("GET", "/services").json["services"]
    assert "connections" not in plain["backends"][0]


def test_of_very_many_services_the_last_are_one_row(node):
    node.tell_nodes()
    node.tell(services=[{"key": f"s{i}:80/tcp", "name": f"s{i}", "address": f"10.96.{1 + i // 250}.{1 + i % 250}", "port": 80,
                         "protocol": "tcp"} for i in range(1010)])
    rows = [name for name in metrics(node) if name.startswith("tepui_service_backends{")]
    assert len(rows) == 1001 and 'tepui_service_backends{service="others"}' in rows
