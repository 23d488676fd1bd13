"""io and cpuset are enforced by cgroup v2: seen by a payload of an OCI bundle, without any daemon."""
import json
import os
import shutil
import subprocess
import time

import pytest

from cluster import BUILD
from conftest import cannot_run

pytestmark = pytest.mark.vm
LAUNCH = BUILD / "tests/bench/launch"
MEBIBYTE = 1 << 20


@pytest.fixture
def layout():
    if not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        pytest.skip("a hybrid host: the machine of check-vm has io and cpuset on cgroup v2")
    made = subprocess.run([LAUNCH, "--make", f"tepui-enforced-{os.getpid()}"], check=True, capture_output=True,
                          text=True).stdout.strip()
    yield made
    subprocess.run([LAUNCH, "--drop", made], check=True)


def run_bundle(layout, directory, script, resources):
    """Run SCRIPT with busybox's sh in DIRECTORY/rootfs under RESOURCES; what it printed."""
    rootfs = directory / "rootfs"
    for name in ("bin", "proc", "dev", "sys", "tmp", "run", "mnt", "etc", "var/tmp"):
        (rootfs / name).mkdir(parents=True, exist_ok=True)
    shutil.copy("/bin/busybox", rootfs / "bin/sh")
    (directory / "config.json").write_text(json.dumps({
        "ociVersion": "1.0.2",
        "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": ["/bin/sh", "-c", script],
                    "env": ["PATH=/bin"], "cwd": "/", "noNewPrivileges": True},
        "root": {"path": "rootfs"},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {"namespaces": [{"type": n} for n in ("pid", "ipc", "uts", "mount", "cgroup")],
                  "resources": resources},
    }))
    done = subprocess.run([LAUNCH, layout, str(directory)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    return done.stdout


def test_cpuset_confines_the_payload(layout, tmp_path):
    script = "while read name value; do [ $name = Cpus_allowed_list: ] && echo $value; done < /proc/self/status; :"
    for cpu in "01":
        assert run_bundle(layout, tmp_path, script, {"cpu": {"cpus": cpu}}) == f"{cpu}\n"
    assert run_bundle(layout, tmp_path, script, {}) == "0-1\n"


@pytest.fixture
def disk(tmp_path):
    """A file system on a block device of its own, and the device's numbers."""
    modules = os.environ.get("TEPUI_TEST_MODULES")
    for module in ("loop", "ext4"):
        if modules and subprocess.run(["modprobe", "-d", modules, module], check=False).returncode != 0:
            cannot_run(f"no kernel module {module}")
    image, mountpoint = tmp_path / "image", tmp_path / "disk"
    with open(image, "wb") as file:
        file.truncate(64 * MEBIBYTE)
    subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", image], check=True)
    device = subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True,
                            text=True).stdout.strip()
    mountpoint.mkdir()
    subprocess.run(["mount", device, mountpoint], check=True)
    number = os.stat(device).st_rdev
    yield mountpoint, os.major(number), os.minor(number)
    subprocess.run(["umount", mountpoint], check=True)
    subprocess.run(["losetup", "--detach", device], check=True)


def test_io_max_holds_writes_back(layout, disk):
    """Noise can only make it slower: the rate allows no shorter time, so the lower bound is a fact."""
    directory, major, minor = disk
    rate, size = 2 * MEBIBYTE, 8
    start = time.monotonic()
    run_bundle(layout, directory, f"dd if=/dev/zero of=/out bs=65536 count={size * 16} conv=fsync",
               {"blockIO": {"throttleWriteBpsDevice": [{"major": major, "minor": minor, "rate": rate}]}})
    elapsed = time.monotonic() - start
    assert elapsed >= 0.75 * size * MEBIBYTE / rate
