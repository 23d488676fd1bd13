"""kill -9 of the agent at each step of the launch of a group and of a nested container; what the next makes of it."""
import contextlib
import http.client
import os
import pathlib
import signal
import subprocess

import pytest

from cluster import wait_until
from conftest import shared_cluster
from framework import SMALL as RESOURCES
from groups import FOREVER, launch, read

pytestmark = pytest.mark.unsanitized("looks for leaks in vain under strace")

PARENT = {"id": "/parent", "cmd": "exec sleep 1000", "cpus": 0.1, "mem": 128, "instances": 1}
# What changes something: state on disk, directories and cgroups, names, processes.
STEPS = ["fdatasync", "mkdir,mkdirat", "symlinkat,fchown,rename,renameat,renameat2", "clone3"]
MAX_STEPS = 120
ENDED = ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED", "TASK_GONE")

cluster = shared_cluster()


@pytest.fixture(name="parent")
def parent_id(cluster, agent):
    cluster.deploy(PARENT)
    yield agent.container_of(cluster.tasks("/parent")[0]["id"])["container_id"]
    cluster.remove("/parent")
    wait_until(lambda: not agent.container_cgroups(), "nothing is left of it")


@contextlib.contextmanager
def killed_at(agent, calls, n):
    """The agent is killed by the Nth of CALLS from here on; what is yielded tells whether it was."""
    tracer = subprocess.Popen(["strace", "-o", "/dev/null", "-p", str(agent.pid), "-e", f"trace={calls}",
                               "-e", f"inject={calls}:signal=KILL:when={n}"], stderr=subprocess.PIPE, text=True)
    try:
        assert "attached" in tracer.stderr.readline()
        yield lambda: not agent.is_alive()
    finally:
        tracer.terminate()
        tracer.communicate()


def restart(cluster, agent):
    agent.process.wait()
    agent.start()
    wait_until(lambda: cluster.active_agents() == 1 and answers(agent), "its return")


def answers(agent):
    with contextlib.suppress(OSError, http.client.HTTPException):
        return agent.call("GET", "/state").status == 200
    return False


def traces(agent):
    """The containers of which there is anything on the node."""
    names = {path.name for path in agent.work_dir.glob("containers/*")}
    names |= {os.path.basename(d) for d in agent.container_cgroups()}
    names |= {c["container_id"] for c in agent.containers()}
    return names


def mounts(agent):
    return [line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if str(agent.work_dir) in line]


def states(framework, ids):
    """The newest of each, None where nothing was told of it; without waiting."""
    told = {u["status"]["task_id"]["value"] for u in framework.all("UPDATE")}
    return [framework.status(i)["state"] if i in told else None for i in ids]


def await_fate(framework, ids):
    """Both run, or both have ended: one takes the other along."""
    return wait_until(lambda: (states(framework, ids) == ["TASK_RUNNING"] * 2 or
                               set(states(framework, ids)) <= set(ENDED)) and states(framework, ids), "one fate for both")


@pytest.mark.parametrize("calls", STEPS)
def test_a_group_is_launched_once_or_not_at_all(cluster, agent, framework, calls):
    fates = []
    for n in range(1, MAX_STEPS):
        with killed_at(agent, calls, n) as was_killed:
            ids = launch(framework, *[f"echo once; {FOREVER}"] * 2)
            wait_until(lambda: was_killed() or states(framework, ids) == ["TASK_RUNNING"] * 2, "its death or its launch")
        is_whole = not was_killed()
        if was_killed():
            restart(cluster, agent)
        fates.append(await_fate(framework, ids)[0])
        if fates[-1] == "TASK_RUNNING":
            wait_until(lambda: [read(agent, i) for i in ids] == ["once\n"] * 2, "each has run once")
            framework.call("KILL", task_id={"value": ids[0]})
            for i in ids:
                framework.status(i, "TASK_KILLED")
        wait_until(lambda: not traces(agent), "nothing is left of it")
        wait_until(lambda: agent.processes() <= {agent.pid}, "nor any process")
        assert mounts(agent) == []
        if is_whole:
            break
    assert is_whole and len(set(fates)) > 1


def call(agent, kind, **body):
    return agent.call("POST", "/api/v1", {"type": kind, kind.lower(): body}, {"Content-Type": "application/json"})


@pytest.mark.parametrize("calls", STEPS)
def test_a_nested_container_is_launched_once_or_not_at_all(cluster, agent, parent, calls):
    processes = agent.processes() - {agent.pid}
    for n in range(1, MAX_STEPS):
        me = {"value": f"inner-{n}", "parent": {"value": parent}}
        with killed_at(agent, calls, n) as was_killed:
            with contextlib.suppress(OSError, http.client.HTTPException):
                call(agent, "LAUNCH_CONTAINER", container_id=me, command={"value": "exec sleep 1001"}, resources=RESOURCES,
                     container={"type": "MESOS", "linux_info": {"share_cgroups": False}})
        is_whole = not was_killed()
        if was_killed():
            restart(cluster, agent)
        # It is known and is ended, or nobody has heard of it.
        call(agent, "KILL_CONTAINER", container_id=me)
        if call(agent, "WAIT_CONTAINER", container_id=me).status == 200:
            assert call(agent, "REMOVE_CONTAINER", container_id=me).status == 200
        wait_until(lambda: traces(agent) == {parent}, "nothing is left of it")
        wait_until(lambda: agent.processes() - {agent.pid} == processes, "nor any process")
        assert mounts(agent) == [] and not list(agent.work_dir.glob(f"slaves/*/frameworks/*/executors/*/runs/{parent}/containers/*"))
        if is_whole:
            break
    assert is_whole and n > 1
