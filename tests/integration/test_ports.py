"""What the agent's nftables do for containers on the bridge: mapped ports, services, hairpins, policy, closed ports."""
import contextlib
import os
import re
import socket
import subprocess
import threading

import pytest

from cluster import wait_until
from fleet import Namespace
from one_node import FOREVER, Node

# Says who asks, over both protocols.
SERVER = ("socat TCP4-LISTEN:80,fork,reuseaddr SYSTEM:'read line; echo tcp $SOCAT_PEERADDR' & "
          "exec socat UDP4-LISTEN:80,fork,reuseaddr SYSTEM:'read line; echo udp $SOCAT_PEERADDR'")
SERVER6 = "exec socat TCP6-LISTEN:80,ipv6only=1,fork,reuseaddr SYSTEM:'read line; echo tcp6 $SOCAT_PEERADDR'"
PORT = {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31000, "end": 31000}]}}
OUTSIDE, INSIDE = "10.7.0.2", "10.7.0.1"


class World(Node):
    """With another host on a link of the node's."""

    def __init__(self, *flags):
        with contextlib.ExitStack() as undo:
            self.outside = undo.enter_context(contextlib.closing(Namespace(OUTSIDE)))
            super().__init__(*flags)
            undo.callback(super().close)
            self.namespace.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns",
                               self.outside.path)
            for namespace, number in (self.namespace, 1), (self.outside, 2):
                namespace.run("ip", "address", "add", f"10.7.0.{number}/24", "dev", "eth0")
                namespace.run("ip", "address", "add", f"fd07::{number}/64", "dev", "eth0", "nodad")
                namespace.run("ip", "link", "set", "eth0", "up")
            # Nobody need have loaded br_netfilter, which would show bridged packets to rules for routed ones.
            self.namespace.run("sh", "-c", "for f in /proc/sys/net/bridge/bridge-nf-call-ip*tables; do "
                               "[ ! -e $f ] || echo 0 >$f; done")
            self.all = undo.pop_all()

    def close(self):
        self.all.close()

    def serve(self, command=SERVER, host_port=None, name="web", labels=None, info=None):
        """A container with that server, mapped to HOST_PORT, as a backend of /NAME:80; its task and its address."""
        mappings = [{"host_port": host_port, "container_port": 80, "protocol": protocol} for protocol in ("tcp", "udp")]
        labels = {"labels": [{"key": "VIP_0", "value": f"/{name}:80"}, *(labels or [])]}
        ports = [{"number": host_port or 80, "protocol": protocol, "labels": {"labels": [
            *labels["labels"], {"key": "network-scope", "value": "host" if host_port else "container"}]}}
            for protocol in ("tcp", "udp")]
        task, addresses = self.running(
            command, {"port_mappings": mappings if host_port else [], **(info or {})},
            resources=[{**PORT, "ranges": {"range": [{"begin": host_port, "end": host_port}]}}] if host_port else (),
            discovery={"visibility": "CLUSTER", "name": name, "ports": {"ports": ports}})
        return task, addresses[0]

    def inside(self, task):
        return "nsenter", f"--net=/proc/{self.pid_in(task)}/ns/net"

    def vip(self, name="web"):
        def find():
            services = self.agent.call("GET", "/services").json["services"]
            return next((s["address"] for s in services if s.get("name") == name and s.get("address")), None)
        return wait_until(find, f"an address of {name}")


class Beside(Namespace):
    """The network namespace of a process."""

    def __init__(self, pid):  # pylint: disable=super-init-not-called
        self.fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)


@contextlib.contextmanager
def listener(namespace, line):
    """Tells who asks, there."""
    with subprocess.Popen([*namespace.prefix, "socat", f"{line},reuseaddr,fork",
                           "SYSTEM:read line; echo $SOCAT_PEERADDR"]) as server:
        try:
            yield
        finally:
            server.kill()


def ask(prefix, address, port=80, protocol="TCP4", sends="x\n"):
    """What is answered; empty if nothing is."""
    target = f"{protocol}:{address}:{port}" + (",connect-timeout=3" if "TCP" in protocol else "")
    done = subprocess.run([*prefix, "socat", "-t1", "-T3", "-", target], input=sends, capture_output=True, text=True,
                          check=False)
    return done.stdout.strip()


def answers(prefix, address, port=80, protocol="TCP4"):
    return wait_until(lambda: ask(prefix, address, port, protocol), f"an answer of {address}:{port}")


@pytest.fixture(name="world")
def world_fixture():
    with contextlib.closing(World()) as world:
        yield world


