"""What an agent makes of a master that repeats itself, is late, is old, or is another one."""
import os
import pathlib
import queue

import pytest

from cluster import SLOW, Cluster, wait_until
from fake_master import AGENT, FakeMaster
from framework import SMALL

AWARE = {"user": "nobody", "name": "f", "id": {"value": "F"}, "capabilities": [{"type": "PARTITION_AWARE"}]}
PLAIN = {"user": "nobody", "name": "f", "id": {"value": "F"}}


@pytest.fixture
def pair():
    """A master of the test's and an agent that dials it."""
    cluster, master = Cluster("link"), FakeMaster()
    cluster.master_port, cluster.master_address = master.port, f"127.0.0.1:{master.port}"
    agent = cluster.start_agent(wait=False)
    yield master, agent
    agent.end(9)
    master.close()
    cluster.close()


def run(master, task_id="t", command="exec sleep 1000", framework=AWARE):
    task = {"name": "t", "task_id": {"value": task_id}, "agent_id": {"value": AGENT}, "command": {"value": command},
            "resources": SMALL}
    master.send("RUN_TASK", framework=framework, task=task)


def follow(master, *states):
    """Updates until the last of STATES, which they are in order; each is acknowledged."""
    for state in states:
        update = master.update()
        assert update["status"]["state"] == state, update
        master.acknowledge(update)
    return update


def nothing_comes(master, seconds=0.5):
    with pytest.raises(queue.Empty):
        master.calls.get(timeout=seconds)


def test_only_the_head_is_told_until_it_is_acknowledged(pair):
    master, _ = pair
    master.accept()
    run(master, command="true")
    first = master.update()
    assert first["status"]["state"] == "TASK_STARTING"
    nothing_comes(master)
    master.send("ACKNOWLEDGE", framework_id={"value": "F"}, task_id={"value": "t"}, uuid=b"?" * 16)
    nothing_comes(master)
    master.acknowledge(first)
    second = master.update()
    assert second["status"]["state"] == "TASK_RUNNING" and second["status"]["uuid"] != first["status"]["uuid"]
    # It has ended meanwhile, which is told along.
    master.acknowledge(second)
    assert master.update()["status"]["state"] == "TASK_FINISHED"


def test_the_same_update_is_told_identically_on_the_next_stream(pair):
    master, agent = pair
    master.accept()
    run(master)
    told = master.update()
    master.hang_up()
    subscribe = master.accept(epoch=2)
    assert [t["task"]["task_id"]["value"] for t in subscribe["tasks"]] == ["t"]
    again = master.update()
    assert again["status"] == told["status"]
    agent.end(9)
    agent.start()
    master.accept(epoch=3)
    assert master.update()["status"] == told["status"]


def test_an_executor_that_ends_before_the_master_answers_is_told_of_then(pair):
    master, agent = pair
    master.accept()
    executor = {"executor_id": {"value": "e"}, "resources": SMALL,
                "command": {"value": "until [ -e end ]; do sleep 0.02; done; exit 3"}}
    task = {"name": "t", "task_id": {"value": "t"}, "agent_id": {"value": AGENT}, "executor": executor, "resources": SMALL}
    master.send("RUN_TASK", framework=AWARE, task=task)
    def sandbox():
        return next(pathlib.Path(agent.work_dir).glob("slaves/*/frameworks/F/executors/e/runs/latest/stdout"), None)
    place = wait_until(sandbox, "the executor's sandbox").parent
    master.hang_up()
    waiting = master.streams.get(timeout=30 * SLOW)
    assert [e["executor"]["executor_id"]["value"] for e in waiting[0].get("executors", [])] == ["e"]
    (place / "end").touch()
    wait_until(lambda: "executor 'e' of framework 'F' has ended" in agent.text(), "its end")
    master.streams.put(waiting)
    master.accept(epoch=2)
    while (call := master.calls.get(timeout=30 * SLOW))["type"] != "EXECUTOR_EXITED":
        assert call["type"] == "UPDATE"
    assert call["executor_exited"]["executor_id"]["value"] == "e"
    assert os.waitstatus_to_exitcode(call["executor_exited"]["status"]) == 3


def test_what_is_said_many_times_is_done_once(pair):
    master, agent = pair
    master.accept()
    for _ in range(5):
        run(master)
    update = master.update()
    for _ in range(5):
        master.acknowledge(update)
    follow(master, "TASK_RUNNING")
    assert len(agent.containers()) == 1
    for _ in range(5):
        master.send("KILL_TASK", framework_id={"value": "F"}, task_id={"value": "t"})
    follow(master, "TASK_KILLED")
    nothing_comes(master)
    # A launch that was held up on its way finds that the task was here.
    run(master)
    nothing_comes(master)
    assert agent.containers() == []


def test_a_kill_that_overtook_its_launch_kills_nothing(pair):
    master, _ = pair
    master.accept()
    master.send("KILL_TASK", framework_id={"value": "F"}, task_id={"value": "t"})
    master.send("ACKNOWLEDGE", framework_id={"value": "F"}, task_id={"value": "t"}, uuid=b"?" * 16)
    run(master)
    follow(master, "TASK_STARTING", "TASK_RUNNING")


@pytest.mark.parametrize("more, words", [({"epoch": 9}, "epoch 9 is before 10"),
                                         ({"epoch": 11, "agent_id": "somebody"}, "takes agent")])
def test_a_master_that_is_old_or_takes_it_for_another_commands_nothing(pair, more, words):
    master, agent = pair
    master.accept(epoch=10)
    run(master)
    follow(master, "TASK_STARTING", "TASK_RUNNING")
    pids = agent.processes()
    master.hang_up()
    master.accept(**more)
    master.send("KILL_TASK", framework_id={"value": "F"}, task_id={"value": "t"})
    master.send("SHUTDOWN")
    # It dials again, and has told nobody of an end.
    master.accept(epoch=10)
    assert words in agent.text()
    nothing_comes(master)
    assert agent.processes() == pids and agent.is_alive()


@pytest.mark.parametrize("framework, state", [(AWARE, "TASK_DROPPED"), (PLAIN, "TASK_LOST")])
@pytest.mark.parametrize("is_told_at_once", [True, False])
def test_a_launch_while_draining_is_dropped(pair, framework, state, is_told_at_once):
    master, _ = pair
    master.accept(**({} if is_told_at_once else {"drain": {}}))
    if is_told_at_once:
        master.send("DRAIN", config={"max_grace_period": {"nanoseconds": 10**9}})
    run(master, framework=framework)
    status = follow(master, state)["status"]
    assert (status["source"], status["reason"]) == ("SOURCE_AGENT", "REASON_AGENT_DRAINING")
    # Until it is told to take tasks.
    master.send("DRAIN")
    run(master, "t2", framework=framework)
    follow(master, "TASK_STARTING", "TASK_RUNNING")


def test_a_drain_that_is_over_meanwhile_is_over(pair):
    master, agent = pair
    master.accept(drain={"mark_gone": True})
    wait_until(lambda: agent.call("GET", "/state").json.get("drain_config") == {"mark_gone": True}, "the drain")
    agent.end(9)
    agent.start()
    master.accept(epoch=2)
    run(master)
    follow(master, "TASK_STARTING", "TASK_RUNNING")
