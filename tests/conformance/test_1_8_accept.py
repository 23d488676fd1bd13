"""ACCEPT: which offers go together, in which order operations are done, and what is wrong with a task."""
import uuid

import pytest

from cluster import wait_until
from framework import SMALL, Framework, scalar

pytestmark = pytest.mark.row("1.8")


def info(offer, own_id=None, **more):
    """A TaskInfo that is valid, but for MORE; what is None is left out."""
    task = {"name": "t", "task_id": {"value": own_id or f"t-{uuid.uuid4()}"}, "agent_id": offer["agent_id"],
            "command": {"value": "sleep"}, "resources": SMALL, **more}
    return {name: value for name, value in task.items() if value is not None}


def large(offer):
    """Not the first of what earlier tests give back piece by piece."""
    return any(r["name"] == "cpus" and r["scalar"]["value"] >= 1 for r in offer["resources"])


def launch(*tasks, **more):
    return {"type": "LAUNCH", "launch": {"task_infos": list(tasks)}, **more}


def status_of(framework, task_id):
    """The first status of the task."""
    wait_until(lambda: framework.status(task_id), f"a status of '{task_id}'")
    return next(u["status"] for u in framework.all("UPDATE") if u["status"]["task_id"]["value"] == task_id)


# ---- offers ----

def dropped(framework, *offer_ids):
    """What becomes of a task that is launched on these."""
    task_id = f"t-{uuid.uuid4()}"
    framework.call("ACCEPT", offer_ids=[{"value": i} for i in offer_ids], operations=[launch(
        info({"agent_id": {"value": "a"}}, task_id))])
    return status_of(framework, task_id)


def test_an_offer_that_is_not_valid(framework):
    status = dropped(framework, "nosuch")
    assert (status["state"], status["source"], status["reason"]) == \
        ("TASK_DROPPED", "SOURCE_MASTER", "REASON_INVALID_OFFERS")
    assert "uuid" not in status and "nosuch" in status["message"]


def test_no_offer_at_all(framework):
    assert dropped(framework)["reason"] == "REASON_INVALID_OFFERS"


def test_a_framework_that_is_not_partition_aware_hears_task_lost(subscribe):
    framework = subscribe(capabilities=[{"type": "MULTI_ROLE"}])
    status = dropped(framework, "nosuch")
    assert (status["state"], status["reason"]) == ("TASK_LOST", "REASON_INVALID_OFFERS")


def test_an_offer_twice_in_one_call(agent, framework):
    offer = framework.offer(large)["id"]["value"]
    assert dropped(framework, offer, offer)["message"] == f"Duplicate offer {offer} in offer list" and agent.id


def test_an_offer_that_was_accepted_already(agent, framework):
    offer = framework.offer(large)
    framework.status(framework.launch(offer, "sleep", SMALL), "TASK_RUNNING")
    assert dropped(framework, offer["id"]["value"])["reason"] == "REASON_INVALID_OFFERS" and agent.id


def test_an_offer_of_another_framework(agent, framework, subscribe):
    offer = framework.offer(large)["id"]["value"]
    assert dropped(subscribe(), offer)["reason"] == "REASON_INVALID_OFFERS" and agent.id


def test_offers_of_two_agents(cluster, agent, framework, add_agent):
    add_agent(cluster, 6002)
    offers = {}
    def both():
        for told in framework.all("OFFERS"):
            for offer in told["offers"]:
                offers[offer["agent_id"]["value"]] = offer["id"]["value"]
        return len(offers) == 2
    wait_until(both, "offers of both agents")
    status = dropped(framework, *offers.values())
    assert status["reason"] == "REASON_INVALID_OFFERS" and "of different agents" in status["message"] and agent.id


# ---- order ----

def test_several_tasks_share_an_offer(agent, framework):
    offer = framework.offer(large)
    tasks = [info(offer) for _ in range(3)]
    framework.accept(offer, launch(*tasks[:2]), launch(tasks[2]))
    for task in tasks:
        framework.status(task["task_id"]["value"], "TASK_RUNNING")
    ids = [e["run_task"]["task"]["task_id"] for e in agent.events if e["type"] == "RUN_TASK"][-3:]
    assert ids == [task["task_id"] for task in tasks]


def test_one_that_is_not_valid_does_not_stop_the_others(agent, framework):
    offer = framework.offer(large)
    good, bad, last = info(offer), info(offer, resources=[]), info(offer)
    framework.accept(offer, launch(good, bad, last))
    assert status_of(framework, bad["task_id"]["value"])["state"] == "TASK_ERROR"
    for task in (good, last):
        framework.status(task["task_id"]["value"], "TASK_RUNNING")
    assert agent.id


def test_what_is_left_is_declined_and_offered_again_by_revive(agent, framework):
    offer = framework.offer(large)
    framework.accept(offer, launch(info(offer)), refuse_seconds=3600)
    framework.call("REVIVE")
    assert framework.offer(large)["id"] != offer["id"] and agent.id


