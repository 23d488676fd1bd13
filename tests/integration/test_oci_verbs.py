"""tepui-oci: what engines and people ask of a running container, and documents to start from."""
import json
import os
import pathlib
import shutil
import subprocess
import threading

import pytest

from cluster import SLOW, wait_until
from conftest import cannot_run

pytestmark = pytest.mark.vm


@pytest.fixture
def name(runtime):
    return runtime.start("sleep", "1000")


def test_pause_and_resume(runtime):
    name = runtime.start("sh", "-c", "i=0; while :; do i=$((i+1)); echo $i >/tmp/count.new; mv /tmp/count.new /tmp/count; done")
    count = runtime.rootfs / "tmp/count"
    wait_until(count.exists, "it counts")
    runtime.must("pause", name)
    assert runtime.status(name) == "paused"
    frozen = count.read_text()
    assert runtime.must_fail("pause", name) == f"pause container '{name}', which is paused"
    assert runtime.must_fail("exec", name, "true", status=255) == f"execute in container '{name}', which is paused"
    assert runtime.must_fail("delete", name) == \
        f"delete container '{name}', which is paused: kill it first, or use --force"
    assert count.read_text() == frozen
    runtime.must("resume", name)
    assert runtime.status(name) == "running"
    wait_until(lambda: count.read_text() != frozen, "it counts on")
    assert runtime.must_fail("resume", name) == f"resume container '{name}', which is running"


def test_a_paused_container_is_killed(runtime, name):
    runtime.must("pause", name)
    runtime.must("delete", "--force", name)
    assert runtime.names() == []


def test_ps(runtime, name):
    pid = runtime.state(name)["pid"]
    assert json.loads(runtime.must("ps", "--format", "json", name)) == [pid]
    rows = runtime.must("ps", name).splitlines()
    assert "PID" in rows[0].split() and len(rows) == 2 and str(pid) in rows[1].split() and "sleep 1000" in rows[1]
    assert runtime.must("ps", name, "-A", "-o", "pid").split() == ["PID", str(pid)]
    assert runtime.must_fail("ps", name, "-A", "-o", "comm") == \
        "run 'ps': there is no column 'PID' in what it prints"


def test_stats(runtime, name):
    (line,) = runtime.must("events", "--stats", name).splitlines()
    event = json.loads(line)
    assert (event["type"], event["id"]) == ("stats", name)
    data = event["data"]
    assert data["cpu"]["usage"]["total"] > 0
    assert set(data["cpu"]["usage"]) == {"total", "kernel", "user"}
    if "usage" in data["memory"]:
        assert data["memory"]["usage"]["usage"] > 0
    if "current" in data["pids"]:
        assert data["pids"]["current"] == 1
    assert data["blkio"]["ioServiceBytesRecursive"] is not None


def test_events_end_with_the_container(runtime, name):
    watching = subprocess.Popen(runtime.argv("events", "--interval", "100ms", name), stdout=subprocess.PIPE, text=True,
                                stdin=subprocess.DEVNULL)
    try:
        for _ in range(3):
            assert json.loads(watching.stdout.readline())["type"] == "stats"
        runtime.must("kill", name, "KILL")
        watching.stdout.read()
        assert watching.wait(timeout=60 * SLOW) == 0
    finally:
        watching.kill()
        watching.wait()
        watching.stdout.close()
    assert runtime.must_fail("events", name) == f"watch container '{name}', which is stopped"


@pytest.mark.parametrize("interval", ["1ms", "1h"])
def test_no_end_by_the_memory_limit_is_lost(runtime, interval):
    """However often the count is looked at for other reasons."""
    runtime.config["linux"]["resources"] = {"memory": {"limit": 16 << 20, "swap": 16 << 20}}
    name = runtime.start("sleep", "1000")
    seen = runtime.directory / "events"
    with open(seen, "w", encoding="utf-8") as out:
        watching = subprocess.Popen(runtime.argv("events", "--interval", interval, name), stdout=out, stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: '"stats"' in seen.read_text(), "a first event")
        assert '"oom"' not in seen.read_text()
        runtime.call("exec", name, "dd", "if=/dev/zero", "of=/dev/null", "bs=64M")
        wait_until(lambda: f'{{"type":"oom","id":"{name}"}}\n' in seen.read_text(), "the event of the limit")
    finally:
        watching.terminate()
        watching.wait()


