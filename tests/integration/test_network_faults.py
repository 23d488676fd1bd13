"""Processes are killed at each step of the set-up of a network: nothing is left over, no address is lost or given twice."""
import contextlib
import os
import signal
import subprocess

import pytest

from cluster import wait_until
from one_node import Node, shared_node

pytestmark = pytest.mark.unsanitized("looks for leaks in vain under strace")

ENDED = ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED", "TASK_GONE")
MAX_STEPS = 60


running_node, emptied_node = shared_node(Node)


@contextlib.contextmanager
def killed_at(pid, calls, n, *more):
    """Whichever of them, a process and with MORE its children, makes the Nth of CALLS is killed by that."""
    tracer = subprocess.Popen(["strace", "-o", "/dev/null", *more, "-p", str(pid), "-e", f"trace={calls}",
                               "-e", f"inject={calls}:signal=KILL:when={n}"], stderr=subprocess.PIPE, text=True)
    try:
        assert "attached" in tracer.stderr.readline()
        yield
    finally:
        tracer.terminate()
        tracer.communicate()


def state(node, task_id):
    """The newest, or None: without waiting."""
    told = {u["status"]["task_id"]["value"] for u in node.framework.all("UPDATE")}
    return node.framework.status(task_id)["state"] if task_id in told else None


def is_settled(node, task_id):
    return state(node, task_id) in ("TASK_RUNNING", *ENDED)


def end(node, task_id):
    """Kill it where it runs; nothing is left of it but its address, which others may have."""
    if state(node, task_id) == "TASK_RUNNING":
        node.framework.call("KILL", task_id={"value": task_id})
        wait_until(lambda: state(node, task_id) in ENDED, f"the end of {task_id}")
    wait_until(node.is_empty, lambda: f"an empty node, not {node.networks()} and {node.links()}")


def restart(node):
    node.agent.process.wait()
    node.agent.start()
    node.agents_are_back()


@pytest.mark.parametrize("calls", ["fdatasync", "mkdir,mkdirat", "clone3", "openat"])
def test_the_agent_is_killed_at_each_step_of_a_launch(node, calls):
    fates, step = [], 7 if calls == "openat" else 1
    for n in range(1, step * MAX_STEPS, step):
        node.run("ip", "link", "delete", "tepui0", check=False)
        with killed_at(node.agent.pid, calls, n):
            task = node.launch()
            wait_until(lambda: not node.agent.is_alive() or is_settled(node, task), "its death or the launch")
        is_whole = node.agent.is_alive()
        if not is_whole:
            restart(node)
        wait_until(lambda: is_settled(node, task), "its fate")
        fates.append(state(node, task))
        if fates[-1] == "TASK_RUNNING":
            row, = node.networks()
            assert [row["attachments"][0]["link"]] == list(node.links())
        end(node, task)
        if is_whole:
            break
    assert is_whole and len(fates) > 1 and fates[-1] == "TASK_RUNNING"


@pytest.mark.parametrize("calls", ["sendmsg", "ioctl", "setsockopt"])
def test_errand_supervisor_or_init_are_killed_at_each_step_of_the_set_up(node, calls):
    fates = set()
    for n in range(1, 12):
        node.run("ip", "link", "delete", "tepui0", check=False)
        with killed_at(node.agent.pid, calls, n, "-f"):
            task = node.launch()
            wait_until(lambda: not node.agent.is_alive() or is_settled(node, task), "a death or the launch")
        if not node.agent.is_alive():
            restart(node)
        wait_until(lambda: is_settled(node, task), "its fate")
        fates.add(state(node, task))
        end(node, task)
    assert len(fates) > 1 and node.running()


def test_a_supervisor_is_killed_and_its_address_is_free_again(node):
    info = {"ip_addresses": [{"ip_address": "172.29.3.3"}]}
    for _ in range(3):
        task, _ = node.running(info=info)
        os.kill(node.agent.container_of(task)["status"]["executor_pid"], signal.SIGKILL)
        node.framework.status(task, "TASK_FAILED")
        wait_until(node.is_empty, "an empty node")


def test_addresses_outlive_the_agent(node):
    first, addresses = node.running()
    node.agent.end(signal.SIGKILL)
    restart(node)
    assert node.networks()[0]["attachments"][0]["addresses"][0].split("/")[0] == addresses[0]
    status = node.framework.status(node.launch(info={"ip_addresses": [{"ip_address": addresses[0]}]}), "TASK_DROPPED")
    assert status["message"].endswith("Address already in use")
    second, others = node.running()
    assert others != addresses and len(node.links()) == 2
    assert {first, second} == {row["executor_id"] for row in node.networks()}


def test_what_ends_while_the_agent_is_away_gives_its_address_back(node):
    task, _ = node.running(info={"ip_addresses": [{"ip_address": "172.29.4.4"}]})
    supervisor = node.agent.container_of(task)["status"]["executor_pid"]
    node.agent.end(signal.SIGKILL)
    os.kill(supervisor, signal.SIGKILL)
    restart(node)
    wait_until(lambda: state(node, task) in ENDED, "its end")
    assert node.running(info={"ip_addresses": [{"ip_address": "172.29.4.4"}]})


def test_links_of_nobody_are_removed_at_start(node):
    node.running()
    node.agent.end(signal.SIGKILL)
    node.run("ip", "link", "add", "tepui-v99", "type", "veth", "peer", "name", "other")
    restart(node)
    assert "tepui-v99" not in node.links() and len(node.links()) == 1


def test_a_namespace_that_somebody_holds_does_not_hold_the_address(node):
    info = {"ip_addresses": [{"ip_address": "172.29.5.5"}]}
    task, _ = node.running(info=info)
    with open(f"/proc/{node.pid_in(task)}/ns/net", encoding="ascii"):
        end(node, task)
        assert node.running(info=info)
