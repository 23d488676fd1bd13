"""The directory on an agent: what a master tells of services is kept, answered, and there after a restart without one."""
import pathlib

import pytest

from cluster import Cluster, wait_until
from fake_master import AGENT, FakeMaster
from fleet import Namespace

OTHER = "11111111-1111-4111-8111-111111111111-S1"
NODES = [{"agent_id": AGENT, "hostname": "node1", "address": "10.0.0.1"},
         {"agent_id": OTHER, "hostname": "node2", "address": "10.0.0.2"}]
WEB = {"key": "web:80/tcp", "name": "web", "address": "10.96.0.1", "port": 80, "protocol": "tcp", "framework": "marathon"}


@pytest.fixture
def pair():
    """A master of the test's and an agent that dials it."""
    namespace = Namespace("127.0.0.1")
    with namespace.inside():
        master = FakeMaster()
    cluster = Cluster("directory", namespace)
    cluster.master_port, cluster.master_address = master.port, f"127.0.0.1:{master.port}"
    agent = cluster.start_agent(wait=False, place=namespace)
    yield master, agent
    agent.end(9)
    master.close()
    cluster.close()
    namespace.close()


def endpoint(task, node=AGENT, state="SERVING", port=31000, **more):
    return {"key": f"F/{task}", "task_id": task, "name": "web", "framework": "marathon", "agent_id": node, "state": state,
            "ports": [{"protocol": "tcp", "host_port": port, "services": ["web:80/tcp"]}], **more}


def backends(agent):
    """Of the one service: state by task."""
    services = agent.call("GET", "/services").json["services"]
    return {b["task_id"]: b["state"] for s in services for b in s["backends"]}


def test_it_is_asked_for_taken_and_answered(pair):
    master, agent = pair
    subscribe = master.accept()
    assert subscribe["takes_directory"] and subscribe["address"] == "127.0.0.1"
    master.send("DIRECTORY", generation=1, has_more=True, nodes=NODES, services=[WEB])
    master.send("DIRECTORY", generation=2, is_whole=True, endpoints=[endpoint("t1"), endpoint("t2", OTHER, weight=3)])
    assert master.applied() == 2
    answer = agent.call("GET", "/services").json
    assert (answer["generation"], answer["in_force"]) == (2, 2)
    service, = answer["services"]
    assert {**WEB, "balance": "ROUND_ROBIN", "prefers_local": False}.items() <= service.items()
    assert service["backends"][1] == {
        "task_id": "t2", "name": "web", "framework": "marathon", "agent_id": OTHER, "hostname": "node2", "address": "10.0.0.2",
        "port": 31000, "state": "SERVING", "weight": 3}
    master.send("DIRECTORY", generation=3, endpoints=[endpoint("t1", state="DRAINING")], removed_endpoints=["F/t2"])
    assert master.applied() == 3
    assert backends(agent) == {"t1": "DRAINING"}
    assert agent.call("GET", "/services?name=web").json["services"] and not agent.call("GET", "/services?name=x").json["services"]


def test_a_missing_message_begins_the_stream_anew(pair):
    master, agent = pair
    master.accept()
    master.send("DIRECTORY", generation=1, is_whole=True, nodes=NODES, services=[WEB], endpoints=[endpoint("t1")])
    assert master.applied() == 1
    master.send("DIRECTORY", generation=3, removed_endpoints=["F/t1"])
    master.accept(epoch=2)
    assert backends(agent) == {"t1": "SERVING"}
    master.send("DIRECTORY", generation=1, is_whole=True, nodes=NODES, services=[WEB], endpoints=[endpoint("t2")])
    assert master.applied() == 1
    assert backends(agent) == {"t2": "SERVING"}


def test_it_outlives_a_restart_while_the_master_is_away(pair):
    master, agent = pair
    master.accept()
    master.send("DIRECTORY", generation=1, is_whole=True, nodes=NODES, services=[WEB], endpoints=[endpoint("t1")])
    assert master.applied() == 1
    file = pathlib.Path(agent.work_dir, "directory")
    wait_until(file.exists, "it is written")
    left = pathlib.Path(agent.work_dir, ".directory.4711")
    left.write_bytes(b"by one that was killed")
    agent.end(9)
    agent.start()
    wait_until(lambda: "listening" in agent.text()[-4000:] and file.exists() and not left.exists(), "the agent's return")
    assert backends(agent) == {"t1": "SERVING"}
    # A master that has begun anew says first of whom it knows all, and in the end that these are all.
    master.accept(epoch=2)
    master.send("DIRECTORY", generation=1)
    assert master.applied() == 1
    assert backends(agent) == {"t1": "SERVING"}
    master.send("DIRECTORY", generation=2, is_whole=True, nodes=NODES, services=[WEB], endpoints=[endpoint("t2", OTHER)])
    assert master.applied() == 2
    assert backends(agent) == {"t2": "SERVING"}


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\x08\x07"], ids=["empty", "garbage", "of_another_time"])
def test_a_bad_file_is_no_reason_not_to_start(pair, content):
    master, agent = pair
    master.accept()
    agent.end(9)
    pathlib.Path(agent.work_dir, "directory").write_bytes(content)
    agent.start()
    master.accept(epoch=2)
    master.send("DIRECTORY", generation=1, is_whole=True, nodes=NODES, services=[WEB], endpoints=[endpoint("t1")])
    assert master.applied() == 1
    assert backends(agent) == {"t1": "SERVING"}
    assert "begin without the directory that was kept" in agent.text()
