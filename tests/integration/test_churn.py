"""A thousand containers in a row and two hundred at once leave an agent as large, and a host as empty, as before."""
import os

import pytest

from cluster import SLOW, host_facts, wait_until
from test_leaks import descriptors, kilobytes, runtime_directories
from test_story import sleeper

AT_ONCE = 200 if SLOW == 1 else 30
IN_A_ROW = 1000 if SLOW == 1 else 100


def zombies_of(pids):
    """Children that PIDS have not reaped."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                state, parent = file.read().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue
        if state == "Z" and int(parent) in pids:
            found.append(int(entry))
    return found


def small(app_id, instances, **more):
    return sleeper(app_id, instances=instances, cpus=0.001, mem=8, **more)


def all_at_once(node):
    node.deploy(small("/many", AT_ONCE), seconds=120)
    assert len(node.agents[0].containers()) == AT_ONCE
    node.remove("/many", seconds=120)
    wait_until(lambda: not node.agents[0].container_cgroups(), "the cgroups are removed", 60)
    wait_until(lambda: not runtime_directories(node), "the runtime directories are removed")


def one_after_another(node, count):
    """Ten places, in each of which one container follows the other at once."""
    metrics = "slave/tasks_finished"

    def finished():
        return node.agents[0].call("GET", "/metrics/snapshot").json[metrics]
    wanted = finished() + count
    answer = node.call("POST", "/v2/apps", small("/row", 10, cmd="exit 0", backoffSeconds=0, backoffFactor=1))
    assert answer.status == 201, answer.body
    wait_until(lambda: finished() >= wanted, f"{count} containers have ended", 240)
    assert node.call("DELETE", "/v2/apps/row?force=true").status == 200
    wait_until(lambda: not node.agents[0].container_cgroups(), "the cgroups are removed", 60)
    wait_until(lambda: not runtime_directories(node), "the runtime directories are removed")


@pytest.mark.unsanitized("measures the program's own memory")
@pytest.mark.slow
def test_many_containers_leave_nothing_and_no_larger_agent(node):
    agent = node.agents[0]
    # Before measuring: the bounded history of ended tasks is full, and the heap as wide as it gets.
    for _ in range(3):
        all_at_once(node)
    facts, fds, memory = host_facts(node.directory.name), descriptors(agent.pid), kilobytes(agent.pid)
    one_after_another(node, IN_A_ROW)
    all_at_once(node)
    assert host_facts(node.directory.name) == facts
    wait_until(lambda: descriptors(agent.pid) == fds, f"the descriptors are {fds} again", 40)
    assert not zombies_of({agent.pid, node.master.pid})
    wait_until(lambda: kilobytes(agent.pid) <= memory * 1.05, f"the agent is as large as before, {memory} kB")
    print(f"agent: {memory} kB before, {kilobytes(agent.pid)} kB after {IN_A_ROW} in a row and {AT_ONCE} at once")
