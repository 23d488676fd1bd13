"""A master and three agents, each in a network namespace of its own, with a switch between them."""
import collections
import contextlib
import ctypes
import os
import subprocess
import threading

from cluster import Cluster, Place, wait_until
from task_servers import PATIENT_SERVER

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
NODES = ({"rack": "r1", "zone": "east"}, {"rack": "r1", "zone": "west"}, {"rack": "r2", "zone": "west"})

# Apps for it.
SLEEPER = {"id": "/web", "cmd": "exec sleep 1000", "cpus": 0.1, "mem": 16, "instances": 3, "backoffSeconds": 1,
           "backoffFactor": 1}
SERVER = {**SLEEPER, "cmd": PATIENT_SERVER, "mem": 48, "instances": 4, "env": {"VERSION": "1"},
          "portDefinitions": [{"port": 0}], "taskKillGracePeriodSeconds": 60, "healthChecks": [
              {"protocol": "MESOS_HTTP", "path": "/health", "portIndex": 0, "gracePeriodSeconds": 60, "delaySeconds": 0,
               "intervalSeconds": 1, "timeoutSeconds": 10, "maxConsecutiveFailures": 0}]}

Container = collections.namedtuple("Container", "task node state")


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Namespace(Place):
    """Has no name, and is kept by a descriptor alone: whatever becomes of the test, nothing is left of it."""

    def __init__(self, address):
        self.address, made = address, []

        def make():
            check(libc.unshare(CLONE_NEWNET))
            made.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        self.fd, = made
        self.path = f"/proc/{os.getpid()}/fd/{self.fd}"
        self.prefix = ("nsenter", f"--net={self.path}")
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *command, check=True):
        """Its standard output."""
        done = subprocess.run([*self.prefix, *command], capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    @contextlib.contextmanager
    def inside(self):
        """This thread alone; sockets stay where they were made."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            check(libc.setns(self.fd, CLONE_NEWNET))
            yield
        finally:
            check(libc.setns(before, CLONE_NEWNET))
            os.close(before)

    def close(self):
        os.close(self.fd)


class Single(Cluster):
    """A master and an agent on the loopback of a network namespace of their own."""

    def __init__(self, name, *agent_flags, before=()):
        """BEFORE: a command that is run in the namespace first."""
        with contextlib.ExitStack() as undo:
            self.namespace = undo.enter_context(contextlib.closing(Namespace("127.0.0.1")))
            if before:
                self.namespace.run(*before)
            super().__init__(name, self.namespace)
            undo.callback(super().close)
            self.start_master()
            self.start_agent("--resources=cpus:4;mem:2048;disk:2048;ports:[31000-31999]", *agent_flags, place=self.namespace)
            self.undo = undo.pop_all()

    def close(self):
        self.undo.close()

    def empty(self):
        self.call("DELETE", "/v2/groups?force=true")
        wait_until(lambda: not self.call("GET", "/v2/tasks").json["tasks"] and
                   not self.call("GET", "/v2/pods/::status").json and not self.call("GET", "/v2/deployments").json,
                   "the end of everything", 60)


class Switch(Namespace):
    """A bridge with a port for each machine; who is inside speaks to all of them as a client would."""

    def __init__(self):
        super().__init__("10.0.0.254")
        self.run("ip", "link", "add", "switch", "type", "bridge")
        self.run("ip", "address", "add", f"{self.address}/24", "dev", "switch")
        self.run("ip", "link", "set", "switch", "up")

    def connect(self, machine):
        self.run("ip", "link", "add", "name", machine.name, "type", "veth", "peer", "name", "eth0", "netns", machine.path)
        self.run("ip", "link", "set", "dev", machine.name, "up")
        machine.run("ip", "address", "add", f"{machine.address}/24", "dev", "eth0")
        machine.run("ip", "link", "set", "eth0", "up")
        self.plug(machine)

    def plug(self, machine):
        self.run("ip", "link", "set", "dev", machine.name, "master", "switch")

    def unplug(self, machine):
        """Packets vanish, and nobody is told."""
        self.run("ip", "link", "set", "dev", machine.name, "nomaster")


class Machine(Namespace):
    def __init__(self, name, address):
        super().__init__(address)
        self.name = name


class Fleet(Cluster):
    """Three nodes in two racks and two zones.  Agents are asked from within: also one that is unplugged."""

    def __init__(self, *master_flags, agent_flags=()):
        with contextlib.ExitStack() as undo:
            self.switch = undo.enter_context(contextlib.closing(Switch()))
            self.machines = [undo.enter_context(contextlib.closing(Machine(name, f"10.0.0.{i}")))
                             for i, name in enumerate(("master", "node1", "node2", "node3"), 1)]
            for machine in self.machines:
                self.switch.connect(machine)
            super().__init__("fleet", self.machines[0])
            undo.callback(super().close)
            self.start_master("--insecure", *master_flags)
            for machine, attributes in zip(self.machines[1:], NODES):
                self.start_agent(
                    "--insecure", f"--hostname={machine.name}", f"--image_store={self.images_of(machine)}",
                    "--resources=cpus:4;mem:4096;disk:4096;ports:[31000-31999]",
                    "--attributes=" + ";".join(f"{key}:{value}" for key, value in attributes.items()), *agent_flags,
                    place=machine)
            self.undo = undo.pop_all()

    def close(self):
        self.undo.close()

    def address_of(self, task):
        """Where a client reaches TASK, as /v2/tasks has it."""
        machine = next(m for m in self.machines if m.name == task["host"])
        return machine.address, task["ports"][0]

    def images_of(self, machine):
        return self.directory / f"{machine.name}-images"

    def change(self, path, body, method="PUT"):
        """Of apps or groups: the id of its deployment."""
        answer = self.call(method, path, body)
        assert answer.status in (200, 201), answer.body
        return answer.json.get("deploymentId") or answer.headers["Marathon-Deployment-Id"]

    def deployment(self, deployment_id):
        return self.call("GET", f"/v2/deployments/{deployment_id}").json

    def running(self, app_id):
        return {t["id"] for t in self.tasks(app_id) if t["state"] == "TASK_RUNNING"}

    def settled(self, app_id, instances):
        """Wait until all that is on the nodes is what the master knows, INSTANCES of APP_ID."""
        def known():
            return {(t["id"], t["host"]) for t in self.tasks(app_id) if t["state"] == "TASK_RUNNING"}
        wait_until(lambda: len(known()) == instances and known() == {(c.task, c.node) for c in self.containers()},
                   lambda: f"{instances} instances, of {self.tasks(app_id)} and {self.containers()}", 60)

    def nodes(self):
        return self.call("GET", "/slaves").json["slaves"]

    def empty(self):
        """Everything that tests do to it is undone."""
        for machine in self.machines:
            self.switch.plug(machine)
        wait_until(lambda: all(s.get("state") == "connected" for s in self.nodes()), "the agents' return")
        for node in self.nodes():
            if node["deactivated"]:
                self.tepui("node", "reactivate", node["id"])
        self.agents_are_back()
        self.call("DELETE", "/v2/groups?force=true")
        wait_until(lambda: not self.containers() and not self.call("GET", "/v2/deployments").json and
                   not self.call("GET", "/v2/tasks").json["tasks"],
                   lambda: f"an empty fleet: {self.containers()} {self.call('GET', '/v2/tasks').body}", 60)

    def containers(self):
        """What really is on the nodes, whatever the master knows of it."""
        def state(container):
            return container["tepui"]["state"] if "tepui" in container else "TASK_STAGING"
        return {Container(c["executor_id"], agent.place.name, state(c))
                for agent in self.agents for c in agent.containers()}
