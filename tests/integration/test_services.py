"""Services in the kernel: an agent's nftables do what the directory says, each fact seen by a client that connects."""
import collections
import contextlib
import os
import pathlib
import re
import signal
import socket
import threading

import pytest

from cluster import wait_until
from fake_master import AGENT, FakeMaster
from fleet import Namespace
from service_node import Backends, ServiceNode, VIP, backend_address, endpoint, service


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


def test_a_random_choice_has_the_shares(node):
    start(node, balance="RANDOM")
    node.tell(endpoints=[endpoint(i, weight=weight) for i, weight in ((1, 7), (2, 2), (3, 1))])
    shares = node.shares(3000)
    for i, due in (1, 2100), (2, 600), (3, 300):
        assert abs(shares[i] - due) < 150  # six deviations


def test_a_source_keeps_its_backend_as_long_as_that_serves(node):
    start(node, balance="SOURCE")
    sources = [f"10.8.0.{i}" for i in range(10, 60)]
    for source in sources:
        node.namespace.run("ip", "address", "add", f"{source}/32", "dev", "lo")
    before = {source: int(node.ask(source=source)[0]) for source in sources}
    assert set(before.values()) == {1, 2, 3}
    assert {source: int(node.ask(source=source)[0]) for source in sources} == before
    node.tell(endpoints=[endpoint(2, state="UNHEALTHY")])
    after = {source: int(node.ask(source=source)[0]) for source in sources}
    assert all(after[source] == was if was != 2 else after[source] in (1, 3) for source, was in before.items())
    node.tell(endpoints=[endpoint(2)])
    assert {source: int(node.ask(source=source)[0]) for source in sources} == before


def test_the_own_node_comes_first_where_that_is_preferred(node):
    start(node, prefers_local=True)
    node.backends.listen(9, "127.0.0.1", 8081)
    node.tell(endpoints=[endpoint(9, port=8081, agent_id=AGENT)])
    assert node.shares(20) == {9: 20}
    node.tell(endpoints=[endpoint(9, port=8081, agent_id=AGENT, state="DRAINING")])
    assert node.shares(30) == {1: 10, 2: 10, 3: 10}


def test_a_client_that_goes_on_connecting_sees_no_error_while_backends_come_and_go(node):
    start(node)
    errors, seen, is_over = [], collections.Counter(), threading.Event()

    def client():
        while not is_over.is_set():
            try:
                seen[int(node.ask()[0])] += 1
            except OSError as error:
                errors.append(error)
    threads = [threading.Thread(target=client) for _ in range(2)]
    for thread in threads:
        thread.start()
    for i in range(60):
        node.tell(endpoints=[endpoint(2, state="DRAINING" if i % 2 else "SERVING"), endpoint(3, weight=i % 5)])
    is_over.set()
    for thread in threads:
        thread.join()
    assert not errors and sum(seen.values()) > 100 and set(seen) == {1, 2, 3}


def test_an_open_connection_to_a_backend_that_drains_lives_on(node):
    start(node, 1)
    with node.namespace.inside():
        server, client = socket.create_server((backend_address(2), 8080)), socket.socket()
    node.tell(endpoints=[endpoint(2), endpoint(1, weight=0)])
    with server, client:
        client.connect((VIP, 80))
        connection, _ = server.accept()
        with connection:
            node.tell(endpoints=[endpoint(2, state="DRAINING"), endpoint(1)])
            assert node.shares(5) == {1: 5}
            client.sendall(b"still")
            assert connection.recv(10) == b"still"
            connection.sendall(b"here")
            assert client.recv(10) == b"here"


def test_a_client_of_a_node_that_is_lost_is_given_an_end(node):
    start(node, 1)
    with node.namespace.inside():
        server, client = socket.create_server((backend_address(2), 8080)), socket.socket()
    node.tell(endpoints=[endpoint(2), endpoint(1, weight=0)])
    with server, client:
        client.connect((VIP, 80))
        node.tell(endpoints=[endpoint(2, state="UNREACHABLE"), endpoint(1)])
        wait_until(lambda: backend_address(2) not in node.run("conntrack", "-L"), "the connection to be forgotten")
        client.settimeout(30)
        with pytest.raises(ConnectionResetError):
            client.sendall(b"anybody")
            client.recv(10)


