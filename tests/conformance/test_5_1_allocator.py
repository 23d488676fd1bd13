"""What is offered to whom: the rules that a framework or an operator can see."""
import pytest

from cluster import wait_until
from operator_calls import ask

pytestmark = pytest.mark.row("5.1")


def quantity(offer, name):
    return sum(r["scalar"]["value"] for r in offer["resources"] if r["name"] == name)


def cpus(offer):
    return quantity(offer, "cpus")


def slave(cluster, agent):
    return next(s for s in cluster.call("GET", "/slaves").json["slaves"] if s["id"] == agent.id)


def flag(cluster, name):
    return cluster.call("GET", "/flags").json["flags"][name]


@pytest.mark.parametrize("name, default", [
    ("allocation_interval", "1secs"), ("offer_timeout", "30secs"), ("min_allocatable_resources", "cpus:0.01|mem:32"),
    ("filter_gpu_resources", "true"),
])
def test_defaults(cluster, name, default):
    assert str(flag(cluster, name)).lower() == default


def test_all_that_is_free_on_an_agent_comes_in_one_offer(cluster, agent, framework):
    offer, known = framework.offer(), slave(cluster, agent)
    assert cpus(offer) == pytest.approx(known["resources"]["cpus"] - known["used_resources"]["cpus"])


def test_what_is_offered_to_one_is_not_offered_to_another(agent, subscribe):
    first = subscribe()
    offer = first.offer()
    second = subscribe()
    first.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 3600})
    assert cpus(second.offer()) == cpus(offer)
    assert len(first.all("OFFERS")) == 1


def test_a_refusal_of_no_seconds_lasts_until_the_next_interval(agent, framework):
    offer = framework.offer()
    framework.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 0})
    assert framework.offer()["id"] != offer["id"]


def test_revive_ends_refusals(agent, framework):
    offer = framework.offer()
    framework.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 3600})
    framework.call("REVIVE")
    assert framework.offer()["id"] != offer["id"]


def test_suppress_is_for_the_roles_that_it_names(agent, subscribe):
    framework = subscribe(roles=["loud", "quiet"])
    framework.call("SUPPRESS", roles=["quiet"])
    for _ in range(2):
        offer = framework.offer(lambda o: o["allocation_info"]["role"] == "loud")
        framework.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 0})


def test_a_framework_that_is_suppressed_leaves_its_part_to_others(agent, subscribe):
    quiet = subscribe(roles=["a"])
    quiet.call("SUPPRESS")
    offer = quiet.offer()
    quiet.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 0})
    loud = subscribe(roles=["b"])
    loud.offer()
    assert len(quiet.all("OFFERS")) == 1


def test_offers_have_what_a_role_says_that_they_must(agent, subscribe):
    least = {"min_allocatable_resources": {"quantities": [{"quantities": {"cpus": {"value": 1000000}}}]}}
    picky = subscribe(roles=["a"], offer_filters={"a": least})
    other = subscribe(roles=["b"])
    other.offer()
    assert not picky.all("OFFERS")


def test_an_offer_is_cut_to_what_the_quota_leaves(cluster, agent, subscribe):
    def limit(**limits):
        assert ask(cluster, "UPDATE_QUOTA", update_quota={"force": True, "quota_configs": [
            {"role": "limited", "limits": limits}]}) is None
    limit(cpus={"value": 1.5})
    try:
        assert cpus(subscribe(roles=["limited/below"]).offer()) == 1.5
    finally:
        limit()


def test_what_is_guaranteed_to_others_is_held_back(cluster, agent, subscribe):
    def guarantee(**guarantees):
        assert ask(cluster, "UPDATE_QUOTA", update_quota={"force": True, "quota_configs": [
            {"role": "guaranteed", "guarantees": guarantees}]}) is None
    first = subscribe()
    all_cpus = cpus(first.offer())
    guarantee(cpus={"value": 1})
    try:
        # The first offer was taken back for it.
        wait_until(lambda: first.all("RESCIND"), "the rescinded offer")
        assert cpus(first.offer()) == all_cpus - 1
    finally:
        guarantee()


def test_shares_are_metrics_by_role(cluster, agent, subscribe):
    framework = subscribe(roles=["measured"])
    offer = framework.offer()
    snapshot = cluster.call("GET", "/metrics/snapshot").json
    total = slave(cluster, agent)["resources"]
    shares = [quantity(offer, name) / total[name] for name in ("cpus", "mem", "disk") if total[name]]
    assert snapshot["allocator/mesos/roles/measured/shares/dominant"] == pytest.approx(max(shares))
    assert snapshot["allocator/mesos/resources/cpus/offered_or_allocated"] >= cpus(offer)
    framework.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 3600})
    wait_until(lambda: cluster.call("GET", "/metrics/snapshot").json[
        "allocator/mesos/offer_filters/roles/measured/active"] == 1, "the filter")
