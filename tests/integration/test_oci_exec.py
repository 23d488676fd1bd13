"""tepui-oci exec, and terminals: of the first process and of those that join."""
import array
import json
import os
import pathlib
import pty
import select
import signal
import socket
import subprocess

import pytest

from cluster import SLOW, wait_until

pytestmark = pytest.mark.vm


@pytest.fixture
def name(runtime):
    """A container that sleeps."""
    return runtime.start("sleep", "1000")


def test_exec_passes_on_streams_and_exit_status(runtime, name):
    done = runtime.call("exec", name, "sh", "-c", "cat; echo error >&2; exit 9", stdin=None, input="in\n")
    assert (done.returncode, done.stdout, done.stderr) == (9, "in\n", "error\n")


def test_exec_is_where_the_container_is(runtime, name):
    pid = runtime.state(name)["pid"]
    kinds = ["pid", "mnt", "ipc", "uts", "cgroup"]
    inside = runtime.must("exec", name, "sh", "-c", "for n in " + " ".join(kinds) + "; do readlink /proc/self/ns/$n; done")
    assert inside.split() == [os.readlink(f"/proc/{pid}/ns/{kind}") for kind in kinds]
    assert runtime.must("exec", name, "cat", "/proc/self/cgroup") == runtime.must("exec", name, "cat", "/proc/1/cgroup")


def test_exec_has_nothing_of_the_host(runtime, name):
    listed = runtime.must("exec", name, "sh", "-c", "ls /proc/self/fd | wc -l; readlink /proc/self/cwd; ls /proc | grep -c '^[0-9]'")
    count, cwd, processes = listed.split()
    # 0 to 2 and that of ls; sleep, sh, ls and grep.
    assert (count, cwd) == ("4", "/") and int(processes) <= 4


def test_exec_has_the_rights_of_the_first_process(runtime, name):
    def rights(pid):
        text = runtime.must("exec", name, "cat", f"/proc/{pid}/status")
        return [line for line in text.splitlines() if line.startswith(("Cap", "NoNewPrivs", "Seccomp:", "Groups"))]
    assert rights("self") == rights("1")
    assert "CapEff:\t0000000000000020" in rights("self")


@pytest.mark.parametrize("options, script, printed", [
    (["--cwd", "/tmp"], "pwd", "/tmp\n"),
    (["--env", "A=1", "-e", "B=x y"], "echo $A-$B", "1-x y\n"),
    (["--env", "PATH=/x:/bin", "-e", "A=1"], "env | grep -c ^PATH=; echo $PATH", "1\n/x:/bin\n"),
    (["--user", "1000"], "id -u; id -g", "1000\n0\n"),
    (["-u", "1000:2000"], "id -u; id -g", "1000\n2000\n"),
    (["-u", "1000:2000", "--additional-gids", "7", "-g", "8"], "id -G", "2000 7 8\n"),
    (["--cap", "CAP_NET_RAW"], "grep CapEff /proc/self/status", "CapEff:\t0000000000002020\n"),
])
def test_exec_options(runtime, name, options, script, printed):
    assert runtime.must("exec", *options, name, "sh", "-c", script) == printed


@pytest.mark.parametrize("user", ["-1", "+0", "4294967295", "4294967296", "1000:", ":0", "1e3", " 0", "root", ""])
def test_users_that_could_become_root_by_accident(runtime, name, user):
    assert runtime.must_fail("exec", f"--user={user}", name, "id", status=255) == \
        f"read flag '--user': '{user}' is not UID or UID:GID"


def test_exec_of_a_document(runtime, name):
    document = runtime.directory / "process.json"
    document.write_text(json.dumps({"args": ["sh", "-c", "id -u; pwd; echo $X"], "cwd": "/etc", "env": ["PATH=/bin", "X=y"],
                                    "user": {"uid": 5, "gid": 6}}))
    assert runtime.must("exec", "--process", document, name) == "5\n/etc\ny\n"
    assert runtime.must_fail("exec", "-p", document, name, "id", status=255) == \
        "run 'id' besides the process of --process"
    document.write_text('{"args": ["id", "-u"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "frob": 1, "env": ["PATH=/bin"]}')
    assert runtime.must("exec", "-p", document, name) == "0\n"


def test_exec_of_nothing(runtime, name):
    assert runtime.must_fail("exec", name, status=255) == \
        "read arguments of 'exec': there is no command, and no --process"
    assert runtime.must_fail("exec", name, "nope", status=255) == "execute 'nope': No such file or directory"
    assert runtime.must_fail("exec", "--cwd", "/nope", name, "id", status=255) == \
        "enter directory '/nope': No such file or directory"
    assert runtime.must_fail("exec", "nobody", "id", status=255) == "container 'nobody' does not exist"


