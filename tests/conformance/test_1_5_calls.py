"""The scheduler's calls, and the events that follow from them (1.6)."""
import base64

import pytest

from cluster import wait_until
from framework import SMALL, scalar
from socket_agent import RESOURCES

pytestmark = pytest.mark.row("1.5")

MULTI = [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}]


def update(framework, changed=None, **more):
    """UPDATE_FRAMEWORK with what it said at first, but for what CHANGED."""
    return framework.post("UPDATE_FRAMEWORK", framework_info={**framework.info, **(changed or {})}, **more)


def roles_of(framework):
    return {o["allocation_info"]["role"] for offers in framework.all("OFFERS") for o in offers["offers"]}


def constraint(predicate, **selector):
    return {"attribute_constraints": [{"selector": selector, "predicate": predicate}]}


@pytest.fixture(name="two_racks")
def agents_in_two_racks(cluster, agent, add_agent):
    """Beside the agent without attributes, one more; it goes again."""
    return agent, add_agent(cluster, 6001, hostname="rack1.test", attributes=[
        {"name": "rack", "type": "TEXT", "text": {"value": "r1"}},
        {"name": "level", "type": "SCALAR", "scalar": {"value": 3}},
    ], domain={"fault_domain": {"region": {"name": "eu"}, "zone": {"name": "eu-1"}}})


# ---- offers: ACCEPT, DECLINE, REVIVE, SUPPRESS ----

# A filter refuses what was declined and less: rows about filters decline all that the agent has.
WHOLE = {r["name"]: r["scalar"]["value"] for r in RESOURCES if "scalar" in r}


def is_whole(offer):
    return {r["name"]: r["scalar"]["value"] for r in offer["resources"] if "scalar" in r} == WHOLE


def decline(framework, offer, seconds=0.0):
    framework.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": seconds})


def refuse(framework, seconds=0.0):
    """Wait for an offer of all the agent has and decline it; the role that it was for."""
    offer = framework.offer(is_whole)
    decline(framework, offer, seconds)
    return offer["allocation_info"]["role"]


def is_left_out(framework, other):
    """Whether FRAMEWORK is offered nothing, although it has nothing; OTHER is somebody without filters."""
    n = len(framework.all("OFFERS"))
    # Between the two, other does not want it and anybody else would have it.
    refuse(other)
    refuse(other)
    return len(framework.all("OFFERS")) == n


def test_declined_offers_come_back_when_the_filter_ends(agent, subscribe):
    framework = subscribe(["a", "b"])
    ends = refuse(framework, 0.0)
    stays = refuse(framework, 3600.0)
    assert {ends, stays} == {"a", "b"} and agent.id
    assert [refuse(framework), refuse(framework)] == [ends, ends]


def test_revive_clears_filters(agent, framework):
    refuse(framework, 3600.0)
    framework.call("REVIVE")
    assert framework.offer()["agent_id"]["value"] == agent.id


def test_revive_of_one_role_clears_that_roles_filters(agent, subscribe):
    framework = subscribe(["a", "b"])
    assert {refuse(framework, 3600.0), refuse(framework, 3600.0)} == {"a", "b"} and agent.id
    framework.call("REVIVE", roles=["b"])
    assert refuse(framework, 3600.0) == "b"
    assert is_left_out(framework, subscribe())


def test_suppress_of_all_roles_and_revive(agent, framework, subscribe):
    offer, other = framework.offer(is_whole), subscribe()
    framework.call("SUPPRESS")
    decline(framework, offer)
    assert is_left_out(framework, other)
    refuse(other, 3600.0)
    framework.call("REVIVE")
    assert framework.offer()["agent_id"]["value"] == agent.id


def test_suppress_of_one_role(agent, subscribe):
    framework = subscribe(["a", "b"])
    offer = framework.offer(is_whole)
    role = offer["allocation_info"]["role"]
    framework.call("SUPPRESS", roles=[role])
    decline(framework, offer)
    assert {refuse(framework), refuse(framework)} == {"a", "b"} - {role} and agent.id


def test_roles_that_are_not_the_frameworks_are_ignored(agent, framework, subscribe):
    framework.call("SUPPRESS", roles=["nosuch"])
    refuse(framework, 3600.0)
    framework.call("REVIVE", roles=["nosuch"])
    assert is_left_out(framework, subscribe()) and agent.id


# ---- tasks: KILL, ACKNOWLEDGE, RECONCILE ----

