"""Images made by hand: layers by tarfile, layouts and archives around them, and the store that takes them."""
import gzip
import hashlib
import io
import json
import os
import pathlib
import subprocess
import tarfile

import pytest

from cluster import BUILD, wait_until

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
AMD64 = {"os": "linux", "architecture": "amd64"}


@pytest.fixture
def tmp_path(tmp_path):     # noqa: F811
    """Where the machine's root is an overlay (the VM's), a file system on which layers can be marked and stacked."""
    modules = os.environ.get("TEPUI_TEST_MODULES")
    if not modules:
        yield tmp_path
        return
    for name in ("loop", "ext4"):
        subprocess.run(["modprobe", "-d", modules, name], check=True)
    image, disk = tmp_path / "image", tmp_path / "disk"
    with open(image, "wb") as file:
        file.truncate(512 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    disk.mkdir()
    subprocess.run(["mount", "-o", "loop", image, disk], check=True)
    yield disk
    # The last of a killed helper may still be on its way out.
    wait_until(lambda: subprocess.run(["umount", disk], check=False).returncode == 0, f"no use of {disk}")


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def entry(name, kind=tarfile.REGTYPE, data=b"", **more):
    """A tar entry and its content; MORE are TarInfo's fields."""
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(data)
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def layer(*entries, form=tarfile.PAX_FORMAT):
    """The bytes of a tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def directory(name, **more):
    return entry(name, tarfile.DIRTYPE, **more)


def link(name, target, kind=tarfile.SYMTYPE):
    return entry(name, kind, linkname=target)


class Layout:
    """An OCI image layout that is written part by part, so that each can be made wrong."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        (self.path / "blobs/sha256").mkdir(parents=True)
        (self.path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        self.index([])

    def blob(self, data, media_type, **more):
        if not isinstance(data, bytes):
            data = json.dumps(data).encode()
        digest = sha256(data)
        self.file(digest).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data), **more}

    def file(self, digest):
        return self.path / "blobs" / digest.replace(":", "/")

    def index(self, manifests):
        (self.path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))

    def image(self, layers, config=None, tag=None, packed=gzip.compress, media_type=LAYER + "+gzip", **more):
        """The descriptor of an image of LAYERS (bytes of archives); the index then has it alone."""
        parts = [self.blob(packed(data), media_type) for data in layers]
        document = {**AMD64, "config": config or {},
                    "rootfs": {"type": "layers", "diff_ids": [sha256(data) for data in layers]}}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": self.blob(document, CONFIG),
                    "layers": parts}
        if tag:
            more["annotations"] = {"org.opencontainers.image.ref.name": tag}
        descriptor = self.blob(manifest, MANIFEST, **more)
        self.index([descriptor])
        return descriptor


APPLETS = ("sh", "sleep", "cat", "id", "env", "pwd", "touch", "ls", "stat", "sort")
PASSWD = b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n"
GROUP = b"root:x:0:\napp:x:1000:\n"


def busybox(*more):
    """The layer of a small system with the users root and app, and MORE entries."""
    return layer(
        *[directory(d) for d in ("bin", "etc", "proc", "sys", "dev", "tmp", "srv", "home")],
        entry("etc/passwd", data=PASSWD), entry("etc/group", data=GROUP),
        entry("bin/busybox", data=pathlib.Path("/bin/busybox").read_bytes(), mode=0o755),
        *[link(f"bin/{name}", "busybox") for name in APPLETS], *more)


class Refused(Exception):
    """What the store said, with its status."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Store:
    """The image store in a directory, by its own program."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def command(self, *args, **options):
        flags = [f"--{key.replace('_', '-')}" + ("" if value is True else f"={value}")
                 for key, value in options.items()]
        return [str(BUILD / "tepui-image"), f"--store={self.path}", *flags, *map(str, args)]

    def run(self, *args, **options):
        done = subprocess.run(self.command(*args, **options), capture_output=True, text=True, check=False)
        if done.returncode:
            raise Refused(done.returncode, done.stderr.strip().removeprefix("tepui-image: "))
        return done.stdout

    def add(self, source, **options):
        return json.loads(self.run("add", source, json=True, **options))

    def list(self):
        return json.loads(self.run("list", json=True))

    def show(self, name):
        return json.loads(self.run("show", name, json=True))

    def trees(self, name):
        """The layers' directories, the lowest first."""
        return [pathlib.Path(path) for path in self.show(name)["layers"]]

    def garbage(self):
        """What should not be there between two commands."""
        return sorted(str(p) for p in (self.path / "tmp").iterdir())
