"""tepui node: what is done to nodes and their machines."""
import json

import pytest

from cluster import wait_until
from framework import SMALL, Framework


@pytest.fixture
def framework(node):
    made = Framework(node)
    yield made
    made.close()


def node_states(node):
    return [row.split()[2] for row in node.tepui("node", "list").splitlines()[1:]]


def test_drain_and_back(node, framework):
    task_id = framework.launch(framework.offer(), "exec sleep 1000", SMALL)
    framework.status(task_id, "TASK_RUNNING")
    agent_id = node.call("GET", "/slaves").json["slaves"][0]["id"]
    assert node.tepui("node", "drain", "127.0.0.1", "--grace=2secs") == f"node {agent_id} on 127.0.0.1 is draining\n"
    assert node_states(node) == ["draining"]
    late = node.tepui("node", "drain", agent_id, "--wait", "--timeout=100ms", check=False)
    assert (late.returncode, "its tasks have not ended" in late.stderr) == (5, True)
    framework.status(task_id, "TASK_KILLED")
    node.tepui("node", "drain", agent_id, "--wait", "--quiet")
    assert node_states(node) == ["drained"]
    node.tepui("node", "reactivate", agent_id)
    assert node_states(node) == ["active"]
    node.tepui("node", "deactivate", agent_id)
    assert node_states(node) == ["deactivated"]


def test_gone(node):
    node.tepui("node", "gone", "127.0.0.1")
    assert node.agents[0].process.wait(20) == 0
    again = node.tepui("node", "gone", "127.0.0.1", check=False)
    assert (again.returncode, again.stderr) == (4, "tepui: no node '127.0.0.1'\n")


@pytest.mark.parametrize("args, words", [
    (["reactivate", "127.0.0.1"], "is not deactivated"),
    (["drain", "nosuch"], "no node 'nosuch'"),
    (["drain", "127.0.0.1", "--grace=soon"], "'soon' is not a duration"),
    (["down", "nosuch"], "no machine 'nosuch' on the schedule"),
    (["unplan", "nosuch"], "no machine 'nosuch' on the schedule"),
])
def test_what_is_refused_says_why(node, args, words):
    done = node.tepui("node", *args, check=False)
    assert done.returncode != 0 and words in done.stderr


def test_maintenance(node):
    assert "no maintenance is planned" in node.tepui("node", "maintenance", check=False).stderr
    warnings = [node.tepui("node", "plan", *args, check=False).stderr
                for args in (["127.0.0.1", "--in=1hrs", "--for=30mins"], ["elsewhere"])]
    assert warnings == ["", "warning: there is no node on 'elsewhere' now\n"]
    rows = [line.split() for line in node.tepui("node", "maintenance").splitlines()[1:]]
    assert [(row[0], "planned" in row) for row in rows] == [("127.0.0.1", True), ("elsewhere", True)]
    assert "30m" in rows[0][2] + rows[0][1] + rows[0][3]
    node.tepui("node", "unplan", "elsewhere")
    (window,) = json.loads(node.tepui("node", "maintenance", "--json"))["schedule"]["windows"]
    assert window["machine_ids"] == [{"ip": "127.0.0.1"}]
    assert window["unavailability"]["duration"] == {"nanoseconds": 1800 * 10**9}
    node.tepui("node", "down", "127.0.0.1")
    assert node.agents[0].process.wait(20) == 0
    assert json.loads(node.tepui("node", "maintenance", "--json"))["status"] == {"down_machines": [{"ip": "127.0.0.1"}]}
    node.tepui("node", "up", "127.0.0.1")
    node.agents[0].start()
    wait_until(lambda: node.active_agents() == 1, "the node is back")


def test_node_show_tells_what_is_reserved_and_of_containers_without_a_task(cluster):
    cluster.start_master()
    agent = cluster.start_agent("--resources=cpus:2;cpus(db):1;mem:512;disk(db):100;ports:[31000-31099]")
    wait_until(cluster.active_agents, "the agent is there")
    launched = agent.call("POST", "/api/v1", {"type": "LAUNCH_CONTAINER", "launch_container": {
        "container_id": {"value": "alone"}, "command": {"value": "exec sleep 1000"}, "resources": SMALL}},
        {"Content-Type": "application/json"})
    assert launched.status == 200
    shown = [line.split() for line in cluster.tepui("node", "show").splitlines()]
    assert shown[shown.index(["RESERVED", "FOR", "CPUS", "MEM", "DISK", "PORTS"]) + 1] == \
        ["db", "1", "0", "B", "100", "MiB", "-"]
    assert [row[0] for row in shown if row[:1] == ["alone"]] == ["alone"]


def test_who_needs_a_credential_is_told_how_to_show_it(cluster, tmp_path):
    credentials = tmp_path / "credentials"
    credentials.touch(0o600)
    credentials.write_text("ops secret\n")
    cluster.start_master("--authenticate_http_readonly", f"--credentials={credentials}")
    for what, words in (("node", "use '/slaves': a credential for 'mesos-master-readonly' is needed"),
                        ("app", "Invalid username or password.")):
        refused = cluster.tepui(what, "list", check=False)
        assert (refused.returncode, refused.stderr) == (1, f"tepui: {words} (see --credential)\n")
    assert "no apps" in cluster.tepui("app", "list", f"--credential={credentials}", check=False).stderr
