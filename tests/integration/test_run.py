"""tepui run: a container in the foreground, without any daemon."""
import contextlib
import glob
import os
import pathlib
import pty
import signal
import subprocess

import pytest

from cluster import BUILD, SLOW, wait_until
from images import Layout, Store, directory, entry, layer, link
from oci import make_rootfs
from terminals import read_until

BUSYBOX = pathlib.Path("/bin/busybox")
TEPUI = BUILD / "tepui"


@pytest.fixture(name="rootfs", scope="module")
def made_rootfs(tmp_path_factory):
    return make_rootfs(tmp_path_factory.mktemp("run") / "rootfs")


@pytest.fixture(autouse=True)
def nothing_is_left():
    def traces():
        return sorted(glob.glob("/var/tmp/tepui-run.*") + glob.glob("/run/tepui-oci/tepui-run-*") +
                      glob.glob("/sys/fs/cgroup/**/tepui-run-*", recursive=True))
    before = traces()
    yield
    wait_until(lambda: set(traces()) <= set(before), "nothing to be left")


def run(*args, data=None):
    return subprocess.run([TEPUI, "run", *map(str, args)], input=data, capture_output=True, check=False,
                          stdin=subprocess.DEVNULL if data is None else None, timeout=120 * SLOW)


@pytest.mark.parametrize("status", [0, 7, 255])
def test_status_is_passed_on(rootfs, status):
    assert run(f"--rootfs={rootfs}", "--", "/bin/sh", "-c", f"exit {status}").returncode == status


def test_streams(rootfs):
    done = run("-i", f"--rootfs={rootfs}", "--", "/bin/sh", "-c", "cat; echo err >&2", data=b"hello\n")
    assert (done.stdout, done.stderr, done.returncode) == (b"hello\n", b"err\n", 0)
    assert run(f"--rootfs={rootfs}", "--", "cat", data=b"ignored").stdout == b""


def test_safe_by_default(rootfs):
    done = run(f"--rootfs={rootfs}", "--", "/bin/sh", "-c",
               "cat /proc/self/uid_map; grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status; id -u; echo $$")
    words = done.stdout.split()
    assert words[0] == b"0" and int(words[1]) >= 2300000000 and words[2] == b"65536"
    assert words[3:] == [b"NoNewPrivs:", b"1", b"Seccomp:", b"2", b"0", b"1"]


def test_limits(rootfs):
    done = run(f"--rootfs={rootfs}", "--mem=32", "--", "/bin/sh", "-c", "head -c 64m /dev/zero | tail -c 64m | wc -c")
    assert done.returncode != 0 or done.stdout.strip() != b"67108864"


def test_volumes(rootfs, tmp_path):
    (tmp_path / "a").write_text("from the host\n")
    tmp_path.chmod(0o755)
    done = run(f"--rootfs={rootfs}", f"--volume={tmp_path}:/data:ro,/etc:/hostetc:ro", "--", "/bin/sh", "-c",
               "cat /data/a; touch /data/b || echo refused; ls /hostetc/passwd")
    assert done.stdout == b"from the host\nrefused\n/hostetc/passwd\n"


def test_image(tmp_path):
    if subprocess.run(["stat", "-fc", "%T", "/var/tmp"], capture_output=True, text=True,
                      check=True).stdout.strip() == "overlayfs":
        pytest.skip("an overlay on an overlay")
    store = Store(tmp_path / "store")
    Layout(tmp_path / "web").image([layer(
        *[directory(d) for d in ("bin", "etc", "proc", "sys", "dev", "tmp")],
        entry("bin/busybox", data=BUSYBOX.read_bytes(), mode=0o755), link("bin/sh", "busybox"),
        link("bin/echo", "busybox"))], {"Entrypoint": ["/bin/echo", "entry"], "Cmd": ["cmd"], "User": "7:8"})
    store.add(f"oci:{tmp_path}/web", name="web:1")
    assert run("--image=web:1", f"--store={store.path}").stdout == b"entry cmd\n"
    assert run("--image=web:1", f"--store={store.path}", "--", "one", "two").stdout == b"entry one two\n"
    # Nothing holds the image any more.
    store.run("remove", "web:1")
    done = run("--image=web:1", f"--store={store.path}")
    assert done.returncode == 125 and b"web:1" in done.stderr


