"""The agent against a real master: recovery, faults, bad starts, and what operators read."""
import base64
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import urllib.parse

import pytest

from cluster import BUILD, SLOW, wait_until
from conftest import cannot_run
from protolite import Schema

SCHEMA = Schema("mesos.proto", "tepui.proto")
SLEEP = {"id": "/sleep", "cmd": "echo out; echo err >&2; exec sleep 1000", "cpus": 0.1, "mem": 32,
         "instances": 2, "backoffSeconds": 1}


def pids(agent):
    return sorted(c["status"]["executor_pid"] for c in agent.containers())


def processes_of(agent):
    """Everything in our cgroups but the agent itself."""
    return agent.processes() - {agent.pid}


def metrics(agent):
    return agent.call("GET", "/metrics/snapshot").json


def is_registered(agent):
    """False also while it does not answer yet."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        return metrics(agent)["slave/registered"] == 1.0
    return False


# ---- recovery ----

@pytest.mark.vm
@pytest.mark.parametrize("signo", [signal.SIGKILL, signal.SIGTERM])
def test_tasks_survive_their_agent(node, signo):
    agent = node.agents[0]
    node.deploy(SLEEP)
    before, processes = pids(agent), processes_of(agent)
    tasks = sorted(t["id"] for t in node.tasks("/sleep"))
    assert len(before) == 2
    agent.end(signo)
    for pid in processes:
        assert os.path.exists(f"/proc/{pid}")
    agent.start()
    wait_until(lambda: is_registered(agent), "registration")
    wait_until(lambda: metrics(agent)["slave/executors_running"] == 2, "executors back")
    assert pids(agent) == before
    assert processes_of(agent) == processes
    assert sorted(t["id"] for t in node.tasks("/sleep")) == tasks
    node.remove("/sleep")
    wait_until(lambda: not agent.container_cgroups(), "empty cgroups")
    wait_until(lambda: not list((agent.work_dir / "containers").iterdir()), "empty runtime state")
    assert agent.end() == 0


def test_an_end_without_an_agent_is_reported_by_the_next(node):
    agent = node.agents[0]
    # Without a shell, which would tell the end of its child by a status.
    app = dict(SLEEP, instances=1, cmd="exec sleep 1000", backoffSeconds=3600)
    node.deploy(app)
    row = agent.containers()[0]
    agent.end(signal.SIGKILL)
    victims = [p for p in processes_of(agent) if p != row["status"]["executor_pid"]]
    for pid in victims:
        # The end of one may be that of the others.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(os.path.exists(f"/proc/{p}") for p in victims), "the task's end")
    agent.start()
    failure = wait_until(lambda: node.app("/sleep").get("lastTaskFailure"), "the failure's report")
    assert failure["state"] == "TASK_FAILED"
    assert "signal Killed" in failure["message"]
    node.remove("/sleep")


@pytest.mark.parametrize("is_agent_down", [False, True])
def test_a_killed_executor_fails_its_task_once_and_leaves_nothing(node, is_agent_down):
    agent = node.agents[0]
    node.deploy(dict(SLEEP, backoffSeconds=3600))
    victim, other = agent.containers()
    other_pid = other["status"]["executor_pid"]
    if is_agent_down:
        agent.end(signal.SIGKILL)
    os.kill(victim["status"]["executor_pid"], signal.SIGKILL)
    if is_agent_down:
        agent.start()
        wait_until(lambda: is_registered(agent), "registration")
    failure = wait_until(lambda: node.app("/sleep").get("lastTaskFailure"), "the failure's report")
    assert failure["taskId"] == victim["executor_id"]
    assert failure["state"] == "TASK_FAILED"
    assert "executor (pid" in failure["message"]
    wait_until(lambda: len(agent.container_cgroups()) and all(
        victim["container_id"] not in d for d in agent.container_cgroups()), "the cgroup's end")
    assert agent.text().count(f"{victim['executor_id']}': TASK_FAILED") == 1
    assert other_pid in pids(agent)
    node.remove("/sleep")


@pytest.mark.parametrize("damage", [{"task_id": {"value": "another"}}, {"uuid": b"short"}, {"source": "SOURCE_MASTER"}])
def test_a_damaged_exit_record_is_no_account_of_the_end(node, damage):
    """Taken as it is, it would be an update that the master can give to no task, resent for ever."""
    agent = node.agents[0]
    node.deploy(dict(SLEEP, instances=1, backoffSeconds=3600))
    victim, = agent.containers()
    status = {"task_id": {"value": victim["executor_id"]}, "state": "TASK_FINISHED",
              "source": "SOURCE_EXECUTOR", "uuid": bytes(16), **damage}
    agent.end(signal.SIGKILL)
    os.kill(victim["status"]["executor_pid"], signal.SIGKILL)
    (agent.work_dir / "containers" / victim["container_id"] / "exit").write_bytes(
        SCHEMA.encode("tepui.ExitRecord", {"container_id": victim["container_id"], "status": status}))
    agent.start()
    failure = wait_until(lambda: node.app("/sleep").get("lastTaskFailure"), "the failure's report")
    assert failure["taskId"] == victim["executor_id"]
    assert "executor (pid" in failure["message"]
    wait_until(lambda: not os.listdir(agent.work_dir / "containers"), "no runtime directory")


def test_agent_killed_in_a_loop_while_tasks_come_and_go(node):
    """Whatever arrow the kill hits: in the end the wanted tasks, and nothing beside them."""
    agent = node.agents[0]
    node.call("POST", "/v2/apps", dict(SLEEP, instances=4))
    for turn in range(8):
        node.call("PUT", "/v2/apps/sleep?force=true", {"instances": 2 + turn % 3})
        agent.end(signal.SIGKILL)
        agent.start()
    node.call("PUT", "/v2/apps/sleep?force=true", {"instances": 3})

    def is_settled():
        app = node.app("/sleep")
        return (app["tasksRunning"] == 3 and not app["deployments"] and len(pids(agent)) == 3)
    wait_until(is_settled, "three tasks", 60)
    rows = agent.containers()
    assert {r["executor_id"] for r in rows} == {t["id"] for t in node.tasks("/sleep")}
    alive = {r["container_id"] for r in rows}
    wait_until(lambda: {os.path.basename(d) for d in agent.container_cgroups()} == alive, "cgroups")
    node.remove("/sleep")


def test_a_stuck_executor_does_not_keep_a_task_alive(node):
    agent = node.agents[0]
    node.deploy(dict(SLEEP, instances=1, taskKillGracePeriodSeconds=1))
    pid = pids(agent)[0]
    os.kill(pid, signal.SIGSTOP)
    node.remove("/sleep", 30)
    wait_until(lambda: not agent.container_cgroups(), "empty cgroups")
    assert not os.path.exists(f"/proc/{pid}")


def test_an_executor_that_ends_at_once(cluster):
    cluster.start_master()
    agent = cluster.start_agent("--executor=/bin/false")
    cluster.call("POST", "/v2/apps", dict(SLEEP, instances=1, backoffSeconds=3600))
    failure = wait_until(lambda: cluster.app("/sleep").get("lastTaskFailure"), "the failure")
    assert "exited with status 1" in failure["message"]
    assert not agent.container_cgroups()
    cluster.call("DELETE", "/v2/apps/sleep?force=true")


def test_an_executor_says_why_it_cannot_start(tmp_path):
    """Without what the agent tells it: in the record, for whoever reads the task's status."""
    done = subprocess.run([BUILD / "tepui-executor", tmp_path], env={"MESOS_FRAMEWORK_ID": "F"}, check=False,
                          capture_output=True, text=True, timeout=60 * SLOW)
    assert done.returncode == 1
    record = SCHEMA.decode("tepui.ExitRecord", (tmp_path / "exit").read_bytes())
    assert record == {"container_id": tmp_path.name, "error": "read MESOS_EXECUTOR_ID"}
    assert record["error"] in done.stderr
    # The end of a task, once recorded, is not overwritten.
    (tmp_path / "exit").write_bytes(b"an end")
    subprocess.run([BUILD / "tepui-executor", tmp_path], env={}, check=False, capture_output=True, timeout=60 * SLOW)
    assert (tmp_path / "exit").read_bytes() == b"an end"


