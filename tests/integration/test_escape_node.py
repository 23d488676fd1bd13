"""
What a hostile task or client tries against the node's daemons, from outside of the prober: strings, races with the
files that the agent reads, recycled pids, floods (reliability.md 1.2 to 1.6).
"""
import collections
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import urllib.parse

import pytest

from cluster import BUILD, SLOW, wait_until
from hostile import hostile_cluster  # noqa: F401
from host_snapshot import differences, host_state

PROGRAMS = [BUILD / name for name in ("tepui-agent", "tepui-executor", "tepui-master")]
PROBER = BUILD / "tests/escape/isoprobe"
ROUNDS = int(os.environ.get("TEPUI_TEST_RACE_ROUNDS", "300" if SLOW == 1 else "40"))
SECRET = b"the canary sings"
PROFILE = "/memfd:tepui-seccomp (deleted)"
APP = {"id": "/app", "cmd": "exec sleep 1000", "cpus": 0.1, "mem": 64, "instances": 1}


@pytest.fixture(autouse=True)
def unchanged_host(hostile):
    before = host_state(hostile.canaries, PROGRAMS)
    yield
    for app in hostile.call("GET", "/v2/apps").json["apps"]:
        hostile.call("DELETE", f"/v2/apps{urllib.parse.quote(app['id'])}?force=true")
    wait_until(lambda: hostile.call("GET", "/v2/apps").json["apps"] == [], "the end of all apps", 60)
    wait_until(lambda: not hostile.agents[0].container_cgroups(), "the end of all tasks", 60)
    assert differences(before, host_state(hostile.canaries, PROGRAMS)) == []
    assert hostile.agents[0].is_alive() and hostile.master.is_alive()


def sandbox_of(cluster, app_id):
    row = next(c for c in cluster.agents[0].containers() if c["executor_id"].startswith(app_id.strip("/")))
    return pathlib.Path(row["tepui"]["sandbox"]), row


def run_task(cluster, script, **app):
    """An app whose task runs SCRIPT in its sandbox: the sandbox on the host, and the agent's row."""
    cluster.deploy({**APP, "cmd": script, **app})
    return sandbox_of(cluster, app.get("id", "/app"))


def prober_task(cluster, arguments, **app):
    """The same for the prober: it is put into the sandbox, then it starts."""
    sandbox, row = run_task(cluster, f"while ! [ -e go ]; do sleep 0.05; done; {arguments}", **app)
    shutil.copy(PROBER, sandbox / "isoprobe")
    (sandbox / "go.new").touch()
    (sandbox / "go.new").rename(sandbox / "go")
    return sandbox, row


# ---- A1, A2: commands that start beside the task ----

LOOKS = ["A1.write-any", "A2.poll", "A1.write-init", "A1.read-init", "A2.seize", "A2.read-mem"]


@pytest.mark.parametrize("user", ["nobody", "root"])
def test_nothing_of_the_runtime_is_open_while_commands_start(hostile, user):
    """The prober looks into whatever comes by, while commands are run beside it and other tasks start."""
    sandbox, _ = prober_task(hostile, f"./isoprobe {' '.join(LOOKS)}; echo all; exec sleep 1000", user=user, cpus=1)
    task = hostile.tasks("/app")[0]["id"]
    for _ in range(16 if SLOW == 1 else 5):
        done = subprocess.run([BUILD / "tepui", f"--master={hostile.master_address}", "task", "exec", task, "--",
                               "/bin/cat", "/proc/self/status"],
                              capture_output=True, text=True, timeout=120 * SLOW, stdin=subprocess.DEVNULL, check=False)
        assert "NoNewPrivs:\t1" in done.stdout and "Seccomp:\t2" in done.stdout, done
    wait_until(lambda: "all\n" in (sandbox / "stdout").read_text(), "the prober's end", 180)
    lines = [line.split("\t") for line in (sandbox / "stdout").read_text().splitlines() if "\t" in line]
    assert sorted(line[0] for line in lines) == sorted(LOOKS) and "allowed" not in {line[1] for line in lines}, lines


