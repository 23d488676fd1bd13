"""What an attachment to the bridge adds to a launch: the time to the first instruction, against a bare network namespace."""
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

from fleet import Namespace

HERE = pathlib.Path(__file__).resolve().parent
PAUSE = 0.1     # in which the kernel takes apart what the last launch left: its namespace, with a lock that links need
NAMESPACES = ["pid", "ipc", "uts", "mount", "cgroup", "network"]
ATTACHMENT = {"network": "bridge", "interface": "eth0", "link": "tepui-v7", "bridge": "tepui0", "mtu": 1500,
              "addresses": ["172.29.0.7/16", "fd74:6570:7569::7/64"], "gateways": ["172.29.0.1", "fd74:6570:7569::1"]}


def bundle(directory, **more):
    """Of a program that says when its first instruction ran, and ends."""
    rootfs = directory / "rootfs"
    for name in ("proc", "dev", "sys", "tmp", "run", "mnt", "etc", "var/tmp"):
        (rootfs / name).mkdir(parents=True)
    subprocess.run(["gcc", "-O2", "-static", "-o", rootfs / "stamp", HERE / "stamp.c"], check=True)
    (directory / "config.json").write_text(json.dumps({
        "ociVersion": "1.0.2", "hostname": "bench", "root": {"path": "rootfs", "readonly": True},
        "process": {"args": ["/stamp", "once"], "env": ["PATH=/"], "cwd": "/", "user": {"uid": 0, "gid": 0},
                    "noNewPrivileges": True},
        "linux": {"namespaces": [{"type": n} for n in NAMESPACES]}, **more}))
    return directory


@contextlib.contextmanager
def node_with_bridge():
    with contextlib.closing(Namespace("127.0.0.1")) as node:
        node.run("ip", "link", "add", "tepui0", "type", "bridge")
        for address in ("172.29.0.1/16", "fd74:6570:7569::1/64"):
            node.run("ip", "address", "add", address, "dev", "tepui0", *(["nodad"] if ":" in address else []))
        node.run("ip", "link", "set", "tepui0", "up")
        yield node


def to_first_instruction(argv):
    """In milliseconds; the container is gone when this returns."""
    out, into = os.pipe()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, into, 1)])
    clock = time.time_ns()
    os.close(into)
    with os.fdopen(out) as file:
        text = file.read()
    _, status = os.waitpid(pid, 0)
    assert status == 0, (argv, status)
    return (int(text) - clock) / 1e6


def measure(build, rounds=60):
    """Milliseconds by turns, so that what else goes on hits both alike: two lists, without the bridge and with it."""
    launch = str(build / "tests/bench/launch")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="tepui-bench-"))
    layout = subprocess.run([launch, "--make", directory.name], check=True, capture_output=True, text=True).stdout.strip()
    try:
        bundles = [bundle(directory / "bare"),
                   bundle(directory / "bridge", annotations={"io.tepui.network": json.dumps({"attachments": [ATTACHMENT]})})]
        times = [[], []]
        with node_with_bridge() as node, node.inside():
            for _ in range(rounds):
                for found, path in zip(times, bundles):
                    time.sleep(PAUSE)
                    found.append(to_first_instruction([launch, layout, str(path)]))
        return times
    finally:
        subprocess.run([launch, "--drop", layout], check=True)
        shutil.rmtree(directory)


def report(build, row):
    """ROW(what, figure, unit, goal) prints a line."""
    bare, bridge = (sorted(found) for found in measure(build))
    added = sorted(b - a for a, b in zip(bare, bridge))
    row("launch, bare network namespace: median to the first instruction", f"{statistics.median(bare):.2f}", "ms")
    row("launch, on the bridge with IPv4 and IPv6", f"{statistics.median(bridge):.2f}", "ms")
    row("added by the bridge: median over quantiles", f"{statistics.median(added):.2f}", "ms", "<= 1.5")
    row("ratio of the fastest tenth", f"{bridge[len(bridge) // 10] / bare[len(bare) // 10]:.2f}")
