"""What a hostile task must leave as it is: canaries on the host, and the host's own state."""
import contextlib
import ctypes
import hashlib
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess

from cluster import wait_until

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.shmat.restype = ctypes.c_void_p

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_PRIVATE, MS_SHARED, MNT_DETACH = 0x4000, 1 << 18, 1 << 20, 2
IPC_CREAT, IPC_EXCL, IPC_RMID = 0o1000, 0o2000, 0
SYS_ADD_KEY, SYS_KEYCTL = 248, 250
KEYCTL_JOIN_SESSION_KEYRING, KEYCTL_REVOKE, KEYCTL_DESCRIBE, KEYCTL_READ = 1, 3, 6, 11
SESSION_KEYRING = -3

# Settings that count, or that are a new value at each reading.
COUNTERS = re.compile(r"/(random/(boot_id|uuid|entropy_avail)|.*-(nr|state)|ns_last_pid|pty/nr|quota/.*"
                      r"|max_newidle_lb_cost|aio-nr|perf_event_max_sample_rate|nf_conntrack_count|tainted"
                      r"|tcp_rmem|rt_cache|flush)$")


def call(name, *args):
    """A function of libc; its result, or an exception with errno."""
    result = getattr(LIBC, name)(*args)
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


def leave_mounts_of_others():
    """A mount goes everywhere when its directory is removed anywhere: those of other tests would."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4]
        if point.startswith("/tmp/"):
            LIBC.umount2(point.encode(), MNT_DETACH)


@contextlib.contextmanager
def own_namespaces():
    """
    A network without a way out, and mounts that are shared as systemd has them, but not with anybody
    else's: what leaks from a container into them is the container's doing.
    """
    kept = [os.open(f"/proc/self/ns/{name}", os.O_RDONLY) for name in ("net", "mnt")]
    where = os.getcwd()
    call("unshare", CLONE_NEWNET | CLONE_NEWNS)
    try:
        call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
        leave_mounts_of_others()
        call("mount", None, b"/", None, MS_REC | MS_SHARED, None)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        yield
    finally:
        for fd in kept:
            call("setns", fd, 0)
            os.close(fd)
        os.chdir(where)


class Canaries:
    """Things of the host's that nobody in a container has any business with."""

    def __init__(self, name):
        self.name = f"{name}-canary"
        self.key = struct.unpack("i", hashlib.sha256(name.encode()).digest()[:4])[0] & 0x3fffffff
        self.directory = pathlib.Path("/var/lib") / self.name
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        self.directory.mkdir(mode=0o755)
        self.stack.callback(lambda: subprocess.run(["rm", "-r", self.directory], check=True))
        self.file = self.directory / "file"
        self.file.write_text("the canary sings\n")
        self.file.chmod(0o600)
        # Whatever signal it is sent stays pending and is seen.
        self.process = subprocess.Popen(
            ["sleep", "infinity"], preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()))
        self.stack.callback(self.end_process)
        wait_until(lambda: "State:\tS" in pathlib.Path(f"/proc/{self.process.pid}/status").read_text(), "the canary's sleep")
        self.listen("\0" + self.name)
        self.listen(str(self.directory / "socket"))
        os.chmod(self.directory / "socket", 0o600)
        self.make_ipc()
        self.make_key()
        return self

    def __exit__(self, *args):
        self.stack.close()

    def end_process(self):
        self.process.kill()
        self.process.wait()

    def listen(self, address):
        made = self.stack.enter_context(socket.socket(socket.AF_UNIX))
        made.bind(address)
        made.listen(64)

    def make_ipc(self):
        """Open to everybody in this namespace: it is the namespace that must hide them."""
        flags = IPC_CREAT | IPC_EXCL | 0o666
        self.shm = call("shmget", self.key, 4096, flags)
        self.stack.callback(call, "shmctl", self.shm, IPC_RMID, None)
        self.sem = call("semget", self.key, 1, flags)
        self.stack.callback(call, "semctl", self.sem, 0, IPC_RMID)
        self.msg = call("msgget", self.key, flags)
        self.stack.callback(call, "msgctl", self.msg, IPC_RMID, None)
        self.queue = f"/{self.name}".encode()
        os.close(call("mq_open", self.queue, os.O_RDWR | os.O_CREAT, 0o666, None))
        self.stack.callback(call, "mq_unlink", self.queue)
        self.posix_shm = pathlib.Path("/dev/shm") / self.name
        self.posix_shm.write_text("x")
        self.posix_shm.chmod(0o666)
        self.stack.callback(self.posix_shm.unlink)

    def make_key(self):
        """In the session of which the agent will be."""
        call("syscall", SYS_KEYCTL, KEYCTL_JOIN_SESSION_KEYRING, None)
        self.serial = call("syscall", SYS_ADD_KEY, b"user", self.name.encode(), b"secret", 6, SESSION_KEYRING)
        self.stack.callback(call, "syscall", SYS_KEYCTL, KEYCTL_REVOKE, self.serial)

    def facts(self):
        """As the prober wants them."""
        return {"CANARY_FILE": str(self.file), "CANARY_PID": str(self.process.pid), "CANARY_ABSTRACT": self.name,
                "CANARY_SOCKET": str(self.directory / "socket"), "CANARY_SHM": str(self.key),
                "CANARY_SEM": str(self.key), "CANARY_MSG": str(self.key), "CANARY_MQUEUE": self.queue.decode(),
                "CANARY_POSIX_SHM": "/" + self.name, "CANARY_KEY": str(self.serial), "CANARY_KEY_NAME": self.name}

    def state(self):
        # It wakes now and then to sleep again, which is nobody's doing; stopped or dead would be.
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text().replace("R (running)", "S (sleeping)")
        stat = self.file.stat()
        description, secret = ctypes.create_string_buffer(128), ctypes.create_string_buffer(16)
        call("syscall", SYS_KEYCTL, KEYCTL_DESCRIBE, self.serial, description, 128)
        call("syscall", SYS_KEYCTL, KEYCTL_READ, self.serial, secret, 16)
        return {
            "canary file": (self.file.read_bytes(), stat.st_ino, stat.st_mode, stat.st_uid, stat.st_nlink),
            "canary directory": sorted(os.listdir(self.directory)),
            "canary process": re.findall(r"^(State|SigPnd|ShdPnd|TracerPid|Uid):\s*(.*)$", text, re.M),
            "canary shm": [line.split()[:7] for line in pathlib.Path("/proc/sysvipc/shm").read_text().splitlines()
                           if line.split()[0] == str(self.key)],
            "canary queue": [line.split()[:5] for line in pathlib.Path("/proc/sysvipc/msg").read_text().splitlines()
                             if line.split()[0] == str(self.key)],
            "canary posix shm": (self.posix_shm.read_text(), self.posix_shm.stat().st_ino),
            "canary key": (description.value, secret.value),
        }


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def settings():
    """Every setting of the kernel that can be read and is not a counter."""
    found = {}
    for directory, _, names in os.walk("/proc/sys"):
        for path in (os.path.join(directory, name) for name in names):
            if COUNTERS.search(path):
                continue
            with contextlib.suppress(OSError), open(path, "rb") as file:
                found[path] = file.read()
    return found