def test_the_agent_is_told_the_role(agent, subscribe):
    """Also of a framework that does not know of roles, and is told of none."""
    framework = subscribe((), capabilities=[{"type": "PARTITION_AWARE"}], role="web")
    offer = framework.offer(large)
    assert "allocation_info" not in offer and not any("allocation_info" in r for r in offer["resources"])
    run = agent.run_of(framework.launch(offer, "sleep", SMALL))
    assert {r["allocation_info"]["role"] for r in run["task"]["resources"]} == {"web"}


def test_launch_with_an_id_is_refused(agent, framework):
    offer = framework.offer(large)
    task = info(offer)
    framework.accept(offer, launch(task, id={"value": "o"}))
    status = status_of(framework, task["task_id"]["value"])
    assert (status["state"], status["reason"]) == ("TASK_ERROR", "REASON_TASK_INVALID") and agent.id


# ---- tasks ----

HTTP = {"type": "HTTP", "http": {"port": 80}}
RESOURCES = "resources"


@pytest.mark.parametrize("more, message", [
    ({"task_id": {"value": ""}}, "Task id '' must have 1 to 255 bytes"),
    ({"task_id": {"value": "."}}, "Task id '.' must have"),
    ({"task_id": {"value": ".."}}, "Task id '..' must have"),
    ({"task_id": {"value": "a/b"}}, "Task id 'a/b' must have"),
    ({"task_id": {"value": "a\\b"}}, "Task id 'a\\b' must have"),
    ({"task_id": {"value": "a\nb"}}, "Task id 'a\nb' must have"),
    ({"task_id": {"value": "x" * 256}}, "must have 1 to 255 bytes"),
    ({"agent_id": {"value": "other"}}, "Task uses invalid agent other while agent "),
    ({"kill_policy": {"grace_period": {"nanoseconds": -1}}},
     "Task's 'kill_policy.grace_period' must be non-negative"),
    ({"max_completion_time": {"nanoseconds": -1}}, "Task's `max_completion_time` must be non-negative"),
    ({"command": None}, "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"),
    ({"executor": {"executor_id": {"value": "e"}, "command": {"value": "x"}}},
     "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"),
    ({"command": {"value": "x", "environment": {"variables": [{"name": "A"}]}}},
     "Task's `CommandInfo` is invalid: Environment variable 'A' of type 'VALUE' must have a value set"),
    ({"command": {"value": "x", "environment": {"variables": [{"name": "A", "type": "SECRET", "value": "1"}]}}},
     "Task's `CommandInfo` is invalid: Environment variable 'A' of type 'SECRET' must have a secret set"),
    ({"container": {"type": "DOCKER"}},
     "Task's `ContainerInfo` is invalid: DockerInfo 'docker' is not set for DOCKER typed ContainerInfo"),
    ({"container": {"type": "MESOS", "rlimit_info": {"rlimits": [{"type": "RLMT_CORE", "hard": 1}]}}},
     "Task's `ContainerInfo` is invalid: RLimit must have both of 'hard' and 'soft' set, or neither"),
    ({"container": {"type": "MESOS", "volumes": [{"mode": "RW", "container_path": "v", "source": {}}]}},
     "Task's `ContainerInfo` is invalid: Invalid volume 'v': 'source.type' is not set or unknown"),
    ({"health_check": {}}, "Task uses invalid health check: health check must specify a known 'type'"),
    ({"health_check": {"type": "TCP"}}, "Task uses invalid health check: Expecting 'tcp' to be set"),
    ({"health_check": {**HTTP, "delay_seconds": -1}},
     "Task uses invalid health check: Expecting 'delay_seconds' to be non-negative"),
    ({"health_check": {**HTTP, "interval_seconds": -1}}, "Expecting 'interval_seconds' to be non-negative"),
    ({"health_check": {**HTTP, "timeout_seconds": -1}}, "Expecting 'timeout_seconds' to be non-negative"),
    ({"health_check": {**HTTP, "grace_period_seconds": -1}}, "Expecting 'grace_period_seconds' to be non-negative"),
    ({"health_check": {"type": "HTTP", "http": {"port": 80, "path": "x"}}},
     "Task uses invalid health check: The path 'x' of HTTP health check must start with '/'"),
    ({"health_check": {"type": "HTTP", "http": {"port": 80, "scheme": "ftp"}}},
     "Task uses invalid health check: Unsupported HTTP health check scheme: 'ftp'"),
    ({"check": {"type": "TCP"}}, "Task uses invalid check: Expecting 'tcp' to be set for TCP check"),
    ({RESOURCES: []}, "Task uses no resources"),
    ({RESOURCES: [scalar("cpus", -1)]}, "Task uses invalid resources"),
    ({RESOURCES: [scalar("cpus", 0)]}, "Task uses no resources"),
    ({RESOURCES: [scalar("cpus", 1), scalar("cpus", 1)]}, "Task names resource 'cpus' twice"),
    ({RESOURCES: [scalar("gpus", 0.5)]}, "Task uses invalid resources"),
    ({RESOURCES: [scalar("cpus", 1, allocation_info={"role": "other"})]}, "role 'other'"),
    ({RESOURCES: [scalar("cpus", 1000)]}, "Task uses more resources"),
    ({"limits": {"disk": {"value": 5}}}, "Only cpus and mem may be included in a task's resource limits"),
    ({"limits": {"cpus": {"value": 0.01}}}, "The cpu limit must be greater than or equal to the cpu request"),
    ({"limits": {"mem": {"value": 1}}}, "The memory limit must be greater than or equal to the memory request"),
    ({RESOURCES: [scalar("mem", 32)], "limits": {"cpus": {"value": 1}}},
     "When a CPU limit is specified, a CPU request must also be specified"),
    ({RESOURCES: [scalar("cpus", 1)], "limits": {"mem": {"value": 64}}},
     "When a memory limit is specified, a memory request must also be specified"),
])
def test_a_task_that_is_not_valid_is_an_error(agent, framework, more, message):
    offer = framework.offer(large)
    task = info(offer, **more)
    framework.accept(offer, launch(task))
    status = status_of(framework, task["task_id"]["value"])
    assert (status["state"], status["source"], status["reason"]) == ("TASK_ERROR", "SOURCE_MASTER", "REASON_TASK_INVALID")
    assert message in status["message"], status["message"]
    assert "uuid" not in status and agent.id