# ---- A6: strings that are more than that ----

HOSTILE_STRINGS = ["binary:///bin/touch /tmp/canary", "--version", "-rf /", "%s%s%n", "$(touch /tmp/canary)", "`reboot`",
                   "a\nb", "a\r\nX-Header: 1", "../../etc/passwd", "..", ".", "/", "", "x" * 5000, "\u0000", "\x1b[2J",
                   "caf\u00e9\u202e", "; rm -rf /", "|/bin/sh", "1+kernel.core_pattern=x", "a,b=c", "\ud800"]


def with_string(field, text):
    app = json.loads(json.dumps(APP))
    app["id"] = "/strings"
    if field == "id":
        app["id"] = "/" + text
    elif field == "cmd":
        app["cmd"] = "exec sleep 1000 # " + text
    elif field == "env name":
        app["env"] = {text: "1"}
    elif field == "env value":
        app["env"] = {"V": text}
    elif field == "label":
        app["labels"] = {text: text}
    elif field == "user":
        app["user"] = text
    elif field == "args":
        app.pop("cmd")
        app["args"] = ["/bin/echo", text]
    elif field == "fetch":
        app["fetch"] = [{"uri": text}]
    elif field == "constraint":
        app["constraints"] = [["hostname", "LIKE", text]]
    else:
        app["healthChecks"] = [{"protocol": "COMMAND", "command": {"value": "true # " + text}}]
    return app


FIELDS = ["id", "cmd", "env name", "env value", "label", "user", "args", "fetch", "constraint", "health check"]


@pytest.mark.parametrize("field", FIELDS)
def test_strings_are_only_strings(hostile, field):
    """Refused with a sentence, or taken as they are: never a path, an option, a format or a line of something."""
    for text in HOSTILE_STRINGS:
        app = with_string(field, text)
        answer = hostile.call("POST", "/v2/apps", json.dumps(app), {"Content-Type": "application/json"})
        assert answer.status in (201, 400, 409, 422), (text, answer.status, answer.body)
        if answer.status != 201:
            assert answer.json["message"], text
            continue
        kept = hostile.app(urllib.parse.quote(answer.json["id"]))
        assert kept is not None, text
        # Whatever becomes of its tasks is told; what it is called is what was asked for.
        if field == "env value":
            assert kept["env"] == {"V": text}
        hostile.call("DELETE", f"/v2/apps{urllib.parse.quote(answer.json['id'])}?force=true")
        wait_until(lambda: hostile.call("GET", "/v2/apps").json["apps"] == [], "the app's end", 60)
    assert not os.path.exists("/tmp/canary")


# ---- C6, C7: what would be fetched ----

@pytest.mark.parametrize("uri", ["file:///etc/shadow", "/etc/shadow", "http://127.0.0.1:1/x", "https://127.0.0.1:1/x",
                                 "ftp://127.0.0.1/x", "git::ssh://x/--upload-pack=touch", "s3::http://x/y",
                                 "http://169.254.169.254/latest/meta-data", "hdfs://x/y", "gopher://x:70/_x"])
def test_nothing_is_fetched_that_cannot_be_fetched_safely(hostile, uri):
    """There is no fetching yet: an app that asks for it is refused, so that no agent ever sees an address."""
    for app in (dict(APP, fetch=[{"uri": uri}]), dict(APP, uris=[uri])):
        answer = hostile.call("POST", "/v2/apps", app)
        assert answer.status == 422 and "fetch" in answer.body.decode() or "uris" in answer.body.decode(), answer.body


# ---- D4: users ----

@pytest.mark.parametrize("name", ["0", "00", "+0", "-1", "-0", "0x0", "4294967295", "4294967296", "18446744073709551616",
                                  "1000:", ":0", "0:0", "1e3", " 0", "0 ", "0\n", "root ", " root", "ROOT", "root\n",
                                  "nobody:root", "root:", "%00", "../root"])