def test_a_mapped_port_is_reached_from_everywhere(world):
    task, address = world.serve(host_port=31005)
    other, (own, _) = world.running(FOREVER)
    for protocol in "TCP4", "UDP4":
        word = protocol[:3].lower()
        # Who asks from outside is seen as who it is.
        assert answers(world.outside.prefix, INSIDE, 31005, protocol) == f"{word} {OUTSIDE}"
        assert answers(world.namespace.prefix, "127.0.0.1", 31005, protocol) == f"{word} 172.29.0.1"
        assert answers(world.namespace.prefix, INSIDE, 31005, protocol).startswith(word)
        assert answers(world.inside(other), INSIDE, 31005, protocol) == f"{word} {own}"
        assert answers(world.inside(other), "172.29.0.1", 31005, protocol) == f"{word} {own}"
        assert answers(world.inside(task), INSIDE, 31005, protocol) == f"{word} 172.29.0.1"
    world.framework.call("KILL", task_id={"value": task})
    world.framework.status(task, "TASK_KILLED", "TASK_FAILED")
    wait_until(lambda: "31005" not in world.run("nft", "list", "map", "ip", "tepui", "ports"), "the port's end")
    assert ask(world.outside.prefix, INSIDE, 31005) == ""
    wait_until(lambda: address not in world.run("conntrack", "-L"), "its connections to be forgotten")


def test_a_mapped_port_is_reached_by_ipv6_and_containers_go_outside(world):
    task, _ = world.serve(SERVER6, host_port=31006)
    assert answers(world.outside.prefix, "[fd07::1]", 31006, "TCP6") == "tcp6 [fd07:0000:0000:0000:0000:0000:0000:0002]"
    for line, address, protocol, seen in (
            ("TCP4-LISTEN:81", OUTSIDE, "TCP4", INSIDE),
            ("TCP6-LISTEN:81,ipv6only=1", "[fd07::2]", "TCP6", "[fd07:0000:0000:0000:0000:0000:0000:0001]")):
        with listener(world.outside, line):
            assert answers(world.inside(task), address, 81, protocol) == seen


def test_a_service_is_called_from_the_node_and_from_containers_also_by_its_own_backend(world):
    task, _ = world.serve(host_port=31007)
    other, (own, _) = world.running(FOREVER)
    vip = world.vip()
    for protocol in "TCP4", "UDP4":
        word = protocol[:3].lower()
        assert answers(world.namespace.prefix, vip, 80, protocol).startswith(word)
        assert answers(world.inside(other), vip, 80, protocol) == f"{word} {own}"
        assert answers(world.inside(task), vip, 80, protocol) == f"{word} 172.29.0.1"


def test_a_backend_calls_its_own_service_where_br_netfilter_is_at_work_too(world):
    if not world.run("sh", "-c", "echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables && echo it is", check=False):
        pytest.skip("br_netfilter is not loaded")
    task, _ = world.serve(host_port=31007)
    assert answers(world.inside(task), world.vip()) == "tcp 172.29.0.1"


def test_a_restricted_container_reaches_what_it_names_and_nothing_else(world):
    _, db = world.serve(name="db")
    _, web = world.serve(name="web")
    vips = {name: world.vip(name) for name in ("db", "web")}
    task, own = world.serve(name="app", info={"labels": {"labels": [{"key": "allow", "value": "/db:80,/late:80"}]}})
    (free, _), (other, _) = world.running(FOREVER), world.running(FOREVER)
    assert answers(world.inside(free), vips["web"]) and answers(world.inside(free), web)
    assert answers(world.inside(task), vips["db"]) == f"tcp {own}"
    assert answers(world.inside(task), vips["db"], 80, "UDP4") == f"udp {own}"
    for address in vips["web"], web, db:
        assert ask(world.inside(task), address) == ask(world.inside(task), address, 80, "UDP4") == ""
    with listener(world.outside, "TCP4-LISTEN:80"), listener(world.outside, "TCP6-LISTEN:81,ipv6only=1"):
        assert answers(world.inside(free), OUTSIDE) and answers(world.inside(free), "[fd07::2]", 81, "TCP6")
        assert ask(world.inside(task), OUTSIDE) == ask(world.inside(task), "[fd07::2]", 81, "TCP6") == ""
    # Not by speaking to all at once, either: by rules of the bridge, whether or not the kernel has others look at that, too.
    world.namespace.run("sh", "-c", "for f in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $f ] || echo 0 >$f; done")
    for group, line, to in (("224.0.0.251", "UDP4-RECV:5353,ip-add-membership=224.0.0.251:eth0", "UDP4-DATAGRAM:224.0.0.251:5353"),
                            ("ff02::1", "UDP6-RECV:5353", "UDP6-DATAGRAM:[ff02::1%eth0]:5353")):
        with subprocess.Popen([*world.inside(free), "socat", "-u", line, "STDOUT"], stdout=subprocess.PIPE) as hears:
            try:
                wait_until(lambda: group in world.run(*world.inside(free), "ip", "maddress") and  # pylint: disable=cell-var-from-loop
                           ":14E9 " in world.run(*world.inside(free), "cat", "/proc/net/udp", "/proc/net/udp6"), "who hears")
                for speaker, says in (task, "restricted"), (other, "free"):
                    subprocess.run([*world.inside(speaker), "socat", "-u", "STDIN", to], input=says, text=True, check=True)
                assert hears.stdout.read(4) == b"free"
            finally:
                hears.kill()
    # What comes later is reached then.
    world.serve(name="late")
    assert answers(world.inside(task), world.vip("late")) == f"tcp {own}"
    # Nothing else, not even at its very beginning.
    early, _ = world.running(f"socat -u OPEN:/dev/null TCP4:{web}:80 && echo reached; echo end; {FOREVER}",
                             {"labels": {"labels": [{"key": "allow", "value": "/db:80"}]}})
    assert world.output(early) == "end\n"
    # It answers those who call it.
    assert answers(world.inside(free), own) and answers(world.namespace.prefix, own)


