"""Service addresses on three nodes: how connections are spread, and what a client notices of backends that leave."""
import os
import signal
import time

import pytest

from callers import Callers, answer_of, call, no_errors, opened, spread
from cluster import wait_until
from conftest import shared_fleet
from services import is_in_force, is_in_force_at, leaves, on_bridge, on_host, sandbox_of, service_of, serving, states

whole_fleet = shared_fleet("--agent_ping_timeout=500ms", "--max_agent_ping_timeouts=4")

APPS = pytest.mark.parametrize("app", [on_host, on_bridge], ids=["host", "bridge"])


# ---- how they are spread ----

@APPS
def test_round_robin_gives_each_its_turn(fleet, app):
    fleet.deploy(app())
    address = serving(fleet, 6)
    for node in fleet.machines[1:]:
        counts = spread(node, address, 10 * 6)
        print(f"round robin from {node.name}: {sorted(counts.values())}")
        assert sorted(counts.values()) == [10] * 6


@APPS
def test_random_is_even_in_the_long_run(fleet, app):
    fleet.deploy(app(VIP_0_BALANCE="random"))
    counts = spread(fleet.machines[1], serving(fleet, 6), 200 * 6)
    print(f"random: {sorted(counts.values())}")
    # Chi square of five degrees of freedom: above 40 once in ten million times; exact turns would be 0.
    chi = sum((n - 200) ** 2 / 200 for n in counts.values())
    assert len(counts) == 6 and 0 < chi < 40, (chi, counts)


@APPS
def test_a_source_keeps_its_backend(fleet, app):
    fleet.deploy(app(VIP_0_BALANCE="source"))
    address = serving(fleet, 6)
    for node in fleet.machines[1:]:
        counts = spread(node, address, 50)
        print(f"source from {node.name}: {sorted(counts.values())}")
        assert len(counts) == 1, counts


@APPS
def test_a_local_backend_is_preferred(fleet, app):
    fleet.deploy(app(VIP_0_PREFER="local"))
    address = serving(fleet, 6)
    for node in fleet.machines[1:]:
        here = {t["id"] for t in fleet.tasks("/web") if t["host"] == node.name}
        assert len(here) == 2 and set(spread(node, address, 20)) == here


def test_a_node_port_is_at_every_node(fleet):
    fleet.deploy(on_host(VIP_0_NODE_PORT="30080"))
    serving(fleet, 6)
    for node in fleet.machines[1:]:
        # From outside: the switch is no node.
        counts = spread(fleet.switch, (node.address, 30080), 6 * 4)
        assert sorted(counts.values()) == [4] * 6, counts


# ---- who leaves ----

@APPS
def test_what_a_client_notices_of_backends_that_leave(fleet, app):
    fleet.deploy(app())
    address = serving(fleet, 6)
    node = fleet.machines[1]
    with Callers(node, address) as callers:
        wait_until(lambda: len(set(callers.answered_since(0))) == 6, "all six answer")
        with no_errors(callers):
            # Unhealthy: it goes on answering, and nobody is to notice.
            victim = min(fleet.running("/web"))
            with open(os.path.join(sandbox_of(fleet, victim), "unwell"), "wb"):
                begin = time.monotonic()
            wait_until(lambda: states(fleet).get(victim) != "SERVING", f"{victim} is unhealthy", 60)
            known = time.monotonic()
            assert not leaves(fleet, callers, victim, known, "unhealthy (from when the master knew)")
            os.unlink(os.path.join(sandbox_of(fleet, victim), "unwell"))
            serving(fleet, 6)
            # Killed by us.
            before = fleet.running("/web")
            begin = time.monotonic()
            deployment = fleet.change("/v2/apps/web", {"instances": 5})
            victim, = wait_until(lambda: before - {t for t, s in states(fleet).items() if s == "SERVING"}, "one is drained")
            assert not leaves(fleet, callers, victim, begin, "killed by us")
            fleet.wait_deployment(deployment)
        deployment = fleet.change("/v2/apps/web", {"instances": 6})
        fleet.wait_deployment(deployment)
        serving(fleet, 6)
        # Killed by nobody knows whom.
        victim = min(t["id"] for t in fleet.tasks("/web") if t["host"] == "node2")
        agent = next(a for a in fleet.agents if a.place.name == "node2")
        begin = time.monotonic()
        os.kill(agent.container_of(victim)["tepui"]["pid"], signal.SIGKILL)
        errors = leaves(fleet, callers, victim, begin, "killed -9")
        assert all(c.begun >= begin - 2 for c in errors)
        serving(fleet, 6)