def test_what_an_executor_said_last_is_in_the_status(node):
    agent = node.agents[0]
    node.deploy(dict(SLEEP, instances=1, backoffSeconds=3600))
    container = agent.containers()[0]["container_id"]
    (executor,) = pids(agent)
    agent.end(signal.SIGKILL)
    record = {"container_id": container, "error": "reserve space for 'exit': No space left on device"}
    (agent.work_dir / "containers" / container / "exit").write_bytes(SCHEMA.encode("tepui.ExitRecord", record))
    os.kill(executor, signal.SIGKILL)
    agent.start()
    failure = wait_until(lambda: node.app("/sleep").get("lastTaskFailure"), "the failure")
    assert failure["message"].endswith(f"ended before its task did: {record['error']}")
    node.remove("/sleep")


def test_an_executor_that_never_subscribes(cluster):
    source = cluster.directory / "idle.c"
    source.write_text("#include <unistd.h>\nint main(void) { for (;;) pause(); }\n")
    program = cluster.directory / "idle"
    if subprocess.run(["gcc", "-static", "-o", program, source], check=False).returncode:
        cannot_run("cannot compile")
    cluster.start_master()
    agent = cluster.start_agent(f"--executor={program}", "--executor_registration_timeout=300ms")
    cluster.call("POST", "/v2/apps", dict(SLEEP, instances=1, backoffSeconds=3600))
    failure = wait_until(lambda: cluster.app("/sleep").get("lastTaskFailure"), "the failure")
    assert failure["message"] == "executor did not subscribe in time"
    wait_until(lambda: processes_of(agent) == set(), "the executor's end")
    cluster.call("DELETE", "/v2/apps/sleep?force=true")


