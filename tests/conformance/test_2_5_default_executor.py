"""The default executor: what a task group has in common, and how it ends."""
import uuid

import pytest

from cluster import wait_until
from framework import Framework, scalar

pytestmark = pytest.mark.row("2.5")


@pytest.fixture(name="framework")
def framework_of_node(node):
    made = Framework(node)
    yield made
    made.call("TEARDOWN")
    made.close()
    wait_until(lambda: not node.agents[0].container_cgroups(), "nothing is left of it")


UNTIL_END = "while [ ! -e end ]; do sleep 0.02; done"


def is_roomy(offer):
    return all(r["scalar"]["value"] >= {"cpus": 1, "mem": 512, "disk": 64}.get(r["name"], 0)
               for r in offer["resources"] if "scalar" in r)


def launch(framework, *scripts, name="default"):
    offer = framework.offer(is_roomy)
    tasks = [{"name": "m", "task_id": {"value": f"m-{uuid.uuid4()}"}, "agent_id": offer["agent_id"],
              "command": {"value": script}, "resources": [scalar("cpus", 0.1), scalar("mem", 32)]} for script in scripts]
    executor = {"type": "DEFAULT", "executor_id": {"value": name},
                "resources": [scalar("cpus", 0.1), scalar("mem", 32), scalar("disk", 1)]}
    framework.accept(offer, {"type": "LAUNCH_GROUP",
                             "launch_group": {"executor": executor, "task_group": {"tasks": tasks}}})
    return [t["task_id"]["value"] for t in tasks]


def test_each_task_is_a_nested_container_of_the_executors(framework):
    ids = launch(framework, *["exec sleep 10000"] * 2)
    containers = [framework.status(i, "TASK_RUNNING")["container_status"]["container_id"] for i in ids]
    assert containers[0]["parent"] == containers[1]["parent"] and containers[0]["value"] != containers[1]["value"]


def test_updates_carry_the_executors_id(framework):
    ids = launch(framework, "exec sleep 10000", name="mine")
    assert framework.status(ids[0], "TASK_RUNNING")["executor_id"] == {"value": "mine"}


def test_one_that_fails_kills_its_group(framework):
    ids = launch(framework, "exec sleep 10000", "exit 1")
    assert framework.status(ids[1], "TASK_FAILED") and framework.status(ids[0], "TASK_KILLED")


def test_one_that_is_killed_kills_its_group(framework):
    ids = launch(framework, *["exec sleep 10000"] * 2)
    for i in ids:
        framework.status(i, "TASK_RUNNING")
    framework.call("KILL", task_id={"value": ids[0]})
    assert [framework.status(i, "TASK_KILLED")["state"] for i in ids] == ["TASK_KILLED"] * 2


def end(node, task_id):
    """A task of UNTIL_END goes on."""
    runs = "slaves/*/frameworks/*/executors/*/runs/latest/tasks"
    next(node.agents[0].work_dir.glob(f"{runs}/{task_id}/")).joinpath("end").touch()


def test_one_that_finishes_kills_nobody(framework, node):
    ids = launch(framework, "exit 0", UNTIL_END)
    framework.status(ids[0], "TASK_FINISHED")
    framework.status(ids[1], "TASK_RUNNING")
    end(node, ids[1])
    # Whoever was killed with it would not have got so far.
    framework.status(ids[1], "TASK_FINISHED")


def test_it_exits_when_it_is_empty(framework, node):
    ids = launch(framework, "exit 0")
    framework.status(ids[0], "TASK_FINISHED")
    wait_until(lambda: not node.agents[0].container_cgroups(), "its container is gone")


def test_another_group_of_it_joins_its_container_and_lives_on_when_the_first_fails(framework, node):
    first = launch(framework, f"{UNTIL_END}; exit 1", "exec sleep 10000")
    parents = [framework.status(i, "TASK_RUNNING")["container_status"]["container_id"]["parent"] for i in first]
    second = launch(framework, UNTIL_END)
    assert framework.status(second[0], "TASK_RUNNING")["container_status"]["container_id"]["parent"] == parents[0]
    end(node, first[0])
    assert framework.status(first[0], "TASK_FAILED") and framework.status(first[1], "TASK_KILLED")
    end(node, second[0])
    framework.status(second[0], "TASK_FINISHED")
