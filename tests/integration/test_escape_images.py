"""
Archives and manifests that want out of the image store (reliability.md 1.4): either refused in a sentence, or all that
they hold is below the layer's own directory; never is anything else of the host different.
"""
import gzip
import io
import json
import os
import pathlib
import struct
import tarfile
import zlib

import pytest

from cluster import BUILD
from host_snapshot import Canaries, differences, host_state, own_namespaces
from images import CONFIG, LAYER, MANIFEST, Layout, Refused, Store, directory, entry, layer, link, sha256

PROGRAMS = [BUILD / "tepui-image", BUILD / "tepui-unpack"]


@pytest.fixture(scope="module")
def canaries():
    with own_namespaces(), Canaries(f"tepui-images-{os.getpid()}") as made:
        made.directory.chmod(0o700)
        yield made


@pytest.fixture
def store(canaries, tmp_path):
    """A store; nothing outside of it changes, and beside it there is nothing new."""
    before = host_state(canaries, PROGRAMS)
    mode = canaries.directory.stat().st_mode
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside/file").write_text("untouched")
    made = Store(tmp_path / "beside/store")
    yield made
    assert set(os.listdir(tmp_path / "beside")) <= {"file", "store"}
    assert (tmp_path / "beside/file").read_text() == "untouched"
    assert canaries.directory.stat().st_mode == mode
    assert differences(before, host_state(canaries, PROGRAMS)) == []


def add(store, data, path, **options):
    """The layer's tree, or None when it was refused."""
    path.write_bytes(data)
    try:
        store.add(f"tar:{path}", name="evil:1", **options)
    except Refused as refusal:
        assert str(refusal).strip() and store.garbage() == [], data[:512]
        return None
    [tree] = store.trees("evil:1")
    store.run("remove", "evil:1")
    return tree


def is_confined(tree, canary):
    """No file of the tree is one of the host's: nothing but what the archive brought, in its own directory."""
    for directory_name, names, files in os.walk(tree):
        for name in names + files:
            path = pathlib.Path(directory_name, name)
            stat = path.lstat()
            assert not os.path.samestat(stat, canary.stat())
            # 0:0 is how overlayfs writes down that a name is gone.
            assert stat.st_mode & 0o170000 not in (0o060000, 0o020000) or stat.st_rdev == 0, f"a device: {path}"
    return True


def raw_header(name=b"x", size=b"00000000000\0", kind=b"0", linkname=b"", magic=b"ustar\x0000", **_):
    """A header field by field, for what tarfile would not write."""
    block = bytearray(512)
    block[0:len(name)] = name[:100]
    block[100:108], block[108:116], block[116:124] = b"0000644\0", b"0000000\0", b"0000000\0"
    block[124:124 + len(size)] = size
    block[136:148], block[156:157] = b"00000000000\0", kind
    block[157:157 + len(linkname)] = linkname[:100]
    block[257:257 + len(magic)] = magic
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


END = b"\0" * 1024


