"""DRAIN_AGENT, DEACTIVATE_AGENT, REACTIVATE_AGENT, MARK_AGENT_GONE."""
import pytest

from cluster import wait_until
from framework import SMALL
from operator_calls import ask, post

pytestmark = pytest.mark.row("3.4")

CALLS = ["DRAIN_AGENT", "DEACTIVATE_AGENT", "REACTIVATE_AGENT", "MARK_AGENT_GONE"]


def do(fleet, type_, agent_id, **more):
    return post(fleet, {"type": type_, type_.lower(): {"agent_id": {"value": agent_id}, **more}})


def view(fleet, agent_id):
    slaves = fleet.call("GET", "/slaves").json
    lists = ("slaves", "recovered_slaves", "unreachable_slaves")
    return next((s for name in lists for s in slaves[name] if s["id"] == agent_id), None)


def drain_state(fleet, agent_id):
    return view(fleet, agent_id).get("drain_info", {}).get("state")


@pytest.fixture
def guest(fleet, member, join):
    """A framework of the fleet with one task on the member."""
    made = join(fleet)
    made.task_id = made.launch(made.offer(), "sleep", SMALL)
    made.status(made.task_id, "TASK_RUNNING")
    return made


# ---- what is refused ----

@pytest.mark.parametrize("type_", CALLS)
def test_a_call_without_its_body_is_400(fleet, type_):
    answer = post(fleet, {"type": type_})
    assert answer.status == 400 and f"Expecting '{type_.lower()}' to be present" in answer.body.decode()


@pytest.mark.parametrize("type_", CALLS)
def test_an_unknown_agent_is_404(fleet, type_):
    assert do(fleet, type_, "nosuch").status == 404


@pytest.mark.parametrize("type_", ["DRAIN_AGENT", "DEACTIVATE_AGENT", "REACTIVATE_AGENT"])
def test_one_that_is_gone_is_409(fleet, member, type_):
    assert do(fleet, "MARK_AGENT_GONE", member.id).status == 200
    assert do(fleet, type_, member.id).status == 409


def test_one_that_is_gone_may_be_given_up_again(fleet, member):
    assert [do(fleet, "MARK_AGENT_GONE", member.id).status for _ in range(2)] == [200, 200]


def test_reactivating_one_that_is_active_is_400(fleet, member):
    answer = do(fleet, "REACTIVATE_AGENT", member.id)
    assert answer.status == 400 and b"is not deactivated" in answer.body


def test_reactivating_one_that_is_draining_is_400(fleet, member, guest):
    member.stubborn = {guest.task_id}
    assert do(fleet, "DRAIN_AGENT", member.id).status == 200
    answer = do(fleet, "REACTIVATE_AGENT", member.id)
    assert answer.status == 400 and b"DRAINING" in answer.body


@pytest.mark.parametrize("grace", ["600s", "10mins", 600, {"seconds": -1}, {"seconds": 2**62}])
def test_a_grace_that_is_none_is_400(fleet, member, grace):
    assert do(fleet, "DRAIN_AGENT", member.id, max_grace_period=grace).status == 400
    assert drain_state(fleet, member.id) is None


@pytest.fixture
def scheduled(fleet, member):
    """The member, whose machine is on the maintenance schedule."""
    schedule = {"windows": [{"machine_ids": [{"hostname": "127.0.0.1"}], "unavailability": {"start": {"nanoseconds": 1}}}]}
    ask(fleet, "UPDATE_MAINTENANCE_SCHEDULE", update_maintenance_schedule={"schedule": schedule})
    yield member
    ask(fleet, "UPDATE_MAINTENANCE_SCHEDULE", update_maintenance_schedule={"schedule": {}})


def test_an_agent_on_the_maintenance_schedule_is_400(fleet, scheduled):
    answer = do(fleet, "DRAIN_AGENT", scheduled.id)
    assert answer.status == 400 and b"is part of a maintenance schedule under Machine" in answer.body


# ---- draining ----

def test_draining_goes_over_to_drained_when_the_tasks_have_ended(fleet, member, guest):
    member.stubborn = {guest.task_id}
    assert do(fleet, "DRAIN_AGENT", member.id).status == 200
    member.wait("DRAIN")
    assert drain_state(fleet, member.id) == "DRAINING"
    member.end_task(guest.task_id, "TASK_KILLED")
    guest.status(guest.task_id, "TASK_KILLED")
    wait_until(lambda: drain_state(fleet, member.id) == "DRAINED", "the drain's end")


@pytest.mark.parametrize("grace, nanoseconds", [
    (None, None), ({"seconds": 600}, 600 * 10**9), ({"seconds": 1, "nanos": 5}, 10**9 + 5), ({"seconds": 0}, 0),
])
def test_the_agent_is_told_the_longest_grace(fleet, member, grace, nanoseconds):
    assert do(fleet, "DRAIN_AGENT", member.id, **({"max_grace_period": grace} if grace else {})).status == 200
    config = member.wait("DRAIN")["drain"]["config"]
    assert config.get("max_grace_period", {}).get("nanoseconds") == nanoseconds