def test_kill_with_its_own_grace_period(agent, framework):
    task = framework.launch(framework.offer(), "sleep", SMALL)
    framework.status(task, "TASK_RUNNING")
    framework.call("KILL", task_id={"value": task}, kill_policy={"grace_period": {"nanoseconds": 7000000000}})
    kill = agent.wait("KILL_TASK", fits=lambda e: e["kill_task"]["task_id"]["value"] == task)["kill_task"]
    assert kill["kill_policy"] == {"grace_period": {"nanoseconds": 7000000000}}
    framework.status(task, "TASK_KILLED")


def test_kill_without_agent_id(agent, framework):
    task = framework.launch(framework.offer(), "sleep", SMALL)
    framework.status(task, "TASK_RUNNING")
    framework.call("KILL", task_id={"value": task})
    assert framework.status(task, "TASK_KILLED")["agent_id"]["value"] == agent.id


def test_kill_of_an_unknown_task_answers_as_reconciliation(framework):
    framework.call("KILL", task_id={"value": "nosuch"})
    status = framework.status("nosuch")
    assert (status["state"], status["reason"]) == ("TASK_UNKNOWN", "REASON_RECONCILIATION")


def test_a_negative_grace_period_is_400(framework):
    assert framework.post("KILL", task_id={"value": "t"},
                          kill_policy={"grace_period": {"nanoseconds": -1}}).status == 400


def test_an_acknowledgement_reaches_the_agent(agent, framework):
    task = framework.launch(framework.offer(), "true", SMALL)
    status = framework.status(task, "TASK_FINISHED")
    acknowledge = agent.wait("ACKNOWLEDGE", fits=lambda e: e["acknowledge"]["uuid"] == status["uuid"])["acknowledge"]
    assert acknowledge["task_id"] == {"value": task} and acknowledge["framework_id"] == framework.info["id"]


def test_an_update_is_sent_again_until_it_is_acknowledged(agent, framework):
    task = framework.launch(framework.offer(), "sleep", SMALL)
    def updates():
        return [u["status"] for u in framework.all("UPDATE") if u["status"]["task_id"]["value"] == task]
    wait_until(lambda: len(updates()) >= 2, "the update once more")
    assert updates()[0] == updates()[1] and agent.id
    framework.status(task, "TASK_RUNNING")


def test_implicit_reconciliation_tells_all_tasks(agent, framework):
    task = framework.launch(framework.offer(), "sleep", SMALL)
    framework.status(task, "TASK_RUNNING")
    framework.call("RECONCILE", tasks=[])
    def answers():
        return [u["status"] for u in framework.all("UPDATE") if u["status"].get("reason") == "REASON_RECONCILIATION"]
    wait_until(answers, "the answer")
    (status,) = answers()
    assert status["task_id"]["value"] == task and status["source"] == "SOURCE_MASTER" and "uuid" not in status
    assert status["agent_id"]["value"] == agent.id and status["message"] == "Reconciliation: Latest task state"


def test_many_tasks_are_reconciled_in_one_call(framework):
    names = {f"task-{i}" for i in range(90000)}
    framework.call("RECONCILE", tasks=[{"task_id": {"value": name}, "agent_id": {"value": "nosuch"}} for name in names])
    wait_until(lambda: {u["status"]["task_id"]["value"] for u in framework.all("UPDATE")} == names, "an answer for each")


# ---- executors: MESSAGE, SHUTDOWN ----

def test_a_message_reaches_the_agent(agent, framework):
    data = base64.b64encode(b"\0\xff hello").decode()
    framework.call("MESSAGE", agent_id={"value": agent.id}, executor_id={"value": "e"}, data=data)
    message = agent.wait("MESSAGE", fits=lambda e: e["message"]["framework_id"] == framework.info["id"])["message"]
    assert message == {"framework_id": framework.info["id"], "executor_id": {"value": "e"}, "data": data}


def test_shutdown_reaches_the_agent(agent, framework):
    framework.call("SHUTDOWN", agent_id={"value": agent.id}, executor_id={"value": "e"})
    shutdown = agent.wait("SHUTDOWN_EXECUTOR", fits=lambda e: e["shutdown_executor"]["framework_id"] ==
                          framework.info["id"])["shutdown_executor"]
    assert shutdown["executor_id"] == {"value": "e"}


@pytest.mark.parametrize("type_, more", [("MESSAGE", {"data": ""}), ("SHUTDOWN", {})])
def test_for_an_agent_that_is_not_there_they_are_202_and_dropped(framework, type_, more):
    framework.call(type_, agent_id={"value": "nosuch"}, executor_id={"value": "e"}, **more)


