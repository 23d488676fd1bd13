"""Limits of a running container: changed, in the cgroup's files and in effect; taken over; paused."""
import contextlib
import json
import os
import pathlib
import subprocess
import threading

import pytest

from bundle import box  # noqa: F401
from bundle import MIB, NOBODY
from cluster import BUILD, wait_until
from conftest import cannot_run

pytestmark = pytest.mark.vm

RESIZE = BUILD / "tests/bench/resize"
SANDBOX = "/mnt/mesos/sandbox"
# v2 name: v1 name, of those that are compared as they are.
V1_NAMES = {"cpu.max.burst": "cpu.cfs_burst_us", "memory.max": "memory.limit_in_bytes",
            "memory.low": "memory.soft_limit_in_bytes", "memory.current": "memory.usage_in_bytes"}


class Running:
    """One box whose main process runs what it is told, a line at a time."""

    def __init__(self, box):
        self.box = box
        self.orders = box.sandbox / "orders"
        os.mkfifo(self.orders)
        os.chown(self.orders, NOBODY, NOBODY)
        self.process = box.start("/bin/sh", "-c", f"exec 3<>{SANDBOX}/orders; echo ready; while read -r line <&3; do eval \"$line\"; done")
        self.lines = []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        self.name = f"bench-{self.process.pid}"
        self.document = box.directory / "config.json"
        wait_until(lambda: "ready" in self.lines, "the box", 30)

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def order(self, line):
        with open(self.orders, "w", encoding="ascii") as out:
            out.write(line + "\n")

    def ask(self, line, seconds=60):
        """The output of LINE, which ends before this returns."""
        before = len(self.lines)
        self.order(f"{line}; echo done $?")
        wait_until(lambda: self.lines[-1].startswith("done ") and len(self.lines) > before, line, seconds)
        return self.lines[before:]

    def resize(self, **resources):
        path = self.box.directory / "resources.json"
        path.write_text(json.dumps(resources))
        return subprocess.run([RESIZE, "update", self.box.layout, self.name, self.document, path],
                              capture_output=True, text=True)

    def must_resize(self, **resources):
        done = self.resize(**resources)
        assert done.returncode == 0, done.stderr

    def call(self, verb, *args):
        return subprocess.run([RESIZE, verb, self.box.layout, self.name, *args], capture_output=True, text=True)

    def file(self, name):
        """The path of an interface file by its v2 name, and whether it is v1."""
        where = json.loads(self.box.layout).get(name.split(".")[0], True)
        if where is True:
            return self.core() / name, False
        return pathlib.Path(where, "containers", self.name, V1_NAMES.get(name, name)), True

    def value(self, name):
        return self.file(name)[0].read_text().strip()

    def core(self):
        return pathlib.Path(json.loads(self.box.layout)["core"], "containers", self.name)

    def host_pid(self):
        """Of the main process: init's child."""
        return int((self.core() / "cgroup.procs").read_text().split()[1])

    def cpu_usec(self):
        return int(dict(l.split() for l in (self.core() / "cpu.stat").read_text().splitlines())["usage_usec"])

    def close(self):
        with contextlib.suppress(OSError):
            (self.core() / "cgroup.kill").write_text("1")
        self.process.wait(30)
        self.reader.join(30)
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def running(box):  # noqa: F811
    made = []

    def start():
        made.append(Running(box))
        return made[0]
    yield start
    for r in made:
        r.close()


def cpu_max(r):
    path, is_v1 = r.file("cpu.max")
    if not is_v1:
        return path.read_text().split()
    quota = (path.parent / "cpu.cfs_quota_us").read_text().strip()
    return ["max" if quota == "-1" else quota, (path.parent / "cpu.cfs_period_us").read_text().strip()]


def throttling(r):
    """Periods in which it ran, and microseconds of cpu time."""
    path, _ = r.file("cpu.stat")
    return int(dict(l.split() for l in path.read_text().splitlines())["nr_periods"]), r.cpu_usec()


def usec_per_period(r, periods=20):
    first, used = throttling(r)
    last, after = wait_until(lambda: (now := throttling(r))[0] >= first + periods and now, "periods", 120)
    return (after - used) / (last - first)


