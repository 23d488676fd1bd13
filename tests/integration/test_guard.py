"""Limits that somebody changes behind the agent's back: restored, told, never silently gone."""
import contextlib
import os
import pathlib
import signal

import pytest

from cluster import wait_until

pytestmark = pytest.mark.vm


def limit_file(node, container, *names):
    """The path of the first of NAMES that the container has, on whatever hierarchy."""
    for directory in node.agents[0].container_cgroups():
        for name in names:
            if directory.endswith(container) and os.path.exists(os.path.join(directory, name)):
                return pathlib.Path(directory, name)
    raise AssertionError(f"none of {names} for {container}")


@pytest.fixture
def sleeper(node):
    node.deploy({"id": "/sleep", "cmd": "exec sleep 1000", "cpus": 0.1, "mem": 32, "instances": 1})
    (task,) = node.tasks("/sleep")
    return task["id"], node.agents[0].container_of(task["id"])["container_id"]


def restored(node):
    return node.agents[0].call("GET", "/metrics/snapshot").json["tepui/limits_restored"]


def test_a_limit_changed_while_the_agent_runs(node, sleeper):
    task, container = sleeper
    pids = limit_file(node, container, "pids.max")
    memory = limit_file(node, container, "memory.max", "memory.limit_in_bytes")
    assert restored(node) == 0
    pids.write_text("max")
    wait_until(lambda: pids.read_text() == "1024\n", "the limit is back")
    memory.write_text(str(16 << 20))
    wait_until(lambda: memory.read_text() == f"{32 << 20}\n", "the limit is back")
    assert restored(node) >= 2		# on v1 the limit of memory with swap is another one
    assert f" of '{task}': 'pids.max' was changed from outside to 'max', restore '1024'" in node.agents[0].text()
    assert node.tasks("/sleep")[0]["id"] == task


def test_a_limit_changed_while_there_is_no_agent(node, sleeper):
    _, container = sleeper
    pids = limit_file(node, container, "pids.max")
    agent = node.agents[0]
    agent.end(signal.SIGKILL)
    pids.write_text("max")
    agent.start()
    wait_until(lambda: pids.read_text() == "1024\n", "the limit is back")
    wait_until(lambda: "'pids.max' was changed from outside" in agent.text(), "it is told")


def test_a_controller_taken_away_ends_the_task_with_a_name(node, sleeper):
    task, container = sleeper
    pids = limit_file(node, container, "pids.max")
    control = pids.parent.parent / "cgroup.subtree_control"
    if not control.exists():
        pytest.skip("controllers of v1 cannot be taken away")
    control.write_text("-pids")
    try:
        end = wait_until(lambda: node.app("/sleep").get("lastTaskFailure"), "the task's end")
        assert (end["taskId"], end["state"]) == (task, "TASK_FAILED")
        assert end["message"] == "a limit of the task was taken away from outside and cannot be restored"
    finally:
        control.write_text("+pids")


def test_a_container_that_has_gone_misses_no_limit(node, sleeper):
    """Between the end of its group and the word of its end the agent may look at it."""
    task, container = sleeper
    node.deploy({"id": "/watched", "cmd": "exec sleep 1000", "cpus": 0.1, "mem": 32, "instances": 1})
    other = node.agents[0].container_of(node.tasks("/watched")[0]["id"])["container_id"]
    groups = [d for d in node.agents[0].container_cgroups() if d.endswith(container)]
    supervisor = node.agents[0].container_of(task)["status"]["executor_pid"]
    os.kill(supervisor, signal.SIGSTOP)
    try:
        for pid in {pid for d in groups for pid in pathlib.Path(d, "cgroup.procs").read_text().split()}:
            with contextlib.suppress(ProcessLookupError):  # the first may have been the init of the rest
                os.kill(int(pid), signal.SIGKILL)
        for directory in groups:
            wait_until(lambda d=directory: not pathlib.Path(d, "cgroup.procs").read_text(), "nobody is in it")
            os.rmdir(directory)
        # Containers are looked at in the order of their coming: twice the other means once all.
        for _ in range(2):
            limit_file(node, other, "pids.max").write_text("max")
            wait_until(lambda: limit_file(node, other, "pids.max").read_text() == "1024\n", "the limit is back")
    finally:
        os.kill(supervisor, signal.SIGCONT)
    end = wait_until(lambda: node.app("/sleep").get("lastTaskFailure"), "the task's end")
    assert (end["taskId"], end["message"]) == (task, "Command terminated with signal Killed")


def test_stalls_are_counted_as_they_happen(cluster):
    if not os.path.exists("/proc/pressure/cpu"):
        pytest.skip("no pressure stall information here")
    cluster.start_master()
    cluster.start_agent("--stall_threshold=50ms")
    cluster.deploy({"id": "/busy", "cmd": "while :; do :; done & while :; do :; done", "cpus": 0.1, "mem": 32,
                    "instances": 1, "resourceLimits": {"cpus": 0.1}})
    (task,) = cluster.tasks("/busy")

    def extra():
        return cluster.agents[0].container_of(task["id"])["tepui"]
    # Two that want all of a processor have a tenth of one.
    wait_until(lambda: extra().get("cpu_stalls", 0) >= 2, "stalls", 60)
    assert extra()["memory_stalls"] == 0
    assert 'tepui_container_cpu_stalls_total{' in cluster.agents[0].call("GET", "/metrics").body.decode()
    cluster.remove("/busy")
    # Nothing of it is watched any more, and the agent is well.
    assert cluster.agents[0].call("GET", "/health").status == 200
