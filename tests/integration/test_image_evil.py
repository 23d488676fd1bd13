"""Archives that try to get out of their layer, into devices, or to fill what there is (table C of the issue)."""
import gzip
import json
import lzma
import os
import pathlib
import re
import stat
import subprocess
import sys
import tarfile

import pytest

from images import Refused, Store, directory, entry, layer, link

HARD, CHR, BLK, FIFO, CONT = tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE
EVIL = b"EVIL\n"
MARK = "tepui-evil"

# ---- The table: what must be refused, and what may be taken but must stay inside ----

REFUSED, INSIDE = "refused", "inside"


def names(canary):
    """Where an entry wants to be, and what becomes of it whatever its type."""
    up = [("../" * n) + tail for n in (1, 2, 3, 8, 40) for tail in (MARK, "etc/" + MARK, canary[1:] + "/file")]
    up += ["..", "../", "a/..", "a/../.."]
    up += [place + MARK for place in ("a/../../", "./../", "/../", "a/b/../../../", "/a/../../", ".//..//", "a/./../../")]
    inside = [canary + "/file", "/" + canary + "/file", "//" + canary + "/new", "/etc/" + MARK, "/proc/self/root/" + MARK, "/dev/" + MARK,
              "/proc/1/root/tmp/" + MARK, "~/x", "$HOME/x", "`touch x`", "-rf", " ", "..\\..\\x", "C:\\x", "%2e%2e/x", "....//x",
              "...", "..a", "a..", "a\nb", "\x1b[2Jx", "a;b", "*", "a\\/b", "\u00e9", "\u202ex", "a" * 255,
              "d/" * 127 + "x"]
    refused = ["a" * 256, "b/" + "a" * 300, "d/" * 128 + "x", "d/" * 3000 + "x", "a/" * 50000]
    return [(name, REFUSED) for name in up + refused] + [(name, INSIDE) for name in inside]


TYPES = {"file": dict(kind=tarfile.REGTYPE, data=EVIL), "directory": dict(kind=tarfile.DIRTYPE, mode=0o777),
         "link": dict(kind=tarfile.SYMTYPE, linkname="/etc"), "fifo": dict(kind=FIFO),
         "device": dict(kind=CHR, devmajor=1, devminor=1)}


def targets(canary):
    """Where a link in the archive leads, before something is put through it."""
    return [canary, "../../../../../../../.." + canary, "/", "..", "../../..", ".", "/proc/self/root", "/proc/1/root",
            "/proc/self/cwd", "/etc", "/dev", "/a", "b", "a", "/proc/self/fd/0", "/proc/self/fd/3"]



def through(target):
    """What is put through a link "a" to TARGET."""
    return {
        "file": [link("a", target), entry("a/file", data=EVIL)],
        "new": [link("a", target), entry("a/evil", data=EVIL)],
        "instead": [link("a", target), entry("a", data=EVIL)],
        "directory": [link("a", target), directory("a", mode=0o777)],
        "below": [link("a", target), directory("a/sub", mode=0o777)],
        "removal": [link("a", target), entry("a/.wh.file")],
        "opaque": [link("a", target), entry("a/.wh..wh..opq")],
        "hard": [link("a", target), link("h", "a/file", HARD), entry("h", data=EVIL)],
        "twice": [directory("a"), link("a", target), entry("a/file", data=EVIL)],
        "fifo": [link("a", target), entry("a/file", FIFO)],
        "chain": [link("c", target), link("b", "c"), link("a", "b"), entry("a/file", data=EVIL)],
    }


def xattr(name, value="x"):
    return entry("f", data=b"x", pax_headers={f"SCHILY.xattr.{name}": value})


def raw(name=b"f", size=b"00000000000\0", kind=b"0", mode=b"0000644\0", uid=b"0000000\0", linkname=b"", body=b"", magic=b"ustar\x0000"):
    """A header by hand, with its checksum right."""
    head = bytearray(512)
    for at, value in ((0, name), (100, mode), (108, uid), (116, b"0000000\0"), (124, size), (136, b"00000000000\0"),
                      (156, kind), (157, linkname), (257, magic)):
        head[at:at + len(value)] = value
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + body + bytes(-len(body) % 512)


END = bytes(1024)


