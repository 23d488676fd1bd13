"""The master's side of the agents' stream, against an agent that is only a socket."""
import signal
import time

import pytest

from cluster import SLOW, wait_until
from framework import SMALL, Framework
from socket_agent import UUID, SocketAgent


@pytest.fixture
def master(cluster):
    cluster.start_master("--agent_ping_timeout=500ms", "--max_agent_ping_timeouts=4")
    return cluster


def slaves(cluster):
    return {s["id"]: s for s in cluster.call("GET", "/slaves").json["slaves"]}


def test_a_task_over_the_wire(master):
    agent = SocketAgent(master).subscribe()
    assert slaves(master)[agent.id]["active"]
    assert master.call("POST", "/v2/apps", {"id": "/one", "cmd": "true", "cpus": 1, "mem": 64}).status == 201
    run = agent.wait("RUN_TASK")["run_task"]
    assert run["task"]["agent_id"]["value"] == agent.id
    assert run["framework"]["id"]["value"].startswith(agent.master_id)
    assert slaves(master)[agent.id]["used_resources"]["cpus"] == 1
    agent.update(run, "TASK_RUNNING")
    assert agent.wait("ACKNOWLEDGE")["acknowledge"]["uuid"] == UUID
    wait_until(lambda: master.app("/one")["tasksRunning"] == 1, "the task runs")
    # The same stream, later: the state is on disk.
    master.master.end(signal.SIGKILL)
    agent.close()
    master.start_master()
    agent.tasks = [{"framework": run["framework"], "task": run["task"], "state": "TASK_RUNNING"}]
    epoch, old_id = agent.epoch, agent.id
    agent.subscribe()
    assert agent.id == old_id and agent.epoch > epoch
    wait_until(lambda: master.app("/one")["tasksRunning"] == 1, "the task is known again")
    assert master.call("DELETE", "/v2/apps/one").status == 200
    assert agent.wait("KILL_TASK")["kill_task"]["task_id"] == run["task"]["task_id"]
    agent.update(run, "TASK_KILLED")
    wait_until(lambda: master.app("/one") is None, "the app's end")
    agent.close()


def test_messages_that_an_agent_cannot_take_are_dropped_and_its_stream_goes_on(cluster):
    """Of a framework that says more to executors than the agent reads; all others need the stream, too."""
    cluster.start_master()
    agent = SocketAgent(cluster).subscribe()
    framework = Framework(cluster)
    for _ in range(8):
        framework.call("MESSAGE", agent_id={"value": agent.id}, executor_id={"value": "x"}, data="QUFB" * (2 << 20))
    framework.accept(offer := framework.offer(), {"type": "LAUNCH", "launch": {"task_infos": [{
        "name": "t", "task_id": {"value": "t"}, "agent_id": offer["agent_id"], "command": {"value": "true"},
        "resources": SMALL}]}})
    assert agent.wait("RUN_TASK") and not agent.is_ended
    assert 0 < len([e for e in agent.events if e["type"] == "MESSAGE"]) < 8
    framework.close()
    agent.close()


def test_pings_and_what_follows_when_nobody_answers(master):
    agent = SocketAgent(master).subscribe()
    for count in range(1, 4):
        agent.wait("HEARTBEAT", count)
        assert agent.call("HEARTBEAT").status == 202
    # Silent from now on: the stream ends, and the agent is unreachable, not gone.
    wait_until(lambda: agent.read() or agent.is_ended, "the end of the stream")
    assert agent.id not in slaves(master)
    assert [s["id"] for s in master.call("GET", "/slaves").json["unreachable_slaves"]] == [agent.id]
    assert agent.call("HEARTBEAT").status == 400
    old_id = agent.id
    agent.close()
    assert agent.subscribe().id == old_id
    agent.close()
    wait_until(lambda: not slaves(master).get(old_id, {"active": False})["active"], "the end of its stream is seen")


