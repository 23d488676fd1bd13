"""What the isolators make of a launch document: seen from inside the box and from the host."""
import contextlib
import json
import os
import pathlib
import random
import shutil
import stat
import subprocess
import sys

import pytest

from bundle import box  # noqa: F401
from bundle import BUSYBOX, MIB, NOBODY, NOT_LAUNCHED
from cluster import SLOW, wait_until
from fake_agent import LAUNCH

pytestmark = pytest.mark.vm


def status_of(text):
    return dict(line.split(":\t") for line in text.splitlines() if ":\t" in line)


# ---- The host's root ----

def test_host_root_is_read_only_and_places_are_private(box, tmp_path):
    done = box.shell("""
for d in / /etc /usr /var /sys /proc/sys; do touch $d/tepui-x 2>/dev/null && echo writable $d; done
for d in /tmp /var/tmp /dev/shm /mnt/mesos/sandbox; do touch $d/x || echo not writable $d; done
ls -d /tmp/* /run/*; hostname; pwd; id -u
""")
    assert done.stdout.split() == ["/tmp/x", "box", "/", str(NOBODY)]
    assert (box.sandbox / "x").exists()


def test_hidden_paths_show_nothing(box):
    hidden = pathlib.Path("/var/lib") / f"tepui-test-{os.getpid()}"
    hidden.mkdir(mode=0o755)
    try:
        (hidden / "secret").write_text("x")
        box.document["annotations"]["io.tepui.hidden"] = f"{hidden}:/var/lib/tepui-nowhere"
        done = box.shell(f"ls -a {hidden}; cat {hidden}/secret")
        assert done.stdout == ""
        assert done.returncode != 0
        box.be_root("CAP_DAC_OVERRIDE")
        assert box.shell(f"ls {hidden}; touch {hidden}/x || echo refused").stdout == "refused\n"
    finally:
        shutil.rmtree(hidden)


def test_resolver_in_run_is_brought_along(box):
    """As with systemd-resolved: /etc/resolv.conf is a link into /run, of which the box has its own."""
    setup = """mount --make-rprivate /; mount -t tmpfs x /etc; mount -t tmpfs x /run
mkdir -p /run/resolver; echo 'nameserver 192.0.2.1' >/run/resolver/stub.conf; touch /run/secret
ln -s ../run/resolver/stub.conf /etc/resolv.conf; exec "$@" """
    box.process["args"] = ["/bin/sh", "-c", "cat /etc/resolv.conf; ls /run; echo x >>/etc/resolv.conf"]
    (box.directory / "config.json").write_text(json.dumps(box.document))
    done = subprocess.run(["unshare", "-m", "sh", "-c", setup, "sh", LAUNCH, box.layout, box.directory],
                          capture_output=True, text=True)
    assert done.stdout == "nameserver 192.0.2.1\nresolver\n"
    assert done.returncode != 0


def test_mounts_of_others_are_not_brought_along(box, tmp_path):
    done = box.shell("cat /proc/self/mountinfo")
    points = [line.split()[4] for line in done.stdout.splitlines()]
    system = ("/usr", "/bin", "/sbin", "/lib", "/etc", "/opt", "/nix", "/gnu", "/var")
    own = ("/proc", "/sys", "/dev", "/tmp", "/run", "/mnt")
    assert [p for p in points if p != "/" and not p.startswith(system + own)] == []
    for line in done.stdout.splitlines():
        options = line.split()[5].split(",")
        assert "nosuid" in options
        assert "nodev" in options or line.split()[4] in ("/dev", "/dev/pts")


MASKED = ["/proc/acpi", "/proc/asound", "/proc/scsi", "/proc/config.gz", "/proc/interrupts", "/proc/kallsyms",
          "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/timer_list",
          "/proc/timer_stats", "/sys/firmware", "/sys/devices/virtual/powercap"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger",
             "/sys/kernel/uevent_helper", "/proc/sys/vm/drop_caches"]


