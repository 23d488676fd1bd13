"""Nodes that are emptied, and that the network is cut from, with and without the master's death in the middle."""
import subprocess

import pytest

from cluster import BUILD, SLOW, wait_until
from conftest import dies_too, shared_fleet
from fleet import SERVER, SLEEPER
from onlookers import Promises, Traffic

whole_fleet = shared_fleet("--agent_ping_timeout=500ms", "--max_agent_ping_timeouts=4", "--agent_reregister_timeout=5secs")


def on(fleet, name):
    return {c.task for c in fleet.containers() if c.node == name}


def id_of(fleet, name):
    return next(s["id"] for s in fleet.nodes() if s["hostname"] == name)


@dies_too
def test_a_node_is_emptied_and_no_request_fails(fleet, dies):
    fleet.deploy({**SERVER, "upgradeStrategy": {"minimumHealthCapacity": 1, "maximumOverCapacity": 0.5}})
    assert on(fleet, "node1")
    drain = [*fleet.place.prefix, BUILD / "tepui", f"--master={fleet.master_address}", "node", "drain",
             id_of(fleet, "node1"), "--replace-first", "--wait"]
    with Promises(fleet, "/web", least=4), Traffic(fleet, "/web") as traffic:
        wait_until(lambda: traffic.answers == ["1"] * 4, "four answer")
        with subprocess.Popen(drain) as first:
            try:
                if dies:
                    wait_until(lambda: len(fleet.containers()) > 4, "the first replacement is there")
                    fleet.kill_master()
                first.wait(60 * SLOW)
            finally:
                first.kill()
        # Whoever was asking when the master died asks again.
        again = subprocess.run(drain, check=True, timeout=60 * SLOW) if dies else first
        assert again.returncode == 0
        assert not on(fleet, "node1")
        fleet.settled("/web", 4)
        wait_until(lambda: traffic.answers == ["1"] * 4, "four answer elsewhere")
    print(f"{traffic.requests} requests, never answered by fewer than {traffic.fewest}")
    assert traffic.fewest == 4
    fleet.tepui("node", "reactivate", id_of(fleet, "node1"))
    fleet.change("/v2/apps/web", {"instances": 6})
    wait_until(lambda: on(fleet, "node1"), "the node has tasks again")


@dies_too
def test_a_node_is_emptied_at_once(fleet, dies):
    """By Mesos's own rule: its tasks end first, and are replaced elsewhere without delay."""
    fleet.deploy({**SLEEPER, "instances": 6, "backoffSeconds": 3600})
    moved = on(fleet, "node2")
    with Promises(fleet, "/web", least=6 - len(moved)):
        fleet.tepui("node", "drain", id_of(fleet, "node2"))
        if dies:
            fleet.kill_master()
        wait_until(lambda: not on(fleet, "node2"), "the node is empty")
        fleet.settled("/web", 6)
    assert not moved & fleet.running("/web")


@pytest.mark.parametrize("dies", ["never", "before", "after"])
def test_a_node_is_cut_off_and_comes_back(fleet, dies):
    """The master's death comes before it knows of the cut, or when it has replaced what it lost."""
    fleet.deploy({**SLEEPER, "instances": 6, "unreachableStrategy": {"inactiveAfterSeconds": 1, "expungeAfterSeconds": 2}})
    node = next(m for m in fleet.machines if m.name == "node3")
    lost = on(fleet, "node3")
    others = fleet.running("/web") - lost
    assert len(lost) == 2
    # On the nodes, cut off or not, there are never fewer; nor is any killed for good where nobody can look.
    with Promises(fleet, "/web", least=6):
        fleet.switch.unplug(node)
        if dies == "before":
            fleet.kill_master()
        wait_until(lambda: len(fleet.running("/web") - lost) == 6, "the lost ones are replaced", 60)
        assert others < fleet.running("/web")
        # They go on where they are, and nobody kills what cannot be reached.
        assert on(fleet, "node3") == lost
        if dies == "after":
            fleet.kill_master()
            wait_until(lambda: len(fleet.running("/web") - lost) == 6, "the others are known again")
        replaced = fleet.running("/web")
        fleet.switch.plug(node)
        fleet.agents_are_back()
        fleet.settled("/web", 6)
    assert others < fleet.running("/web")
    assert fleet.running("/web") <= replaced | lost


@dies_too
def test_a_short_cut_is_none(fleet, dies):
    """An app that waits for its nodes finds the same tasks when they are back."""
    fleet.deploy({**SLEEPER, "instances": 6, "unreachableStrategy": {"inactiveAfterSeconds": 600,
                                                                    "expungeAfterSeconds": 1200}})
    before, node = fleet.running("/web"), fleet.machines[2]
    with Promises(fleet, "/web", least=6, most=6):
        fleet.switch.unplug(node)
        wait_until(lambda: len(fleet.running("/web")) < 6, "the cut is known")
        if dies:
            fleet.kill_master()
        fleet.switch.plug(node)
        fleet.agents_are_back()
        fleet.settled("/web", 6)
    assert fleet.running("/web") == before
