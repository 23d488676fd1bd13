"""A master and agents of our own on loopback, driven by tests over their published interfaces."""
import contextlib
import http.client
import json
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BUILD = pathlib.Path(os.environ.get("TEPUI_BUILD", "build")).resolve()
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
# Emulated machines and sanitizers are slow; the facts are the same.
SLOW = 1 if os.path.isdir("/sys/fs/cgroup/memory") and not os.environ.get("TEPUI_TEST_SANITIZED") else 6


given_ports = set()


def free_port():
    """Below those of outgoing connections, one of which could have it before the daemon, and of tasks."""
    while True:
        port = random.randrange(20000, 31000)
        with contextlib.suppress(OSError), socket.socket() as s:
            s.bind(("127.0.0.1", port))
            if port not in given_ports:
                given_ports.add(port)
                return port


def wait_until(fact, what, seconds=20):
    """Poll FACT until it is true; its last value is returned.  WHAT may be a function, asked at the end."""
    deadline = time.monotonic() + seconds * SLOW
    while True:
        value = fact()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what() if callable(what) else what}: not within {seconds * SLOW} s, last value {value!r}")
        select.select([], [], [], 0.02)


class Daemon:
    """One process of ours; ended by its pid, its log kept for a failure's report."""

    def __init__(self, name, argv, log, env=None):
        self.name, self.argv, self.log, self.env = name, [str(a) for a in argv], log, env
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.env, start_new_session=True)
        return self

    @property
    def pid(self):
        return self.process.pid

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def end(self, signo=signal.SIGTERM, seconds=20):
        if not self.is_alive():
            return self.process.returncode if self.process else None
        self.process.send_signal(signo)
        try:
            return self.process.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} did not end on signal {signo}") from None

    def text(self):
        return pathlib.Path(self.log).read_text(errors="replace")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Place:
    """Where a daemon runs: its address, the command that executes another one there, and a way in for this thread."""
    address, prefix = "127.0.0.1", ()

    def inside(self):
        return contextlib.nullcontext()


LOOPBACK = Place()


class Cluster:
    """Start what a test needs; close() takes everything away, also after a failure."""

    def __init__(self, name="test", place=LOOPBACK):
        """PLACE: the master's."""
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"tepui-{name}-"))
        self.place, self.master_port = place, free_port()
        self.master_address = f"{place.address}:{self.master_port}"
        self.master_flags, self.daemons, self.agents = [], [], []
        self.master = None

    # ---- daemons ----

    def start_master(self, *flags):
        self.master_flags = list(flags) or self.master_flags
        if self.master is None:
            self.master = Daemon("master", [
                *self.place.prefix, BUILD / "tepui-master", f"--work_dir={self.directory / 'master'}",
                f"--listen={self.master_address}", "--http_port=0", *self.master_flags], self.directory / "master.log")
            self.daemons.append(self.master)
        self.master.start()
        wait_until(self.answers_ping, "the master's first answer")
        return self.master

    def answers_ping(self):
        if not self.master.is_alive():
            raise AssertionError("the master ended: " + self.master.text()[-2000:])
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.call("GET", "/ping").status == 200
        return False

    def kill_master(self):
        """-9, and another one in its place at once; who needs its agents waits for agents_are_back()."""
        self.master.end(signal.SIGKILL)
        self.start_master()

    def kill_agent(self, agent):
        """-9, and another one in its place, registered."""
        agent.end(signal.SIGKILL)
        agent.start()
        self.agents_are_back()

    def start_agent(self, *flags, wait=True, before=(), place=LOOPBACK):
        """BEFORE: a command, with arguments, that executes what it is given after them."""
        index = len(self.agents)
        agent = Agent(self, index, flags, before, place)
        self.agents.append(agent)
        self.daemons.append(agent)
        agent.start()
        def is_registered():
            if not agent.is_alive():
                raise AssertionError("the agent ended: " + agent.text()[-2000:])
            return self.active_agents() > index
        if wait:
            wait_until(is_registered, f"agent {index}'s registration")
        return agent

    def active_agents(self):
        return sum(1 for s in self.call("GET", "/slaves").json["slaves"] if s["active"])

    def agents_are_back(self):
        wait_until(lambda: self.active_agents() == sum(a.is_alive() for a in self.agents), "the agents' return")

    # ---- the interfaces ----

    def call(self, method, path, body=None, headers=None, port=None, timeout=30, place=None):
        """Ask the master, or whoever listens on PORT at PLACE."""
        place = place or self.place
        connection = http.client.HTTPConnection(place.address, port or self.master_port, timeout=timeout * SLOW)
        try:
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            with place.inside():
                connection.connect()
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def app(self, app_id):
        answer = self.call("GET", f"/v2/apps/{app_id.lstrip('/')}")
        return answer.json["app"] if answer.status == 200 else None

    def tasks(self, app_id):
        answer = self.call("GET", f"/v2/apps/{app_id.lstrip('/')}/tasks")
        return answer.json["tasks"] if answer.status == 200 else []

    def deploy(self, app, seconds=60):
        """POST an app and wait for its deployment."""
        answer = self.call("POST", "/v2/apps", app)
        assert answer.status == 201, answer.body
        self.wait_deployment(answer.headers["Marathon-Deployment-Id"], seconds)
        return self.app(app["id"])

    def wait_deployment(self, deployment_id, seconds=60):
        wait_until(lambda: deployment_id not in [d["id"] for d in self.call("GET", "/v2/deployments").json],
                   f"deployment {deployment_id}", seconds)

    def remove(self, app_id, seconds=60):
        answer = self.call("DELETE", f"/v2/apps/{app_id.lstrip('/')}")
        assert answer.status == 200, answer.body
        # The app goes from the tree at once, its tasks with the deployment.
        self.wait_deployment(answer.json["deploymentId"], seconds)
        assert self.app(app_id) is None

    def tepui(self, *args, check=True):
        """The command line; its standard output."""
        done = subprocess.run([*self.place.prefix, BUILD / "tepui", f"--master={self.master_address}", *args],
                              capture_output=True, text=True, check=False, timeout=300 * SLOW)
        if check:
            assert done.returncode == 0, f"tepui {args}: {done.returncode} {done.stderr}"
            return done.stdout
        return done

    # ---- the end ----

    def close(self):
        for daemon in reversed(self.daemons):
            if daemon.is_alive():
                daemon.process.kill()
                daemon.process.wait()
        for agent in self.agents:
            agent.remove_cgroups()
        # What a killed agent had under way dies with it, but not in the same moment.
        wait_until(lambda: not any(self.directory.name in line for line in command_lines()), "the end of processes")
        shutil.rmtree(self.directory)


