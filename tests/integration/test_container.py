"""One container under its supervisor: launch, checks, kills, ends, and an agent that comes and goes."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from cluster import BUILD, free_port, wait_until
from fake_agent import LAUNCH, FakeAgent

pytestmark = pytest.mark.vm

SEC = 1_000_000_000
GRACE_1S = {"kill_policy": {"grace_period": {"nanoseconds": SEC}}}


def mounts():
    return pathlib.Path("/proc/self/mountinfo").read_text()


@pytest.fixture
def agent(tmp_path):
    """A fake agent whose executor has not been started; nothing may be left of it."""
    before = mounts()
    made = FakeAgent(tmp_path)
    yield made
    made.close()
    print((tmp_path / "log").read_text() if (tmp_path / "log").exists() else "")
    assert [d for d, _, _ in os.walk("/sys/fs/cgroup") if made.root in d] == []
    assert mounts() == before


def end_of(agent):
    """The terminal status, after the executor has ended by itself."""
    statuses = agent.updates_to_the_end()
    assert agent.wait() == 0
    record = agent.exit_record()
    assert record["status"]["uuid"] == statuses[-1]["uuid"]
    assert record["container_id"] == agent.container
    return statuses[-1]


def states(agent):
    return [s["state"] for s in agent.updates_to_the_end()]


def container_pids(agent):
    """Host pids of everything in the container's v2 cgroup, init first."""
    top = pathlib.Path(json.loads(agent.layout)["core"], "containers", agent.container)
    return [int(p) for part in [top, *top.glob("*/")] if (part / "cgroup.procs").exists()
            for p in (part / "cgroup.procs").read_text().split()]


# ---- Ends ----

@pytest.mark.parametrize("script, state, message", [
    ("exit 0", "TASK_FINISHED", "Command exited with status 0"),
    ("exit 3", "TASK_FAILED", "Command exited with status 3"),
    ("kill -9 $$", "TASK_FAILED", "Command terminated with signal Killed"),
    ("kill -SEGV $$", "TASK_FAILED", "Command terminated with signal Segmentation fault"),
    # What it leaves behind in the background ends with it.
    ("setsid sleep 1000 & (sleep 1000 &); exit 4", "TASK_FAILED", "Command exited with status 4"),
])
def test_end_is_told_exactly(agent, script, state, message):
    agent.run(["sh", "-c", script])
    assert [agent.update()["state"] for _ in range(2)] == ["TASK_STARTING", "TASK_RUNNING"]
    status = agent.update()
    assert (status["state"], status["message"]) == (state, message)
    assert agent.wait() == 0


@pytest.mark.parametrize("args, process, message", [
    (["/bin/nosuch"], {}, "execute '/bin/nosuch': No such file or directory"),
    (["nosuch"], {}, "execute 'nosuch': No such file or directory"),
    (["/etc/passwd"], {}, "execute '/etc/passwd': Permission denied"),
    (["true"], {"cwd": "/nosuch"}, "enter directory '/nosuch': No such file or directory"),
    (["true"], {"cwd": "/proc/self/fd/0"}, "enter directory '/proc/self/fd/0': Not a directory"),
])
def test_launch_failure_is_one_sentence(agent, args, process, message):
    agent.run(args, **process)
    assert agent.update()["state"] == "TASK_STARTING"
    status = end_of(agent)
    assert (status["state"], status["reason"], status["message"]) == \
        ("TASK_FAILED", "REASON_CONTAINER_LAUNCH_FAILED", message)
    assert agent.exit_record()["started"] is False


def test_launch_document_that_is_not_there(agent):
    agent.run(["true"])
    assert agent.updates_to_the_end()[-1]["state"] == "TASK_FINISHED"
    agent.wait()
    (agent.runtime / "exit").unlink()
    agent.start(agent.config(["true"]))
    agent.subscription()
    (agent.runtime / "config.json").unlink()
    agent.launch()
    assert end_of(agent)["message"] == "open 'config.json': No such file or directory"


def test_memory_limit_is_named_with_its_peak(agent):
    agent.run(["python3", "-c", "import time; b = bytearray(300 << 20); time.sleep(100)"])
    status = end_of(agent)
    assert (status["state"], status["reason"]) == ("TASK_FAILED", "REASON_CONTAINER_LIMITATION_MEMORY")
    match = re.fullmatch(r"Memory limit exceeded: Requested: 64MB Maximum Used: (\S+) \((\d+) killed\)",
                         status["message"])
    assert match and match.group(1) in ("63MB", "64MB", "unknown") and int(match.group(2)) >= 1
    assert status["limitation"]["resources"][0]["scalar"]["value"] == 64
    assert agent.exit_record()["oom_kills"] >= 1


