"""The command line: tables for people, --json for programs, exit statuses for scripts."""
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from cluster import BUILD, REPOSITORY, SLOW, wait_until
from test_story import sleeper


def test_help_lists_every_command(cluster):
    text = cluster.tepui("--help")
    for noun in ("app add FILE", "group scale ID FACTOR", "task list", "node show", "deployment wait ID", "queue", "events", "version"):
        assert noun in text


@pytest.mark.parametrize("program, page", [("tepui", "tepui.1"), ("tepui-master", "tepui-master.8"),
                                           ("tepui-agent", "tepui-agent.8"), ("tepui-image", "tepui-image.8")])
def test_the_manual_names_every_option(program, page):
    text = (REPOSITORY / "docs/man" / page).read_text()
    told = subprocess.run([BUILD / program, "--help"], capture_output=True, text=True, check=True).stdout
    options = re.findall(r"^  --(\w+)", told, re.M)
    assert len(options) > 10
    assert [o for o in options if not re.search(rf"Fl -{o}\b", text)] == []
    assert set(re.findall(r"Fl -(\w+)", "".join(re.findall(r"^\.It Fl .*", text, re.M)))) == set(options)


@pytest.mark.parametrize("program", ["tepui-master", "tepui-agent"])
def test_the_manual_tells_the_defaults(program):
    entries = (REPOSITORY / f"docs/man/{program}.8").read_text().split(".It Fl -")[1:]
    manual = {re.match(r"\w+", entry)[0]: entry for entry in entries}
    told = subprocess.run([BUILD / program, "--help"], capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"^  --(\w+).*(\(default: \S+\)|\(required\))$", told, re.M)
    assert len(rows) > 10
    assert [(option, value) for option, value in rows if value not in manual[option]] == []


def test_what_a_service_is_given_can_be_changed_in_its_file():
    for unit in (REPOSITORY / "packaging").glob("*.service"):
        assert re.findall(r"^ExecStart=/usr/sbin/\S+(.*)$", unit.read_text(), re.M) == [""]


def test_help_names_the_options_of_each_command(cluster):
    text = cluster.tepui("--help")
    assert re.search(r"app restart ID .*\n +--dry-run --wait --timeout --force --quiet\n", text)
    text = cluster.tepui("app", "--help")
    assert "task list" not in text and text == cluster.tepui("app", "list", "-h")
    assert re.search(r"^  --wait +wait until ", text, re.M) and "--stderr" not in text


def test_exit_statuses_and_one_line_errors(node):
    for args, status, fragment in [
            (["app", "show", "/nosuch"], 4, "App '/nosuch' does not exist"),
            (["app", "show"], 2, "usage: tepui app show ID"),
            (["app", "shew", "/x"], 2, "unknown verb 'shew': app knows list, show, add, update, set, "),
            (["events", "frob"], 2, "'tepui events' takes no argument 'frob'"),
            (["frob"], 2, "unknown command 'frob': tepui knows app, pod, group, task, "),
            (["task", "/zzz"], 4, "no app or pod '/zzz'"),
            (["task", "exec", "--", "ls"], 2, "usage: tepui task exec ID -- COMMAND"),
            (["queue", "--force"], 2, "'tepui queue' takes no option '--force'"),
            (["app", "list", "--force"], 2, "takes no option '--force'"),
            (["app", "scale", "/x", "many"], 2, "'many' is not a number"),
            (["app", "scale", "/nosuch", "3"], 4, "App '/nosuch' does not exist"),
            (["app", "update", "/nosuch", str(REPOSITORY / "docs/examples/web.json")], 4, "App '/nosuch' does not exist"),
            (["pod", "show", "/nosuch"], 4, "Pod '/nosuch' does not exist"),
            (["pod", "scale", "/nosuch", "3"], 4, "Pod '/nosuch' does not exist"),
            (["app", "add", "/nosuch.json"], 1, "'/nosuch.json'"),
            (["app", "add", "/"], 1, "read '/': Is a directory"),
            (["app", "--color=red"], 2, "'red' is not auto, always or never"),
            (["task", "list", "--app=/zzz"], 4, "no app or pod '/zzz'"),
            (["--master=127.0.0.1:1", "app"], 3, "127.0.0.1:1"),
            (["app", "list", "--master", "127.0.0.1:1", "--quiet"], 3, "127.0.0.1:1"),
            (["app", "list", "--master", "127.0.0.1:1", "--force"], 2, "takes no option '--force'"),
            (["app", "--master=http://127.0.0.1:5050"], 2, "not HOST:PORT"),
            (["app", "--credential=/nosuch"], 1, "use '--credential': open '/nosuch': No such file"),
            (["app", "--master"], 2, "'--master': its value is missing"),
    ]:
        done = node.tepui(*args, check=False)
        assert (done.returncode, fragment in done.stderr) == (status, True), (args, done)
        assert len(done.stderr.strip().splitlines()) == 1


