"""Services in the kernel: an agent's nftables do what the directory says, each fact seen by a client that connects."""
import contextlib

import pytest

from service_node import ServiceNode, VIP, backend_address, endpoint, service


@pytest.fixture(name="node")
def node_fixture():
    with contextlib.closing(ServiceNode()) as node:
        yield node


def start(node, n=3, **of):
    """A service of N backends of equal weight."""
    for i in range(1, n + 1):
        node.backends.listen(i, backend_address(i), 8080)
    node.tell_nodes()
    node.tell(services=[service(**of)], endpoints=[endpoint(i) for i in range(1, n + 1)])


def test_nothing_is_made_before_it_is_needed(node):
    node.tell_nodes()
    assert node.table() == "" and node.run("ip", "route") == ""
    start(node, 1)
    assert "chain s" in node.table() and f"{VIP} dev lo proto 84" in node.run("ip", "route")


def test_round_robin_is_exact_and_follows_weights(node):
    start(node)
    assert node.shares(300) == {1: 100, 2: 100, 3: 100}
    node.tell(endpoints=[endpoint(i, weight=weight) for i, weight in ((1, 7), (2, 2), (3, 1))])
    assert node.shares(1000) == {1: 700, 2: 200, 3: 100}
    node.tell(endpoints=[endpoint(1, weight=0)])
    assert node.shares(300) == {2: 200, 3: 100}


@pytest.mark.parametrize("state", ["STARTING", "UNHEALTHY", "DRAINING", "UNREACHABLE"])
def test_only_who_serves_is_called(node, state):
    start(node)
    node.tell(endpoints=[endpoint(2, state=state)])
    assert node.shares(100) == {1: 50, 3: 50}
    node.tell(endpoints=[endpoint(2)], removed_endpoints=["F/t1", "F/t3"])
    assert node.shares(10) == {2: 10}


def test_without_a_backend_a_client_is_refused_at_once(node):
    start(node, 1)
    node.tell(removed_endpoints=["F/t1"])
    for port in (80, 81):
        with pytest.raises(ConnectionRefusedError):
            node.ask(port=port)
    node.tell(endpoints=[endpoint(1)])
    assert node.shares(10) == {1: 10}
    node.tell(removed_services=["web:80/tcp"])
    assert "chain s" not in node.table().replace("chain service", "") and VIP not in node.run("ip", "route")
