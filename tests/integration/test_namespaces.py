"""Namespaces: seen from inside a container, and what the host sees of it."""
import contextlib
import os
import pathlib
import stat
import subprocess

import pytest

from bundle import NOT_LAUNCHED
from bundle import box  # noqa: F401
from cluster import SLOW, wait_until

pytestmark = pytest.mark.vm

FIRST = 100000


def owner(path):
    return os.lstat(path).st_uid, os.lstat(path).st_gid


# ---- User namespaces ----

def test_root_inside_is_nobody_outside(box):
    image = box.use_image()
    box.use_user_namespace(FIRST)
    box.be_root()
    running = box.start("/bin/sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map; id -u; echo ready; sleep 1000 & wait")
    lines = [running.stdout.readline().split() for _ in range(4)]
    directory, _ = box.cgroup()
    try:
        wait_until(lambda: len((directory / "cgroup.procs").read_text().split()) == 3, "the sleep")
        for pid in (directory / "cgroup.procs").read_text().split():
            status = pathlib.Path("/proc", pid, "status").read_text()
            assert f"Uid:\t{FIRST}\t{FIRST}\t{FIRST}\t{FIRST}" in status
            assert f"Gid:\t{FIRST}\t{FIRST}\t{FIRST}\t{FIRST}" in status
    finally:
        (directory / "cgroup.kill").write_text("1")
        running.communicate(timeout=60 * SLOW)
    assert lines == [["0", "100000", "65536"]] * 2 + [["0"], ["ready"]]
    assert owner(image / "bin/busybox") == (0, 0)


def test_files_keep_their_owners_through_the_idmapped_root(box):
    image = box.use_image()
    box.use_user_namespace(FIRST)
    box.be_root("CAP_CHOWN")
    (image / "theirs").write_text("x")
    os.chown(image / "theirs", 1000, 1001)
    (image / "out-of-the-map").write_text("x")
    os.chown(image / "out-of-the-map", 70000, 70000)
    (image / "bin/chown").symlink_to("busybox")
    done = box.shell("""
ls -ln /theirs /out-of-the-map | while read m n u g rest; do echo $u:$g; done
touch /made && chown 1000:1001 /made
chown 0 /out-of-the-map 2>/dev/null && echo stolen
touch /theirs && echo touched
""")
    assert (done.stdout.split(), done.stderr) == (["65534:65534", "1000:1001"], "touch: /theirs: Permission denied\n")
    assert owner(image / "made") == (1000, 1001)
    assert owner(image / "out-of-the-map") == (70000, 70000)


def test_without_the_annotation_the_root_belongs_to_the_ids_outside(box):
    image = box.use_image()
    box.use_user_namespace(FIRST)
    del box.document["annotations"]["io.tepui.idmapped-root"]
    box.be_root()
    (image / "theirs").write_text("x")
    os.chown(image / "theirs", FIRST + 7, FIRST + 8)
    os.chown(image, FIRST, FIRST)
    done = box.shell("ls -ln /theirs /bin/busybox | while read m n u g rest; do echo $u:$g; done; touch /x")
    assert (done.stdout.split(), done.stderr) == (["65534:65534", "7:8"], "")
    assert owner(image / "x") == (FIRST, FIRST)


def test_the_sandbox_is_idmapped(box):
    box.use_image()
    box.use_user_namespace(FIRST)
    box.document["annotations"].update({"io.tepui.sandbox": str(box.sandbox),
                                        "io.tepui.sandbox-destination": "/mnt/mesos/sandbox"})
    os.chown(box.sandbox, 1000, 1000)
    box.process["user"] = {"uid": 1000, "gid": 1000}
    done = box.shell("touch /mnt/mesos/sandbox/x; id -u; ls -ldn /mnt/mesos/sandbox | while read m n u g rest; do echo $u:$g; done")
    assert (done.stdout.split(), done.stderr) == (["1000", "1000:1000"], "")
    assert owner(box.sandbox / "x") == (1000, 1000)


def test_devices_are_the_hosts_own(box):
    box.use_image()
    box.use_user_namespace(FIRST)
    box.be_root("CAP_MKNOD")
    box.linux["devices"] = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11}]
    done = box.shell("""
for d in null zero full random urandom tty kmsg; do test -c /dev/$d || echo no $d; done
echo x >/dev/null && head -c 3 /dev/zero | wc -c
mknod /dev/disk b 8 0 2>/dev/null && echo made a disk
mknod /null c 1 3 2>/dev/null && echo made a null
""".replace("head", "busybox head").replace("wc", "busybox wc"))
    assert (done.stdout.split(), done.stderr) == (["3"], "")


