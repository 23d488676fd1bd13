"""tepui-oci and bundles for it; what is left of a test is looked for when it ends."""
import json
import os
import pathlib
import shutil
import subprocess

from cluster import SLOW, wait_until

BUILD = pathlib.Path(os.environ.get("TEPUI_BUILD", "build")).resolve()
TEPUI_OCI = BUILD / "tepui-oci"
BUSYBOX = "/bin/busybox"
APPLETS = ["sh", "cat", "ls", "id", "sleep", "true", "false", "echo", "env", "kill", "stat", "test", "touch", "readlink",
           "tty", "stty", "ps", "mkdir", "pwd", "grep", "hostname", "mount", "wc", "head", "dd", "chmod", "printf"]
CAPABILITY_SETS = ("bounding", "effective", "permitted")


def make_rootfs(directory):
    (directory / "bin").mkdir(parents=True)
    for name in ("proc", "sys", "dev", "tmp", "etc", "root"):
        (directory / name).mkdir()
    shutil.copy(BUSYBOX, directory / "bin")
    for name in APPLETS:
        (directory / "bin" / name).symlink_to("busybox")
    return directory


class Runtime:
    """One --root, and the bundles that are run with it."""

    def __init__(self, directory):
        self.directory = directory
        self.root = directory / "root"
        self.rootfs = make_rootfs(directory / "bundle" / "rootfs")
        self.bundle = directory / "bundle"
        self.n = 0
        self.prefix = f"tepui-oci-test-{os.getpid()}-"
        self.config = {
            "ociVersion": "1.0.2",
            "process": {"user": {"uid": 0, "gid": 0}, "args": ["true"], "cwd": "/", "env": ["PATH=/bin"],
                        "noNewPrivileges": True, "capabilities": {s: ["CAP_KILL"] for s in CAPABILITY_SETS}},
            "root": {"path": "rootfs"},
            "linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "cgroup")]},
        }

    @property
    def process(self):
        return self.config["process"]

    def new_id(self):
        self.n += 1
        return f"{self.prefix}{self.n}"

    def write(self, *args):
        if args:
            self.process["args"] = [str(a) for a in args]
        (self.bundle / "config.json").write_text(json.dumps(self.config))

    def argv(self, *args):
        return [str(TEPUI_OCI), "--root", str(self.root), *(str(a) for a in args)]

    def call(self, *args, **kwargs):
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(self.argv(*args), capture_output=True, text=True, timeout=60 * SLOW, **kwargs)

    def must(self, *args, **kwargs):
        done = self.call(*args, **kwargs)
        assert (done.returncode, done.stderr) == (0, ""), (args, done)
        return done.stdout

    def must_fail(self, *args, status=1, **kwargs):
        """What is said of it, without the program's name."""
        done = self.call(*args, **kwargs)
        assert (done.returncode, done.stdout) == (status, ""), (args, done)
        assert done.stderr.startswith("tepui-oci: ") and done.stderr.count("\n") == 1, done.stderr
        return done.stderr[len("tepui-oci: "):-1]

    def run(self, *args, options=()):
        """run ARGS in a new container, in the foreground."""
        self.write(*args)
        return self.call("run", "-b", self.bundle, *options, self.new_id())

    def shell(self, script, options=()):
        return self.run("sh", "-c", script, options=options)

    def create(self, *args, options=(), **kwargs):
        """A created container of ARGS; its streams are /dev/null, for it outlives the call."""
        self.write(*args)
        name = self.new_id()
        with open(self.directory / "stderr", "w+") as error:
            done = subprocess.run(self.argv("create", "-b", self.bundle, *options, name), stdin=subprocess.DEVNULL,
                                  stdout=kwargs.pop("stdout", subprocess.DEVNULL), stderr=error, timeout=60 * SLOW, **kwargs)
            error.seek(0)
            assert done.returncode == 0, error.read()
        return name

    def start(self, *args, options=()):
        name = self.create(*args, options=options)
        self.must("start", name)
        return name

    def state(self, name):
        return json.loads(self.must("state", name))

    def status(self, name):
        return self.state(name)["status"]

    def wait_for(self, name, status):
        wait_until(lambda: self.status(name) == status, f"{name} to be {status}")

    def names(self):
        return self.must("list", "-q").split()

    def close(self):
        for name in self.names():
            self.must("delete", "--force", name)
        assert [p for p in (self.root.iterdir() if self.root.exists() else []) if p.name != "@filters"] == []
        assert [d for d, _, _ in os.walk("/sys/fs/cgroup") if self.prefix in d] == []
