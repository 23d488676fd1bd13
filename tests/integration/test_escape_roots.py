"""
Root file systems, volumes and documents that want to lead the runtime astray (reliability.md 1.3 and 1.2): launched
for real under every kind of credentials; either it is refused, or the prober inside finds all in order.  Never is
the host changed.
"""
import contextlib
import json
import os
import pathlib
import resource
import shutil
import subprocess

import pytest

from bundle import Box, NOBODY, NOT_LAUNCHED
from cluster import BUILD, SLOW
from host_snapshot import Canaries, differences, host_state, own_namespaces

PROBER = BUILD / "tests/escape/isoprobe"
PROGRAMS = [BUILD / "tests/bench/launch", BUILD / "tepui-executor"]
# How often a race is run; a release runs it 10,000 times.
ROUNDS = int(os.environ.get("TEPUI_TEST_RACE_ROUNDS", "20" if SLOW == 1 else "6"))
# What is to be as it must whatever root there is.
INSIDE = ["A3.cwd", "A3.fd-enter", "A4.count", "B1.foreign", "B1.nodev", "B1.kernel", "B3.proc", "B3.proc-root",
          "B3.sys", "B3.dev", "B3.pts", "B4.null", "B4.zero", "B4.random", "B5.console",
          "B6.no-new-privileges", "E6.devices"]
# While the names of the root itself are being changed, also inside: what counts is what is mounted.
MOUNTED = ["A4.count", "B1.foreign", "B1.kernel"]
MODES = ["user", "root", "mapped"]


@pytest.fixture(scope="module")
def canaries():
    with own_namespaces(), Canaries(f"tepui-roots-{os.getpid()}") as made:
        yield made


@pytest.fixture
def world(canaries, tmp_path):
    """A maker of boxes; the host is as before when all of them are gone."""
    before = host_state(canaries, PROGRAMS)
    made = World(canaries, tmp_path)
    yield made
    made.box.close()
    assert differences(before, host_state(canaries, PROGRAMS)) == []


class World:
    """One box with a root of its own, made anew as often as is wanted."""

    def __init__(self, canaries, directory):
        self.canaries, self.directory = canaries, directory
        self.box = Box(directory)
        self.pristine = self.box.document

    def fresh(self, mode):
        """An image with busybox and the prober in it, and a document of MODE."""
        box, image = self.box, self.directory / "image"
        if image.exists():
            shutil.rmtree(image)
        self.mode = mode
        box.document = {**self.pristine, "process": {**self.pristine["process"], "capabilities": {}},
                        "linux": {**self.pristine["linux"], "namespaces": list(self.pristine["linux"]["namespaces"])}}
        box.use_image()
        shutil.copy(PROBER, image / "isoprobe")
        for name in ("tmp", "mnt", "etc", "data"):
            (image / name).mkdir()
        box.process["env"] = ["PATH=/bin", "MESOS_SANDBOX=/", f"ESCAPE_HOST_WORDS={self.canaries.name}:shadow",
                              f"ESCAPE_CANARY_PID={self.canaries.process.pid}"]
        box.process["capabilities"] = {}
        if mode == "mapped":
            box.use_user_namespace()
        if mode in ("root", "mapped"):
            box.process["capabilities"] = {k: ["CAP_DAC_OVERRIDE", "CAP_CHOWN", "CAP_FOWNER"]
                                           for k in ("bounding", "effective", "permitted")}
            box.process["user"] = {"uid": 0, "gid": 0}
        else:
            box.process["user"] = {"uid": NOBODY, "gid": NOBODY}
        return image

    def judge(self, what, probes=INSIDE):
        """Launch the prober: the problems that there are."""
        done = self.box.run("/isoprobe", *probes)
        if done.returncode == NOT_LAUNCHED:
            return [] if done.stderr.startswith("launch: ") else [f"{what}: refused without a word"]
        lines = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
        if not lines:
            return [f"{what}: neither launched nor refused: {done.returncode} {done.stderr}"]
        return [f"{what}: {' '.join(line)}" for line in lines if line[1] == "allowed"]


# ---- B3, B4, B5, B6, B7, B10: names in the image that lead elsewhere ----