@pytest.mark.parametrize("type_", ["MESSAGE", "SHUTDOWN", "REQUEST", "UPDATE_FRAMEWORK", "ACCEPT_INVERSE_OFFERS",
                                   "DECLINE_INVERSE_OFFERS", "ACKNOWLEDGE_OPERATION_STATUS", "RECONCILE_OPERATIONS"])
def test_without_its_body_it_is_400(framework, type_):
    answer = framework.post(type_)
    assert answer.status == 400
    assert f"Failed to validate scheduler::Call: Expecting '{type_.lower()}' to be present" in answer.body.decode()


@pytest.mark.row("1.6")
def test_a_message_of_an_executor_is_an_event(agent, framework):
    executor = {"executor_id": {"value": "e"}, "command": {"value": "x"},
                "resources": [scalar("cpus", 0.1), scalar("mem", 32)]}
    task = framework.launch(framework.offer(), None, SMALL, executor=executor)
    framework.status(task, "TASK_RUNNING")
    assert agent.message(framework.info["id"], {"value": "e"}, "AAE=").status == 202
    wait_until(lambda: framework.all("MESSAGE"), "the message")
    assert framework.all("MESSAGE") == [{"agent_id": {"value": agent.id}, "executor_id": {"value": "e"},
                                         "data": "AAE="}]


# ---- REQUEST ----

def test_request_is_202_and_changes_nothing(agent, framework):
    offer = framework.offer()
    framework.call("REQUEST", requests=[{"agent_id": {"value": agent.id}, "resources": SMALL}])
    framework.status(framework.launch(offer, "true", SMALL), "TASK_FINISHED")
    assert framework.all("RESCIND") == []


# ---- UPDATE_FRAMEWORK ----

def test_update_is_200(framework):
    assert update(framework).status == 200


def test_update_changes_roles_and_rescinds_offers_of_those_left(agent, subscribe):
    framework = subscribe(["a"])
    offer = framework.offer()
    assert update(framework, {"roles": ["b"]}).status == 200
    wait_until(lambda: framework.all("RESCIND") == [{"offer_id": offer["id"]}], "the offer is rescinded")
    assert framework.offer()["allocation_info"]["role"] == "b" and agent.id


def test_update_keeps_offers_of_roles_that_stay(agent, subscribe):
    framework = subscribe(["a"])
    offer = framework.offer()
    assert update(framework, {"roles": ["a", "b"]}).status == 200
    task = framework.launch(offer, "sleep", SMALL)
    framework.status(task, "TASK_RUNNING")
    assert framework.all("RESCIND") == [] and agent.run_of(task)


def test_update_that_does_not_suppress_any_more_revives(agent, subscribe):
    framework = subscribe(["a"], subscribed=False)
    framework.subscribe(suppressed_roles=["a"])
    assert update(framework, suppressed_roles=[]).status == 200
    assert framework.offer()["agent_id"]["value"] == agent.id


def test_update_suppresses(agent, framework, subscribe):
    offer = framework.offer(is_whole)
    assert update(framework, suppressed_roles=["*"]).status == 200
    decline(framework, offer)
    assert is_left_out(framework, subscribe()) and agent.id


def test_update_is_seen_by_operators(cluster, framework):
    assert update(framework, {"name": "renamed"}).status == 200
    assert "renamed" in [f["name"] for f in cluster.call("GET", "/state").json["frameworks"]]


@pytest.mark.parametrize("changed, more, words", [
    ({"roles": ["a", "a"]}, {}, "'FrameworkInfo.roles' contains duplicate items: { a }"),
    ({"roles": ["a b"]}, {}, "'FrameworkInfo.roles' contains invalid role: 'a b'"),
    ({"failover_timeout": -1}, {}, "The framework failover_timeout (-1) is invalid"),
    ({"user": "other"}, {}, "Updating 'FrameworkInfo.user' is unsupported"),
    ({"checkpoint": False}, {}, "Updating 'FrameworkInfo.checkpoint' is unsupported"),
    ({"principal": "other"}, {}, "Changing framework's principal is not allowed."),
    ({"id": {"value": "other"}}, {}, "'framework_id' differs from 'update_framework.framework_info.id'"),
    ({}, {"suppressed_roles": ["x"]}, "Suppressed roles { x } are not contained in the set of roles"),
    ({}, {"offer_constraints": {"role_constraints": {"*": {}}}}, "has an empty 'RoleConstraints::groups'"),
])
def test_an_update_that_is_not_valid_is_400_and_changes_nothing(cluster, framework, changed, more, words):
    def seen():
        return [f for f in cluster.call("GET", "/state").json["frameworks"]
                if f["id"] == framework.info["id"]["value"]][0]["roles"]
    before = seen()
    answer = update(framework, changed, **more)
    assert answer.status == 400 and words in answer.body.decode(), answer.body
    assert seen() == before