def test_terminal(rootfs):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([TEPUI, "run", "-it", f"--rootfs={rootfs}", "--", "/bin/sh", "-c",
                                "tty; read line; echo \"<$line>\"; exit 4"], stdin=theirs, stdout=theirs, stderr=theirs,
                               start_new_session=True)
    os.close(theirs)
    try:
        read_until(ours, b"\n")
        os.write(ours, b"hello\r")
        read_until(ours, b"<hello>")
        assert process.wait(30 * SLOW) == 4
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_signals_are_passed_on(rootfs):
    process = subprocess.Popen([TEPUI, "run", f"--rootfs={rootfs}", "--", "/bin/sh", "-c",
                                "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == b"bye\n"
        assert process.wait(30 * SLOW) == 3
    finally:
        process.kill()
        process.wait()


def processes_below(pid):
    """Whether any process has PID among its ancestors, or had: the container's sleeps so long."""
    return subprocess.run(["pgrep", "-f", f"^sleep {pid}$"], capture_output=True, check=False).stdout


@pytest.mark.parametrize("kill", [
    lambda process: process.kill(),
    lambda process: os.killpg(process.pid, signal.SIGKILL),
    lambda process: subprocess.run(["pkill", "-KILL", "-P", str(process.pid), "-f", "tepui-oci run"], check=True),
], ids=["itself", "its group", "its runtime"])
def test_nothing_is_left_of_what_was_killed(rootfs, tmp_path, kill):
    """The other half of it is the fixture's."""
    own = os.getpid() * 100000 + 7      # a number of seconds that no other has
    process = subprocess.Popen([TEPUI, "run", f"--rootfs={rootfs}", "--", "/bin/sh", "-c", f"echo up; exec sleep {own}"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert process.stdout.readline() == b"up\n"
        wait_until(lambda: processes_below(own), "the container's process")
        kill(process)
        assert process.wait(30 * SLOW) in (-signal.SIGKILL, 128 + signal.SIGKILL)
        wait_until(lambda: not processes_below(own), "the end of the container")
    finally:
        process.kill()
        process.communicate()


def test_who_clears_up_may_be_killed_too(rootfs):
    """The other half of it is the fixture's."""
    process = subprocess.Popen([TEPUI, "run", "-i", f"--rootfs={rootfs}", "--", "/bin/sh", "-c", "echo up; read word; exit 3"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"up\n"
        subprocess.run(["pkill", "-KILL", "-P", str(process.pid), "-f", "tepui run"], check=True)
        process.communicate(b"go\n", timeout=30 * SLOW)
        assert process.returncode == 3
    finally:
        process.kill()
        process.communicate()


def test_killed_while_the_container_is_made(rootfs):
    """Whatever it was at: the fixture looks whether anything is left."""
    for delay in range(12):
        process = subprocess.Popen([TEPUI, "run", f"--rootfs={rootfs}", "--", "/bin/true"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(delay / 500)
        process.kill()
        process.wait()


def test_container_has_no_descriptor_of_ours(rootfs):
    assert run(f"--rootfs={rootfs}", "--", "/bin/sh", "-c", "for i in $(seq 0 20); do [ -e /proc/1/fd/$i ] && echo $i; "
               "done").stdout.split() == [b"0", b"1", b"2"]


@pytest.mark.parametrize("args, status, words", [
    ([], 125, "either --image or --rootfs"),
    (["--image=a", "--rootfs=b"], 125, "either --image or --rootfs"),
    (["--rootfs=/nonexistent", "--", "true"], 125, "find root '/nonexistent'"),
    (["--rootfs=/tmp"], 125, "no command"),
    (["--rootfs=/tmp", "--mem=1", "--", "true"], 125, "'--mem': '1' is not a number from 4 to 1073741824"),
    (["--rootfs=/tmp", "--cpus=many", "--", "true"], 125, "--cpus"),
    (["--rootfs=/tmp", "--volume=/etc", "--", "true"], 125, "--volume"),
    (["--rootfs=/tmp", "--volume=/nowhere:/x", "--", "true"], 125, "find volume '/nowhere': No such file"),
])
def test_what_is_wrong_is_told(args, status, words):
    done = run(*args)
    assert words in done.stderr.decode()
    assert done.returncode in (status, 2)
