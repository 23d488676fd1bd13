"""What documents of others ask for, as the specification of OCI runtimes has it."""
import os
import pathlib
import stat

import pytest

from oci import Runtime

pytestmark = pytest.mark.vm

UNIFIED = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()
# As engines write them, and in their order.
MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=64k"]},
    {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
]


@pytest.fixture
def runtime(tmp_path):
    made = Runtime(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("path", [".", "./", "../bundle", "rootfs/..", "//{0}/./", "{0}"])
def test_the_root_by_any_of_its_names(runtime, path):
    # The bundle is the root here, and has its config.json in it.
    (runtime.rootfs / "bin").rename(runtime.bundle / "bin")
    for name in ("proc", "sys", "dev"):
        (runtime.bundle / name).mkdir()
    runtime.config["root"]["path"] = path.format(runtime.bundle)
    assert runtime.run("ls", "/config.json").stdout == "/config.json\n"
    name = runtime.create("true")
    assert runtime.state(name)["rootfs"] == str(runtime.bundle)


def test_mounts_stand_in_the_order_of_the_document(runtime):
    runtime.config["mounts"] = MOUNTS + [{"destination": "/tmp", "type": "tmpfs", "source": "mine"}]
    rows = [line.split() for line in runtime.run("cat", "/proc/self/mountinfo").stdout.splitlines()]
    places = [row[4] for row in rows]
    wanted = [m["destination"] for m in runtime.config["mounts"]]
    assert [p for p in places if p in wanted] == wanted
    by_place = {row[4]: row for row in rows}
    shm = by_place["/dev/shm"]
    assert shm[-2] == "shm" and "size=64k" in shm[-1].split(",") and {"nosuid", "nodev", "noexec"} <= set(shm[5].split(",")), shm
    assert by_place["/tmp"][-2] == "mine"


def test_properties_that_nobody_knows_are_passed_over(runtime):
    for part in (runtime.config, runtime.process, runtime.process["user"], runtime.config["root"], runtime.config["linux"]):
        part["org.example.newer"] = {"a": 1}
    assert runtime.run("echo", "runs").stdout == "runs\n"
    runtime.config["linux"]["resources"] = {"memory": {"limt": 1}}
    done = runtime.run("true")
    assert done.returncode == 1 and "config.json: linux.resources.memory.limt: unknown field" in done.stderr


def test_capabilities_that_cannot_be_given_are_left_out_and_told(runtime):
    for kind in ("bounding", "effective", "permitted"):
        runtime.process["capabilities"][kind] = ["CAP_KILL", "CAP_OF_TOMORROW"]
    done = runtime.shell("grep CapEff /proc/self/status")
    assert (done.returncode, done.stdout) == (0, "CapEff:\t0000000000000020\n"), done
    assert ("tepui-oci: process.capabilities.effective[1]: 'CAP_OF_TOMORROW', which the kernel does not know, is left out\n"
            in done.stderr)
    log = runtime.directory / "log"
    runtime.write("true")
    name = runtime.new_id()
    runtime.call("--log", log, "--log-format", "json", "run", "-b", runtime.bundle, name)
    assert '"level":"warning"' in log.read_text()


def test_capabilities_of_the_caller_bound_those_of_the_container(runtime):
    for kind in ("bounding", "effective", "permitted"):
        runtime.process["capabilities"][kind] = ["CAP_KILL", "CAP_SYS_TIME"]
    runtime.write("grep", "CapEff", "/proc/self/status")
    name = runtime.new_id()
    argv = runtime.argv("run", "-b", runtime.bundle, name)
    done = os.popen("setpriv --bounding-set -sys_time " + " ".join(argv) + " 2>&1 </dev/null").read()
    assert "CapEff:\t0000000000000020\n" in done and "'CAP_SYS_TIME', which the caller does not have, is left out" in done, done


def test_a_working_directory_that_is_not_there_is_made(runtime):
    runtime.process["cwd"] = "/srv/a/b"
    assert runtime.run("pwd").stdout == "/srv/a/b\n"
    (runtime.rootfs / "srv/link").symlink_to("/srv/a")
    runtime.process["cwd"] = "/srv/link/c"
    assert runtime.run("pwd").stdout == "/srv/a/c\n"


def test_home_is_that_of_the_user(runtime):
    show = "echo $HOME"
    assert runtime.shell(show).stdout == "/\n"
    (runtime.rootfs / "usr").mkdir()
    (runtime.rootfs / "usr/passwd").write_text("root:x:0:0:r:/root:/bin/sh\nbad:x:7:0\nweb:x:8:8::/srv/web:/bin/sh\nodd:x:9:9::srv:/bin/sh\n")
    (runtime.rootfs / "etc/passwd").symlink_to("../../../usr/passwd")
    assert runtime.shell(show).stdout == "/root\n"
    name = runtime.start("sleep", "1000")
    for user, home in (("0", "/root"), ("7", "/"), ("8", "/srv/web"), ("9", "/"), ("10", "/")):
        assert runtime.must("exec", "-u", user, name, "sh", "-c", show) == f"{home}\n"
    assert runtime.must("exec", "-e", "HOME=/x", name, "sh", "-c", show) == "/x\n"
    runtime.process["env"].append("HOME=/y")
    assert runtime.shell(show).stdout == "/y\n"


@pytest.mark.parametrize("kind", ["fifo", "directory", "device", "outside"])
def test_a_passwd_that_is_none(runtime, kind):
    passwd = runtime.rootfs / "etc/passwd"
    if kind == "fifo":
        os.mkfifo(passwd)
    elif kind == "directory":
        passwd.mkdir()
    elif kind == "device":
        os.mknod(passwd, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    else:
        # The host's own has root's home in it; inside there is no such file.
        passwd.symlink_to("/proc/1/root/etc/passwd")
    assert runtime.shell("echo $HOME").stdout == "/\n"


@pytest.mark.parametrize("user", [False, True])
def test_a_fifo_among_the_devices(runtime, user):
    if user:
        rows = [{"containerID": 0, "hostID": 0, "size": 65536}]
        runtime.config["linux"]["namespaces"].append({"type": "user"})
        runtime.config["linux"].update(uidMappings=rows, gidMappings=rows)
    runtime.config["linux"]["devices"] = [{"path": "/dev/a/pipe", "type": "p", "fileMode": 0o640, "uid": 5, "gid": 6}]
    done = runtime.run("stat", "-c", "%f %u %g", "/dev/a/pipe")
    assert done.stdout.split() == [format(stat.S_IFIFO | 0o640, "x"), "5", "6"], done


def test_a_listed_ptmx_is_the_containers_own(runtime):
    runtime.config["linux"]["devices"] = [{"path": "/dev/ptmx", "type": "c", "major": 5, "minor": 2}]
    assert runtime.run("readlink", "/dev/ptmx").stdout == "pts/ptmx\n"
    runtime.config["linux"]["devices"][0]["minor"] = 3
    assert "make device '/dev/ptmx', which is there already" in runtime.run("true").stderr


def test_a_read_only_dev(runtime):
    runtime.config["mounts"] = [{**m, "options": [*m["options"], "ro"]} if m["destination"] == "/dev" else m for m in MOUNTS]
    runtime.config["mounts"].append({"destination": "/dev/log/x", "type": "bind", "source": str(runtime.bundle), "options": ["ro"]})
    done = runtime.shell("ls /dev/log/x; echo a >/dev/null && echo works; touch /dev/x")
    assert done.stdout == "config.json\nrootfs\nworks\n" and "Read-only file system" in done.stderr, done


@pytest.mark.skipif(not UNIFIED, reason="own groups are shown on cgroup v2 alone")
def test_a_writable_cgroup_whose_limits_are_out_of_reach(runtime):
    """As a systemd in a container needs it."""
    is_delegated = any(" - cgroup2 " in line and "nsdelegate" in line.split()[-1] for line in open("/proc/self/mountinfo"))
    runtime.config["mounts"] = [*MOUNTS, {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["rw"]}]
    runtime.config["linux"]["resources"] = {"pids": {"limit": 50}}
    done = runtime.shell("cd /sys/fs/cgroup; mkdir a && echo made; echo $$ >a/cgroup.procs && echo moved; cat /proc/self/cgroup; "
                         "echo max >pids.max || cat pids.max")
    if is_delegated:
        assert done.stdout.split() == ["made", "moved", "0::/a", "50"], done
    else:
        assert done.returncode == 1 and "mounted without nsdelegate" in done.stderr, done
