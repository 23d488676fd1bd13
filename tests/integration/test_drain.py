"""Agents that operators empty, give up, or take down with their machine: real daemons, real tasks."""
import contextlib
import os
import signal

import pytest

from cluster import wait_until
from framework import SMALL, Framework
from groups import launch, pod_of

IGNORES = "trap '' TERM; while :; do sleep 1; done"


@pytest.fixture
def framework(node):
    made = Framework(node, capabilities=[{"type": t} for t in (
        "MULTI_ROLE", "PARTITION_AWARE", "RESERVATION_REFINEMENT", "TASK_KILLING_STATE")])
    yield made
    made.close()


def operate(cluster, type_, status=200, **body):
    answer = cluster.call("POST", "/api/v1", {"type": type_, **({type_.lower(): body} if body else {})},
                          {"Content-Type": "application/json"})
    assert answer.status == status, (answer.status, answer.body)
    return answer


def agent_view(cluster, agent_id):
    slaves = cluster.call("GET", "/slaves").json
    lists = ("slaves", "recovered_slaves", "unreachable_slaves")
    return next((s for name in lists for s in slaves[name] if s["id"] == agent_id), None)


def drain_state(cluster, agent_id):
    view = agent_view(cluster, agent_id)
    return view and view.get("drain_info", {}).get("state")


def run(framework, command="exec sleep 1000", **task):
    """A task that runs; its id and its agent's."""
    offer = framework.offer()
    task_id = framework.launch(offer, command, SMALL, **task)
    framework.status(task_id, "TASK_RUNNING")
    return task_id, offer["agent_id"]


def states(framework, task_id):
    return [u["status"]["state"] for u in framework.all("UPDATE") if u["status"]["task_id"]["value"] == task_id]


def test_a_drained_agent_is_empty_until_it_is_reactivated(node, framework):
    task_id, agent_id = run(framework)
    operate(node, "DRAIN_AGENT", agent_id=agent_id, max_grace_period={"seconds": 600})
    killed = framework.status(task_id, "TASK_KILLED")
    assert (killed["reason"], killed["source"]) == ("REASON_AGENT_DRAINING", "SOURCE_EXECUTOR")
    killing = [u["status"] for u in framework.all("UPDATE") if u["status"]["state"] == "TASK_KILLING"]
    assert {k["reason"] for k in killing} == {"REASON_AGENT_DRAINING"}
    wait_until(lambda: drain_state(node, agent_id["value"]) == "DRAINED", "the drain's end")
    view = agent_view(node, agent_id["value"])
    assert view["deactivated"] and not view["active"] and view["estimated_drain_start_time_seconds"] > 0
    assert node.agents[0].call("GET", "/state").json["drain_config"] == {
        "max_grace_period": {"nanoseconds": 600000000000}, "mark_gone": False}
    seen = len(framework.all("OFFERS"))
    operate(node, "REACTIVATE_AGENT", agent_id=agent_id)
    wait_until(lambda: len(framework.all("OFFERS")) > seen, "an offer")
    assert drain_state(node, agent_id["value"]) is None
    wait_until(lambda: "drain_config" not in node.agents[0].call("GET", "/state").json, "the agent takes tasks")
    assert run(framework)[1] == agent_id


def test_the_grace_of_a_drain_is_the_shorter_one(node, framework):
    slow = {"kill_policy": {"grace_period": {"nanoseconds": 600 * 10**9}}}
    task_id, agent_id = run(framework, IGNORES, **slow)
    operate(node, "DRAIN_AGENT", agent_id=agent_id, max_grace_period={"seconds": 1})
    assert framework.status(task_id, "TASK_KILLED")["reason"] == "REASON_AGENT_DRAINING"


@pytest.mark.parametrize("is_aware, state", [(True, "TASK_GONE_BY_OPERATOR"), (False, "TASK_LOST")])
def test_draining_may_end_with_the_agent(node, is_aware, state):
    framework = Framework(node, capabilities=[{"type": "MULTI_ROLE"}] + [{"type": "PARTITION_AWARE"}] * is_aware)
    task_id, agent_id = run(framework)
    operate(node, "DRAIN_AGENT", agent_id=agent_id, mark_gone=True)
    assert framework.status(task_id, state)["reason"] == "REASON_AGENT_DRAINING"
    assert node.agents[0].process.wait(20) == 0
    framework.call("RECONCILE", tasks=[{"task_id": {"value": task_id}, "agent_id": agent_id}])
    wait_until(lambda: [u for u in framework.all("UPDATE") if u["status"].get("reason") == "REASON_RECONCILIATION"
                        and u["status"]["state"] == state], "what is known of the task")
    # Started again it is another one.
    node.agents[0].start()
    wait_until(lambda: node.active_agents() == 1, "a new agent")
    assert node.call("GET", "/slaves").json["slaves"][0]["id"] != agent_id["value"]
    framework.close()