def test_refusals(master):
    agent = SocketAgent(master).subscribe()
    twin = SocketAgent(master, boot_id="another machine")
    twin.id = agent.id
    twin.subscribe(status=409)
    wait_until(lambda: twin.read() or b"another one with this id is connected" in twin.bytes, "the reason")
    twin.close()
    stranger = SocketAgent(master)
    stranger.id, stranger.master_id = "11111111-1111-4111-8111-111111111111-S0", "11111111-1111-4111-8111-111111111111"
    stranger.subscribe(status=403)
    stranger.close()
    SocketAgent(master).subscribe(headers="Mesos-Stream-Id: x\r\n", status=400).close()
    SocketAgent(master).subscribe(content_type="text/plain", status=415).close()
    assert agent.call("HEARTBEAT", stream_id="nonsense").status == 400
    assert agent.call("HEARTBEAT", agent_id="someone else").status == 400
    assert agent.call("UPDATE").status == 400
    assert agent.call("SUBSCRIBED").status == 400
    headers = {"Content-Type": "application/json"}
    assert master.call("POST", "/api/v1/agent", {"type": "HEARTBEAT"}, headers).status == 400
    assert master.call("POST", "/api/v1/agent", b"{", headers).status == 400
    assert master.call("POST", "/api/v1/agent", b'{"type":"SUBSCRIBE","subscribe":{}}', headers).status == 400
    assert master.call("GET", "/api/v1/agent").status == 405
    # Nobody was disturbed.
    assert agent.call("HEARTBEAT").status == 202
    agent.close()


def test_a_restarted_agent_takes_its_place_back(master):
    first = SocketAgent(master).subscribe()
    second = SocketAgent(master)
    second.id, second.master_id = first.id, first.master_id
    second.subscribe()
    wait_until(lambda: first.read() or first.is_ended, "the end of the old stream")
    assert first.call("HEARTBEAT").status == 400
    assert second.call("HEARTBEAT").status == 202
    first.close()
    second.close()


def test_many_agents_at_once(cluster):
    master = cluster
    master.start_master()
    agents = [SocketAgent(master, port=6000 + i).subscribe() for i in range(60)]
    assert len({a.id for a in agents}) == 60
    assert sum(s["active"] for s in slaves(master).values()) == 60
    for agent in agents:
        agent.close()
    wait_until(lambda: not any(s["active"] for s in slaves(master).values()), "all ends are seen")


def test_operators_reads(master):
    agent = SocketAgent(master).subscribe()
    state = master.call("GET", "/master/state").json
    assert state["activated_slaves"] == 1 and state["id"] == agent.master_id
    assert [f["name"] for f in state["frameworks"]] == ["marathon"]
    assert state["slaves"][0]["resources"]["ports"] == "[31000-31099]"
    assert master.call("GET", "/health").status == 200
    assert master.call("GET", "/version").json["version"] == "1.11.0"
    assert master.call("GET", "/flags").json["flags"]["agent_ping_timeout"] == "500ms"
    assert master.call("GET", "/metrics/snapshot").json["master/cpus_total"] == 4
    text = master.call("GET", "/metrics").body.decode()
    assert "# TYPE tepui_master_cpus_total gauge\ntepui_master_cpus_total 4\n" in text
    name, seen = None, set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, about = line.split(" ", 3)[2:]
            assert name not in seen, f"{name} is there twice"
            assert about.endswith((".", "?")) and "/metrics/snapshot" not in about, line
            seen.add(name)
        elif line.startswith("#"):
            assert line in (f"# TYPE {name} gauge", f"# TYPE {name} counter")
        else:
            sample, value = line.rsplit(" ", 1)
            assert sample.partition("{")[0] == name, line
            assert len(value.replace(".", "").lstrip("0")) <= 15, line
    index = master.call("GET", "/").json
    assert index["name"] == "tepui-master" and index["version"]
    assert {master.call("GET", path).status for path in index["see"]} == {200}
    redirect = master.call("GET", "/master/redirect")
    assert (redirect.status, redirect.headers["Location"]) == (307, f"//127.0.0.1:{master.master_port}")
    agent.close()


def test_a_clean_end(master):
    agent = SocketAgent(master).subscribe()
    start = time.monotonic()
    assert master.master.end() == 0
    assert time.monotonic() - start < 5 * SLOW
    wait_until(lambda: agent.read() or agent.is_ended, "the end of the stream")
    agent.close()
