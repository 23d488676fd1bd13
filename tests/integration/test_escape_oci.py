"""What a container tries against the runtime that enters it and does not stay (reliability.md 1.2)."""
import hashlib
import os
import pathlib
import shutil
import subprocess

import pytest

import oci
from cluster import BUILD, SLOW, wait_until

PROBER = BUILD / "tests/escape/isoprobe"


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    """With a program of its own, so that what an attack makes of it is nobody's."""
    shutil.copy(BUILD / "tepui-oci", tmp_path / "tepui-oci")
    monkeypatch.setattr(oci, "TEPUI_OCI", tmp_path / "tepui-oci")
    made = oci.Runtime(tmp_path)
    shutil.copy(PROBER, made.rootfs / "isoprobe")
    # Root without a user namespace, to whom the host's files are its own.
    made.process["capabilities"] = {kind: ["CAP_DAC_OVERRIDE"] for kind in oci.CAPABILITY_SETS}
    yield made
    made.close()


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("interpreter", ["/proc/self/exe", "/proc/thread-self/exe"])
def test_the_runtime_that_was_held_cannot_be_written(runtime, tmp_path, interpreter):
    """
    CVE-2019-5736: what would be executed is the runtime itself, by "#!"; the container holds its file, waits until
    no process runs it, and writes.  Here the process has no such file: an empty one cannot be executed, and what
    the container catches, if anything, is that.
    """
    before = digest(tmp_path / "tepui-oci")
    (runtime.rootfs / "evil").write_text(f"#!{interpreter}\n")
    (runtime.rootfs / "evil").chmod(0o755)
    with open(tmp_path / "out", "w", encoding="ascii") as out:
        name = runtime.create("/isoprobe", "--hold", stdout=out)
    runtime.must("start", name)
    wait_until(lambda: "watching" in (tmp_path / "out").read_text(), "the watch")
    for _ in range(50):
        done = runtime.call("exec", name, "/evil")
        assert done.returncode != 0 and "Exec format error" in done.stderr, done
    assert digest(tmp_path / "tepui-oci") == before


def test_a_process_that_enters_is_none_of_the_runtimes_file(runtime, tmp_path):
    """Seen from the host, where nothing is hidden: neither what it executes nor what it has mapped can be written."""
    pid = runtime.state(runtime.create("/bin/sleep", "1000"))["pid"]
    assert os.readlink(f"/proc/{pid}/exe") == "/memfd:tepui-oci (deleted)"
    maps = [line.split() for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()]
    mapped = [row[0].split("-") for row in maps if row[4] == str((tmp_path / "tepui-oci").stat().st_ino)]
    assert mapped
    for addresses in ("-".join(f"{int(end, 16):x}" for end in ends) for ends in mapped):
        with pytest.raises(OSError, match="Read-only file system"):
            os.close(os.open(f"/proc/{pid}/map_files/{addresses}", os.O_WRONLY))


def test_without_the_right_to_mount_it_is_a_sealed_copy(runtime, tmp_path):
    """Also then it is not the file that is executed; what it says of a bundle is the same."""
    done = subprocess.run(["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", *runtime.argv("exec", "none", "true")],
                          capture_output=True, text=True, check=False)
    assert "container 'none'" in done.stderr, done
    traced = subprocess.run(["setpriv", "--bounding-set=-sys_admin", "strace", "-e", "trace=execveat,fcntl", *runtime.argv("exec", "none", "true")],
                            capture_output=True, text=True, check=False)
    assert "F_SEAL_WRITE" in traced.stderr and "execveat(" in traced.stderr


@pytest.mark.skipif(not os.path.exists("/proc/sys/vm/memfd_noexec"), reason="a kernel before 6.3")
@pytest.mark.parametrize("level, said", [(0, ""), (1, ""), (2, "Read-only file system")])
def test_where_memory_may_not_be_executed(runtime, tmp_path, level, said):
    """vm.memfd_noexec is a pid namespace's, of which this has its own.  What is held until nobody runs it is not ours, or read-only."""
    runtime.write("/bin/true")
    name = runtime.new_id()
    before = digest(tmp_path / "tepui-oci")
    script = """echo $1 >/proc/sys/vm/memfd_noexec && shift && "$@" && exec 9</proc/$(cat "$0")/exe && "$1" "$2" "$3" delete --force $9 &&
echo evil | dd of=/proc/self/fd/9 conv=notrunc 2>&1"""
    done = subprocess.run(["unshare", "-pf", "--mount-proc", "sh", "-c", script, tmp_path / "pid", str(level),
                           *runtime.argv("create", "-b", runtime.bundle, "--pid-file", tmp_path / "pid", name)],
                          capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=60 * SLOW)
    assert done.stderr == "" and done.returncode == (1 if said else 0) and said in done.stdout, done
    assert digest(tmp_path / "tepui-oci") == before


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)])
def test_closed_standard_descriptors_become_nothing_of_the_host(runtime, closed):
    """What the runtime opens first would get their numbers, and the container with them."""
    def close():
        for fd in closed:
            os.close(fd)
    runtime.write("sh", "-c", "for fd in 0 1 2; do readlink /proc/self/fd/$fd; done >/report; ls /proc/self/fd/. | wc -l >>/report")
    subprocess.run(runtime.argv("run", "-b", runtime.bundle, runtime.new_id()), preexec_fn=close, check=False, timeout=60 * SLOW,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lines = (runtime.rootfs / "report").read_text().split()
    assert set(lines[:3]) <= {"/dev/null", "/report"} and lines[3] == "4", lines