def test_datagrams_go_elsewhere_when_their_backend_is_gone(node):
    for i in 1, 2:
        node.backends.listen(i, backend_address(i), 8080, socket.SOCK_DGRAM)
    node.tell_nodes()
    one, two = (endpoint(i, services=("web:80/udp",), protocol="udp") for i in (1, 2))
    node.tell(services=[service(protocol="udp")], endpoints=[one])
    with node.namespace.inside():
        client = socket.socket(type=socket.SOCK_DGRAM)
    with client:
        client.settimeout(10)
        client.connect((VIP, 80))

        def ask():
            client.send(b"x")
            return client.recv(100)[:1]
        assert ask() == b"1"
        # It keeps its backend while that serves, and while it drains.
        node.tell(endpoints=[two])
        assert ask() == b"1"
        node.tell(endpoints=[{**one, "state": "DRAINING"}])
        assert ask() == b"1"
        node.tell(removed_endpoints=["F/t1"])
        wait_until(lambda: ask() == b"2", "the other backend")
        node.tell(removed_endpoints=["F/t2"])

        def is_refused():
            try:
                ask()
            except (ConnectionRefusedError, PermissionError):  # as the kernel tells a process of the node
                return True
            return False
        wait_until(is_refused, "the refusal")


# ---- what may go wrong ----

def words(table):
    """What a table says, in whatever order."""
    return sorted(re.findall(r"[^\s,{}]+", table))


@pytest.mark.parametrize("command", ["flush ruleset", "delete table ip tepui", "flush map ip tepui backends",
                                     "add rule ip tepui forward drop"])
def test_what_others_do_to_the_table_is_undone_and_told(node, command):
    start(node)
    node.wait_counters(3)
    before = words(node.table())
    node.run("nft", command)
    wait_until(lambda: words(node.table()) == before, "the table as it was")
    assert node.shares(30) == {1: 10, 2: 10, 3: 10}
    assert "others have changed table 'tepui'" in node.agent.text()
    # What they do to their own is none of our business.
    for harmless in "add table ip other", "add chain ip other x", "delete table ip other":
        node.run("nft", harmless)
    node.tell(endpoints=[endpoint(1, weight=0)])
    assert node.agent.text().count("others have changed") == 1


def worker(node):
    """The process id of tepui-nft; 0: there is none."""
    children = pathlib.Path(f"/proc/{node.agent.pid}/task/{node.agent.pid}/children").read_text().split()
    return next((int(child) for child in children if pathlib.Path(f"/proc/{child}/comm").read_text() == "tepui-nft\n"), 0)


def test_a_worker_that_is_killed_is_started_again(node):
    start(node)
    for i in range(3):
        first = worker(node)
        os.kill(first, signal.SIGKILL)
        node.tell(endpoints=[endpoint(3, weight=i)])
        wait_until(lambda: worker(node) not in (0, first), "another worker")
    assert node.shares(40) == {1: 10, 2: 10, 3: 20}


def test_a_worker_that_hangs_holds_nobody_up_for_ever_and_ends_with_the_agent(node):
    start(node)
    pid = worker(node)
    os.kill(pid, signal.SIGSTOP)
    node.tell(wait=False, endpoints=[endpoint(3, weight=0)])
    assert node.agent.call("GET", "/health").status == 200
    node.agent.end(9)
    wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), "the worker's end")
    # What was in force is, without either.
    assert set(node.shares(30)) >= {1, 2}


def test_services_outlive_the_agent_and_another_one_takes_them_up(node):
    start(node)
    node.agent.end(9)
    assert node.shares(30) == {1: 10, 2: 10, 3: 10}
    node.agent.start()
    assert node.shares(30) == {1: 10, 2: 10, 3: 10}
    node.master.accept(epoch=2)
    node.generation = 0
    node.tell(nodes=[{"agent_id": f"N{i}", "address": backend_address(i)} for i in (1, 2)], services=[service()],
              endpoints=[endpoint(1), endpoint(2)])
    assert node.shares(30) == {1: 15, 2: 15}


