"""
The escape battery: tests/escape/isoprobe runs as a task of a real cluster under several kinds of
credentials, and the host is compared before and after each family of probes.
"""
import collections
import os
import pathlib
import shutil
import socket
import subprocess

import pytest

import cluster as cluster_module
from cluster import BUILD, REPOSITORY, SLOW, Cluster, host_facts, wait_until
from host_snapshot import Canaries, differences, host_state, own_namespaces

pytestmark = pytest.mark.vm

PROBER = BUILD / "tests/escape/isoprobe"
PROGRAMS = [BUILD / name for name in ("tepui-agent", "tepui-executor", "tepui-master", "tests/escape/isoprobe")]
EXTRA_DESCRIPTORS = 50
PIDS = 200

# Of root without a user namespace: agent/launch_spec.c, and DESIGN.md section 6.
ROOT_CAPABILITIES = (0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 31)


def mask(numbers):
    return f"{sum(1 << n for n in numbers):016x}"


MODES = {
    "user": {"UID": "65534", "GID": "65534", "CAPS": mask(()), "GROUPS": "", "ID_MAP": "0:0:4294967295"},
    "root": {"UID": "0", "GID": "0", "CAPS": mask(ROOT_CAPABILITIES), "GROUPS": "", "ID_MAP": "0:0:4294967295"},
}


def allowed_table():
    """What is allowed by design: {(probe, mode): reason}."""
    table = {}
    for line in (REPOSITORY / "tests/escape/allowed").read_text().splitlines():
        if line and not line.startswith("#"):
            modes, probe, reason = line.split(None, 2)
            for mode in MODES if modes == "all" else modes.split(","):
                table[probe, mode] = reason
    return table