def test_tables_and_json_say_the_same(node, tmp_path):
    document = tmp_path / "app.json"
    document.write_text(json.dumps(sleeper(instances=2)))
    out = node.tepui("app", "add", str(document), "--wait")
    assert out.startswith("created, deployment ") and out.endswith("done\n")
    assert "\033" not in out
    table = node.tepui("app").splitlines()
    assert table[0].split()[:4] == ["APP", "WANTED", "RUNNING", "HEALTHY"]
    assert table[1].split()[:3] == ["/sleeper", "2", "2"]
    tasks = json.loads(node.tepui("task", "list", "--json"))["tasks"]
    assert node.tepui("task", "list", "--quiet").split() == [t["id"] for t in tasks]
    shown = node.tepui("node", "show")
    for word in ("cpus", "memory", "pids", "disk", "TASK", tasks[0]["id"]):
        assert word in shown


def test_pods_are_added_shown_scaled_and_removed(node, tmp_path):
    document = tmp_path / "pod.json"
    container = {"name": "main", "resources": {"cpus": 0.1, "mem": 32}, "exec": {"command": {"shell": "exec sleep 1000"}}}
    definition = {"id": "/pair", "containers": [container, {**container, "name": "other"}],
                  "scaling": {"kind": "fixed", "instances": 0}}
    document.write_text(json.dumps(definition))
    assert "StartPod  /pair" in node.tepui("pod", "add", str(document), "--dry-run")
    out = node.tepui("pod", "add", str(document), "--wait")
    assert out.startswith("created, deployment ") and out.endswith("done\n")
    head, row = node.tepui("pod").splitlines()
    assert head.split() == ["POD", "WANTED", "STABLE", "CONTAINERS", "STATE"]
    assert row.split() == ["/pair", "0", "0", "2", "STABLE"]
    assert node.tepui("pod", "list", "--quiet") == "/pair\n"
    shown = node.tepui("pod", "show", "/pair")
    for line in ("main: 0.1 cpus, 32.0 MiB memory", "0 of 0 stable"):
        assert line in shown
    assert json.loads(node.tepui("pod", "show", "/pair", "--json"))["status"] == "STABLE"
    node.tepui("pod", "scale", "/pair", "1", "--wait")
    _, row = node.tepui("pod").splitlines()
    assert row.split() == ["/pair", "1", "1", "2", "STABLE"]
    before = node.tepui("pod", "versions", "/pair").split()
    document.write_text(json.dumps({**definition, "labels": {"color": "red"}}))
    node.tepui("pod", "update", "/pair", str(document), "--wait")
    assert json.loads(node.tepui("pod", "show", "/pair", "--json"))["spec"]["labels"] == {"color": "red"}
    assert len(node.tepui("pod", "versions", "/pair").split()) == len(before) + 1
    assert node.tepui("pod", "remove", "/pair", "--wait").endswith("done\n")
    assert node.tepui("pod", "list", "--quiet") == ""


