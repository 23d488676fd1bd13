"""Attributes of a container's process, and kernel parameters: seen from inside."""
import json
import os
import pathlib
import re

import pytest

from bundle import NOT_LAUNCHED
from bundle import box  # noqa: F401
from test_namespaces import other, join

pytestmark = pytest.mark.vm

FIRST = 100000


@pytest.fixture(params=[False, True], ids=["host-ids", "user-namespace"])
def image(box, request):
    made = box.use_image()
    box.be_root()
    if request.param:
        box.use_user_namespace(FIRST)
    return made


def refused(box):
    done = box.run("/bin/true")
    assert done.returncode == NOT_LAUNCHED
    return done.stderr.removeprefix("launch: ").rstrip("\n")


# ---- Kernel parameters ----

def test_kernel_parameters_of_own_namespaces(box, image):
    box.linux["namespaces"].append({"type": "network"})
    box.linux["sysctl"] = {"net.ipv4.ip_forward": "1", "net.ipv4.conf.lo.forwarding": "0", "net/ipv4/ip_default_ttl": "33",
                           "net.ipv4.ping_group_range": "0 7", "kernel.shmmni": "77", "kernel.sem": "1 2 3 4", "fs.mqueue.msg_max": "5"}
    names = ["net/ipv4/ip_forward", "net/ipv4/conf/lo/forwarding", "net/ipv4/ip_default_ttl", "net/ipv4/ping_group_range",
             "kernel/shmmni", "kernel/sem", "fs/mqueue/msg_max"]
    host = {name: pathlib.Path("/proc/sys", name).read_text() for name in names}
    done = box.shell("cd /proc/sys; for f in " + " ".join(names) + "; do cat $f; done; echo 2 >kernel/shmmni")
    assert [line.split() for line in done.stdout.splitlines()] == \
        [["1"], ["0"], ["33"], ["0", "7"], ["77"], ["1", "2", "3", "4"], ["5"]]
    assert done.stderr.endswith("Read-only file system\n")
    assert {name: pathlib.Path("/proc/sys", name).read_text() for name in names} == host


def test_a_name_by_a_kernel_parameter(box):
    box.use_image()
    box.linux["sysctl"] = {"kernel.domainname": "example.org"}
    assert box.shell("cat /proc/sys/kernel/domainname").stdout == "example.org\n"


@pytest.mark.parametrize("name, value, message", [
    ("net.ipv4.nosuch", "1", "filesystem: linux.sysctl: open 'sys/net/ipv4/nosuch' of /proc: No such file or directory"),
    ("net.ipv4.ip_default_ttl", "x", "filesystem: linux.sysctl: write 'x' to 'sys/net/ipv4/ip_default_ttl' of /proc: Invalid argument"),
    ("net.ipv4.conf", "1", "filesystem: linux.sysctl: open 'sys/net/ipv4/conf' of /proc: Is a directory"),
])
def test_kernel_parameters_that_cannot_be_set(box, name, value, message):
    box.linux["namespaces"].append({"type": "network"})
    box.linux["sysctl"] = {name: value}
    assert refused(box) == message


def test_the_hosts_parameters_by_a_namespace_that_is_the_hosts(box):
    box.linux["sysctl"] = {"net.ipv4.ip_default_ttl": "33"}
    join(box, {"network": "/proc/self/ns/net"})
    assert refused(box) == "sysctls: linux.sysctl: 'net/ipv4/ip_default_ttl' is the host's, whose network namespace is joined"
    with other("network") as paths:
        join(box, paths)
        assert box.shell("cat /proc/sys/net/ipv4/ip_default_ttl").stdout == "33\n"


# ---- Security modules ----

def test_a_profile_that_is_not_there_is_refused(box):
    enabled = pathlib.Path("/sys/module/apparmor/parameters/enabled")
    has_apparmor = enabled.exists() and enabled.read_text() == "Y\n"
    box.process["apparmorProfile"] = "tepui-nosuch"
    if has_apparmor:
        assert re.fullmatch(r"filesystem: process.apparmorProfile: write 'exec tepui-nosuch' to '1/attr/apparmor/exec' of /proc: "
                            "No such file or directory", refused(box))
    else:
        assert refused(box) == "apparmor: process.apparmorProfile: confine by 'tepui-nosuch' without AppArmor"
    box.process["apparmorProfile"] = "unconfined"
    assert box.run("/bin/true").returncode == 0


