"""Root file systems of layers: what a container sees, writes and is, with and without a user namespace."""
import json
import os
import pathlib
import subprocess

import pytest

from cluster import BUILD
from images import Layout, Refused, Store, directory, entry, layer, link, tmp_path  # noqa: F401

pytestmark = pytest.mark.vm

LAUNCH = BUILD / "tests/bench/launch"
BUSYBOX = pathlib.Path("/bin/busybox")
MAPS = {"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
        "gidMappings": [{"containerID": 0, "hostID": 300000, "size": 65536}]}


def base(*more):
    """A root in which busybox is everything."""
    return layer(*[directory(d) for d in ("bin", "etc", "proc", "sys", "dev", "tmp")],
                 entry("bin/busybox", data=BUSYBOX.read_bytes(), mode=0o755), link("bin/sh", "busybox"), *more)


class Box:
    """A container of a bundle, run by the containerizer alone."""

    def __init__(self, tmp_path):
        self.store = Store(tmp_path / "store")
        self.path = tmp_path / "bundle"
        self.path.mkdir()
        self.cgroups = subprocess.run([LAUNCH, "--make", f"tepui-test-{os.getpid()}-image"], check=True,
                                      capture_output=True, text=True).stdout.strip()

    def write(self, image, *args, linux=None, capabilities=()):
        caps = {s: list(capabilities) for s in ("bounding", "effective", "permitted")}
        namespaces = [{"type": t} for t in ("pid", "ipc", "uts", "mount", "cgroup", *(["user"] if linux else []))]
        (self.path / "config.json").write_text(json.dumps({
            "ociVersion": "1.2.0", "process": {"noNewPrivileges": True, "capabilities": caps},
            "root": {"readonly": False}, "linux": {"namespaces": namespaces, **(linux or {})}}))
        self.store.run("bundle", image, "c1", self.path, *(["--"] if args else []), *args)
        return json.loads((self.path / "config.json").read_text())

    def run(self):
        done = subprocess.run([LAUNCH, self.cgroups, self.path], capture_output=True, text=True, check=False)
        if done.stderr:
            raise Refused(done.returncode, done.stderr)
        return done.stdout

    def sh(self, image, script, **options):
        self.write(image, "/bin/sh", "-c", f"export PATH=/bin; {script}", **options)
        return self.run()

    def close(self):
        subprocess.run([LAUNCH, "--drop", self.cgroups], check=True)
        self.store.run("release", "c1")


@pytest.fixture
def box(tmp_path):
    made = Box(tmp_path)
    yield made
    made.close()
    assert f"{tmp_path}/" not in pathlib.Path("/proc/self/mountinfo").read_text()


def add(box, tmp_path, layers, config=None, name="web"):
    Layout(tmp_path / name).image(layers, config)
    box.store.add(f"oci:{tmp_path}/{name}")


@pytest.mark.parametrize("linux", [None, MAPS])
def test_upper_layers_hide_and_replace(box, tmp_path, linux):
    add(box, tmp_path, [
        base(entry("etc/a", data=b"low\n"), entry("etc/gone", data=b"x"), directory("old"), entry("old/x"),
             directory("dir"), entry("dir/low")),
        layer(entry("etc/a", data=b"high\n"), entry("etc/.wh.gone"), entry(".wh.old"),
              directory("dir"), entry("dir/.wh..wh..opq"), entry("dir/high")),
    ])
    out = box.sh("web", "busybox cat /etc/a; busybox ls /etc /dir; busybox ls -d /old 2>&1; echo new >/etc/a; busybox cat /etc/a",
                 linux=linux)
    assert out == "high\n/dir:\nhigh\n\n/etc:\na\nls: /old: No such file or directory\nnew\n"
    assert [(t / "etc/a").read_text() for t in box.store.trees("web")] == ["low\n", "high\n"]
    assert (box.path / "upper/etc/a").read_text() == "new\n"


def test_ids_of_a_user_namespace_are_on_the_disk(box, tmp_path):
    add(box, tmp_path, [base(directory("srv", uid=12, gid=34), entry("srv/own", uid=12, gid=34),
                             entry("etc/last", uid=65535, gid=65535))])
    out = box.sh("web", "busybox stat -c '%u:%g %n' / /etc /srv/own /etc/last; echo >/etc/new; busybox chown 1:2 /etc/new /bin/busybox",
                 linux=MAPS, capabilities=["CAP_CHOWN"])
    assert out == "0:0 /\n0:0 /etc\n12:34 /srv/own\n65535:65535 /etc/last\n"
    upper = box.path / "upper"
    assert [(s.st_uid, s.st_gid) for s in map(os.lstat, (upper, upper / "etc", upper / "etc/new", upper / "bin/busybox"))] \
        == [(100000, 300000), (100000, 300000), (100001, 300002), (100001, 300002)]
    [tree] = box.store.trees("web")
    assert os.lstat(tree / "etc/last").st_uid == 65535