def pax(**records):
    """An extended header, whatever is in it."""
    body = b""
    for key, value in records.items():
        value = value if isinstance(value, bytes) else value.encode()
        key = key.replace("__", ".").encode()
        size = len(key) + len(value) + 3
        size += len(str(size + len(str(size)))) if len(str(size + len(str(size)))) == len(str(size)) else len(str(size)) + 1
        body += b"%d %s=%s\n" % (size, key, value)
    return raw(b"pax", b"%011o\0" % len(body), b"x", body=body)


def base256(value):
    return b"\x80" + value.to_bytes(11, "big") if value >= 0 else b"\xff" + (value % (1 << 88)).to_bytes(11, "big")


def made_by_hand(canary):
    """Bytes that no tool writes."""
    return [
        ("negative size", raw(size=base256(-1)), REFUSED),
        ("negative size in octal", raw(size=b"-0000000001\0"), None),
        ("size of 2^63", raw(size=base256(1 << 63)), REFUSED),
        ("size of 2^62", raw(size=base256(1 << 62)), REFUSED),
        ("size of 2^80", raw(size=base256(1 << 80)), REFUSED),
        ("size of 1 TiB", raw(size=base256(1 << 40)), REFUSED),
        ("size beyond the end", raw(size=b"00000010000\0"), REFUSED),
        ("size that is no number", raw(size=b"zzzzzzzzzzz\0"), None),
        ("wrong checksum", raw()[:148] + b"000000\0 " + raw()[156:], REFUSED),
        ("no archive", b"PK\x03\x04" + bytes(508), REFUSED),
        ("empty", b"", REFUSED),
        ("half a header", raw()[:200], REFUSED),
        ("text", b"#!/bin/sh\ntouch /tmp/x\n" * 100, REFUSED),
        ("unknown type", raw(kind=b"Z"), None),
        ("GNU volume header", raw(kind=b"V") + END, None),
        ("GNU multi-volume", raw(kind=b"M") + END, None),
        ("GNU dumpdir", raw(b"d/", kind=b"D", size=b"00000000005\0", body=b"Yf\0\0\0") + END, None),
        ("GNU long name with ..", raw(b"././@LongLink", b"%011o\0" % 9, b"L", body=b"../evil\0\0", magic=b"ustar  \0") + raw(magic=b"ustar  \0") + END, REFUSED),
        ("GNU long link with ..", raw(b"././@LongLink", b"%011o\0" % 16, b"K", body=b"../../../evil/x\0", magic=b"ustar  \0") + raw(kind=b"1", magic=b"ustar  \0") + END, REFUSED),
        ("GNU long name of 1 MiB", raw(b"././@LongLink", b"%011o\0" % (1 << 20), b"L", body=b"a" * ((1 << 20) - 1) + b"\0", magic=b"ustar  \0") + raw(magic=b"ustar  \0") + END, REFUSED),
        ("GNU long name of 2^60", raw(b"././@LongLink", base256(1 << 60), b"L", magic=b"ustar  \0") + END, REFUSED),
        ("pax path with ..", pax(path="../../evil") + raw() + END, REFUSED),
        ("pax path absolute", pax(path=f"/{canary}/evil") + raw() + END, INSIDE),
        ("pax path with NUL", pax(path=b"a\0/../../evil") + raw() + END, None),
        ("pax path empty", pax(path="") + raw() + END, None),
        ("pax linkpath with ..", pax(linkpath="../../../etc/passwd") + raw(kind=b"1") + END, REFUSED),
        ("pax size negative", pax(size="-1") + raw() + END, None),
        ("pax size huge", pax(size="9223372036854775807") + raw() + END, REFUSED),
        ("pax size overflow", pax(size="99999999999999999999999999") + raw() + END, REFUSED),
        ("pax uid negative", pax(uid="-1") + raw() + END, None),
        ("pax uid huge", pax(uid="4294967296") + raw() + END, REFUSED),
        ("pax record length lies", raw(b"pax", b"%011o\0" % 20, b"x", body=b"99 path=../../evil\n\n") + raw() + END, None),
        ("pax record length overflows", raw(b"pax", b"%011o\0" % 40, b"x", body=b"99999999999999999999 path=x\n" + bytes(12)) + raw() + END, None),
        ("pax header of 1 GiB", raw(b"pax", b"%011o\0" % (1 << 30), b"x") + END, REFUSED),
        ("pax global path", raw(b"g", b"%011o\0" % 17, b"g", body=b"17 path=../evil1\n") + raw() + END, None),
        ("pax without an entry", pax(path="../evil"), None),
        ("pax sparse map overflows", pax(GNU__sparse__major="1", GNU__sparse__minor="0", GNU__sparse__realsize="9223372036854775807", GNU__sparse__name="../evil")
         + raw(size=b"%011o\0" % 512, body=b"1\n9223372036854775807\n9223372036854775807\n" + bytes(470)) + END, REFUSED),
        ("pax sparse of 1 EiB", pax(GNU__sparse__major="0", GNU__sparse__minor="1", GNU__sparse__size=str(1 << 60), GNU__sparse__map="0,0") + raw() + END, REFUSED),
        ("pax sparse name with ..", pax(GNU__sparse__major="0", GNU__sparse__minor="1", GNU__sparse__size="1", GNU__sparse__map="0,1", GNU__sparse__name="../../evil")
         + raw(size=b"00000000001\0", body=b"x") + END, REFUSED),
        ("name without an end", raw(b"../" * 33 + b"x") + END, REFUSED),
        ("name not UTF-8", raw(b"\xff\xfe/\xc3\x28") + END, INSIDE),
        ("two ends", raw() + END + raw(b"../evil") + END, INSIDE),
        ("gzip cut short", gzip.compress(layer(entry("f", data=os.urandom(9000))))[:-100], REFUSED),
        ("gzip damaged", gzip.compress(layer(entry("f")))[:-8] + bytes(8), None),
        ("gzip in gzip", gzip.compress(gzip.compress(layer(entry("f")))), None),
        ("zstd of nothing", b"\x28\xb5\x2f\xfd" + bytes(100), REFUSED),
        ("xz of nothing", b"\xfd7zXZ\0" + bytes(100), REFUSED),
        ("bzip2 of nothing", b"BZh9" + bytes(100), REFUSED),
    ]