def test_memory_limit_of_a_child_ends_the_whole_task(agent):
    agent.run(["sh", "-c", "python3 -c 'b = bytearray(300 << 20)'; sleep 1000"])
    assert end_of(agent)["reason"] == "REASON_CONTAINER_LIMITATION_MEMORY"


def test_completion_time_is_bounded(agent):
    agent.run(["sleep", "1000"], task={"max_completion_time": {"nanoseconds": SEC // 2}})
    status = end_of(agent)
    assert (status["state"], status["reason"], status["message"]) == \
        ("TASK_FAILED", "REASON_MAX_COMPLETION_TIME_REACHED", "Task exceeded its maximum completion time")


# ---- Kills ----

def test_kill_asks_every_process_first(agent):
    script = "trap 'wait; echo outer; exit 0' TERM; sh -c 'trap \"echo inner; exit 0\" TERM; sleep 1000 & wait' & wait; wait"
    agent.run(["sh", "-c", script])
    wait_until(lambda: len(container_pids(agent)) == 4, "children")
    agent.kill()
    assert states(agent) == ["TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_KILLED"]
    assert agent.wait() == 0
    assert sorted(agent.output().split()) == ["inner", "outer"]
    assert agent.exit_record()["killed_by_request"] is True


def test_kill_takes_what_does_not_listen(agent):
    agent.run(["sh", "-c", "trap '' TERM; while :; do sleep 1000; done"], task=GRACE_1S)
    assert [agent.update()["state"] for _ in range(2)] == ["TASK_STARTING", "TASK_RUNNING"]
    wait_until(lambda: len(container_pids(agent)) == 3, "child")
    start = time.monotonic()
    agent.kill()
    status = end_of(agent)
    assert (status["state"], status["message"]) == ("TASK_KILLED", "Command terminated with signal Killed")
    assert time.monotonic() - start >= 0.9


def test_a_second_kill_only_shortens(agent):
    agent.run(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1000; done"])
    wait_until(lambda: agent.output() == "ready\n", "trap")
    start = time.monotonic()
    agent.kill(kill_policy={"grace_period": {"nanoseconds": 1000 * SEC}})
    agent.kill(kill_policy={"grace_period": {"nanoseconds": SEC // 2}})
    agent.kill(kill_policy={"grace_period": {"nanoseconds": 1000 * SEC}})
    assert end_of(agent)["state"] == "TASK_KILLED"
    assert 0.4 <= time.monotonic() - start < 30


def test_kill_that_overtakes_the_launch(agent):
    agent.run(["sleep", "1000"])
    agent.kill()
    statuses = agent.updates_to_the_end()
    assert statuses[-1]["state"] == "TASK_KILLED"
    assert statuses[-1]["message"] in ("Killed before its command was started",
                                       "Command terminated with signal Terminated",
                                       "Command terminated with signal Killed")
    assert agent.wait() == 0


def test_shutdown_ends_the_task_within_its_own_grace(agent):
    agent.run(["sh", "-c", "trap '' TERM; while :; do sleep 1000; done"],
              task={"kill_policy": {"grace_period": {"nanoseconds": 1000 * SEC}}})
    assert [agent.update()["state"] for _ in range(2)] == ["TASK_STARTING", "TASK_RUNNING"]
    agent.send({"type": "SHUTDOWN"})
    assert end_of(agent)["state"] == "TASK_KILLED"


def test_shutdown_without_a_task_is_the_end(agent):
    agent.up()
    agent.start(agent.config(["true"]))
    agent.subscription()
    agent.send({"type": "SHUTDOWN"})
    assert agent.wait() == 0


def test_host_signals_to_init_are_passed_on(agent):
    agent.run(["sh", "-c", "trap 'echo usr1; exit 5' USR1; echo ready; while :; do sleep 0.1; done"])
    wait_until(lambda: agent.output() == "ready\n", "trap")
    os.kill(container_pids(agent)[0], signal.SIGUSR1)
    assert end_of(agent)["message"].startswith("Command exited with status 5; last output: ")
    assert agent.output().split() == ["ready", "usr1"]


# ---- Inside ----

def test_inside_there_is_nothing_of_the_host(agent):
    script = """
import ctypes, os, signal
print("fds", sorted(int(f) for f in os.listdir("/proc/self/fd"))[:3], os.readlink("/proc/self/fd/0"))
print("init", open("/proc/1/cmdline").read().strip("\\0"), open("/proc/1/comm").read().strip())
print("ids", os.getuid(), os.getgid(), os.getgroups(), oct(os.umask(0)))
status = dict(l.split(":\\t") for l in open("/proc/self/status").read().splitlines() if ":\\t" in l)
print("caps", [int(status[k], 16) for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")], status["NoNewPrivs"])
one = dict(l.split(":\\t") for l in open("/proc/1/status").read().splitlines() if ":\\t" in l)
print("init caps", int(one["CapEff"], 16), int(one["CapBnd"], 16), one["NoNewPrivs"], one["Uid"].split())
for name in ("exe", "environ", "fd", "maps", "root/."):
    try:
        os.readlink("/proc/1/exe") if name == "exe" else os.listdir("/proc/1/fd") if name == "fd" \\
            else os.stat("/proc/1/root/.") if name == "root/." else open("/proc/1/" + name).read(1)
        print("OPEN", name)
    except PermissionError:
        pass
libc = ctypes.CDLL(None, use_errno=True)
print("ptrace", libc.ptrace(16, 1, 0, 0), ctypes.get_errno())
for signo in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
    os.kill(1, signo)
print("ignored", [signal.Signals(n).name for n in range(1, 32) if signal.getsignal(n) == signal.SIG_IGN])
print("blocked", status["SigBlk"], "ignored", status["SigIgn"])
"""
    agent.run(["python3", "-c", script])
    assert end_of(agent)["message"] == "Command exited with status 0", agent.output("stderr")
    lines = agent.output().splitlines()
    assert lines[0] == "fds [0, 1, 2] /dev/null"
    assert lines[1] == "init tepui-init tepui-init"
    assert lines[2] == "ids 65534 65534 [] 0o22"
    assert lines[3] == "caps [0, 0, 0, 0, 0] 1"
    assert lines[4] == "init caps 0 0 1 ['65534', '65534', '65534', '65534']"
    assert lines[5] == "ptrace -1 1"
    # Python itself ignores SIGPIPE and SIGXFSZ; the process was born with neither.
    assert lines[-1] == "blocked 0000000000000000 ignored 0000000001001000"
    assert not any(line.startswith("OPEN") for line in lines)


def test_signals_are_as_for_a_fresh_process(agent):
    agent.run(["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"])
    assert end_of(agent)["state"] == "TASK_FINISHED"
    assert [line.split()[1] for line in agent.output().splitlines()] == ["0" * 16] * 2


@pytest.mark.parametrize("plant", ["symlink", "fifo", "hardlink", "directory"])
def test_planted_output_files_are_refused(agent, plant, tmp_path):
    canary = tmp_path / "canary"
    canary.write_text("untouched")
    target = agent.sandbox / "stdout"
    {"symlink": lambda: target.symlink_to(canary), "fifo": lambda: os.mkfifo(target),
     "hardlink": lambda: os.link(canary, target), "directory": target.mkdir}[plant]()
    agent.run(["echo", "over"])
    status = end_of(agent)
    assert status["reason"] == "REASON_CONTAINER_LAUNCH_FAILED"
    assert status["message"].startswith("open 'stdout' in the sandbox")
    assert canary.read_text() == "untouched" and canary.stat().st_uid == 0


# ---- Health ----

def check(kind, **fields):
    times = {"delay_seconds": 0.0, "interval_seconds": 0.05, "grace_period_seconds": 0.0, "timeout_seconds": 2.0,
             "consecutive_failures": 3, **fields.pop("times", {})}
    return {"health_check": {"type": kind, **times, **fields}}


def test_http_check_reports_health_and_kills(agent):
    port = free_port()
    agent.run(["python3", "-m", "http.server", "--bind", "127.0.0.1", str(port)],
              task={**check("HTTP", http={"port": port, "path": "/"}, times={"grace_period_seconds": 30.0}),
                    **GRACE_1S})
    assert [agent.update()["state"] for _ in range(2)] == ["TASK_STARTING", "TASK_RUNNING"]
    status = agent.update()
    assert (status["state"], status["healthy"], status["reason"], status["message"]) == \
        ("TASK_RUNNING", True, "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED",
         f"HTTP health check of 'http://127.0.0.1:{port}/': status 200")
    os.kill(container_pids(agent)[1], signal.SIGSTOP)
    statuses = agent.updates_to_the_end()
    assert [(s["state"], s.get("healthy")) for s in statuses] == \
        [("TASK_RUNNING", False)] * 3 + [("TASK_KILLING", None), ("TASK_KILLED", False)]
    assert statuses[-1]["message"] == \
        f"HTTP health check of 'http://127.0.0.1:{port}/': no answer within 2 s, 3 times"
    assert agent.wait() == 0


def test_http_check_of_a_status_that_is_no_success(agent):
    port = free_port()
    agent.run(["python3", "-m", "http.server", "--bind", "127.0.0.1", str(port)],
              task=check("HTTP", http={"port": port, "path": "/nosuch"}, times={"grace_period_seconds": 5.0}))
    assert end_of(agent)["message"] == f"HTTP health check of 'http://127.0.0.1:{port}/nosuch': status 404, 3 times"


def test_tcp_check_of_a_closed_port(agent):
    port = free_port()
    agent.run(["sleep", "1000"], task=check("TCP", tcp={"port": port}, times={"consecutive_failures": 1}))
    assert end_of(agent)["message"] == f"TCP health check of '127.0.0.1:{port}': connection refused, 1 time"


def test_command_check_runs_with_the_tasks_rights(agent):
    value = "id -u > check; echo $TASK $MORE >> check; grep NoNewPrivs /proc/self/status >> check; pwd >> check; " \
            "readlink /proc/self/fd/2 >> check; ls /proc/self/fd | wc -l >> check"
    agent.run(["sleep", "1000"], task=check("COMMAND", times={"interval_seconds": 1000.0}, command={
        "value": value, "environment": {"variables": [{"name": "MORE", "value": "2"}]}}))
    assert [agent.update()["state"] for _ in range(2)] == ["TASK_STARTING", "TASK_RUNNING"]
    status = agent.update()
    assert status["healthy"] is True and status["message"].endswith("exited with status 0")
    lines = (agent.sandbox / "check").read_text().split("\n")
    assert lines[:5] == ["65534", "1 2", "NoNewPrivs:\t1", "/mnt/mesos/sandbox", "/dev/null"]
    # ls has its three and the directory that it reads.
    assert int(lines[5]) == 4
    agent.kill()
    assert end_of(agent)["state"] == "TASK_KILLED"


def test_command_check_that_hangs_is_ended(agent):
    agent.run(["sleep", "1000"], task=check("COMMAND", command={"value": "sleep 999 & sleep 999"},
                                            times={"timeout_seconds": 0.3, "consecutive_failures": 2,
                                                   "interval_seconds": 3.0}))
    assert [agent.update()["state"] for _ in range(2)] == ["TASK_STARTING", "TASK_RUNNING"]
    assert agent.update()["healthy"] is False
    wait_until(lambda: len(container_pids(agent)) == 2, "end of the command and its child")
    assert end_of(agent)["message"].endswith("no answer within 0.3 s, 2 times")


@pytest.mark.vm
@pytest.mark.parametrize("command, is_healthy", [("{left}; sleep 999", False), ("{left}", True)])
def test_what_a_check_has_started_ends_with_it(agent, command, is_healthy):
    """Whatever left the check's session: it would stay until the limit of pids is reached."""
    left = "setsid -f sleep 4242; setsid -f setsid -f sleep 4242"
    agent.run(["sleep", "1000"], task=check("COMMAND", command={"value": command.format(left=left)}, times={
        "timeout_seconds": 2.0, "consecutive_failures": 2, "interval_seconds": 1000.0}))
    assert [agent.update()["state"] for _ in range(2)] == ["TASK_STARTING", "TASK_RUNNING"]
    assert agent.update()["healthy"] is is_healthy
    # Not by their names alone: one may not have got as far as its name yet.
    wait_until(lambda: not sleepers(agent, "4242") and len(container_pids(agent)) == 2, "end of what the check left behind")
    agent.kill()
    assert end_of(agent)["state"] == "TASK_KILLED"


def sleepers(agent, seconds):
    """Processes of the container that sleep for so long."""
    found = []
    for pid in container_pids(agent):
        with contextlib.suppress(OSError):
            if pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() == f"sleep\0{seconds}\0".encode():
                found.append(pid)
    return found


def test_command_check_that_cannot_be_executed(agent):
    agent.run(["sleep", "1000"], task=check("COMMAND", command={"shell": False, "value": "/nosuch"},
                                            times={"consecutive_failures": 1}))
    assert end_of(agent)["message"] == \
        "COMMAND health check '/nosuch': execute '/nosuch': No such file or directory, 1 time"


def test_grace_period_hides_early_failures(agent):
    port = free_port()
    script = f"sleep 1; exec python3 -m http.server --bind 127.0.0.1 {port}"
    agent.run(["sh", "-c", script], task=check("TCP", tcp={"port": port}, times={"grace_period_seconds": 60.0}))
    assert [agent.update()["state"] for _ in range(2)] == ["TASK_STARTING", "TASK_RUNNING"]
    assert agent.update()["healthy"] is True
    agent.kill()
    assert end_of(agent)["state"] == "TASK_KILLED"


def test_check_that_cannot_be_done_is_refused(agent):
    agent.run(["sleep", "1000"], task=check("HTTP", http={"port": 1, "scheme": "gopher"}))
    status = end_of(agent)
    assert status["state"] == "TASK_FAILED"
    assert status["message"] == "read health check: scheme 'gopher' is not supported"


# ---- The agent comes and goes ----

def test_agent_that_comes_late(agent):
    agent.start(agent.config(["true"]))
    time.sleep(0.3)
    agent.up()
    assert agent.subscription() == {}
    agent.launch()
    assert states(agent) == ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]
    assert agent.wait() == 0


def test_agent_that_restarts_before_the_launch(agent):
    agent.up()
    agent.start(agent.config(["true"]))
    agent.subscription()
    agent.down()
    agent.up()
    agent.subscription()
    agent.launch()
    assert end_of(agent)["state"] == "TASK_FINISHED"


def test_what_is_not_acknowledged_comes_again_in_order(agent):
    agent.run(["sh", "-c", "while [ ! -e go ]; do sleep 0.05; done"])
    first = [agent.update(acknowledge=False) for _ in range(2)]
    pid = container_pids(agent)[1]
    agent.down()
    agent.up()
    again = agent.subscription()
    assert [t["task_id"]["value"] for t in again["unacknowledged_tasks"]] == ["T"]
    assert [u["status"] for u in again["unacknowledged_updates"]] == first
    assert container_pids(agent)[1] == pid
    agent.acknowledge(first[0])
    agent.down()
    (agent.sandbox / "go").touch()
    wait_until((agent.runtime / "exit").exists, "exit record while the agent is away")
    agent.up()
    again = agent.subscription()
    assert "unacknowledged_tasks" not in again
    statuses = [u["status"] for u in again["unacknowledged_updates"]]
    assert [s["state"] for s in statuses] == ["TASK_RUNNING", "TASK_FINISHED"]
    assert statuses[0] == first[1]
    for status in statuses:
        agent.acknowledge(status)
    assert agent.wait() == 0


def test_agent_that_is_still_recovering_is_asked_again(agent):
    agent.refuse = 503
    agent.up()
    agent.start(agent.config(["true"]))
    time.sleep(0.3)
    agent.refuse = None
    agent.subscription()
    agent.launch()
    assert end_of(agent)["state"] == "TASK_FINISHED"


def test_agent_that_stays_away(agent):
    agent.env["MESOS_RECOVERY_TIMEOUT"] = "500ms"
    agent.run(["sleep", "1000"])
    agent.update()
    agent.down()
    assert agent.wait() == 0
    record = agent.exit_record()
    assert record["status"]["state"] == "TASK_KILLED"
    assert record["kill_reason"] == "Killed because the agent was away longer than its recovery timeout"


def test_agent_that_talks_nonsense_is_left_and_asked_again(agent):
    agent.run(["sleep", "1000"])
    assert [agent.update()["state"] for _ in range(2)] == ["TASK_STARTING", "TASK_RUNNING"]
    for record in (b"5\n\xff\xff\xff\xff\xff", b"x\n", b"99999999999\n"):
        agent.writer.write(f"{len(record):x}\r\n".encode() + record + b"\r\n")
        agent.writer.flush()
        agent.subscription()
    # For a task that is somebody else's, a second launch, an unknown acknowledgement: no effect.
    agent.send({"type": "KILL", "kill": {"task_id": {"value": "other"}}})
    agent.launch()
    agent.send({"type": "ACKNOWLEDGED", "acknowledged": {"task_id": {"value": "T"}, "uuid": b"0" * 16}})
    agent.kill()
    assert states(agent) == ["TASK_KILLING", "TASK_KILLED"]
    assert agent.wait() == 0


def test_end_is_recorded_on_a_full_disk(agent):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", agent.runtime], check=True)
    try:
        agent.run(["sh", "-c", "while [ ! -e go ]; do sleep 0.05; done; exit 3"])
        assert [agent.update()["state"] for _ in range(2)] == ["TASK_STARTING", "TASK_RUNNING"]
        with pytest.raises(OSError), open(agent.runtime / "filler", "wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        (agent.sandbox / "go").touch()
        assert end_of(agent)["message"] == "Command exited with status 3"
    finally:
        agent.process.kill()
        agent.process.wait()
        subprocess.run(["umount", agent.runtime], check=True)


def test_supervisor_that_is_started_wrongly_says_why(agent):
    def start(*argv, **env):
        done = subprocess.run([BUILD / "tepui-executor", *argv], env={**agent.env, **env}, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
        return done.stderr

    assert "usage: tepui-executor RUNTIME-DIRECTORY" in start()
    assert "usage: tepui-executor RUNTIME-DIRECTORY" in start("relative")
    assert "open runtime directory '/nosuch': No such file or directory" in start("/nosuch")
    assert "read MESOS_EXECUTOR_ID" in start(str(agent.runtime), MESOS_EXECUTOR_ID="")
    assert "recovery" in start(str(agent.runtime), MESOS_RECOVERY_TIMEOUT="soon")


def test_supervisor_that_is_killed_takes_its_container_along(agent):
    agent.run(["sh", "-c", "trap '' TERM HUP INT; setsid sleep 1000 & sleep 1000"])
    wait_until(lambda: len(container_pids(agent)) >= 3, "children")
    agent.process.kill()
    wait_until(lambda: not container_pids(agent), "empty cgroup")


# ---- Figures ----

def test_private_memory_of_a_supervisor(agent):
    agent.run(["sleep", "1000"])
    assert [agent.update()["state"] for _ in range(2)] == ["TASK_STARTING", "TASK_RUNNING"]
    time.sleep(0.2)
    rollup = pathlib.Path(f"/proc/{agent.process.pid}/smaps_rollup").read_text()
    # Not Private_Dirty: pages of a program that was just linked are dirty and have one user, too.
    anonymous_kib = int(re.search(r"^Anonymous:\s+(\d+) kB", rollup, re.M).group(1))
    print(f"anonymous {anonymous_kib} KiB")
    if not os.environ.get("TEPUI_TEST_SANITIZED"):
        assert anonymous_kib <= 300
    agent.kill()
    assert end_of(agent)["state"] == "TASK_KILLED"


@pytest.fixture
def bundle(tmp_path):
    """A bundle with a root file system of its own: busybox."""
    rootfs = tmp_path / "rootfs"
    for name in ("bin", "proc", "dev", "sys", "tmp", "etc", "run", "mnt", "var/tmp"):
        (rootfs / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", rootfs / "bin/busybox")
    (rootfs / "bin/sh").symlink_to("busybox")
    layout = subprocess.run([LAUNCH, "--make", f"tepui-test-{os.getpid()}"], check=True, capture_output=True,
                            text=True).stdout.strip()

    def run(args, prefix=(), **process):
        (tmp_path / "config.json").write_text(json.dumps({
            "ociVersion": "1.0.2",
            "process": {"args": args, "env": ["PATH=/bin"], "cwd": "/", "user": {"uid": 0, "gid": 0},
                        "noNewPrivileges": True, **process},
            "root": {"path": "rootfs", "readonly": True},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "cgroup")]}}))
        return subprocess.run([*prefix, LAUNCH, layout, tmp_path], capture_output=True, text=True)
    yield run
    subprocess.run([LAUNCH, "--drop", layout], check=True)


def test_bundle_with_its_own_root(bundle):
    done = bundle(["sh", "-c", "busybox ls /; busybox cat /proc/1/cmdline; busybox touch /x; exit 9"])
    assert (done.returncode, done.stdout.split()[:2]) == (9, ["bin", "dev"])
    assert "etc" in done.stdout and "home" not in done.stdout and "Read-only file system" in done.stderr


@pytest.mark.unsanitized("counts the program's own calls")
def test_a_launch_takes_few_system_calls(bundle, tmp_path):
    done = bundle(["/bin/busybox", "true"], prefix=["strace", "-f", "-c", "-o", str(tmp_path / "calls")])
    assert done.returncode == 0, done.stderr
    calls = int(re.search(r"^\s*100\.00\s+\S+\s+(?:\S+\s+)?(\d+)\s.*total$", (tmp_path / "calls").read_text(),
                          re.M).group(1))
    print(f"{calls} system calls")
    assert calls < 300