CONFIG = {"Env": ["A=1", "PATH=/bin"], "Entrypoint": ["/bin/busybox"], "Cmd": ["env"], "User": "app",
          "WorkingDir": "/made/here", "Volumes": {"/data/in": {}, "/etc": {}}}
USERS = [entry("etc/passwd", data=b"root:x:0:0::/root:/bin/sh\napp:x:12:34::/srv:\n"),
         entry("etc/group", data=b"app:x:34:\nextra:x:50:x,app\n")]


@pytest.mark.parametrize("linux", [None, MAPS])
def test_config_is_honoured(box, tmp_path, linux):
    add(box, tmp_path, [base(*USERS)], CONFIG)
    box.write("web", linux=linux)
    assert sorted(box.run().split()) == ["A=1", "HOME=/srv", "PATH=/bin"]
    box.write("web", "sh", "-c", "busybox id; busybox pwd; echo $A; busybox ls -d /data/in /etc/passwd", linux=linux)
    assert box.run() == "uid=12(app) gid=34(app) groups=50(extra)\n/made/here\n1\n/data/in\n/etc/passwd\n"
    assert (box.path / "upper/made/here").is_dir()


def test_work_dir_through_links_stays_inside(box, tmp_path):
    """CVE-2026-55686's kind: the place is the image's, and a link leads out of it."""
    canary = tmp_path / "canary"
    canary.mkdir()
    for name in ("out", "up"):
        add(box, tmp_path, [base(link("out", str(canary)), link("up", "../../../../../.." + str(canary)))],
            {"WorkingDir": f"/{name}/in"}, name=name)
        box.write(name, "/bin/busybox", "pwd")
        with pytest.raises(Refused, match="create '/[a-z]*/in' in the container's root"):
            box.run()
    assert list(canary.iterdir()) == []


@pytest.mark.parametrize("plant, message", [
    ([link("etc/passwd", "/etc/passwd")], "open '/etc/passwd' of image 'web:latest'"),
    ([link("etc/passwd", "../../../../../../etc/passwd")], "open '/etc/passwd' of image 'web:latest'"),
    ([entry("etc/passwd", type=b"6")], "not a regular file"),
    ([directory("etc/passwd")], "not a regular file"),
    ([entry("etc/passwd", data=b"a:x:1:1::/:\n" * 100000)], "more than 1048576 bytes"),
    ([entry("etc/passwd", data=b"# \n" * 4096 + b"app:x:12:34::/:\n")], "find user 'app' in /etc/passwd"),
    ([], "find user 'app' in /etc/passwd of image 'web:latest'"),
])
def test_users_of_hostile_files(box, tmp_path, plant, message):
    add(box, tmp_path, [base(*plant)], CONFIG)
    with pytest.raises(Refused, match=message):
        box.write("web")


def test_users_through_layers(box, tmp_path):
    """A mark of removal, and a directory that hides those below, hold for users, too."""
    hidden = layer(entry("etc/.wh.passwd"))
    opaque = layer(directory("etc"), entry("etc/.wh..wh..opq"))
    gone = layer(entry(".wh.etc"))
    for i, top in enumerate((hidden, opaque, gone)):
        add(box, tmp_path, [base(*USERS), top], CONFIG, name=f"n{i}")
        with pytest.raises(Refused, match="find user 'app'"):
            box.write(f"n{i}")
    add(box, tmp_path, [base(*USERS), layer(entry("other"))], CONFIG, name="seen")
    assert box.write("seen")["process"]["user"] == {"uid": 12, "gid": 34, "additionalGids": [50]}


def test_many_layers(box, tmp_path):
    add(box, tmp_path, [base()] + [layer(entry(f"n{i}"), entry("last", data=b"%d\n" % i)) for i in range(127)])
    out = box.sh("web", "busybox cat /last; busybox ls / | busybox grep -c ^n")
    assert out == "126\n127\n"


def test_what_is_in_use_stays(box, tmp_path):
    add(box, tmp_path, [base()])
    box.write("web", "/bin/busybox", "true")
    [tree] = box.store.trees("web")
    with pytest.raises(Refused, match="on which containers run"):
        box.store.run("remove", "web")
    assert box.store.run("prune", all=True).startswith("0 images, 0 layers")
    box.store.run("remove", "web", force=True)
    box.store.run("prune", all=True)
    assert tree.exists() and box.run() == ""
    box.store.run("release", "c1", "c1")
    assert box.store.run("prune").startswith("0 images, 1 layers, 2 documents")
    assert not tree.exists()


def test_set_user_id_gives_nothing(box, tmp_path):
    """The bit stays in the layer, which others may mount otherwise; the mount ignores it."""
    add(box, tmp_path, [base(*USERS, entry("bin/id", data=BUSYBOX.read_bytes(), mode=0o4755))], CONFIG)
    [tree] = box.store.trees("web")
    assert os.lstat(tree / "bin/id").st_mode & 0o7777 == 0o4755
    box.write("web", "sh", "-c", "/bin/id -u; busybox mount | busybox grep -c ' / .*nosuid'")
    assert box.run() == "12\n1\n"