TARGETS = {
    "root": "/", "up": "../../../../../../../..", "canary": None, "magic-root": "/proc/1/root", "magic-cwd": "/proc/self/cwd",
    "magic-fd": "/proc/self/fd/3", "host-proc": "/proc", "core-pattern": "/proc/sys/kernel/core_pattern",
    "dangling": "/nowhere/at/all", "loop": "",
}
KINDS = [*TARGETS, "fifo", "file", "directory", "socket-name"]
PLACES = ["dev", "dev/null", "dev/pts", "dev/shm", "dev/console", "dev/ptmx", "proc", "proc/self", "sys",
          "sys/fs/cgroup", "etc", "etc/hosts", "etc/resolv.conf", "etc/hostname", "etc/mtab", "tmp", "run", "mnt",
          "data", "data/inner", "work"]


def plant(image, place, kind, canary):
    """Put KIND at PLACE of the image, whatever was there."""
    path = image / place
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "file":
        path.write_text("planted")
    elif kind == "directory":
        path.mkdir()
    elif kind == "socket-name":
        os.mknod(path, 0o140666)
    else:
        path.symlink_to(TARGETS[kind] or (path.name if kind == "loop" else canary))


def mounts_on(place, volume, canary):
    """Every kind of mount there is, on a place that may be anything."""
    return [
        {"destination": f"/{place}", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "size=64k"]},
        {"destination": f"/{place}", "type": "bind", "source": str(volume), "options": ["rbind", "rw"]},
        {"destination": f"/{place}/deeper/still", "type": "bind", "source": str(volume), "options": ["bind", "ro"]},
        {"destination": f"/{place}/file", "type": "bind", "source": str(volume / "file"), "options": ["bind"]},
    ]


@pytest.mark.parametrize("mode", MODES)
def test_planted_names_lead_nowhere(world, mode, capsys):
    problems, n = [], 0
    for place in PLACES:
        for kind in KINDS:
            image = world.fresh(mode)
            plant(image, place, kind, world.canaries.directory)
            world.box.process["cwd"] = f"/{place}" if place == "work" else "/"
            problems += world.judge(f"{kind} at '/{place}'")
            n += 1
    with capsys.disabled():
        print(f"\n{mode}: {n} hostile root file systems launched")
    assert problems == []


@pytest.mark.parametrize("mode", MODES)
def test_mounts_on_planted_names_lead_nowhere(world, mode, tmp_path):
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "file").write_text("of the volume")
    problems = []
    for place in ("data",) if SLOW > 1 else ("data", "dev/shm"):
        for kind in KINDS:
            for mount in mounts_on(place, volume, world.canaries.directory):
                image = world.fresh(mode)
                plant(image, place, kind, world.canaries.directory)
                world.box.document["mounts"] = [mount]
                problems += world.judge(f"{mount['type']} on '{mount['destination']}', which is {kind}")
        assert sorted(os.listdir(volume)) == ["deeper", "file"] or sorted(os.listdir(volume)) == ["file"]
    assert problems == []


# ---- B7: destinations that are the kernel's own ----

@pytest.mark.parametrize("destination", [
    "/", "/proc", "/proc/self", "/proc/self/attr", "/proc/sys", "/proc/1/root", "/sys", "/sys/fs/cgroup", "/sys/kernel",
    "/dev", "/dev/null", "/dev/pts", "/dev/../proc", "/proc/../..", "../etc", "relative", "", "//proc", "/proc/./self",
    "/data/../proc/self",
])
def test_volumes_do_not_cover_the_kernel(world, destination, tmp_path):
    """What security hangs on is not to be had by a mount over it: private or refused, and verified either way."""
    source = tmp_path / "fake"
    (source / "self/attr").mkdir(parents=True)
    (source / "status").write_text("NoNewPrivs:\t1\nSeccomp:\t2\n")
    problems = []
    for mode in MODES:
        world.fresh(mode)
        world.box.document["mounts"] = [
            {"destination": destination, "type": "bind", "source": str(source), "options": ["rbind"]}]
        problems += world.judge(f"{mode}: volume over '{destination}'")
    assert problems == []


