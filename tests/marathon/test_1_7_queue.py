"""The queue: what waits, and why."""
import pytest

from cluster import wait_until

pytestmark = pytest.mark.row("1.7")


def test_what_waits_for_resources_is_overdue(marathon, locked):
    (queued,) = marathon.call("GET", "/v2/queue?embed=lastUnusedOffers").json["queue"]
    assert (queued["app"]["id"], queued["count"], queued["delay"]) == (
        locked[0], 1, {"timeLeftSeconds": 0, "overdue": True})


def test_a_delay_is_reset(marathon, locked):
    answer = marathon.call("DELETE", f"/v2/queue{locked[0]}/delay")
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.row("8")
def test_each_node_says_what_it_lacks(marathon, locked):
    (node,) = wait_until(lambda: marathon.call("GET", "/v2/queue?embed=nodes").json["queue"][0]["nodes"], "an offer")
    assert node["reason"] == "InsufficientCpus"
    assert node["missing"].startswith("1000 cpus are needed, ")
    assert "nodes" not in marathon.call("GET", "/v2/queue").json["queue"][0]