def test_a_node_port_leads_to_a_service_from_outside_the_node(node):
    start(node, 2, node_port=30080)
    with contextlib.closing(Namespace("10.7.0.2")) as outside:
        node.namespace.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", outside.path)
        for namespace, number in (node.namespace, 1), (outside, 2):
            namespace.run("ip", "address", "add", f"10.7.0.{number}/24", "dev", "eth0")
            namespace.run("ip", "link", "set", "eth0", "up")
        # One backend is on this node's own addresses, the other one beyond it, where nobody knows who asks.
        node.namespace.run("ip", "address", "del", f"{backend_address(2)}/32", "dev", "lo")
        with contextlib.closing(Namespace(backend_address(2))) as beyond:
            node.namespace.run("ip", "link", "add", "eth1", "type", "veth", "peer", "name", "eth0", "netns", beyond.path)
            node.namespace.run("ip", "address", "add", "10.9.0.100/24", "dev", "eth1")
            node.namespace.run("ip", "link", "set", "eth1", "up")
            beyond.run("ip", "address", "add", f"{backend_address(2)}/24", "dev", "eth0")
            beyond.run("ip", "link", "set", "eth0", "up")
            with contextlib.closing(Backends(beyond)) as backends:
                backends.listen(2, "0.0.0.0", 8080)
                seen = {tuple(node.ask("10.7.0.1", 30080, place=outside)) for _ in range(4)}
    assert seen == {("1", "10.7.0.2"), ("2", "10.9.0.100")}


def test_what_goes_through_a_service_is_counted_by_backend(node):
    start(node, 2)
    node.wait_counters(2)
    node.shares(10)

    def elements(name):
        text = node.run("nft", "list", "set", "ip", "tepui", name)
        return {address: (int(packets), int(size)) for address, packets, size in re.findall(
            r"tcp \. 10\.96\.0\.1 \. 80 \. (\S+) \. 8080 counter packets (\d+) bytes (\d+)", text)}
    connections, sent, received = (elements(name) for name in ("connections", "sent", "received"))
    for i in 1, 2:
        address = backend_address(i)
        assert connections[address][0] == 5
        assert sent[address][0] >= 4 * 5 and received[address][0] >= 4 * 5
        assert received[address][1] > 5 * len("1 127.0.0.1")


def test_datagrams_that_found_nobody_find_a_service_that_comes(node):
    node.backends.listen(1, backend_address(1), 8080, socket.SOCK_DGRAM)
    node.tell_nodes()
    node.tell(services=[service("first")], endpoints=[])
    with node.namespace.inside():
        client = socket.socket(type=socket.SOCK_DGRAM)
    with client:
        client.settimeout(0.1)
        # To a fixed address that has a way, and to a port of the node.
        for address, port in ((backend_address(5), 99), (backend_address(6), 30080)):
            def ask():
                with contextlib.suppress(ConnectionRefusedError, TimeoutError, PermissionError):
                    client.sendto(b"x", (address, port))
                    return client.recv(100)[:1]
            assert ask() is None and f"dport={port}" in node.run("conntrack", "-L")
            if port == 99:
                node.namespace.run("ip", "address", "del", f"{address}/32", "dev", "lo")
                node.namespace.run("ip", "route", "add", f"{address}/32", "dev", "lo")
            place = {"address": address} if port == 99 else {"node_port": port}
            node.tell(services=[{**service("x", 99, protocol="udp"), **place, "key": f"x:{port}/udp"}],
                      endpoints=[endpoint(1, services=(f"x:{port}/udp",), protocol="udp")])
            wait_until(lambda: ask() == b"1", "an answer")
            node.tell(removed_services=[f"x:{port}/udp"])


def test_an_agent_beside_another_one_leaves_services_to_it_until_that_has_ended(node):
    start(node)
    node.wait_counters(3)
    first, before = node.agent, words(node.table())
    with node.namespace.inside():
        master = FakeMaster()
    with contextlib.closing(master):
        node.cluster.master_address = f"127.0.0.1:{master.port}"
        second = node.cluster.start_agent(wait=False, place=node.namespace)
        try:
            master.accept()
            master.send("DIRECTORY", generation=1, is_whole=True, services=[service("other", 81, "10.96.0.2")])
            # In force as far as it is concerned.
            assert master.applied() == 1 and words(node.table()) == before
            assert "another agent" in second.text() and node.shares(3) == {1: 1, 2: 1, 3: 1}
            first.end(9)
            wait_until(lambda: "10.96.0.2" in node.table(), "the other agent's services")
            assert VIP not in node.table()
        finally:
            second.end(9)