# ---- A1: a program that is a name of the runtime ----

@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("interpreter", ["/proc/self/exe", "/proc/1/exe", "/proc/self/fd/3", "/proc/self/fd/10",
                                         "/proc/thread-self/exe"])
def test_the_runtime_is_no_interpreter(world, mode, interpreter):
    """The runtime's own program as "#!": run in there it does nothing, and it is the same after."""
    image = world.fresh(mode)
    (image / "evil").write_text(f"#!{interpreter}\n")
    (image / "evil").chmod(0o755)
    done = world.box.run("/evil")
    assert done.returncode != 0
    assert done.returncode == NOT_LAUNCHED or "usage" in done.stderr or not done.stdout, done.stderr


# ---- A3: a working directory by a descriptor ----

@pytest.mark.parametrize("mode", MODES)
def test_no_working_directory_outside(world, mode):
    problems = []
    image = world.fresh(mode)
    for fd in range(24 if SLOW == 1 else 10):
        for form in (f"/proc/self/fd/{fd}", f"/link{fd}", f"/proc/self/fd/{fd}/../..", f"/proc/1/fd/{fd}",
                     f"/proc/thread-self/fd/{fd}"):
            with contextlib.suppress(FileExistsError):
                (image / f"link{fd}").symlink_to(f"/proc/self/fd/{fd}")
            world.box.process["cwd"] = form
            problems += world.judge(f"cwd '{form}'")
            if SLOW > 1:
                break
    assert problems == []


# ---- A5: programs and libraries of the image are never run by the host ----

EVIL = ["bin/tar", "bin/unpigz", "bin/gzip", "bin/ps", "bin/mount", "sbin/modprobe", "usr/bin/newuidmap", "bin/nsenter"]
LIBRARIES = ["lib/x86_64-linux-gnu/libnss_files.so.2", "lib/x86_64-linux-gnu/libc.so.6", "lib64/ld-linux-x86-64.so.2",
             "etc/ld.so.preload", "etc/nsswitch.conf"]


@pytest.mark.parametrize("mode", MODES)
def test_nothing_of_the_image_is_run_by_the_host(world, mode, tmp_path):
    mark = tmp_path / "was-run"
    image = world.fresh(mode)
    for name in EVIL:
        (image / name).parent.mkdir(parents=True, exist_ok=True)
        (image / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
        (image / name).chmod(0o755)
    for name in LIBRARIES:
        (image / name).parent.mkdir(parents=True, exist_ok=True)
        (image / name).write_text(f"/{EVIL[0]}\n")
    assert world.judge("evil programs") == []
    assert not mark.exists()


# ---- A8: with no descriptors to spare ----

def limited(n):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))
    return limit


def remove_groups(layout):
    """What a launch that cannot even open a group to remove it has left."""
    for top in {value for value in json.loads(layout).values() if isinstance(value, str)}:
        for group in pathlib.Path(top, "containers").glob("*/"):
            group.rmdir()


@pytest.mark.unsanitized("needs descriptors of its own to start")
def test_a_launch_without_descriptors_fails_cleanly(world):
    """Every limit from one that is too small to one that is enough: it runs, or says what failed."""
    box, ends = world.box, set()
    world.fresh("user")
    box.process["args"] = ["/bin/sh", "-c", "echo ran"]
    (box.directory / "config.json").write_text(json.dumps(box.document))
    for n in range(3, 40):
        done = subprocess.run([PROGRAMS[0], box.layout, box.directory], capture_output=True, text=True, timeout=60 * SLOW,
                              stdin=subprocess.DEVNULL, preexec_fn=limited(n), check=False)
        ends.add(done.returncode)
        assert (done.returncode, done.stdout) == (0, "ran\n") or \
            (done.returncode == NOT_LAUNCHED and not done.stdout and done.stderr.startswith("launch: ")), (n, done)
        remove_groups(box.layout)
    assert ends == {0, NOT_LAUNCHED}


