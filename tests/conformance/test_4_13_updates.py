"""Status updates: one ordered stream for each task, its head in flight until it is acknowledged."""
import pytest

from cluster import wait_until
from framework import SMALL, Framework
from operator_calls import ask

pytestmark = pytest.mark.row("4.13")


@pytest.fixture
def guest(node):
    """A framework of the real agent's master, which acknowledges nothing by itself."""
    made = Framework(node)
    yield made
    made.post("TEARDOWN")
    made.close()


def updates(framework, task_id):
    return [u["status"] for u in framework.all("UPDATE") if u["status"]["task_id"]["value"] == task_id]


def acknowledge(framework, status, uuid=None):
    framework.call("ACKNOWLEDGE", agent_id=status["agent_id"], task_id=status["task_id"], uuid=uuid or status["uuid"])


def head(framework, task_id, n):
    """The N-th update, once it has come."""
    return wait_until(lambda: updates(framework, task_id)[n - 1:n], f"update {n}")[0]


def master_state(node, task_id):
    state = node.call("GET", "/state").json
    return next((t["state"] for f in state["frameworks"] for t in f["tasks"] if t["id"] == task_id), None)


def test_in_order_and_one_at_a_time(node, guest):
    task_id = guest.launch(guest.offer(), "true", SMALL)
    states = []
    for n in range(1, 4):
        status = head(guest, task_id, n)
        states.append(status["state"])
        assert len(updates(guest, task_id)) == n
        acknowledge(guest, status)
    assert states == ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]


def test_each_has_what_identifies_it(node, guest):
    task_id = guest.launch(guest.offer(), "true", SMALL)
    uuids = set()
    for n in range(1, 4):
        status = head(guest, task_id, n)
        assert {"task_id", "state", "source", "agent_id", "executor_id", "timestamp", "uuid",
                "container_status"} <= set(status) and status["source"] == "SOURCE_EXECUTOR"
        uuids.add(status["uuid"])
        acknowledge(guest, status)
    assert len(uuids) == 3


@pytest.mark.parametrize("uuid", ["AAAAAAAAAAAAAAAAAAAAAA==", "/////////////////////w=="])
def test_an_acknowledgement_of_another_uuid_changes_nothing(node, guest, uuid):
    task_id = guest.launch(guest.offer(), "true", SMALL)
    first = head(guest, task_id, 1)
    acknowledge(guest, first, uuid)
    acknowledge(guest, first)
    assert head(guest, task_id, 2)["state"] == "TASK_RUNNING"


def test_one_twice_is_as_good_as_once(node, guest):
    task_id = guest.launch(guest.offer(), "true", SMALL)
    for n in range(1, 4):
        status = head(guest, task_id, n)
        for _ in range(3):
            acknowledge(guest, status)
    assert status["state"] == "TASK_FINISHED" and len(updates(guest, task_id)) == 3


@pytest.mark.row("1.5")
@pytest.mark.parametrize("uuid", ["", "QUE=", "AAAAAAAAAAAAAAAAAAAAAAAA"])
def test_a_uuid_that_has_not_16_bytes_is_400(node, guest, uuid):
    answer = guest.post("ACKNOWLEDGE", agent_id={"value": "A"}, task_id={"value": "t"}, uuid=uuid)
    assert answer.status == 400


@pytest.mark.row("1.5")
def test_an_acknowledgement_of_what_never_was_is_202(node, guest):
    guest.call("ACKNOWLEDGE", agent_id={"value": "A"}, task_id={"value": "t"}, uuid="AAAAAAAAAAAAAAAAAAAAAA==")


def test_the_master_knows_the_latest_state_before_its_update_is_due(node, guest):
    task_id = guest.launch(guest.offer(), "true", SMALL)
    acknowledge(guest, head(guest, task_id, 1))
    head(guest, task_id, 2)
    # An update that is told again says how far the task is by now.
    node.agents[0].end(9)
    node.agents[0].start()
    wait_until(lambda: master_state(node, task_id) == "TASK_FINISHED", "the latest state")
    assert updates(guest, task_id)[-1]["state"] == "TASK_RUNNING"
    wait_until(lambda: node.active_agents() == 1, "the agent is back")


def test_a_repeated_update_is_identical(node, guest):
    task_id = guest.launch(guest.offer(), "sleep 1000", SMALL)
    first = head(guest, task_id, 1)
    node.agents[0].end(9)
    node.agents[0].start()
    assert head(guest, task_id, 2) == first
    guest.call("KILL", task_id={"value": task_id})
    guest.status(task_id, "TASK_KILLED")


def test_the_terminal_update_frees_and_its_acknowledgement_forgets(node, guest):
    def used():
        return node.call("GET", "/slaves").json["slaves"][0]["used_resources"]["cpus"]
    task_id = guest.launch(guest.offer(), "true", SMALL)
    for n in (1, 2):
        acknowledge(guest, head(guest, task_id, n))
    end = head(guest, task_id, 3)
    wait_until(lambda: used() == 0, "the resources are free")
    assert master_state(node, task_id) == "TASK_FINISHED"
    acknowledge(guest, end)
    wait_until(lambda: master_state(node, task_id) is None, "the task is forgotten")


def test_updates_wait_for_a_framework_that_is_away(node, guest):
    task_id = guest.launch(guest.offer(), "true", SMALL)
    for n in (1, 2):
        acknowledge(guest, head(guest, task_id, n))
    guest.close()
    wait_until(lambda: master_state(node, task_id) == "TASK_FINISHED", "the task has ended")
    guest.subscribe()
    # On the next stream of the agent, or when it is time again.
    node.agents[0].end(9)
    node.agents[0].start()
    assert guest.status(task_id, "TASK_FINISHED")["source"] == "SOURCE_EXECUTOR"
    wait_until(lambda: node.active_agents() == 1, "the agent is back")


@pytest.mark.row("4.13")
def test_counted(node, guest):
    def counts():
        return {m["name"]: m["value"] for m in ask(node, "GET_METRICS", get_metrics={})["metrics"]}
    before = counts()
    task_id = guest.launch(guest.offer(), "true", SMALL)
    for n in range(1, 4):
        acknowledge(guest, head(guest, task_id, n))
    wait_until(lambda: master_state(node, task_id) is None, "the task is forgotten")
    after = counts()
    for name in ("valid_status_updates", "valid_status_update_acknowledgements"):
        assert after[f"master/{name}"] >= before[f"master/{name}"] + 3