@pytest.mark.parametrize("damage", ["garbage", "truncated", "empty"])
def test_a_damaged_state_file_does_not_stop_the_start(node, damage):
    agent = node.agents[0]
    node.deploy(dict(SLEEP, instances=1))
    agent.end(signal.SIGKILL)
    path = agent.work_dir / "agent.db"
    size = path.stat().st_size
    if damage == "garbage":
        path.write_bytes(os.urandom(size))
    else:
        with open(path, "r+b") as file:
            file.truncate(size // 2 if damage == "truncated" else 0)
    for extra in ("agent.db-wal", "agent.db-shm"):
        (agent.work_dir / extra).unlink(missing_ok=True)
    agent.start()
    wait_until(lambda: agent.is_alive() and "recovered" in agent.text().rsplit("version", 2)[-2],
               "the start")
    node.call("DELETE", "/v2/apps/sleep?force=true")
    wait_until(lambda: not agent.container_cgroups(), "no container without a record", 60)
    agent.end()


# ---- a full disk ----

def test_a_full_disk_refuses_tasks_and_recovers(cluster):
    """Exits are recorded when there is space again; nothing crashes, nothing is lost."""
    cluster.start_master()
    where = cluster.directory / "small"
    where.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", where],
                      check=False).returncode:
        cannot_run("cannot mount a tmpfs")
    agent = None
    try:
        agent = cluster.start_agent(f"--work_dir={where}/agent")
        agent.work_dir = where / "agent"
        cluster.deploy(dict(SLEEP, instances=1))
        filler = where / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        before = pids(agent)
        cluster.call("PUT", "/v2/apps/sleep?force=true", {"instances": 2})
        wait_until(lambda: metrics(agent)["tepui/is_degraded"] == 1.0 or
                   "No space left" in agent.text(), "notice of the full disk")
        assert agent.is_alive()
        assert set(before) <= set(pids(agent))
        filler.unlink()
        wait_until(lambda: cluster.app("/sleep")["tasksRunning"] == 2 and len(pids(agent)) == 2,
                   "two tasks", 60)
        assert set(before) <= set(pids(agent))
        cluster.remove("/sleep")
        wait_until(lambda: not agent.container_cgroups(), "empty cgroups")
        agent.end()
    finally:
        if agent:
            agent.end(signal.SIGKILL)
        subprocess.run(["umount", "-l", where], check=True)


# ---- few descriptors ----

def few_descriptors(cluster, hard, *wrapper):
    cluster.start_master()
    agent = cluster.start_agent("--resources=cpus:100;mem:100000;disk:1000;ports:[31000-32000]", wait=False)
    agent.end(signal.SIGKILL)
    agent.argv = ["prlimit", f"--nofile=80:{hard}", *wrapper, *agent.argv]
    agent.start()
    wait_until(lambda: is_registered(agent), "the agent's registration")
    return agent


def test_a_low_limit_on_descriptors_is_raised(cluster):
    agent = few_descriptors(cluster, 4096)
    cluster.deploy(dict(SLEEP, cpus=0.01, instances=30))
    assert "open files" not in agent.text()
    cluster.remove("/sleep")
    wait_until(lambda: not os.listdir(agent.work_dir / "containers"), "no runtime directory")


def test_a_limit_that_stays_refuses_the_tasks_beyond_it(cluster):
    agent = few_descriptors(cluster, 128, "setpriv", "--bounding-set=-sys_resource")
    deployed = cluster.call("POST", "/v2/apps", dict(SLEEP, cpus=0.01, instances=8))
    assert deployed.status == 201
    wait_until(lambda: "the agent has 4 tasks, as many as it may open files for" in agent.text(), "a refusal")
    wait_until(lambda: cluster.app("/sleep")["tasksRunning"] == 4, "as many as fit")
    assert len(pids(agent)) == 4
    assert "Too many open files" not in agent.text()


# ---- bad starts: one line, exit status 1, nothing left ----

