"""A launch document and the containerizer alone: boxes for the tests of isolation."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from cluster import SLOW
from fake_agent import LAUNCH

BUSYBOX = "/bin/busybox"
NOBODY = 65534
NOT_LAUNCHED = 125
MIB = 1 << 20


class Box:
    """One launch document, run by the containerizer alone."""

    def __init__(self, directory):
        self.directory = directory
        self.prefix = []  # of the command line, to start the supervisor otherwise
        self.root_name = f"tepui-iso-{os.getpid()}"
        self.layout = subprocess.run([LAUNCH, "--make", self.root_name], check=True, capture_output=True,
                                     text=True).stdout.strip()
        self.sandbox = directory / "sandbox"
        self.sandbox.mkdir()
        os.chown(self.sandbox, NOBODY, NOBODY)
        self.document = {
            "ociVersion": "1.0.2",
            "process": {"user": {"uid": NOBODY, "gid": NOBODY}, "args": [], "cwd": "/", "noNewPrivileges": True,
                        "env": ["PATH=/usr/bin:/bin:/usr/sbin:/sbin"],
                        "capabilities": {s: [] for s in ("bounding", "effective", "permitted", "inheritable", "ambient")}},
            "root": {"path": "/", "readonly": True},
            "hostname": "box",
            "linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "cgroup")],
                      "resources": {"memory": {"limit": 64 * MIB, "swap": 64 * MIB}, "pids": {"limit": 64}}},
            "annotations": {"io.tepui.cgroups": "", "io.tepui.sandbox": str(self.sandbox),
                            "io.tepui.sandbox-destination": "/mnt/mesos/sandbox", "io.tepui.host-root": "true"},
        }

    @property
    def process(self):
        return self.document["process"]

    @property
    def linux(self):
        return self.document["linux"]

    @property
    def resources(self):
        return self.document["linux"]["resources"]

    def be_root(self, *capabilities):
        self.process["user"] = {"uid": 0, "gid": 0}
        for kind in ("bounding", "effective", "permitted"):
            self.process["capabilities"][kind] = list(capabilities)

    def use_image(self):
        """A root file system of its own, with busybox in it."""
        image = self.directory / "image"
        (image / "bin").mkdir(parents=True)
        shutil.copy(BUSYBOX, image / "bin")
        for name in ("sh", "cat", "ls", "mount", "mknod", "touch", "id", "sleep", "grep", "echo", "mkdir"):
            (image / "bin" / name).symlink_to("busybox")
        self.document["root"] = {"path": str(image), "readonly": False}
        self.document["annotations"] = {"io.tepui.cgroups": ""}
        return image

    def use_user_namespace(self, first=100000, count=65536):
        """Ids from 0 on are those of the host from FIRST on; the image belongs to those inside."""
        rows = [{"containerID": 0, "hostID": first, "size": count}]
        self.linux["namespaces"].append({"type": "user"})
        self.linux.update(uidMappings=rows, gidMappings=rows)
        self.document["annotations"]["io.tepui.idmapped-root"] = "true"

    def start(self, *args):
        self.process["args"] = [str(a) for a in args]
        (self.directory / "config.json").write_text(json.dumps(self.document))
        return subprocess.Popen([*self.prefix, LAUNCH, self.layout, self.directory], text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *args):
        running = self.start(*args)
        out, error = running.communicate(timeout=60 * SLOW)
        return subprocess.CompletedProcess(args, running.returncode, out, error)

    def shell(self, script):
        return self.run("/bin/sh", "-c", script)

    def cgroup(self, controller="core"):
        """The one container's directory on the hierarchy of CONTROLLER, and whether that is v1."""
        layout = json.loads(self.layout)
        where = layout[controller]
        (directory,) = [p for p in pathlib.Path(layout["core"] if where is True else where, "containers").iterdir() if p.is_dir()]
        return directory, where is not True and controller != "core"

    def close(self):
        subprocess.run([LAUNCH, "--drop", self.layout], check=True)
        assert [d for d, _, _ in os.walk("/sys/fs/cgroup") if self.root_name in d] == []


@pytest.fixture
def box(disk):
    before = pathlib.Path("/proc/self/mountinfo").read_text()
    directory = pathlib.Path(tempfile.mkdtemp(dir=disk))
    made = Box(directory)
    yield made
    made.close()
    shutil.rmtree(directory)
    assert pathlib.Path("/proc/self/mountinfo").read_text() == before
