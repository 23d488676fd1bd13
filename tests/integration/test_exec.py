"""tepui task exec: commands beside a running task, through the agent's operator API."""
import contextlib
import json
import os
import signal
import subprocess
import uuid

import pytest

from cluster import BUILD, SLOW, wait_until
from conftest import shared_cluster
from terminals import on_terminal, read_until, set_size

SLEEPER = {"id": "/sleeper", "cmd": "echo started; exec sleep 1000", "cpus": 0.1, "mem": 64, "instances": 1}

cluster = shared_cluster("--http_heartbeat_interval=200ms", app=SLEEPER)


@pytest.fixture(name="task")
def task_id(cluster):
    return cluster.tasks("/sleeper")[0]["id"]


def run(cluster, *args, data=None, check=None):
    """The command line with bytes as input."""
    done = subprocess.run([BUILD / "tepui", f"--master={cluster.master_address}", "task", "exec", *args],
                          input=data, stdin=subprocess.DEVNULL if data is None else None,
                          capture_output=True, check=False, timeout=120 * SLOW)
    if check is not None:
        assert done.returncode == check, done
    return done


def processes_with(agent, text):
    """Pids of the agent's whose command line has TEXT in it."""
    found = []
    for pid in agent.processes():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            if text in file.read():
                found.append(pid)
    return found


def test_output_and_error_are_kept_apart(cluster, task):
    done = run(cluster, task, "--", "/bin/sh", "-c", "echo out; echo err >&2", check=0)
    assert (done.stdout, done.stderr) == (b"out\n", b"err\n")


@pytest.mark.parametrize("script, status", [
    ("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -TERM $$", 128 + 15), ("kill -KILL $$", 128 + 9)])
def test_status_is_passed_on(cluster, task, script, status):
    run(cluster, task, "--", "/bin/sh", "-c", script, check=status)


def test_what_cannot_be_executed_says_why(cluster, task):
    done = run(cluster, task, "--", "no-such-program", check=127)
    assert b"execute 'no-such-program': No such file or directory" in done.stderr
    done = run(cluster, task, "--", "/etc/passwd", check=126)
    assert b"execute '/etc/passwd': Permission denied" in done.stderr


def test_unknown_task_is_125(cluster):
    done = run(cluster, "nobody.knows", "--", "true", check=125)
    assert b"no node knows a task 'nobody.knows'" in done.stderr


def test_input_is_passed_on_and_ends(cluster, task):
    data = bytes(range(256)) * 4096 * 4
    done = run(cluster, "-i", task, "--", "cat", data=data, check=0)
    assert done.stdout == data


def test_without_i_input_is_empty(cluster, task):
    done = run(cluster, task, "--", "wc", "-c", data=b"ignored", check=0)
    assert done.stdout.split() == [b"0"]


def test_input_that_nobody_reads_ends_the_command_all_the_same(cluster, task):
    done = run(cluster, "-i", task, "--", "/bin/sh", "-c", "exec <&-; exit 3", data=b"x" * (1 << 20))
    assert done.returncode == 3


def test_it_has_the_rights_of_the_task(cluster, task):
    done = run(cluster, task, "--", "/bin/sh", "-c",
               "id -u; pwd; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status; echo $$", check=0)
    lines = done.stdout.decode().split("\n")
    assert lines[:2] == ["65534", "/mnt/mesos/sandbox"]
    assert lines[2].split() == ["CapEff:", "0000000000000000"]
    assert lines[3].split() == ["NoNewPrivs:", "1"]
    assert lines[4].split() == ["Seccomp:", "2"]
    assert 1 < int(lines[5]) < 1000, "a pid of the container's own namespace"


