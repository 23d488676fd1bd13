"""What a task writes: bounded logs that it cannot trick, copies for who is attached, its terminal."""
import contextlib
import itertools
import os
import select
import subprocess

import pytest

from cluster import BUILD, SLOW, Cluster, wait_until
from conftest import shared_cluster
from framework import SMALL
from terminals import on_terminal, read_until

# 64 KiB of a numbered line each, as fast as it goes.
COUNT = "i=0; while [ $i -lt {n} ]; do echo line-$i; i=$((i+1)); done"

cluster = shared_cluster()
# An app that is being removed still has its name.
numbers = itertools.count()


@pytest.fixture(name="start")
def start_app(cluster):
    """Start an app; its task's id and its sandbox."""
    started = []

    def start(name, command, **more):
        app_id = f"{name}-{next(numbers)}"
        started.append(app_id)
        cluster.deploy({"id": app_id, "cmd": command, "cpus": 0.1, "mem": 64, "instances": 1, **more})
        task = cluster.tasks(app_id)[0]["id"]
        return task, sandbox_of(cluster, task)
    yield start
    for app_id in started:
        cluster.call("DELETE", f"/v2/apps{app_id}?force=true")
        wait_until(lambda app_id=app_id: cluster.app(app_id) is None, f"the end of {app_id}")


def sandbox_of(cluster, task):
    return wait_until(lambda: cluster.agents[0].container_of(task), "the container")["tepui"]["sandbox"]


def logger(stream, size, files=None):
    env = {f"CONTAINER_LOGGER_MAX_{stream}_SIZE": size}
    if files is not None:
        env[f"CONTAINER_LOGGER_LOGROTATE_{stream}_OPTIONS"] = f"rotate {files}"
    return env


def read(sandbox, name):
    """Empty while the file is being rotated."""
    with contextlib.suppress(FileNotFoundError), open(os.path.join(sandbox, name), encoding="ascii") as file:
        return file.read()
    return ""


def sizes(sandbox):
    found = {}
    for name in sorted(os.listdir(sandbox)):
        with contextlib.suppress(FileNotFoundError):
            if name.startswith("std"):
                found[name] = os.stat(os.path.join(sandbox, name), follow_symlinks=False).st_size
    return found


def test_full_log_begins_anew_and_nothing_is_lost(start):
    _, sandbox = start("/count", COUNT.format(n=5000) + "; echo done >&2; exec sleep 1000",
                       env=logger("STDOUT", "16KB", 3))
    wait_until(lambda: "done" in read(sandbox, "stderr"), "the last line")
    wait_until(lambda: "line-4999\n" in read(sandbox, "stdout"), "all of the output")
    found = sizes(sandbox)
    assert list(found) == ["stderr", "stdout", "stdout.1", "stdout.2"]
    assert found["stdout.1"] == found["stdout.2"] == 16 << 10 >= found["stdout"]
    text = "".join(read(sandbox, name) for name in ("stdout.2", "stdout.1", "stdout"))
    assert text == "".join(f"line-{i}\n" for i in range(5000))


def log(cluster, task, *options):
    """What `tepui task log` prints, as bytes."""
    return subprocess.run([BUILD / "tepui", f"--master={cluster.master_address}", "task", "log", task, *options],
                          capture_output=True, check=True, timeout=60 * SLOW).stdout


def test_log_is_shown_from_its_first_file_on(cluster, start):
    task, _ = start("/older", COUNT.format(n=5000) + "; echo done >&2; exec sleep 1000", env=logger("STDOUT", "16KB", 3))
    wait_until(lambda: log(cluster, task, "--stderr") == b"done\n", "the last line")
    text = "".join(f"line-{i}\n" for i in range(5000)).encode()
    wait_until(lambda: log(cluster, task) == text, "all of the output")


def test_log_may_hold_any_bytes(cluster, start):
    task, _ = start("/bytes", "printf 'a\\000b\\377\\n'; exec sleep 1000")
    wait_until(lambda: log(cluster, task) == b"a\0b\xff\n", "the bytes")


