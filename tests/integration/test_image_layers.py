"""What layers become on the disk, held against what another tool makes of the same image."""
import gzip
import hashlib
import os
import pathlib
import stat
import subprocess
import tarfile

import pytest

from images import Layout, Refused, Store, directory, entry, layer, link, tmp_path  # noqa: F401

pytestmark = pytest.mark.vm

HARD, FIFO = tarfile.LNKTYPE, tarfile.FIFOTYPE
# cap_net_raw+ep, as setcap(8) writes it.
CAPABILITY = b"\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store")
    yield made
    assert made.garbage() == []


class merged:
    """The layers of an image as a container would see them, read-only."""

    def __init__(self, store, name, where):
        self.trees, self.where = store.trees(name), where

    def __enter__(self):
        self.where.mkdir()
        (self.where.parent / "nothing").mkdir(exist_ok=True)
        lower = ":".join(str(t) for t in [self.where.parent / "nothing", *reversed(self.trees)])
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", f"ro,lowerdir={lower}", self.where], check=True)
        return self.where

    def __exit__(self, *_):
        subprocess.run(["umount", self.where], check=True)


def facts(root):
    """Everything about a tree that an image can say."""
    found, inodes = {}, {}
    for where, dirs, files in os.walk(root):
        for name in [".", *dirs, *files] if where == str(root) else [*dirs, *files]:
            path = os.path.join(where, name)
            st = os.lstat(path)
            kind = stat.S_IFMT(st.st_mode)
            content = os.readlink(path) if stat.S_ISLNK(st.st_mode) else \
                hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest() if stat.S_ISREG(st.st_mode) else None
            attributes = {a: os.getxattr(path, a, follow_symlinks=False)
                          for a in os.listxattr(path, follow_symlinks=False) if not a.startswith("trusted.")}
            key = os.path.relpath(path, root)
            found[key] = [kind, stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid, content, attributes,
                          st.st_mtime_ns if key != "." else None]
            if not stat.S_ISDIR(st.st_mode):
                inodes.setdefault(st.st_ino, []).append(key)
    groups = sorted(sorted(names) for names in inodes.values() if len(names) > 1)
    return found, groups


FIRST = layer(
    directory("etc", mtime=1000), entry("etc/a", data=b"a", mtime=1001, mode=0o600), entry("etc/gone", data=b"x"),
    directory("old", mode=0o700), entry("old/x"), directory("opaque", mtime=1003), entry("opaque/low"),
    directory("kept", mode=0o1777, uid=5, gid=6, mtime=1002), entry("kept/low"), entry("file", data=b"f"),
    directory("tree/deep/er"), entry("tree/deep/er/f"), link("link", "etc/a"), link("dangling", "/no/where"),
    link("etc/link", "../tree"), entry("fifo", FIFO), entry("own", data=b"o", uid=1234, gid=65535, mtime=5),
    entry("suid", data=b"s", mode=0o4755), entry("sgid", data=b"s", mode=0o2755, gid=9), directory("sgid-dir", mode=0o2775, gid=8),
    entry("cap", data=b"c", pax_headers={"SCHILY.xattr.security.capability": CAPABILITY.decode("latin1")}),
    entry("x", data=b"x", pax_headers={"SCHILY.xattr.user.note": "hello"}),
    entry("h1", data=b"h"), link("h2", "h1", HARD), link("tree/h3", "./h1", HARD), link("h-link", "link", HARD),
    entry("\u00e9\u4e2d", data=b"u"), entry("n" * 200, data=b"long"), entry("big", data=os.urandom(3 << 20)),
)
SECOND = layer(
    entry("etc/.wh.gone"), entry(".wh.old"), directory("opaque", mtime=2003), entry("opaque/.wh..wh..opq"),
    entry("opaque/high"), entry("kept/new"), directory("tree", mtime=7), entry("tree/deep", data=b"now a file"),
    entry(".wh.link"), directory("link", mtime=8), entry("link/in"), entry(".wh.dangling"), entry("absent/.wh.x"),
    entry("etc/a", data=b"changed", mtime=3000),
)
THIRD = layer(directory("old", mtime=9), entry("old/again", data=b"y"), entry(".wh.fifo"), entry(".wh.absent"))