def test_the_backends_of_a_node_that_is_cut_off_leave(fleet):
    fleet.deploy({**on_host(), "unreachableStrategy": {"inactiveAfterSeconds": 600, "expungeAfterSeconds": 1200}})
    address = serving(fleet, 6)
    lost = {t["id"] for t in fleet.tasks("/web") if t["host"] == "node3"}
    with Callers(fleet.machines[1], address, n=8, timeout=1) as callers:
        wait_until(lambda: len(set(callers.answered_since(0))) == 6, "all six answer")
        begin = time.monotonic()
        fleet.switch.unplug(fleet.machines[3])
        wait_until(lambda: all(states(fleet).get(t) != "SERVING" for t in lost), "the master has noticed", 60)
        wait_until(lambda: is_in_force_at(fleet, fleet.machines[1]) and
                   not any(states(fleet, fleet.agents[0]).get(t) == "SERVING" for t in lost), "node1 knows", 60)
        left = time.monotonic()
        wait_until(lambda: len(callers.since(left)) > 500, "clients come")
        errors = [c for c in callers.errors() if c.begun >= begin]
        print(f"cut off: {len(errors)} of {len(callers.since(begin))} calls failed, the last one begun "
              f"{(max((c.begun for c in errors), default=begin) - begin) * 1000:.0f} ms after it; the master's word came "
              f"{(left - begin) * 1000:.0f} ms after it")
        assert not [c for c in errors if c.begun > left]
        assert not lost & set(callers.answered_since(left))
        fleet.switch.plug(fleet.machines[3])
        wait_until(lambda: lost <= set(callers.answered_since(left)), "they are back", 60)


def test_a_connection_to_a_draining_backend_lives_on(fleet):
    fleet.deploy({**on_host(), "instances": 1, "constraints": []})
    address, node = serving(fleet, 1), fleet.machines[1]
    backend, = fleet.running("/web")
    with node.inside(), opened(address) as connection:
        # It waits for the end of the request.
        connection.sendall(b"GET / HTTP/1.0\r\n")
        deployment = fleet.change("/v2/apps/web", {"instances": 0})
        wait_until(lambda: states(fleet) == {backend: "DRAINING"} and is_in_force_at(fleet, node), "it is drained", 60)
        # Nobody is there for others: they are refused at once, and not left to wait.
        with pytest.raises(ConnectionRefusedError):
            call(address, timeout=30)
        connection.sendall(b"\r\n")
        assert answer_of(connection) == backend
    fleet.wait_deployment(deployment)


# ---- canaries ----

def shares(fleet, address, n=1000):
    """Of each version, in per cent of N calls."""
    counts = spread(fleet.machines[1], address, n, "/version")
    return {version: 100 * count / n for version, count in counts.items()}


def weights_are(fleet, weights):
    """Do all nodes go by these weights of backends?"""
    return is_in_force(fleet) and all(
        sorted(b["weight"] for s in a.call("GET", "/services").json["services"] for b in s["backends"]) == sorted(weights)
        for a in fleet.agents)