def test_exec_in_a_stopped_container(runtime):
    name = runtime.start("true")
    runtime.wait_for(name, "stopped")
    assert runtime.must_fail("exec", name, "id", status=255) == f"execute in container '{name}', which is stopped"


def test_exec_detached(runtime, name):
    pid_file = runtime.directory / "pid"
    with open("/dev/null", "w") as null:
        done = subprocess.run(runtime.argv("exec", "-d", "--pid-file", pid_file, name, "sleep", "1001"), stdout=null,
                              stderr=null, stdin=null, timeout=60 * SLOW)
    assert done.returncode == 0
    pid = int(pid_file.read_text())
    assert pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x001001\x00"
    assert os.readlink(f"/proc/{pid}/ns/pid") == os.readlink(f"/proc/{runtime.state(name)['pid']}/ns/pid")


def test_the_reaper_of_the_caller_gets_what_is_detached(runtime, name):
    """As conmon does it: a subreaper runs exec --detach and waits for the process itself."""
    pid_file = runtime.directory / "pid"
    script = f"""
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)    # PR_SET_CHILD_SUBREAPER
subprocess.run(sys.argv[1:], check=True)
pid, status = os.waitpid(int(open({str(pid_file)!r}).read()), 0)
print(os.waitstatus_to_exitcode(status))
"""
    argv = runtime.argv("exec", "--detach", "--pid-file", pid_file, name, "sh", "-c", "exit 11")
    done = subprocess.run(["/usr/bin/python3", "-c", script, *argv], capture_output=True, text=True, timeout=60 * SLOW)
    assert (done.stdout, done.stderr) == ("11\n", "")


def test_signals_are_passed_on_to_exec(runtime, name):
    running = subprocess.Popen(runtime.argv("exec", name, "sh", "-c", "trap 'exit 21' TERM; echo ready; while :; do sleep 0.1; done"),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=60 * SLOW) == 21
    finally:
        running.kill()
        running.wait()
        running.stdout.close()


def test_exec_with_a_preserved_descriptor(runtime, name):
    read_end, write_end = os.pipe()
    try:
        argv = runtime.argv("exec", "--preserve-fds", "1", name, "sh", "-c", "echo kept >&3")
        subprocess.run(["bash", "-c", f'exec 3>&{write_end}; exec "$@"', "bash", *argv], pass_fds=[write_end], check=True,
                       timeout=60 * SLOW)
        assert os.read(read_end, 100) == b"kept\n"
    finally:
        os.close(read_end)
        os.close(write_end)


def test_exec_where_the_container_manages_groups(runtime):
    """As systemd in a container does on v2: inner groups with controllers, and no process beside them."""
    name = runtime.start("sleep", "1000")
    pid = runtime.state(name)["pid"]
    own = [line[3:] for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines() if line.startswith("0::")]
    (group,) = [p for p in (pathlib.Path("/sys/fs/cgroup" + own[0]), pathlib.Path("/sys/fs/cgroup/unified" + own[0])) if p.is_dir()]
    (group / "init.scope").mkdir()
    (group / "init.scope/cgroup.procs").write_text(str(pid))
    controllers = (group / "cgroup.controllers").read_text().split()
    if controllers:
        (group / "cgroup.subtree_control").write_text("+" + controllers[0])
    done = runtime.call("exec", name, "sh", "-c", "exit 12")
    assert (done.returncode, done.stderr) == (12, "")


# ---- Terminals ----

class ConsoleSocket:
    """What conmon does: listen, and be sent the terminal's master."""

    def __init__(self, directory):
        self.path = str(directory / "console.sock")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.listener.settimeout(60)

    def accept(self):
        connection, _ = self.listener.accept()
        with connection:
            _, control, _, _ = connection.recvmsg(100, socket.CMSG_LEN(4))
        ((level, kind, data),) = control
        assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
        return array.array("i", data)[0]

    def close(self):
        self.listener.close()


@pytest.fixture
def console(tmp_path):
    made = ConsoleSocket(tmp_path)
    yield made
    made.close()


def read_until(fd, text):
    seen = ""
    while text not in seen:
        ready, _, _ = select.select([fd], [], [], 60)
        assert ready, f"{text!r} was not printed, but {seen!r}"
        try:
            data = os.read(fd, 4096)
        except OSError:     # EIO: the other side has gone
            data = b""
        assert data, f"{text!r} was not printed, but {seen!r}"
        seen += data.decode()
    return seen


