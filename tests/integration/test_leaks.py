"""Nothing leaks: processes, mounts, cgroups, links, descriptors, memory and files are as they were."""
import os

import pytest

from cluster import host_facts, wait_until
from test_story import running, sleeper


def descriptors(pid):
    return sorted(os.readlink(f"/proc/{pid}/fd/{fd}").split(":")[0] for fd in os.listdir(f"/proc/{pid}/fd"))


def kilobytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("VmRSS")).split()[1])


def runtime_directories(node):
    """Walked while the agent removes them: what vanishes on the way is no error."""
    return sorted(d for d, _, names in os.walk(node.agents[0].work_dir) if "config.json" in names)


def cycle(node, instances):
    """Run, end by itself, be killed, be replaced, be deleted."""
    node.deploy(sleeper("/cycle", instances=instances))
    running(node, "/cycle")
    answer = node.call("POST", "/v2/apps/cycle/restart")
    node.wait_deployment(answer.json["deploymentId"])
    node.remove("/cycle")
    wait_until(lambda: not node.agents[0].container_cgroups(), "the cgroups are removed")
    wait_until(lambda: not runtime_directories(node), "the runtime directories are removed")


def settled_descriptors(node):
    """Once the tests' own connections have timed out of the servers."""
    return {d.name: descriptors(d.pid) for d in (node.master, node.agents[0])}


@pytest.mark.unsanitized("measures the program's own memory")
def test_cycles_of_containers_leave_everything_as_it_was(node):
    cycle(node, 2)
    facts, fds = host_facts(node.directory.name), settled_descriptors(node)
    memory = {d.name: kilobytes(d.pid) for d in (node.master, node.agents[0])}
    for _ in range(10):
        cycle(node, 3)
    assert host_facts(node.directory.name) == facts
    wait_until(lambda: settled_descriptors(node) == fds, f"the descriptors are {fds} again", 40)
    for daemon in (node.master, node.agents[0]):
        assert kilobytes(daemon.pid) < memory[daemon.name] + 2048
