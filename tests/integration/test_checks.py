"""Checks of tasks (TaskInfo.check): what came is told when it changes, and nobody is killed for it."""
import pathlib

import pytest

from cluster import free_port, wait_until
from conftest import shared_cluster
from framework import SMALL
from task_servers import SERVER, TLS_SERVER

SOON = {"delay_seconds": 0, "interval_seconds": 0.1, "timeout_seconds": 5}

cluster = shared_cluster()


def launch(framework, command, check, resources=None, **more):
    offer = framework.offer(lambda o: all(r["scalar"]["value"] >= 1 for r in o["resources"] if r["name"] == "cpus"))
    return framework.launch(offer, command, resources or SMALL, check={**SOON, **check}, **more)


def told(framework, task_id):
    """What every update since it runs says of the check, in order."""
    framework.status(task_id)
    return [u["status"].get("check_status") for u in framework.all("UPDATE")
            if u["status"]["task_id"]["value"] == task_id and u["status"]["state"] == "TASK_RUNNING"]


def tells(framework, task_id, *expected):
    wait_until(lambda: len(told(framework, task_id)) >= len(expected), f"so much is told: {told(framework, task_id)}")
    assert told(framework, task_id)[:len(expected)] == list(expected)


@pytest.mark.vm
def test_a_command_is_told_by_its_exit_code_whenever_that_changes(framework):
    me = launch(framework, "while [ ! -e go ]; do sleep 0.01; done; exec sleep 1000",
                {"type": "COMMAND", "command": {"command": {"value": "touch go; n=$(cat n || echo 0); echo $((n+1)) > n; "
                                                                    "[ $n -lt 3 ] && exit 5; exit 0"}}})
    tells(framework, me, {"type": "COMMAND", "command": {}}, {"type": "COMMAND", "command": {"exit_code": 5}},
          {"type": "COMMAND", "command": {"exit_code": 0}})
    last = framework.status(me)
    assert last["state"] == "TASK_RUNNING" and "healthy" not in last
    assert last["reason"] == "REASON_TASK_CHECK_STATUS_UPDATED"


def test_http_is_told_by_its_status(framework):
    port = free_port()
    me = launch(framework, SERVER % port,
                {"type": "HTTP", "http": {"port": port, "path": "/x"}})
    wait_until(lambda: {"type": "HTTP", "http": {"status_code": 503}} in told(framework, me), "503 is told")
    wait_until(lambda: told(framework, me)[-1] == {"type": "HTTP", "http": {"status_code": 200}}, "200 is told")


def test_tcp_is_told_by_whether_it_succeeded(framework):
    port = free_port()
    me = launch(framework, f"until [ -e go ]; do sleep 0.02; done; {SERVER % port}", {"type": "TCP", "tcp": {"port": port}})
    so_far = [{"type": "TCP", "tcp": {}}, {"type": "TCP", "tcp": {"succeeded": False}}]
    tells(framework, me, *so_far)
    pathlib.Path(framework.cluster.agents[0].container_of(me)["tepui"]["sandbox"], "go").touch()
    tells(framework, me, *so_far, {"type": "TCP", "tcp": {"succeeded": True}})


def test_a_check_and_a_health_check_do_not_mind_one_another(framework):
    me = launch(framework, "exec sleep 1000", {"type": "COMMAND", "command": {"command": {"value": "exit 4"}}},
                health_check={**SOON, "type": "COMMAND", "command": {"value": "exit 0"}, "grace_period_seconds": 0})
    wait_until(lambda: {"type": "COMMAND", "command": {"exit_code": 4}} in told(framework, me), "the check is told")
    wait_until(lambda: any(u["status"].get("healthy") for u in framework.all("UPDATE")
                           if u["status"]["task_id"]["value"] == me), "it is healthy")
    assert framework.status(me)["state"] == "TASK_RUNNING"


def last_of_health(framework, task_id):
    framework.status(task_id)
    told = [u["status"] for u in framework.all("UPDATE")
            if u["status"]["task_id"]["value"] == task_id and "healthy" in u["status"]]
    return told[-1] if told else {}


def launch_healthy(framework, command, port, path):
    return launch(framework, command, {"type": "COMMAND", "command": {"command": {"value": "true"}}}, health_check={
        **SOON, "type": "HTTP", "http": {"scheme": "https", "port": port, "path": path}, "grace_period_seconds": 0,
        "consecutive_failures": 1000})


def test_health_is_asked_over_tls_of_whoever_is_there(framework):
    port = free_port()
    me = launch_healthy(framework, TLS_SERVER % port, port, "/x")
    wait_until(lambda: last_of_health(framework, me).get("healthy"), "it is healthy")
    assert last_of_health(framework, me)["message"] == f"HTTP health check of 'https://127.0.0.1:{port}/x': status 200"


@pytest.mark.parametrize("server, path, told", [(TLS_SERVER, "/y", "status 404"), (SERVER, "/x", "no TLS")])
def test_what_is_not_well_over_tls_is_told(framework, server, path, told):
    port = free_port()
    me = launch_healthy(framework, server % port, port, path)
    wait_until(lambda: told in last_of_health(framework, me).get("message", ""), "what is wrong")
    assert not last_of_health(framework, me)["healthy"]


def test_one_of_several_health_checks_that_fails_ends_the_task(framework):
    """Each has its own command and limit; what one's command leaves behind is ended without the other's."""
    well = {**SOON, "type": "COMMAND", "command": {"value": "sleep 0.3"}, "grace_period_seconds": 0}
    ill = {**SOON, "type": "COMMAND", "command": {"value": "[ ! -e ill ] || exit 3"}, "grace_period_seconds": 0,
           "consecutive_failures": 2}
    me = launch(framework, "exec sleep 1000", {"type": "COMMAND", "command": {"command": {"value": "true"}}},
                health_check=well, more_health_checks=[ill])
    wait_until(lambda: last_of_health(framework, me).get("healthy"), "it is healthy")
    assert [check["healthy"] for check in last_of_health(framework, me)["health_checks"]] == [True, True]
    pathlib.Path(framework.cluster.agents[0].container_of(me)["tepui"]["sandbox"], "ill").touch()
    end = framework.status(me, "TASK_KILLED")
    assert end["healthy"] is False
    assert end["message"] == "COMMAND health check '[ ! -e ill ] || exit 3': exited with status 3, 2 times"
    told = [u["status"]["health_checks"] for u in framework.all("UPDATE")
            if u["status"]["task_id"]["value"] == me and "health_checks" in u["status"]]
    assert [(first["healthy"], second.get("healthy"), second["consecutive_failures"]) for first, second in told[-2:]] == [
        (True, False, 1), (True, False, 2)]


def test_more_health_checks_than_are_allowed_are_refused(framework):
    check = {**SOON, "type": "COMMAND", "command": {"value": "true"}}
    me = launch(framework, "exec sleep 1000", {"type": "COMMAND", "command": {"command": {"value": "true"}}},
                health_check=check, more_health_checks=[check] * 16)
    end = framework.status(me, "TASK_ERROR")
    assert "'more_health_checks' are at most 15" in end["message"]
