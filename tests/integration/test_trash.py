"""What tasks leave behind is removed beside the agent's loop: whatever its size, the agent goes on answering."""
import contextlib
import os
import pathlib
import signal

import pytest

from cluster import wait_until

SLEEP = {"id": "/sleep", "cmd": "exec sleep 1000", "cpus": 0.1, "mem": 32, "instances": 1}


def errands(agent):
    found = []
    for pid in pathlib.Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split():
        with contextlib.suppress(OSError):
            if pathlib.Path(f"/proc/{pid}/comm").read_text() == "tepui-errand\n":
                found.append(int(pid))
    return found


@pytest.fixture
def held(cluster):
    """An agent with much in its trash, and the process that removes it, stopped in the middle."""
    trash = cluster.directory / "agent0" / "trash"
    for i in range(150):
        directory = trash / f"large/{i}"
        directory.mkdir(parents=True)
        for k in range(100):
            (directory / str(k)).touch()
    cluster.start_master()
    agent = cluster.start_agent(wait=False)
    (errand,) = wait_until(lambda: errands(agent), "the removal to begin")
    os.kill(errand, signal.SIGSTOP)
    wait_until(lambda: cluster.active_agents() == 1, "the agent's registration")
    assert list(trash.iterdir()), "it was over before it was stopped"
    yield errand, trash
    wait_until(lambda: not list(trash.iterdir()) and not errands(agent), "an empty trash")


@pytest.mark.vm
def test_agent_works_while_a_large_tree_goes(cluster, held):
    errand, trash = held
    try:
        cluster.deploy(SLEEP)
        cluster.remove("/sleep")
        assert list(trash.iterdir())
    finally:
        os.kill(errand, signal.SIGCONT)


def test_removal_dies_with_the_agent_and_the_next_one_goes_on(cluster, held):
    errand, trash = held
    agent = cluster.agents[0]
    agent.process.kill()
    agent.process.wait()
    wait_until(lambda: not os.path.exists(f"/proc/{errand}"), "the end of the removal")
    assert list(trash.iterdir())
    agent.start()
