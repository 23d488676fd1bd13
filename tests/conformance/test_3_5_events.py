"""SUBSCRIBE of the master's operator API: the stream of events."""
import json
import socket

import pytest

from cluster import wait_until
from framework import SMALL
from operator_calls import JSON, PROTOBUF, ask

pytestmark = pytest.mark.row("3.5")


class Listener:
    """A subscription; events by their kind, in the order in which they came."""

    def __init__(self, cluster, accept=JSON):
        self.socket = socket.create_connection(("127.0.0.1", cluster.master_port), timeout=0.05)
        body = b'{"type":"SUBSCRIBE"}'
        self.socket.sendall(b"POST /api/v1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                            b"Accept: %s\r\nContent-Length: %d\r\n\r\n%s" % (accept.encode(), len(body), body))
        self.raw, self.body, self.head, self.records = b"", b"", None, []

    def _more(self):
        try:
            self.raw += self.socket.recv(1 << 20)
        except TimeoutError:
            return
        if self.head is None and b"\r\n\r\n" in self.raw:
            self.head, self.raw = self.raw.split(b"\r\n\r\n", 1)
        while self.head and b"\r\n" in self.raw:
            size, rest = self.raw.split(b"\r\n", 1)
            if len(rest) < int(size, 16) + 2:
                break
            self.body += rest[:int(size, 16)]
            self.raw = rest[int(size, 16) + 2:]
        while b"\n" in self.body:
            size, rest = self.body.split(b"\n", 1)
            if len(rest) < int(size):
                break
            self.records.append(rest[:int(size)])
            self.body = rest[int(size):]

    def wait(self, kind, fits=lambda body: True):
        def found():
            self._more()
            events = [json.loads(record) for record in self.records]
            fitting = [e for e in events if e["type"] == kind and (kind == "HEARTBEAT" or fits(e[kind.lower()]))]
            return fitting[:1]
        event = wait_until(found, f"event {kind}")[0]
        return event.get(kind.lower())

    def close(self):
        self.socket.close()


@pytest.fixture
def listen(cluster):
    """Listeners of the test; they leave after it."""
    made = []

    def make(*args):
        made.append(Listener(cluster, *args))
        return made[-1]
    yield make
    for listener in made:
        listener.close()


@pytest.fixture
def listener(listen):
    return listen()


@pytest.mark.parametrize("accept", [JSON, PROTOBUF])
def test_the_stream_is_200_chunked_in_the_form_that_is_accepted(listen, accept):
    made = listen(accept)
    wait_until(lambda: made._more() or made.records, "the first record")
    head = made.head.decode().lower()
    assert head.startswith("http/1.1 200") and "transfer-encoding: chunked" in head
    assert f"content-type: {accept}" in head
    # type = SUBSCRIBED
    assert made.records[0].startswith(b'{"type":"SUBSCRIBED"' if accept == JSON else b"\x08\x01")


def test_subscribed_comes_first_with_all_that_is_known(cluster, agent, framework, listener):
    subscribed = listener.wait("SUBSCRIBED")
    assert json.loads(listener.records[0])["type"] == "SUBSCRIBED"
    assert subscribed["heartbeat_interval_seconds"] == 15.0
    state = subscribed["get_state"]
    assert set(state) == {"get_tasks", "get_executors", "get_frameworks", "get_agents"}
    assert agent.id in [a["agent_info"]["id"]["value"] for a in state["get_agents"]["agents"]]
    assert framework.info["id"] in [f["framework_info"]["id"] for f in state["get_frameworks"]["frameworks"]]


def test_a_heartbeat_follows_at_once(listener):
    listener.wait("SUBSCRIBED")
    listener.wait("HEARTBEAT")


def test_frameworks_are_added_updated_and_removed(cluster, listener, subscribe):
    listener.wait("SUBSCRIBED")
    framework = subscribe()
    mine = framework.info["id"]
    added = listener.wait("FRAMEWORK_ADDED", lambda e: e["framework"]["framework_info"]["id"] == mine)["framework"]
    assert added["active"] is True and added["connected"] is True and added["recovered"] is False
    assert "offers" not in added and "allocated_resources" not in added
    framework.close()
    framework.subscribe()
    listener.wait("FRAMEWORK_UPDATED", lambda e: e["framework"]["framework_info"]["id"] == mine)
    framework.post("TEARDOWN")
    listener.wait("FRAMEWORK_REMOVED", lambda e: e["framework_info"]["id"] == mine)


def test_tasks_are_added_and_updated(cluster, agent, framework, listener):
    listener.wait("SUBSCRIBED")
    task_id = framework.launch(framework.offer(), "sleep 1000", SMALL)
    added = listener.wait("TASK_ADDED", lambda e: e["task"]["task_id"]["value"] == task_id)["task"]
    assert added["state"] == "TASK_STAGING" and added["framework_id"] == framework.info["id"]
    framework.status(task_id, "TASK_RUNNING")
    framework.call("KILL", task_id={"value": task_id})
    framework.status(task_id, "TASK_KILLED")
    for state in ("TASK_RUNNING", "TASK_KILLED"):
        updated = listener.wait("TASK_UPDATED", lambda e: e["status"]["task_id"]["value"] == task_id
                                and e["state"] == state)
        assert updated["framework_id"] == framework.info["id"] and updated["status"]["state"] == state


def test_agents_are_added_and_removed(cluster, listener, add_agent):
    listener.wait("SUBSCRIBED")
    mine = add_agent(cluster, 5998).id
    added = listener.wait("AGENT_ADDED", lambda e: e["agent"]["agent_info"]["id"]["value"] == mine)["agent"]
    assert added["active"] is True and added["total_resources"]
    ask(cluster, "MARK_AGENT_GONE", mark_agent_gone={"agent_id": {"value": mine}})
    listener.wait("AGENT_REMOVED", lambda e: e["agent_id"]["value"] == mine)


def test_who_leaves_is_forgotten_by_the_others(cluster, listen, listener, subscribe):
    other = listen()
    other.wait("SUBSCRIBED")
    other.close()
    listener.wait("SUBSCRIBED")
    framework = subscribe()
    listener.wait("FRAMEWORK_ADDED", lambda e: e["framework"]["framework_info"]["id"] == framework.info["id"])
    assert cluster.call("GET", "/health").status == 200