@pytest.mark.vm
def test_few_descriptors_of_the_task_do_not_end_its_init(world):
    """Init has the task's limits: it must not need more than they allow."""
    world.fresh("user")
    world.box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 12, "hard": 12}]
    done = world.box.run("/bin/sh", "-c", "echo ran; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, "ran\n", "")


# ---- B1, B2, B8: races ----

def flipper(directory, a, b):
    """Exchange two names of DIRECTORY until it is ended."""
    running = subprocess.Popen([PROBER, "--flip", a, b], cwd=directory, stdout=subprocess.PIPE, text=True)
    assert running.stdout.readline() == "flipping\n"
    return running


RACES = {
    "tmpfs": {"type": "tmpfs", "source": "tmpfs", "options": ["size=64k"]},
    "bind": {"type": "bind", "options": ["rbind"]},
    "bind-ro": {"type": "bind", "options": ["rbind", "ro"]},
    "file": {"type": "bind", "options": ["bind"]},
}


@pytest.mark.parametrize("kind", RACES)
@pytest.mark.parametrize("depth", ["", "/inner", "/inner/file"])
def test_exchanged_destinations_lead_nowhere(world, kind, depth, tmp_path):
    """
    Another task holds the same volume and exchanges a directory in it with a link to the host, while
    containers with mounts on that place are launched.
    """
    volume, source = tmp_path / "volume", tmp_path / "source"
    (volume / "place/inner").mkdir(parents=True)
    (source / "inner").mkdir(parents=True)
    (source / "file").write_text("of the source")
    (volume / "other").symlink_to(world.canaries.directory)
    launched, problems = 0, []
    running = flipper(volume, "place", "other")
    try:
        for turn in range(ROUNDS):
            mode = MODES[turn % len(MODES)]
            world.fresh(mode)
            mount = {"destination": f"/volume/place{depth}", **RACES[kind]}
            mount.setdefault("source", str(source / "file" if kind == "file" else source))
            world.box.document["mounts"] = [
                {"destination": "/volume", "type": "bind", "source": str(volume), "options": ["rbind", "rw"]}, mount]
            done = world.box.run("/isoprobe", "B1.foreign", "A3.cwd")
            if done.returncode == NOT_LAUNCHED:
                continue
            launched += 1
            problems += [f"{turn}: {line}" for line in done.stdout.splitlines() if "\tallowed\t" in line]
        assert running.poll() is None
    finally:
        running.kill()
        running.communicate()
    assert problems == []
    # Of a file on a directory none does.
    assert launched > 0 or depth or kind == "file", "no launch got through at all"


@pytest.mark.parametrize("place", ["dev", "proc", "sys", "etc", "tmp"])
def test_exchanged_places_of_the_image_lead_nowhere(world, place):
    """The image itself is being changed while it is launched: as with a root that two containers share."""
    problems = []
    for mode in MODES:
        image = world.fresh(mode)
        (image / place).mkdir(exist_ok=True)
        (image / "other").symlink_to(world.canaries.directory)
        world.box.document["mounts"] = [] if place in ("dev", "proc", "sys") else [
            {"destination": f"/{place}", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k"]}]
        running = flipper(image, place, "other")
        try:
            for turn in range(max(ROUNDS // 4, 4)):
                problems += world.judge(f"{mode} {turn}", MOUNTED)
        finally:
            running.kill()
            running.communicate()
    assert problems == []


@pytest.mark.vm
def test_an_exchanged_null_device_unmasks_nothing(world):
    """CVE-2025-31133: what masks is the runtime's own file, not the image's /dev/null."""
    problems = []
    for mode in MODES:
        image = world.fresh(mode)
        (image / "dev").mkdir(exist_ok=True)
        (image / "dev/null").write_text("")
        (image / "dev/other").symlink_to("/proc/sys/kernel/core_pattern")
        running = flipper(image / "dev", "null", "other")
        try:
            for _ in range(max(ROUNDS // 4, 4)):
                done = world.box.run("/isoprobe", "E1.read-/proc/kcore", "E1.read-/proc/keys", "E1.list-/proc/acpi",
                                     "E2.write-/proc/sys/kernel/core_pattern", "B4.null")
                problems += [f"{mode}: {line}" for line in done.stdout.splitlines() if "\tallowed\t" in line]
        finally:
            running.kill()
            running.communicate()
    assert problems == []
