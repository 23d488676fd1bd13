"""Mounts of a container: every option by its effect, and root file systems that mean no good."""
import contextlib
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile

import pytest

from bundle import NOT_LAUNCHED
from bundle import box  # noqa: F401
from cluster import SLOW

pytestmark = pytest.mark.vm

FIRST = 100000


@pytest.fixture
def image(box):
    made = box.use_image()
    box.be_root()
    return made


@contextlib.contextmanager
def mounted(*args):
    """Run mount(8) with ARGS, of which the last is the place."""
    subprocess.run(["mount", *args], check=True)
    try:
        yield pathlib.Path(args[-1])
    finally:
        subprocess.run(["umount", "-R", args[-1]], check=True)


@pytest.fixture
def source(box):
    """A mount of its own with another one below it: "file", "below/file"."""
    top, other = box.directory / "source", box.directory / "other"
    (top / "below").mkdir(parents=True)
    other.mkdir()
    (top / "file").write_text("top")
    (other / "file").write_text("below")
    with mounted("--bind", "--make-private", top, top), mounted("--bind", "--make-private", other, top / "below"):
        yield top


def bind(box, source, *options, destination="/v"):
    box.document.setdefault("mounts", []).append(
        {"destination": destination, "type": "bind", "source": str(source), "options": list(options)})


def mount(box, kind, *options, destination="/v", source=None):
    row = {"destination": destination, "type": kind, "options": list(options)}
    box.document.setdefault("mounts", []).append(row | ({"source": str(source)} if source else {}))


def inside(box, place="/v"):
    """The last mount on PLACE as the container has it: its flags, tags, type, super block's options."""
    done = box.shell("cat /proc/self/mountinfo")
    assert done.stderr == ""
    (line,) = [x for x in done.stdout.splitlines() if x.split()[4] == place][-1:]
    left, right = line.split(" - ")
    kind, _, data = right.split()
    return set(left.split()[5].split(",")), left.split()[6:], kind, set(data.split(","))


# ---- Options of binds ----

@pytest.mark.parametrize("options, has, has_not", [
    ([], {"rw", "nosuid", "nodev"}, {"noexec"}),
    (["suid", "dev"], {"rw"}, {"nosuid", "nodev"}),
    (["noexec"], {"noexec"}, set()),
    (["noexec", "exec"], set(), {"noexec"}),
    (["ro"], {"ro"}, {"rw"}),
    (["ro", "rw"], {"rw"}, {"ro"}),
    (["noatime"], {"noatime"}, {"relatime"}),
    (["noatime", "strictatime"], set(), {"noatime", "relatime"}),
    (["relatime", "nodiratime"], {"relatime", "nodiratime"}, {"noatime"}),
    (["nosymfollow"], {"nosymfollow"}, set()),
    (["nosymfollow", "symfollow"], set(), {"nosymfollow"}),
])
def test_flags_of_a_bind(box, image, source, options, has, has_not):
    bind(box, source, *options)
    flags, tags, _, _ = inside(box)
    assert has <= flags and not has_not & flags
    assert tags == []


@pytest.mark.parametrize("options, top, below", [
    (["bind"], {"rw"}, None),
    (["rbind"], {"rw"}, {"rw"}),
    (["rbind", "ro"], {"ro"}, {"ro"}),
    (["rbind", "rro"], {"ro"}, {"ro"}),
    (["rbind", "noexec"], {"noexec"}, {"noexec"}),
])
def test_what_is_restricted_is_so_at_every_depth(box, image, source, options, top, below):
    bind(box, source, *options)
    assert top <= inside(box)[0]
    done = box.shell("cat /v/file /v/below/file; touch /v/x 2>/dev/null && echo w; touch /v/below/x 2>/dev/null && echo wb")
    if below is None:
        assert done.stdout.startswith("top") and "below" not in done.stdout
        return
    assert below <= inside(box, "/v/below")[0]
    assert done.stdout == "topbelow" + ("" if "ro" in top else "w\nwb\n")