def test_masks_are_a_floor(box):
    """The document names none of them, and root with every right to read gets nothing out of them."""
    box.be_root("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN", "CAP_SYSLOG")
    masked = box.shell("; ".join(f"test -d {p} && ls -A {p} || head -c 10 {p} 2>/dev/null" for p in MASKED))
    assert masked.stdout == ""
    written = box.shell("; ".join(
        f"test -e {p} && {{ (echo x >{p}) 2>/dev/null || touch {p}/x 2>/dev/null; }} && echo {p}" for p in READ_ONLY))
    assert written.stdout == ""


def test_masks_of_the_document_are_added(box):
    box.document["linux"]["maskedPaths"] = ["/etc/hostname", "/etc/apt", "/proc/kcore", "/nowhere"]
    box.document["linux"]["readonlyPaths"] = ["/dev/shm", "/proc/sys", "/nowhere"]
    done = box.shell("cat /etc/hostname; ls /etc/apt; touch /dev/shm/x")
    assert done.stdout == ""
    assert done.returncode != 0
    assert "Read-only file system" in done.stderr


# ---- Devices ----

def test_dev_has_the_default_nodes_and_they_work(box):
    done = box.shell("""ls /dev; echo x >/dev/null; head -c 3 /dev/zero | od -An -tx1; head -c 2 /dev/urandom | wc -c
head -c 1 /dev/zero >/dev/full; exec 3<>/dev/ptmx && echo pty""")
    assert done.stdout.split() == ["fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin",
                                   "stdout", "tty", "urandom", "zero", "00", "00", "00", "2", "pty"]
    assert "No space left on device" in done.stderr


PROBE_DEVICES = """
for d in 'b 8 0' 'b 254 0' 'c 1 1' 'c 10 200' 'c 10 229' 'c 1 11'; do
  mknod /n $d 2>/dev/null && echo made $d
done
mknod /null c 1 3 && echo x >/null && echo works
"""


def test_devices_are_denied_even_to_root_with_mknod(box):
    box.use_image()
    box.be_root("CAP_MKNOD", "CAP_DAC_OVERRIDE")
    done = box.shell(PROBE_DEVICES)
    # Making the default node is allowed; opening it on a file system without devices is not.
    assert done.stdout == ""
    assert "Permission denied" in done.stderr


def test_device_rules_and_nodes_of_the_document(box):
    box.use_image()
    box.be_root("CAP_DAC_OVERRIDE")
    box.document["linux"]["devices"] = [{"path": "/dev/kmsg2", "type": "c", "major": 1, "minor": 11, "fileMode": 0o600}]
    box.resources["devices"] = [{"allow": False, "access": "rwm"}]
    done = box.shell("ls -l /dev/kmsg2; cat </dev/kmsg2")
    assert "Operation not permitted" in done.stderr or "can't open" in done.stderr
    assert done.stdout.startswith("crw-------")
    box.resources["devices"].append({"allow": True, "type": "c", "major": 1, "minor": 11, "access": "w"})
    assert "can't open" in box.shell("cat </dev/kmsg2").stderr
    assert box.shell("exec 3>/dev/kmsg2 && echo open").stdout == "open\n"
    # The last rule that matches decides.
    box.resources["devices"].append({"allow": False, "type": "c", "major": 1, "access": "w"})
    assert box.shell("exec 3>/dev/kmsg2 && echo open").stdout == ""
    # And none takes the default devices away.
    assert box.shell("echo x >/dev/null && echo fine").stdout == "fine\n"


def covers(rule, device):
    return all((rule["type"] in ("a", device["type"]), rule.get("major", device["major"]) == device["major"],
                rule.get("minor", device["minor"]) == device["minor"]))


def may(rules, device, wanted):
    """The last rule that matches decides: one that allows must cover all that is wanted, one that denies any of it."""
    allowed = False
    for rule in rules:
        if covers(rule, device):
            if rule["allow"] and set(wanted) <= set(rule["access"]):
                allowed = True
            elif not rule["allow"] and set(wanted) & set(rule["access"]):
                allowed = False
    return allowed


