"""The main job, end to end: an app posted to the master runs, is checked, restarted, accounted for."""
import json
import os
import signal
import urllib.request

import pytest

from cluster import REPOSITORY, wait_until

pytestmark = pytest.mark.vm


def web(**changes):
    app = json.loads((REPOSITORY / "docs/examples/web.json").read_text())
    app.update(changes)
    return app


def sleeper(app_id="/sleeper", **changes):
    app = {"id": app_id, "cmd": "exec sleep 1000", "cpus": 0.05, "mem": 16, "instances": 1,
           "backoffSeconds": 0}
    app.update(changes)
    return app


def test_posted_app_serves_pages_from_healthy_isolated_tasks(node):
    app = node.deploy(web())
    assert (app["tasksRunning"], app["tasksHealthy"]) == (3, 3)
    for task in node.tasks("/web"):
        with urllib.request.urlopen(f"http://127.0.0.1:{task['ports'][0]}/") as page:
            assert b"Directory listing" in page.read()
        assert task["healthCheckResults"][0]["alive"] is True
    rows = node.agents[0].containers()
    assert len(rows) == 3
    for row in rows:
        assert row["statistics"]["mem_limit_bytes"] == 64 << 20
        assert 0 < row["statistics"]["mem_total_bytes"] < 64 << 20
    node.remove("/web")
    wait_until(lambda: not node.agents[0].container_cgroups(), "the containers' cgroups are removed")


def test_a_killed_instance_is_replaced_and_the_failure_is_told(node):
    node.deploy(sleeper())
    (task,) = node.tasks("/sleeper")
    os.kill(int(node.tepui("task", "pid", task["id"])), signal.SIGKILL)
    wait_until(lambda: [t["id"] for t in node.tasks("/sleeper") if t["state"] == "TASK_RUNNING"
                        and t["id"] != task["id"]], "a replacement runs")
    failure = node.app("/sleeper")["lastTaskFailure"]
    assert failure["taskId"] == task["id"]
    assert failure["state"] == "TASK_FAILED"
    assert failure["message"] == "Command terminated with signal Killed"


def test_eating_memory_is_reported_with_limit_and_peak_and_backs_off(node):
    hungry = json.loads((REPOSITORY / "docs/examples/hungry.json").read_text())
    assert node.call("POST", "/v2/apps", hungry).status == 201
    failure = wait_until(lambda: node.app(hungry["id"]).get("lastTaskFailure"), "the failure is known", 60)
    assert failure["state"] == "TASK_FAILED"
    assert failure["message"].startswith(f"Memory limit exceeded: Requested: {hungry['mem']:g}MB Maximum Used: ")
    (entry,) = node.call("GET", "/v2/queue").json["queue"]
    assert entry["app"]["id"] == hungry["id"]
    assert entry["lastFailure"]["message"] == failure["message"]


@pytest.mark.parametrize("command, state, message", [
    ("exit 3", "TASK_FAILED", "Command exited with status 3"),
    ("kill -SEGV $$", "TASK_FAILED", "Command terminated with signal Segmentation fault"),
])
def test_how_a_task_ended_is_told_exactly(node, command, state, message):
    assert node.call("POST", "/v2/apps", sleeper("/ends", cmd=command, backoffSeconds=3600)).status == 201
    failure = wait_until(lambda: node.app("/ends").get("lastTaskFailure"), "the end is known")
    assert (failure["state"], failure["message"]) == (state, message)


def test_an_end_with_status_0_is_finished_and_no_failure(node):
    assert node.call("POST", "/v2/apps", sleeper("/ends", cmd="exit 0", backoffSeconds=3600)).status == 201

    def finished():
        state = node.agents[0].call("GET", "/state").json
        return [t for f in state["frameworks"] + state["completed_frameworks"] for x in f["completed_executors"] for t in x["completed_tasks"]
                if t["state"] == "TASK_FINISHED"]
    assert len(wait_until(finished, "the end is known")) == 1
    assert "lastTaskFailure" not in node.app("/ends")
    # Marathon restarts what ends well, too, and backs off.
    (waiting,) = wait_until(lambda: node.call("GET", "/v2/queue").json["queue"], "the master knows of the end")
    assert waiting["delay"]["timeLeftSeconds"] > 250


def test_a_missing_executable_is_a_launch_failure_that_names_it(node):
    app = sleeper("/nosuch", backoffSeconds=3600)
    del app["cmd"]
    app["args"] = ["/bin/nosuch"]
    assert node.call("POST", "/v2/apps", app).status == 201
    failure = wait_until(lambda: node.app("/nosuch").get("lastTaskFailure"), "the failure is known")
    assert failure["state"] == "TASK_FAILED"
    assert "'/bin/nosuch'" in failure["message"] and "No such file" in failure["message"]


def running(node, app_id):
    """{task id: pid} of the running tasks."""
    return {t["id"]: node.tepui("task", "pid", t["id"]).strip() for t in node.tasks(app_id)
            if t["state"] == "TASK_RUNNING"}