def test_update(runtime, name):
    runtime.must("update", "--pids-limit", "7", name)
    done = runtime.call("exec", name, "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 0.1 & done; wait")
    assert "fork" in done.stderr, done
    resources = runtime.directory / "resources.json"
    resources.write_text('{"pids": {"limit": 100}}')
    runtime.must("update", name, "--resources", resources)
    assert runtime.must("exec", name, "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 0.1 & done; wait; echo all") == "all\n"
    done = subprocess.run(runtime.argv("update", "-r", "-", name), input='{"pids": {"limit": 50}}', text=True,
                          capture_output=True, timeout=60 * SLOW)
    assert (done.returncode, done.stderr) == (0, "")
    kept = json.loads((runtime.root / name / "config.json").read_text())
    assert kept["linux"]["resources"]["pids"]["limit"] == 50


@pytest.mark.parametrize("args, message", [
    (["--memory", "x"], "read flag for memory.limit: 'x' is not a number"),
    (["--memory", "99999999t"], "read flag for memory.limit: '99999999t' is not a number"),
    (["--cpu-share", "1e3"], "read flag for cpu.shares: '1e3' is not a number"),
])
def test_bad_updates(runtime, name, args, message):
    assert runtime.must_fail("update", *args, name) == message


def test_update_of_unknown_fields(runtime, name):
    resources = runtime.directory / "resources.json"
    resources.write_text('{"frob": {}}')
    assert "frob: unknown field" in runtime.must_fail("update", "-r", resources, name)


def test_our_own_spec_runs(runtime):
    directory = runtime.directory / "new"
    directory.mkdir()
    runtime.must("spec", "--bundle", directory)
    document = json.loads((directory / "config.json").read_text())
    assert runtime.must_fail("spec", "-b", directory) == f"create '{directory}/config.json': File exists"
    (directory / "rootfs").symlink_to(runtime.rootfs)
    assert document["process"]["terminal"] is True
    document["process"]["terminal"] = False
    document["process"]["args"] = ["sh", "-c", "id -u; hostname"]
    # Links are not followed: neither here nor by others.
    document["root"]["path"] = str(runtime.rootfs)
    (directory / "config.json").write_text(json.dumps(document))
    done = runtime.call("run", "-b", directory, runtime.new_id())
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\ntepui\n", "")


@pytest.mark.parametrize("tool", ["runc", "crun"])
def test_the_spec_of_another_runtime_runs(runtime, tool):
    if not shutil.which(tool):
        cannot_run(f"{tool} is not installed")
    subprocess.run([tool, "spec"], cwd=runtime.bundle, check=True, timeout=60 * SLOW)
    document = json.loads((runtime.bundle / "config.json").read_text())
    document["process"]["terminal"] = False
    document["process"]["args"] = ["sh", "-c", "id -u; cat /proc/1/comm; hostname"]
    (runtime.bundle / "config.json").write_text(json.dumps(document))
    done = runtime.call("run", "-b", runtime.bundle, runtime.new_id())
    assert (done.returncode, done.stdout, done.stderr) == (0, f"0\nsh\n{tool}\n", "")


LOOK = """id -u; id -g; id -G; pwd; umask; hostname; echo $A
ulimit -n; ulimit -c
grep -E '^(Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' /proc/self/status
ls /proc/self/fd | wc -l; cat /proc/sys/kernel/ostype; test -w / || echo read-only; ls /dev | grep -vE 'console|core|ptmx'
"""


