"""A node with a bridge for its containers: a master and an agent in a network namespace of their own."""
import contextlib
import json
import os

import pytest

from cluster import wait_until
from fleet import Single
from framework import Framework, scalar

FOREVER = "exec sleep 1000"


class Node(Single):
    """With a framework of the test's."""

    def __init__(self, *flags, before=()):
        with contextlib.ExitStack() as undo:
            super().__init__("network", *flags, before=before)
            undo.callback(super().close)
            self.framework = Framework(self)
            undo.pop_all()

    def close(self):
        with contextlib.closing(super()):
            self.framework.close()

    @property
    def agent(self):
        return self.agents[0]

    def empty(self):
        """Every task is killed; nothing is left of any."""
        for task_id in {row.get("executor_id") for row in self.agent.containers()} - {None}:
            self.framework.call("KILL", task_id={"value": task_id})
        for update in self.framework.all("UPDATE"):
            self.framework.status(update["status"]["task_id"]["value"])
        wait_until(self.is_empty, lambda: f"an empty node, not {self.networks()} and {self.links()}")

    def is_empty(self):
        return not self.agent.containers() and not self.links() and not self.networks()

    def launch(self, command=FOREVER, info=None, container=None, resources=(), **task):
        """A task on the bridge; INFO goes into its NetworkInfo."""
        container = {"type": "MESOS", "network_infos": [{"name": "mesos-bridge", **(info or {})}], **(container or {})}
        def has_ports(offer):
            return not resources or any(part["begin"] == 31000 for r in offer["resources"] if r["name"] == "ports"
                                        for part in r["ranges"]["range"])
        return self.framework.launch(self.framework.offer(has_ports), command, [scalar("cpus", 0.1), scalar("mem", 32), *resources],
                                     container=container, **task)

    def running(self, *args, **more):
        """The same; its id and its addresses, when it runs."""
        task_id = self.launch(*args, **more)
        return task_id, addresses_of(self.framework.status(task_id, "TASK_RUNNING"))

    def run(self, *command, check=True):
        """In the node's network namespace; its standard output."""
        return self.namespace.run(*command, check=check)

    def run_beside(self, task_id, *command):
        """The same in the network namespace of a task."""
        return self.run("nsenter", f"--net=/proc/{self.pid_in(task_id)}/ns/net", *command)

    def links(self):
        """The node's ends of containers' links, by name."""
        return {link["ifname"]: link for link in json.loads(self.run("ip", "-j", "-d", "link")) if
                link["ifname"].startswith("tepui-v")}

    def networks(self):
        """What the agent has recorded."""
        return self.agent.call("GET", "/networks").json["containers"]

    def sandbox(self, task_id, name="stdout"):
        row = self.agent.container_of(task_id)
        path, = self.agent.work_dir.glob(f"slaves/*/frameworks/*/executors/{task_id}/runs/{row['container_id']}/{name}")
        return path.read_text()

    def output(self, task_id, last="end\n"):
        """All of it, once it ends with LAST."""
        return wait_until(lambda: self.sandbox(task_id).endswith(last) and self.sandbox(task_id),
                          lambda: f"the output: {self.sandbox(task_id)} {self.sandbox(task_id, 'stderr')}")

    def pid_in(self, task_id):
        """Of a process of a task."""
        row = self.agent.container_of(task_id)
        for directory in self.agent.container_cgroups():
            for name, _, _ in os.walk(directory) if os.path.basename(directory) == row["container_id"] else ():
                with open(os.path.join(name, "cgroup.procs"), encoding="ascii") as file:
                    for line in file:
                        return int(line)
        raise AssertionError(f"{task_id} has no process")


def shared_node(kind, *flags):
    """Fixtures of a module: a node, KIND with FLAGS, for all of its tests; and that one, emptied after each."""
    @pytest.fixture(name="shared", scope="module")
    def running_node():
        with contextlib.closing(kind(*flags)) as made:
            yield made

    @pytest.fixture(name="node")
    def emptied_node(shared):
        yield shared
        shared.empty()
    return running_node, emptied_node


def addresses_of(status):
    info, = status["container_status"]["network_infos"]
    return [a["ip_address"] for a in info["ip_addresses"]]
