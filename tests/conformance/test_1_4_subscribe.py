"""SUBSCRIBE: the handshake, resubscription, what is refused and in which order."""
import pytest

from cluster import wait_until
from framework import SMALL, Framework
from operator_calls import ask

pytestmark = pytest.mark.row("1.4")


def refused(subscribe, subscribe_more=None, **info):
    """The message of the one ERROR event after which the stream ends."""
    framework = subscribe(subscribed=False)
    framework.info.update(info)
    first = framework.subscribe(**(subscribe_more or {}))
    assert first["type"] == "ERROR", first
    wait_until(lambda: len(framework.events) > 1, "the end of the stream")
    assert [e["type"] for e in framework.events] == ["ERROR", "CLOSED"]
    return first["error"]["message"]


# ---- the handshake ----

def test_subscribed_comes_first_then_a_heartbeat(framework):
    wait_until(lambda: len(framework.events) > 1, "the heartbeat")
    assert [e["type"] for e in framework.events[:2]] == ["SUBSCRIBED", "HEARTBEAT"]
    assert framework.events[1] == {"type": "HEARTBEAT"}


def test_subscribed_names_the_framework_and_the_interval(framework):
    subscribed = framework.events[0]["subscribed"]
    assert subscribed["heartbeat_interval_seconds"] == 15.0
    assert subscribed["framework_id"]["value"]


def test_the_id_is_made_of_the_masters(cluster, framework):
    master_id, _, number = framework.info["id"]["value"].rpartition("-")
    assert master_id == cluster.call("GET", "/state").json["id"] and len(number) == 4 and number.isdigit()


def test_master_info_says_where_the_master_is(cluster, framework):
    info = framework.events[0]["subscribed"]["master_info"]
    assert (info["hostname"], info["port"]) == ("127.0.0.1", cluster.master_port)
    assert (info["address"]["hostname"], info["address"]["port"]) == ("127.0.0.1", cluster.master_port)
    assert info["version"] == cluster.call("GET", "/version").json["version"]


def test_ids_are_not_given_twice(subscribe):
    assert subscribe().info["id"] != subscribe().info["id"]


# ---- coming back ----

def test_a_new_stream_for_the_same_id_ends_the_old_one(framework, subscribe):
    successor = subscribe(subscribed=False)
    successor.info = framework.info
    assert successor.subscribe()["subscribed"]["framework_id"] == framework.info["id"]
    wait_until(lambda: framework.events[-1]["type"] == "CLOSED", "the end of the old stream")
    assert framework.events[-2] == {"type": "ERROR", "error": {"message": "Framework failed over"}}


@pytest.mark.parametrize("changed", [
    {"name": "another"}, {"webui_url": "http://localhost/"}, {"hostname": "h"}, {"failover_timeout": 7.0},
    {"roles": ["other", "roles"]}, {"labels": {"labels": [{"key": "k", "value": "v"}]}},
    {"capabilities": [{"type": "MULTI_ROLE"}, {"type": "GPU_RESOURCES"}]},
])
def test_what_may_change(cluster, framework, changed):
    framework.close()
    framework.info.update(changed)
    assert framework.subscribe()["type"] == "SUBSCRIBED"
    infos = [f["framework_info"] for f in ask(cluster, "GET_FRAMEWORKS")["frameworks"]]
    (seen,) = [info for info in infos if info["id"] == framework.info["id"]]
    (name, value), = changed.items()
    assert seen[name] == value


@pytest.mark.parametrize("field, first, then", [("user", "nobody", "daemon"), ("checkpoint", True, False)])
def test_what_is_silently_kept(agent, framework, field, first, then):
    framework.close()
    framework.info[field] = then
    assert framework.subscribe()["type"] == "SUBSCRIBED"
    assert agent.run_of(framework.launch(framework.offer(), "sleep", SMALL))["framework"][field] == first


def test_the_principal_may_not_change(framework):
    framework.close()
    framework.info["principal"] = "another"
    assert framework.subscribe()["error"]["message"] == "Changing framework's principal is not allowed."


def test_offers_do_not_outlive_the_stream(agent, framework, subscribe):
    offer = framework.offer()
    framework.close()
    other = subscribe()
    assert other.offer()["agent_id"]["value"] == agent.id
    assert framework.subscribe()["type"] == "SUBSCRIBED"
    task = framework.launch(offer, "sleep", SMALL)
    assert framework.status(task, "TASK_DROPPED")["reason"] == "REASON_INVALID_OFFERS"


def test_a_failover_timeout_of_zero_tears_down_at_once(agent, subscribe):
    framework = subscribe(failover_timeout=0.0)
    task = framework.launch(framework.offer(), "sleep", SMALL)
    framework.status(task, "TASK_RUNNING")
    framework.close()
    agent.wait("KILL_TASK", fits=lambda e: e["kill_task"]["task_id"]["value"] == task)
    assert framework.subscribe() == {"type": "ERROR", "error": {"message": "Framework has been removed"}}


