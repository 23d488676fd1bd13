"""tepui-oci: the life of a container, verb by verb."""
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

from cluster import SLOW, wait_until
from conftest import cannot_run

pytestmark = pytest.mark.vm


def test_run_passes_on_streams_and_exit_status(runtime):
    done = runtime.shell("echo out; echo error >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "error\n")
    assert runtime.names() == []


# As on a host with cgroup v2 alone, which some hosts of this test are not: each v1 hierarchy costs nine calls more.
UNIFIED = [] if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else \
    ["unshare", "-m", "sh", "-c", 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"', "sh"]


@pytest.mark.unsanitized("counts the program's own calls")
def test_a_run_takes_few_system_calls(runtime, tmp_path):
    """With the bundle of `make bench`; those of the payload, busybox, are among them."""
    runtime.config["mounts"] = [{"destination": "/proc", "type": "proc", "source": "proc"},
                                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}]
    runtime.config["hostname"] = "bench"
    runtime.process["capabilities"] = {}
    # The first one on a host enables controllers, for good.
    runtime.run("true")
    argv = runtime.argv("run", "-b", runtime.bundle, runtime.new_id())
    subprocess.run([*UNIFIED, "strace", "-f", "-c", "-o", str(tmp_path / "calls"), *argv], check=True, stdin=subprocess.DEVNULL)
    total = (tmp_path / "calls").read_text().splitlines()[-1].split()
    assert total[-1] == "total"
    print(f"{total[3]} system calls")
    assert int(total[3]) < 250


def filter_of(*names):
    """mkdir(2) fails as on a full disk, and so do NAMES."""
    return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat", *names], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}


def test_filters_are_kept_and_made_again(runtime):
    kept = runtime.root / "@filters"
    runtime.config["linux"]["seccomp"] = filter_of()
    assert "No space left" in runtime.shell("mkdir /tmp/x").stderr
    (file,) = kept.iterdir()
    before, content = file.stat(), file.read_bytes()
    assert "No space left" in runtime.shell("mkdir /tmp/x").stderr
    assert file.stat().st_ino == before.st_ino, "it was compiled again"
    # Neither a part of one, nor nothing, nor one of another profile is taken for it.
    for bad in (content[:-8], content[:-8] + bytes(8), content[:40], b"", content[:20] + b"#" + content[21:], b"\xff" * 64):
        file.write_bytes(bad)
        assert "No space left" in runtime.shell("mkdir /tmp/x").stderr
        assert file.read_bytes() == content
    file.unlink()
    file.symlink_to("/etc/passwd")
    assert "No space left" in runtime.shell("mkdir /tmp/x").stderr
    assert not file.is_symlink() and file.read_bytes() == content
    name = runtime.start("sleep", "1000")
    assert "No space left" in runtime.call("exec", name, "mkdir", "/tmp/x").stderr
    assert runtime.names() == [name]


@pytest.mark.parametrize("mode, owner", [(0o777, 0), (0o755, 65534)])
def test_filters_that_another_could_have_written_are_not_used(runtime, mode, owner):
    """What is above may be anybody's, like /tmp: he would choose the filter of our containers."""
    kept = runtime.root / "@filters"
    runtime.config["linux"]["seccomp"] = filter_of()
    assert "No space left" in runtime.shell("mkdir /tmp/x").stderr
    (file,) = kept.iterdir()
    before = file.stat()
    os.chown(kept, owner, owner)
    kept.chmod(mode)
    file.rename(kept / "aside")
    assert "No space left" in runtime.shell("mkdir /tmp/x").stderr
    assert [f.name for f in kept.iterdir()] == ["aside"] and (kept / "aside").stat().st_ino == before.st_ino


def test_a_filter_is_of_the_kernel_that_runs(runtime, tmp_path):
    """A profile's rules can depend on it, and a --root may be there longer."""
    runtime.config["linux"]["seccomp"] = filter_of()
    runtime.run("true")
    (file,) = (runtime.root / "@filters").iterdir()
    assert f" {os.uname().release} ".encode() in file.read_bytes()


def test_few_filters_are_kept(runtime):
    rare = ["swapon", "swapoff", "acct", "reboot", "kexec_load", "sethostname", "setdomainname"]
    for n in range(70):
        runtime.config["linux"]["seccomp"] = filter_of(*(name for i, name in enumerate(rare) if n >> i & 1))
        assert runtime.run("true").returncode == 0
        assert len(list((runtime.root / "@filters").iterdir())) <= 65


@pytest.mark.unsanitized("counts the program's own calls")
@pytest.mark.parametrize("verb", ["create", "run"])
def test_a_runtime_that_is_killed_leaves_nobody_who_waits_for_it(runtime, tmp_path, verb):
    """The container's process holds the lock of its state by then: nobody could remove it any more."""
    def launch(name, *options):
        return subprocess.run(["strace", "-yy", "-e", "trace=write", "-o", str(tmp_path / "writes"), *options, *runtime.argv(verb, "-b", runtime.bundle, name)],
                              check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60 * SLOW).returncode
    runtime.write("true")
    assert launch(runtime.new_id()) == 0
    calls = [line for line in (tmp_path / "writes").read_text().splitlines() if line.startswith("write(")]
    go = next(i for i, line in enumerate(calls, 1) if "<UNIX" in line)
    name = runtime.new_id()
    assert launch(name, "-e", f"inject=write:error=EINTR:signal=SIGKILL:when={go}") in (-signal.SIGKILL, 128 + signal.SIGKILL)
    assert runtime.status(name) == "creating"
    runtime.must("delete", "--force", name)


def test_a_killed_process_is_told_as_by_a_shell(runtime):
    # Nobody inside can kill process 1, but its own parent can.
    runtime.write("sh", "-c", "touch /tmp/ready; exec sleep 1000")
    name = runtime.new_id()
    running = subprocess.Popen(runtime.argv("run", "-b", runtime.bundle, name), stdin=subprocess.DEVNULL)
    try:
        wait_until((runtime.rootfs / "tmp/ready").exists, "it runs")
        runtime.must("kill", name, "KILL")
        assert running.wait(timeout=60 * SLOW) == 128 + signal.SIGKILL
    finally:
        running.kill()
        running.wait()


def test_the_process_is_the_first_of_its_container_and_has_nothing_of_the_host(runtime):
    done = runtime.shell("echo $$; ls /proc/self/fd | wc -l; readlink /proc/self/cwd")
    assert done.stdout.split() == ["1", "4", "/"], done    # 0, 1, 2 and that of ls


def test_create_start_kill_delete(runtime):
    name = runtime.create("sh", "-c", "trap 'exit 3' TERM; touch /tmp/ready; sleep 1000 & wait",
                          options=["--pid-file", runtime.directory / "pid"])
    state = runtime.state(name)
    assert (state["id"], state["status"], state["bundle"]) == (name, "created", str(runtime.bundle))
    assert state["ociVersion"].startswith("1.")
    assert state["pid"] == int((runtime.directory / "pid").read_text())
    assert os.path.exists(f"/proc/{state['pid']}")
    runtime.must("start", name)
    assert runtime.status(name) == "running"
    wait_until(lambda: (runtime.rootfs / "tmp/ready").exists(), "its trap is set")
    assert runtime.must_fail("delete", name) == \
        f"delete container '{name}', which is running: kill it first, or use --force"
    runtime.must("kill", name)
    runtime.wait_for(name, "stopped")
    assert runtime.state(name)["pid"] == 0
    assert runtime.must_fail("kill", name) == f"container '{name}' is not running: No such process"
    assert runtime.must_fail("start", name) == f"start container '{name}', which is stopped"
    runtime.must("delete", name)
    assert runtime.must_fail("state", name) == f"container '{name}' does not exist"


def test_what_is_missing_is_told_at_create(runtime):
    runtime.write("no-such-program")
    assert runtime.must_fail("create", "-b", runtime.bundle, runtime.new_id()) == \
        "execute 'no-such-program': No such file or directory"
    runtime.write("/etc")
    assert runtime.must_fail("create", "-b", runtime.bundle, runtime.new_id()) == "execute '/etc': Permission denied"
    assert runtime.names() == []


def test_what_only_execve_can_tell_is_told_at_start(runtime):
    (runtime.rootfs / "bin/odd").write_bytes(b"\x7fELF but not really")
    (runtime.rootfs / "bin/odd").chmod(0o755)
    name = runtime.create("odd")
    assert runtime.must_fail("start", name) == "execute 'odd': Exec format error"
    runtime.wait_for(name, "stopped")
    runtime.must("delete", name)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "ä", "a b", "x" * 129])