def test_a_device_that_is_another_one_on_the_host_is_refused(box):
    box.use_image()
    box.use_user_namespace(FIRST)
    box.linux["devices"] = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 3}]
    done = box.run("/bin/true")
    assert (done.returncode, done.stderr) == (
        NOT_LAUNCHED, "launch: filesystem: bind device '/dev/kmsg': on the host it is not c 1:3\n")


def test_a_file_system_without_idmapped_mounts_is_named(box):
    image = box.use_image()
    box.use_user_namespace(FIRST)
    subprocess.run(["mount", "-t", "ramfs", "ramfs", image], check=True)
    try:
        done = box.run("/bin/true")
    finally:
        subprocess.run(["umount", image], check=True)
    assert (done.returncode, done.stderr) == (
        NOT_LAUNCHED, f"launch: filesystem: map the ids of '{image}', which is on ramfs: Invalid argument\n")


@pytest.mark.parametrize("network", [False, True])
def test_sysfs_is_read_only_and_shows_the_own_network(box, network):
    box.use_image()
    box.use_user_namespace(FIRST)
    box.be_root("CAP_SYS_ADMIN")
    if network:
        box.linux["namespaces"].append({"type": "network"})
    done = box.shell("touch /sys/x 2>/dev/null && echo writable; ls /sys/class/net")
    expected = ["lo"] if network else sorted(os.listdir("/sys/class/net"))
    assert (done.stdout.split(), done.stderr) == (expected, "")


def test_capabilities_are_of_the_namespace_alone(box):
    box.use_image()
    box.use_user_namespace(FIRST)
    box.be_root("CAP_SYS_ADMIN", "CAP_SYS_TIME", "CAP_NET_ADMIN", "CAP_DAC_OVERRIDE")
    box.document["mounts"] = [{"destination": "/host", "source": str(box.directory), "options": ["rbind", "rw"]}]
    secret = box.directory / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    done = box.shell("""
cat /host/secret; busybox date -s 2001-01-01 >/dev/null; mkdir /mnt; mount -t tmpfs t /mnt && echo mounted
busybox hostname other && hostname; echo 1 >/proc/sys/kernel/printk
""".replace("hostname;", "busybox hostname;"))
    assert done.stdout.split() == ["mounted", "other"]
    assert "can't open '/host/secret': Permission denied" in done.stderr
    assert "can't set date: Operation not permitted" in done.stderr
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


# ---- Namespaces that are there already ----

OTHERS = {"ipc": ("-i", "ipc"), "uts": ("-u", "uts"), "network": ("-n", "net"), "time": ("-T", "time_for_children"),
          "cgroup": ("-C", "cgroup"), "user": ("-Ur", "user")}