def test_two_versions_behind_one_name_share_by_weight(fleet):
    """As apps of their own; nobody is started anew for another weight."""
    fleet.deploy({**on_host(), "instances": 3, "constraints": [], "weight": 9})
    fleet.deploy({**on_host(), "id": "/canary", "instances": 3, "constraints": [], "env": {"VERSION": "2"}, "weight": 1})
    address = serving(fleet, 6)
    before = fleet.running("/web") | fleet.running("/canary")
    for weights in ((9, 1), (5, 5), (1, 9), (0, 10)):
        for app, weight in zip(("web", "canary"), weights):
            fleet.wait_deployment(fleet.change(f"/v2/apps/{app}", {"weight": weight}))
        wait_until(lambda: weights_are(fleet, 3 * weights), "the weights are in force")
        measured = shares(fleet, address)
        print(f"weights {weights}: {measured}")
        assert measured.get("2", 0) == pytest.approx(100 * weights[1] / sum(weights), abs=1)
    assert fleet.running("/web") | fleet.running("/canary") == before


@APPS
def test_a_canary_gets_its_share_and_is_promoted_in_steps(fleet, app):
    spare = {"minimumHealthCapacity": 1, "maximumOverCapacity": 0.5}
    fleet.deploy({**app(), "instances": 3, "constraints": [], "upgradeStrategy": spare})
    address = serving(fleet, 3)
    with Callers(fleet.machines[2], address) as callers, no_errors(callers):
        deployment = fleet.change("/v2/apps/web", {"env": {"VERSION": "2"}, "deployment": {"canary": {"count": 1, "weight": 10}}})
        wait_until(lambda: fleet.deployment(deployment).get("awaitsPromotion"), "the canary is up", 60)
        for percent in (10, 25, 50):
            fleet.tepui("deployment", "weight", deployment, str(percent))
            wait_until(lambda: is_in_force(fleet) and shares(fleet, address, 100).get("2", 0) == pytest.approx(percent, abs=2),
                       "its weight is in force")
            measured = shares(fleet, address)
            print(f"canary at {percent} %: {measured}")
            assert measured["2"] == pytest.approx(percent, abs=1)
        fleet.tepui("deployment", "promote", deployment)
        fleet.wait_deployment(deployment)
        serving(fleet, 3)
        assert shares(fleet, address, 100) == {"2": 100}


# ---- the command line ----

def test_the_command_line_shows_services_and_what_they_have_carried(fleet):
    fleet.deploy(on_host(VIP_0_NODE_PORT="30080"))
    address = serving(fleet, 6)
    row, = [line for line in fleet.tepui("service").splitlines() if line.startswith("web ")]
    assert row.split() == ["web", f"{address[0]}:80", "tcp", "ROUND_ROBIN", "6/6", "30080", "marathon"]

    def connections():
        shown = fleet.tepui("service", "show", "/web", "--traffic")
        rows = [line.split() for line in shown.splitlines() if line.startswith("web.instance-")]
        assert all(row[3:5] == ["SERVING", "1"] for row in rows), shown
        return {row[0]: int(row[5]) for row in rows}

    def one_round():
        """Of each of two nodes; what is counted then."""
        for node in fleet.machines[1:3]:
            spread(node, address, 6)
        return connections()

    def each_is_counted():
        first, second = one_round(), one_round()
        return len(first) == 6 and second == {task: n + 2 for task, n in first.items()}
    # Counters come a moment after what they count.
    wait_until(each_is_counted, "two connections more for each")
    missing = fleet.tepui("service", "show", "nothing", check=False)
    assert missing.returncode == 4 and "no service 'nothing'" in missing.stderr
    # One that is out says why.
    victim = min(fleet.running("/web"))
    with open(os.path.join(sandbox_of(fleet, victim), "unwell"), "wb"):
        pass
    wait_until(lambda: "UNHEALTHY" in fleet.tepui("service", "show", "web"), "it is shown as unhealthy")
    assert "5/6" in fleet.tepui("service")
    line, = [line for line in fleet.tepui("service", "show", "web").splitlines() if "UNHEALTHY" in line]
    assert len(line.split()) > 5, line