def test_no_user_is_root_by_accident(hostile, name):
    """Only 'root' is: whatever else there is runs as exactly that user, or not at all."""
    answer = hostile.call("POST", "/v2/apps", {**APP, "cmd": "id -u >uid; id -u; exec sleep 1000", "user": name})
    if answer.status != 201:
        assert answer.status == 422, answer.body
        return
    fate = wait_until(lambda: hostile.app("/app").get("lastTaskFailure") or written_uid(hostile), "a fate")
    if isinstance(fate, dict):
        assert "has no user" in fate["message"], fate
    else:
        assert fate != "0" and fate == name, (name, fate)


def written_uid(cluster):
    """What the task has written of itself, once it has."""
    with contextlib.suppress(StopIteration, OSError):
        return (sandbox_of(cluster, "/app")[0] / "uid").read_text().strip()
    return None


# ---- D6: rights are those of the task, also after the agent's end ----

@pytest.mark.vm
def test_commands_have_the_task_s_rights_after_a_restart(hostile):
    agent = hostile.agents[0]
    hostile.deploy(APP)
    task = hostile.tasks("/app")[0]["id"]
    agent.end(signal.SIGKILL)
    agent.start()
    wait_until(lambda: hostile.active_agents() and agent_knows(agent), "the agent's return", 60)
    rights = wait_until(lambda: exec_in(hostile, task, "id -u; id -G; grep -E 'Cap|NoNew|Seccomp:' /proc/self/status"), "exec")
    assert rights.split() == ["65534", "65534", "CapInh:", "0" * 16, "CapPrm:", "0" * 16, "CapEff:", "0" * 16, "CapBnd:",
                              "0" * 16, "CapAmb:", "0" * 16, "NoNewPrivs:", "1", "Seccomp:", "2"]


def agent_knows(agent):
    with contextlib.suppress(OSError, ValueError):
        return len(agent.containers()) == 1
    return False


def exec_in(cluster, task, script):
    done = subprocess.run([BUILD / "tepui", f"--master={cluster.master_address}", "task", "exec", task, "--", "/bin/sh", "-c",
                           script], capture_output=True, text=True, timeout=120 * SLOW, stdin=subprocess.DEVNULL, check=False)
    return done.stdout if done.returncode == 0 else None


# ---- A7: a pid that is somebody else's by now ----

