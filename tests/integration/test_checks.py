"""Checks of tasks (TaskInfo.check): what came is told when it changes, and nobody is killed for it."""
import pytest

from cluster import Cluster, free_port, wait_until
from framework import SMALL, Framework

SERVER = """exec python3 -c "
import http.server
asked = []
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(1); self.send_response(503 if len(asked) < 4 else 200); self.end_headers()
    def log_message(self, *a): pass
http.server.HTTPServer(('127.0.0.1', %d), H).serve_forever()" """
SOON = {"delay_seconds": 0, "interval_seconds": 0.1, "timeout_seconds": 5}


@pytest.fixture(name="framework", scope="module")
def framework_of_a_node():
    cluster = Cluster("checks")
    try:
        cluster.start_master()
        cluster.start_agent()
        yield Framework(cluster)
    finally:
        cluster.close()


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
    me = launch(framework, f"sleep 0.5; {SERVER % port}", {"type": "TCP", "tcp": {"port": port}})
    tells(framework, me, {"type": "TCP", "tcp": {}}, {"type": "TCP", "tcp": {"succeeded": False}},
          {"type": "TCP", "tcp": {"succeeded": True}})


def test_a_check_and_a_health_check_do_not_mind_one_another(framework):
    me = launch(framework, "exec sleep 1000", {"type": "COMMAND", "command": {"command": {"value": "exit 4"}}},
                health_check={**SOON, "type": "COMMAND", "command": {"value": "exit 0"}, "grace_period_seconds": 0})
    wait_until(lambda: {"type": "COMMAND", "command": {"exit_code": 4}} in told(framework, me), "the check is told")
    wait_until(lambda: any(u["status"].get("healthy") for u in framework.all("UPDATE")
                           if u["status"]["task_id"]["value"] == me), "it is healthy")
    assert framework.status(me)["state"] == "TASK_RUNNING"