def devices():
    """Names, modes and numbers; terminals and shared memory come and go."""
    found = []
    for directory, names, files in os.walk("/dev"):
        names[:] = [n for n in names if n not in ("pts", "shm", "mqueue", "hugepages")]
        for name in names + files:
            stat = os.lstat(os.path.join(directory, name))
            if not name.startswith("loop"):
                found.append((os.path.join(directory, name), oct(stat.st_mode), stat.st_rdev, stat.st_uid))
    return sorted(found)


def mounts():
    """All, but not what file systems are told of the groups of v1, which anybody's runtime changes."""
    return sorted(line.split(" ", 2)[2].partition(" - cgroup ")[0]
                  for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines())


GROUP_FILES = ("release_agent", "notify_on_release", "cgroup.max.descendants", "cgroup.max.depth", "cgroup.subtree_control",
               "cgroup.type", "cgroup.freeze", "memory.max", "memory.high", "memory.limit_in_bytes", "pids.max", "cpu.max",
               "cpu.weight", "cpu.shares", "cpu.cfs_quota_us", "cpuset.cpus", "io.max", "devices.list", "freezer.state")


def groups():
    """The control groups that this process is in and all above: what of them can be set."""
    found = {}
    mounts = [line.split() for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if " - cgroup" in line]
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for mount in mounts:
            is_unified = mount[mount.index("-") + 1] == "cgroup2"
            if is_unified != (not controllers) or not set(controllers.split(",")) <= set(mount[-1].split(",")) | {""}:
                continue
            group = pathlib.Path(mount[4] + path)
            for directory in (group, *group.parents):
                for name in GROUP_FILES:
                    with contextlib.suppress(OSError):
                        found[str(directory / name)] = (directory / name).read_text()
    return found


def host_state(canaries, programs):
    """All that must be the same before and after."""
    return {
        **canaries.state(),
        "mounts": mounts(),
        "settings": settings(),
        "devices": devices(),
        "groups": groups(),
        "programs": {str(p): digest(p) for p in programs},
        "host name": os.uname().nodename,
        "links": sorted(os.listdir("/sys/class/net")),
    }


def differences(before, after):
    """One line for each thing that has changed."""
    lines = []
    for name in before:
        if before[name] == after[name]:
            continue
        if isinstance(before[name], dict):
            lines += [f"{name}: {key}: {before[name].get(key)!r} -> {after[name].get(key)!r}"
                      for key in sorted(set(before[name]) | set(after[name]))
                      if before[name].get(key) != after[name].get(key)]
        elif isinstance(before[name], list):
            lines += [f"{name}: {item!r} {'gone' if item in before[name] else 'new'}"
                      for item in [*before[name], *after[name]] if (item in before[name]) != (item in after[name])]
        else:
            lines.append(f"{name}: {before[name]!r} -> {after[name]!r}")
    return lines