def test_bad_ids_are_refused(runtime, name):
    runtime.write("true")
    assert runtime.must_fail("create", "-b", runtime.bundle, name).startswith(f"use '{name}' as the id of a container")
    assert runtime.names() == []


def test_an_id_is_given_once(runtime):
    name = runtime.create("true")
    assert runtime.must_fail("create", "-b", runtime.bundle, name) == f"container '{name}' already exists"
    assert runtime.status(name) == "created"
    runtime.must("delete", "--force", name)


def test_delete_by_force(runtime):
    name = runtime.start("sleep", "1000")
    pid = runtime.state(name)["pid"]
    runtime.must("delete", "--force", name)
    # Its reaper may not have looked at it yet.
    assert not os.path.exists(f"/proc/{pid}") or "Z (zombie)" in pathlib.Path(f"/proc/{pid}/status").read_text()
    runtime.must("delete", "--force", name)
    assert runtime.must_fail("delete", name) == f"container '{name}' does not exist"


def test_list(runtime):
    created, running = runtime.create("true"), runtime.start("sleep", "1000")
    rows = runtime.must("list").splitlines()
    assert rows[0].split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
    assert [row.split()[0::2][:2] for row in rows[1:]] == [[created, "created"], [running, "running"]]
    listed = json.loads(runtime.must("list", "--format", "json"))
    assert [(c["id"], c["status"]) for c in listed] == [(created, "created"), (running, "running")]
    assert runtime.must_fail("list", "-f", "xml") == "read flag '--format': 'xml' is neither 'table' nor 'json'"


