"""Operations with an id: UPDATE_OPERATION_STATUS, its acknowledgement, and RECONCILE_OPERATIONS."""
import uuid

import pytest

from cluster import wait_until
from framework import Framework, scalar
from operator_calls import ask

pytestmark = pytest.mark.row("1.8")

ROLE = "db"
RESERVED = scalar("cpus", 1, reservations=[{"type": "DYNAMIC", "role": ROLE}])


def operation(type_, id_, resource=RESERVED):
    return {"type": type_, **({"id": {"value": id_}} if id_ else {}), type_.lower(): {"resources": [resource]}}


def has(offer, is_reserved):
    return any(r["name"] == "cpus" and (r.get("reservations") is not None) == is_reserved for r in offer["resources"])


@pytest.fixture
def guest(fleet, member):
    made = Framework(fleet, roles=[ROLE])
    yield made
    made.post("TEARDOWN")
    made.close()
    assert member.id


def accept(guest, *operations):
    guest.accept(guest.offer(lambda o: has(o, False)), *operations)


def told(guest, id_):
    return [s for s in (e["status"] for e in guest.all("UPDATE_OPERATION_STATUS"))
            if s["operation_id"]["value"] == id_]


def reconcile(guest, id_, agent_id=None):
    """The next answer."""
    seen = len(told(guest, id_))
    guest.call("RECONCILE_OPERATIONS", operations=[
        {"operation_id": {"value": id_}, **({"agent_id": {"value": agent_id}} if agent_id else {})}])
    return wait_until(lambda: told(guest, id_)[seen:], "an answer")[0]


def test_finished_with_a_uuid_and_the_agents_id(guest, member):
    accept(guest, operation("RESERVE", "o"))
    status = guest.operation("o", "OPERATION_FINISHED")
    assert len(status["uuid"]["value"]) == 24 and status["agent_id"]["value"] == member.id


def test_repeated_until_it_is_acknowledged(guest, member):
    accept(guest, operation("RESERVE", "o"))
    first = guest.operation("o", "OPERATION_FINISHED", acknowledge=False)
    wait_until(lambda: len(told(guest, "o")) > 1, "the same again")
    assert told(guest, "o")[1] == first
    guest.operation("o")
    wait_until(lambda: not member.operations, "the acknowledgement to reach the agent")


def test_several_of_one_call_are_told_each(guest):
    accept(guest, operation("RESERVE", "a"), operation("UNRESERVE", "b"))
    for id_ in "ab":
        guest.operation(id_, "OPERATION_FINISHED")


def test_without_an_id_nothing_is_told(guest, member):
    accept(guest, operation("RESERVE", None))
    accept(guest, operation("RESERVE", "o"))
    guest.operation("o", "OPERATION_FINISHED")
    assert len({s["operation_id"]["value"] for s in (e["status"] for e in guest.all("UPDATE_OPERATION_STATUS"))}) == 1
    assert [e for e in member.events if e["type"] == "APPLY" and "framework" not in e["apply"]]


def test_one_that_is_not_valid_is_an_error_of_the_master(guest, member):
    accept(guest, operation("UNRESERVE", "o"), operation("RESERVE", "p"))
    status = guest.operation("o", "OPERATION_ERROR")
    assert "uuid" not in status and "does not contain" in status["message"] and status["agent_id"]["value"] == member.id
    guest.operation("p", "OPERATION_FINISHED")


def test_one_that_the_master_does_not_know_is_an_error(guest):
    accept(guest, {"type": "DESTROY_DISK", "id": {"value": "o"}, "destroy_disk": {"source": RESERVED}})
    assert "not supported" in guest.operation("o", "OPERATION_ERROR")["message"]


def test_with_offers_that_are_not_valid_it_is_an_error(guest):
    guest.call("ACCEPT", offer_ids=[{"value": "nosuch"}], operations=[operation("RESERVE", "o"), operation("RESERVE", None)])
    status = guest.operation("o", "OPERATION_ERROR")
    assert "uuid" not in status and status["message"] == "Offer nosuch is no longer valid"
    assert len(guest.all("UPDATE_OPERATION_STATUS")) == 1