def test_cpu_quota(running):
    r = running()
    assert cpu_max(r)[0] == "max"
    r.order("while :; do :; done &")
    r.must_resize(cpu={"quota": 5000, "period": 50000})
    assert cpu_max(r) == ["5000", "50000"]
    assert usec_per_period(r) <= 7500
    # Another quota only: the period stays.
    r.must_resize(cpu={"quota": 20000})
    assert cpu_max(r) == ["20000", "50000"]
    wait_until(lambda: usec_per_period(r) > 9000, "more time than before", 120)
    r.must_resize(cpu={"quota": 2000})
    assert usec_per_period(r) <= 4000
    r.must_resize(cpu={"quota": -1})
    assert cpu_max(r)[0] == "max"


def test_cpu_burst_and_quota_in_any_order(running):
    r = running()
    for quota, burst in ((10000, 10000), (50000, 40000), (5000, 4000), (5000, 0)):
        r.must_resize(cpu={"quota": quota, "burst": burst})
        assert (cpu_max(r)[0], r.value("cpu.max.burst")) == (str(quota), str(burst))
    done = r.resize(cpu={"burst": 6000})
    assert done.stderr == "resize: cpu: burst of 6000 us is more than the quota of 5000\n"
    assert r.value("cpu.max.burst") == "0"


def test_cpu_weight_and_idle(running):
    r = running()
    path, is_v1 = r.file("cpu.weight")

    def weight():
        return path.parent.joinpath("cpu.shares").read_text().strip() if is_v1 else path.read_text().strip()
    r.must_resize(cpu={"shares": 2048})
    assert weight() == ("2048" if is_v1 else "200")
    r.must_resize(cpu={"idle": 1})
    assert r.value("cpu.idle") == "1"
    # A weight cannot be set while it is idle; both at once can.
    r.must_resize(cpu={"idle": 0, "shares": 512})
    assert (r.value("cpu.idle"), weight()) == ("0", "512" if is_v1 else "50")


def test_cpu_weight_in_effect(box, tmp_path, running):  # noqa: F811
    """Two children of one container's cpu: time is divided as the weights are."""
    box.resources["cpu"] = {"cpus": "0", "shares": 1024}
    r = running()
    r.order("while :; do :; done &")
    wait_until(lambda: r.cpu_usec() > 100000, "it runs")
    with busy_neighbour(r) as neighbour_usec:
        r.must_resize(cpu={"shares": 10240})

        def ratio():
            mine, other = r.cpu_usec(), neighbour_usec()
            wait_until(lambda: r.cpu_usec() - mine + neighbour_usec() - other > 600000, "time to divide", 120)
            return (r.cpu_usec() - mine) / max(neighbour_usec() - other, 1)
        wait_until(lambda: ratio() > 4, "ten times the weight", 120)
        r.must_resize(cpu={"shares": 102})
        wait_until(lambda: ratio() < 0.25, "a tenth of the weight", 120)