@pytest.mark.parametrize("text", ["USR1", "sigusr1", "SIGUSR1", "10"])
def test_kill_by_name_and_number(runtime, text):
    name = runtime.start("sh", "-c", "trap 'exit 0' USR1; touch /tmp/ready; while :; do sleep 0.1; done")
    wait_until(lambda: (runtime.rootfs / "tmp/ready").exists(), "its trap is set")
    runtime.must("kill", name, text)
    runtime.wait_for(name, "stopped")


def test_kill_of_unknown_signals(runtime):
    name = runtime.start("sleep", "1000")
    for text in ("FOO", "0", "65", "-1", "9x", ""):
        assert runtime.must_fail("kill", "--", name, text) == f"send signal '{text}': there is none of that name"
    assert runtime.status(name) == "running"


def test_kill_all(runtime):
    name = runtime.start("sh", "-c", "trap 'touch /tmp/first' USR1; sh -c 'trap \"touch /tmp/second\" USR1; touch /tmp/ready;"
                         " while :; do sleep 0.1; done' & while :; do sleep 0.1; done")
    wait_until(lambda: (runtime.rootfs / "tmp/ready").exists(), "both traps are set")
    runtime.must("kill", "--all", name, "USR1")
    wait_until(lambda: (runtime.rootfs / "tmp/first").exists() and (runtime.rootfs / "tmp/second").exists(), "both heard")
    runtime.must("kill", "--all", name, "KILL")
    runtime.wait_for(name, "stopped")


def test_errors_in_the_log_are_json(runtime):
    log = runtime.directory / "log"
    assert runtime.must_fail("--log", log, "--log-format=json", "state", "nobody") == "container 'nobody' does not exist"
    line = json.loads(log.read_text())
    assert (line["level"], line["msg"]) == ("error", "container 'nobody' does not exist")
    assert line["time"].endswith("Z")


@pytest.mark.parametrize("args, message", [
    (["frob"], "find command 'frob', see --help"),
    (["state"], "read arguments of 'state': it takes ID"),
    (["--systemd-cgroup", "list"],
     "read flag '--systemd-cgroup': systemd's cgroups are not supported, use the manager 'cgroupfs'"),
    (["create", "--no-pivot", "x"], "read flag '--no-pivot': a root that can be left is not supported"),
    (["create", "--frob", "x"], "read flag '--frob': no such flag, see --help"),
    (["create", "-b", "/no/such", "x"], "open bundle '/no/such': No such file or directory"),
    (["--log-format=xml", "list"], "read flag '--log-format': 'xml' is neither 'text' nor 'json'"),
])
def test_bad_usage(runtime, args, message):
    assert runtime.must_fail(*args) == message
    assert runtime.names() == []