@pytest.mark.parametrize("seed", range(6))
def test_lists_of_device_rules(box, seed):
    """What the kernel lets through against a model, for devices (majors 60 and 61) that no driver has."""
    rng = random.Random(seed)
    devices = [{"path": f"/dev/{kind}{major}.{minor}", "type": kind, "major": major, "minor": minor, "fileMode": 0o600}
               for kind in "cb" for major in (60, 61) for minor in (0, 1)]
    rules = []
    for _ in range(rng.randint(1, 24)):
        kind = rng.choice("aacccbbb")
        rules.append({"allow": rng.random() < .6, "type": kind,
                      "access": "".join(a for a in "rwm" if rng.random() < .6) or "r"})
        if kind != "a":
            rules[-1] |= {name: number for name, number in (("major", rng.choice((60, 61))), ("minor", rng.choice((0, 1))))
                          if rng.random() < .6}
    box.use_image()
    box.be_root("CAP_DAC_OVERRIDE")
    box.document["linux"]["devices"] = devices
    box.resources["devices"] = rules
    tries = {"r": "<", "w": ">>", "rw": "<>"}
    done = box.shell("for d in /dev/[cb]6*; do\n" + "".join(
        f"(exec 3{how}$d) 2>&1 | grep -q 'not permitted' && echo $d {wanted} no || echo $d {wanted} yes\n"
        for wanted, how in tries.items()) + "done")
    wanted = {(d["path"], wanted): "yes" if may(rules, d, wanted) else "no" for d in devices for wanted in tries}
    assert {tuple(line.split()[:2]): line.split()[2] for line in done.stdout.splitlines()} == wanted, (rules, done.stderr)


def test_as_many_device_rules_as_there_may_be(box):
    """Each of them the longest there is: one that denies, by all that can be compared."""
    box.use_image()
    box.be_root("CAP_DAC_OVERRIDE")
    device = {"type": "c", "major": 60, "minor": 0}
    box.document["linux"]["devices"] = [device | {"path": "/dev/c60", "fileMode": 0o600}]
    box.resources["devices"] = [device | {"allow": False, "access": "rwm"}] * 254
    script = "exec 3</dev/c60"
    done = box.shell(script)
    assert "Operation not permitted" in done.stderr, done
    box.resources["devices"].append(device | {"allow": True, "access": "r"})
    assert "No such device or address" in box.shell(script).stderr


# ---- A root of its own ----

def test_image_root(box):
    image = box.use_image()
    box.be_root()
    done = box.shell("touch /written; ls /; id -u")
    assert done.stdout.split() == ["bin", "dev", "proc", "sys", "written", "0"]
    assert (image / "written").exists()
    box.document["root"]["readonly"] = True
    done = box.shell("touch /again")
    assert done.returncode != 0 and "Read-only file system" in done.stderr


HOSTILE = {
    "up": "../../../../../../tmp",
    "absolute": "/etc",
    "root": "/",
    "magic": "/proc/1/root",
    "self": "/proc/self/fd/3",
    "dangling": "/nowhere",
    "loop": None,
}


@pytest.mark.parametrize("place", ["proc", "sys", "dev"])
@pytest.mark.parametrize("kind", sorted(HOSTILE) + ["fifo", "file"])
def test_hostile_roots_are_refused(box, place, kind):
    image = box.use_image()
    if kind == "fifo":
        os.mkfifo(image / place)
    elif kind == "file":
        (image / place).write_text("")
    else:
        (image / place).symlink_to(HOSTILE[kind] or place)
    done = box.run("/bin/busybox", "true")
    assert done.returncode == NOT_LAUNCHED
    assert f"'/{place}'" in done.stderr or f"'/{place}' of" in done.stderr, done.stderr


@pytest.mark.parametrize("kind", ["up", "absolute"])
def test_volume_destinations_stay_inside(box, tmp_path, kind):
    """A link in the image where a volume goes: its target is looked for in the image alone."""
    image = box.use_image()
    (image / "tmp").mkdir()
    (image / "etc").mkdir()
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "mark").write_text("x")
    (image / "data").symlink_to(HOSTILE[kind])
    box.document["mounts"] = [{"destination": "/data", "type": "bind", "source": str(volume), "options": ["bind", "ro"]}]
    done = box.shell("ls /data/mark")
    assert done.stdout == "/data/mark\n"
    assert not os.path.exists("/etc/mark") and not os.path.exists("/tmp/mark")