@pytest.mark.parametrize("victims", ["agent", "master", "agent and master"])
def test_a_drain_survives_kill_9_in_its_middle(node, framework, victims):
    task_id, agent_id = run(framework, IGNORES, kill_policy={"grace_period": {"nanoseconds": 600 * 10**9}})
    pid = int(node.tepui("task", "pid", task_id))
    operate(node, "DRAIN_AGENT", agent_id=agent_id)
    wait_until(lambda: "TASK_KILLING" in states(framework, task_id), "the task's end has begun")
    for daemon, name in ((node.agents[0], "agent"), (node.master, "master")):
        if name in victims:
            daemon.end(signal.SIGKILL)
    if "master" in victims:
        framework.close()
        node.start_master()
        framework.subscribe()
    if "agent" in victims:
        node.agents[0].start()
    wait_until(lambda: agent_view(node, agent_id["value"]).get("state") == "connected", "the agent is back")
    view = agent_view(node, agent_id["value"])
    assert view["drain_info"]["state"] == "DRAINING" and view["deactivated"]
    # Its grace is long: it still runs, and ends for the reason that it was asked for.
    os.kill(pid, signal.SIGKILL)
    assert framework.status(task_id, "TASK_KILLED")["reason"] == "REASON_AGENT_DRAINING"
    wait_until(lambda: drain_state(node, agent_id["value"]) == "DRAINED", "the drain's end")


def test_a_gone_agent_leaves_and_takes_its_tasks_along(node, framework):
    task_id, agent_id = run(framework, IGNORES)
    pid = int(node.tepui("task", "pid", task_id))
    operate(node, "MARK_AGENT_GONE", agent_id=agent_id)
    gone = framework.status(task_id, "TASK_GONE_BY_OPERATOR")
    assert (gone["source"], gone["reason"]) == ("SOURCE_MASTER", "REASON_AGENT_REMOVED_BY_OPERATOR")
    assert "uuid" not in gone
    assert node.agents[0].process.wait(30) == 0
    assert not os.path.exists(f"/proc/{pid}")
    assert not node.agents[0].container_cgroups()


def test_a_gone_agent_takes_what_held_a_group_together_along(node, framework):
    """Though it is slow: it does not hear that it is to end, and is killed."""
    agent = node.agents[0]
    task_id, = launch(framework, "exec sleep 1000")
    pod = pod_of(framework.status(task_id, "TASK_RUNNING"))
    supervisor = next(c for c in agent.containers() if c["container_id"] == pod)["status"]["executor_pid"]
    os.kill(supervisor, signal.SIGSTOP)
    operate(node, "MARK_AGENT_GONE", agent_id=framework.status(task_id)["agent_id"])
    assert agent.process.wait(60) == 0
    assert not agent.container_cgroups()


def test_an_agent_that_was_away_when_it_was_given_up_leaves_when_it_is_back(node, framework):
    task_id, agent_id = run(framework)
    pid = int(node.tepui("task", "pid", task_id))
    node.agents[0].end(signal.SIGKILL)
    operate(node, "MARK_AGENT_GONE", agent_id=agent_id)
    os.kill(pid, 0)
    node.agents[0].start()
    assert node.agents[0].process.wait(30) == 0
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        raise AssertionError("the task still runs")
    assert states(framework, task_id)[-1] == "TASK_GONE_BY_OPERATOR"


def test_maintenance_from_plan_to_return(node, framework):
    task_id, agent_id = run(framework)
    machine = {"hostname": "127.0.0.1", "ip": "127.0.0.1"}
    window = {"machine_ids": [machine], "unavailability": {"start": {"nanoseconds": 1}}}
    operate(node, "UPDATE_MAINTENANCE_SCHEDULE", schedule={"windows": [window]})
    (asked,) = wait_until(lambda: framework.all("INVERSE_OFFERS"), "to be asked to leave")[0]["inverse_offers"]
    assert (asked["agent_id"], asked["unavailability"]) == (agent_id, window["unavailability"])
    framework.call("ACCEPT_INVERSE_OFFERS", inverse_offer_ids=[asked["id"]])
    def answers():
        status = operate(node, "GET_MAINTENANCE_STATUS").json["get_maintenance_status"]["status"]
        return [s["status"] for s in status["draining_machines"][0].get("statuses", [])]
    wait_until(lambda: answers() == ["ACCEPT"], "the answer is told")
    assert framework.offer()["unavailability"] == window["unavailability"]
    operate(node, "DRAIN_AGENT", 400, agent_id=agent_id)
    operate(node, "START_MAINTENANCE", machines=[machine])
    framework.status(task_id, "TASK_GONE_BY_OPERATOR")
    assert node.agents[0].process.wait(30) == 0
    node.agents[0].start()
    wait_until(lambda: "is down for maintenance" in node.agents[0].text(), "it is told to wait")
    assert node.agents[0].is_alive()
    operate(node, "STOP_MAINTENANCE", machines=[machine])
    wait_until(lambda: node.active_agents() == 1, "it is admitted", 90)