def test_the_example_of_a_pod_runs(node):
    node.tepui("pod", "add", str(REPOSITORY / "docs/examples/pod.json"), "--wait")
    pod = json.loads((REPOSITORY / "docs/examples/pod.json").read_text())["id"]
    wait_until(lambda: "2 of 2 stable" in node.tepui("pod", "show", pod), "both instances", 60)
    rows = node.tepui("pod", "show", pod).split("\nTASK ")[1].splitlines()[1:]
    assert [re.search(r"(server|writer) +TASK_RUNNING +STABLE", row)[1] for row in rows] == ["server", "writer"] * 2
    assert all(re.search(r"http \d{4,5}$", row) for row in rows[::2])
    # What pod show calls them is what the verbs of tasks take.
    ids = [row.split()[0] for row in rows]
    assert node.tepui("task", "list", pod, "--quiet").split() == ids
    table = node.tepui("task", pod).splitlines()
    assert table[0].split()[:4] == ["TASK", "APP", "OR", "POD"]
    assert table[1].split()[:4] == [ids[0], pod, "RUNNING", "healthy"]
    shown = node.tepui("task", "show", ids[0])
    assert f"pod            {pod}, container server" in shown and re.search(r"^pid +\d+$", shown, re.M)
    assert "GET /index.html" in node.tepui("task", "log", ids[0], "--stderr")
    done = node.tepui("task", "exec", ids[1], "--", "sh", "-c", "cat site/index.html; exit 3", check=False)
    assert (done.returncode, done.stderr) == (3, "") and done.stdout
    attached = subprocess.Popen([BUILD / "tepui", f"--master={node.master_address}", "task", "attach", ids[0]],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert "GET /index.html" in attached.stderr.readline()
    finally:
        attached.kill()
        attached.communicate()
    assert all(task in node.tepui("node", "show") for task in ids)
    node.tepui("task", "kill", ids[0])
    wait_until(lambda: "TASK_KILLED" in node.tepui("task", "show", ids[0]), "the agent remembers it")
    assert "GET /index.html" in node.tepui("task", "log", ids[0], "--stderr")
    assert node.tepui("pod", "remove", pod, "--wait").endswith("done\n")


def test_a_timed_out_wait_says_what_it_waited_for(node, tmp_path):
    document = tmp_path / "app.json"
    document.write_text(json.dumps(sleeper("/huge", cpus=1000)))
    done = node.tepui("app", "add", str(document), "--wait", "--timeout=300ms", check=False)
    assert done.returncode == 5
    assert "/huge" in done.stderr and "--timeout" in done.stderr
    why = re.compile(r"no node has 1000 cpus free \(most: [\d.]+\)")
    assert why.search(done.stderr)
    assert why.search(node.tepui("queue"))
    shown = node.tepui("app", "show", "/huge")
    (deployment,) = node.tepui("deployment", "--quiet").split()
    assert re.search(rf"^waiting        1 for .*: {why.pattern}$", shown, re.M)
    assert re.search(rf"^deployment     {deployment}$", shown, re.M)
    done = node.tepui("app", "scale", "/huge", "2", check=False)
    assert (done.returncode, done.stderr) == (1, f"tepui: app is locked by deployment {deployment}: use --force, "
                                                 f"or 'tepui deployment cancel {deployment}'\n")


def test_waiting_tells_success_from_the_rest(node, tmp_path):
    document = tmp_path / "app.json"
    document.write_text(json.dumps(sleeper("/huge", cpus=1000)))
    waiting = subprocess.Popen([BUILD / "tepui", f"--master={node.master_address}", "app", "add", str(document), "--wait"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deployment = waiting.stdout.readline().split()[-1]
        assert node.call("GET", f"/v2/deployments/{deployment}").json["state"] == "running"
        node.tepui("deployment", "cancel", deployment, "--force")
        out, errors = waiting.communicate(timeout=60 * SLOW)
    finally:
        waiting.kill()
        waiting.wait()
    assert (waiting.returncode, out) == (1, "")
    assert errors.endswith(f"tepui: wait for deployment '{deployment}': it failed: The upgrade has been cancelled\n")
    assert node.tepui("deployment", "wait", deployment, check=False).returncode == 1
    done = node.tepui("deployment", "wait", "nosuch", check=False)
    assert (done.returncode, done.stderr) == (
        4, "tepui: wait for deployment 'nosuch': DeploymentPlan nosuch does not exist\n")
    (deployment,) = node.tepui("app", "remove", "/huge", "--quiet", "--wait").split()
    assert node.tepui("deployment", "wait", deployment) == ""
    assert node.call("GET", f"/v2/deployments/{deployment}").json["state"] == "succeeded"


def test_events_are_lines(node):
    done = node.tepui("events", "--count=1", "--json")
    assert json.loads(done)["eventType"] == "event_stream_attached"


def test_empty_tables_are_one_line_on_stderr(cluster):
    cluster.start_master()
    for noun, line in [("app", "no apps"), ("task", "no tasks"), ("node", "no nodes"),
                       ("deployment", "no deployments"), ("queue", "nothing waits")]:
        done = cluster.tepui(noun, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", line + "\n")


def test_an_app_is_shown_with_its_definition(node, tmp_path):
    document = tmp_path / "app.json"
    document.write_text(json.dumps(sleeper(
        "/full", cmd=None, args=["sleep", "1000"], instances=0, cpus=0.1, mem=1536, env={"COLOR": "green"}, labels={"team": "red"},
        constraints=[["hostname", "MAX_PER", "2"]], portDefinitions=[{"port": 10007, "name": "web"}],
        container={"type": "MESOS", "docker": {"image": "web"},
                   "volumes": [{"hostPath": "/srv", "containerPath": "/data", "mode": "RO"}]},
        healthChecks=[{"protocol": "COMMAND", "command": {"value": "true"}}])))
    node.tepui("app", "add", str(document), "--wait")
    lines = node.tepui("app", "show", "/full").splitlines()
    for line in ("arguments      sleep", "               1000", "each           0.1 cpus, 1.5 GiB memory, 0 B disk",
                 "image          web", "volumes        /srv at /data RO", "ports          10007/tcp web", "env            COLOR=green", "labels         team=red",
                 "constraints    hostname MAX_PER 2",
                 "health checks  COMMAND true, every 60s, timeout 20s, 3 failures, grace 300s"):
        assert line in lines
    assert '"cpus": 0.1,' in node.tepui("app", "show", "/full", "--json")


def test_nodes_that_are_missed_are_listed(node):
    agent = node.agents[0]
    row = node.tepui("node", "list").splitlines()[1].split()
    assert row[2] == "active"
    agent.end()
    node.master.end()
    node.start_master()
    lost = node.tepui("node", "list").splitlines()[1].split()
    assert (lost[:2], lost[2]) == (row[:2], "recovering")


def test_agents_are_reached_by_the_address_they_listen_on(cluster):
    cluster.start_master()
    agent = cluster.start_agent("--hostname=no.such.host.invalid")
    (row,) = cluster.call("GET", "/slaves").json["slaves"]
    assert (row["hostname"], row["pid"]) == ("no.such.host.invalid", f"slave(1)@127.0.0.1:{agent.port}")
    assert f"host no.such.host.invalid  agent 127.0.0.1:{agent.port}  active" in cluster.tepui("node", "show")


def test_an_ended_task_is_shown_from_what_its_agent_remembers(node):
    node.deploy(sleeper())
    (task,) = node.tasks("/sleeper")
    shown = node.tepui("task", "show", task["id"])
    assert re.search(rf"^health         -\n.*\nports          {task['ports'][0]}\n", shown, re.M) and "sandbox" in shown
    os.kill(int(node.tepui("task", "pid", task["id"])), 9)
    wait_until(lambda: task["id"] not in [t["id"] for t in node.tasks("/sleeper")], "the task has ended")
    shown = wait_until(lambda: (lambda text: "TASK_FAILED" in text and text)(node.tepui("task", "show", task["id"])),
                       "the agent remembers it")
    assert "Command terminated with signal Killed" in shown and "sandbox" in shown
    assert f"see: tepui task log {task['id']}" in node.tepui("app", "show", "/sleeper")
    done = node.tepui("task", "show", "nosuch", check=False)
    assert (done.returncode, done.stderr) == (4, "tepui: no node knows a task 'nosuch'\n")


def test_keys_that_the_master_passes_over_are_told(node, tmp_path):
    document = tmp_path / "app.json"
    document.write_text(json.dumps(sleeper(typo=1, uris=[], ports=[0], user=None, fetch=[])))
    done = node.tepui("app", "add", str(document), "--wait", check=False)
    warning = "warning: the master does not know 'typo'"
    assert [line for line in done.stderr.splitlines() if line.startswith("warning")] == [warning]
    done = node.tepui("app", "set", "/sleeper", "mem=17", "typo=2", "--force", check=False)
    assert (done.returncode, done.stderr) == (0, warning + "\n")
    app = json.loads(node.tepui("app", "show", "/sleeper", "--json"))
    document.write_text(json.dumps(app | {"instances": 0}))
    done = node.tepui("app", "update", "/sleeper", str(document), "--force", check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_fields_are_set_by_their_paths(node, tmp_path):
    document = tmp_path / "app.json"
    mapping = {"containerPath": "data", "hostPath": "/srv", "mode": "RO"}
    document.write_text(json.dumps(sleeper(
        "/set", instances=0, env={"A": "a", "B": "b"}, healthChecks=[{"protocol": "COMMAND", "command": {"value": "true"}}],
        container={"type": "MESOS", "docker": {"image": "web:1"}, "volumes": [mapping]})))
    node.tepui("app", "add", str(document), "--wait")
    node.tepui("app", "set", "/set", "container.docker.image=web:latest", "upgradeStrategy.minimumHealthCapacity=0.5",
               "env.A=null", "env.C.D=5", "healthChecks.0.intervalSeconds=7", "--wait")
    app = node.app("/set")
    assert app["container"]["docker"]["image"] == "web:latest" and app["container"]["volumes"] == [mapping]
    assert app["upgradeStrategy"] == {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 1}
    assert app["env"] == {"B": "b", "C.D": "5"}
    assert (app["healthChecks"][0]["intervalSeconds"], app["healthChecks"][0]["command"]["value"]) == (7, "true")
    node.tepui("app", "set", "/set", "healthChecks=null", "container.volumes=null", "--wait")
    app = node.app("/set")
    assert not app.get("healthChecks") and not app["container"].get("volumes") and app["env"] == {"B": "b", "C.D": "5"}
    done = node.tepui("app", "set", "/set", "cpus.a=5", check=False)
    assert (done.returncode, done.stderr) == (2, "tepui: set 'cpus.a=5': nothing can be below 'cpus'\n")


def test_an_app_goes_back_to_a_version(node):
    node.call("POST", "/v2/apps", sleeper("/back", instances=0, labels={"n": "1"}))
    for n in ("2", "3"):
        node.tepui("app", "set", "/back", f"labels.n={n}", "--force", "--wait")
    first = node.tepui("app", "versions", "/back").split()[-1]
    out = node.tepui("app", "rollback", "/back", "--wait")
    assert re.match(r"going back to \S+Z, deployment ", out)
    assert node.app("/back")["labels"] == {"n": "2"}
    node.tepui("app", "rollback", "/back", first, "--wait")
    assert node.app("/back")["labels"] == {"n": "1"}
    node.tepui("app", "set", "/back", f"version={node.tepui('app', 'versions', '/back').split()[2]}", "--wait")
    assert node.app("/back")["labels"] == {"n": "3"}
    done = node.tepui("app", "rollback", "/back", "2001-01-01T00:00:00.000Z", check=False)
    assert (done.returncode, "does not exist in version 2001" in done.stderr) == (4, True)


def test_what_was_read_can_be_sent_back(node, tmp_path):
    node.call("POST", "/v2/apps", sleeper("/again", instances=0, labels={"n": "1"}))
    document = tmp_path / "app.json"
    document.write_text(node.tepui("--json", "app", "show", "/again"))
    node.tepui("app", "set", "/again", "labels.n=2", "--force", "--wait")
    done = node.tepui("app", "update", "/again", str(document), "--wait", check=False)
    assert (done.returncode, "warning" in done.stderr) == (0, False), done.stderr
    assert node.app("/again")["labels"] == {"n": "1"}
    # As Marathon has it: with a version alone the app goes back, and nothing else may stand beside it.
    document.write_text(json.dumps({"version": node.app("/again")["version"], "cpus": 0.2}))
    assert node.tepui("app", "update", "/again", str(document), check=False).returncode == 1


def on_terminal(columns, *argv):
    """What ARGV prints on a terminal so wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    subprocess.run(argv, stdout=theirs, stdin=subprocess.DEVNULL, check=True)
    os.close(theirs)
    text = b""
    try:
        while piece := os.read(ours, 65536):
            text += piece
    except OSError:
        pass
    os.close(ours)
    return text.decode()


def test_last_failures_are_cut_to_the_width_of_a_terminal(node):
    message = "x" * 300
    node.call("POST", "/v2/apps", sleeper("/bad", cmd="exit 1", backoffSeconds=300, user="nosuchuser" + message[:20]))
    wait_until(lambda: node.app("/bad").get("lastTaskFailure"), "the failure is known")
    _, waits, piped = node.tepui("queue").splitlines()
    assert re.search(r"/bad +1 +\S+  backing off, next start in ", waits)
    assert re.match(r" +last failure: .*nosuchuser", piped)
    width = len(piped) - 5
    row = on_terminal(width, BUILD / "tepui", f"--master={node.master_address}", "--color=never",
                      "queue").splitlines()[2]
    assert len(piped) > width >= len(row) and row.endswith("...")


def test_one_who_waits_for_canaries_is_told_what_they_wait_for(node):
    rollout = {"canary": {"count": 1, "weight": 10}, "deadlineSeconds": 120, "rollback": True}
    node.deploy(sleeper("/web", deployment=rollout))
    old = node.app("/web")["version"]
    waiting = subprocess.Popen([BUILD / "tepui", f"--master={node.master_address}", "app", "set", "/web", "cmd=exec sleep 999",
                                "--wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deployment = waiting.stdout.readline().split()[-1]
        held = f"awaits promotion: tepui deployment promote {deployment}\n"
        assert any(line.endswith(held) for line in waiting.stderr)
        rows = [line.split() for line in node.tepui("task", "list", "/web").splitlines()]
        assert rows[0][-2:] == ["WEIGHT", "VERSION"]
        assert {row[-1]: row[-2] for row in rows[1:]} == {old: "90", node.app("/web")["version"]: "10"}
        assert node.tepui("deployment", "list").endswith("/web        " + held)
        shown = node.tepui("deployment", "show", deployment)
        assert re.search(rf"^state          running$.*^canaries of    /web$.*^now .*{held}", shown, re.M | re.S)
        assert f"deployment     {deployment} {held}" in node.tepui("app", "show", "/web")
        assert node.tepui("deployment", "pause", deployment) == f"paused, deployment {deployment}\n"
        assert f"is paused: tepui deployment resume {deployment}" in node.tepui("deployment")
        assert node.tepui("deployment", "resume", deployment) == f"goes on, deployment {deployment}\n"
        out = node.tepui("deployment", "abort", deployment)
        rollback = re.match(r"aborted: goes back, deployment (\S+)\n$", out)[1]
        waiting.stdout.close()
        errors = waiting.stderr.read()
        assert waiting.wait(60 * SLOW) == 1
    finally:
        waiting.kill()
        waiting.wait()
        waiting.stdout.close()
        waiting.stderr.close()
    assert errors.endswith(f"it failed: aborted by request; rolled back by deployment {rollback}\n")
    assert f"rolled back    by deployment {rollback}\n" in node.tepui("deployment", "show", deployment)
    assert node.tepui("deployment", "wait", rollback) == ""
    assert f"rolls back     deployment {deployment}, which failed: aborted by request" in node.tepui(
        "deployment", "show", rollback)


def test_a_wait_names_what_is_not_ready(node, tmp_path):
    document = tmp_path / "app.json"
    check = {"name": "up", "portName": "http", "path": "/nosuch", "intervalSeconds": 2, "timeoutSeconds": 1,
             "preserveLastResponse": True}
    document.write_text(json.dumps(sleeper("/unready", cmd="exec python3 -m http.server $PORT0", mem=64,
                                           portDefinitions=[{"port": 0, "name": "http"}], readinessChecks=[check])))
    (deployment,) = node.tepui("app", "add", str(document), "--quiet").split()
    told = re.compile(r"^now .* 0 ready: task unready\.\S+ does not pass the readiness check 'up' \(status 404\)$", re.M)
    wait_until(lambda: told.search(node.tepui("deployment", "show", deployment)), "the check's answer", 60)


def test_kills_that_were_stopped_are_told(node):
    check = {"protocol": "COMMAND", "command": {"value": "test ! -e sick"}, "gracePeriodSeconds": 0, "delaySeconds": 0,
             "intervalSeconds": 1, "timeoutSeconds": 5, "maxConsecutiveFailures": 2}
    node.deploy(sleeper(instances=3, healthChecks=[check], unhealthyStrategy={"maxKillPercent": 10}))
    for task in node.tasks("/sleeper"):
        with open(node.agents[0].container_of(task["id"])["tepui"]["sandbox"] + "/sick", "w", encoding="ascii"):
            pass
    why = wait_until(lambda: node.app("/sleeper").get("unhealthyKillsStopped"), "kills are stopped", 60)
    assert f"kills stopped  {why}\n" in node.tepui("app", "show", "/sleeper")


def test_waiting_for_a_group_names_the_app_that_waits(node, tmp_path):
    document = tmp_path / "group.json"
    document.write_text(json.dumps({"id": "/many", "apps": [sleeper("a"), sleeper("b", cpus=1000), sleeper("c")]}))
    done = node.tepui("group", "add", str(document), "--wait", "--timeout=3secs", check=False)
    assert done.returncode == 5
    assert re.search(r"\(last seen: /many/b: step .*: no node has 1000 cpus free", done.stderr)
    assert re.search(r"  /many/a, 2 more  /many/b: no node has 1000 cpus free", node.tepui("deployment"))


def test_runs_of_jobs_wait_in_the_queue(node, tmp_path):
    document = tmp_path / "job.json"
    document.write_text(json.dumps({"id": "big", "run": {"cmd": "true", "cpus": 1000, "mem": 32, "disk": 0}}))
    node.tepui("job", "add", str(document))
    done = node.tepui("job", "run", "big", "--wait", "--timeout=300ms", check=False)
    why = re.compile(r"no node has 1000 cpus free \(most: [\d.]+\)")
    assert done.returncode == 5 and re.search(rf"\(last seen: STARTING: {why.pattern}\)$", done.stderr.strip())
    run = done.stdout.split()[-1]
    assert re.search(rf"^big {run} +1 +\S+  {why.pattern}$", node.tepui("queue"), re.M)
    assert node.tepui("queue", "list", "big") and not node.tepui("queue", "list", "small")
    (row,) = json.loads(node.tepui("queue", "--json"))["runs"]
    assert (row["job"], row["run"]) == ("big", run)
    shown = node.tepui("job", "show", "big")
    assert re.search(r"^history        0 succeeded\n +0 failed$", shown, re.M) and "last -" not in shown
    # Of another job: refused, as of another app.
    node.tepui("job", "add", str(REPOSITORY / "docs/examples/job.json"))
    done = node.tepui("job", "update", "backup.nightly", str(document), check=False)
    assert (done.returncode, done.stderr) == (1, f"tepui: update job 'backup.nightly': '{document}' is of job 'big'\n")
    shown = node.tepui("job", "show", "backup.nightly")
    assert "missed by at most 2h00m" in shown
    assert shown.count(re.search(r"^next run +in \S+, (\S+)$", shown, re.M)[1]) == 1


def test_what_was_done_is_said_in_a_sentence(node, tmp_path):
    node.deploy(sleeper())
    (task,) = node.tepui("task", "list", "--quiet").split()
    for argv, said in [(["task", "pause", task], f"task {task} is paused"), (["task", "list"], "RUNNING, paused"),
                       (["task", "resume", task], f"task {task} goes on"),
                       (["task", "signal", task, "CONT"], f"task {task} was sent signal CONT"),
                       (["task", "resize", task, "--mem=32"], f"task {task} has the resources that were asked for"),
                       (["node", "plan", "127.0.0.1"], "machine 127.0.0.1 is on the schedule of maintenance"),
                       (["node", "unplan", "127.0.0.1"], "machine 127.0.0.1 is on the schedule of maintenance no more")]:
        assert said in node.tepui(*argv), argv
    assert "paused" not in node.tepui("task", "list")
    assert node.tepui("task", "signal", task, "CONT", "--quiet") == ""
    document = tmp_path / "group.json"
    document.write_text(json.dumps({"id": "/twice", "groups": [{"id": "below"}]}))
    node.tepui("group", "add", str(document), "--wait")
    done = node.tepui("group", "add", str(document), check=False)
    assert (done.returncode, done.stderr) == (1, "tepui: group '/twice' is there already: change it with "
                                                 f"'tepui group update /twice {document}'\n")


def test_pods_are_shown_with_their_groups(node, tmp_path):
    document = tmp_path / "pod.json"
    container = {"name": "main", "resources": {"cpus": 0.1, "mem": 32}, "exec": {"command": {"shell": "exec sleep 1000"}}}
    document.write_text(json.dumps({"id": "/a/b/pod", "containers": [container], "scaling": {"kind": "fixed", "instances": 0}}))
    assert re.search(r"APP OR POD\n +1 +StartPod +/a/b/pod", node.tepui("pod", "add", str(document), "--dry-run"))
    node.tepui("pod", "add", str(document), "--wait")
    assert re.search(r"^/a/b +0 +1 ", node.tepui("group", "list"), re.M)
    assert re.search(r"^/a/b/pod +0 +0 +1 +STABLE$", node.tepui("group", "show", "/a"), re.M)


def test_the_examples_do_not_get_into_one_anothers_way():
    """README's tour adds one after the other: an id is of an app, a pod or a group, and nothing is below an app."""
    ids = [json.loads(path.read_text())["id"] for path in (REPOSITORY / "docs/examples").glob("*.json")]
    assert len(ids) > 5 and len(set(ids)) == len(ids)
    assert [a for a in ids for b in ids if b.startswith(a + "/")] == []


def tour():
    """What README has to be typed, without what only ends by the keyboard."""
    text = (REPOSITORY / "README.md").read_text().split("## Try it")[1].split("\n## ")[0]
    lines = [line.split(" #")[0].strip() for line in re.findall(r"^    ((?:tepui|curl) .*)", text, re.M)]
    return [line.replace(" --follow", "").replace("curl -s", "curl -fsS") for line in lines
            if line != "tepui events" and " -it " not in line]


def test_the_tour_of_the_readme_can_be_followed(node):
    assert len(tour()) > 20
    environment = {**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}", "TEPUI_MASTER": node.master_address,
                   "TEPUI_AGENT": f"127.0.0.1:{node.agents[0].port}"}
    for line in tour():
        if " ID" in line:
            line = line.replace(" ID", " " + next(t["id"] for t in node.tasks("/web")))
        done = subprocess.run(line, shell=True, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False,
                              timeout=300 * SLOW)
        assert done.returncode == 0, (line, done)


def test_make_run_starts_a_master_again_that_ended(tmp_path):
    log = tmp_path / "log"
    with open(log, "w", encoding="utf-8") as out:
        running = subprocess.Popen([REPOSITORY / "tests/demo/run", BUILD], stdout=out, stderr=out, start_new_session=True)
    try:
        told = wait_until(lambda: re.search(r"export TEPUI_MASTER=(\S+)", log.read_text()), "the lines to type", 60)
        master = told[1]

        def tepui(*args):
            return subprocess.run([BUILD / "tepui", f"--master={master}", *args], capture_output=True, text=True, check=False)
        subprocess.run(["curl", "-fs", "-X", "DELETE", f"http://{master}/v2/leader"], check=True, capture_output=True)
        wait_until(lambda: "it is started again" in log.read_text(), "the end of the master", 60)
        wait_until(lambda: tepui("node").stdout.count("active") == 1, "the node's return", 60)
    finally:
        running.terminate()
        running.wait(60)