def corpus(canary):
    """Name and bytes of each archive: (C1) ways out, (C2) modes through links, (C3) what is no file."""
    top = str(canary.parent)
    # ---- C1: names ----
    for number, name in enumerate((
            "../evil", "../../../../../../../../evil", "/evil", f"{top}/evil", f"/../..{top}/evil", "a/../../evil", "..",
            "./../evil", "a/b/../../../evil", "//evil", f"//{top}/evil", ".", "/", "a//b", "a/./b", "a/", "a/..", "\\..\\evil",
            "..\\evil", "C:\\evil", "evil\x01", "evil\n", "-rf", "~root/evil", "$HOME", "x" * 255, "x" * 256, "x" * 5000,
            "/".join("d" * 60), "d/" * 3000 + "f", "caf\u00e9", "\udcff\udcfe", " ", "...", "....//evil", "%2e%2e/evil")):
        for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            yield f"name {number} in form {form}", layer(entry(name, data=b"evil"), form=form)
    yield "name with NUL", raw_header(b"ok\0/../../evil", b"00000000004\0") + b"evil" + b"\0" * 508 + END
    yield "prefix that climbs", raw_header(b"evil", b"00000000000\0")[:345] + b"../../.." + b"\0" * 159 + END
    # ---- C1: links, then something through them ----
    for target in (top, "/", "..", "../../../../../..", "/etc", "/proc/self/root", "/proc/self/cwd", ".", "loop", f"{canary}"):
        yield f"link to {target}, then a file in it", layer(link("loop", target), entry("loop/file", data=b"evil"))
        yield f"link to {target}, then a file over it", layer(link("loop", target), entry("loop", data=b"evil"))
        yield f"link to {target}, then a directory", layer(link("loop", target), directory("loop", mode=0o777))
        yield f"link to {target}, then a hard link in it", layer(
            link("loop", target), entry("own", data=b"x"), link("loop/hard", "own", tarfile.LNKTYPE))
        yield f"link to {target}, then a hard link to a name in it", layer(
            link("loop", target), link("hard", "loop/file", tarfile.LNKTYPE))
        yield f"two links to {target}", layer(link("a", target), link("a/b", target), entry("a/b/c", data=b"evil"))
        yield f"hard link to {target}", layer(link("hard", target, tarfile.LNKTYPE))
        yield f"hard link to {target}, then written", layer(link("hard", target, tarfile.LNKTYPE), entry("hard", data=b"evil"))
        yield f"link to {target} that is removed through", layer(link("loop", target), entry("loop/.wh.file"))
        yield f"link to {target} made opaque", layer(link("loop", target), entry("loop/.wh..wh..opq"))
    yield "whiteout of the parent", layer(entry(".wh..."), entry("a/.wh..."), entry(".wh."), entry(".wh...."))
    yield "whiteout that climbs", layer(entry("../.wh.file"), entry("a/../../.wh.file"))
    # ---- C2: modes through links ----
    for mode in (0o777, 0o4777, 0):
        yield f"mode {mode:o} through a link", layer(link("d", top), directory("d", mode=mode), entry("d", mode=mode))
        yield f"mode {mode:o} of the top", layer(directory(".", mode=mode), directory("./", mode=mode), directory("/", mode=mode))
    # ---- C3: what is no file ----
    for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
        yield f"node {kind}", layer(entry("node", kind, devmajor=8, devminor=0))
        yield f"node {kind} through a link", layer(link("d", top), entry("d/node", kind, devmajor=1, devminor=1))
    yield "unknown kind", raw_header(kind=b"Z") + END
    yield "file with capabilities", layer(entry("x", data=b"x", mode=0o6755, pax_headers={
        "SCHILY.xattr.security.capability": "\x01\0\0\x02" + "\xff" * 16, "SCHILY.xattr.trusted.overlay.redirect": "/etc",
        "SCHILY.xattr.trusted.overlay.opaque": "y", "SCHILY.xattr.user.x": "y"}))
    yield "users out of range", layer(entry("x", uid=1 << 31, gid=(1 << 32) - 1), entry("y", uid=-1 & 0xffffffff))
    # ---- Headers that lie ----
    for size in (b"-0000000001\0", b"77777777777\0", b"\x80" + b"\xff" * 11, b"\x80\0\0\0\x7f" + b"\xff" * 7, b"\xff" * 12,
                 b"zzzzzzzzzzz\0", b"            "):
        yield f"size {size!r}", raw_header(size=size) + END
        yield f"size {size!r} of a link", raw_header(size=size, kind=b"2", linkname=b"x") + END
    yield "long name of many bytes", raw_header(b"././@LongLink", b"77777777777\0", b"L") + END
    yield "endless long names", (raw_header(b"././@LongLink", b"00000000002\0", b"L") + b"x\0" + b"\0" * 510) * 200 + END
    for record in (b"30 path=../../../../evil\n", b"9 size=-1\n", b"99999999 path=x\n", b"0 path=x\n", b"-5 path=x\n", b"path=x\n",
                   b"22 linkpath=/etc/passwd\n", b"27 GNU.sparse.name=../evil\n", b"12 path=a\0b\n", b"\n", b"\xff" * 40):
        body = record + b"\0" * (512 - len(record))
        yield f"record {record!r}", raw_header(b"pax", b"%011o\0" % len(record), b"x") + body + raw_header(b"y") + END
        yield f"global record {record!r}", raw_header(b"pax", b"%011o\0" % len(record), b"g") + body + raw_header(b"y") + END
    # ---- Not archives at all ----
    for name, data in (("nothing", b""), ("zeros", b"\0" * 10240), ("text", b"hello\n" * 1000), ("half a header", b"x" * 300),
                       ("cut short", layer(entry("x", data=b"y" * 4096))[:1500]), ("gzip of nothing", gzip.compress(b"")),
                       ("gzip cut short", gzip.compress(layer(entry("x", data=os.urandom(9000))))[:500]),
                       ("gzip with a wrong sum", gzip.compress(layer(entry("x")))[:-8] + b"\0" * 8),
                       ("zip", b"PK\x03\x04" + b"\0" * 100), ("xz header", b"\xfd7zXZ\0" + b"\xff" * 64),
                       ("zstd header", b"\x28\xb5\x2f\xfd" + b"\xff" * 64), ("bzip header", b"BZh9" + b"\xff" * 64)):
        yield name, data


