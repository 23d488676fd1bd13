"""The maintenance schedule, inverse offers, and machines that are down."""
import json

import pytest

from cluster import wait_until
from framework import SMALL, Framework
from operator_calls import ask, post
from socket_agent import SocketAgent

pytestmark = pytest.mark.row("3.4")

MACHINE = {"hostname": "127.0.0.1", "ip": "127.0.0.1"}
UNAVAILABILITY = {"start": {"nanoseconds": 4102444800000000000}, "duration": {"nanoseconds": 3600 * 10**9}}
ELSEWHERE = {"hostname": "elsewhere"}


def windows(*machines, unavailability=None):
    return {"windows": [{"machine_ids": list(machines), "unavailability": unavailability or UNAVAILABILITY}]}


def plan(fleet, schedule, status=200):
    answer = post(fleet, {"type": "UPDATE_MAINTENANCE_SCHEDULE",
                          "update_maintenance_schedule": {"schedule": schedule}})
    assert answer.status == status, (answer.status, answer.body)
    return answer.body.decode()


def status(fleet):
    return ask(fleet, "GET_MAINTENANCE_STATUS")["status"]


def change(fleet, type_, *machines):
    return post(fleet, {"type": type_, type_.lower(): {"machines": list(machines)}})


@pytest.fixture(autouse=True)
def nothing_is_planned(fleet):
    """Whatever a test plans and takes down is up and off the schedule after it."""
    yield
    down = status(fleet).get("down_machines", [])
    if down:
        assert change(fleet, "STOP_MAINTENANCE", *down).status == 200
    plan(fleet, {})


@pytest.fixture
def guest(fleet, member):
    made = Framework(fleet)
    made.task_id = made.launch(made.offer(), "sleep", SMALL)
    made.status(made.task_id, "TASK_RUNNING")
    yield made
    made.post("TEARDOWN")
    made.close()


# ---- the schedule ----

def test_no_schedule_is_an_empty_one(fleet):
    assert ask(fleet, "GET_MAINTENANCE_SCHEDULE") == {"schedule": {}}
    assert status(fleet) == {}


@pytest.mark.parametrize("schedule", [
    windows(MACHINE), windows(MACHINE, ELSEWHERE), windows({"ip": "10.0.0.1"}),
    windows(MACHINE, unavailability={"start": {"nanoseconds": 0}}),
    {"windows": windows(MACHINE)["windows"] + windows(ELSEWHERE)["windows"]},
])
def test_a_schedule_is_told_as_it_was_given(fleet, schedule):
    plan(fleet, schedule)
    assert ask(fleet, "GET_MAINTENANCE_SCHEDULE") == {"schedule": schedule}
    machines = [m for w in schedule["windows"] for m in w["machine_ids"]]
    assert [m["id"] for m in status(fleet)["draining_machines"]] == machines


@pytest.mark.parametrize("schedule, words", [
    ({"windows": [{"unavailability": UNAVAILABILITY}]}, "List of machines in the maintenance window is empty"),
    (windows({}), "Both 'hostname' and 'ip' for a machine are empty"),
    (windows({"ip": "here"}), "is not an address"),
    (windows(MACHINE, MACHINE), "appears more than once in the schedule"),
    (windows(MACHINE, unavailability={"start": {"nanoseconds": 0}, "duration": {"nanoseconds": -1}}),
     "Unavailability 'duration' is negative"),
    ({"windows": [{"machine_ids": [MACHINE]}]}, "unavailability"),
])
def test_what_is_no_schedule_is_400(fleet, schedule, words):
    assert words in plan(fleet, schedule, 400)
    assert ask(fleet, "GET_MAINTENANCE_SCHEDULE") == {"schedule": {}}


def test_a_machine_that_is_down_stays_on_the_schedule(fleet):
    plan(fleet, windows(ELSEWHERE))
    assert change(fleet, "START_MAINTENANCE", ELSEWHERE).status == 200
    assert "cannot be removed from the schedule" in plan(fleet, {}, 400)


@pytest.mark.parametrize("type_, machines, words", [
    ("START_MAINTENANCE", [], "List of machines is empty"),
    ("STOP_MAINTENANCE", [], "List of machines is empty"),
    ("START_MAINTENANCE", [MACHINE], "is not part of a maintenance schedule"),
    ("STOP_MAINTENANCE", [MACHINE], "is not part of a maintenance schedule"),
    ("STOP_MAINTENANCE", [ELSEWHERE], "is not in DOWN mode and cannot be brought up"),
])
def test_machines_that_cannot_go_there_are_400(fleet, type_, machines, words):
    plan(fleet, windows(ELSEWHERE))
    answer = change(fleet, type_, *machines)
    assert answer.status == 400 and words in answer.body.decode()


def test_up_draining_down_up(fleet):
    plan(fleet, windows(ELSEWHERE))
    assert status(fleet) == {"draining_machines": [{"id": ELSEWHERE}]}
    assert change(fleet, "START_MAINTENANCE", ELSEWHERE).status == 200
    assert status(fleet) == {"down_machines": [ELSEWHERE]}
    assert change(fleet, "START_MAINTENANCE", ELSEWHERE).status == 400
    assert change(fleet, "STOP_MAINTENANCE", ELSEWHERE).status == 200
    assert status(fleet) == {} and ask(fleet, "GET_MAINTENANCE_SCHEDULE") == {"schedule": {}}


# ---- the older paths ----