def sequences(canary):
    """Entries that build on each other, and what they bring along."""
    return [
        ("hard link out", [link("h", "../../../../../../../.." + canary + "/file", HARD)], REFUSED),
        ("hard link to an absolute path", [link("h", canary + "/file", HARD)], REFUSED),
        ("hard link to the host's passwd", [link("h", "/etc/passwd", HARD)], REFUSED),
        ("hard link to a link out, then through it", [link("s", canary + "/file"), link("h", "s", HARD), entry("h", data=EVIL)], INSIDE),
        ("hard link to itself", [link("h", "h", HARD)], REFUSED),
        ("hard link to the root", [link("h", ".", HARD)], REFUSED),
        ("hard link to a directory", [directory("d"), link("h", "d", HARD)], REFUSED),
        ("hard link to what is not there", [link("h", "absent", HARD)], REFUSED),
        ("link to nothing", [link("s", "")], REFUSED),
        ("link of 5,000 bytes", [link("s", "a" * 5000)], REFUSED),
        ("fifo, then a file through it", [entry("p", FIFO), entry("p", data=EVIL)], INSIDE),
        ("memory device, then a file through it", [entry("m", CHR, devmajor=1, devminor=1), entry("m", data=EVIL)], INSIDE),
        ("disk", [entry("sda", BLK, devmajor=8, devminor=0)], INSIDE),
        ("null", [entry("null", CHR, devmajor=1, devminor=3)], INSIDE),
        ("whiteout as a device", [entry("w", CHR, devmajor=0, devminor=0)], INSIDE),
        ("device with a huge number", [entry("m", CHR, devmajor=2097151, devminor=2097151)], INSIDE),
        ("set-user-id root", [entry("su", data=EVIL, mode=0o6755)], INSIDE),
        ("contiguous file", [entry("c", CONT, data=EVIL)], INSIDE),
        ("the root as a file", [entry("./", data=EVIL)], None),
        ("the root as a link", [link(".", canary), entry("file", data=EVIL)], REFUSED),
        ("the root with mode 0", [directory("./", mode=0), entry("f")], INSIDE),
        ("removal of nothing", [entry(".wh.")], REFUSED),
        ("removal of .", [entry(".wh..")], REFUSED),
        ("removal of ..", [entry(".wh...")], REFUSED),
        ("removal below what it removed", [entry(".wh.d"), entry("d/x")], None),
        ("removal of a directory of its own", [directory("d"), entry("d/x"), entry(".wh.d")], INSIDE),
        ("aufs's own", [entry(".wh..wh.plnk", data=b"x"), entry(".wh..wh.aufs")], INSIDE),
        ("a file where a directory was", [directory("d"), entry("d/x"), entry("d", data=EVIL)], INSIDE),
        ("through a file", [entry("f", data=EVIL), entry("f/x", data=EVIL)], REFUSED),
        ("uid 65536", [entry("f", uid=65536)], REFUSED),
        ("gid 65536", [entry("f", gid=65536)], REFUSED),
        ("uid of all ones", [entry("f", uid=0xffffffff)], REFUSED),
        ("trusted attribute", [xattr("trusted.overlay.opaque", "y")], REFUSED),
        ("redirect of overlayfs", [xattr("trusted.overlay.redirect", "/etc")], REFUSED),
        ("redirect of overlayfs as user", [xattr("user.overlay.redirect", "/etc")], REFUSED),
        ("label", [xattr("security.selinux", "unconfined_t")], REFUSED),
        ("integrity", [xattr("security.ima", "x")], REFUSED),
        ("evm", [xattr("security.evm", "x")], REFUSED),
        ("access list as an attribute", [xattr("system.posix_acl_access", "x")], REFUSED),
        ("attribute without a class", [xattr("x", "x")], REFUSED),
        ("capability that is none", [xattr("security.capability", "x")], REFUSED),
        ("attribute with a slash", [xattr("user.../../x", "x")], INSIDE),
        ("attribute with a name of 1,000 bytes", [xattr("user." + "a" * 1000)], REFUSED),
        ("100 attributes", [entry("f", pax_headers={f"SCHILY.xattr.user.{i}": "x" for i in range(100)})], REFUSED),
        ("access list", [entry("f", pax_headers={"SCHILY.acl.access": "user::rw-,user:0:rwx,group::r--,mask::rwx,other::r--"})], REFUSED),
        ("time before time", [entry("f", mtime=-(1 << 40))], None),
        ("time after time", [entry("f", mtime=1 << 60)], None),
    ]