def start_badly(cluster, *flags, env=None, user=None):
    argv = [str(BUILD / "tepui-agent"), "--master=127.0.0.1:1", f"--work_dir={cluster.directory}/bad",
            "--listen=127.0.0.1:0", f"--cgroup_root={cluster.directory.name}-bad",
            f"--executor={BUILD / 'tepui-executor'}", *flags]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60 * SLOW, env=env, user=user,
                          check=False)
    return done.returncode, done.stderr


def test_both_daemons_tell_of_themselves_alike(node):
    agent = node.agents[0]
    version = node.call("GET", "/version").json
    assert agent.call("GET", "/version").json == version and version["tepui"]["version"] in node.tepui("--version")
    for state in (node.call("GET", "/state").json, agent.call("GET", "/state").json):
        assert (state["version"], state["tepui"]) == (version["version"], version["tepui"])
    assert agent.call("GET", "/state").json["capabilities"] == node.call("GET", "/slaves").json["slaves"][0]["capabilities"]


@pytest.mark.parametrize("flags,expected", [
    (["--master=http://127.0.0.1:5050"], "use '--master=http://127.0.0.1:5050': read address 'http://127.0.0.1:5050': not "),
    (["--work_dir=relative"], "use '--work_dir=relative': it is not absolute"),
    (["--work_dir=/proc/nowhere"], "use '--work_dir'"),
    (["--listen=0.0.0.0:0"], "--insecure takes the risk"),
    (["--resources=cpus:many"], "use '--resources'"),
    (["--attributes=rack"], "read attribute 'rack'"),
    (["--default_user=nosuch"], "use '--default_user=nosuch': there is no such user"),
    (["--executor=/nowhere/tepui-executor"], "open executor '/nowhere/tepui-executor'"),
    (["--executor_environment_variables={"], "use '--executor_environment_variables': line 1"),
    (["--executor_environment_variables=[]"], "use '--executor_environment_variables': not a JSON object"),
    (['--executor_environment_variables={"A=B": "c"}'], "use '--executor_environment_variables': bad name 'A=B'"),
    (['--executor_environment_variables={"A": 1}'], "use '--executor_environment_variables': the value of 'A' is not"),
    (["--cgroup_root=a/b"], "use '--cgroup_root=a/b': it must be one name"),
    (["--nosuchflag"], "nosuchflag"),
    (["surplus"], "understand argument 'surplus'"),
    (["--log_level=loud"], "use '--log_level=loud'"),
])
def test_a_bad_start_says_why_in_one_line(cluster, flags, expected):
    status, text = start_badly(cluster, *flags)
    assert status == 1
    last = text.strip().splitlines()[-1]
    assert last.startswith("tepui-agent: ") and expected in last
    assert len([x for x in text.splitlines() if x.startswith("tepui-agent: ")]) == 1


def test_without_root(cluster):
    os.chmod(cluster.directory, 0o755)
    status, text = start_badly(cluster, user="nobody")
    assert status == 1
    assert "root is needed" in text


def test_a_port_in_use(cluster):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        status, text = start_badly(cluster, f"--listen=127.0.0.1:{s.getsockname()[1]}")
    assert status == 1
    assert str(s) and "Address already in use" in text.splitlines()[-1]


def test_a_second_agent_of_the_same_directory_or_cgroup(node):
    agent = node.agents[0]
    status, text = start_badly(node, f"--work_dir={agent.work_dir}")
    assert status == 1
    assert "belongs to a running agent" in text.splitlines()[-1]
    status, text = start_badly(node, f"--cgroup_root={agent.cgroup_root}")
    assert status == 1
    assert "another agent uses it" in text.splitlines()[-1]
    assert is_registered(agent)