class Agent(Daemon):
    def __init__(self, cluster, index, flags, before=(), place=LOOPBACK):
        self.cluster, self.place = cluster, place
        self.port = free_port()
        self.work_dir = cluster.directory / f"agent{index}"
        self.cgroup_root = f"{cluster.directory.name}-{index}"
        super().__init__(f"agent{index}", [
            *place.prefix, *before, BUILD / "tepui-agent", f"--master={cluster.master_address}", f"--work_dir={self.work_dir}",
            f"--listen={place.address}:{self.port}", f"--cgroup_root={self.cgroup_root}",
            f"--executor={BUILD / 'tepui-executor'}", f"--hostname=node{index}.test" if index else
            "--hostname=127.0.0.1", *(["--no-nftables"] if place is LOOPBACK else []), *flags], cluster.directory / f"agent{index}.log")

    def call(self, method, path, body=None, headers=None):
        return self.cluster.call(method, path, body, headers, port=self.port, place=self.place)

    def containers(self):
        return self.call("GET", "/containers").json

    def container_of(self, task_id):
        return next((c for c in self.containers() if c["executor_id"] == task_id), None)

    def cgroup_directories(self):
        """Every directory below our root, in all hierarchies, deepest first."""
        found = []
        for directory, names, _ in os.walk("/sys/fs/cgroup", topdown=False):
            found += [os.path.join(directory, n) for n in names
                      if f"/{self.cgroup_root}" in os.path.join(directory, n) + "/"]
        return found

    def container_cgroups(self):
        return [d for d in self.cgroup_directories() if os.path.dirname(d).endswith("/containers")]

    def processes(self):
        """Pids in our cgroups."""
        found = set()
        for directory in self.cgroup_directories():
            with contextlib.suppress(OSError), open(os.path.join(directory, "cgroup.procs"),
                                                    encoding="ascii") as file:
                found |= {int(line) for line in file}
        return found

    def remove_cgroups(self):
        for directory in self.cgroup_directories():
            with contextlib.suppress(OSError), open(os.path.join(directory, "cgroup.kill"), "w",
                                                    encoding="ascii") as file:
                file.write("1")
        # An executor lives outside its container's cgroup but in our supervisors' leaf.
        def removed():
            for directory in self.cgroup_directories():
                with contextlib.suppress(OSError):
                    os.rmdir(directory)
            return not self.cgroup_directories()
        wait_until(removed, f"the end of cgroups {self.cgroup_root}")


def command_lines():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
            yield file.read().replace(b"\0", b" ").decode(errors="replace")


def host_facts(name):
    """What of NAME, a cluster's directory, is on the host; and what must be the same whoever made it."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounts = sorted(line.split(" ", 2)[2] for line in file)
    return {
        "mounts": mounts,
        "links": sorted(os.listdir("/sys/class/net")),
        "processes": sorted(line for line in command_lines() if name in line),
        "cgroups": sorted(os.path.join(d, n) for d, names, _ in os.walk("/sys/fs/cgroup") for n in names
                          if name in n),
        "files": sorted(n for n in os.listdir("/tmp") if name in n),
    }
