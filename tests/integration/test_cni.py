"""Containers on networks that CNI plugins make: Debian's, and hostile ones of the test's own."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import tempfile

import pytest

from cluster import wait_until
from one_node import Node, addresses_of

DEBIAN = "/usr/lib/cni"
SERVER = "exec socat TCP-LISTEN:80,fork,reuseaddr SYSTEM:'read line; echo $line $SOCAT_PEERADDR'"


class CniNode(Node):
    """With a directory of networks and one of plugins that tests write to."""

    def __init__(self, *flags):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tepui-cni-"))
        self.configs, self.plugins, self.leases = (self.directory / name for name in ("net.d", "plugins", "leases"))
        with contextlib.ExitStack() as undo:
            undo.callback(shutil.rmtree, self.directory)
            self.configs.mkdir()
            self.plugins.mkdir()
            super().__init__(f"--network_cni_config_dir={self.configs}",
                             f"--network_cni_plugins_dir={self.plugins}:{DEBIAN}", *flags)
            self.rest = undo.pop_all()

    def close(self):
        with self.rest:
            super().close()

    def add_network(self, name, *plugins, version="1.0.0", **more):
        (self.configs / f"{name}.conflist").write_text(json.dumps(
            {"cniVersion": version, "name": name, "plugins": plugins, **more}))

    def add_plugin(self, name, body):
        path = self.plugins / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def ipam(self, subnet, **more):
        return {"type": "host-local", "ranges": [[{"subnet": subnet}]], "dataDir": str(self.leases),
                "routes": [{"dst": "0.0.0.0/0"}], **more}

    def leased(self, network):
        """Addresses that host-local has given away."""
        directory = self.leases / network
        return sorted(path.name for path in directory.iterdir() if path.name[0].isdigit()) if directory.is_dir() else []

    def start(self, network, command="exec sleep 1000", **info):
        """A task that runs there, and its address."""
        task = self.launch(command, {"name": network, **info.pop("info", {})}, **info)
        status = self.framework.status(task, "TASK_RUNNING", "TASK_FAILED", "TASK_ERROR")
        assert status["state"] == "TASK_RUNNING", status
        return task, addresses_of(status)[0]

    def refused(self, network, command="exec sleep 1000", **info):
        """Why a task does not come to run."""
        task = self.launch(command, {"name": network, **info})
        return self.framework.status(task, "TASK_FAILED", "TASK_ERROR")["message"]

    def end(self, task):
        self.framework.call("KILL", task_id={"value": task})
        return self.framework.status(task, "TASK_KILLED")

    def is_empty(self):
        """No container, no lease, no link and no rule of a plugin."""
        return not self.agent.containers() and not [
            link["ifname"] for link in self.all_links() if link["ifname"].startswith("veth")] and \
            not [path for path in self.leases.rglob("*") if path.is_file() and path.name[0].isdigit()]

    def all_links(self):
        return json.loads(self.run("ip", "-j", "link"))

    def in_container(self, task, *command):
        return self.run_beside(task, *command)

    def ask(self, address, port=80):
        return self.run("sh", "-c", f"echo hello | socat -t5 - TCP:{address}:{port},retry=40,interval=0.1").split()


def add_front(node):
    """The chain that distributions document."""
    node.add_network(
        "front",
        {"type": "bridge", "bridge": "cni-front", "isGateway": True, "ipMasq": True, "hairpinMode": True,
         "capabilities": {"ips": True, "mac": True}, "ipam": node.ipam("10.91.0.0/24")},
        {"type": "portmap", "capabilities": {"portMappings": True}},
        {"type": "bandwidth", "capabilities": {"bandwidth": True}},
        {"type": "tuning", "sysctl": {"net.core.somaxconn": "500"}})


@pytest.fixture(scope="module")
def shared():
    node = CniNode("--cni_timeout=10secs")
    add_front(node)
    yield node
    node.close()


@pytest.fixture
def node(shared):
    yield shared
    for row in shared.agent.containers():
        shared.framework.call("KILL", task_id={"value": row["executor_id"]})
    wait_until(shared.is_empty, lambda: f"an empty node: {shared.agent.containers()} {shared.run('ip', 'link')}"
               f"{list(shared.leases.rglob('*'))} {shared.agent.text()[-3000:]}")


def test_a_chain_of_debians_plugins(node):
    server, address = node.start("front", SERVER)
    assert address.startswith("10.91.0.") and node.leased("front") == [address]
    assert node.ask(address) == ["hello", "10.91.0.1"]
    client, own = node.start("front", f"echo hello | socat -t5 - TCP:{address}:80,retry=40,interval=0.1; echo end; exec sleep 1000")
    assert own != address
    text = wait_until(lambda: "end" in node.sandbox(client) and node.sandbox(client), "the answer")
    assert text.split() == ["hello", own, "end"]
    assert node.in_container(server, "cat", "/proc/sys/net/core/somaxconn") == "500\n"
    links = json.loads(node.in_container(server, "ip", "-j", "addr"))
    assert [link["ifname"] for link in links if link["ifname"] == "eth0"] and "UP" in links[0]["flags"]
    node.end(client)
    wait_until(lambda: node.leased("front") == [address], "the end of its lease")


def test_what_is_asked_of_a_network_reaches_the_plugins_that_can(node):
    offer = {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31005, "end": 31006}]}}
    labels = {"labels": [{"key": "bandwidth_in", "value": "8mbit"}, {"key": "bandwidth_out", "value": "4mbit"},
                         {"key": "mac", "value": "02:00:00:aa:bb:cc"}]}
    task, address = node.start("front", SERVER, resources=[offer], info={
        "labels": labels, "ip_addresses": [{"ip_address": "10.91.0.77"}],
        "port_mappings": [{"host_port": 31005, "container_port": 80}, {"host_port": 31006, "container_port": 53, "protocol": "udp"}]})
    assert address == "10.91.0.77"
    link, = [link for link in json.loads(node.in_container(task, "ip", "-j", "link")) if link["ifname"] == "eth0"]
    assert link["address"] == "02:00:00:aa:bb:cc"
    assert node.ask("10.91.0.1", 31005) == ["hello", "10.91.0.1"]
    rules = node.run("iptables-save", "-t", "nat")
    assert "--dport 31005" in rules and "-p udp" in rules and "10.91.0.77:53" in rules
    limits = node.run("tc", "qdisc", "show")
    assert "rate 8Mbit" in limits and "rate 4Mbit" in limits
    node.end(task)
    wait_until(node.is_empty, "the end of all of it")
    rules = node.run("iptables-save", "-t", "nat")
    assert "31005" not in rules and "10.91.0.77" not in rules


def test_networks_that_are_not_there_are_refused_by_name(node):
    assert "there are in" in node.refused("back") and "front" in node.refused("back")
    message = node.refused("front", ip_addresses=[{"ip_address": "nowhere"}])
    assert "ip_addresses[0]: 'nowhere' is not an address" in message
    assert "label 'allow' is for the bridge" in node.refused("front", labels={"labels": [{"key": "allow", "value": "/db:1"}]})
    node.add_network("plain", {"type": "ptp", "ipam": node.ipam("10.92.0.0/24")})
    message = node.refused("plain", labels={"labels": [{"key": "bandwidth_in", "value": "8mbit"}]})
    assert "give network 'plain' 'bandwidth': none of its plugins has that capability" in message


def test_two_networks_and_names(node):
    node.add_network("side", {"type": "ptp", "ipMasq": False, "ipam": {
        **node.ipam("10.93.0.0/24"), "routes": [{"dst": "10.99.0.0/16"}]},
        "dns": {"nameservers": ["10.93.0.53"], "search": ["side.example"]}})
    task = node.launch("cat /etc/hosts /etc/resolv.conf; echo end; exec sleep 1000", container={
        "hostname": "both", "network_infos": [{"name": "front"}, {"name": "side"}]})
    status = node.framework.status(task, "TASK_RUNNING")
    first, second = status["container_status"]["network_infos"]
    assert (first["name"], second["name"]) == ("front", "side")
    one, other = (info["ip_addresses"][0]["ip_address"] for info in (first, second))
    assert one.startswith("10.91.0.") and other.startswith("10.93.0.")
    lines = wait_until(lambda: "end" in node.sandbox(task) and node.sandbox(task).splitlines(), "what it sees")
    assert f"{one}\tboth" in lines and f"{other}\tboth" in lines
    assert "nameserver 10.93.0.53" in lines and "search side.example" in lines
    names = {link["ifname"] for link in json.loads(node.in_container(task, "ip", "-j", "link"))}
    assert {"eth0", "eth1"} <= names


def test_single_configurations_as_mesos_documents_them(node):
    (node.configs / "old.conf").write_text(json.dumps(
        {"name": "old", "type": "ptp", "ipMasq": True, "args": {"org.apache.mesos": {"x": 1}}, "ipam": node.ipam("10.94.0.0/24")}))
    _, address = node.start("old", SERVER)
    assert node.ask(address) == ["hello", "10.94.0.1"]


def test_a_network_of_the_outside(node):
    node.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
    node.run("sh", "-c", "ip link set up0 up; ip link set up1 up; ip addr add 10.95.0.1/24 dev up1")
    try:
        node.add_network("outside", {"type": "macvlan", "master": "up0", "ipam": node.ipam("10.95.0.0/24", ranges=[[
            {"subnet": "10.95.0.0/24", "rangeStart": "10.95.0.10"}]])})
        task, address = node.start("outside", SERVER)
        assert node.ask(address) == ["hello", "10.95.0.1"]
        node.end(task)
        message = node.refused("outside", port_mappings=[{"host_port": 31008, "container_port": 80}])
        assert "give network 'outside' 'portMappings': none of its plugins has that capability" in message
    finally:
        node.run("ip", "link", "delete", "up0")


def test_an_exhausted_range_is_told_by_its_plugin(node):
    node.add_network("small", {"type": "ptp", "ipam": node.ipam("10.96.0.0/30")})
    node.start("small")
    message = node.refused("small")
    assert "network 'small': ADD by plugin 'ptp':" in message and "no IP addresses available" in message
    assert len(node.leased("small")) == 1