@pytest.mark.parametrize("options, top, below", [
    (["rbind"], "ro", "ro"),
    (["rbind", "rw"], "rw", "ro"),
    (["rbind", "rrw"], "rw", "rw"),
])
def test_what_is_allowed_is_so_at_the_top_unless_recursive(box, image, source, options, top, below):
    subprocess.run(["mount", "-o", "remount,bind,ro", source], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", source / "below"], check=True)
    bind(box, source, *options)
    assert top in inside(box)[0]
    assert below in inside(box, "/v/below")[0]


def test_a_file_is_bound_on_a_file(box, image, source):
    bind(box, source / "file", "ro", destination="/made/on/the/way")
    assert box.shell("cat /made/on/the/way").stdout == "top"
    assert (image / "made/on/the/way").read_text() == ""


def test_a_source_is_the_bundles_own(box, image):
    (box.directory / "data").mkdir()
    (box.directory / "data/x").write_text("bundle")
    bind(box, "data")
    assert box.shell("cat /v/x").stdout == "bundle"


@pytest.mark.parametrize("options, tags", [
    (["rprivate"], 0), (["slave"], 1), (["rslave"], 1), (["shared"], 1), (["rshared"], 1), (["unbindable"], 1),
])
def test_propagation_of_a_bind(box, image, source, options, tags):
    subprocess.run(["mount", "--make-rshared", source], check=True)
    bind(box, source, "rbind", *options)
    words = inside(box)[1]
    assert len(words) == tags
    if tags:
        expected = {"slave": "master:", "shared": "shared:", "unbindable": "unbindable"}[options[0].removeprefix("r")]
        assert words[0].startswith(expected)


@pytest.mark.parametrize("options, seen", [(["rbind"], False), (["rbind", "rslave"], True), (["rbind", "rshared"], True)])
def test_what_the_host_mounts_later_comes_along_only_on_request(box, image, source, options, seen):
    subprocess.run(["mount", "--make-rshared", source], check=True)
    (source / "later").mkdir()
    bind(box, source, *options)
    running = box.start("/bin/sh", "-c", "echo ready; until test -e /v/go; do sleep 0.05; done; ls /v/later")
    assert running.stdout.readline() == "ready\n"
    with mounted("-t", "tmpfs", "t", source / "later"):
        (source / "later/new").write_text("")
        (source / "go").write_text("")
        out, error = running.communicate(timeout=60 * SLOW)
    assert (out, error) == ("new\n" if seen else "", "")


@pytest.mark.parametrize("word, expected", [("private", []), ("rslave", []), ("shared", ["shared:"]), ("unbindable", ["unbindable"])])
def test_propagation_of_the_root(box, image, word, expected):
    box.linux["rootfsPropagation"] = word
    tags = inside(box, "/")[1]
    assert [tag.split(":")[0] for tag in tags] == [tag.split(":")[0] for tag in expected]


def test_the_root_as_a_slave_of_the_hosts(box, image):
    with mounted("--bind", "--make-shared", image, image):
        box.linux["rootfsPropagation"] = "slave"
        assert [tag.split(":")[0] for tag in inside(box, "/")[1]] == ["master"]


# ---- File systems ----

def test_tmpfs_with_its_options(box, image):
    mount(box, "tmpfs", "size=64k", "mode=1700", "nr_inodes=7", "noexec", "strictatime")
    flags, _, kind, data = inside(box)
    assert kind == "tmpfs" and {"nosuid", "nodev", "noexec"} <= flags and "relatime" not in flags
    assert {"size=64k", "mode=1700", "nr_inodes=7"} <= data
    assert "No space left" in box.shell("busybox dd if=/dev/zero of=/v/x bs=1k count=65").stderr


def test_tmpfs_that_starts_with_what_it_covers(box, image):
    (image / "v/sub").mkdir(parents=True)
    (image / "v/sub/file").write_text("hello")
    os.chown(image / "v/sub/file", 7, 8)
    os.chmod(image / "v/sub/file", 0o604)
    os.utime(image / "v/sub/file", (1, 2))
    (image / "v/link").symlink_to("/etc/shadow")
    os.mkfifo(image / "v/fifo")
    mount(box, "tmpfs", "tmpcopyup", "ro")
    done = box.shell("cd /v; cat sub/file; ls; busybox readlink link; busybox stat -c '%u %g %a %Y' sub/file; touch x")
    assert done.stdout == "hellolink\nsub\n/etc/shadow\n7 8 604 2\n"
    assert done.stderr == "touch: x: Read-only file system\n"


@pytest.mark.parametrize("options, flags, data", [
    (["hidepid=2"], {"nosuid", "nodev", "noexec"}, {"hidepid=invisible"}),
    (["subset=pid"], set(), {"subset=pid"}),
    (["ro", "hidepid=1", "gid=7"], {"ro"}, {"hidepid=noaccess", "gid=7"}),
])
def test_options_of_proc(box, image, options, flags, data):
    mount(box, "proc", *options, destination="/proc")
    found = inside(box, "/proc")
    assert flags <= found[0] and data <= found[3]


def test_options_of_dev_and_what_is_in_it(box, image):
    mount(box, "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k", destination="/dev")
    mount(box, "devpts", "newinstance", "ptmxmode=0600", "mode=0600", "gid=9", destination="/dev/pts")
    mount(box, "tmpfs", "size=4k", "mode=700", destination="/dev/shm")
    mount(box, "mqueue", "ro", destination="/dev/mqueue")
    bind(box, "/etc/hostname", destination="/dev/log/name")
    assert "size=65536k" in inside(box, "/dev")[3]
    assert {"gid=9", "mode=600", "ptmxmode=600"} <= inside(box, "/dev/pts")[3]
    assert {"size=4k", "mode=700"} <= inside(box, "/dev/shm")[3]
    assert "ro" in inside(box, "/dev/mqueue")[0]
    assert box.shell("cat /dev/log/name").stdout == pathlib.Path("/etc/hostname").read_text()


def test_an_overlay_of_the_document(box, image):
    places = [box.directory / name for name in ("lower", "upper", "work")]
    for place in places:
        place.mkdir()
    (places[0] / "a").write_text("lower")
    mount(box, "overlay", f"lowerdir={places[0]}", f"upperdir={places[1]},workdir={places[2]}", source="overlay")
    assert box.shell("cat /v/a; echo more >/v/b").stdout == "lower"
    assert (places[1] / "b").read_text() == "more\n"


PLACES = {"/proc": "proc", "/sys": "sysfs", "/sys/fs/cgroup": "cgroup2", "/dev": "tmpfs", "/dev/pts": "devpts",
          "/dev/shm": "tmpfs", "/dev/mqueue": "mqueue"}


@pytest.mark.parametrize("listed", [["/proc"], ["/dev/shm"], ["/dev/pts", "/dev/mqueue"], ["/sys"], ["/proc", "/sys/fs/cgroup"],
                                    ["/dev/mqueue", "/sys"]], ids=" ".join)
def test_the_kernels_files_are_where_the_document_lists_them(box, image, listed):
    """/proc and /dev always; a document that lists none has all of them."""
    box.document["mounts"] = [{"destination": place, "type": PLACES[place], "source": "x"} for place in listed]
    mounted = {line.split()[1] for line in box.shell("cat /proc/mounts").stdout.splitlines()}
    wanted = {"/proc", "/dev", *listed} | ({"/sys"} if "/sys/fs/cgroup" in listed else set())
    if "/dev/shm" in listed and len(listed) == 1:
        wanted = set(PLACES)
    assert mounted & set(PLACES) <= wanted
    assert wanted - mounted <= {"/sys/fs/cgroup"}  # not on a host with v1 hierarchies


def test_a_file_system_that_refuses_its_options_is_named(box, image):
    mount(box, "tmpfs", "mode=999")
    done = box.run("/bin/true")
    assert (done.returncode, done.stderr) == (
        NOT_LAUNCHED, "launch: filesystem: mount tmpfs on '/v' with options 'mode=999': Invalid argument\n")


def test_a_file_system_that_does_not_exist_is_named(box, image):
    mount(box, "nosuchfs")
    assert box.run("/bin/true").stderr == "launch: filesystem: mount nosuchfs on '/v' with options '': No such device\n"


# ---- Ids ----

def ids(box, *names):
    done = box.shell("cd /v; " + "; ".join(f"busybox stat -c '%u:%g' {name}" for name in names))
    assert done.stderr == ""
    return done.stdout.split()


def rows(*triples):
    return [{"containerID": a, "hostID": b, "size": n} for a, b, n in triples]


@pytest.mark.parametrize("options, expected", [
    (["rbind"], ["65534:65534"] * 2),
    (["rbind", "idmap"], ["7:8", "65534:65534"]),
    (["rbind", "ridmap"], ["7:8", "7:8"]),
])
def test_binds_by_the_containers_map(box, image, source, options, expected):
    box.use_user_namespace(FIRST)
    for name in ("file", "below/file"):
        os.chown(source / name, 7, 8)
    bind(box, source, *options)
    assert ids(box, "file", "below/file") == expected


def test_a_bind_by_maps_of_its_own(box, image, source):
    os.chown(source / "file", 7, 8)
    bind(box, source)
    box.document["mounts"][0].update(uidMappings=rows((7, 1000, 1)), gidMappings=rows((8, 2000, 10)))
    assert ids(box, "file") == ["1000:2000"]


def test_a_bind_that_cannot_be_idmapped_names_its_file_system(box, image):
    box.use_user_namespace(FIRST)
    bind(box, "/proc/sys", "idmap")
    assert box.run("/bin/true").stderr == \
        "launch: filesystem: map the ids of '/proc/sys', which is on proc: Invalid argument\n"


def test_nothing_is_shared_with_a_user_namespace(box, image, source):
    box.use_user_namespace(FIRST)
    bind(box, source, "rshared")
    assert box.run("/bin/true").stderr == "launch: filesystem: mounts[0].options: 'shared' is not for a user namespace\n"


# ---- Root file systems that mean no good (table B) ----

EVIL = {"root": "/", "up": "../../..", "proc": "/proc/1/root", "dangling": "/nosuch", "loop": None, "fifo": None, "file": None}


def plant(place, kind):
    if kind == "fifo":
        os.mkfifo(place)
    elif kind == "file":
        place.write_text("")
    else:
        place.symlink_to(EVIL[kind] or place.name)


def host_tops():
    return {name: sorted(os.listdir(name)) for name in ("/", "/dev", "/etc", "/run", "/mnt")}


@pytest.mark.parametrize("name", ["dev", "dev/pts", "dev/shm", "proc", "sys", "run", "etc", "tmp"])
@pytest.mark.parametrize("kind", list(EVIL))
@pytest.mark.parametrize("user", [False, True])
def test_places_that_lead_elsewhere_stay_inside(box, image, name, kind, user):
    if user:
        box.use_user_namespace(FIRST)
    (image / name).parent.mkdir(exist_ok=True)
    plant(image / name, kind)
    mount(box, "tmpfs", destination="/run")
    mount(box, "tmpfs", "mode=1777", destination="/tmp")
    bind(box, box.directory / "sandbox", destination="/etc/inner")
    canary = pathlib.Path("/proc/sys/kernel/core_pattern").read_text()
    before, mounts = host_tops(), pathlib.Path("/proc/self/mountinfo").read_text()
    done = box.shell("echo in; ls /dev/null /proc/self/status >/dev/null")
    assert done.returncode == NOT_LAUNCHED and done.stderr.startswith("launch: filesystem: ") or \
        (done.stdout, done.stderr) == ("in\n", "")
    # What is mounted by name must be the kernel's own, whatever the image has there.
    if name in ("dev", "proc", "sys"):
        assert done.returncode == NOT_LAUNCHED
    assert host_tops() == before
    assert pathlib.Path("/proc/sys/kernel/core_pattern").read_text() == canary
    assert pathlib.Path("/proc/self/mountinfo").read_text() == mounts


@pytest.mark.parametrize("target, what", [
    ("/proc", "leads to the kernel's files"), ("/proc/self/attr", "leads to the kernel's files"),
    ("/proc/sys/kernel", "leads to the kernel's files"), ("/sys/fs", "leads to the kernel's files"),
    ("/dev", "leads to the kernel's files"), ("/", "is the root"), ("..", "is the root"),
])
def test_a_destination_by_a_link_of_the_image(box, image, source, target, what):
    (image / "way").symlink_to(target)
    bind(box, source, destination="/way")
    done = box.run("/bin/true")
    assert (done.returncode, done.stderr) == (NOT_LAUNCHED, f"launch: filesystem: mount on '/way', which {what}\n")


def test_a_destination_by_a_magic_link_is_refused(box, image, source):
    (image / "way").symlink_to("/proc/self/root/etc")
    bind(box, source, destination="/way/x")
    done = box.run("/bin/true")
    assert done.returncode == NOT_LAUNCHED
    assert done.stderr == "launch: filesystem: create '/way/x' in the container's root: Too many levels of symbolic links\n"


def test_links_of_the_image_are_followed_inside(box, image, source):
    (image / "far/away").mkdir(parents=True)
    (image / "way").symlink_to("/far/../far/away")
    (image / "up").symlink_to("../../../far")
    bind(box, source, destination="/way/x")
    bind(box, source, destination="/up/y")
    assert box.shell("cat /far/away/x/file /far/y/file").stdout == "toptop"


@pytest.mark.parametrize("kind", ["link", "fifo", "file", "missing"])
def test_masks_do_not_come_from_the_image(box, image, kind):
    """B4: whatever the image calls /dev/null, masked files are empty and the kernel's are not writable."""
    (image / "dev").mkdir()
    if kind == "link":
        (image / "dev/null").symlink_to("/proc/sys/kernel/core_pattern")
    elif kind != "missing":
        plant(image / "dev/null", kind)
    (image / "secret").write_text("secret")
    box.linux["maskedPaths"] = ["/proc/keys", "/proc/kcore", "/secret", "/nosuch"]
    box.linux["readonlyPaths"] = ["/proc/sys", "/bin"]
    done = box.shell("cat /proc/keys /proc/timer_list /secret; echo x >/proc/sys/kernel/core_pattern; touch /bin/x; test -c /dev/null && echo yes")
    assert done.stdout == "yes\n"
    assert "core_pattern: Read-only file system" in done.stderr and "/bin/x: Read-only file system" in done.stderr


@pytest.mark.parametrize("kind, message", [
    ("missing", "open root '{}': No such file or directory"),
    ("file", "mount root '{}': Not a directory"),
    ("link", "mount root '{}': Not a directory"),
    ("fifo", "mount root '{}': Not a directory"),
])
def test_a_root_that_is_not_a_directory(box, image, kind, message):
    root = box.directory / "elsewhere"
    if kind == "link":
        root.symlink_to(image)
    elif kind != "missing":
        plant(root, kind)
    box.document["root"]["path"] = str(root)
    done = box.run("/bin/true")
    assert (done.returncode, done.stderr) == (NOT_LAUNCHED, "launch: filesystem: " + message.format(root) + "\n")


def test_what_a_container_mounts_is_its_own(box, image, source):
    """B12"""
    box.be_root("CAP_SYS_ADMIN")
    subprocess.run(["mount", "--make-rshared", source], check=True)
    bind(box, source, "rbind")
    before = pathlib.Path("/proc/self/mountinfo").read_text()
    done = box.shell("for i in 1 2 3 4 5; do mkdir -p /v/m$i && mount -t tmpfs t /v/m$i || echo failed; done; cat /proc/self/mountinfo")
    assert done.stdout.count(" /v/m") == 5 and "failed" not in done.stdout
    assert pathlib.Path("/proc/self/mountinfo").read_text() == before


def test_device_nodes_of_the_image_do_not_work(box, image):
    os.mknod(image / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    done = box.shell("echo x >/null")
    assert "can't create /null: Permission denied" in done.stderr


@pytest.mark.parametrize("user", [False, True])
def test_devices_in_directories(box, image, user):
    place = pathlib.Path(tempfile.mkdtemp(prefix="tepui-test-", dir="/dev"))
    try:
        (place / "deeper").mkdir()
        node = place / "deeper/none"
        os.mknod(node, stat.S_IFCHR, os.makedev(1, 3))
        node.chmod(0o666)
        if user:
            box.use_user_namespace(FIRST)
        box.linux["devices"] = [{"path": str(node), "type": "c", "major": 1, "minor": 3, "fileMode": 0o600}]
        done = box.shell(f"echo x >{node} && busybox stat -c '%F %t:%T' {node}")
    finally:
        shutil.rmtree(place)
    assert (done.stdout, done.stderr) == ("character special file 1:3\n", "")


# ---- what a task may have laid out ----

def test_a_sandbox_is_reached_by_no_link(box):
    (box.directory / "link").symlink_to(box.directory)
    box.document["annotations"]["io.tepui.sandbox"] = f"{box.directory}/link/sandbox"
    done = box.shell("true")
    assert done.returncode == NOT_LAUNCHED and "open sandbox" in done.stderr


@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_volume_root_that_is_hidden_is_reached_by_no_link(box, is_hidden):
    """Operators may use links in theirs; in the agent's own directory a task made it."""
    (box.directory / "real" / "volume").mkdir(parents=True)
    (box.directory / "link").symlink_to(box.directory / "real")
    root = f"{box.directory}/link"
    box.document["annotations"]["io.tepui.volume-roots"] = root
    if is_hidden:
        box.document["annotations"]["io.tepui.hidden"] = str(box.directory)
    box.document["mounts"] = [{"destination": "/mnt/v", "type": "bind", "source": f"{root}/volume", "options": ["rbind"]}]
    done = box.shell("true")
    assert (done.returncode == NOT_LAUNCHED and f"open '{root}'" in done.stderr) if is_hidden else done.returncode == 0, done.stderr