@pytest.mark.parametrize("target", ["/proc/self/cwd", "/proc/1/root", "/", "..", "/nowhere", "data"])
def test_bad_volume_destinations_are_refused(box, tmp_path, target):
    image = box.use_image()
    (image / "data").symlink_to(target)
    box.document["mounts"] = [{"destination": "/data", "type": "bind", "source": str(tmp_path), "options": ["bind"]}]
    done = box.run("/bin/busybox", "true")
    assert done.returncode == NOT_LAUNCHED
    assert "'/data'" in done.stderr


def test_volumes(box, tmp_path):
    image = box.use_image()
    box.be_root("CAP_DAC_OVERRIDE")
    volume, file = tmp_path / "volume", tmp_path / "file"
    volume.mkdir()
    file.write_text("content\n")
    box.document["mounts"] = [
        {"destination": "/a/b/rw", "type": "bind", "source": str(volume), "options": ["bind"]},
        {"destination": "/a/ro", "type": "bind", "source": str(volume), "options": ["rbind", "ro", "noexec"]},
        {"destination": "/c/file", "type": "bind", "source": str(file), "options": ["bind", "ro"]},
        {"destination": "/t", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k", "mode=700", "nosuid"]},
    ]
    done = box.shell("""echo hello >/a/b/rw/x; cat /a/ro/x /c/file; touch /a/ro/y; echo >/c/file
grep -E ' /(a|c|t)' /proc/self/mountinfo; busybox df /t""")
    assert done.stdout.startswith("hello\ncontent\n")
    assert done.stderr.count("Read-only file system") == 2
    options = {line.split()[4]: line.split()[5] for line in done.stdout.splitlines() if " - " in line}
    options.pop("/", None)
    assert set(options) == {"/a/b/rw", "/a/ro", "/c/file", "/t"}
    assert all("nosuid" in o and "nodev" in o for o in options.values())
    assert "noexec" in options["/a/ro"]
    assert (volume / "x").read_text() == "hello\n"
    assert (image / "c/file").read_text() == ""


def test_a_read_only_volume_is_so_at_every_depth(box, tmp_path):
    box.use_image()
    box.be_root("CAP_DAC_OVERRIDE")
    volume = tmp_path / "volume"
    (volume / "inner").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tepui-test", volume / "inner"], check=True)
    try:
        box.document["mounts"] = [{"destination": "/v", "type": "bind", "source": str(volume), "options": ["rbind", "ro"]}]
        done = box.shell("touch /v/x; touch /v/inner/x")
        assert done.stderr.count("Read-only file system") == 2
    finally:
        subprocess.run(["umount", volume / "inner"], check=True)


def test_what_root_mounts_inside_stays_inside(box):
    """Even with CAP_SYS_ADMIN and without a filter; the fixture compares the host's mounts."""
    box.use_image()
    box.be_root("CAP_SYS_ADMIN")
    done = box.shell("mkdir /m; mount -t tmpfs x /m && touch /m/y && echo mounted")
    assert done.stdout == "mounted\n"


# ---- Rights ----

def caps(*numbers):
    return f"{sum(1 << n for n in numbers):016x}"


@pytest.mark.parametrize("uid, names, ambient, want", [
    (NOBODY, [], [], {"CapInh": caps(), "CapPrm": caps(), "CapEff": caps(), "CapBnd": caps(), "CapAmb": caps()}),
    (0, ["CAP_CHOWN", "CAP_NET_BIND_SERVICE"], [],
     {"CapInh": caps(), "CapPrm": caps(0, 10), "CapEff": caps(0, 10), "CapBnd": caps(0, 10), "CapAmb": caps()}),
    (0, [], [], {"CapInh": caps(), "CapPrm": caps(), "CapEff": caps(), "CapBnd": caps(), "CapAmb": caps()}),
    (NOBODY, ["CAP_NET_BIND_SERVICE"], ["CAP_NET_BIND_SERVICE"],
     {"CapInh": caps(10), "CapPrm": caps(10), "CapEff": caps(10), "CapBnd": caps(10), "CapAmb": caps(10)}),
    (NOBODY, ["CAP_NET_BIND_SERVICE"], [], {"CapPrm": caps(), "CapEff": caps(), "CapBnd": caps(10)}),
])
def test_capabilities_are_exactly_these(box, uid, names, ambient, want):
    box.process["user"] = {"uid": uid, "gid": uid, "additionalGids": [7, 9]}
    for kind in ("bounding", "effective", "permitted"):
        box.process["capabilities"][kind] = names
    # Only what ambient needs of this one.
    box.process["capabilities"]["inheritable"] = names
    box.process["capabilities"]["ambient"] = ambient
    status = status_of(box.run("/bin/cat", "/proc/self/status").stdout)
    assert {k: status[k] for k in want} == want
    assert status["NoNewPrivs"] == "1"
    assert status["Uid"].split() == [str(uid)] * 4 and status["Gid"].split() == [str(uid)] * 4
    assert status["Groups"].split() == ["7", "9"]


def test_setuid_files_give_nothing(box):
    image = box.use_image()
    (image / "suid").mkdir()
    shutil.copy(BUSYBOX, image / "suid")
    os.chmod(image / "suid/busybox", 0o4755)
    assert box.run("/suid/busybox", "id", "-u").stdout == f"{NOBODY}\n"
    # The mount forbids it even where the process would be allowed to gain rights.
    box.document["mounts"] = [{"destination": "/v", "type": "bind", "source": str(image / "suid"), "options": ["bind"]}]
    box.process["noNewPrivileges"] = False
    assert box.run("/v/busybox", "id", "-u").stdout == f"{NOBODY}\n"


def test_rlimits_are_set_or_as_near_as_allowed(box):
    box.process["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
                              {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 1 << 20}]
    done = box.shell("ulimit -c; ulimit -n; ulimit -Hn")
    core, soft, hard = done.stdout.split()
    assert (core, soft) == ("0", "100")
    import resource
    assert int(hard) in (1 << 20, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def test_only_three_descriptors_and_own_processes(box):
    done = box.shell("ls /proc/self/fd | tr '\\n' ' '; ls -d /proc/[0-9]* | wc -l; cat /proc/1/comm")
    fds, rest = done.stdout.split(" ", 3)[:3], done.stdout.splitlines()
    assert fds == ["0", "1", "2"]		# and 3, ls's own, cut off
    assert rest[-1] == "tepui-init"
    assert int(rest[-2].split()[-1]) <= 5


def test_own_network_has_a_loopback(box):
    box.document["linux"]["namespaces"].append({"type": "network"})
    done = box.run(sys.executable if sys.executable.startswith("/usr/") else "/usr/bin/python3", "-c", """
import socket
listener = socket.create_server(("127.0.0.1", 0))
socket.create_connection(listener.getsockname()).close()
print(sorted(name for _, name in socket.if_nameindex())[:1], "works")""")
    assert done.stdout == "['lo'] works\n", done.stderr


# ---- Limits ----

LIMITS = [
    # resources, controller, v2 file and value, v1 file and value
    ({"memory": {"limit": 32 * MIB, "swap": 32 * MIB}}, "memory", "memory.max", 32 * MIB,
     "memory.limit_in_bytes", 32 * MIB),
    ({"memory": {"limit": 32 * MIB, "swap": 32 * MIB}}, "memory", "memory.swap.max", 0,
     "memory.memsw.limit_in_bytes", 32 * MIB),
    ({"memory": {"limit": 32 * MIB, "swap": 48 * MIB}}, "memory", "memory.swap.max", 16 * MIB,
     "memory.memsw.limit_in_bytes", 48 * MIB),
    ({"memory": {"reservation": 8 * MIB}}, "memory", "memory.low", 8 * MIB, "memory.soft_limit_in_bytes", 8 * MIB),
    ({"memory": {"limit": 32 * MIB}}, "memory", "memory.oom.group", 1, None, None),
    ({"cpu": {"shares": 512}}, "cpu", "cpu.weight", 50, "cpu.shares", 512),
    ({"cpu": {"shares": 102}}, "cpu", "cpu.weight", 10, "cpu.shares", 102),
    ({"cpu": {"quota": 20000, "period": 100000}}, "cpu", "cpu.max", "20000 100000", "cpu.cfs_quota_us", 20000),
    ({"cpu": {"cpus": "0"}}, "cpuset", "cpuset.cpus", 0, "cpuset.cpus", 0),
    ({"pids": {"limit": 17}}, "pids", "pids.max", 17, "pids.max", 17),
    ({"pids": {"limit": -1}}, "pids", "pids.max", "max", "pids.max", "max"),
    ({"unified": {"pids.max": "19"}}, "pids", "pids.max", 19, "pids.max", 19),
    ({"blockIO": {"weight": 1000}}, "io", "io.weight", "default 10000", "blkio.bfq.weight", 1000),
]


@pytest.mark.parametrize("resources, controller, file, value, v1_file, v1_value", LIMITS)
def test_limits_are_written(box, resources, controller, file, value, v1_file, v1_value):
    box.document["linux"]["resources"] = resources
    running = box.start("/bin/sleep", "100")
    try:
        wait_for_start(box, running)
        directory, is_v1 = box.cgroup(controller)
        if is_v1 and v1_file is None:
            return
        text = (directory / (v1_file if is_v1 else file)).read_text().strip()
        assert text == str(v1_value if is_v1 else value)
    finally:
        end(box, running)


def wait_for_start(box, running):
    """Until the payload runs: its limits were there before it."""
    def is_running():
        assert running.poll() is None, running.stderr.read()
        with contextlib.suppress(ValueError, OSError):
            pids = (box.cgroup()[0] / "cgroup.procs").read_text().split()
            return any(pathlib.Path(f"/proc/{pid}/comm").read_text() == "sleep\n" for pid in pids)
        return False
    wait_until(is_running, "the payload")


def end(box, running):
    (box.cgroup()[0] / "cgroup.kill").write_text("1")
    running.communicate(timeout=30 * SLOW)


def test_groups_made_below_the_container_go_with_it(box):
    running = box.start("/bin/sleep", "100")
    wait_for_start(box, running)
    for controller in ["core", *[c for c, where in json.loads(box.layout).items() if c != "core"]]:
        directory, _ = box.cgroup(controller)
        (directory / "a").mkdir(exist_ok=True)
        (directory / "a/b").mkdir(exist_ok=True)
    end(box, running)
    with pytest.raises(ValueError):
        box.cgroup()


def test_the_number_of_groups_below_is_bounded(box):
    running = box.start("/bin/sleep", "100")
    try:
        wait_for_start(box, running)
        directory, _ = box.cgroup()
        with pytest.raises(OSError):
            for made in range(65):
                (directory / f"g{made}").mkdir()
        assert made == 64
    finally:
        end(box, running)


def test_own_cgroup_is_all_there_is_to_see(box):
    done = box.shell("cat /proc/self/cgroup; ls /sys/fs/cgroup | head -1; touch /sys/fs/cgroup/x; echo $$ >/sys/fs/cgroup/cgroup.procs")
    for line in done.stdout.splitlines():
        if ":" in line and "name=" not in line and not line.startswith(("5:devices", "6:freezer")):
            assert line.endswith(":/"), line
    assert done.returncode != 0


def test_nothing_of_the_host_s_state_changes(box):
    """Nodes made for the container have the host's modes still, and the sandbox its owner."""
    before = {p: os.stat(p).st_mode for p in ("/dev/null", "/dev/tty", "/tmp", "/mnt", "/sys", "/proc")}
    assert box.shell("true").returncode == 0
    assert {p: os.stat(p).st_mode for p in before} == before
    assert stat.S_IMODE(os.stat(box.sandbox).st_mode) == 0o755