def test_layers_are_as_another_tool_has_them(store, tmp_path):
    """umoci unpacks the same layers one over the other; overlayfs shows ours so."""
    Layout(tmp_path / "web").image([FIRST, SECOND, THIRD], tag="v1")
    subprocess.run(["umoci", "unpack", "--image", "web:v1", "theirs"], cwd=tmp_path, check=True, capture_output=True)
    store.add(f"oci:{tmp_path}/web:v1")
    with merged(store, "web:v1", tmp_path / "ours") as ours:
        got, groups = facts(ours)
        expected, expected_groups = facts(tmp_path / "theirs/rootfs")
    # They leave directories that no entry speaks of with the time of unpacking.
    for name in ("tree/deep/er", "absent"):
        assert name not in got or got.pop(name)
        expected.pop(name, None)
    assert sorted(got) == sorted(expected)
    assert {k: v for k, v in got.items() if v != expected[k]} == {}
    assert groups == expected_groups


def test_marks_of_one_layer(store, tmp_path):
    """Order does not matter, and a mark does not remove what its own layer brings."""
    rows = [
        ([directory("d"), entry("d/x"), entry(".wh.d")], "opaque"),
        ([entry(".wh.d"), directory("d"), entry("d/x")], "opaque"),
        ([entry(".wh.d"), entry("d/x")], None),
        ([directory("d"), entry("d/x"), entry("d/.wh..wh..opq")], "opaque"),
        ([directory("d"), entry("d/.wh..wh..opq"), entry("d/x")], "opaque"),
        ([entry("d", data=b"f"), entry(".wh.d")], "file"),
        ([entry(".wh.d"), entry("d", data=b"f")], "file"),
        ([entry(".wh.d")], "whiteout"),
        ([entry(".wh.d"), entry(".wh.d")], "whiteout"),
    ]
    for i, (entries, expected) in enumerate(rows):
        (tmp_path / "a.tar").write_bytes(layer(*entries))
        if expected is None:
            with pytest.raises(Refused):
                store.add(f"tar:{tmp_path}/a.tar", name=f"r{i}")
            continue
        store.add(f"tar:{tmp_path}/a.tar", name=f"r{i}")
        path = store.trees(f"r{i}")[0] / "d"
        st = os.lstat(path)
        got = "whiteout" if stat.S_ISCHR(st.st_mode) and st.st_rdev == 0 else \
            "file" if stat.S_ISREG(st.st_mode) else \
            "opaque" if os.getxattr(path, "trusted.overlay.opaque") == b"y" else "directory"
        assert (i, got) == (i, expected)
        assert [p.name for p in path.parent.iterdir()] == ["d"]


def test_directories_without_an_entry_are_as_below(store, tmp_path):
    Layout(tmp_path / "web").image([
        layer(directory("tmp", mode=0o1777, uid=3, gid=4, mtime=77), directory("only")),
        layer(entry("tmp/x"), entry("only/new/x")),
        layer(entry("tmp/y"), entry("none/y")),
    ])
    store.add(f"oci:{tmp_path}/web")
    for tree in store.trees("web")[1:]:
        st = os.lstat(tree / "tmp")
        assert (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid, st.st_mtime) == (0o1777, 3, 4, 77)
    assert stat.S_IMODE(os.lstat(store.trees("web")[2] / "none").st_mode) == 0o755


