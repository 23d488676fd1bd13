"""containerd drives tepui-oci, end to end: its daemon, its shim and its client, on state of their own."""
import json
import os
import pathlib
import pty
import signal
import subprocess
import tarfile
import tempfile

import pytest

from cluster import SLOW, wait_until
from conftest import cannot_run
from images import Layout
from oci import TEPUI_OCI, make_rootfs

pytestmark = [pytest.mark.vm, pytest.mark.slow]

# Unpacked by tests.mk: installed, it would be started.
PROGRAMS = pathlib.Path(__file__).resolve().parents[2] / "build/containerd/usr/bin"
CONFIG = """
version = 2
root = "{0}/root"
state = "{0}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
address = "{0}/sock"
[ttrpc]
address = "{0}/ttrpc"
"""
# Shims and the client have places in /run that no option moves.
OWN_RUN = 'mount -t tmpfs -o mode=755 run /run && exec "$@"'


def processes(name):
    """The ids of those who have NAME among their arguments."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if name in path.read_bytes().decode(errors="replace").split("\0"):
                found.append(int(path.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


class Containerd:
    """A daemon, and a namespace of it that bears our process's id: the containers' cgroups are below that name."""

    def __init__(self):
        # Sockets want a short one.
        self.temporary = tempfile.TemporaryDirectory(prefix="tepui-ctr-", dir="/tmp")
        self.directory = pathlib.Path(self.temporary.name)
        self.namespace = f"tepui-ctr-{os.getpid()}"
        self.environment = {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
        (self.directory / "config.toml").write_text(CONFIG.format(self.directory))
        self.n = 0
        self.holder = subprocess.Popen(["unshare", "-m", "sh", "-c", OWN_RUN, "sh", "sh", "-c", "echo ready; exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"ready\n"
        self.daemon = None
        self.start()
        self.call("namespaces", "create", self.namespace)
        self.import_image()

    def inside(self, *args):
        return ["nsenter", "-m", "-t", str(self.holder.pid), "--", *(str(a) for a in args)]

    def start(self):
        with open(self.directory / "log", "ab") as log:
            self.daemon = subprocess.Popen(self.inside(PROGRAMS / "containerd", "-c", self.directory / "config.toml"),
                                           env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: self.call("version").returncode == 0, "containerd to answer", seconds=120)

    def stop(self):
        self.daemon.send_signal(signal.SIGTERM)
        assert self.daemon.wait(timeout=60 * SLOW) == 0, (self.directory / "log").read_text()[-4000:]

    def argv(self, *args):
        return self.inside(PROGRAMS / "ctr", "-a", self.directory / "sock", "-n", self.namespace, *args)

    def call(self, *args):
        return subprocess.run(self.argv(*args), capture_output=True, text=True, timeout=240 * SLOW, stdin=subprocess.DEVNULL,
                              env=self.environment)

    def must(self, *args):
        done = self.call(*args)
        assert done.returncode == 0, (done, (self.directory / "log").read_text()[-4000:])
        return done.stdout

    def import_image(self):
        rootfs, layer = make_rootfs(self.directory / "rootfs"), self.directory / "layer.tar"
        with tarfile.open(layer, "w") as tar:
            tar.add(rootfs, "")
        layout = Layout(self.directory / "layout")
        layout.image([layer.read_bytes()], config={"Env": ["PATH=/bin"]}, tag="a")
        with tarfile.open(self.directory / "image.tar", "w") as tar:
            tar.add(layout.path, "")
        self.must("images", "import", "--base-name", "localhost/box", "--snapshotter", "native", self.directory / "image.tar")

    def run_argv(self, *args, options=()):
        self.n += 1
        name = f"c{self.n}"
        return name, ["run", "--snapshotter", "native", "--runc-binary", TEPUI_OCI, *options, "localhost/box:a", name, *args]

    def run(self, *args, options=("--rm",)):
        return self.call(*self.run_argv(*args, options=options)[1])

    def create(self, *args, options=()):
        name, argv = self.run_argv(*args, options=("-d", *options))
        self.must(*argv)
        return name

    def status(self, name):
        rows = dict((line.split()[0], line.split()[2]) for line in self.must("tasks", "ls").splitlines()[1:])
        return rows.get(name)

    def close(self):
        for line in self.call("tasks", "ls", "-q").stdout.split():
            self.call("tasks", "delete", "--force", line)
        self.stop()
        self.holder.stdin.close()
        self.holder.wait(timeout=60 * SLOW)
        left = processes(self.namespace)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert left == []
        assert [d for d, _, _ in os.walk("/sys/fs/cgroup") if self.namespace in d] == []
        self.temporary.cleanup()


@pytest.fixture(scope="module")
def containerd():
    if not (PROGRAMS / "containerd").exists():
        cannot_run(f"there is no containerd in '{PROGRAMS}' (make build/containerd)")
    made = Containerd()
    yield made
    made.close()


def test_run(containerd):
    done = containerd.run("sh", "-c", "echo out; echo $$; grep ^NoNewPrivs: /proc/self/status; exit 7")
    assert (done.returncode, done.stdout) == (7, "out\n1\nNoNewPrivs:\t1\n"), done
    done = containerd.run("no-such-program")
    assert done.returncode == 1 and "execute 'no-such-program': No such file or directory" in done.stderr, done
    name, argv = containerd.run_argv("sh", "-c", "tty; exit 3", options=["--rm", "-t"])
    pid, master = pty.fork()
    if pid == 0:
        os.execvpe("nsenter", containerd.argv(*argv), containerd.environment)
    seen = b""
    try:
        while data := os.read(master, 4096):
            seen += data
    except OSError:     # EIO: the other side has gone
        pass
    os.close(master)
    assert (os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.split()) == (3, [b"/dev/pts/0"]), name


def test_exec_pause_kill_delete(containerd):
    name = containerd.create("sleep", "1000")
    assert containerd.status(name) == "RUNNING"
    done = containerd.call("tasks", "exec", "--exec-id", "e1", name, "sh", "-c", "echo in exec; cat /proc/1/comm; exit 5")
    assert (done.returncode, done.stdout) == (5, "in exec\nsleep\n"), done
    assert len(containerd.must("tasks", "ps", name).splitlines()) == 2
    containerd.must("tasks", "pause", name)
    assert containerd.status(name) == "PAUSED"
    containerd.must("tasks", "resume", name)
    assert containerd.status(name) == "RUNNING"
    containerd.must("tasks", "kill", "-s", "KILL", name)
    wait_until(lambda: containerd.status(name) == "STOPPED", f"{name} to stop")
    # What it does not find to kill has ended: nobody need hear of it.
    late = containerd.call("tasks", "kill", "-s", "KILL", name)
    assert "unknown error after kill" not in late.stderr, late
    assert "non-zero exit code 137" in containerd.call("tasks", "delete", name).stderr
    containerd.must("containers", "delete", name)


def test_a_task_outlives_its_daemon(containerd):
    name = containerd.create("sleep", "1000")
    containerd.stop()
    containerd.start()
    assert containerd.status(name) == "RUNNING"
    assert containerd.must("tasks", "exec", "--exec-id", "e1", name, "echo", "still here") == "still here\n"
    containerd.must("tasks", "kill", "-s", "TERM", "-a", name)
    containerd.must("tasks", "kill", "-s", "KILL", name)
    wait_until(lambda: containerd.status(name) == "STOPPED", f"{name} to stop")
    containerd.call("tasks", "delete", name)
    containerd.must("containers", "delete", name)


def test_limits_metrics_and_events(containerd):
    with open(containerd.directory / "events", "w+", encoding="utf-8") as out:
        events = subprocess.Popen(containerd.argv("events"), env=containerd.environment, stdin=subprocess.DEVNULL, stdout=out)
        try:
            wait_until(lambda: containerd.call("namespaces", "label", containerd.namespace, "a=b").returncode == 0 and
                       "/namespaces/update" in (containerd.directory / "events").read_text(), "a first event")
            name = containerd.create("sh", "-c", "dd if=/dev/zero of=/dev/null bs=256M; sleep 1000",
                                     options=["--memory-limit", str(64 << 20)])
            metrics = json.loads(containerd.must("tasks", "metrics", "--format", "json", name))
            assert metrics
            wait_until(lambda: "/tasks/oom" in (containerd.directory / "events").read_text(), "the event of a memory limit",
                       seconds=120)
            # On v2 all of it has ended by then.
            containerd.call("tasks", "kill", "-s", "KILL", name)
            wait_until(lambda: "/tasks/exit" in (containerd.directory / "events").read_text(), "the event of an exit")
            wait_until(lambda: containerd.status(name) in ("STOPPED", None), f"{name} to stop")
            containerd.call("tasks", "delete", name)
            containerd.must("containers", "delete", name)
            kinds = {line.split()[5] for line in (containerd.directory / "events").read_text().splitlines() if name in line}
            assert {"/containers/create", "/tasks/create", "/tasks/start", "/tasks/oom", "/tasks/exit", "/tasks/delete"} <= kinds
        finally:
            events.terminate()
            events.wait()