@pytest.mark.parametrize("id_", ["", "a/b", "."])
def test_an_id_that_is_none(guest, id_):
    accept(guest, {**operation("RESERVE", "o"), "id": {"value": id_}})
    assert "valid" in guest.operation(id_, "OPERATION_ERROR")["message"]


def test_an_id_that_is_in_use(guest):
    accept(guest, operation("RESERVE", "o"))
    guest.operation("o", "OPERATION_FINISHED", acknowledge=False)
    accept(guest, operation("RESERVE", "o"))
    assert "is in use" in guest.operation("o", "OPERATION_ERROR", acknowledge=False)["message"]


def test_what_an_agent_did_not_get_is_dropped(guest, member):
    member.is_losing = True
    accept(guest, operation("RESERVE", "o"))
    member.wait("APPLY")
    member.come_back()
    status = guest.operation("o", "OPERATION_DROPPED")
    assert "uuid" not in status and status["agent_id"]["value"] == member.id


@pytest.mark.row("1.5")
@pytest.mark.parametrize("body, words", [
    ({"uuid": "QUFBQUFBQUFBQUFBQUFBQQ==", "operation_id": {"value": "o"}}, "Expecting 'agent_id' to be present"),
    ({"uuid": "QUFB", "operation_id": {"value": "o"}, "agent_id": {"value": "a"}}, "'uuid' has 3 bytes, not 16"),
])
def test_acknowledgements_that_are_wrong(guest, body, words):
    answer = guest.post("ACKNOWLEDGE_OPERATION_STATUS", **body)
    assert answer.status == 400 and words in answer.body.decode()


@pytest.mark.row("1.5")
def test_acknowledged_by_another_uuid_it_is_told_on(guest, member):
    accept(guest, operation("RESERVE", "o"))
    guest.operation("o", "OPERATION_FINISHED", acknowledge=False)
    guest.call("ACKNOWLEDGE_OPERATION_STATUS", agent_id={"value": member.id}, operation_id={"value": "o"},
               uuid="QUFBQUFBQUFBQUFBQUFBQQ==")
    times = len(told(guest, "o"))
    wait_until(lambda: len(told(guest, "o")) > times + 1, "it is told on")
    assert len({status["uuid"]["value"] for status in told(guest, "o")}) == 1


@pytest.mark.row("4.15")
@pytest.mark.parametrize("with_agent", [True, False])
def test_one_that_is_under_way_is_pending(guest, member, with_agent):
    member.is_losing = True
    accept(guest, operation("RESERVE", "o"))
    status = reconcile(guest, "o", member.id if with_agent else None)
    assert status["state"] == "OPERATION_PENDING" and "uuid" not in status


@pytest.mark.row("4.15")
def test_implicitly_all_are_told(guest):
    accept(guest, operation("RESERVE", "a"), operation("UNRESERVE", "b"))
    for id_ in "ab":
        guest.operation(id_, "OPERATION_FINISHED", acknowledge=False)
    guest.call("RECONCILE_OPERATIONS", operations=[])
    for id_ in "ab":
        wait_until(lambda: [s for s in told(guest, id_) if "uuid" not in s], "an answer")  # noqa: B023


@pytest.mark.row("4.15")
def test_one_that_was_acknowledged_is_unknown(guest, member):
    accept(guest, operation("RESERVE", "o"))
    guest.operation("o", "OPERATION_FINISHED")
    status = reconcile(guest, "o", member.id)
    assert (status["state"], status["message"]) == ("OPERATION_UNKNOWN", "Reconciliation: Operation is unknown")
    assert status["agent_id"]["value"] == member.id


@pytest.mark.row("4.15")
@pytest.mark.parametrize("agent_id", [None, "nosuch"])
def test_of_an_agent_that_nobody_knows_it_is_unknown(guest, agent_id):
    assert reconcile(guest, f"o-{uuid.uuid4()}", agent_id)["state"] == "OPERATION_UNKNOWN"