def test_archives_stay_in_their_directory(store, canaries, tmp_path, capsys):
    archives, refused, n = {}, 0, 0
    for name, data in corpus(canaries.file):
        archives[name] = data
    for name, data in archives.items():
        tree = add(store, data, tmp_path / "evil.tar")
        n += 1
        refused += tree is None
        assert tree is None or is_confined(tree, canaries.file), name
        assert not os.path.exists("/evil") and not (canaries.directory / "evil").exists(), name
    with capsys.disabled():
        print(f"\n{n} evil archives, {refused} refused")
    assert n >= 200 and 0 < refused < n


# ---- C4: bombs ----

def zeros(n, bits=31):
    """gzip of a tar with one file of N zeros, made without ever having them."""
    out, packer = io.BytesIO(), zlib.compressobj(9, zlib.DEFLATED, bits)
    out.write(packer.compress(raw_header(size=b"%011o\0" % n)))
    for _ in range(n >> 20):
        out.write(packer.compress(b"\0" * (1 << 20)))
    out.write(packer.compress(END))
    out.write(packer.flush())
    return out.getvalue()


BOMBS = {
    "a file of zeros": (lambda: zeros(96 << 20), {"max_bytes": 64 << 20}, "bytes"),
    "a file in a file": (lambda: gzip.compress(zeros(64 << 20)), {"max_bytes": 1 << 20}, ""),
    "a hole": (lambda: raw_header(size=b"\x80\0\0\0\0\0\0\x40\0\0\0\0") + END, {"max_file_bytes": 1 << 30}, ""),
    "entries": (lambda: gzip.compress(layer(*[entry(f"f{i}") for i in range(5000)])), {"max_entries": 1000}, "entries"),
    "entries of one name": (lambda: gzip.compress(raw_header(b"same") * 5000 + END), {"max_entries": 1000}, "entries"),
    "depth": (lambda: layer(entry("d/" * 400 + "f"), form=tarfile.PAX_FORMAT), {"max_depth": 64}, ""),
    "links of links": (lambda: layer(*[link(f"l{i}", f"l{i + 1}") for i in range(200)], entry("l0/x")), {}, ""),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_are_bounded(store, tmp_path, kind):
    data, limits, words = BOMBS[kind]
    (tmp_path / "bomb.tar").write_bytes(data())
    with pytest.raises(Refused) as caught:
        store.add(f"tar:{tmp_path / 'bomb.tar'}", **limits)
    assert words in str(caught.value) and str(caught.value)
    assert store.garbage() == []
    size = sum(path.lstat().st_blocks << 9 for path in store.path.rglob("*"))
    assert size < 4 << 20, f"{size} bytes are left"


# ---- C5: manifests that can be read in two ways ----

GOOD = layer(entry("x", data=b"x"))


def manifest_with(layout, change):
    """A sound image, and then CHANGE(manifest) on its manifest."""
    descriptor = layout.image([GOOD], tag="v1")
    manifest = json.loads(layout.file(descriptor["digest"]).read_text())
    change(manifest)
    layout.index([layout.blob(manifest, manifest.get("mediaType", MANIFEST),
                              annotations={"org.opencontainers.image.ref.name": "v1"})])


def deep(n):
    return "[" * n + "]" * n


MANIFESTS = {
    "manifests and layers": lambda m: m.update(manifests=[m["config"]]),
    "no layers": lambda m: m.pop("layers"),
    "layers of an object": lambda m: m.update(layers={}),
    "negative size": lambda m: m["layers"][0].update(size=-1),
    "huge size": lambda m: m["layers"][0].update(size=1 << 62),
    "size as text": lambda m: m["layers"][0].update(size="1"),
    "digest that climbs": lambda m: m["layers"][0].update(digest="sha256:../../../../etc/shadow"),
    "digest of a path": lambda m: m["layers"][0].update(digest="sha256:/" + "0" * 63),
    "digest too short": lambda m: m["layers"][0].update(digest="sha256:abc"),
    "digest in capitals": lambda m: m["layers"][0].update(digest=m["layers"][0]["digest"].upper()),
    "digest of another kind": lambda m: m["layers"][0].update(digest="md5:" + "0" * 32),
    "digest with NUL": lambda m: m["layers"][0].update(digest="sha256:" + "0" * 63 + "\0"),
    "a thousand layers": lambda m: m.update(layers=m["layers"] * 10000),
    "itself as a layer": lambda m: m["layers"].append(dict(m["config"], mediaType=LAYER)),
    "urls": lambda m: m["layers"][0].update(urls=["file:///etc/shadow"], digest="sha256:" + "1" * 64),
    "config that is the layer": lambda m: m.update(config=dict(m["layers"][0], mediaType=CONFIG)),
    "version": lambda m: m.update(schemaVersion=1),
}


@pytest.mark.parametrize("kind", MANIFESTS)
def test_manifests_are_read_in_one_way(store, tmp_path, kind):
    layout = Layout(tmp_path / "layout")
    manifest_with(layout, MANIFESTS[kind])
    with pytest.raises(Refused) as caught:
        store.add(f"oci:{tmp_path / 'layout'}:v1")
    assert str(caught.value) and b"root:" not in str(caught.value).encode()
    assert store.garbage() == []


DOCUMENTS = {
    "empty": b"", "half": b"{", "null": b"null", "list": b"[]", "NUL": b"\0", "UTF-16": b"\xff\xfe{}", "twice": b'{"a":1,"a":2}',
    "deep": deep(5000).encode(), "deeper": b"[" * 100000, "long": b'"' + b"x" * (1 << 22) + b'"', "inner":
    b'{"schemaVersion":2,"manifests":' + b"[" * 3000, "number": b"1e999999", "no digest": b'{"manifests":[{}]}',
    "mark": struct.pack("<I", 0xfeff),
}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_documents_that_are_none(store, tmp_path, kind):
    layout = Layout(tmp_path / "layout")
    layout.image([GOOD], tag="v1")
    (layout.path / "index.json").write_bytes(DOCUMENTS[kind])
    with pytest.raises(Refused) as caught:
        store.add(f"oci:{tmp_path / 'layout'}:v1")
    assert str(caught.value)


NAMES = ["../../etc:1", "/etc/passwd", "..", ".", "a/../b:1", "a:../../b", "x" * 300, "a\nb", "a b", "", ":", "@", "a:", "-x", "a\0b",
         "sha256:" + "0" * 64, "@sha256:../../x", "a@b@c", "\x1b[2J", "UPPER", "a//b", "%2e%2e"]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_images_are_no_paths(store, tmp_path, name):
    if "\0" in name:
        with pytest.raises(ValueError):
            store.run("show", name)
        return
    (tmp_path / "good.tar").write_bytes(GOOD)
    before = sha256(json.dumps(sorted(str(p) for p in tmp_path.rglob("*"))).encode())
    for words in (("show", name), ("remove", name)):
        with pytest.raises(Refused):
            store.run(*words)
    try:
        store.add(f"tar:{tmp_path / 'good.tar'}", name=name)
    except Refused:
        after = sha256(json.dumps(sorted(str(p) for p in tmp_path.rglob("*") if "store" not in str(p))).encode())
        assert before == after