def test_ports_by_which_the_node_is_managed_are_closed_to_containers(world):
    task, _ = world.running(FOREVER)
    wait_until(lambda: "set closed" in world.run("nft", "list", "table", "ip", "tepui", check=False), "the rules")
    # They listen on loopback here; others stand in for them at the bridge's address.
    for port, is_open in (world.agent.port, False), (world.master_port, False), (world.agent.port + 1, True):
        with listener(world.namespace, f"TCP4-LISTEN:{port},bind=172.29.0.1"):
            assert answers(world.namespace.prefix, "172.29.0.1", port) == "172.29.0.1"
            assert bool(ask(world.inside(task), "172.29.0.1", port)) == is_open
            assert ask(world.inside(task), "127.0.0.1", port) == ""


def test_they_are_closed_on_other_nodes_too():
    with contextlib.closing(World(f"--advertise_ip={OUTSIDE}")) as world:
        task, _ = world.running(FOREVER)
        wait_until(lambda: OUTSIDE in world.run("nft", "list", "set", "ip", "tepui", "managed", check=False), "the rules")
        for port, is_open in (world.agent.port, False), (world.agent.port + 1, True):
            with listener(world.outside, f"TCP4-LISTEN:{port}"):
                assert answers(world.namespace.prefix, OUTSIDE, port) == INSIDE
                assert bool(ask(world.inside(task), OUTSIDE, port)) == is_open


def test_they_are_open_where_that_is_asked_for():
    with contextlib.closing(World("--open_admin_ports")) as world:
        task, _ = world.running(FOREVER)
        with listener(world.namespace, f"TCP4-LISTEN:{world.master_port},bind=172.29.0.1"):
            assert answers(world.inside(task), "172.29.0.1", world.master_port)


def test_without_rules_nothing_is_promised_that_needs_them():
    with contextlib.closing(World("--no-nftables")) as world:
        world.running(FOREVER)
        for info in ({"labels": {"labels": [{"key": "allow", "value": "/db:80"}]}},
                     {"port_mappings": [{"host_port": 31000, "container_port": 80}]}):
            task = world.launch(FOREVER, info, resources=[PORT])
            status = world.framework.status(task, "TASK_ERROR", "TASK_FAILED")
            assert "this agent has --no-nftables" in status["message"]
        assert world.run("nft", "list", "ruleset") == ""


def test_mapped_ports_services_and_policy_are_there_while_the_agent_is_not_and_comes_back(world):
    task, _ = world.serve(host_port=31008)
    app, _ = world.serve(name="app", info={"labels": {"labels": [{"key": "allow", "value": "/db:80"}]}})
    answers(world.outside.prefix, INSIDE, 31008)
    vip, errors, is_over = world.vip(), [], threading.Event()

    def connect(place, address, port, is_open):
        """Again and again; every connection that is not as it should be is an error."""
        while not is_over.is_set():
            with place.inside():
                client = socket.socket()
            with client:
                client.settimeout(10)
                try:
                    client.connect((address, port))
                    if not is_open:
                        errors.append(f"{address}:{port} is open")
                except OSError as error:
                    if is_open:
                        errors.append(f"{address}:{port}: {error}")
    threads = [threading.Thread(target=connect, args=args) for args in (
        (world.outside, INSIDE, 31008, True), (world.namespace, vip, 80, True), (Beside(world.pid_in(app)), vip, 80, False))]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            handle = table_handle(world)
            world.agent.end(9)
            world.agent.start()
            world.agents_are_back()
            wait_until(lambda: table_handle(world) != handle, "another table")
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert answers(world.inside(task), vip)


def table_handle(world):
    text = world.run("nft", "-a", "list", "table", "ip", "tepui", check=False)
    return re.findall(r"table ip tepui \{ # handle (\d+)", text)
