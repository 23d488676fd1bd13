"""Agents that stop, that the network is cut from, and that are booted again: tasks go on, and all is told once."""
import contextlib
import os
import pathlib
import signal
import subprocess

import pytest

from cluster import wait_until
from framework import SMALL, Framework
from proxy import Proxy

PINGS = ("--agent_ping_timeout=300ms", "--max_agent_ping_timeouts=4")


@pytest.fixture
def world(cluster):
    """A master, a network, an agent behind it, and a framework."""
    cluster.start_master(*PINGS)
    proxy = Proxy(cluster.master_port)
    cluster.start_agent(f"--master=127.0.0.1:{proxy.port}")
    framework = Framework(cluster)
    yield cluster, proxy, framework
    framework.close()
    proxy.close()


def run(framework, command="exec sleep 1000"):
    task_id = framework.launch(framework.offer(), command, SMALL)
    framework.status(task_id, "TASK_RUNNING")
    return task_id


def told(framework, task_id):
    """States in the order in which they were told first, with who said so."""
    seen = []
    for update in framework.all("UPDATE"):
        status = update["status"]
        key = (status["state"], status.get("uuid"), status.get("reason"))
        if status["task_id"]["value"] == task_id and key not in seen:
            seen.append(key)
    return [state for state, _, _ in seen]


def pid_of(cluster, task_id):
    return int(cluster.tepui("task", "pid", task_id))


@pytest.mark.parametrize("partition", ["cut", "to", "from", "both", "stopped"])
def test_an_agent_that_cannot_be_reached_goes_on_and_comes_back(world, partition):
    cluster, proxy, framework = world
    agent = cluster.agents[0]
    stays, ends = run(framework), run(framework, "while [ ! -e go ]; do sleep 0.05; done; exit 3")
    pid, sandbox = pid_of(cluster, stays), agent.container_of(ends)["tepui"]["sandbox"]
    if partition == "stopped":
        agent.process.send_signal(signal.SIGSTOP)
    elif partition == "cut":
        proxy.cut()
    else:
        proxy.hold(*(("to", "from") if partition == "both" else (partition,)))
    assert framework.status(stays, "TASK_UNREACHABLE")["reason"] == "REASON_AGENT_REMOVED"
    os.kill(pid, 0)
    pathlib.Path(sandbox, "go").touch()
    if partition == "stopped":
        agent.process.send_signal(signal.SIGCONT)
    proxy.heal()
    assert framework.status(stays, "TASK_RUNNING")["reason"] == "REASON_AGENT_REREGISTERED"
    assert framework.status(ends, "TASK_FAILED")["message"] == "Command exited with status 3"
    assert pid_of(cluster, stays) == pid
    assert told(framework, ends).count("TASK_FAILED") == 1
    assert "TASK_KILLED" not in told(framework, stays) and "TASK_LOST" not in told(framework, stays)
    assert len([c for c in agent.containers() if c["executor_id"] == stays]) == 1


def test_a_network_that_comes_and_goes_loses_and_doubles_nothing(world):
    cluster, proxy, framework = world
    stays = run(framework)
    pid = pid_of(cluster, stays)
    short = [run(framework, f"sleep 0.{i}; exit {i}") for i in range(1, 6)]
    for _ in range(6):
        proxy.cut()
        wait_until(lambda: cluster.active_agents() == 0, "the connection is lost")
        proxy.heal()
        wait_until(lambda: cluster.active_agents() == 1, "the agent is back")
    for i, task_id in enumerate(short, 1):
        assert framework.status(task_id, "TASK_FAILED")["message"] == f"Command exited with status {i}"
        assert told(framework, task_id)[-1] == "TASK_FAILED" and told(framework, task_id).count("TASK_FAILED") == 1
    assert pid_of(cluster, stays) == pid
    assert "TASK_UNREACHABLE" not in told(framework, stays)


def test_a_node_that_was_booted_again_tells_each_end_once_and_keeps_its_id(cluster, tmp_path):
    boot = tmp_path / "boot_id"
    boot.write_text("11111111-2222-4333-8444-555555555555\n")
    cluster.start_master()
    before = ("unshare", "-m", "sh", "-c", f'mount --bind {boot} /proc/sys/kernel/random/boot_id && exec "$@"', "sh")
    agent = cluster.start_agent(before=before)
    framework = Framework(cluster)
    tasks = [run(framework) for _ in range(3)]
    agent_id = cluster.call("GET", "/slaves").json["slaves"][0]["id"]
    agent.end(signal.SIGKILL)
    for pid in agent.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    boot.write_text("99999999-2222-4333-8444-555555555555\n")
    agent.start()
    for task_id in tasks:
        status = framework.status(task_id, "TASK_GONE")
        assert (status["source"], status["reason"]) == ("SOURCE_AGENT", "REASON_AGENT_RESTARTED")
        assert status["message"] == "node was booted again"
    wait_until(lambda: cluster.active_agents() == 1, "the agent is back")
    assert cluster.call("GET", "/slaves").json["slaves"][0]["id"] == agent_id
    # Once more changes nothing of what was told.
    agent.end(signal.SIGKILL)
    agent.start()
    wait_until(lambda: cluster.active_agents() == 1, "the agent is back")
    assert run(framework)
    for task_id in tasks:
        assert told(framework, task_id).count("TASK_GONE") == 1
    framework.close()


def test_a_copy_of_an_agent_is_refused_and_disturbs_nobody(cluster):
    """A virtual machine that was copied while its agent was stopped."""
    cluster.start_master()
    agent = cluster.start_agent()
    framework = Framework(cluster)
    task_id = run(framework)
    agent.end(signal.SIGTERM)
    copy = cluster.directory / "copy"
    subprocess.run(["cp", "-a", agent.work_dir, copy], check=True)
    agent.start()
    wait_until(lambda: cluster.active_agents() == 1, "the agent is back")
    pid = pid_of(cluster, task_id)
    second = cluster.start_agent(f"--work_dir={copy}", "--hostname=copy.test", wait=False)
    assert second.process.wait(30) != 0
    assert "is in use by another agent" in second.text()
    assert cluster.active_agents() == 1 and pid_of(cluster, task_id) == pid
    framework.close()
