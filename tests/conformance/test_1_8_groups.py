"""LAUNCH_GROUP: all of its tasks or none, and what is wrong with a group."""
import uuid

import pytest

from cluster import wait_until
from framework import SMALL, scalar
from socket_agent import RESOURCES
from test_1_8_accept import info, large, status_of

pytestmark = pytest.mark.row("1.8")

EXECUTOR = {"type": "CUSTOM", "command": {"value": "x"},
            "resources": [scalar("cpus", 0.1), scalar("mem", 32), scalar("disk", 1)]}
DEFAULT = {"type": "DEFAULT", "command": None}


@pytest.fixture(name="pods")
def agent_with_disk(cluster, agent, add_agent):
    """The shared agent has no disk, which an executor of a group needs."""
    assert agent.id
    return add_agent(cluster, 6003, resources=[*RESOURCES, scalar("disk", 1000)], hostname="pods.test")


def launch_group(framework, pods, executor=None, first=None, second=None, **operation):
    """The ids of two tasks that are launched as a group."""
    offer = framework.offer(lambda o: large(o) and o["agent_id"]["value"] == pods.id)
    tasks = [info(offer, **(more or {})) for more in (first, second)]
    whole = {"executor_id": {"value": f"e-{uuid.uuid4()}"}, **EXECUTOR, **(executor or {})}
    framework.accept(offer, {"type": "LAUNCH_GROUP", "launch_group": {
        "executor": {n: v for n, v in whole.items() if v is not None}, "task_group": {"tasks": tasks}}, **operation})
    return [task["task_id"]["value"] for task in tasks]


def test_a_group_goes_to_the_agent_as_one(pods, framework):
    ids = launch_group(framework, pods)
    for task in ids:
        framework.status(task, "TASK_RUNNING")
    group = pods.wait("RUN_TASK_GROUP", fits=lambda e: e["run_task_group"]["tasks"][0]["task_id"]["value"] == ids[0])
    group = group["run_task_group"]
    assert [task["task_id"]["value"] for task in group["tasks"]] == ids
    assert all(task["executor"] == group["executor"] for task in group["tasks"])
    assert group["executor"]["framework_id"] == framework.info["id"]


@pytest.mark.parametrize("executor, first, second, message", [
    ({}, {}, {"resources": []}, "Task uses no resources"),
    ({}, {"task_id": {"value": "same"}}, {"task_id": {"value": "same"}}, "Task has duplicate ID: same"),
    ({}, {}, {"resources": [scalar("cpus", 1000)]}, "Task group uses more resources"),
    ({"type": None}, {}, {}, "'ExecutorInfo.type' must be set"),
    ({"type": "DEFAULT"}, {}, {}, "'ExecutorInfo.command' must not be set for 'DEFAULT' executor"),
    ({"command": None}, {}, {}, "has no command"),
    ({"resources": [scalar("cpus", 0.001), scalar("mem", 32), scalar("disk", 1)]}, {}, {}, "at least 0.01 cpus"),
    ({"resources": [scalar("cpus", 0.1), scalar("mem", 31), scalar("disk", 1)]}, {}, {}, "32 MB of mem"),
    ({"resources": [scalar("cpus", 0.1), scalar("mem", 32)]}, {}, {}, "and disk"),
    ({**DEFAULT, "container": {"type": "DOCKER", "docker": {"image": "i"}}}, {}, {},
     "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor"),
    ({**DEFAULT, "container": {"type": "MESOS", "mesos": {"image": {"type": "DOCKER", "docker": {"name": "i"}}}}}, {}, {},
     "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor"),
    ({"container": {"type": "DOCKER", "docker": {"image": "i"}}}, {}, {},
     "Docker ContainerInfo is not supported on the executor"),
    ({"container": {"type": "MESOS", "linux_info": {"share_cgroups": True}}}, {}, {},
     "The 'share_cgroups' field cannot be set to 'true' on executor containers"),
    ({}, {}, {"container": {"type": "DOCKER", "docker": {"image": "i"}}},
     "Docker ContainerInfo is not supported on the task"),
    ({}, {}, {"limits": {"cpus": {"value": 1}}}, "Resource limits may only be set for tasks within a task group when"),
    ({}, {}, {"container": {"type": "MESOS", "network_infos": [{"name": "n"}]}, "health_check": {
        "type": "TCP", "tcp": {"port": 80}}}, "HTTP and TCP health checks are not supported for nested containers"),
])
def test_a_group_that_is_not_valid_goes_nowhere(pods, framework, executor, first, second, message):
    for task in launch_group(framework, pods, executor, first, second):
        status = status_of(framework, task)
        assert (status["state"], status["source"], status["reason"]) == \
            ("TASK_ERROR", "SOURCE_MASTER", "REASON_TASK_GROUP_INVALID")
        assert message in status["message"] and "uuid" not in status, status["message"]


def test_a_group_with_an_id_is_refused(pods, framework):
    for task in launch_group(framework, pods, id={"value": "o"}):
        assert status_of(framework, task)["reason"] == "REASON_TASK_GROUP_INVALID"


def test_limits_with_a_cgroup_of_its_own(pods, framework):
    own = {"container": {"type": "MESOS", "linux_info": {"share_cgroups": False}}, "limits": {"cpus": {"value": 1}}}
    for task in launch_group(framework, pods, {}, own, own):
        framework.status(task, "TASK_RUNNING")


def test_a_cgroup_of_its_own_outside_of_a_group(agent, framework):
    task = framework.launch(framework.offer(large), "sleep", SMALL, container={
        "type": "MESOS", "linux_info": {"share_cgroups": False}})
    wait_until(lambda: framework.status(task, "TASK_ERROR"), "its refusal")
    assert status_of(framework, task)["message"] == \
        "Only tasks in a task group may have 'share_cgroups' set to 'false'" and agent.id