@pytest.mark.parametrize("more", [
    {"limits": {"cpus": {"value": "Infinity"}}}, {"limits": {"mem": {"value": "Infinity"}}},
    {"limits": {"cpus": {"value": 0.1}, "mem": {"value": 32}}},
    {"health_check": {"http": {"port": 80}}}, {"health_check": HTTP}, {"task_id": {"value": "x" * 255}},
    {"command": {"value": "x", "environment": {"variables": [{"name": "A", "value": ""}]}}},
    {"max_completion_time": {"nanoseconds": 0}}, {"kill_policy": {}},
])
def test_a_task_that_is_valid_runs(agent, framework, more):
    offer = framework.offer(large)
    task = info(offer, **more)
    framework.accept(offer, launch(task))
    framework.status(task["task_id"]["value"], "TASK_RUNNING")
    assert agent.run_of(task["task_id"]["value"])
    framework.call("KILL", task_id=task["task_id"])
    framework.status(task["task_id"]["value"], "TASK_KILLED")


def test_a_task_id_that_is_in_use(agent, framework):
    task = framework.launch(framework.offer(large), "sleep", SMALL)
    framework.status(task, "TASK_RUNNING")
    offer = framework.offer(large)
    framework.accept(offer, launch(info(offer, task)))
    status = framework.status(task, "TASK_ERROR")
    assert status["message"] == f"Task has duplicate ID: {task}" and agent.id


def test_another_framework_may_use_the_same_task_id(agent, framework, subscribe):
    offer = framework.offer(large)
    framework.call("SUPPRESS")
    task = framework.launch(offer, "sleep", SMALL)
    framework.status(task, "TASK_RUNNING")
    other = subscribe()
    offer = other.offer(large)
    other.accept(offer, launch(info(offer, task)))
    other.status(task, "TASK_RUNNING")
    assert agent.id and isinstance(other, Framework)


def test_an_executor_that_differs_from_the_one_that_runs(agent, framework):
    executor = {"executor_id": {"value": "e"}, "command": {"value": "x"}, "resources": SMALL}
    framework.status(framework.launch(framework.offer(large), None, SMALL, executor=executor), "TASK_RUNNING")
    other = framework.launch(framework.offer(large), None, SMALL, executor={**executor, "name": "another"})
    status = status_of(framework, other)
    assert status["reason"] == "REASON_TASK_INVALID"
    assert "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID" in status["message"]
    assert agent.id


@pytest.mark.parametrize("executor, message", [
    ({"executor_id": {"value": "a/b"}}, "Executor id 'a/b'"),
    ({"shutdown_grace_period": {"nanoseconds": -1}},
     "ExecutorInfo's 'shutdown_grace_period' must be non-negative"),
    ({"command": {"value": "x", "environment": {"variables": [{"name": "A"}]}}}, "Executor's `CommandInfo` is invalid"),
    ({"container": {"type": "DOCKER"}}, "Executor's `ContainerInfo` is invalid"),
    ({"framework_id": {"value": "other"}}, "ExecutorInfo has an invalid FrameworkID"),
    ({"resources": [scalar("cpus", 1000)]}, "more resources"),
])
def test_an_executor_that_is_not_valid(agent, framework, executor, message):
    executor = {"executor_id": {"value": f"e-{uuid.uuid4()}"}, "command": {"value": "x"}, "resources": SMALL, **executor}
    status = status_of(framework, framework.launch(framework.offer(large), None, SMALL, executor=executor))
    assert (status["state"], status["reason"]) == ("TASK_ERROR", "REASON_TASK_INVALID")
    assert message in status["message"] and agent.id