def families():
    listed = subprocess.run([PROBER, "--list"], check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted({line.split(".")[0] for line in listed}, key=lambda f: (f[0], int(f[1:])))


# ---- The cluster ----

@pytest.fixture(scope="module")
def hostile():
    """A cluster whose agent was started as carelessly as can be, on a host with canaries."""
    with own_namespaces():
        made = Cluster("escape")
        before = host_facts(made.directory.name)
        before["files"] = []
        pipes = [fd for _ in range(EXTRA_DESCRIPTORS // 2) for fd in os.pipe()]
        # Outside of the directory: it must hold for what a host has anywhere.
        try:
            with Canaries(made.directory.name) as made.canaries:
                made.start_master()
                start_careless_agent(made, pipes)
                yield made
                made.close()
        finally:
            for fd in pipes:
                os.close(fd)
            if made.directory.exists():
                made.close()
        assert host_facts(made.directory.name) == before


def start_careless_agent(cluster, pipes):
    """With descriptors that it did not ask for and a secret in its environment."""
    for fd in pipes:
        os.set_inheritable(fd, True)
    start = subprocess.Popen

    class Careless(start):
        def __init__(self, *args, **options):
            super().__init__(*args, **{**options, "close_fds": False})

    cluster_module.subprocess.Popen = Careless
    try:
        agent = cluster.start_agent("--allow_root_tasks", f"--pids_limit={PIDS}", wait=False)
    finally:
        cluster_module.subprocess.Popen = start
        for fd in pipes:
            os.set_inheritable(fd, False)
    wait_until(cluster.active_agents, "the agent's registration")
    assert len(os.listdir(f"/proc/{agent.pid}/fd")) >= EXTRA_DESCRIPTORS


def facts(cluster, mode):
    agent = cluster.agents[0]
    return {
        **cluster.canaries.facts(), **MODES[mode],
        "AGENT_PID": str(agent.pid), "AGENT_PORT": str(agent.port), "MASTER_PORT": str(cluster.master_port),
        "AGENT_WORK_DIR": str(agent.work_dir), "AGENT_STORE": str(agent.work_dir / "agent.db"),
        "AGENT_SOCKET": str(agent.work_dir / "agent.sock"), "MASTER_WORK_DIR": str(cluster.directory / "master"),
        "HOST_NAME": socket.gethostname(), "HOST_WORDS": f"{cluster.directory.name}:{cluster.canaries.name}",
        "NETWORK_IS_CLOSED": "1",
    }


# ---- The task ----

class Task:
    """The prober, run as a task; it does one family after the other, as it is told."""

    def __init__(self, cluster, mode):
        self.cluster, self.mode, self.agent = cluster, mode, cluster.agents[0]
        self.seen = 0
        app = {"id": f"/{mode}", "cmd": "while ! [ -p step ]; do sleep 0.05; done; exec ./isoprobe --from step",
               "cpus": 0.1, "mem": 128, "instances": 1,
               "env": {f"ESCAPE_{name}": value for name, value in facts(cluster, mode).items()}}
        if mode == "root":
            app["user"] = "root"
        cluster.deploy(app)
        row = next(c for c in self.agent.containers() if c["executor_id"].startswith(mode))
        self.sandbox = pathlib.Path(row["tepui"]["sandbox"])
        self.furnish()

    def furnish(self):
        """The prober, files that want to make more of who runs them, and what it is told by."""
        shutil.copy(PROBER, self.sandbox / "isoprobe")
        for name, file_mode in (("setuid", 0o4755), ("setgid", 0o2755), ("setcap", 0o755)):
            (self.sandbox / name).mkdir(mode=0o755)
            shutil.copy("/bin/busybox", self.sandbox / name)
            (self.sandbox / name / "busybox").chmod(file_mode)
        # Version 2, effective; then what is permitted and what is inheritable, lower and upper halves.
        os.setxattr(self.sandbox / "setcap/busybox", "security.capability",
                    bytes.fromhex("01000002" + "ffffffff" * 2 + "ff010000" * 2))
        os.mkfifo(self.sandbox / "step.new")
        (self.sandbox / "step.new").chmod(0o666)
        (self.sandbox / "step.new").rename(self.sandbox / "step")

    def text(self):
        return (self.sandbox / "stdout").read_text(errors="replace")

    def run(self, family):
        """The results of FAMILY: [(probe, result, errno, detail)]."""
        with open(self.sandbox / "step", "w", encoding="ascii") as step:
            step.write(family + "\n")
        end = f"done {family}\n"
        wait_until(lambda: end in self.text()[self.seen:], f"the end of {family}", 60)
        text = self.text()[self.seen:]
        self.seen += len(text)
        return [tuple(line.split("\t")) for line in text.splitlines() if "\t" in line]

    def end(self):
        with open(self.sandbox / "step", "w", encoding="ascii") as step:
            step.write("end\n")
        self.cluster.remove(f"/{self.mode}")


def steps():
    """A family at a time; on an emulated machine a whole table, for the snapshots are dear there."""
    return families() if SLOW == 1 else sorted({f[0] for f in families()})


def descriptors(agent):
    return len(os.listdir(f"/proc/{agent.pid}/fd"))


@pytest.mark.parametrize("mode", MODES)
def test_no_probe_gets_through(hostile, mode, capsys):
    allowed = {probe: reason for (probe, m), reason in allowed_table().items() if m == mode}
    agent = hostile.agents[0]
    task = Task(hostile, mode)
    before, open_before = host_state(hostile.canaries, PROGRAMS), descriptors(agent)
    results, holes = [], []
    for step in steps():
        got = task.run(step)
        assert got, f"no probes of {step}"
        results += got
        after = host_state(hostile.canaries, PROGRAMS)
        holes += [f"{step}: the host has changed: {line}" for line in differences(before, after)]
        assert agent.is_alive() and hostile.master.is_alive(), f"{step} has ended a daemon"
        before = after
    wait_until(lambda: descriptors(agent) <= open_before, "the agent's descriptors")
    task.end()
    holes += [f"{probe}: {result} {error} {detail}" for probe, result, error, detail in results
              if result == "allowed" and probe not in allowed]
    holes += [f"{probe}: no longer allowed: take it off the table" for probe in allowed
              if probe not in {r[0] for r in results if r[1] == "allowed"}]
    with capsys.disabled():
        print_counts(mode, results)
    assert not holes, "\n" + "\n".join(holes)


def print_counts(mode, results):
    counts = collections.Counter(r[1] for r in results)
    print(f"\n{mode}: {len({r[0].split('.')[0] for r in results})} families, {len(results)} probes: "
          + ", ".join(f"{counts[k]} {k}" for k in ("denied", "absent", "allowed")))