def test_the_default_of_the_failover_timeout_is_zero(subscribe):
    framework = subscribe(failover_timeout=None)
    framework.close()
    wait_until(lambda: framework.subscribe()["type"] == "ERROR", "the framework is removed")
    assert framework.events[0]["error"]["message"] == "Framework has been removed"


def test_a_framework_may_come_back_within_its_failover_timeout(agent, framework):
    task = framework.launch(framework.offer(), "sleep", SMALL)
    framework.status(task, "TASK_RUNNING")
    framework.close()
    assert framework.subscribe()["type"] == "SUBSCRIBED"
    framework.call("RECONCILE", tasks=[])
    assert framework.status(task, "TASK_RUNNING")["agent_id"]["value"] == agent.id


def test_a_framework_that_was_torn_down_cannot_come_back(subscribe):
    framework = subscribe()
    framework.call("TEARDOWN")
    wait_until(lambda: framework.events[-1]["type"] == "CLOSED", "the end of the stream")
    assert framework.subscribe() == {"type": "ERROR", "error": {"message": "Framework has been removed"}}


def test_suppressed_roles_get_no_offers(agent, subscribe):
    framework = subscribe(["a", "b"], subscribed=False)
    framework.subscribe(suppressed_roles=["a"])
    assert framework.offer()["allocation_info"]["role"] == "b" and agent.id
    assert {o["allocation_info"]["role"] for offers in framework.all("OFFERS") for o in offers["offers"]} == {"b"}


# ---- what is refused ----

MULTI = [{"type": "MULTI_ROLE"}]
ROLE_RULES = ("may have no component that is empty, '.', '..' or '*', starts with a dash or contains whitespace")


@pytest.mark.parametrize("info, message", [
    ({"roles": [], "role": "x", "capabilities": MULTI},
     "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"),
    ({"roles": ["x"], "capabilities": []},
     "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"),
    ({"roles": ["a", "b", "a"]}, "'FrameworkInfo.roles' contains duplicate items: { a }"),
    ({"roles": [], "capabilities": [], "role": "-x"},
     f"'FrameworkInfo.role' is not a valid role: '-x' {ROLE_RULES}"),
    ({"failover_timeout": -1}, "The framework failover_timeout (-1) is invalid"),
    ({"failover_timeout": 1e10}, "The framework failover_timeout (1e+10) is invalid"),
    ({"failover_timeout": "Infinity"}, "The framework failover_timeout (inf) is invalid"),
    ({"id": {"value": "a/b"}}, "'a/b' is not a valid framework id"),
    ({"user": ""}, "FrameworkInfo.user must be set"),
])
def test_a_framework_info_that_is_not_valid(subscribe, info, message):
    assert refused(subscribe, **info) == message


@pytest.mark.row("1.9")
@pytest.mark.parametrize("role", ["", ".", "..", "-a", "a b", "a\tb", "a//b", "/a", "a/", "a/*", "a/..", "a/.", "a/-b",
                                  "a\bb"])
def test_a_role_that_is_not_valid(subscribe, role):
    assert refused(subscribe, roles=[role]) == f"'FrameworkInfo.roles' contains invalid role: '{role}' {ROLE_RULES}"


@pytest.mark.row("1.9")
@pytest.mark.parametrize("role", ["*", "a", "a/b/c", "a\\b", "a-", "a.b", "ä"])
def test_a_role_that_is_valid(subscribe, role):
    assert subscribe([role]).events[0]["type"] == "SUBSCRIBED"


def test_suppressed_roles_must_be_the_frameworks(subscribe):
    assert refused(subscribe, {"suppressed_roles": ["x"]}) == \
        "Suppressed roles { x } are not contained in the set of roles"


def test_constrained_roles_must_be_the_frameworks(subscribe):
    groups = [{"attribute_constraints": [{"selector": {"attribute_name": "a"}, "predicate": {"exists": {}}}]}]
    assert refused(subscribe, {"offer_constraints": {"role_constraints": {"x": {"groups": groups}}}}) == \
        "Offer constraints specify `role_constraints` for a role 'x' not contained in the set of roles"


@pytest.mark.parametrize("first, second", [
    ({"roles": ["a", "a"]}, {"failover_timeout": -1}),
    ({"id": {"value": "a/b"}}, {"failover_timeout": -1}),
])
def test_the_order_in_which_rules_are_asked(subscribe, first, second):
    assert refused(subscribe, **first, **second) == refused(subscribe, **first)


def test_a_burnt_id_is_told_before_suppressed_roles(subscribe):
    framework = subscribe()
    framework.call("TEARDOWN")
    wait_until(lambda: framework.events[-1]["type"] == "CLOSED", "the end of the stream")
    assert framework.subscribe(suppressed_roles=["x"])["error"]["message"] == "Framework has been removed"


def test_another_subscription_is_not_disturbed_by_one_that_is_refused(framework, subscribe):
    impostor = subscribe(subscribed=False)
    impostor.info = {**framework.info, "principal": "impostor"}
    assert impostor.subscribe()["type"] == "ERROR"
    assert framework.post("REVIVE").status == 202
    assert isinstance(framework, Framework) and framework.events[-1]["type"] != "CLOSED"