def archives(canary):
    """Name, bytes, verdict; None: either."""
    for name, verdict in names(canary):
        for kind, fields in TYPES.items():
            yield f"{kind} at {name[:40]!r}", layer(entry(name, **fields)), verdict
    for target in targets(canary):
        for what, entries in through(target).items():
            yield f"{what} through a link to {target!r}", layer(*entries), None
    for what, entries, verdict in sequences(canary):
        yield what, layer(*entries), verdict
    yield from made_by_hand(canary)


# ---- What must be the same afterwards, and what must not be there ----

def facts(path):
    """Everything about a tree that an archive could change, but for times of access."""
    found = {}
    for where, dirs, files in os.walk(path):
        for name in [".", *dirs, *files]:
            st = os.lstat(os.path.join(where, name))
            found[os.path.join(where, name)] = (st.st_mode, st.st_uid, st.st_gid, st.st_nlink, st.st_size, st.st_ino,
                                                st.st_mtime_ns, st.st_ctime_ns)
    return found


def host_facts(canary):
    """The canary's tree; and of the host, on which others live too, what the archives try to change."""
    marks = [os.path.join(d, name) for d in ("/", "/etc", "/tmp", "/dev", ".") for name in (MARK, "evil", "evil1")]
    host = [(st.st_mode, st.st_uid, st.st_ino, st.st_rdev) for st in map(os.stat, ("/etc", "/etc/passwd", "/dev/null", "/"))]
    return facts(canary), [m for m in marks if os.path.lexists(m)], host, pathlib.Path("/etc/passwd").read_bytes()


def inside(tree):
    """What a layer may not hold, however it came there."""
    wrong = []
    for where, dirs, files in os.walk(tree):
        for name in [*dirs, *files]:
            path = os.path.join(where, name)
            st = os.lstat(path)
            if stat.S_ISBLK(st.st_mode) or stat.S_ISSOCK(st.st_mode) or (stat.S_ISCHR(st.st_mode) and st.st_rdev != 0):
                wrong.append(path)
            allowed = ("user.", "security.capability", "trusted.overlay.opaque")
            wrong += [(path, a) for a in os.listxattr(path, follow_symlinks=False)
                      if not a.startswith(allowed) or a.startswith("user.overlay.")]
    return wrong


@pytest.fixture
def canary(tmp_path):
    path = tmp_path / "canary"
    (path / "sub").mkdir(parents=True)
    (path / "file").write_text("canary")
    (path / "file").chmod(0o600)
    return str(path)


