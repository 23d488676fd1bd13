"""What operators are told of a node's networks."""
import pytest

from one_node import Node


@pytest.fixture
def node():
    made = Node()
    yield made
    made.close()


def test_the_bridge_and_who_has_which_addresses(node):
    before = node.agent.call("GET", "/networks").json
    assert before["containers"] == [] and before["bridge"]["is_made"] is False and before["address"] == "127.0.0.1"
    mapping = {"host_port": 31005, "container_port": 80, "protocol": "tcp"}
    task_id = node.launch(info={"port_mappings": [mapping]},
                          resources=[{"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31005, "end": 31005}]}}])
    node.framework.status(task_id, "TASK_RUNNING")
    answer = node.agent.call("GET", "/networks").json
    row, = answer["containers"]
    assert answer["bridge"]["is_made"] and answer["bridge"]["used"] == before["bridge"]["used"] + 1
    assert row["executor_id"] == task_id and row["port_mappings"] == [mapping] and not row["is_leaving"]
    attachment, = row["attachments"]
    assert attachment["network"] == "mesos-bridge" and attachment["interface"] == "eth0"
    assert attachment["addresses"][0].startswith("172.29.") and attachment["addresses"][0].endswith("/16")
    shown = node.tepui("node", "show")
    assert f"bridge {answer['bridge']['name']}" in shown and attachment["addresses"][0] in shown and "31005:80/tcp" in shown
