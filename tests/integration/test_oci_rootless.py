"""tepui-oci by somebody who is not root, with cgroups that were given to him."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from cluster import SLOW
from oci import TEPUI_OCI, make_rootfs

pytestmark = pytest.mark.vm

USER = 1234
FIRST, COUNT = 300000, 1000     # given to that user, besides his own


def hierarchies():
    """Where each cgroup hierarchy is mounted, and our own group in it: (is v2, mount, path)."""
    mounts = [line.split() for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for words in mounts:
            kind, data = words[words.index("-") + 1], words[-1].split(",")
            if kind == ("cgroup" if controllers else "cgroup2") and words[4].startswith("/sys/fs/cgroup") and \
                    set(controllers.split(",")) - {""} <= set(data):
                yield not controllers, words[4], path
                break


@contextlib.contextmanager
def delegated():
    """A group on each hierarchy that belongs to USER, and one in it for who starts containers."""
    name, made = f"tepui-rootless-{os.getpid()}", []
    try:
        for is_v2, mount, path in hierarchies():
            top = pathlib.Path(mount + ("" if is_v2 else path), name)
            made.append(top)
            (top / "caller").mkdir(parents=True)
            for directory in (top, top / "caller"):
                # On v1 a group without processors takes no process.
                for name_of in ("cpuset.cpus", "cpuset.mems"):
                    if not is_v2 and (directory / name_of).exists():
                        (directory / name_of).write_text((directory.parent / name_of).read_text())
                for place in [directory, *(directory / n for n in ("cgroup.procs", "cgroup.subtree_control", "tasks"))]:
                    if place.exists():
                        os.chown(place, USER, USER)
        yield name, [top / "caller" for top in made]
    finally:
        for top in made:
            for directory, _, _ in os.walk(top, topdown=False):
                os.rmdir(directory)


class Rootless:
    def __init__(self, directory, name, callers):
        self.directory, self.callers = directory, callers
        make_rootfs(directory / "rootfs")
        shutil.copy(TEPUI_OCI, directory / "tepui-oci")
        (directory / "run").mkdir()
        passwd = pathlib.Path("/etc/passwd").read_text()
        (directory / "etc-passwd").write_text(passwd + f"rootless:x:{USER}:{USER}::/:/bin/sh\n")
        for file in ("etc-subuid", "etc-subgid"):
            (directory / file).write_text(f"rootless:{FIRST}:{COUNT}\n")
        rows = [[{"containerID": 0, "hostID": USER, "size": 1}] for _ in range(2)]
        self.config = {
            "ociVersion": "1.2.0",
            "process": {"user": {"uid": 0, "gid": 0}, "args": [], "cwd": "/", "env": ["PATH=/bin"], "noNewPrivileges": True,
                        "capabilities": {s: ["CAP_SYS_ADMIN"] for s in ("bounding", "effective", "permitted")}},
            "root": {"path": "rootfs"},
            "linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "cgroup", "user")],
                      "uidMappings": rows[0], "gidMappings": rows[1], "cgroupsPath": f"/{name}/container"},
        }
        for place in [directory, *directory.rglob("*")]:
            os.lchown(place, USER, USER)

    def call(self, *args, groups=None):
        become = ["setpriv", f"--reuid={USER}", f"--regid={USER}", f"--groups={groups}" if groups else "--clear-groups"]
        # Mounts of its own: there the user has a name and ids that were given to him.
        files = " && ".join(f"mount --bind {self.directory}/etc-{n} /etc/{n}" for n in ("passwd", "subuid", "subgid"))
        argv = ["unshare", "-m", "sh", "-c", files + ' && exec "$@"', "sh", *become, self.directory / "tepui-oci", *args]

        def enter():
            for caller in self.callers:
                (caller / "cgroup.procs").write_text("0")
        return subprocess.run(argv, preexec_fn=enter, cwd=self.directory,
                              env={"XDG_RUNTIME_DIR": str(self.directory / "run"), "PATH": "/bin:/usr/bin"},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * SLOW)

    def shell(self, script, **kwargs):
        self.config["process"]["args"] = ["sh", "-c", script]
        (self.directory / "config.json").write_text(json.dumps(self.config))
        return self.call("run", "one", **kwargs)


@pytest.fixture
def rootless():
    mounts = pathlib.Path("/proc/self/mountinfo").read_text()
    with tempfile.TemporaryDirectory(prefix="tepui-rootless-", dir="/var/tmp") as text, delegated() as (name, callers):
        directory = pathlib.Path(text)
        directory.chmod(0o755)
        made = Rootless(directory, name, callers)
        yield made
        assert made.call("list", "-q").stdout == ""
    assert pathlib.Path("/proc/self/mountinfo").read_text() == mounts


def test_root_inside_is_the_caller_outside(rootless):
    done = rootless.shell("id -u; cat /proc/self/uid_map /proc/self/setgroups; touch /made; echo x >/dev/null; mount -t tmpfs t /tmp && echo mounted")
    assert (done.stdout.split(), done.stderr) == (["0", "0", str(USER), "1", "deny", "mounted"], "")
    made = (rootless.directory / "rootfs/made").stat()
    assert (made.st_uid, made.st_gid) == (USER, USER)


def test_groups_of_the_caller_that_cannot_be_left_stay(rootless):
    done = rootless.shell("grep Groups /proc/self/status", groups=4321)
    assert (done.stdout.split(), done.stderr) == (["Groups:", "65534"], "")
    rootless.config["process"]["user"]["additionalGids"] = [0]
    assert rootless.shell("true").stderr == "tepui-oci: credentials: set 1 additional groups: Operation not permitted\n"


@pytest.mark.parametrize("network", [False, True])
def test_sysfs(rootless, network):
    if network:
        rootless.config["linux"]["namespaces"].append({"type": "network"})
    done = rootless.shell("ls /sys/class/net; touch /sys/x 2>/dev/null && echo writable; ls -d /sys/fs/cgroup/tepui* /sys/fs/cgroup/*/tepui* 2>/dev/null")
    assert done.stdout.split() == (["lo"] if network else sorted(os.listdir("/sys/class/net")))


def test_what_is_the_hosts_stays_so(rootless):
    secret = rootless.directory / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    rootless.config["mounts"] = [{"destination": "/host", "source": str(rootless.directory), "options": ["rbind", "ro"]}]
    done = rootless.shell("cat /host/secret; touch /host/x; echo 1 >/proc/sys/kernel/printk")
    assert done.stdout == "" and "can't open '/host/secret': Permission denied" in done.stderr
    assert "/host/x: Read-only file system" in done.stderr


@pytest.mark.parametrize("change, message", [
    ({"uidMappings": [{"containerID": 0, "hostID": 0, "size": 1}]}, "newuidmap"),
    ({"uidMappings": [{"containerID": 0, "hostID": USER, "size": 2}]}, "newuidmap"),
    ({"gidMappings": [{"containerID": 0, "hostID": FIRST, "size": COUNT + 1}]}, "newgidmap"),
])
def test_ids_that_were_not_given_to_the_caller(rootless, change, message):
    rootless.config["linux"].update(change)
    assert rootless.shell("true").stderr.splitlines()[-1] == \
        f"tepui-oci: user: map ids that are not the caller's own: '{message}' failed or is not installed"


def test_ids_that_were_given_to_the_caller(rootless):
    rows = [{"containerID": 0, "hostID": USER, "size": 1}, {"containerID": 1, "hostID": FIRST, "size": COUNT}]
    rootless.config["linux"].update(uidMappings=rows, gidMappings=rows)
    rootless.config["process"]["user"] = {"uid": 7, "gid": 8, "additionalGids": [9]}
    (rootless.directory / "rootfs/tmp").chmod(0o1777)
    done = rootless.shell("touch /tmp/made; id -u; id -g; grep Groups /proc/self/status; cat /proc/self/setgroups", groups=4321)
    assert (done.stdout.split(), done.stderr) == (["7", "8", "Groups:", "9", "allow"], "")
    made = (rootless.directory / "rootfs/tmp/made").stat()
    assert (made.st_uid, made.st_gid) == (FIRST + 6, FIRST + 7)


def test_what_only_root_can_do(rootless):
    rootless.config["annotations"] = {"io.tepui.idmapped-root": "true"}
    assert rootless.shell("true").stderr == \
        f"tepui-oci: filesystem: map the ids of '{rootless.directory}/rootfs' without being root\n"
    del rootless.config["annotations"]
    rootless.config["linux"]["namespaces"] = [n for n in rootless.config["linux"]["namespaces"] if n["type"] != "user"]
    for field in ("uidMappings", "gidMappings"):
        del rootless.config["linux"][field]
    assert rootless.shell("true").stderr == "tepui-oci: clone init of container 'one': Operation not permitted\n"
