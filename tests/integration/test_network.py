"""Containers with a network of their own on the agent's bridge, in a network namespace that is the test's alone."""
import contextlib
import json
import os
import re
import signal
import subprocess

import pytest

from cluster import Cluster, wait_until
from fleet import Namespace
from framework import Framework

RESOURCES = [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
             {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}}]


class Node(Cluster):
    """A master and an agent on the loopback of a network namespace."""

    def __init__(self, *flags):
        self.namespace = Namespace("127.0.0.1")
        with contextlib.ExitStack() as undo:
            undo.callback(self.namespace.close)
            super().__init__("network", self.namespace)
            undo.callback(super().close)
            self.start_master()
            self.start_agent("--resources=cpus:4;mem:2048;disk:1024;ports:[31000-31999]", *flags, place=self.namespace)
            self.framework = Framework(self)
            undo.callback(self.framework.close)
            self.undo = undo.pop_all()

    def close(self):
        self.undo.close()

    @property
    def agent(self):
        return self.agents[0]

    def launch(self, command="exec sleep 1000", info=None, container=None, resources=(), **task):
        container = {"type": "MESOS", "network_infos": [{"name": "mesos-bridge", **(info or {})}], **(container or {})}
        return self.framework.launch(self.framework.offer(), command, [*RESOURCES, *resources], container=container, **task)

    def run_in(self, *command, check=True):
        done = subprocess.run([*self.namespace.prefix, *command], capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, (command, done.stderr)
        return done.stdout

    def links(self):
        """Of containers, by name."""
        return {link["ifname"]: link for link in json.loads(self.run_in("ip", "-j", "-d", "link")) if
                link["ifname"].startswith("tepui-v")}

    def sandbox(self, task_id, name="stdout"):
        row = self.agent.container_of(task_id)
        path, = self.agent.work_dir.glob(f"slaves/*/frameworks/*/executors/{task_id}/runs/{row['container_id']}/{name}")
        return path.read_text()


def container_pid(node, task_id):
    """Of a process in it."""
    row = node.agent.container_of(task_id)
    for directory in node.agent.container_cgroups():
        if os.path.basename(directory) == row["container_id"]:
            for name, _, files in os.walk(directory):
                with open(os.path.join(name, "cgroup.procs"), encoding="ascii") as file:
                    for line in file:
                        return int(line)
    raise AssertionError(f"{task_id} has no process")


def addresses_of(status):
    info, = status["container_status"]["network_infos"]
    return [a["ip_address"] for a in info["ip_addresses"]]


@pytest.fixture(scope="module")
def shared():
    node = Node()
    yield node
    node.close()


@pytest.fixture
def node(shared):
    yield shared
    for row in shared.agent.containers():
        shared.framework.call("KILL", task_id={"value": row["executor_id"]})
    wait_until(lambda: not shared.agent.containers() and not shared.links(), "an empty node")


SHOW = "ip -j addr; ip -j route; ip -6 -j route; cat /etc/hosts; echo =; hostname; cat /etc/hostname"
SERVER = "exec socat TCP6-LISTEN:80,ipv6only=0,fork,reuseaddr SYSTEM:'read line; echo $line $SOCAT_PEERADDR'"


def test_a_container_has_addresses_routes_and_names(node):
    task = node.launch(f"{SHOW}; echo end; exec sleep 1000")
    status = node.framework.status(task, "TASK_RUNNING")
    address, address6 = addresses_of(status)
    assert re.fullmatch(r"172\.29\.0\.\d+", address) and address6.startswith("fd74:6570:7569::")
    text = wait_until(lambda: node.sandbox(task).endswith("end\n") and node.sandbox(task), "what it sees")
    lines = text.splitlines()
    links = {link["ifname"]: link for link in json.loads(lines[0])}
    assert set(links) == {"lo", "eth0"}
    assert {a["local"] for a in links["eth0"]["addr_info"] if a["scope"] == "global"} == {address, address6}
    assert links["eth0"]["mtu"] == 1500 and "UP" in links["lo"]["flags"] and "UP" in links["eth0"]["flags"]
    assert {"dst": "default", "gateway": "172.29.0.1", "dev": "eth0", "flags": []} in json.loads(lines[1])
    assert "fd74:6570:7569::1" in [route.get("gateway") for route in json.loads(lines[2])]
    container_id = status["container_status"]["container_id"]["value"]
    assert f"{address}\t{container_id}" in lines and f"{address6}\t{container_id}" in lines
    assert lines[-3:-1] == [container_id, container_id]
    link, = node.links().values()
    assert link["master"] == "tepui0" and link["linkinfo"]["info_slave_data"]["hairpin"]


def test_containers_reach_each_other_and_the_node_both_ways(node):
    server = node.launch(SERVER)
    address, address6 = addresses_of(node.framework.status(server, "TASK_RUNNING"))
    ask = f"echo from | socat -t5 - TCP4:{address}:80,retry=40,interval=0.1 && echo from | socat -t5 - TCP6:[{address6}]:80"
    assert node.run_in("sh", "-c", ask).split() == ["from", "[0000:0000:0000:0000:0000:ffff:ac1d:0001]", "from",
                                                   "[fd74:6570:7569:0000:0000:0000:0000:0001]"]
    client = node.launch(f"{ask}; echo end; exec sleep 1000")
    own, _ = addresses_of(node.framework.status(client, "TASK_RUNNING"))
    assert own != address
    words = wait_until(lambda: "end" in node.sandbox(client) and node.sandbox(client).split(), "the answers")
    assert words[0] == words[2] == "from" and words[3].startswith("[fd74:6570:7569:")
    itself = node.run_in("nsenter", f"--net=/proc/{container_pid(node, server)}/ns/net", "sh", "-c", ask)
    assert itself.count("from") == 2
