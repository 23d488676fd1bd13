"""What the agent's nftables do for containers on the bridge: mapped ports, services, hairpins, policy, closed ports."""
import contextlib
import re
import subprocess

import pytest

from cluster import wait_until
from fleet import Namespace
from one_node import FOREVER, Node

# Says who asks, over both protocols.
SERVER = ("socat TCP4-LISTEN:80,fork,reuseaddr SYSTEM:'read line; echo tcp $SOCAT_PEERADDR' & "
          "exec socat UDP4-LISTEN:80,fork,reuseaddr SYSTEM:'read line; echo udp $SOCAT_PEERADDR'")
SERVER6 = "exec socat TCP6-LISTEN:80,ipv6only=1,fork,reuseaddr SYSTEM:'read line; echo tcp6 $SOCAT_PEERADDR'"
OUTSIDE, INSIDE = "10.7.0.2", "10.7.0.1"


class World(Node):
    """With another host on a link of the node's."""

    def __init__(self, *flags):
        with contextlib.ExitStack() as undo:
            self.outside = undo.enter_context(contextlib.closing(Namespace(OUTSIDE)))
            super().__init__(*flags)
            undo.callback(super().close)
            self.namespace.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.outside.path)
            for namespace, number in (self.namespace, 1), (self.outside, 2):
                namespace.run("ip", "address", "add", f"10.7.0.{number}/24", "dev", "eth0")
                namespace.run("ip", "address", "add", f"fd07::{number}/64", "dev", "eth0", "nodad")
                namespace.run("ip", "link", "set", "eth0", "up")
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
            resources=[{"name": "ports", "type": "RANGES", "ranges": {"range": [
                {"begin": host_port, "end": host_port}]}}] if host_port else (),
            discovery={"visibility": "CLUSTER", "name": name, "ports": {"ports": ports}})
        return task, addresses[0]

    def inside(self, task):
        return "nsenter", f"--net=/proc/{self.pid_in(task)}/ns/net"

    def vip(self, name="web"):
        def find():
            services = self.agent.call("GET", "/services").json["services"]
            return next((s["address"] for s in services if s.get("name") == name and s.get("address")), None)
        return wait_until(find, f"an address of {name}")


def ask(prefix, address, port=80, protocol="TCP4", sends="x\n"):
    """What is answered; empty if nothing is."""
    done = subprocess.run([*prefix, "socat", "-t1", "-T3", "-", f"{protocol}:{address}:{port},connect-timeout=3" if "TCP" in protocol
                           else f"{protocol}:{address}:{port}"], input=sends, capture_output=True, text=True, check=False)
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
    assert address not in world.run("conntrack", "-L")


def test_a_mapped_port_is_reached_by_ipv6_and_containers_go_outside(world):
    task, _ = world.serve(SERVER6, host_port=31006)
    assert answers(world.outside.prefix, "[fd07::1]", 31006, "TCP6") == "tcp6 [fd07:0000:0000:0000:0000:0000:0000:0002]"
    for line, target, seen in (("TCP4-LISTEN:81", f"TCP4:{OUTSIDE}:81", INSIDE),
                               ("TCP6-LISTEN:82,ipv6only=1", "TCP6:[fd07::2]:82", "[fd07:0000:0000:0000:0000:0000:0000:0001]")):
        with subprocess.Popen([*world.outside.prefix, "socat", f"{line},reuseaddr,fork", "SYSTEM:echo $SOCAT_PEERADDR"]) as server:
            try:
                done = subprocess.run([*world.inside(task), "socat", "-t2", "-", f"{target},retry=50,interval=0.1"], input="",
                                      capture_output=True, text=True, check=False)
                assert done.stdout.strip() == seen
            finally:
                server.kill()


def test_a_service_is_called_from_the_node_and_from_containers_also_by_its_own_backend(world):
    task, _ = world.serve(host_port=31007)
    other, (own, _) = world.running(FOREVER)
    vip = world.vip()
    for protocol in "TCP4", "UDP4":
        word = protocol[:3].lower()
        assert answers(world.namespace.prefix, vip, 80, protocol).startswith(word)
        assert answers(world.inside(other), vip, 80, protocol) == f"{word} {own}"
        assert answers(world.inside(task), vip, 80, protocol) == f"{word} 172.29.0.1"


def test_a_restricted_container_reaches_what_it_names_and_nothing_else(world):
    _, db = world.serve(name="db")
    _, web = world.serve(name="web")
    vips = {name: world.vip(name) for name in ("db", "web")}
    task, own = world.serve(name="app", info={"labels": {"labels": [{"key": "allow", "value": "/db:80"}]}})
    free, _ = world.running(FOREVER)
    assert answers(world.inside(free), vips["web"]) and answers(world.inside(free), web)
    assert answers(world.inside(task), vips["db"]) == f"tcp {own}"
    assert answers(world.inside(task), vips["db"], 80, "UDP4") == f"udp {own}"
    for address in vips["web"], web, db, OUTSIDE:
        assert ask(world.inside(task), address) == ask(world.inside(task), address, 80, "UDP4") == ""
    # Not even at its very beginning.
    early, _ = world.running(f"socat -u OPEN:/dev/null TCP4:{web}:80 && echo reached; echo end; {FOREVER}",
                             {"labels": {"labels": [{"key": "allow", "value": "/db:80"}]}})
    assert world.output(early) == "end\n"
    # It answers those who call it.
    assert answers(world.inside(free), own) and answers(world.namespace.prefix, own)


def test_ports_by_which_the_node_is_managed_are_closed_to_containers(world):
    task, _ = world.running(FOREVER)
    request = "GET /health HTTP/1.0\r\n\r\n"
    world.namespace.run("nft", "list", "table", "ip", "tepui")
    for port in world.agent.port, world.master_port:
        for address in "172.29.0.1", INSIDE, "127.0.0.1":
            assert ask(world.inside(task), address, port, sends=request) == ""
    closed, = re.findall(r"set closed \{[^}]*elements = \{ ([^}]*) \}", world.run("nft", "list", "table", "ip", "tepui"))
    assert {int(port) for port in closed.split(", ")} == {world.agent.port, world.master_port}
