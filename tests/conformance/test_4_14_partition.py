"""Pings, agents that cannot be reached, and those that are back."""
import pytest

from cluster import wait_until
from framework import SMALL, Framework
from operator_calls import ask

pytestmark = pytest.mark.row("4.14")

AWARE = [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}]
KINDS = pytest.mark.parametrize("capabilities, lost", [(AWARE, "TASK_UNREACHABLE"), (AWARE[:1], "TASK_LOST")])


def listed(fleet, kind, agent_id):
    return [s for s in fleet.call("GET", "/slaves").json[kind] if s["id"] == agent_id]


@pytest.fixture
def guest(fleet, member, request):
    """A framework (of capabilities, if the test has some) with one task on the member."""
    capabilities = request.node.callspec.params.get("capabilities", AWARE) if hasattr(request.node, "callspec") else AWARE
    made = Framework(fleet, capabilities=capabilities)
    made.task_id = made.launch(made.offer(), "sleep", SMALL)
    made.status(made.task_id, "TASK_RUNNING")
    yield made
    made.post("TEARDOWN")
    made.close()


def vanish(fleet, member):
    member.is_deaf = True
    wait_until(lambda: listed(fleet, "unreachable_slaves", member.id), "the agent is given up")


@pytest.mark.parametrize("flag, value", [
    ("agent_ping_timeout", "15secs"), ("max_agent_ping_timeouts", "5"), ("agent_reregister_timeout", "10mins"),
    ("agent_removal_rate_limit", ""),
])
def test_defaults(cluster, flag, value):
    assert cluster.call("GET", "/flags").json["flags"][flag] == value


def test_the_first_ping_comes_at_once_and_then_one_each_interval(member):
    member.wait("HEARTBEAT", count=3)


def test_answers_keep_an_agent(fleet, member):
    member.wait("HEARTBEAT", count=8)
    assert listed(fleet, "slaves", member.id)[0]["active"]


@KINDS
def test_an_agent_that_does_not_answer_is_unreachable_and_so_are_its_tasks(fleet, member, guest, capabilities, lost):
    vanish(fleet, member)
    status = guest.status(guest.task_id, lost)
    assert (status["source"], status["reason"]) == ("SOURCE_MASTER", "REASON_AGENT_REMOVED")
    assert status["unreachable_time"]["nanoseconds"] > 0 and "uuid" not in status


@pytest.mark.row("1.6")
def test_frameworks_are_told_of_the_failure(fleet, member, guest):
    vanish(fleet, member)
    assert wait_until(lambda: guest.all("FAILURE"), "the event") == [{"agent_id": {"value": member.id}}]


def test_its_stream_is_closed(fleet, member):
    vanish(fleet, member)
    wait_until(lambda: member.is_ended, "the stream's end")


@KINDS
def test_tasks_go_on_when_it_is_back(fleet, member, guest, capabilities, lost):
    vanish(fleet, member)
    guest.status(guest.task_id, lost)
    member.is_deaf = False
    member.come_back()
    status = guest.status(guest.task_id, "TASK_RUNNING")
    assert (status["source"], status["reason"]) == ("SOURCE_MASTER", "REASON_AGENT_REREGISTERED")
    assert "uuid" not in status
    assert not [e for e in member.events if e["type"] == "KILL_TASK"]
    assert listed(fleet, "slaves", member.id)[0]["active"] and not listed(fleet, "unreachable_slaves", member.id)


@pytest.mark.parametrize("capabilities", [AWARE, AWARE[:1]])
def test_what_it_no_longer_has_is_gone(fleet, member, guest, capabilities):
    vanish(fleet, member)
    member.is_deaf = False
    member.updates.clear()
    member.come_back()
    guest.status(guest.task_id, "TASK_GONE" if AWARE[1] in capabilities else "TASK_LOST")


def test_a_lost_connection_alone_rescinds_and_tells_nothing_of_tasks(fleet, member, guest):
    offer = guest.offer()
    seen = len(guest.all("UPDATE"))
    member.close()
    wait_until(lambda: offer["id"] in [r["offer_id"] for r in guest.all("RESCIND")], "the offer's end")
    assert len(guest.all("UPDATE")) == seen and not guest.all("FAILURE")
    assert not listed(fleet, "slaves", member.id)[0]["active"]
    member.come_back()
    assert listed(fleet, "slaves", member.id)[0]["active"]


def test_a_kill_meanwhile_reaches_it_when_it_is_back(fleet, member, guest):
    vanish(fleet, member)
    guest.call("KILL", task_id={"value": guest.task_id})
    member.is_deaf = False
    member.come_back()
    assert member.wait("KILL_TASK")["kill_task"]["task_id"]["value"] == guest.task_id
    guest.status(guest.task_id, "TASK_KILLED")


def test_agents_are_remembered_by_the_next_master(fleet, member, guest):
    member.close()
    guest.close()
    fleet.master.end(9)
    fleet.start_master()
    assert [s["id"] for s in fleet.call("GET", "/slaves").json["recovered_slaves"]] == [member.id]
    guest.subscribe()
    member.come_back()
    assert listed(fleet, "slaves", member.id)[0]["active"]
    assert fleet.call("GET", "/slaves").json["recovered_slaves"] == []
    guest.call("RECONCILE", tasks=[])
    guest.status(guest.task_id, "TASK_RUNNING")


@pytest.mark.row("3.6")
def test_metrics_count_them(fleet, member):
    def metrics():
        return {m["name"]: m["value"] for m in ask(fleet, "GET_METRICS", get_metrics={})["metrics"]}
    before = metrics()
    vanish(fleet, member)
    after = metrics()
    for name in ("slave_unreachable_scheduled", "slave_unreachable_completed", "slave_removals"):
        assert after[f"master/{name}"] == before[f"master/{name}"] + 1
    assert after["master/slaves_unreachable"] == before["master/slaves_unreachable"] + 1