@pytest.mark.row("3.6")
@pytest.mark.parametrize("prefix", ["", "/master"])
def test_the_older_paths_do_the_same(fleet, prefix):
    schedule = windows(ELSEWHERE)
    assert fleet.call("POST", f"{prefix}/maintenance/schedule", schedule).status == 200
    assert fleet.call("GET", f"{prefix}/maintenance/schedule").json == schedule
    assert fleet.call("GET", f"{prefix}/maintenance/status").json == {"draining_machines": [{"id": ELSEWHERE}]}
    assert fleet.call("POST", f"{prefix}/machine/down", [ELSEWHERE]).status == 200
    assert fleet.call("GET", f"{prefix}/maintenance/status").json == {"down_machines": [ELSEWHERE]}
    assert fleet.call("POST", f"{prefix}/machine/up", [ELSEWHERE]).status == 200
    assert fleet.call("GET", f"{prefix}/maintenance/schedule").json == {}


@pytest.mark.row("3.6")
@pytest.mark.parametrize("path, body", [
    ("/maintenance/schedule", "{"), ("/maintenance/schedule", []), ("/machine/down", {}), ("/machine/up", "["),
    ("/machine/down", [{}]), ("/machine/down", [7]),
])
def test_what_they_cannot_read_is_400(fleet, path, body):
    assert fleet.call("POST", path, body if isinstance(body, str) else json.dumps(body)).status == 400


@pytest.mark.row("3.6")
@pytest.mark.parametrize("method, path", [("GET", "/machine/down"), ("GET", "/machine/up"), ("POST", "/maintenance/status"),
                                          ("DELETE", "/maintenance/schedule")])
def test_another_method_is_405(fleet, method, path):
    assert fleet.call(method, path).status == 405


# ---- what frameworks see ----

@pytest.mark.row("1.7")
def test_offers_of_a_scheduled_machine_tell_its_unavailability(fleet, guest):
    before = guest.offer()
    assert "unavailability" not in before
    plan(fleet, windows(MACHINE))
    wait_until(lambda: before["id"] in [r["offer_id"] for r in guest.all("RESCIND")], "the old offer's end")
    assert guest.offer()["unavailability"] == UNAVAILABILITY


@pytest.mark.row("1.6")
def test_who_runs_there_gets_an_inverse_offer(fleet, guest, member):
    plan(fleet, windows(MACHINE))
    (offer,) = wait_until(lambda: guest.all("INVERSE_OFFERS"), "to be asked")[0]["inverse_offers"]
    assert set(offer) == {"id", "framework_id", "agent_id", "unavailability"}
    assert (offer["framework_id"], offer["agent_id"]["value"]) == (guest.info["id"], member.id)
    assert offer["unavailability"] == UNAVAILABILITY


@pytest.mark.row("1.6")
def test_the_end_of_the_plan_rescinds_it(fleet, guest):
    plan(fleet, windows(MACHINE))
    (offer,) = wait_until(lambda: guest.all("INVERSE_OFFERS"), "to be asked")[0]["inverse_offers"]
    plan(fleet, {})
    assert wait_until(lambda: guest.all("RESCIND_INVERSE_OFFER"), "its end") == [{"inverse_offer_id": offer["id"]}]


@pytest.mark.row("1.5")
@pytest.mark.parametrize("verb", ["ACCEPT", "DECLINE"])
def test_answers_are_told_with_the_machine(fleet, guest, verb):
    plan(fleet, windows(MACHINE))
    (offer,) = wait_until(lambda: guest.all("INVERSE_OFFERS"), "to be asked")[0]["inverse_offers"]
    guest.call(f"{verb}_INVERSE_OFFERS", inverse_offer_ids=[offer["id"]], filters={"refuse_seconds": 3600})
    (told,) = wait_until(lambda: status(fleet)["draining_machines"][0].get("statuses"), "the answer is told")
    assert (told["status"], told["framework_id"]) == (verb, guest.info["id"]) and told["timestamp"]["nanoseconds"] > 0


@pytest.mark.row("1.5")
@pytest.mark.parametrize("verb", ["ACCEPT", "DECLINE"])
def test_an_answer_to_what_never_was_is_202(guest, verb):
    guest.call(f"{verb}_INVERSE_OFFERS", inverse_offer_ids=[{"value": "nosuch"}])


@pytest.mark.row("1.5")
@pytest.mark.parametrize("verb", ["ACCEPT", "DECLINE"])
def test_an_answer_without_its_body_is_400(guest, verb):
    assert guest.post(f"{verb}_INVERSE_OFFERS").status == 400


def test_maintenance_that_is_planned_kills_nothing(fleet, guest, member):
    plan(fleet, windows(MACHINE))
    wait_until(lambda: guest.all("INVERSE_OFFERS"), "to be asked")
    assert not [e for e in member.events if e["type"] in ("KILL_TASK", "DRAIN", "SHUTDOWN")]


def test_a_machine_that_goes_down_takes_its_agents_and_tasks_along(fleet, guest, member):
    plan(fleet, windows(MACHINE))
    assert change(fleet, "START_MAINTENANCE", MACHINE).status == 200
    member.wait("SHUTDOWN")
    told = guest.status(guest.task_id, "TASK_GONE_BY_OPERATOR")
    assert told["reason"] == "REASON_AGENT_REMOVED_BY_OPERATOR"
    member.come_back()
    member.wait("SHUTDOWN")
    SocketAgent(fleet, port=6001).subscribe(status=503).close()