# ---- Processor, disk ----

@pytest.mark.parametrize("scheduler, policy", [
    ({"policy": "SCHED_OTHER", "nice": 7}, "0"),
    ({"policy": "SCHED_BATCH", "nice": -5}, "3"),
    ({"policy": "SCHED_IDLE"}, "5"),
    ({"policy": "SCHED_FIFO", "priority": 7}, "1"),
    ({"policy": "SCHED_RR", "priority": 99}, "2"),
])
def test_scheduler(box, image, scheduler, policy):
    box.process["scheduler"] = scheduler
    done = box.shell("busybox cut -d' ' -f18,19,40,41 /proc/self/stat")
    if policy in "12" and json.loads(box.layout)["cpu"] is not True:
        # A group of cgroup v1 has no share of real time.
        assert done.returncode == NOT_LAUNCHED
        return
    prio, nice, _, number = done.stdout.split()
    assert number == policy
    if "nice" in scheduler:
        assert int(nice) == scheduler["nice"]
    if "priority" in scheduler:
        assert int(prio) == -1 - scheduler["priority"]


def test_a_policy_that_ends_with_a_fork_is_not_for_an_init(box):
    box.process["scheduler"] = {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_RESET_ON_FORK"]}
    assert refused(box) == "process.scheduler: keep to a policy that ends with a fork"


@pytest.mark.parametrize("name, number", [("IOPRIO_CLASS_BE", "best-effort: prio 6"), ("IOPRIO_CLASS_RT", "realtime: prio 6")])
def test_io_priority(box, image, name, number):
    box.process["ioPriority"] = {"class": name, "priority": 6}
    assert box.shell("busybox ionice -p 1; busybox ionice").stdout == (number + "\n") * 2


def test_personality(box, image):
    box.linux["personality"] = {"domain": "LINUX32"}
    assert box.shell("busybox uname -m").stdout == "i686\n"
    del box.linux["personality"]
    assert box.shell("busybox uname -m").stdout == os.uname().machine + "\n"


# ---- Limits ----

LIMITS = {"AS": "Max address space", "CORE": "Max core file size", "CPU": "Max cpu time", "DATA": "Max data size",
          "FSIZE": "Max file size", "LOCKS": "Max file locks", "MEMLOCK": "Max locked memory",
          "MSGQUEUE": "Max msgqueue size", "NICE": "Max nice priority", "NOFILE": "Max open files",
          "NPROC": "Max processes", "RSS": "Max resident set", "RTPRIO": "Max realtime priority",
          "RTTIME": "Max realtime timeout", "SIGPENDING": "Max pending signals", "STACK": "Max stack size"}


def limits_of(text):
    rows = {line[:25].strip(): line[25:].split()[:2] for line in text.splitlines()}
    return {name: [float("inf") if value == "unlimited" else int(value) for value in rows[shown]]
            for name, shown in LIMITS.items()}


def test_every_limit(box, image):
    """Each a little different, and none above what the supervisor has, who need not be able to raise it."""
    ours = limits_of(pathlib.Path("/proc/self/limits").read_text())
    wanted = {name: [min(ours[name][1], (1 << 30) + 2 * i), min(ours[name][1], (1 << 30) + 2 * i + 1)]
              for i, name in enumerate(LIMITS)}
    wanted["NOFILE"] = [100, 101]
    box.process["rlimits"] = [{"type": f"RLIMIT_{name}", "soft": soft, "hard": hard} for name, (soft, hard) in wanted.items()]
    assert limits_of(box.shell("cat /proc/self/limits").stdout) == wanted


def may_raise_limits():
    (line,) = [x for x in pathlib.Path("/proc/self/status").read_text().splitlines() if x.startswith("CapEff")]
    return int(line.split()[1], 16) >> 24 & 1


def test_a_limit_above_the_supervisors(box, image):
    box.prefix = ["prlimit", "--nofile=2000:2000", "--"]
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 2001, "hard": 3000}]
    expected = [2001, 3000] if may_raise_limits() else [2000, 2000]
    assert limits_of(box.shell("cat /proc/self/limits").stdout)["NOFILE"] == expected