def test_holes_stay_holes(store, tmp_path):
    with open(tmp_path / "holes", "wb") as file:
        file.truncate(64 << 20)
        file.seek(32 << 20)
        file.write(b"middle")
    subprocess.run(["tar", "-C", tmp_path, "-cSf", tmp_path / "a.tar", "holes"], check=True)
    store.add(f"tar:{tmp_path}/a.tar")
    path = store.trees("a")[0] / "holes"
    assert path.stat().st_size == 64 << 20 and path.stat().st_blocks * 512 < 1 << 20
    assert path.read_bytes() == (tmp_path / "holes").read_bytes()


@pytest.mark.parametrize("form", ["v7", "oldgnu", "gnu", "ustar", "posix"])
def test_every_form_of_tar(store, tmp_path, form):
    tree = tmp_path / "t"
    (tree / "d").mkdir(parents=True)
    (tree / "d/f").write_text("f")
    (tree / ("n" * 90)).write_text("long")
    os.symlink("d/f", tree / "l")
    os.link(tree / "d/f", tree / "h")
    subprocess.run(["tar", "-C", tree, "--sort=name", "--format", form, "-cf", tmp_path / "a.tar", "."], check=True)
    store.add(f"tar:{tmp_path}/a.tar")
    got, groups = facts(store.trees("a")[0])
    expected, expected_groups = facts(tree)
    for found in (got, expected):
        for row in found.values():
            row[6] = row[6] and row[6] // 1_000_000_000     # only one form has fractions
    assert got == expected and groups == expected_groups


def test_devices_are_left_out_and_counted(store, tmp_path):
    data = layer(directory("dev"), *[entry(f"dev/{i}", kind, devmajor=1, devminor=3)
                                     for i, kind in enumerate((tarfile.CHRTYPE, tarfile.BLKTYPE))], entry("f"))
    (tmp_path / "a.tar").write_bytes(gzip.compress(data))
    assert store.add(f"tar:{tmp_path}/a.tar")["skippedDevices"] == 2
    [tree] = store.trees("a")
    assert sorted(p.name for p in tree.rglob("*")) == ["dev", "f"]
    assert "2 device nodes left out" in store.run("add", f"tar:{tmp_path}/a.tar", name="b")


def test_directory_is_taken_as_it_is(store, tmp_path):
    """The same tree is the same layer, whatever the order in which its names lie on the disk."""
    trees = [tmp_path / "one", tmp_path / "two"]
    for tree, names in zip(trees, (["a", "b", "c"], ["c", "b", "a"])):
        for name in names:
            (tree / name / "d").mkdir(parents=True)
            (tree / name / "f").write_text(name)
            os.chown(tree / name / "f", 12, 34)
            (tree / name / "f").chmod(0o4710)
            os.utime(tree / name / "f", (5, 5))
        os.link(tree / "a/f", tree / "c/h")
        os.symlink("../../../etc/passwd", tree / "b/l")
        os.mkfifo(tree / "fifo")
        (tree / ".wh.kept").write_text("x")
        (tree / "\u00e9\udcff").write_text("x")
        os.setxattr(tree / "a/f", "user.note", b"hello")
        os.setxattr(tree / "a/f", "trusted.note", b"dropped")
        os.setxattr(tree / "b/f", "security.capability", CAPABILITY)
        for where, dirs, files in os.walk(tree):
            for name in [*dirs, *files]:
                os.utime(os.path.join(where, name), (7, 7), follow_symlinks=False)
    added = [store.add(f"dir:{tree}") for tree in trees]
    assert [a["unpacked"] for a in added] == [1, 1] and added[0]["manifest"] == added[1]["manifest"]
    os.mknod(trees[0] / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    assert store.add(f"dir:{trees[0]}")["manifest"] == added[0]["manifest"]
    (trees[0] / "null").unlink()
    got, expected = facts(store.trees("one")[0]), facts(trees[0])
    assert got[1] == expected[1]
    assert {k: v for k, v in got[0].items() if v != expected[0][k] and k != "."} == {}
    assert sorted(got[0]) == sorted(expected[0])
