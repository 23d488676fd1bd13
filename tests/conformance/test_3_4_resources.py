"""Reservations and volumes by operators: POST /api/v1 of the master."""
import pytest

from framework import scalar
from operator_calls import post

ROLE = "conforming"
DYNAMIC = [{"type": "DYNAMIC", "role": ROLE}]
pytestmark = pytest.mark.row("3.4")


def call(cluster, agent, type_, field="resources", **body):
    name = type_.lower()
    return post(cluster, {"type": type_, name: {"agent_id": {"value": agent.id}, **body}}).status


def reserved(size=1.0, **more):
    return scalar("cpus", size, reservations=DYNAMIC, **more)


def of_role(cluster, agent):
    slaves = cluster.call("GET", "/slaves").json["slaves"]
    return next(s for s in slaves if s["id"] == agent.id)["reserved_resources"].get(ROLE, {}).get("cpus", 0)


def test_reserved_and_unreserved_with_202(cluster, agent):
    assert call(cluster, agent, "RESERVE_RESOURCES", resources=[reserved()]) == 202
    assert of_role(cluster, agent) == 1
    assert call(cluster, agent, "UNRESERVE_RESOURCES", resources=[reserved()]) == 202
    assert of_role(cluster, agent) == 0


def test_more_than_there_is_is_409(cluster, agent):
    assert call(cluster, agent, "RESERVE_RESOURCES", resources=[reserved(1000000.0)]) == 409


def test_what_was_never_reserved_is_409(cluster, agent):
    assert call(cluster, agent, "UNRESERVE_RESOURCES", resources=[reserved()]) == 409


@pytest.mark.parametrize("resource", [
    scalar("cpus", 1.0), scalar("cpus", 1.0, reservations=[{"type": "STATIC", "role": ROLE}]),
    scalar("cpus", 1.0, reservations=[{"type": "DYNAMIC", "role": "*"}]),
    reserved(role=ROLE), reserved(allocation_info={"role": ROLE}),
])
def test_what_cannot_be_reserved_is_400(cluster, agent, resource):
    assert call(cluster, agent, "RESERVE_RESOURCES", resources=[resource]) == 400


def test_a_volume_that_is_not_there_is_400(cluster, agent):
    volume = scalar("disk", 1.0, reservations=DYNAMIC,
                    disk={"persistence": {"id": "x"}, "volume": {"container_path": "x", "mode": "RW"}})
    assert call(cluster, agent, "DESTROY_VOLUMES", volumes=[volume]) == 400


@pytest.mark.parametrize("type_, field", [("RESERVE_RESOURCES", "resources"), ("UNRESERVE_RESOURCES", "resources"),
                                          ("CREATE_VOLUMES", "volumes"), ("DESTROY_VOLUMES", "volumes")])
def test_an_unknown_agent_is_404(cluster, type_, field):
    body = {"type": type_, type_.lower(): {"agent_id": {"value": "nobody"}, field: [reserved()]}}
    assert post(cluster, body).status == 404


@pytest.mark.parametrize("type_", ["RESERVE_RESOURCES", "UNRESERVE_RESOURCES", "CREATE_VOLUMES", "DESTROY_VOLUMES"])
def test_without_a_body_is_400(cluster, type_):
    assert post(cluster, {"type": type_}).status == 400


@pytest.mark.parametrize("type_, body", [("GROW_VOLUME", {"addition": scalar("disk", 1.0)}),
                                         ("SHRINK_VOLUME", {"subtract": {"value": 1.0}})])
def test_volumes_do_not_change_their_size(cluster, type_, body):
    answer = post(cluster, {"type": type_, type_.lower(): {"volume": scalar("disk", 1.0), **body}})
    assert answer.status == 501 and b"do not change their size" in answer.body