def test_version_and_help(cluster):
    status, _ = start_badly(cluster, "--version")
    assert status == 0
    done = subprocess.run([BUILD / "tepui-agent", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: tepui-agent --master=HOST:PORT [--FLAG=VALUE ...]\n")
    rows = {line.split()[0].split("=")[0]: line for line in done.stdout.splitlines() if line.startswith("  --")}
    assert "(required)" in rows["--master"]
    assert "/var/lib/tepui/agent" in rows["--work_dir"]
    assert "../libexec/tepui" in rows["--executor"]


def test_the_executor_is_found_below_the_same_prefix(cluster):
    """As installed: sbin/ and libexec/tepui/ side by side below any directory."""
    sbin, libexec = cluster.directory / "sbin", cluster.directory / "libexec/tepui"
    sbin.mkdir()
    libexec.mkdir(parents=True)
    agent = shutil.copy(BUILD / "tepui-agent", sbin)
    (libexec / "tepui-executor").write_text("not executable")
    done = subprocess.run([agent, "--master=127.0.0.1:1", f"--work_dir={cluster.directory}/work"],
                          capture_output=True, text=True, timeout=30 * SLOW)
    assert done.returncode == 1
    assert "use executor 'tepui-executor': not a program" in done.stderr.splitlines()[-1]


# ---- refusals ----

@pytest.mark.parametrize("change,expected", [
    ({"user": "nosuch"}, "the node has no user 'nosuch'"),
])
def test_a_refused_task_says_why(node, change, expected):
    node.call("POST", "/v2/apps", dict(SLEEP, instances=1, backoffSeconds=3600, **change))
    failure = wait_until(lambda: node.app("/sleep").get("lastTaskFailure"), "the refusal")
    assert expected in failure["message"]
    assert not node.agents[0].container_cgroups()
    node.call("DELETE", "/v2/apps/sleep?force=true")
    wait_until(lambda: node.app("/sleep") is None, "the end of the app")


# ---- what operators read ----

@pytest.mark.vm
def test_the_read_side(node):
    agent = node.agents[0]
    node.deploy(SLEEP)
    for prefix in ("", "/slave(1)"):
        assert agent.call("GET", prefix + "/health").status == 200
        assert agent.call("GET", prefix + "/version").json["version"]
        assert agent.call("GET", prefix + "/flags").json["flags"]["cgroup_root"] == agent.cgroup_root
    state = agent.call("GET", "/state").json
    assert state["id"].endswith("-S0") and state["resources"]["cpus"] > 0
    executors = state["frameworks"][0]["executors"]
    assert {e["tasks"][0]["state"] for e in executors} == {"TASK_RUNNING"}
    rows = agent.containers()
    assert len(rows) == 2
    for row in rows:
        assert row["statistics"]["mem_limit_bytes"] == 32 << 20
        assert row["statistics"]["cpus_limit"] == pytest.approx(0.1)
        assert row["tepui"]["pids"] >= 1 and row["tepui"]["pids_limit"] == 1024
    only = agent.call("GET", f"/containers?container_id={rows[0]['container_id']}").json
    assert [r["container_id"] for r in only] == [rows[0]["container_id"]]
    statistics = agent.call("GET", "/monitor/statistics").json
    assert {s["executor_id"] for s in statistics} == {r["executor_id"] for r in rows}
    text = agent.call("GET", "/metrics").body.decode()
    assert f'container="{rows[0]["container_id"]}"' in text
    assert "tepui_agent_registered 1\n" in text
    snapshot = metrics(agent)
    assert snapshot["slave/tasks_running"] == 2 and snapshot["slave/cpus_used"] == pytest.approx(0.2)
    index = agent.call("GET", "/").json
    assert index["name"] == "tepui-agent" and index["version"]
    assert {agent.call("GET", path).status for path in index["see"]} == {200}
    jsonp = agent.call("GET", "/health?jsonp=x")
    assert jsonp.status == 200
    assert agent.call("GET", "/state?jsonp=f.g").body.startswith(b"f.g({")
    assert agent.call("GET", "/state?jsonp=alert(1)//").status == 400
    assert agent.call("POST", "/api/v1/executor", b"{}",
                      {"Content-Type": "application/json"}).status == 401
    node.remove("/sleep")


def test_gauges_of_usage_grow(cluster):
    cluster.start_master()
    agent = cluster.start_agent("--sample_interval=200ms")
    cluster.deploy(dict(SLEEP, instances=1, cmd="while :; do :; done", cpus=0.5))
    row = wait_until(lambda: next((r for r in agent.containers()
                                   if r["tepui"].get("cpus_used", 0) > 0.2), None), "a busy task")
    history = wait_until(
        lambda: (lambda h: h if len(h) > 2 else None)(
            agent.call("GET", f"/containers/{row['container_id']}/history").json), "a history")
    assert history[0]["timestamp"] < history[-1]["timestamp"]
    assert history[0]["cpu_usage_usec"] < history[-1]["cpu_usage_usec"]
    cluster.remove("/sleep")


def read(agent, path, **query):
    return agent.call("GET", "/files/read?" + urllib.parse.urlencode(dict(path=path, **query)))


def test_sandbox_files(node):
    agent = node.agents[0]
    node.deploy(dict(SLEEP, instances=1))
    row = agent.containers()[0]
    base = f"/sandboxes/{row['container_id']}"
    wait_until(lambda: read(agent, base + "/stdout", offset=0).json["data"] == "out\n", "output")
    assert read(agent, base + "/stdout", offset=-1).json == {"data": "", "offset": 4}
    assert read(agent, base + "/stdout", offset=1, length=2).json == {"data": "ut", "offset": 1}
    assert read(agent, row["tepui"]["sandbox"] + "/stderr", offset=0).json["data"] == "err\n"
    for path, reason in ((f"{base}/nope", f"open '{base}/nope': no such file or directory"),
                         (f"{base}/stdout/x", f"open '{base}/stdout/x': not a directory"),
                         ("/sandboxes/nope/x", "find the sandbox of container 'nope': no such container here")):
        answer = read(agent, path, offset=0)
        assert (answer.status, answer.body.decode()) == (404, reason)
    names = {os.path.basename(f["path"]) for f in
             agent.call("GET", "/files/browse?path=" + base).json}
    assert names == {"stdout", "stderr"}
    download = agent.call("GET", "/files/download?path=" + base + "/stdout")
    assert download.body == b"out\n"
    assert download.headers["X-Content-Type-Options"] == "nosniff"
    assert 'filename="stdout"' in download.headers["Content-Disposition"]
    node.remove("/sleep")
    # The sandbox outlives its task.
    assert read(agent, base + "/stdout", offset=0).json["data"] == "out\n"


HOSTILE = """
ln -s /etc/passwd absolute; ln -s ../../../../../../../../../../etc/passwd relative
ln -s /proc/self/root/etc/passwd magic; ln -s loop loop; mkfifo fifo; ln -s .. up
mkdir sub; echo inside >sub/file; ln -s sub/file good
printf 'x%.0s' $(seq 100) >"$(printf 'new\\nline')"; echo '<script>' >'a"b;c'
truncate -s 1T huge; printf '\\377\\376' >binary
echo done >ready; exec sleep 1000
"""

ESCAPES = [
    "/../stdout", "/..", "/../../../../../../../../etc/passwd", "/./../../x", "//../..//x",
    "/absolute", "/relative", "/magic", "/loop", "/fifo", "/up/../x", "/up/", "/sub/../../..",
    "/absolute/", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "/stdout/..", "/stdout/",
    "/sub", "/nothing", "/" + "a" * 300, "/" + "a/" * 1500, "\\..\\..\\etc\\passwd", "/..;/x",
    "x", "0", "/sub/file/../../../../..", "/\u202e", "/..\u2215..", "/proc/self/environ",
]


def test_nothing_but_the_sandbox_is_readable(node):
    agent = node.agents[0]
    node.deploy(dict(SLEEP, instances=1, cmd=HOSTILE))
    row = agent.containers()[0]
    base = f"/sandboxes/{row['container_id']}"
    wait_until(lambda: read(agent, base + "/ready", offset=0).status == 200, "the hostile files")
    for path in ESCAPES:
        for kind in ("read", "download", "browse"):
            query = urllib.parse.urlencode({"path": base + path, "offset": 0})
            answer = agent.call("GET", f"/files/{kind}?{query}")
            assert b"root:" not in answer.body, path
            if not (kind == "browse" and path in ("/sub", )):
                assert answer.status in (400, 403, 404, 414), (kind, path, answer.status, answer.body)
    for path in ("/etc/passwd", "", "relative", "/sandboxes", "/sandboxes/", "/sandboxes//stdout",
                 str(agent.work_dir), f"{agent.work_dir}/agent.db", f"{agent.work_dir}/slaves",
                 f"{agent.work_dir}/slaves/../agent.db", f"{agent.work_dir}x/slaves/a/b/c/d/e/f/g/h",
                 f"{agent.work_dir}/slaves/./../../x/y/z/u/v/w"):
        assert read(agent, path, offset=0).status in (400, 403, 404), path
    assert read(agent, base + "/good", offset=0).json["data"] == "inside\n"
    assert read(agent, base + "/binary", offset=0).json["data"] == "??"
    assert len(read(agent, base + "/huge", offset=1 << 39).json["data"]) == 64 << 10
    assert read(agent, base + "/huge", offset=(1 << 63) - 1).status in (200, 400)
    assert read(agent, base + "/stdout", offset="x").status == 400
    assert read(agent, base + "/stdout", offset=0, length=-5).status == 400
    odd = agent.call("GET", "/files/download?" + urllib.parse.urlencode({"path": base + '/a"b;c'}))
    assert odd.headers["Content-Disposition"] == 'attachment; filename="a_b_c"'
    node.remove("/sleep")


# ---- removal of sandboxes ----

def test_old_sandboxes_are_removed(cluster):
    cluster.start_master()
    agent = cluster.start_agent("--gc_delay=1ms")
    cluster.deploy(dict(SLEEP, instances=1, cmd="mkdir -p $(seq -s/ 1 90); exec sleep 1000"))
    row = agent.containers()[0]
    sandbox = pathlib.Path(row["tepui"]["sandbox"])
    assert sandbox.is_dir()
    cluster.remove("/sleep")
    agent.end()
    agent.start()
    wait_until(lambda: not sandbox.parents[2].exists(), "the sandbox's end", 30)
    trash = agent.work_dir / "trash"
    wait_until(lambda: not trash.exists() or not list(trash.iterdir()), "an empty trash")


def test_a_sandbox_that_outgrows_its_disk(cluster):
    cluster.start_master()
    agent = cluster.start_agent("--enforce_container_disk_quota", "--sample_interval=200ms")
    cluster.call("POST", "/v2/apps", dict(
        SLEEP, instances=1, disk=2, backoffSeconds=3600,
        cmd="dd if=/dev/zero of=big bs=1M count=4 2>/dev/null; exec sleep 1000"))
    failure = wait_until(lambda: cluster.app("/sleep").get("lastTaskFailure"), "the limit", 40)
    assert "disk limit exceeded" in failure["message"]
    wait_until(lambda: not agent.container_cgroups(), "empty cgroups")
    cluster.call("DELETE", "/v2/apps/sleep?force=true")


# ---- the executors' socket ----

class LocalClient:
    """HTTP over the agent's unix socket."""

    def __init__(self, path):
        self.path = str(path)

    def post(self, body, headers):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.path)
            head = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            s.sendall(f"POST /api/v1/executor HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{head}"
                      f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
            return s.recv(65536).decode(errors="replace")


class FakeExecutor:
    """What tepui-executor says, said by the test; the process that the agent spawned only idles."""

    def __init__(self, agent, row):
        self.client = LocalClient(agent.work_dir / "agent.sock")
        self.ids = {"executor_id": {"value": row["executor_id"]},
                    "framework_id": {"value": row["framework_id"]}}
        self.task_id, self.sent = row["executor_id"], 0
        self.socket, self.reader = None, None

    def subscribe(self, updates=(), tasks=()):
        """A new stream; the former one, if any, is for the agent to end."""
        call = dict(self.ids, type="SUBSCRIBE", subscribe={
            "unacknowledged_updates": [{"status": u} for u in updates],
            "unacknowledged_tasks": list(tasks)})
        data = json.dumps(call).encode()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(self.client.path)
        self.socket.sendall(
            b"POST /api/v1/executor HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Accept: application/json\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
        self.reader = self.socket.makefile("rb")
        assert b" 200 " in self.reader.readline()
        while self.reader.readline().strip():
            pass
        event = self.event()
        assert event["type"] == "SUBSCRIBED"
        assert event["subscribed"]["executor_info"]["executor_id"]["value"] == self.task_id
        return event

    def event(self):
        """One chunk is one record: "LENGTH\\n" and the JSON."""
        size = int(self.reader.readline(), 16)
        record = self.reader.read(size + 2)[:size]
        length, text = record.split(b"\n", 1)
        assert int(length) == len(text)
        return json.loads(text)

    def status(self, state, **more):
        self.sent += 1
        return dict({"task_id": {"value": self.task_id}, "state": state, "source": "SOURCE_EXECUTOR",
                     "uuid": base64.b64encode(self.sent.to_bytes(16, "big")).decode()}, **more)

    def update(self, status):
        answer = self.client.post(dict(self.ids, type="UPDATE", update={"status": status}),
                                  {"Content-Type": "application/json"})
        return int(answer.split()[1])

    def expect_acknowledged(self, status):
        event = self.event()
        assert event["type"] == "ACKNOWLEDGED", event
        assert event["acknowledged"]["uuid"] == status["uuid"]


@pytest.fixture
def fake(cluster):
    """A task whose executor is played by the test."""
    program = cluster.directory / "idle"
    source = cluster.directory / "idle.c"
    source.write_text("#include <unistd.h>\nint main(void) { for (;;) pause(); }\n")
    if subprocess.run(["gcc", "-static", "-o", program, source], check=False).returncode:
        cannot_run("cannot compile")
    cluster.start_master()
    agent = cluster.start_agent(f"--executor={program}")
    cluster.call("POST", "/v2/apps", dict(SLEEP, instances=1, backoffSeconds=3600))
    row = wait_until(lambda: next(iter(agent.containers()), None), "the task")
    yield agent, FakeExecutor(agent, row)
    cluster.call("DELETE", "/v2/apps/sleep?force=true")


def test_the_executor_api_from_launch_to_end(cluster, fake):
    agent, executor = fake
    running = executor.status("TASK_RUNNING")
    assert executor.update(running) == 403
    assert " 406 " in executor.client.post(dict(executor.ids, type="SUBSCRIBE", subscribe={}),
                                           {"Content-Type": "application/json", "Accept": "text/html"})
    executor.subscribe()
    launch = executor.event()
    assert launch["type"] == "LAUNCH"
    assert launch["launch"]["task"]["task_id"]["value"] == executor.task_id
    assert executor.update(running) == 202
    executor.expect_acknowledged(running)
    wait_until(lambda: cluster.app("/sleep")["tasksRunning"] == 1, "RUNNING at the master")
    for wrong in (dict(running, uuid=""), dict(running, uuid="AAAA"), dict(running, source="SOURCE_AGENT"),
                  dict(running, state="TASK_STAGING"), dict(running, task_id={"value": "other"}),
                  dict(running, executor_id={"value": "other"}), {"state": "TASK_RUNNING"}):
        assert executor.update(wrong) == 400, wrong
    assert executor.update(running) == 202
    executor.expect_acknowledged(running)
    cluster.call("DELETE", "/v2/apps/sleep?force=true")
    kill = executor.event()
    assert kill["type"] == "KILL" and kill["kill"]["task_id"]["value"] == executor.task_id
    killed = executor.status("TASK_KILLED", message="by request")
    assert executor.update(killed) == 202
    executor.expect_acknowledged(killed)
    assert executor.update(executor.status("TASK_RUNNING")) == 202
    wait_until(lambda: cluster.app("/sleep") is None, "the end of the app")
    assert agent.text().count("': TASK_") == 2


def test_an_executor_that_comes_back(cluster, fake):
    """Whatever the agent knows already is acknowledged again and told to nobody twice."""
    agent, executor = fake
    executor.subscribe()
    first = executor.reader
    assert executor.event()["type"] == "LAUNCH"
    # It got the task but nothing of it was heard: no second LAUNCH, and the old stream ends.
    task = {"name": "t", "task_id": {"value": executor.task_id}, "agent_id": {"value": "x"}}
    executor.subscribe(tasks=[task])
    assert first.readline() == b"0\r\n"
    starting, running = executor.status("TASK_STARTING"), executor.status("TASK_RUNNING")
    assert executor.update(starting) == 202
    executor.expect_acknowledged(starting)
    assert executor.update(running) == 202
    executor.expect_acknowledged(running)
    wait_until(lambda: cluster.app("/sleep")["tasksRunning"] == 1, "RUNNING at the master")
    agent.end(signal.SIGKILL)
    agent.start()
    wait_until(lambda: is_registered(agent), "registration")
    healthy = executor.status("TASK_RUNNING", healthy=True)
    executor.subscribe(updates=[starting, running, healthy], tasks=[task])
    for status in (starting, running, healthy):
        executor.expect_acknowledged(status)
    # One line each, in order, over both lives of the agent.
    states = [line.rsplit(": ", 1)[1] for line in agent.text().splitlines() if "': TASK_" in line]
    assert states == ["TASK_STARTING", "TASK_RUNNING", "TASK_RUNNING"]
    failed = executor.status("TASK_FAILED", message="enough")
    assert executor.update(failed) == 202
    executor.expect_acknowledged(failed)
    failure = wait_until(lambda: cluster.app("/sleep").get("lastTaskFailure"), "the failure")
    assert failure["message"] == "enough"


def test_the_executor_api_refuses_strangers(node):
    agent = node.agents[0]
    client = LocalClient(agent.work_dir / "agent.sock")
    form = {"Content-Type": "application/json", "Accept": "application/json"}
    subscribe = {"type": "SUBSCRIBE", "executor_id": {"value": "e"}, "framework_id": {"value": "f"},
                 "subscribe": {}}
    assert " 400 " in client.post(subscribe, form)
    assert "cannot be found" in client.post(subscribe, form)
    assert "Expecting 'subscribe' to be present" in client.post(dict(subscribe, subscribe=None), form)
    assert "Expecting 'type' to be present" in client.post(dict(subscribe, type="NEWS"), form)
    assert " 501 " in client.post(dict(subscribe, type="UNKNOWN"), form)
    assert " 400 " in client.post(b"{", form)
    assert " 400 " in client.post({"type": "SUBSCRIBE"}, form)
    assert " 415 " in client.post(subscribe, {"Content-Type": "text/plain"})
    assert " 400 " in client.post(subscribe, {})
    mode = os.stat(agent.work_dir / "agent.sock").st_mode & 0o777
    assert mode == 0o600
    assert os.stat(agent.work_dir).st_mode & 0o777 == 0o700
