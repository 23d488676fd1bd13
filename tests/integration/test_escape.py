"""
The escape battery: tests/escape/isoprobe runs as a task of a real cluster under several kinds of
credentials, and the host is compared before and after each family of probes.
"""
import collections
import errno
import os
import pathlib
import shutil
import socket
import subprocess

import pytest

from cluster import BUILD, REPOSITORY, SLOW, wait_until
from hostile import PIDS, hostile_cluster  # noqa: F401
from host_snapshot import differences, host_state
from oci import CAPABILITY_SETS, Runtime

pytestmark = pytest.mark.vm

PROBER = BUILD / "tests/escape/isoprobe"
PROGRAMS = [BUILD / name for name in ("tepui-agent", "tepui-executor", "tepui-master", "tests/escape/isoprobe")]

# Of root without a user namespace: agent/launch_spec.c, and DESIGN.md section 6.
CAPABILITY_NAMES = {0: "CAP_CHOWN", 1: "CAP_DAC_OVERRIDE", 3: "CAP_FOWNER", 4: "CAP_FSETID", 5: "CAP_KILL",
                    6: "CAP_SETGID", 7: "CAP_SETUID", 8: "CAP_SETPCAP", 10: "CAP_NET_BIND_SERVICE",
                    18: "CAP_SYS_CHROOT", 31: "CAP_SETFCAP"}
ROOT_CAPABILITIES = tuple(CAPABILITY_NAMES)


def mask(numbers):
    return f"{sum(1 << n for n in numbers):016x}"


WHOLE = "0:0:4294967295"
FIRST_ID = 200000
MODES = {
    # Tasks of the agent, without an image.
    "user": {"UID": "65534", "GID": "65534", "CAPS": mask(()), "GROUPS": "", "ID_MAP": WHOLE},
    "root": {"UID": "0", "GID": "0", "CAPS": mask(ROOT_CAPABILITIES), "GROUPS": "", "ID_MAP": WHOLE},
    # A bundle of tepui-oci: root of a user namespace, in an image, with a network of its own.
    "mapped": {"UID": "0", "GID": "0", "CAPS": mask(ROOT_CAPABILITIES), "GROUPS": "",
               "ID_MAP": f"0:{FIRST_ID}:65536"},
}


def allowed_table(mode):
    """What is allowed by design: the probes that get through, and those that may, by the kernel's build."""
    does, may = set(), set()
    for line in (REPOSITORY / "tests/escape/allowed").read_text().splitlines():
        if line and not line.startswith("#"):
            modes, probe, reason = line.split("\t")
            assert reason, line
            if mode in modes.rstrip("?").split(",") or modes.rstrip("?") == "all":
                (may if modes.endswith("?") else does).add(probe)
    return does, may


def families():
    listed = subprocess.run([PROBER, "--list"], check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted({line.split(".")[0] for line in listed}, key=lambda f: (f[0], int(f[1:])))


# ---- The task ----

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


class Task:
    """The prober in a container, which does one family after the other, as it is told."""

    def furnish(self, directory):
        """The prober, files that want to make more of who runs them, and what it is told by."""
        self.directory, self.seen = directory, 0
        shutil.copy(PROBER, directory / "isoprobe")
        for name, file_mode in (("setuid", 0o4755), ("setgid", 0o2755), ("setcap", 0o755)):
            (directory / name).mkdir(mode=0o755)
            shutil.copy("/bin/busybox", directory / name)
            (directory / name / "busybox").chmod(file_mode)
        # Version 2, effective; then what is permitted and what is inheritable, lower and upper halves.
        os.setxattr(directory / "setcap/busybox", "security.capability",
                    bytes.fromhex("01000002" + "ffffffff" * 2 + "ff010000" * 2))
        os.mkfifo(directory / "step.new")
        (directory / "step.new").chmod(0o666)
        (directory / "step.new").rename(directory / "step")

    def tell(self, line):
        with open(self.directory / "step", "w", encoding="ascii") as step:
            step.write(line + "\n")

    def run(self, family):
        """The results of FAMILY: [(probe, result, errno, detail)]."""
        self.tell(family)
        end = f"done {family}\n"
        wait_until(lambda: end in self.text()[self.seen:], f"the end of {family}", 60)
        text = self.text()[self.seen:]
        self.seen += len(text)
        return [tuple(line.split("\t")) for line in text.splitlines() if "\t" in line]


class AgentTask(Task):
    """In the sandbox of a task that the agent runs."""

    def __init__(self, cluster, mode):
        self.cluster, self.mode = cluster, mode
        app = {"id": f"/{mode}", "cmd": "while ! [ -p step ]; do sleep 0.05; done; exec ./isoprobe --from step",
               "cpus": 0.1, "mem": 128, "instances": 1,
               "env": {f"ESCAPE_{name}": value for name, value in facts(cluster, mode).items()}}
        if mode == "root":
            app["user"] = "root"
        cluster.deploy(app)
        row = next(c for c in cluster.agents[0].containers() if c["executor_id"].startswith(mode))
        self.furnish(pathlib.Path(row["tepui"]["sandbox"]))

    def text(self):
        return (self.directory / "stdout").read_text(errors="replace")

    def end(self):
        self.tell("end")
        self.cluster.remove(f"/{self.mode}")


# The system calls by which the agent's own profile tells apart what a call may do, as a document.
ARGUMENTS = [
    *({"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": family, "op": "SCMP_CMP_EQ"}]}
      for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)),
    {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [
        {"index": 0, "value": socket.AF_NETLINK, "op": "SCMP_CMP_EQ"}, {"index": 2, "value": 0, "op": "SCMP_CMP_EQ"}]},
    {"names": ["socketpair"], "action": "SCMP_ACT_ALLOW", "args": [
        {"index": 0, "value": socket.AF_UNIX, "op": "SCMP_CMP_EQ"}]},
    {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [
        {"index": 0, "value": 0x7e020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
    {"names": ["ioctl"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 0x5412, "op": "SCMP_CMP_NE"}]},
    {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]},
    {"names": ["prctl"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 53, "op": "SCMP_CMP_NE"}]},
]