def test_every_archive_is_refused_or_stays_inside(tmp_path, canary):
    store, wrong, n = Store(tmp_path / "store"), [], 0
    file = tmp_path / "a.tar"
    before = host_facts(canary)
    for what, data, verdict in archives(canary):
        n += 1
        file.write_bytes(data)
        try:
            store.add(f"tar:{file}", name="evil")
            got = INSIDE
            wrong += [(what, w) for w in inside(store.trees("evil")[0])]
        except Refused as refused:
            got = REFUSED
            if refused.status != 1 or "\n" in str(refused) or "system call" in str(refused):
                wrong.append((what, refused.status, str(refused)))
        if verdict not in (None, got):
            wrong.append((what, f"{got}, not {verdict}"))
        if host_facts(canary) != before:
            pytest.fail(f"{what} changed the host")
    assert not wrong, "\n".join(map(str, wrong))
    assert store.garbage() == [] and n >= 400


# ---- Bombs: within limits, whatever comes out ----

def zeros(gib):
    """That many GiB of zeros in a few hundred kilobytes, which gzip packs member by member."""
    return gzip.compress(bytes(64 << 20), 9) * (16 * gib)


def bomb_of_entries(n):
    return gzip.compress(b"".join(raw(b"%d" % i) for i in range(n)) + END, 1)


BOMBS = [
    ("file of zeros", lambda: gzip.compress(raw(size=base256(10 << 30))) + zeros(10), dict(max_bytes=1 << 26, max_file_bytes=1 << 40),
     "'f': the archive comes to more than 67108864 bytes"),
    ("file longer than allowed", lambda: gzip.compress(raw(size=base256(10 << 30))), dict(max_file_bytes=1 << 30),
     "'f': longer than 1073741824 bytes"),
    ("zeros behind the end", lambda: gzip.compress(raw() + END) + zeros(10), dict(max_bytes=1 << 26, max_entries=100),
     "expand the archive to more than"),
    ("entries", lambda: bomb_of_entries(20001), dict(max_entries=20000), "unpack more than 20000 entries"),
    ("files that come to much", lambda: layer(*[entry(str(i), data=bytes(1 << 20)) for i in range(9)]), dict(max_bytes=8 << 20),
     "comes to more than 8388608 bytes"),
    ("directories", lambda: layer(*[directory("d/" * i) for i in range(1, 200)]), {}, "deeper than 128 directories"),
    ("sparse file", lambda: pax(GNU__sparse__major="0", GNU__sparse__minor="1", GNU__sparse__size=str(1 << 50), GNU__sparse__map="0,0")
     + raw() + END, {}, "longer than"),
]


def with_peak(argv):
    """Status and error of ARGV, and the largest of its processes: below a small parent, for a fork starts with its
    parent's peak."""
    script = "import json, resource, subprocess, sys\n" \
        "done = subprocess.run(sys.argv[1:], capture_output=True, text=True)\n" \
        "print(json.dumps([done.returncode, done.stderr, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))"
    done = subprocess.run([sys.executable, "-c", script, *map(str, argv)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("what, make, limits, message", BOMBS, ids=[b[0] for b in BOMBS])
def test_bombs(tmp_path, what, make, limits, message):
    store = Store(tmp_path / "store")
    (tmp_path / "a.tar").write_bytes(make())
    status, error, peak = with_peak(store.command("add", f"tar:{tmp_path}/a.tar", **limits))
    assert status != 0 and re.search(message, error), error
    assert store.garbage() == []
    assert peak < 96 << 10		# kB: nothing is held in memory


def test_time_is_limited(tmp_path):
    """An archive that comes slowly, or never."""
    store = Store(tmp_path / "store")
    os.mkfifo(tmp_path / "a.tar")
    writer = os.open(tmp_path / "a.tar", os.O_RDWR)
    try:
        for part in (b"", raw(size=b"00000100000\0")):
            os.write(writer, part)
            with pytest.raises(Refused, match="not done within 300 ms"):
                store.add(f"tar:{tmp_path}/a.tar", max_time="300ms")
    finally:
        os.close(writer)
    assert store.garbage() == []


@pytest.mark.unsanitized("limits the program's own memory")
def test_memory_is_limited(tmp_path):
    """What xz asks for is its author's choice."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 192 << 20}]
    (tmp_path / "a.tar").write_bytes(lzma.compress(layer(entry("f")), filters=filters))
    store = Store(tmp_path / "store")
    with pytest.raises(Refused, match="expand the archive: "):
        store.add(f"tar:{tmp_path}/a.tar", max_memory=96 << 20)
    assert store.add(f"tar:{tmp_path}/a.tar")["unpacked"] == 1