def test_mark_gone_is_false_unless_it_is_asked_for(fleet, member):
    do(fleet, "DRAIN_AGENT", member.id)
    assert member.wait("DRAIN")["drain"]["config"]["mark_gone"] is False
    assert view(fleet, member.id)["drain_info"]["config"]["mark_gone"] is False


def test_the_operators_view_tells_of_the_drain(fleet, member):
    before = view(fleet, member.id)
    assert "drain_info" not in before and "estimated_drain_start_time_seconds" not in before
    do(fleet, "DRAIN_AGENT", member.id, max_grace_period={"seconds": 5})
    wait_until(lambda: drain_state(fleet, member.id) == "DRAINED", "the drain's end")
    after = view(fleet, member.id)
    assert after["drain_info"]["config"] == {"max_grace_period": {"nanoseconds": 5 * 10**9}, "mark_gone": False}
    assert isinstance(after["estimated_drain_start_time_seconds"], float)


def test_draining_rescinds_offers(fleet, member, guest):
    offer = guest.offer()
    do(fleet, "DRAIN_AGENT", member.id)
    wait_until(lambda: offer["id"] in [r["offer_id"] for r in guest.all("RESCIND")], "the offer's end")


def test_a_drained_agent_is_not_offered_until_it_is_reactivated(fleet, member, guest):
    guest.call("DECLINE", offer_ids=[guest.offer()["id"]], filters={"refuse_seconds": 0})
    do(fleet, "DRAIN_AGENT", member.id)
    guest.status(guest.task_id, "TASK_KILLED")
    wait_until(lambda: drain_state(fleet, member.id) == "DRAINED", "the drain's end")
    assert view(fleet, member.id)["deactivated"] and not view(fleet, member.id)["active"]
    seen = len(guest.all("OFFERS"))
    def runs():
        return fleet.call("GET", "/metrics/snapshot").json["allocator/mesos/allocation_runs"]
    before = runs()
    guest.call("REVIVE")
    wait_until(lambda: runs() > before, "a round of offering")
    assert len(guest.all("OFFERS")) == seen
    assert do(fleet, "REACTIVATE_AGENT", member.id).status == 200
    wait_until(lambda: len(guest.all("OFFERS")) > seen, "an offer")
    assert not view(fleet, member.id)["deactivated"] and drain_state(fleet, member.id) is None


def test_draining_with_mark_gone_ends_with_shutdown(fleet, member, guest):
    do(fleet, "DRAIN_AGENT", member.id, mark_gone=True)
    guest.status(guest.task_id, "TASK_KILLED")
    member.wait("SHUTDOWN")
    wait_until(lambda: view(fleet, member.id) is None, "the agent's end")


def test_a_drain_is_told_again_to_an_agent_that_comes_back(fleet, member, guest):
    member.stubborn = {guest.task_id}
    do(fleet, "DRAIN_AGENT", member.id, max_grace_period={"seconds": 7})
    member.come_back()
    subscribed = member.wait("SUBSCRIBED")["subscribed"]
    assert subscribed["drain"] == {"max_grace_period": {"nanoseconds": 7 * 10**9}, "mark_gone": False}


# ---- deactivation ----

def test_deactivating_kills_nothing_and_rescinds(fleet, member, guest):
    offer = guest.offer()
    assert do(fleet, "DEACTIVATE_AGENT", member.id).status == 200
    wait_until(lambda: offer["id"] in [r["offer_id"] for r in guest.all("RESCIND")], "the offer's end")
    assert view(fleet, member.id)["deactivated"] and drain_state(fleet, member.id) is None
    assert not [e for e in member.events if e["type"] in ("KILL_TASK", "DRAIN")]
    assert do(fleet, "REACTIVATE_AGENT", member.id).status == 200
    assert guest.offer()["agent_id"]["value"] == member.id


# ---- gone ----

@pytest.mark.row("1.7")
@pytest.mark.parametrize("capabilities, state", [([{"type": "PARTITION_AWARE"}], "TASK_GONE_BY_OPERATOR"),
                                                 ([], "TASK_LOST")])
def test_tasks_of_a_gone_agent(fleet, member, join, capabilities, state):
    framework = join(fleet, capabilities=[{"type": "MULTI_ROLE"}, *capabilities])
    task_id = framework.launch(framework.offer(), "sleep", SMALL)
    framework.status(task_id, "TASK_RUNNING")
    do(fleet, "MARK_AGENT_GONE", member.id)
    status = framework.status(task_id, state)
    assert (status["source"], status["reason"]) == ("SOURCE_MASTER", "REASON_AGENT_REMOVED_BY_OPERATOR")
    assert "uuid" not in status


def test_a_gone_agent_is_told_to_shut_down_each_time_it_comes(fleet, member):
    do(fleet, "MARK_AGENT_GONE", member.id)
    member.wait("SHUTDOWN")
    member.come_back()
    member.wait("SHUTDOWN")
    assert [e["type"] for e in member.events][:2] == ["SUBSCRIBED", "SHUTDOWN"]


@pytest.mark.row("1.6")
def test_the_removal_of_an_agent_is_a_failure_without_executor(fleet, member, guest):
    do(fleet, "MARK_AGENT_GONE", member.id)
    failure = wait_until(lambda: guest.all("FAILURE"), "the event")[0]
    assert failure == {"agent_id": {"value": member.id}}
