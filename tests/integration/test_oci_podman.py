"""podman drives tepui-oci, end to end."""
import json
import os
import pathlib
import pty
import shutil
import subprocess
import tempfile

import pytest

from cluster import SLOW, wait_until
from conftest import cannot_run
from oci import TEPUI_OCI, make_rootfs

pytestmark = [pytest.mark.vm, pytest.mark.slow]

UNIFIED = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()
CGROUPS = pathlib.Path("/sys/fs/cgroup" if UNIFIED else "/sys/fs/cgroup/unified")
# On a hybrid host podman is shown the v2 hierarchy alone, in a mount namespace of its own.
SHOW_V2 = ["unshare", "-m", "sh", "-c", 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"', "sh"]


class Podman:
    def __init__(self):
        # podman wants a short one.
        self.temporary = tempfile.TemporaryDirectory(prefix="tepui-podman-", dir="/tmp")
        directory = pathlib.Path(self.temporary.name)
        self.rootfs = make_rootfs(directory / "rootfs")
        self.parent = f"tepui-podman-{os.getpid()}"
        self.base = [*([] if UNIFIED else SHOW_V2), "podman", "--root", str(directory / "storage"), "--runroot",
                     str(directory / "run"), "--tmpdir", str(directory / "tmp"), "--cgroup-manager", "cgroupfs",
                     "--events-backend", "none", "--storage-driver", "vfs", "--runtime", str(TEPUI_OCI)]
        # The controllers are on v1 where the host is hybrid, which podman does not see.
        self.limits = [] if UNIFIED else ["--pids-limit", "0"]

    def argv(self, *args):
        return [*self.base, *(str(a) for a in args)]

    def call(self, *args):
        return subprocess.run(self.argv(*args), capture_output=True, text=True, timeout=240 * SLOW, stdin=subprocess.DEVNULL,
                              env={**os.environ, "XDG_RUNTIME_DIR": ""})

    def must(self, *args):
        done = self.call(*args)
        assert done.returncode == 0, done
        return done.stdout

    def run_argv(self, *args, options=()):
        return ["run", "--network", "none", "--cgroup-parent", f"/{self.parent}", *self.limits, *options, "--rootfs", self.rootfs,
                *args]

    def run(self, *args, options=("--rm",)):
        return self.call(*self.run_argv(*args, options=options))

    def start(self, *args):
        return self.must(*self.run_argv(*args, options=["-d"])).strip()

    def on_a_terminal(self, *args):
        """What ARGS print there, and the exit status."""
        pid, master = pty.fork()
        if pid == 0:
            argv = self.argv(*args)
            os.execvpe(argv[0], argv, {**os.environ, "XDG_RUNTIME_DIR": ""})
        seen = b""
        try:
            while data := os.read(master, 4096):
                seen += data
        except OSError:     # EIO: the other side has gone
            pass
        os.close(master)
        return seen.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def close(self):
        self.call("rm", "--all", "--force", "--time", "0")
        for parent in (self.parent, "libpod_parent"):
            for path in sorted(CGROUPS.glob(f"{parent}/**/"), key=lambda p: len(str(p)), reverse=True):
                try:
                    path.rmdir()
                except OSError:
                    pass
        assert not (CGROUPS / self.parent).exists()
        # What clears up after a container that has ended may still be at it.
        wait_until(self.is_removed, "podman to be done with its directory")

    def is_removed(self):
        try:
            self.temporary.cleanup()
        except OSError:
            return False
        return True


@pytest.fixture
def podman():
    if not shutil.which("podman") or not shutil.which("conmon"):
        cannot_run("podman and conmon are not installed")
    made = Podman()
    yield made
    made.close()


def test_run(podman):
    done = podman.run("sh", "-c", "echo out; echo $$; grep ^Seccomp: /proc/self/status; exit 7")
    assert (done.returncode, done.stdout) == (7, "out\n1\nSeccomp:\t2\n"), done
    done = podman.run("no-such-program")
    assert done.returncode == 127 and "execute 'no-such-program': No such file or directory" in done.stderr
    done = podman.run("/etc")
    assert done.returncode == 126 and "Permission denied" in done.stderr


def test_run_on_a_terminal(podman):
    seen, status = podman.on_a_terminal(*podman.run_argv("sh", "-c", "tty; stat -c %t /dev/console; exit 3", options=["--rm", "-t"]))
    assert status == 3 and seen.split() == ["/dev/pts/0", "88"]


def test_exec_pause_stop(podman):
    name = podman.start("sleep", "1000")
    assert podman.must("exec", name, "sh", "-c", "echo in exec; cat /proc/1/comm") == "in exec\nsleep\n"
    assert podman.call("exec", name, "sh", "-c", "exit 5").returncode == 5
    seen, status = podman.on_a_terminal("exec", "-t", name, "tty")
    assert (seen.strip(), status) == ("/dev/pts/0", 0)
    podman.must("pause", name)
    assert json.loads(podman.must("inspect", name))[0]["State"]["Status"] == "paused"
    podman.must("unpause", name)
    podman.must("stop", "--time", "1", name)
    state = json.loads(podman.must("inspect", name))[0]["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 137)
    podman.must("start", name)
    podman.must("kill", "--signal", "KILL", name)
    assert podman.must("wait", name).strip() == "137"
    podman.must("rm", name)


def test_limits(podman):
    options = ["--rm", "--memory", "64m", "--pids-limit", "33"]
    done = podman.run("cat", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/pids.max", options=options)
    if UNIFIED:
        assert (done.returncode, done.stdout.split()) == (0, [str(64 << 20), "33"]), done
    else:
        # On v1, which podman has been hidden: what cannot be enforced is refused.
        assert done.returncode == 126 and "no controller 'memory' on this host" in done.stderr, done


def test_an_image_unpacked_by_umoci(podman, tmp_path):
    """`umoci unpack` makes the bundle; nothing of it is ours but the root file system's content."""
    if not shutil.which("umoci"):
        cannot_run("umoci is not installed")
    image, bundle = tmp_path / "image", tmp_path / "bundle"
    subprocess.run(["umoci", "init", "--layout", image], check=True, timeout=120 * SLOW)
    subprocess.run(["umoci", "new", "--image", f"{image}:a"], check=True, timeout=120 * SLOW)
    subprocess.run(["umoci", "unpack", "--image", f"{image}:a", bundle], check=True, timeout=120 * SLOW)
    shutil.copytree(podman.rootfs, bundle / "rootfs", symlinks=True, dirs_exist_ok=True)
    document = json.loads((bundle / "config.json").read_text())
    document["process"].update({"terminal": False, "args": ["sh", "-c", "id -u; hostname"]})
    (bundle / "config.json").write_text(json.dumps(document))
    done = subprocess.run([TEPUI_OCI, "--root", tmp_path / "state", "run", "-b", bundle, f"umoci-{os.getpid()}"], text=True,
                          capture_output=True, timeout=120 * SLOW, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout.split()[0], done.stderr) == (0, "0", ""), done