@contextlib.contextmanager
def busy_neighbour(r):
    """A process that spins on cpu 0 in a group beside the box's, with the default weight."""
    path, is_v1 = r.file("cpu.weight")
    group = path.parent.parent / f"neighbour-{os.getpid()}"
    group.mkdir()
    spinner = subprocess.Popen(["taskset", "-c", "0", "sh", "-c", "while :; do :; done"])
    try:
        (group / "cgroup.procs").write_text(str(spinner.pid))

        def usec():
            with open(f"/proc/{spinner.pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) * 1000000 // os.sysconf("SC_CLK_TCK")
        yield usec
    finally:
        spinner.kill()
        spinner.wait()
        wait_until(lambda: not (group / "cgroup.procs").read_text(), "its end")
        group.rmdir()


def test_cpuset(running):
    if len(os.sched_getaffinity(0)) < 2:
        cannot_run("one cpu")
    r = running()
    for cpus in ("1", "0", "0-1"):
        r.must_resize(cpu={"cpus": cpus, "mems": "0"})
        assert r.value("cpuset.cpus") == cpus
        assert os.sched_getaffinity(r.host_pid()) == ({0, 1} if cpus == "0-1" else {int(cpus)})
        assert r.ask("grep Cpus_allowed_list: /proc/self/status")[0].split() == ["Cpus_allowed_list:", cpus]
    done = r.resize(cpu={"cpus": "4000"})
    assert done.returncode == 1
    assert done.stderr.startswith("resize: linux.resources.cpu.cpus: write '4000' to cgroup file 'cpuset.cpus'")
    assert r.value("cpuset.cpus") == "0-1"


EAT = "dd if=/dev/zero of=/dev/null bs=%dM count=1 2>/dev/null"


def test_memory_limit(running):
    r = running()
    assert r.value("memory.max") == str(64 * MIB)
    r.must_resize(memory={"limit": 160 * MIB})
    assert r.value("memory.max") == str(160 * MIB)
    assert r.ask(EAT % 96)[-1] == "done 0"
    r.must_resize(memory={"limit": 48 * MIB})
    assert r.value("memory.max") == str(48 * MIB)
    assert r.ask(EAT % 24)[-1] == "done 0"
    r.order(EAT % 96)
    # v2 kills all of it at the new limit; on v1 it is one process, and a supervisor ends the rest.
    if r.file("memory.max")[1]:
        path, _ = r.file("memory.max")
        wait_until(lambda: "oom_kill 0" not in (path.parent / "memory.oom_control").read_text(), "the kill", 60)
    else:
        r.process.wait(60)


def test_memory_swap_moves_along(running):
    r = running()
    path, is_v1 = r.file("memory.max")

    def swap():
        if not is_v1:
            return int((path.parent / "memory.swap.max").read_text())
        both = path.parent / "memory.memsw.limit_in_bytes"
        return int(both.read_text()) - int(path.read_text()) if both.exists() else None
    if swap() is None:
        pytest.skip("no accounting of swap here")
    assert swap() == 0
    for limit, allowance in ((128, 0), (128, 64), (32, 64), (96, 32)):
        r.must_resize(memory={"limit": limit * MIB, "swap": (limit + allowance) * MIB})
        assert (path.read_text().strip(), swap()) == (str(limit * MIB), allowance * MIB)
    r.must_resize(memory={"limit": 64 * MIB})
    assert swap() == 32 * MIB


def test_memory_in_use_is_checked_first_when_asked(running):
    r = running()
    r.ask("head -c 20000000 /dev/zero >/dev/shm/x")
    used = int(r.value("memory.current"))
    assert used > 20000000
    done = r.resize(memory={"limit": 4 * MIB, "checkBeforeUpdate": True}, pids={"limit": 33})
    assert done.returncode == 1
    assert done.stderr.startswith("resize: linux.resources.memory.limit: 4194304 is below the ")
    assert (r.value("memory.max"), r.value("pids.max")) == (str(64 * MIB), "64")
    assert r.ask("echo alive")[0] == "alive"


def test_memory_protection(running):
    r = running()
    r.must_resize(memory={"reservation": 8 * MIB})
    assert r.value("memory.low") == str(8 * MIB)
    r.must_resize(memory={"reservation": -1})
    path, is_v1 = r.file("memory.low")
    assert int(path.read_text()) > 1 << 60 if is_v1 else path.read_text() == "0\n"


def test_memory_high_by_its_file(running):
    r = running()
    if r.file("memory.max")[1]:
        done = r.resize(unified={"memory.high": str(16 * MIB)}, pids={"limit": 33})
        assert done.stderr == ("resize: linux.resources.unified: use cgroup file 'memory.high' on cgroup v1, "
                               "which has none like it\n")
        assert r.value("pids.max") == "64"
        return
    r.must_resize(unified={"memory.high": str(16 * MIB), "memory.min": str(MIB), "memory.oom.group": "0"})
    assert (r.value("memory.high"), r.value("memory.min"), r.value("memory.oom.group")) == (str(16 * MIB), str(MIB), "0")

    def high_events():
        return int(dict(l.split() for l in r.value("memory.events").splitlines())["high"])
    assert high_events() == 0
    r.order(EAT % 24)
    wait_until(high_events, "memory above memory.high", 60)
    r.must_resize(unified={"memory.high": "max"})


def test_swappiness_is_of_v1(running):
    r = running()
    done = r.resize(memory={"swappiness": 10})
    if r.file("memory.max")[1]:
        assert done.returncode == 0, done.stderr
        assert r.value("memory.swappiness") == "10"
    else:
        assert done.stderr == ("resize: linux.resources.memory.swappiness: open cgroup file 'memory.swappiness': "
                               "Operation not supported\n")


COUNT = """
import os, signal
children = []
try:
    while len(children) < 40:
        pid = os.fork()
        if pid == 0:
            signal.pause()
        children.append(pid)
except OSError as e:
    print("refused", e.errno)
print(len(children))
for pid in children:
    os.kill(pid, 9)
    os.waitpid(pid, 0)
"""


def test_pids(running):
    r = running()
    count = "python3 " + SANDBOX + "/count"
    (r.box.sandbox / "count").write_text(COUNT)
    assert r.ask(count)[-2] == "40"
    r.must_resize(pids={"limit": 10})
    assert r.value("pids.max") == "10"
    # Ten with init, the shell and python.
    assert r.ask(count)[-3:-1] == ["refused 11", "7"]
    r.must_resize(pids={"limit": -1})
    assert r.value("pids.max") == "max"
    assert r.ask(count)[-2] == "40"


@pytest.fixture
def disk(tmp_path):
    """A file system on a block device of its own, whatever the machine's root is on."""
    image, mount = tmp_path / "disk", tmp_path / "mounted"
    with open(image, "wb") as file:
        file.truncate(64 * MIB)
    modules = os.environ.get("TEPUI_TEST_MODULES")
    if modules:
        for name in ("loop", "ext4"):
            subprocess.run(["modprobe", "-d", modules, name], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    mount.mkdir()
    subprocess.run(["mount", "-o", "loop", str(image), str(mount)], check=True)
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_io_throttle(box, disk, running):  # noqa: F811
    box.sandbox = disk / "sandbox"
    box.sandbox.mkdir()
    os.chown(box.sandbox, NOBODY, NOBODY)
    box.document["annotations"]["io.tepui.sandbox"] = str(box.sandbox)
    number = os.stat(disk).st_dev
    device = {"major": os.major(number), "minor": os.minor(number)}
    key = f"{device['major']}:{device['minor']}"
    r = running()
    path, is_v1 = r.file("io.max")
    write = f"dd if=/dev/zero of={SANDBOX}/x bs=64k count=%d oflag=direct 2>/dev/null"

    def limit():
        if is_v1:
            return dict(l.split() for l in (path.parent / "blkio.throttle.write_bps_device").read_text().splitlines()).get(key)
        lines = [l.split() for l in path.read_text().splitlines()]
        return {l[0]: dict(w.split("=") for w in l[1:]) for l in lines}.get(key, {}).get("wbps")
    assert r.ask(write % 32)[-1] == "done 0"
    r.must_resize(blockIO={"throttleWriteBpsDevice": [{**device, "rate": 256 << 10}]})
    assert limit() == str(256 << 10)
    # Two megabytes at a quarter of one a second: eight seconds, whatever the machine does besides.
    begin = os.times().elapsed
    assert r.ask(write % 32, 120)[-1] == "done 0"
    assert os.times().elapsed - begin > 6
    r.must_resize(blockIO={"throttleWriteBpsDevice": [{**device, "rate": 0}]})
    assert limit() in (None, "max")
    assert r.ask(write % 512, 60)[-1] == "done 0"


def test_io_weight(running):
    r = running()
    path, is_v1 = r.file("io.weight")
    if is_v1 and not (path.parent / "blkio.bfq.weight").exists():
        pytest.skip("no scheduler with weights here")
    r.must_resize(blockIO={"weight": 500})
    if is_v1:
        assert (path.parent / "blkio.bfq.weight").read_text().strip() == "500"
    else:
        assert path.read_text().splitlines()[0] == "default 4950"


def test_huge_pages(running):
    r = running()
    known = json.loads(r.box.layout)
    if "hugetlb" not in known:
        done = r.resize(hugepageLimits=[{"pageSize": "2MB", "limit": 0}])
        assert done.stderr.startswith("resize: linux.resources.hugepageLimits: use cgroup file 'hugetlb.2MB.max'")
        return
    pool = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
    before = pool.read_text()
    pool.write_text("8")
    try:
        if int(pool.read_text()) < 4:
            cannot_run("no huge pages")
        (r.box.sandbox / "map").write_text(
            "import mmap\ntry:\n    m = mmap.mmap(-1, 4 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000)\n"
            "    m[0] = m[2 << 20] = 1\n    print('mapped')\nexcept OSError as e:\n    print('refused', e.errno)\n")
        run = f"python3 {SANDBOX}/map"
        assert r.ask(run)[-2] == "mapped"
        r.must_resize(hugepageLimits=[{"pageSize": "2MB", "limit": 2 << 20}])
        assert r.value("hugetlb.2MB.max") == str(2 << 20)
        assert r.value("hugetlb.2MB.rsvd.max") == str(2 << 20)
        assert r.ask(run)[-2] == "refused 12"
        r.must_resize(hugepageLimits=[{"pageSize": "2MB", "limit": 4 << 20}])
        assert r.ask(run)[-2] == "mapped"
    finally:
        pool.write_text(before)


def test_a_device_of_nobody_is_refused_and_nothing_is_changed(running):
    r = running()
    done = r.resize(pids={"limit": 20}, memory={"limit": 32 * MIB}, rdma={"mlx5_9": {"hcaHandles": 1}})
    assert done.returncode == 1
    assert "linux.resources.rdma: " in done.stderr
    assert (r.value("pids.max"), r.value("memory.max")) == ("64", str(64 * MIB))
    # Nor does the document know of it.
    assert "rdma" not in json.loads(r.document.read_text())["linux"]["resources"]


def test_device_rules(box, running):  # noqa: F811
    box.be_root("CAP_MKNOD", "CAP_DAC_OVERRIDE", "CAP_CHOWN")
    r = running()
    assert r.ask("mknod /tmp/a c 1 11 2>/dev/null")[-1] != "done 0"
    r.must_resize(devices=[{"allow": True, "type": "c", "major": 1, "minor": 11, "access": "m"}])
    assert r.ask("mknod /tmp/a c 1 11")[-1] == "done 0"
    r.must_resize(devices=[{"allow": False}])
    assert r.ask("mknod /tmp/b c 1 11 2>/dev/null")[-1] != "done 0"
    # What every container has is left.
    assert r.ask("echo x >/dev/null")[-1] == "done 0"


# ---- Taken over, paused, watched ----

def test_what_was_changed_from_outside_is_undone_and_told(running):
    r = running()
    r.must_resize(pids={"limit": 40}, cpu={"quota": 50000, "shares": 512})
    assert r.call("recover", r.document).stdout == ""
    r.file("pids.max")[0].write_text("max")
    path, is_v1 = r.file("memory.max")
    path.write_text(str(32 * MIB))
    told = sorted(r.call("recover", r.document).stdout.splitlines())
    assert told[:1] + told[-1:] == [f"memory.max {32 * MIB} {64 * MIB}", "pids.max max 40"]
    assert (r.value("pids.max"), r.value("memory.max")) == ("40", str(64 * MIB))
    assert r.call("recover", r.document).stdout == ""


def test_freeze_and_thaw(running):
    r = running()
    r.order("while :; do :; done &")
    wait_until(lambda: r.cpu_usec() > 50000, "it runs")
    assert r.call("freeze").returncode == 0
    assert "frozen 1" in (r.core() / "cgroup.events").read_text()
    used = r.cpu_usec()
    # Something else runs meanwhile: time has passed for everybody but the container.
    subprocess.run(["sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"], check=True)
    assert r.cpu_usec() == used
    assert r.call("freeze").returncode == 0
    assert r.call("thaw").returncode == 0
    assert "frozen 0" in (r.core() / "cgroup.events").read_text()
    wait_until(lambda: r.cpu_usec() > used, "it goes on")


def test_a_frozen_container_can_be_resized_and_killed(running):
    r = running()
    assert r.call("freeze").returncode == 0
    r.must_resize(pids={"limit": 20})
    assert r.value("pids.max") == "20"
    (r.core() / "cgroup.kill").write_text("1")
    r.process.wait(30)


def test_stalls_are_told(running):
    r = running()
    if not (r.core() / "cpu.pressure").exists():
        pytest.skip("no pressure stall information here")
    r.must_resize(cpu={"quota": 2000})
    watcher = subprocess.Popen([RESIZE, "watch", r.box.layout, r.name, "cpu", "10000"], stdout=subprocess.PIPE, text=True)
    try:
        assert watcher.stdout.readline() == "watching\n"
        r.order("while :; do :; done &")
        assert watcher.stdout.readline() == "stalled\n"
        assert watcher.wait(30) == 0
    finally:
        watcher.kill()
        watcher.wait()
        watcher.stdout.close()
    done = r.call("watch", "pids", "10000")
    assert done.stderr == "resize: watch for stalls of 'pids': cpu, memory and io tell of them\n"
    done = r.call("watch", "cpu", "3000000")
    assert done.stderr == "resize: watch for stalls of 3000000 us in 2000000\n"
