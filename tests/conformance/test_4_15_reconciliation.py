"""RECONCILE: one row of the table each, for frameworks that know of partitions and those that do not."""
import pytest

from cluster import wait_until
from framework import SMALL
from operator_calls import ask
from socket_agent import SocketAgent

pytestmark = pytest.mark.row("4.15")

AWARE = [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}]
BOTH = pytest.mark.parametrize("is_aware", [True, False])


@pytest.fixture
def guest(fleet, member, join, request):
    is_aware = not hasattr(request.node, "callspec") or request.node.callspec.params.get("is_aware", True)
    made = join(fleet, capabilities=AWARE if is_aware else AWARE[:1])
    made.task_id = made.launch(made.offer(), "sleep", SMALL)
    made.status(made.task_id, "TASK_RUNNING")
    return made


def answers(guest):
    return [u["status"] for u in guest.all("UPDATE") if u["status"].get("reason") == "REASON_RECONCILIATION"]


def reconcile(guest, task_id, agent_id=None):
    """The next answer for that task."""
    seen = len(answers(guest))
    guest.call("RECONCILE", tasks=[{"task_id": {"value": task_id}, **({"agent_id": {"value": agent_id}} if agent_id else {})}])
    return wait_until(lambda: [a for a in answers(guest)[seen:] if a["task_id"]["value"] == task_id], "an answer")[0]


@BOTH
@pytest.mark.parametrize("with_agent", [True, False])
def test_a_known_task_is_told_as_it_is(guest, member, is_aware, with_agent):
    status = reconcile(guest, guest.task_id, member.id if with_agent else None)
    assert status["state"] == "TASK_RUNNING"
    assert status["message"] == "Reconciliation: Latest task state"
    assert status["source"] == "SOURCE_MASTER" and "uuid" not in status
    assert status["agent_id"]["value"] == member.id


@BOTH
def test_a_task_that_a_registered_agent_does_not_have(guest, member, is_aware):
    assert reconcile(guest, "nosuch", member.id)["state"] == ("TASK_GONE" if is_aware else "TASK_LOST")


@BOTH
def test_a_task_of_an_agent_that_is_unreachable(guest, fleet, member, is_aware):
    member.is_deaf = True
    wait_until(lambda: guest.all("FAILURE"), "the agent is given up")
    for task_id in (guest.task_id, "nosuch"):
        status = reconcile(guest, task_id, member.id)
        assert status["state"] == ("TASK_UNREACHABLE" if is_aware else "TASK_LOST")
        assert status["unreachable_time"]["nanoseconds"] > 0


@BOTH
def test_a_task_of_an_agent_that_is_gone(guest, fleet, member, is_aware):
    ask(fleet, "MARK_AGENT_GONE", mark_agent_gone={"agent_id": {"value": member.id}})
    for task_id in (guest.task_id, "nosuch"):
        assert reconcile(guest, task_id, member.id)["state"] == ("TASK_GONE_BY_OPERATOR" if is_aware else "TASK_LOST")


@BOTH
@pytest.mark.parametrize("agent_id", [None, "nosuch"])
def test_a_task_of_which_nothing_is_known(guest, is_aware, agent_id):
    assert reconcile(guest, "nosuch", agent_id)["state"] == ("TASK_UNKNOWN" if is_aware else "TASK_LOST")


def test_nothing_is_said_before_an_agent_of_the_last_master_is_back(guest, fleet, member, add_agent):
    ask(fleet, "MARK_AGENT_GONE", mark_agent_gone={"agent_id": {"value": member.id}})
    other = add_agent(fleet, 6002)
    task_id = guest.launch(guest.offer(lambda o: o["agent_id"]["value"] == other.id), "sleep", SMALL)
    guest.status(task_id, "TASK_RUNNING")
    other.close()
    guest.close()
    fleet.master.end(9)
    fleet.start_master()
    guest.subscribe()
    for known_agent in (other.id, None):
        guest.call("RECONCILE", tasks=[{"task_id": {"value": task_id},
                                        **({"agent_id": {"value": known_agent}} if known_agent else {})}])
    # The one that is gone is known, so that this is answered, and only this.
    assert reconcile(guest, "nosuch", member.id)["state"] == "TASK_GONE_BY_OPERATOR"
    assert len(answers(guest)) == 1
    other.come_back()
    assert reconcile(guest, task_id, other.id)["state"] == "TASK_RUNNING"
    assert reconcile(guest, "nosuch")["state"] == "TASK_UNKNOWN"


def test_implicit_tells_all_that_is_known_and_not_yet_acknowledged(guest, fleet, member):
    ended = guest.launch(guest.offer(), "true", SMALL)
    guest.status(ended, "TASK_RUNNING")
    wait_until(lambda: [u for u in guest.all("UPDATE") if u["status"]["state"] == "TASK_FINISHED"], "the task's end")
    seen = len(answers(guest))
    guest.call("RECONCILE", tasks=[])
    wait_until(lambda: len(answers(guest)) >= seen + 2, "two answers")
    assert {a["task_id"]["value"]: a["state"] for a in answers(guest)[seen:]} == {
        guest.task_id: "TASK_RUNNING", ended: "TASK_FINISHED"}
    guest.status(ended, "TASK_FINISHED")
    wait_until(lambda: not member.updates[ended].pending, "the acknowledgement")
    seen = len(answers(guest))
    guest.call("RECONCILE", tasks=[])
    reconcile(guest, "nosuch")
    assert [a["task_id"]["value"] for a in answers(guest)[seen:]] == [guest.task_id, "nosuch"]


def test_implicit_without_tasks_tells_nothing(fleet, member, join):
    framework = join(fleet)
    framework.call("RECONCILE", tasks=[])
    assert reconcile(framework, "nosuch")["state"] == "TASK_UNKNOWN"
    assert len(framework.all("UPDATE")) == 1


def test_a_task_that_the_agent_has_not_told_of_is_staging(fleet, join, add_agent):
    """Pending ones are known, too."""
    silent = add_agent(fleet, 6003, SocketAgent)
    framework = join(fleet)
    task_id = framework.launch(framework.offer(), "sleep", SMALL)
    silent.wait("RUN_TASK")
    assert reconcile(framework, task_id)["state"] == "TASK_STAGING"