@pytest.mark.vm
def test_a_recycled_pid_is_not_signalled(hostile, tmp_path):
    """The executor is gone while nobody looks, and a stranger has its pid: the next agent lets it be."""
    agent = hostile.agents[0]
    hostile.deploy(dict(APP, backoffSeconds=3600))
    pid = agent.containers()[0]["status"]["executor_pid"]
    agent.end(signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the executor's end")
    stranger = subprocess.Popen([BUILD / "tests/escape/namesake", str(pid)], stdout=subprocess.PIPE, text=True)
    try:
        if stranger.stdout.readline() != f"{pid}\n":
            pytest.skip("somebody else has the pid already")
        agent.start()
        wait_until(lambda: hostile.app("/app").get("lastTaskFailure"), "the task's end", 60)
        hostile.remove("/app")
        assert stranger.poll() is None
        assert "SigPnd:\t" + "0" * 16 in pathlib.Path(f"/proc/{pid}/status").read_text()
        assert "ShdPnd:\t" + "0" * 16 in pathlib.Path(f"/proc/{pid}/status").read_text()
    finally:
        stranger.kill()
        stranger.wait()


# ---- A5, B9, B11, E24: the files that the agent reads for others ----

FILES = ["/files/read", "/files/download", "/files/browse"]


def read_file(agent, call, path):
    return agent.call("GET", f"{call}?" + urllib.parse.urlencode(dict(path=path, **({"offset": 0} if "read" in call else {}))))


def test_files_that_are_exchanged_show_nothing_of_the_host(hostile):
    """A name that is a file in one moment and a link to the host in the next, on both ways to read it."""
    agent = hostile.agents[0]
    sandbox, row = prober_task(hostile, "echo mine >name; ln -s $CANARY link; mkdir dir; echo mine >dir/file; "
                               "ln -s $(dirname $CANARY) dirlink; ./isoprobe --flip name link & ./isoprobe --flip dir dirlink; wait",
                               env={"CANARY": str(hostile.canaries.file)})
    wait_until(lambda: "flipping" in (sandbox / "stdout").read_text(), "the exchange")
    base, seen = f"/sandboxes/{row['container_id']}", set()
    for turn in range(ROUNDS):
        for name in ("name", "link", "dir/file", "dirlink/file"):
            answer = read_file(agent, FILES[turn % 3], f"{base}/{name}")
            seen.add(answer.status)
            assert SECRET not in answer.body, (name, answer.body)
    assert 200 in seen and seen <= {200, 400, 403, 404}, seen


PLANTED = {
    "link": "rm -f stdout; ln -s $CANARY stdout", "directory": "rm -f stdout; mkdir stdout", "fifo": "rm -f stdout; mkfifo stdout",
    "hard": "rm -f stdout; ln /etc/hostname stdout || touch stdout", "up": "rm -f stdout; ln -s ../../../../../../../../../etc/shadow stdout",
    "magic": "rm -f stdout; ln -s /proc/self/root/etc/shadow stdout", "null": "rm -f stdout; ln -s /dev/zero stdout",
    "socket": "rm -f stdout; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"stdout\")'",
}


@pytest.mark.parametrize("kind", PLANTED)
def test_what_takes_the_place_of_a_log_is_not_followed(hostile, kind):
    """The agent is not held up by it, shows nothing of the host, and the task's end is told all the same."""
    agent = hostile.agents[0]
    sandbox, row = run_task(hostile, f"{PLANTED[kind]}; touch planted; while :; do echo noise; sleep 0.1; done",
                            env={"CANARY": str(hostile.canaries.file)})
    wait_until(lambda: (sandbox / "planted").exists(), "the plant")
    for call in FILES:
        answer = read_file(agent, call, f"/sandboxes/{row['container_id']}/stdout")
        assert SECRET not in answer.body and b"root:" not in answer.body and len(answer.body) < 1 << 20
    agent.end(signal.SIGKILL)
    agent.start()
    wait_until(lambda: agent_knows(agent), "the agent's return", 60)
    hostile.remove("/app")


def test_programs_of_a_sandbox_are_never_run_by_the_node(hostile, tmp_path):
    """CVE-2019-14271 and its like: names that a copying or listing daemon would run or load."""
    agent, mark = hostile.agents[0], tmp_path / "was-run"
    sandbox, row = run_task(hostile, "sleep 1000")
    for name in ("tar", "unpigz", "gzip", "ps", "libnss_files.so.2", "libc.so.6", "ld.so.preload", "core", ".bashrc"):
        (sandbox / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
        (sandbox / name).chmod(0o755)
    for name in os.listdir(sandbox):
        for call in FILES:
            assert read_file(agent, call, f"/sandboxes/{row['container_id']}/{name}").status in (200, 400, 404)
    for path in ("/containers", "/state", "/monitor/statistics", "/metrics"):
        assert agent.call("GET", path).status == 200
    assert not mark.exists()


def test_control_bytes_do_not_reach_a_terminal(hostile):
    """CVE-2021-25743: what a task or an app is called is printed without what would command a terminal."""
    label = "red\x1b[31m\x07\x9b2J"
    answer = hostile.call("POST", "/v2/apps", {**APP, "cmd": "printf '\\033]0;owned\\007'; exec sleep 1000",
                                               "labels": {"l": label}, "env": {"E": label}})
    assert answer.status in (201, 422)
    if answer.status == 201:
        wait_until(lambda: hostile.tasks("/app"), "the task")
    for command in (["app", "list"], ["app", "show", "/app"], ["task", "list"], ["node", "show"], ["queue"]):
        printed = hostile.tepui(*command, check=False)
        assert not set(printed.stdout + printed.stderr) & {"\x1b", "\x07", "\x9b"}, command


# ---- E16: who may look into our directories ----

def test_directories_are_closed_to_others(hostile):
    sandbox, _ = run_task(hostile, "sleep 1000")
    agent = hostile.agents[0]
    for directory in (agent.work_dir, hostile.directory / "master"):
        assert directory.stat().st_mode & 0o7777 == 0o700
    for path in (sandbox, agent.work_dir, agent.work_dir / "agent.db", agent.work_dir / "containers"):
        looked = subprocess.run(["ls", "-ld", path], capture_output=True, user="nobody", check=False)
        assert looked.returncode != 0 or path == agent.work_dir, path
    assert subprocess.run(["ls", agent.work_dir], capture_output=True, user="nobody", check=False).returncode != 0


# ---- E22, E23, E25: floods ----

FLOODS = {
    "output": "exec cat /dev/zero", "errors": "exec cat /dev/urandom >&2",
    "forks": "bomb() { bomb | bomb & }; bomb; exec sleep 1000",
    "descriptors": "i=0; while :; do eval \"exec $((i % 200 + 3))</dev/null\" || :; i=$((i + 1)); done",
    "files": "i=0; while [ $i -lt 20000 ]; do : >f$i || :; i=$((i + 1)); done; exec sleep 1000",
    "memory": "exec python3 -c 'b = bytearray(1 << 30)'",
    "signals": "while :; do kill -URG 1 $$ 2>/dev/null; kill -URG -1; done",
    "depth": "d=.; i=0; while [ $i -lt 2000 ] && mkdir d && cd d; do i=$((i + 1)); done; exec sleep 1000",
}


@pytest.mark.parametrize("kind", [pytest.param(k, marks=pytest.mark.vm) if k in ("forks", "memory") else k for k in FLOODS])
def test_the_agent_answers_during_a_flood(hostile, kind):
    agent = hostile.agents[0]
    files, memory = descriptors(agent.pid), resident(agent.pid)
    hostile.call("POST", "/v2/apps", {**APP, "cmd": FLOODS[kind], "cpus": 0.2, "mem": 32, "backoffSeconds": 3600})
    wait_until(lambda: hostile.tasks("/app") or hostile.app("/app").get("lastTaskFailure"), "the flood")
    for _ in range(40 if SLOW == 1 else 10):
        assert agent.call("GET", "/containers").status == 200
        assert hostile.call("GET", "/v2/apps").status == 200
    if kind == "memory":
        failure = wait_until(lambda: hostile.app("/app").get("lastTaskFailure"), "the limit")
        assert "Memory limit exceeded" in failure["message"]
    hostile.remove("/app", 120)
    wait_until(lambda: not agent.container_cgroups(), "the end of its groups", 60)
    wait_for_descriptors(agent.pid, files)
    assert resident(agent.pid) < memory + (16 << 20)


def descriptors(pid):
    """What is open, each as often as it is: sockets and the like by their kind."""
    found = collections.Counter()
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            found[os.readlink(f"/proc/{pid}/fd/{name}").split(":[")[0]] += 1
    return found


def wait_for_descriptors(pid, before):
    """Until no more are open than BEFORE, but for connections kept for the next call and compiled profiles."""
    def more():
        return {k: n for k, n in (descriptors(pid) - before).items() if n > {"socket": 4, PROFILE: 1}.get(k, 0)}
    try:
        wait_until(lambda: not more(), "descriptors back")
    except AssertionError:
        raise AssertionError(f"more descriptors than before: {more()}") from None


def resident(pid):
    fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) << 10


def test_abandoned_streams_leave_nothing(hostile):
    """Commands with endless output, whose readers go away."""
    agent = hostile.agents[0]
    hostile.deploy(APP)
    task = hostile.tasks("/app")[0]["id"]
    files, memory = descriptors(agent.pid), resident(agent.pid)
    for _ in range(20 if SLOW == 1 else 4):
        client = subprocess.Popen([BUILD / "tepui", f"--master={hostile.master_address}", "task", "exec", task, "--", "/bin/cat",
                                   "/dev/zero"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert client.stdout.read(1 << 16)
        client.kill()
        client.wait()
        client.stdout.close()
    wait_for_descriptors(agent.pid, files)
    assert resident(agent.pid) < memory + (16 << 20)
