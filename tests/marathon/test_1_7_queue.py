"""The queue: what waits, and why."""
import pytest

from cluster import wait_until
from event_reader import TIMESTAMP

pytestmark = pytest.mark.row("1.7")

FUNNEL = ["UnfulfilledRole", "UnfulfilledConstraint", "NoCorrespondingReservationFound", "AgentMaintenance", "InsufficientCpus",
          "InsufficientMemory", "InsufficientDisk", "InsufficientGpus", "InsufficientPorts", "DeclinedScarceResources"]


def queued(marathon, query=""):
    """The one that waits, when an offer has been looked at for it."""
    def found():
        items = marathon.call("GET", f"/v2/queue{query}").json["queue"]
        return items if items and items[0]["processedOffersSummary"]["processedOffersCount"] > 0 else None
    (item,) = wait_until(found, "the queue")
    return item


@pytest.mark.parametrize("field", ["app", "count", "role", "delay", "since", "processedOffersSummary"])
def test_an_item_has(marathon, locked, field):
    assert field in queued(marathon)


def test_an_empty_queue(marathon):
    assert marathon.call("GET", "/v2/queue").json == {"queue": []}


def test_what_waits_for_resources_is_overdue(marathon, locked):
    item = queued(marathon)
    assert (item["app"]["id"], item["count"], item["role"]) == (locked[0], 1, "*")
    assert item["delay"]["timeLeftSeconds"] == 0 and item["delay"]["overdue"] is True
    assert TIMESTAMP.match(item["since"]) and item["app"]["cpus"] == 1000 and item["app"]["version"]


def test_offers_that_did_not_do_are_shown_to_those_who_ask(marathon, locked):
    assert "lastUnusedOffers" not in queued(marathon)
    unused = queued(marathon, "?embed=lastUnusedOffers")["lastUnusedOffers"]
    assert unused[-1]["reason"] == ["InsufficientCpus"] and TIMESTAMP.match(unused[-1]["timestamp"])
    assert {"id", "hostname", "agentId", "resources", "attributes"} <= set(unused[-1]["offer"])


@pytest.mark.parametrize("key", ["processedOffersCount", "unusedOffersCount", "lastUnusedOfferAt", "rejectSummaryLastOffers",
                                 "rejectSummaryLaunchAttempt"])
def test_a_summary_has(marathon, locked, key):
    assert key in queued(marathon)["processedOffersSummary"]


@pytest.mark.parametrize("key", ["rejectSummaryLastOffers", "rejectSummaryLaunchAttempt"])
def test_the_funnel_is_in_order(marathon, locked, key):
    steps = queued(marathon)["processedOffersSummary"][key]
    assert [step["reason"] for step in steps] == FUNNEL
    assert all(set(step) == {"reason", "declined", "processed"} for step in steps)
    # What was declined at one step does not come to the next.
    assert all(a["processed"] - a["declined"] == b["processed"] for a, b in zip(steps, steps[1:]))


@pytest.mark.parametrize(("fields", "reason"), [
    ({"cpus": 1000}, "InsufficientCpus"), ({"mem": 1000000}, "InsufficientMemory"), ({"disk": 1000000}, "InsufficientDisk"),
    ({"constraints": [["hostname", "CLUSTER", "elsewhere"]]}, "UnfulfilledConstraint"),
    ({"portDefinitions": [{"port": 80}], "requirePorts": True}, "InsufficientPorts"),
])
def test_each_lack_has_its_reason(marathon, app, fields, reason):
    assert marathon.call("POST", "/v2/apps", app(**fields)).status == 201
    steps = queued(marathon)["processedOffersSummary"]["rejectSummaryLaunchAttempt"]
    assert [step["reason"] for step in steps if step["declined"] > 0] == [reason]


def test_what_failed_is_delayed_until_it_is_reset(marathon, app):
    assert marathon.call("POST", "/v2/apps", app(cmd="exit 1", backoffSeconds=600, backoffFactor=1, maxLaunchDelaySeconds=600)).status == 201

    def delay():
        items = marathon.call("GET", "/v2/queue").json["queue"]
        return items[0]["delay"] if items and items[0]["delay"]["timeLeftSeconds"] > 0 else None
    found = wait_until(delay, "the delay")
    assert 500 < found["timeLeftSeconds"] <= 600 and found["overdue"] is False
    first = marathon.app("/web")["lastTaskFailure"]["taskId"]
    answer = marathon.call("DELETE", "/v2/queue/web/delay")
    assert (answer.status, answer.body) == (204, b"")
    wait_until(lambda: marathon.app("/web")["lastTaskFailure"]["taskId"] != first, "the next attempt")


def test_a_delay_is_reset(marathon, locked):
    answer = marathon.call("DELETE", f"/v2/queue{locked[0]}/delay")
    assert (answer.status, answer.body) == (204, b"")


def test_an_idle_app_has_no_delay(marathon, app):
    marathon.deploy(app())
    answer = marathon.call("DELETE", "/v2/queue/web/delay")
    assert (answer.status, answer.json) == (404, {"message": "Application /web not found in tasks queue."})