@pytest.mark.parametrize("options", [[], ["ro"]])
def test_the_terminal_goes_to_the_console_socket(runtime, console, options):
    runtime.process["terminal"] = True
    runtime.config["mounts"] = [{"destination": "/dev", "type": "tmpfs", "options": ["nosuid", "mode=755", *options]}]
    runtime.process["consoleSize"] = {"height": 33, "width": 77}
    name = runtime.create("sh", "-c", "tty; stty size; stat -c %t:%T /dev/console; read x; echo got $x; sleep 1000",
                          options=["--console-socket", console.path])
    master = console.accept()
    try:
        runtime.must("start", name)
        seen = read_until(master, "88:0")
        assert "/dev/pts/0" in seen and "33 77" in seen
        os.write(master, b"word\n")
        read_until(master, "got word")
        runtime.must("kill", name, "KILL")
        runtime.wait_for(name, "stopped")
    finally:
        os.close(master)


def test_exec_with_a_terminal_of_a_console_socket(runtime, name, console):
    with open("/dev/null") as null:
        done = subprocess.run(runtime.argv("exec", "-t", "-d", "--console-socket", console.path, name, "sh", "-c",
                                           "tty; read x; echo got $x"), stdin=null, timeout=60 * SLOW)
    assert done.returncode == 0
    master = console.accept()
    try:
        read_until(master, "/dev/pts/0")
        os.write(master, b"word\n")
        read_until(master, "got word")
    finally:
        os.close(master)


def run_on_a_terminal(argv, talk):
    """ARGV in the foreground of a terminal whose master is given to TALK; its exit status."""
    pid, master = pty.fork()
    if pid == 0:
        os.execv(argv[0], argv)
    try:
        talk(master)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        os.close(master)


def test_the_foreground_has_the_callers_terminal(runtime):
    import fcntl
    import struct
    import termios
    runtime.process["terminal"] = True
    runtime.write("sh", "-c", "trap 'stty size; exit 6' WINCH; tty; read x; echo got $x; while :; do sleep 0.1; done")

    def talk(master):
        read_until(master, "/dev/pts/0")
        os.write(master, b"word\r")
        read_until(master, "got word")
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 99, 0, 0))
        read_until(master, "44 99")

    assert run_on_a_terminal(runtime.argv("run", "-b", runtime.bundle, runtime.new_id()), talk) == 6


def test_exec_in_the_foreground_of_a_terminal(runtime, name):
    def talk(master):
        read_until(master, "/dev/pts/0")
        os.write(master, b"\x03")

    assert run_on_a_terminal(runtime.argv("exec", "-t", name, "sh", "-c", "trap 'exit 8' INT; tty; while :; do sleep 0.1; done"),
                             talk) == 8


def test_all_output_is_seen_before_the_end(runtime, name):
    done = runtime.call("exec", "-t", name, "sh", "-c", "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "line 1999" and done.stdout.count("line") == 2000


def test_terminals_that_nobody_would_hold(runtime, name, console):
    assert runtime.must_fail("exec", "-d", "-t", name, "sh", status=255) == \
        "make a terminal for a detached process without --console-socket"
    assert runtime.must_fail("exec", "-d", "--console-socket", console.path, name, "sh", status=255) == \
        "read flag '--console-socket': the process has no terminal"
    runtime.process["terminal"] = True
    runtime.write("sh")
    assert runtime.must_fail("create", "-b", runtime.bundle, runtime.new_id()) == \
        "make a terminal for a detached process without --console-socket"
    assert runtime.must_fail("create", "--console-socket", "/no/such", "-b", runtime.bundle, runtime.new_id()) == \
        "connect to console socket '/no/such': No such file or directory"
    assert runtime.names() == [name]
    wait_until(lambda: runtime.must("exec", name, "ls", "/dev/pts") == "ptmx\n", "no terminal is left")


def test_a_container_without_terminals_says_so(runtime):
    runtime.config["mounts"] = [{"destination": "/proc", "type": "proc", "source": "proc"}]
    name = runtime.start("sleep", "1000")
    child, master = pty.fork()
    if child == 0:
        argv = runtime.argv("exec", "-t", name, "tty")
        os.execv(argv[0], argv)
    try:
        read_until(master, "the container has no devpts on '/dev/pts': list it among the mounts of its document")
    finally:
        os.close(master)
        os.waitpid(child, 0)
