"""Dynamic reservations: made by frameworks and operators, kept when agents and masters are killed, undone."""
import json

import pytest

from cluster import Cluster, wait_until
from framework import SMALL, Framework, scalar

ROLE = "eng/db"
STACK = [{"type": "STATIC", "role": "eng"}, {"type": "DYNAMIC", "role": ROLE, "labels": {"labels": [{"key": "k"}]}}]
DYNAMIC = [{"type": "DYNAMIC", "role": ROLE}]


@pytest.fixture(name="node")
def running_node():
    cluster = Cluster("reservations")
    try:
        cluster.start_master()
        cluster.start_agent("--resources=cpus:4;mem:4096;disk:100;disk(eng):1000;ports:[31000-31009]",
                            "--registration_backoff_factor=100ms")
        cluster.framework = Framework(cluster, roles=[ROLE])
        yield cluster
    finally:
        cluster.close()


def ports(first, last, **more):
    return {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": first, "end": last}]}, **more}


def volume(size=64):
    return scalar("disk", size, reservations=STACK,
                  disk={"persistence": {"id": "v"}, "volume": {"container_path": "data", "mode": "RW"}})


RESERVED = [scalar("cpus", 1, reservations=DYNAMIC), scalar("disk", 64, reservations=STACK),
            ports(31003, 31004, reservations=DYNAMIC)]


def restart_both(node):
    agent = node.agents[0]
    agent.process.kill()
    agent.process.wait()
    node.master.process.kill()
    node.master.process.wait()
    wait_until(lambda: node.framework.events[-1]["type"] == "CLOSED", "the end of the stream")
    node.start_master()
    agent.start()
    wait_until(lambda: node.active_agents() == 1, "the agent's return")
    assert node.framework.subscribe()["type"] == "SUBSCRIBED"


def dynamic(resources):
    """What of RESOURCES is dynamically reserved, as text."""
    return sorted((r["name"], r.get("scalar", {}).get("value") or r["ranges"]["range"], len(r["reservations"]),
                   r.get("disk", {}).get("persistence", {}).get("id"))
                  for r in resources if r.get("reservations", [{}])[-1].get("type") == "DYNAMIC")


def on_agent(node):
    """What the agent has reserved; it answers when that is on its disk."""
    reserved = node.agents[0].call("GET", "/state").json["reserved_resources_full"]
    return [r for resources in reserved.values() for r in resources]


HELD = sorted([("cpus", 1.0, 1, None), ("disk", 64.0, 2, None), ("ports", [{"begin": 31003, "end": 31004}], 1, None)])
WITH_VOLUME = sorted([HELD[0], ("disk", 64.0, 2, "v"), HELD[2]])


def next_offer(node, expected):
    """The master offers what it has asked the agent for: whoever kills the agent waits until that has it, too."""
    offer = node.framework.offer(lambda o: dynamic(o["resources"]) == expected)
    wait_until(lambda: dynamic(on_agent(node)) == expected, "the agent to have it")
    return offer


def test_every_step_survives_the_death_of_both(node):
    framework = node.framework
    framework.accept(framework.offer(), {"type": "RESERVE", "reserve": {"resources": RESERVED}})
    next_offer(node, HELD)
    restart_both(node)
    framework.accept(next_offer(node, HELD), {"type": "CREATE", "create": {"volumes": [volume()]}})
    next_offer(node, WITH_VOLUME)
    restart_both(node)
    task = framework.launch(next_offer(node, WITH_VOLUME), "echo kept > data/file", [*SMALL, volume()])
    assert framework.status(task, "TASK_FINISHED", "TASK_FAILED", "TASK_ERROR")["state"] == "TASK_FINISHED"
    restart_both(node)
    task = framework.launch(next_offer(node, WITH_VOLUME), "grep kept data/file",
                            [RESERVED[0], RESERVED[2], *SMALL[1:], volume()])
    assert framework.status(task, "TASK_FINISHED", "TASK_FAILED", "TASK_ERROR")["state"] == "TASK_FINISHED"
    framework.accept(next_offer(node, WITH_VOLUME), {"type": "DESTROY", "destroy": {"volumes": [volume()]}},
                     {"type": "UNRESERVE", "unreserve": {"resources": RESERVED}})
    next_offer(node, [])
    restart_both(node)
    offer = framework.offer()
    assert dynamic(offer["resources"]) == []
    slave = node.call("GET", "/slaves").json["slaves"][0]
    assert {role: has["disk"] for role, has in slave["reserved_resources"].items()} == {"eng": 1000.0}
    assert slave["resources"]["ports"] == "[31000-31009]" == slave["unreserved_resources"]["ports"]


def test_an_operator_takes_from_what_is_offered(node):
    offer = node.framework.offer()
    body = {"type": "RESERVE_RESOURCES", "reserve_resources": {
        "agent_id": offer["agent_id"], "resources": [scalar("cpus", 4, reservations=[{"type": "DYNAMIC", "role": "x"}])]}}
    answer = node.call("POST", "/api/v1", json.dumps(body), {"Content-Type": "application/json"})
    assert answer.status == 202, answer.body
    wait_until(lambda: node.framework.all("RESCIND"), "the offer to be rescinded")
    rest = node.framework.offer()
    assert not any(r["name"] == "cpus" for r in rest["resources"])
    wait_until(lambda: dynamic(on_agent(node)), "the agent to have it")
    restart_both(node)
    slave = node.call("GET", "/slaves").json["slaves"][0]
    assert slave["reserved_resources"]["x"]["cpus"] == 4