def profile():
    """What is pinned of the built-in profile, for a runtime that has none unless it is told."""
    rows = [line.split("\t") for line in (REPOSITORY / "tests/escape/syscalls.verdicts").read_text().splitlines()]
    by_argument = {name for row in ARGUMENTS for name in row["names"]}
    names = {verdict: [row[1] for row in rows if row[0].isdigit() and row[3] == verdict and row[1] not in ("-", *by_argument)]
             for verdict in ("allowed", "EPERM")}
    return {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": errno.ENOSYS, "syscalls": [
        {"names": names["allowed"], "action": "SCMP_ACT_ALLOW"},
        {"names": names["EPERM"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM}, *ARGUMENTS]}


class BundleTask(Task):
    """In a bundle of its own, root of a user namespace, run by tepui-oci."""

    def __init__(self, cluster, mode):
        self.runtime = Runtime(cluster.directory / mode)
        config, work = self.runtime.config, self.runtime.rootfs / "battery"
        names = [CAPABILITY_NAMES[n] for n in ROOT_CAPABILITIES]
        rows = [{"containerID": 0, "hostID": FIRST_ID, "size": 65536}]
        config["process"].update(
            args=["/battery/isoprobe", "--from", "/battery/step"], cwd="/battery",
            capabilities={s: names for s in CAPABILITY_SETS},
            env=["PATH=/bin", "MESOS_SANDBOX=/battery", *(f"ESCAPE_{k}={v}" for k, v in facts(cluster, mode).items())],
            rlimits=[{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}, {"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 4096},
                     {"type": "RLIMIT_MEMLOCK", "soft": 65536, "hard": 65536}])
        config["root"]["readonly"] = True
        config["mounts"] = [
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "size=64k"]},
            {"destination": "/battery", "type": "bind", "source": str(work), "options": ["rbind", "rw", "nosuid", "nodev"]}]
        config["hostname"] = "mapped"
        config["linux"].update(uidMappings=rows, gidMappings=rows, seccomp=profile(),
                               resources={"pids": {"limit": PIDS}, "memory": {"limit": 128 << 20}})
        config["linux"]["namespaces"] += [{"type": "user"}, {"type": "network"}]
        work.mkdir()
        self.furnish(work)
        for path in (work, *work.rglob("*"), self.runtime.rootfs):
            os.chown(path, FIRST_ID, FIRST_ID)
        # Given away, they have lost what they were to have.
        (work / "setuid/busybox").chmod(0o4755)
        (work / "setgid/busybox").chmod(0o2755)
        self.out = open(self.runtime.directory / "out", "w+b")
        self.runtime.write()
        self.process = subprocess.Popen(self.runtime.argv("run", "-b", self.runtime.bundle, self.runtime.new_id()),
                                        stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out)

    def text(self):
        text = pathlib.Path(self.runtime.directory / "out").read_text(errors="replace")
        assert self.process.poll() is None or "done" in text, text
        return text

    def end(self):
        self.tell("end")
        assert self.process.wait(60) == 0, self.text()[-500:]
        self.out.close()
        self.runtime.close()


TASKS = {"user": AgentTask, "root": AgentTask, "mapped": BundleTask}


def steps():
    """A family at a time; on an emulated machine a whole table, for the snapshots are dear there."""
    return families() if SLOW == 1 else sorted({f[0] for f in families()})


def descriptors(agent):
    return len(os.listdir(f"/proc/{agent.pid}/fd"))


@pytest.mark.parametrize("mode", MODES)
def test_no_probe_gets_through(hostile, mode, capsys):
    does, may = allowed_table(mode)
    agent = hostile.agents[0]
    task = TASKS[mode](hostile, mode)
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
              if result == "allowed" and probe not in does | may]
    holes += [f"{probe}: no longer allowed: take it off the table"
              for probe in does - {r[0] for r in results if r[1] == "allowed"}]
    with capsys.disabled():
        print_counts(mode, results)
    assert not holes, "\n" + "\n".join(holes)


def test_the_prober_refuses_to_run_on_a_host():
    """Here, as root, it would do all the harm that it looks for; one probe that does none is asked for."""
    done = subprocess.run([PROBER, "D4.minus-one"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "start them as a task" in done.stderr


def test_docs_are_of_these_tables():
    """`make docs/escape.md` writes them anew."""
    made = subprocess.run([REPOSITORY / "tests/escape/document", PROBER], check=True, capture_output=True, text=True).stdout
    assert (REPOSITORY / "docs/escape.md").read_text() == made


def print_counts(mode, results):
    counts = collections.Counter(r[1] for r in results)
    print(f"\n{mode}: {len({r[0].split('.')[0] for r in results})} families, {len(results)} probes: "
          + ", ".join(f"{counts[k]} {k}" for k in ("denied", "absent", "allowed")))
