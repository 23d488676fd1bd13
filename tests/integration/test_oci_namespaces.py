"""tepui-oci and namespaces: those of the host, of others, of users; and who joins later."""
import os
import pathlib

import pytest

from cluster import wait_until
from oci import Runtime

pytestmark = pytest.mark.vm

FIRST = 100000


@pytest.fixture
def runtime(disk, tmp_path_factory):
    mounts = pathlib.Path("/proc/self/mountinfo").read_text()
    made = Runtime(pathlib.Path(disk, tmp_path_factory.mktemp("bundle").name))
    yield made
    made.close()
    assert pathlib.Path("/proc/self/mountinfo").read_text() == mounts


def without(runtime, kind):
    runtime.config["linux"]["namespaces"] = [n for n in runtime.config["linux"]["namespaces"] if n["type"] != kind]


def use_user_namespace(runtime):
    rows = [{"containerID": 0, "hostID": FIRST, "size": 65536}]
    runtime.config["linux"]["namespaces"].append({"type": "user"})
    runtime.config["linux"].update(uidMappings=rows, gidMappings=rows)
    runtime.config["annotations"] = {"io.tepui.idmapped-root": "true"}


def test_the_hosts_processes_on_request(runtime):
    without(runtime, "pid")
    done = runtime.shell(f"test -d /proc/{os.getpid()} && echo seen; test $$ = 1 || echo not 1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "seen\nnot 1\n", "")


def test_another_containers_processes_on_request(runtime):
    first = runtime.start("sleep", "1000")
    without(runtime, "pid")
    runtime.config["linux"]["namespaces"].append({"type": "pid", "path": f"/proc/{runtime.state(first)['pid']}/ns/pid"})
    done = runtime.shell("cat /proc/1/cmdline; test $$ = 1 || echo not 1")
    assert done.stdout == "sleep\0" "1000\0not 1\n"
    # And it lives as long as that one does.
    second = runtime.start("sleep", "2000")
    runtime.must("kill", first, "KILL")
    wait_until(lambda: [runtime.status(name) for name in (first, second)] == ["stopped"] * 2, "the end of both")


def test_exec_into_a_user_namespace(runtime):
    use_user_namespace(runtime)
    name = runtime.start("sleep", "1000")
    pid = runtime.state(name)["pid"]
    assert f"Uid:\t{FIRST}\t{FIRST}\t{FIRST}\t{FIRST}" in pathlib.Path(f"/proc/{pid}/status").read_text()
    out = runtime.must("exec", name, "sh", "-c", "id -u; cat /proc/self/uid_map; readlink /proc/self/ns/user; touch /made; stat -c %u:%g /made")
    assert out.split() == ["0", "0", str(FIRST), "65536", os.readlink(f"/proc/{pid}/ns/user"), "0:0"]
    made = (runtime.rootfs / "made").stat()
    assert (made.st_uid, made.st_gid) == (0, 0)


def test_a_time_namespace_is_joined_by_exec(runtime):
    runtime.config["linux"]["namespaces"].append({"type": "time"})
    runtime.config["linux"]["timeOffsets"] = {"boottime": {"secs": 1000000}}
    name = runtime.start("sleep", "1000")
    assert float(runtime.must("exec", name, "cat", "/proc/uptime").split()[0]) > 1000000


def test_processors_of_processes_that_join(runtime):
    allowed = sorted(os.sched_getaffinity(0))
    runtime.process["execCPUAffinity"] = {"initial": str(allowed[0]), "final": str(allowed[-1])}
    name = runtime.start("sleep", "1000")
    assert os.sched_getaffinity(runtime.state(name)["pid"]) == set(allowed)
    assert f"Cpus_allowed_list:\t{allowed[-1]}\n" in runtime.must("exec", name, "grep", "Cpus_allowed_list", "/proc/self/status")


def test_processors_that_are_not_there_are_refused(runtime):
    runtime.process["execCPUAffinity"] = {"final": "4000"}
    name = runtime.start("sleep", "1000")
    assert runtime.must_fail("exec", name, "true", status=255) == \
        "process.execCPUAffinity: run on processors '4000': Invalid argument"


@pytest.mark.parametrize("flags", [[], ["SCHED_FLAG_RESET_ON_FORK"]])
def test_scheduler_of_the_first_process_and_of_those_that_join(runtime, flags):
    runtime.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5, "flags": flags}
    name = runtime.start("sleep", "1000")
    pid = runtime.state(name)["pid"]
    assert os.sched_getscheduler(pid) & ~os.SCHED_RESET_ON_FORK == os.SCHED_BATCH
    assert os.getpriority(os.PRIO_PROCESS, pid) == 5
    fields = runtime.must("exec", name, "cat", "/proc/self/stat").split()
    assert (fields[18], fields[40]) == ("5", str(os.SCHED_BATCH))


def test_a_mount_namespace_cannot_be_joined(runtime):
    without(runtime, "mount")
    runtime.config["linux"]["namespaces"].append({"type": "mount", "path": "/proc/self/ns/mnt"})
    runtime.write("true")
    assert runtime.must_fail("run", "-b", runtime.bundle, runtime.new_id()) == \
        "join: linux.namespaces: join mount namespace '/proc/self/ns/mnt'"


def test_a_bad_document_leaves_nothing(runtime):
    before = sorted(os.listdir(runtime.root)) if runtime.root.exists() else []
    use_user_namespace(runtime)
    runtime.config["linux"]["gidMappings"] = []
    runtime.write("true")
    assert runtime.must_fail("create", "-b", runtime.bundle, runtime.new_id()) == "user: linux.gidMappings: missing"
    assert runtime.names() == [] and sorted(os.listdir(runtime.root)) == before