def test_it_is_in_the_container_and_nowhere_else(cluster, task):
    agent = cluster.agents[0]
    command = subprocess.Popen([BUILD / "tepui", f"--master={cluster.master_address}", "task", "exec", "-i", task,
                                "--", "/bin/sh", "-c", "echo ready; cat -"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    try:
        assert command.stdout.readline() == b"ready\n"
        pids = wait_until(lambda: processes_with(agent, "cat\0-\0"), "the command")
        assert len(pids) == 1
        main = agent.container_of(task)["tepui"]["pid"]
        for name in ("mnt", "pid", "ipc", "uts", "cgroup"):
            assert os.readlink(f"/proc/{pids[0]}/ns/{name}") == os.readlink(f"/proc/{main}/ns/{name}")
        with open(f"/proc/{pids[0]}/cgroup", encoding="ascii") as a, \
                open(f"/proc/{main}/cgroup", encoding="ascii") as b:
            assert a.read() == b.read()
        command.stdin.close()
        assert command.wait(30 * SLOW) == 0
    finally:
        command.kill()
        command.wait()


def test_no_descriptor_of_ours_is_inherited(cluster, task):
    done = run(cluster, task, "--", "/bin/sh", "-c", "ls -l /proc/self/fd | wc -l; cat /proc/self/fd/../comm",
               check=0)
    # total, 0, 1, 2 and the directory itself.
    assert done.stdout.split()[0] == b"5"


def test_killed_client_takes_its_command_along(cluster, task):
    agent = cluster.agents[0]
    client = subprocess.Popen([BUILD / "tepui", f"--master={cluster.master_address}", "task", "exec", task, "--",
                               "/bin/sh", "-c", "echo ready; exec sleep 1001"], stdout=subprocess.PIPE)
    try:
        assert client.stdout.readline() == b"ready\n"
        assert len(wait_until(lambda: processes_with(agent, "1001"), "the command")) == 1
    finally:
        client.kill()
        client.wait()
    wait_until(lambda: not processes_with(agent, "1001"), "the end of the command")
    assert cluster.tasks("/sleeper")[0]["id"] == task


def test_flood_is_slowed_down_and_whole(cluster, task):
    done = run(cluster, task, "--", "/bin/sh", "-c", "head -c 50000000 /dev/zero", check=0)
    assert len(done.stdout) == 50000000


def test_many_at_once(cluster, task):
    commands = [subprocess.Popen([BUILD / "tepui", f"--master={cluster.master_address}", "task", "exec", task,
                                  "--", "/bin/sh", "-c", f"echo {i}; exit {i}"], stdout=subprocess.PIPE)
                for i in range(12)]
    for i, command in enumerate(commands):
        out, _ = command.communicate(timeout=60 * SLOW)
        assert (command.returncode, out) == (i, f"{i}\n".encode())


def test_terminal_is_one_with_our_size_and_our_keys(cluster, task):
    script = ("tty; stty size; trap 'echo caught' INT; echo ready; until read line; do :; done; "
              "echo \"<$line>\"; exit 9")
    with on_terminal(cluster, "task", "exec", "-it", task, "--", "/bin/sh", "-c", script) as (process, fd):
        seen = read_until(fd, b"ready")
        assert b"/dev/pts/0" in seen and b"33 77" in seen
        os.write(fd, b"\x03")
        read_until(fd, b"caught")
        os.write(fd, b"hello\r")
        read_until(fd, b"<hello>")
        assert process.wait(30 * SLOW) == 9


def test_terminal_follows_our_window(cluster, task):
    script = "trap 'stty size' WINCH; echo ready; until read line; do :; done"
    with on_terminal(cluster, "task", "exec", "-it", task, "--", "/bin/sh", "-c", script) as (process, fd):
        read_until(fd, b"ready")
        set_size(fd, 44, 88)
        process.send_signal(signal.SIGWINCH)
        read_until(fd, b"44 88")
        os.write(fd, b"\r")
        assert process.wait(30 * SLOW) == 0


def test_terminal_needs_one_of_ours(cluster, task):
    assert b"standard input is none" in run(cluster, "-it", task, "--", "true", data=b"", check=125).stderr


# ---- the API itself ----

def operator(agent, call, headers=None):
    return agent.call("POST", "/api/v1", json.dumps(call), {"Content-Type": "application/json", **(headers or {})})


@pytest.mark.parametrize("call, status, words", [
    ({"type": "LAUNCH_NESTED_CONTAINER_SESSION"}, 400, "launch_nested_container_session is missing"),
    ({"type": "NO_SUCH"}, 400, "unknown type"),
    ({"type": "ADD_RESOURCE_PROVIDER_CONFIG"}, 501, "ADD_RESOURCE_PROVIDER_CONFIG"),
    ({"type": "ATTACH_CONTAINER_INPUT"}, 415, "application/recordio"),
    ({"type": "WAIT_NESTED_CONTAINER", "wait_nested_container": {"container_id": {"value": "x"}}}, 404, "'x'"),
    ({"type": "KILL_NESTED_CONTAINER", "kill_nested_container": {
        "container_id": {"value": "x", "parent": {"value": "y"}}, "signal": 99}}, 400, "signal"),
    ({"type": "LAUNCH_NESTED_CONTAINER_SESSION", "launch_nested_container_session": {
        "container_id": {"value": "x"}, "command": {"value": "true"}}}, 400, "container_id.parent"),
    ({"type": "LAUNCH_NESTED_CONTAINER_SESSION", "launch_nested_container_session": {
        "container_id": {"value": "x", "parent": {"value": "gone"}}, "command": {"value": "true"}}}, 404, "'gone'"),
])
def test_calls_that_cannot_be_served(cluster, call, status, words):
    answer = operator(cluster.agents[0], call)
    assert answer.status == status
    assert words in answer.body.decode()


def session(parent, name, command, **more):
    return {"type": "LAUNCH_NESTED_CONTAINER_SESSION", "launch_nested_container_session": {
        "container_id": {"value": name, "parent": {"value": parent}}, "command": command, **more}}


@pytest.mark.parametrize("command, more, words", [
    ({}, {}, "command.value"),
    ({"value": "id", "user": "root"}, {}, "command.user"),
    ({"value": "id", "uris": [{"value": "http://x"}]}, {}, "command.uris"),
    ({"value": "id"}, {"container": {"type": "MESOS", "hostname": "x"}}, "container"),
])
def test_sessions_that_cannot_be_honoured(cluster, task, command, more, words):
    agent = cluster.agents[0]
    parent = agent.container_of(task)["container_id"]
    answer = operator(agent, session(parent, uuid.uuid4().hex, command, **more))
    assert answer.status in (400, 415), answer.body
    assert words in answer.body.decode()


def records(body):
    while body:
        length, _, rest = body.partition(b"\n")
        yield json.loads(rest[:int(length)])
        body = rest[int(length):]


def test_session_in_json_is_remembered_until_it_is_removed(cluster, task):
    agent = cluster.agents[0]
    parent, name = agent.container_of(task)["container_id"], uuid.uuid4().hex
    identity = {"container_id": {"value": name, "parent": {"value": parent}}}
    answer = operator(agent, session(parent, name, {"value": "printf hello; exit 5"}),
                      {"Accept": "application/recordio", "Message-Accept": "application/json"})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/recordio"
    assert answer.headers["Message-Content-Type"] == "application/json"
    data = [r for r in records(answer.body) if r["type"] == "DATA"]
    assert data == [{"type": "DATA", "data": {"type": "STDOUT", "data": "aGVsbG8="}}]
    assert operator(agent, session(parent, name, {"value": "true"})).status == 409
    for _ in range(2):
        waited = operator(agent, {"type": "WAIT_NESTED_CONTAINER", "wait_nested_container": identity})
        assert waited.json == {"type": "WAIT_NESTED_CONTAINER", "wait_nested_container": {"exit_status": 5 << 8}}
    removed = {"type": "REMOVE_NESTED_CONTAINER", "remove_nested_container": identity}
    assert [operator(agent, removed).status for _ in range(2)] == [200, 500]


def test_silent_stream_has_a_heartbeat(cluster, task):
    agent = cluster.agents[0]
    parent, name = agent.container_of(task)["container_id"], uuid.uuid4().hex
    # As long as it takes for another to come: the command ends with its own next word.
    answer = operator(agent, session(parent, name, {"value": "sleep 1; echo done"}),
                      {"Accept": "application/recordio", "Message-Accept": "application/json"})
    beats = [r for r in records(answer.body) if r["type"] == "CONTROL"]
    assert beats and all(b == {"type": "CONTROL", "control": {
        "type": "HEARTBEAT", "heartbeat": {"interval": {"nanoseconds": 200000000}}}} for b in beats)


def test_no_host_process_enters_and_the_agent_forgets_descriptors(cluster, task):
    agent = cluster.agents[0]

    def descriptors(pid):
        return len(os.listdir(f"/proc/{pid}/fd"))
    supervisor = agent.container_of(task)["tepui"]["supervisor_pid"]
    for _ in range(3):
        run(cluster, task, "--", "true", check=0)
    before = descriptors(agent.pid), descriptors(supervisor)
    for _ in range(20):
        run(cluster, task, "--", "true", check=0)
    # Of the last calls a connection or two may still have been open.
    wait_until(lambda: descriptors(agent.pid) <= before[0] and descriptors(supervisor) <= before[1],
               "descriptors as before")


def test_restarted_agent_ends_sessions_and_serves_new_ones(cluster, task):
    agent = cluster.agents[0]
    client = subprocess.Popen([BUILD / "tepui", f"--master={cluster.master_address}", "task", "exec", task, "--",
                               "/bin/sh", "-c", "echo ready; exec sleep 1002"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
    try:
        assert client.stdout.readline() == b"ready\n"
        agent.process.kill()
        agent.process.wait()
        assert client.wait(30 * SLOW) == 125
    finally:
        client.kill()
        client.wait()
    agent.start()
    wait_until(lambda: cluster.active_agents() == 1 and agent.container_of(task), "the agent's return")
    wait_until(lambda: not processes_with(agent, "1002"), "the end of the command")
    assert run(cluster, task, "--", "echo", "again", check=0).stdout == b"again\n"