def test_log_is_followed_over_new_files(cluster, start):
    """Bursts of three files' worth each, of which five are kept, the next when all of the last was seen."""
    lines, bursts = 1200, 6
    task, sandbox = start(
        "/follow", f"i=0; for b in $(seq {bursts}); do while [ $i -lt $((b * {lines})) ]; do echo line-$i; i=$((i+1)); "
        "done; until [ -e go-$b ]; do sleep 0.02; done; done", env=logger("STDOUT", "4KB", 5))
    follower = subprocess.Popen([BUILD / "tepui", f"--master={cluster.master_address}", "task", "log", "-f", task],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        seen = b""
        for burst in range(1, bursts + 1):
            seen += read_until(follower.stdout.fileno(), f"line-{burst * lines - 1}\n".encode())
            assert "stdout.5" in sizes(sandbox) or burst == 1
            with open(os.path.join(sandbox, f"go-{burst}"), "w", encoding="ascii"):
                pass
        # The task has ended, and so does who follows.
        rest, complaints = follower.communicate(timeout=60 * SLOW)
    finally:
        follower.kill()
        follower.wait()
    assert (follower.returncode, rest, complaints) == (0, b"", b"")
    assert seen == "".join(f"line-{i}\n" for i in range(bursts * lines)).encode()


def test_reader_of_a_log_is_told_of_a_gap(cluster, start):
    task, sandbox = start("/gap", "echo first; until [ -e go ]; do sleep 0.02; done; " + COUNT.format(n=3000) +
                          "; exec sleep 1000", env=logger("STDOUT", "4KB", 1))
    agent = cluster.agents[0]
    path = f"/files/log?path=/sandboxes/{agent.container_of(task)['container_id']}/stdout"
    wait_until(lambda: agent.call("GET", path).body == b"first\n", "the first line")
    place, state = agent.call("GET", path).headers["X-Tepui-Log"].split()
    assert state == "live"
    again = agent.call("GET", f"{path}&after={place}")
    assert again.body == b"" and again.headers["X-Tepui-Log"] == f"{place} live"
    with open(os.path.join(sandbox, "go"), "w", encoding="ascii"):
        pass
    wait_until(lambda: "line-2999\n" in read(sandbox, "stdout"), "all of the output")
    late = agent.call("GET", f"{path}&after={place}")
    assert late.headers["X-Tepui-Log"].split()[1:] == ["live", "gap"]
    assert late.body.decode() == read(sandbox, "stdout.1") + read(sandbox, "stdout")
    assert agent.call("GET", f"{path}&after=1-2").status == 400
    assert agent.call("GET", "/files/log?path=/sandboxes/nothing/stdout").status == 404


def test_flood_is_bounded_on_disk_and_in_memory(cluster, start):
    task, sandbox = start("/flood", "exec yes", env=logger("STDOUT", "64KB", 1))
    wait_until(lambda: "stdout.1" in sizes(sandbox), "the first full log")
    supervisor = cluster.agents[0].container_of(task)["tepui"]["supervisor_pid"]
    inodes = set()

    def many_rotations():
        assert sum(sizes(sandbox).values()) <= 3 * (64 << 10)
        inodes.add(os.stat(os.path.join(sandbox, "stdout.1")).st_mtime_ns)
        return len(inodes) > 5
    wait_until(many_rotations, "more full logs")
    with open(f"/proc/{supervisor}/smaps_rollup", encoding="ascii") as file:
        own = next(int(line.split()[1]) for line in file if line.startswith("Anonymous:"))
    print(f"anonymous {own} kB")
    assert own <= 300 or os.environ.get("TEPUI_TEST_SANITIZED")


@pytest.mark.parametrize("trick", [
    "ln -sf /etc/passwd stdout",
    "rm stdout; ln -s victim stdout",
    "rm stdout; mkfifo stdout",
    "rm stdout; mkdir -p stdout/full stdout.1/full",
    "rm -f stdout.1; mkdir -p stdout.1/full",
    "ln -f victim stdout",
    ": > stdout; truncate -s 0 stdout",
])
def test_task_that_replaces_its_log_harms_only_itself(start, trick):
    _, sandbox = start("/trick", "echo untouched > victim; echo before; sleep 0.1; " + trick + "; " +
                       COUNT.format(n=2000) + "; echo done >&2; exec sleep 1000", env=logger("STDOUT", "8KB", 1))
    wait_until(lambda: "done" in read(sandbox, "stderr"), "the last line")
    assert read(sandbox, "victim") == "untouched\n"
    used = sum(size for name, size in sizes(sandbox).items() if name.startswith("stdout"))
    assert used <= 3 * (8 << 10)


def test_no_bound_is_the_file_itself(cluster):
    other = Cluster("direct")
    try:
        other.start_master()
        agent = other.start_agent("--container_log_mb=0")
        other.deploy({"id": "/direct", "cmd": "echo hello; exec sleep 1000", "cpus": 0.1, "mem": 64, "instances": 1})
        task = other.tasks("/direct")[0]["id"]
        container = wait_until(lambda: agent.container_of(task), "the container")
        wait_until(lambda: read(container["tepui"]["sandbox"], "stdout") == "hello\n", "its output")
        assert os.path.samefile(f"/proc/{container['tepui']['pid']}/fd/1",
                                os.path.join(container["tepui"]["sandbox"], "stdout"))
        done = other.tepui("task", "attach", task, check=False)
        assert done.returncode == 1 and "straight into the files" in done.stderr
    finally:
        other.close()


def test_devices_of_standard_streams_can_be_opened(start):
    _, sandbox = start("/devices", "echo a > /dev/stdout; echo b > /dev/stderr; echo c > /proc/self/fd/1; "
                       "exec sleep 1000")
    wait_until(lambda: read(sandbox, "stdout") == "a\nc\n" and read(sandbox, "stderr") == "b\n", "the output")


def test_last_words_are_in_the_log(cluster, start):
    task, sandbox = start("/last", "echo ready; read line < fifo 2> /dev/null; mkfifo go; read x < go; "
                       "head -c 60000 /dev/zero | tr '\\0' x; exit 3", backoffSeconds=3600)
    wait_until(lambda: os.path.exists(os.path.join(sandbox, "go")), "the task to wait")
    with open(os.path.join(sandbox, "go"), "w", encoding="ascii") as file:
        file.write("go\n")
    wait_until(lambda: cluster.agents[0].container_of(task) is None,
               "the end of the task")
    assert read(sandbox, "stdout") == "ready\n" + "x" * 60000


# ---- what is told of it when the task fails ----

def failure(cluster, app):
    """What the first failure of APP says, and no more of its instances."""
    assert cluster.call("POST", "/v2/apps", {"cpus": 0.1, "mem": 64, "instances": 1, **app}).status == 201
    told = wait_until(lambda: cluster.app(app["id"]).get("lastTaskFailure"), "its end")
    cluster.remove(app["id"])
    return told["message"]


@pytest.mark.parametrize("command, last", [
    ("echo connecting; echo 'no such table: \"users\"' >&2", 'no such table: "users"'),
    ("echo only this; echo ' ' >&2", "only this"),
    ("true", None),
    ("printf 'Traceback:\\n  File \\033[31mx\\033[0m\\r\\n\\tboom\\n' >&2", "Traceback: File x boom"),
    ("printf 'a\\000\\377\\376b\\303\\274\\303' >&2", "a \ufffdb\u00fc\ufffd"),
    ("head -c 3000000 /dev/zero | tr '\\0' x >&2", "..." + "x" * 256),
    ("head -c 3000000 /dev/zero >&2", None),
    ("rm stderr; ln -s /etc/shadow stderr; echo mine >&2", "mine"),
    (": >stderr; rm stdout stderr", None),
])
def test_a_failure_is_told_with_the_last_output(cluster, command, last):
    message = failure(cluster, {"id": f"/fails-{next(numbers)}", "cmd": f"{command}; exit 3"})
    assert message == "Command exited with status 3" + (f'; last output: "{last}"' if last else "")


def test_on_a_terminal_both_streams_are_one(cluster):
    app = {"id": "/fails-on-a-terminal", "cmd": "echo one; echo two >&2; exit 3", "tty": True}
    assert failure(cluster, app) == 'Command exited with status 3; last output: "one two"'


def test_an_end_that_was_asked_for_is_told_without(cluster, framework):
    offer = framework.offer()
    killed = framework.launch(offer, "echo working; exec sleep 1000", SMALL)
    framework.status(killed, "TASK_RUNNING")
    framework.call("KILL", task_id={"value": killed})
    assert framework.status(killed, "TASK_KILLED")["message"] == "Command terminated with signal Terminated"
    finished = framework.launch(framework.offer(), "echo all is well", SMALL)
    assert framework.status(finished, "TASK_FINISHED")["message"] == "Command exited with status 0"


def test_nodes_whose_tasks_write_secrets_keep_them(cluster):
    """The file itself, too, can be quoted, if that is what the task writes to."""
    other = Cluster("discreet")
    try:
        other.start_master()
        other.start_agent("--no-failure_output", "--container_log_mb=0")
        app = {"id": "/secret", "cmd": "echo password=hunter2 >&2; exit 3"}
        assert failure(other, app) == "Command exited with status 3"
        other.agents[0].end()
        other.agents[0].argv.append("--failure_output")
        other.agents[0].start()
        assert failure(other, app) == 'Command exited with status 3; last output: "password=hunter2"'
    finally:
        other.close()


# ---- attach ----

def test_attach_shows_output_as_it_comes_until_the_task_ends(cluster, start):
    task, sandbox = start("/attach", "mkfifo go; exec 3<>go; while read line <&3; do echo out-$line; echo err-$line >&2; done")
    client = subprocess.Popen([BUILD / "tepui", f"--master={cluster.master_address}", "task", "attach", task],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    fifo = os.path.join(sandbox, "go")
    try:
        wait_until(lambda: os.path.exists(fifo), "the task to wait")
        seen = []

        def said():
            # Attached or not, it is written: ask until it is seen.
            with contextlib.suppress(OSError):
                fd = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
                os.write(fd, f"{len(seen)}\n".encode())
                os.close(fd)
            seen.append(1)
            return os.read(client.stdout.fileno(), 4096) if ready(client.stdout) else b""
        assert wait_until(said, "output").startswith(b"out-")
        assert client.stderr.readline().startswith(b"err-")
        cluster.tepui("task", "kill", task)
        assert client.wait(30 * SLOW) == 0
    finally:
        client.kill()
        client.communicate()


def ready(stream, seconds=0.05):
    return select.select([stream], [], [], seconds)[0]


def test_who_does_not_read_does_not_slow_the_task(cluster, start):
    task, sandbox = start("/slow", "exec yes", env=logger("STDOUT", "64KB", 1))
    client = subprocess.Popen([BUILD / "tepui", f"--master={cluster.master_address}", "task", "attach", task],
                              stdout=subprocess.PIPE)
    try:
        assert client.stdout.readline() == b"y\n"
        times = set()

        def goes_on():
            times.add(os.stat(os.path.join(sandbox, "stdout.1")).st_mtime_ns)
            return len(times) > 20
        wait_until(lambda: os.path.exists(os.path.join(sandbox, "stdout.1")) and goes_on(), "more full logs")
    finally:
        client.kill()
        client.communicate()


def test_input_needs_a_terminal(cluster, start):
    task, _ = start("/mute", "exec sleep 1000")
    done = cluster.tepui("task", "attach", "-i", task, check=False)
    assert done.returncode == 1 and "it has no terminal" in done.stderr


def test_task_with_a_terminal(cluster, start):
    task, sandbox = start("/terminal", "tty; test -t 0 && echo is-terminal; while read line; do echo \"<$line>\"; "
                          "stty size; done", tty=True)
    wait_until(lambda: "is-terminal" in read(sandbox, "stdout"), "its first output")
    assert read(sandbox, "stdout").startswith("/dev/pts/0")
    with on_terminal(cluster, "task", "attach", "-i", task, size=(11, 22)) as (process, fd):
        os.write(fd, b"hello\r")
        assert b"<hello>" in read_until(fd, b"11 22")
        other = cluster.tepui("task", "attach", "-i", task, check=False)
        assert other.returncode == 1 and "has one" in other.stderr
        os.write(fd, b"\x10\x11")
        assert process.wait(30 * SLOW) == 0
    # Detached, not ended: and somebody else can have it.
    assert cluster.agents[0].container_of(task)
    with on_terminal(cluster, "task", "attach", "-i", task) as (process, fd):
        os.write(fd, b"again\r")
        read_until(fd, b"<again>")
    assert "<hello>" in read(sandbox, "stdout")
    assert "<again>" in read(sandbox, "stdout")


def test_terminal_survives_a_restarted_agent(cluster, start):
    task, sandbox = start("/survivor", "echo up; while read line; do echo \"<$line>\"; done", tty=True)
    wait_until(lambda: "up" in read(sandbox, "stdout"), "its first output")
    agent = cluster.agents[0]
    agent.process.kill()
    agent.process.wait()
    agent.start()
    wait_until(lambda: cluster.active_agents() == 1 and agent.container_of(task), "the agent's return")
    with on_terminal(cluster, "task", "attach", "-i", task) as (_, fd):
        os.write(fd, b"hello\r")
        read_until(fd, b"<hello>")