@pytest.mark.row("4.15")
def test_of_an_agent_that_is_unreachable(guest, member):
    member.is_losing = True
    accept(guest, operation("RESERVE", "o"))
    member.is_deaf = True
    status = guest.operation("o", "OPERATION_UNREACHABLE")
    assert "uuid" not in status
    for id_ in ("o", "nosuch"):
        assert reconcile(guest, id_, member.id)["state"] == "OPERATION_UNREACHABLE"


@pytest.mark.row("4.15")
def test_of_an_agent_that_is_gone(guest, fleet, member):
    member.is_losing = True
    accept(guest, operation("RESERVE", "o"))
    ask(fleet, "MARK_AGENT_GONE", mark_agent_gone={"agent_id": {"value": member.id}})
    assert "uuid" not in guest.operation("o", "OPERATION_GONE_BY_OPERATOR")
    assert reconcile(guest, "nosuch", member.id)["state"] == "OPERATION_GONE_BY_OPERATOR"


@pytest.mark.row("4.15")
def test_what_was_not_acknowledged_of_an_agent_that_is_unreachable(guest, member):
    """The agent tells it again when it is back, and then it is what it was."""
    accept(guest, operation("RESERVE", "o"))
    first = guest.operation("o", "OPERATION_FINISHED", acknowledge=False)
    member.is_deaf = True
    guest.operation("o", "OPERATION_UNREACHABLE", acknowledge=False)
    assert reconcile(guest, "o")["state"] == "OPERATION_UNREACHABLE"
    member.is_deaf = False
    member.come_back()
    assert guest.operation("o", "OPERATION_FINISHED", acknowledge=False) == first


@pytest.mark.row("4.15")
def test_what_was_not_acknowledged_of_an_agent_that_is_gone(guest, fleet, member):
    accept(guest, operation("RESERVE", "o"))
    guest.operation("o", "OPERATION_FINISHED", acknowledge=False)
    ask(fleet, "MARK_AGENT_GONE", mark_agent_gone={"agent_id": {"value": member.id}})
    status = guest.operation("o", "OPERATION_GONE_BY_OPERATOR", acknowledge=False)
    assert "uuid" not in status and status["agent_id"]["value"] == member.id
    assert reconcile(guest, "o", member.id)["state"] == "OPERATION_GONE_BY_OPERATOR"


@pytest.mark.row("3.4")
def test_listed_for_operators(guest, fleet, member):
    accept(guest, operation("RESERVE", "o"))
    status = guest.operation("o", "OPERATION_FINISHED", acknowledge=False)
    (row,) = ask(fleet, "GET_OPERATIONS")["operations"]
    assert row["framework_id"] == guest.info["id"] and row["agent_id"]["value"] == member.id
    assert row["info"]["type"] == "RESERVE" and row["latest_status"] == status and row["statuses"] == [status]
    assert row["uuid"] == member.operations["o"]["applied"]["operation"]["uuid"]
    guest.operation("o")
    wait_until(lambda: not ask(fleet, "GET_OPERATIONS").get("operations"), "it is forgotten")


@pytest.mark.row("3.4")
def test_agents_that_tell_of_operations_are_capable_of_it(fleet, member):
    (row,) = ask(fleet, "GET_AGENTS")["agents"]
    assert {"type": "AGENT_OPERATION_FEEDBACK"} in row["capabilities"] and member.id


@pytest.mark.row("3.1")
def test_an_agent_lists_what_nobody_has_acknowledged(node):
    """Of an agent of ours; see test_operations.py for what it says of each."""
    guest = Framework(node, roles=[ROLE])
    try:
        accept(guest, operation("RESERVE", "o"))
        status = guest.operation("o", "OPERATION_FINISHED", acknowledge=False)
        (row,) = ask(node.agents[0], "GET_OPERATIONS")["operations"]
        assert row["latest_status"] == status and row["info"]["id"] == {"value": "o"}
        assert status["converted_resources"] == [RESERVED]
        guest.operation("o")
        wait_until(lambda: not ask(node.agents[0], "GET_OPERATIONS").get("operations"), "it is forgotten")
        guest.accept(guest.offer(lambda o: has(o, True)), operation("UNRESERVE", "p"))
        guest.operation("p", "OPERATION_FINISHED")
    finally:
        guest.post("TEARDOWN")
        guest.close()