def test_a_recycled_pid_is_not_the_container(runtime):
    name = runtime.start("true")
    runtime.wait_for(name, "stopped")
    # Processes of one number are told apart by the tick in which they started.
    ended = time.clock_gettime(time.CLOCK_BOOTTIME)
    wait_until(lambda: time.clock_gettime(time.CLOCK_BOOTTIME) > ended + 2 / os.sysconf("SC_CLK_TCK"), "another tick")
    stranger = subprocess.Popen(["sleep", "1000"])
    try:
        record = runtime.root / name / "state.json"
        state = json.loads(record.read_text())
        state["pid"] = stranger.pid
        record.write_text(json.dumps(state))
        assert runtime.status(name) == "stopped"
        assert runtime.must_fail("kill", name, "KILL") == f"container '{name}' is not running: No such process"
        runtime.must("delete", "--force", name)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_preserved_descriptors(runtime):
    read_end, write_end = os.pipe()
    other, unused = os.pipe()
    try:
        runtime.write("sh", "-c", "echo kept >&3; ls /proc/self/fd | wc -l")
        # As a shell would: 3 is what is to be kept, 9 is not.
        script = f'exec 3>&{write_end} 9>&{unused}; exec "$@"'
        argv = runtime.argv("run", "--preserve-fds", "1", "-b", runtime.bundle, runtime.new_id())
        done = subprocess.run(["bash", "-c", script, "bash", *argv], pass_fds=[write_end, unused], capture_output=True,
                              text=True, timeout=60 * SLOW, stdin=subprocess.DEVNULL)
        assert (done.returncode, done.stdout, done.stderr) == (0, "5\n", "")
        assert os.read(read_end, 100) == b"kept\n"
    finally:
        for fd in (read_end, write_end, other, unused):
            os.close(fd)
    assert runtime.must_fail("run", "--preserve-fds", "1", "-b", runtime.bundle, runtime.new_id()) == \
        "preserve descriptor 3: Bad file descriptor"


def settings_of_roots():
    """What the hierarchies' own top directories say: theirs, and not for a container to change."""
    found = {}
    # On a host without v1 what is there are groups, the container's among them.
    for top in filter(os.path.ismount, pathlib.Path("/sys/fs/cgroup").glob("*")):
        for name in ("cgroup.clone_children", "notify_on_release", "cpuset.cpus", "cpuset.mems"):
            if (top / name).is_file():
                found[top / name] = (top / name).read_text()
    return found


@pytest.mark.parametrize("path", [None, "/{}", "/{}/inner"], ids=["default", "one level", "two levels"])
def test_cgroups_that_were_there_keep_their_settings(runtime, path):
    before = settings_of_roots()
    if path:
        runtime.config["linux"]["cgroupsPath"] = path.format(runtime.prefix + "path")
    name = runtime.start("sleep", "1000")
    assert settings_of_roots() == before
    runtime.must("delete", "--force", name)
    assert settings_of_roots() == before


# ---- keys ----

@pytest.fixture
def keys(runtime):
    """tests/integration/keys.c, on the host and in the container."""
    program = runtime.rootfs / "bin" / "keys"
    if subprocess.run(["gcc", "-static", "-o", program, pathlib.Path(__file__).with_name("keys.c")],
                      check=False).returncode:
        cannot_run("cannot compile")
    return program


@pytest.mark.vm
@pytest.mark.parametrize("options, seen", [([], "Required key not available"), (["--no-new-keyring"], "found")])
def test_session_keyring(runtime, keys, options, seen):
    """The caller's keys are not the container's, which has no namespace for them, unless that is asked for."""
    def held(*args):
        return subprocess.run([keys, "hold", runtime.prefix, *runtime.argv(*args)], capture_output=True, text=True,
                              check=True).stdout
    runtime.write("keys", "find", runtime.prefix)
    assert held("run", "-b", runtime.bundle, *options, runtime.new_id()) == f"{seen}\n"


@pytest.mark.vm
def test_session_keyring_of_who_enters(runtime, keys):
    name = runtime.start("sleep", "1000")
    done = subprocess.run([keys, "hold", runtime.prefix, *runtime.argv("exec", name, "keys", "find", runtime.prefix)],
                          capture_output=True, text=True, check=True)
    assert done.stdout == "Required key not available\n"