def test_the_same_bundle_is_the_same_as_with_runc(runtime):
    """What a process can tell of itself."""
    if not shutil.which("runc"):
        cannot_run("runc is not installed")
    subprocess.run(["runc", "spec"], cwd=runtime.bundle, check=True, timeout=60 * SLOW)
    document = json.loads((runtime.bundle / "config.json").read_text())
    document["process"].update({"terminal": False, "args": ["sh", "-c", LOOK], "cwd": "/tmp",
                                "user": {"uid": 5, "gid": 6, "additionalGids": [7, 8]}})
    # Without inheritable ones, which nobody asked for, runc has no ambient ones either.
    document["process"]["capabilities"].pop("ambient", None)
    document["process"]["env"] += ["A=b c"]
    document["process"]["rlimits"] += [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
    (runtime.bundle / "config.json").write_text(json.dumps(document))
    name = runtime.new_id()
    ours = runtime.call("run", "-b", runtime.bundle, name)
    theirs = subprocess.run(["runc", "--root", runtime.directory / "runc", "run", "-b", runtime.bundle, name], text=True,
                            capture_output=True, timeout=60 * SLOW, stdin=subprocess.DEVNULL)
    assert (ours.returncode, ours.stderr) == (theirs.returncode, theirs.stderr)
    assert ours.stdout.splitlines() == theirs.stdout.splitlines()


def test_features(runtime):
    features = json.loads(runtime.must("features"))
    assert (features["ociVersionMin"], features["ociVersionMax"]) == ("1.0.0", "1.2.0")
    assert features["hooks"] == ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
    assert {"ro", "rro", "rbind", "rprivate", "nosuid", "idmap"} <= set(features["mountOptions"])
    linux = features["linux"]
    assert {"pid", "mount", "network", "user", "cgroup", "ipc", "uts", "time"} == set(linux["namespaces"])
    assert "CAP_SYS_ADMIN" in linux["capabilities"] and "SCMP_ACT_ERRNO" in linux["seccomp"]["actions"]
    assert linux["cgroup"]["systemd"] is False


def test_help_and_version(runtime):
    text = runtime.must("--help")
    for verb in ("create start state kill delete run exec list ps pause resume update events spec features").split():
        assert f"\n  {verb} " in text
        assert runtime.must(verb, "--help").startswith(f"usage: tepui-oci {verb} ")
    assert runtime.must("--version").startswith("tepui-oci version ")


def test_the_manual_names_every_option(runtime):
    manual = (pathlib.Path(__file__).parents[2] / "docs/man/tepui-oci.8").read_text()
    words = {word[2:].rstrip(",").split("=")[0] for verb in ["", "create", "run", "kill", "delete", "exec", "list", "ps", "update", "events",
                                                 "spec"]
             for word in runtime.must(*([verb] if verb else []), "--help").split() if word.startswith("--")}
    assert [word for word in sorted(words) if f"Fl -{word}" not in manual] == []


def test_verbs_at_the_same_time(runtime):
    """Of twelve that create one id one wins; of twelve that delete it all agree that it is gone."""
    runtime.write("sleep", "1000")
    name = runtime.new_id()

    def at_once(*args):
        # Files, for a container keeps its stderr open.
        files = [open(runtime.directory / f"stderr-{i}", "w+") for i in range(12)]
        with open("/dev/null", "r+") as null:
            running = [subprocess.Popen(runtime.argv(*args), stdin=null, stdout=null, stderr=file) for file in files]
        results = []
        for process, file in zip(running, files):
            status = process.wait(timeout=60 * SLOW)
            with file:
                file.seek(0)
                results.append((status, file.read()))
        return results

    results = at_once("create", "-b", runtime.bundle, name)
    assert sorted(results)[0] == (0, "")
    assert set(sorted(results)[1:]) == {(1, f"tepui-oci: container '{name}' already exists\n")}
    results = at_once("start", name)
    assert [status for status, _ in results].count(0) == 1
    assert {error for status, error in results if status} == {f"tepui-oci: start container '{name}', which is running\n"}
    assert {status for status, _ in at_once("delete", "--force", name)} == {0}
    assert runtime.names() == []


def test_many_containers_leave_nothing(runtime):
    fds = len(os.listdir("/proc/self/fd"))
    errors = []

    def churn(index):
        for turn in range(5):
            done = runtime.call("run", "-b", runtime.bundle, f"{runtime.prefix}churn-{index}-{turn}")
            if (done.returncode, done.stderr) != (0, ""):
                errors.append(done)

    runtime.write("true")
    threads = [threading.Thread(target=churn, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(os.listdir("/proc/self/fd")) == fds


def test_a_cgroup_where_the_document_says(runtime):
    runtime.config["linux"]["cgroupsPath"] = f"/{runtime.prefix}parent/child"
    name = runtime.start("sleep", "1000")
    assert runtime.must("exec", name, "cat", "/proc/self/cgroup").splitlines()[-1] == "0::/"
    pid = runtime.state(name)["pid"]
    own = [line for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines() if line.startswith("0::")]
    assert own == [f"0::/{runtime.prefix}parent/child"]
    # The place is taken.
    assert "which has processes" in runtime.must_fail("create", "-b", runtime.bundle, runtime.new_id())
    assert runtime.names() == [name]


@pytest.mark.parametrize("path", ["/..", "/a/../b", "/" + "x" * 200, "/" + "/".join("abcdefghijklmnopqrstuvwxyz")])
def test_cgroups_that_lead_astray(runtime, path):
    runtime.config["linux"]["cgroupsPath"] = path
    runtime.write("true")
    assert runtime.must_fail("create", "-b", runtime.bundle, runtime.new_id()).startswith("linux.cgroupsPath: use ")
    assert runtime.names() == []