def test_killing_agent_and_master_disturbs_no_task(node):
    node.deploy(sleeper(instances=3))
    before = running(node, "/sleeper")
    assert len(before) == 3
    node.agents[0].end(signal.SIGKILL)
    node.agents[0].start()
    wait_until(lambda: node.active_agents() == 1, "the agent's return")
    assert running(node, "/sleeper") == before
    node.kill_master()
    node.agents_are_back()
    wait_until(lambda: node.app("/sleeper")["tasksRunning"] == 3, "the tasks are known again")
    assert running(node, "/sleeper") == before


def test_a_task_that_ends_while_the_agent_is_dead_is_not_lost(node):
    node.deploy(sleeper())
    (task,) = node.tasks("/sleeper")
    pid = int(node.tepui("task", "pid", task["id"]))
    node.agents[0].end(signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    node.agents[0].start()
    failure = wait_until(lambda: node.app("/sleeper").get("lastTaskFailure"), "its end is told")
    assert failure["taskId"] == task["id"]
    assert failure["message"] == "Command terminated with signal Killed"
    wait_until(lambda: node.app("/sleeper")["tasksRunning"] == 1, "a replacement runs")


def test_a_killed_supervisor_takes_its_container_along_and_is_told_once(node):
    node.deploy(sleeper())
    (task,) = node.tasks("/sleeper")
    supervisor = supervisor_of(node.agents[0], task["id"])
    os.kill(supervisor, signal.SIGKILL)
    failure = wait_until(lambda: node.app("/sleeper").get("lastTaskFailure"), "its end is told")
    assert failure["taskId"] == task["id"] and failure["state"] == "TASK_FAILED"
    wait_until(lambda: node.app("/sleeper")["tasksRunning"] == 1, "a replacement runs")
    wait_until(lambda: len(node.agents[0].containers()) == 1, "only the replacement is left")


def supervisor_of(agent, task_id):
    """The tepui-executor of a task: the one whose runtime directory is its container's."""
    container = agent.container_of(task_id)["container_id"]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                argv = file.read().split(b"\0")
        except OSError:
            continue
        # Init is a copy of its supervisor; the supervisor is the one outside.
        if argv[0] == b"tepui-executor" and container.encode() in argv[1] and is_outside(pid):
            return int(pid)
    raise LookupError(f"no supervisor of {task_id}")


def is_outside(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(line for line in file if line.startswith("NSpid:")).split()[1:] == [pid]


def test_scaling_and_rolling_restart_keep_the_minimum_healthy(node):
    node.deploy(web(instances=2))
    answer = node.call("PUT", "/v2/apps/web", {"instances": 4})
    assert answer.status == 200
    node.wait_deployment(answer.json["deploymentId"])
    old = {t["id"] for t in node.tasks("/web")}
    assert len(old) == 4
    answer = node.call("PUT", "/v2/apps/web", {"env": {"COLOR": "green"}})
    lowest = 4
    while answer.json["deploymentId"] in [d["id"] for d in node.call("GET", "/v2/deployments").json]:
        lowest = min(lowest, node.app("/web")["tasksHealthy"])
    assert lowest >= 2
    new = {t["id"] for t in node.tasks("/web")}
    assert len(new) == 4 and not new & old
    node.remove("/web")


def test_an_unhealthy_instance_is_replaced(node):
    app = sleeper("/sick", healthChecks=[{
        "protocol": "COMMAND", "command": {"value": "test ! -e sick"}, "gracePeriodSeconds": 0, "delaySeconds": 0,
        "intervalSeconds": 1, "timeoutSeconds": 5, "maxConsecutiveFailures": 2}])
    node.deploy(app)
    (task,) = node.tasks("/sick")
    assert node.app("/sick")["tasksHealthy"] == 1
    sandbox = node.agents[0].container_of(task["id"])["tepui"]["sandbox"]
    with open(os.path.join(sandbox, "sick"), "w", encoding="ascii"):
        pass
    wait_until(lambda: task["id"] not in [t["id"] for t in node.tasks("/sick")], "the sick one is gone", 60)
    wait_until(lambda: node.app("/sick")["tasksHealthy"] == 1, "a healthy one is there", 60)
    assert "health check" in node.app("/sick")["lastTaskFailure"]["message"]


def test_a_task_that_ignores_sigterm_is_gone_after_the_grace(node):
    node.deploy(sleeper("/deaf", cmd="trap '' TERM; while :; do sleep 1; done", taskKillGracePeriodSeconds=1))
    node.remove("/deaf")
    wait_until(lambda: not node.agents[0].container_cgroups(), "its cgroup is removed")


def test_output_is_readable(node):
    node.deploy(sleeper("/talks", cmd="echo out; echo err >&2; exec sleep 1000"))
    (task,) = node.tasks("/talks")
    wait_until(lambda: node.tepui("task", "log", task["id"]) == "out\n", "standard output")
    wait_until(lambda: node.tepui("task", "log", task["id"], "--stderr") == "err\n", "standard error")