@contextlib.contextmanager
def other(*kinds):
    """A process with namespaces of its own: the kind -> the path of one."""
    options = [OTHERS[kind][0] for kind in kinds]
    boottime = ["--boottime", "777777"] if "time" in kinds else []
    process = subprocess.Popen(["unshare", *options, *boottime, "sh", "-c", "echo ready; read x"], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == "ready\n"
        yield {kind: f"/proc/{process.pid}/ns/{OTHERS[kind][1]}" for kind in kinds}
    finally:
        process.communicate("\n")


def join(box, paths):
    box.linux["namespaces"] = [n for n in box.linux["namespaces"] if n["type"] not in paths] + \
        [{"type": kind, "path": path} for kind, path in paths.items()]


def links_of(text):
    return dict(line.split(" -> ") for line in text.splitlines() if " -> " in line)


INSIDE = "cd /proc/self/ns && for n in *; do echo \"$n -> $(busybox readlink $n)\"; done"


@pytest.mark.parametrize("kinds", [("uts",), ("ipc",), ("network",), ("time",), ("cgroup",), ("user",),
                                   ("ipc", "uts", "network", "time", "cgroup"), ("user", "network", "ipc", "uts", "time")])
def test_namespaces_are_joined_by_path(box, kinds):
    box.use_image()
    box.be_root()
    del box.document["hostname"]
    with other(*kinds) as paths:
        expected = {OTHERS[kind][1]: os.readlink(path) for kind, path in paths.items()}
        join(box, paths)
        done = box.shell(INSIDE)
    links = links_of(done.stdout)
    assert done.stderr == ""
    assert {name: links[name] for name in expected} == expected
    # And none of the others is the host's.
    if "user" not in kinds:
        expected["user"] = None
    for name in {"pid", "mnt"} - set(expected):
        assert links[name] != os.readlink(f"/proc/self/ns/{name}")


def test_the_supervisor_stays_outside_of_what_is_joined(box):
    box.use_image()
    del box.document["hostname"]
    with other("network", "uts", "ipc", "time") as paths:
        join(box, paths)
        running = box.start("/bin/sh", "-c", "echo ready; sleep 1000")
        assert running.stdout.readline() == "ready\n"
        for name in ("net", "uts", "ipc", "time", "time_for_children", "pid", "pid_for_children", "mnt"):
            assert os.readlink(f"/proc/{running.pid}/ns/{name}") == os.readlink(f"/proc/self/ns/{name}")
        children = pathlib.Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
        assert len(children) == 1
        (box.cgroup()[0] / "cgroup.kill").write_text("1")
        running.communicate(timeout=60 * SLOW)


@pytest.mark.parametrize("kind, path, message", [
    ("uts", "/proc/self/ns/ipc", "join: join '/proc/self/ns/ipc', which is not a uts namespace"),
    ("network", "/etc/passwd", "join: join '/etc/passwd', which is not a network namespace"),
    ("ipc", "/nosuch", "join: open ipc namespace '/nosuch': No such file or directory"),
    ("ipc", "ns/ipc", "join: linux.namespaces: path 'ns/ipc' of the ipc namespace is not absolute"),
    ("mount", "/proc/self/ns/mnt", "join: linux.namespaces: join mount namespace '/proc/self/ns/mnt'"),
    # The process that was meant may have gone, and its number be one of the host's.
    ("pid", "/proc/self/ns/pid", "join '/proc/self/ns/pid', which is the pid namespace of the host"),
    ("ipc", "/proc/self/ns/ipc", "join '/proc/self/ns/ipc', which is the ipc namespace of the host"),
])
def test_what_cannot_be_joined_is_refused(box, kind, path, message):
    join(box, {kind: path})
    done = box.run("/bin/true")
    assert (done.returncode, done.stderr.splitlines()) == (NOT_LAUNCHED, ["launch: " + message])


def test_maps_must_be_those_of_the_namespace_that_is_joined(box):
    box.use_image()
    box.be_root()
    with other("user") as paths:
        join(box, paths)
        rows = [{"containerID": 0, "hostID": 0, "size": 1}]
        box.linux.update(uidMappings=rows, gidMappings=rows)
        assert box.shell("id -u").stdout == "0\n"
        box.linux.update(gidMappings=[{"containerID": 0, "hostID": 1, "size": 1}])
        assert box.shell("id -u").stderr == \
            "launch: user: linux.gidMappings: not those of the user namespace that is joined\n"


def test_a_network_that_another_user_namespace_owns_is_refused(box):
    box.use_image()
    box.use_user_namespace(FIRST)
    with other("network") as paths:
        join(box, paths)
        done = box.run("/bin/true")
    assert done.stderr == (f"launch: filesystem: mount sysfs of network namespace '{paths['network']}', "
                           "which another user namespace owns\n")


# ---- Time, names ----

def uptime(text):
    return float(text.split()[0])


@pytest.mark.parametrize("user", [False, True])
def test_time_offsets(box, user):
    box.use_image()
    box.be_root()
    if user:
        box.use_user_namespace(FIRST)
    box.linux["namespaces"].append({"type": "time"})
    box.linux["timeOffsets"] = {"monotonic": {"secs": 86400, "nanosecs": 7}, "boottime": {"secs": 1000000}}
    done = box.shell("cat /proc/uptime; cat /proc/self/timens_offsets")
    lines = done.stdout.splitlines()
    assert 0 <= uptime(pathlib.Path("/proc/uptime").read_text()) + 1000000 - uptime(lines[0]) < 30
    assert [line.split() for line in lines[1:]] == [["monotonic", "86400", "7"], ["boottime", "1000000", "0"]]


def test_offsets_that_the_kernel_refuses(box):
    box.linux["namespaces"].append({"type": "time"})
    box.linux["timeOffsets"] = {"boottime": {"secs": -9223372036}}
    done = box.run("/bin/true")
    assert (done.returncode, done.stderr) == (
        NOT_LAUNCHED, "launch: time: linux.timeOffsets: set offsets of clocks: Numerical result out of range\n")


def test_host_and_domain_name(box):
    box.document["domainname"] = "box.example"
    done = box.shell("cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname")
    assert done.stdout == "box\nbox.example\n"
    assert pathlib.Path("/proc/sys/kernel/domainname").read_text() != "box.example\n"