# ---- offer constraints ----

@pytest.mark.parametrize("groups, is_other", [
    ([constraint({"exists": {}}, attribute_name="rack")], True),
    ([constraint({"not_exists": {}}, attribute_name="rack")], False),
    ([constraint({"text_equals": {"value": "r1"}}, attribute_name="rack")], True),
    ([constraint({"text_not_equals": {"value": "r1"}}, attribute_name="rack")], False),
    ([constraint({"text_matches": {"regex": "r[0-9]+"}}, attribute_name="rack")], True),
    ([constraint({"text_not_matches": {"regex": "r[0-9]+"}}, attribute_name="rack")], False),
    ([constraint({"text_equals": {"value": "x"}}, attribute_name="level")], True),
    ([constraint({"text_equals": {"value": "rack1.test"}}, pseudoattribute_type="HOSTNAME")], True),
    ([constraint({"exists": {}}, pseudoattribute_type="REGION")], True),
    ([constraint({"text_equals": {"value": "eu-1"}}, pseudoattribute_type="ZONE")], True),
    ([constraint({"text_equals": {"value": "eu-2"}}, pseudoattribute_type="ZONE"),
      constraint({"exists": {}}, attribute_name="rack")], True),
])
def test_offers_come_from_agents_that_constraints_admit_only(two_racks, subscribe, groups, is_other):
    framework = subscribe(subscribed=False)
    framework.subscribe(offer_constraints={"role_constraints": {"*": {"groups": groups}}})
    offer = framework.offer()
    framework.call("DECLINE", offer_ids=[offer["id"]])
    framework.call("REVIVE")
    framework.offer()
    seen = {o["agent_id"]["value"] for offers in framework.all("OFFERS") for o in offers["offers"]}
    assert seen == {two_racks[is_other].id}


def test_constraints_hold_for_their_role_only(two_racks, subscribe):
    framework = subscribe(["a", "b"], subscribed=False)
    framework.subscribe(offer_constraints={"role_constraints": {"a": {"groups": [
        constraint({"text_equals": {"value": "nosuch"}}, attribute_name="rack")]}}})
    framework.offer(lambda offer: offer["agent_id"]["value"] == two_racks[0].id)
    assert roles_of(framework) == {"b"}


def test_constraints_can_be_changed_without_subscribing_again(two_racks, subscribe):
    framework = subscribe(subscribed=False)
    nowhere = [constraint({"text_equals": {"value": "nosuch"}}, pseudoattribute_type="HOSTNAME")]
    framework.subscribe(offer_constraints={"role_constraints": {"*": {"groups": nowhere}}})
    other = subscribe()
    assert other.offer() and framework.all("OFFERS") == []
    other.call("TEARDOWN")
    assert update(framework, offer_constraints={"role_constraints": {"*": {"groups": [
        constraint({"exists": {}}, attribute_name="rack")]}}}).status == 200
    assert framework.offer()["agent_id"]["value"] == two_racks[1].id


@pytest.mark.parametrize("groups, words", [
    ([], "has an empty 'RoleConstraints::groups' for role *"),
    ([{}], "contains an empty RoleConstraints::Group"),
    ([constraint({}, attribute_name="a")], "Unknown predicate type"),
    ([constraint({"exists": {}}, pseudoattribute_type="UNKNOWN")], "Unknown pseudoattribute type"),
    ([constraint({"exists": {}})], "Exactly one of 'AttributeConstraint::Selector::name'"),
    ([constraint({"text_matches": {"regex": "("}}, attribute_name="a")], "regex '(' has a group without end"),
    ([constraint({"text_matches": {"regex": "x" * 4097}}, attribute_name="a")], "more than the 4096 allowed"),
    ([constraint({"text_matches": {"regex": "((a{100}){100}){100}"}}, attribute_name="a")], "is too complex"),
])
def test_constraints_that_are_not_valid(subscribe, groups, words):
    framework = subscribe(subscribed=False)
    first = framework.subscribe(offer_constraints={"role_constraints": {"*": {"groups": groups}}})
    assert first["type"] == "ERROR" and first["error"]["message"].startswith("Offer constraints are not valid: ")
    assert words in first["error"]["message"]
