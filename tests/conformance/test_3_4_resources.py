"""Reservations and volumes by operators: POST /api/v1 of the master."""
import json
import urllib.parse

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


# ---- the older paths: forms ----

PATHS = ["/reserve", "/unreserve", "/create-volumes", "/destroy-volumes"]


def form(cluster, path, **fields):
    body = urllib.parse.urlencode({k: v if isinstance(v, str) else json.dumps(v) for k, v in fields.items()})
    return cluster.call("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})


@pytest.mark.row("3.6")
@pytest.mark.parametrize("prefix", ["", "/master"])
def test_a_form_reserves_and_creates_and_undoes_it_with_202(node, prefix):
    agent_id = node.call("GET", "/slaves").json["slaves"][0]["id"]
    disk = scalar("disk", 8.0, reservations=DYNAMIC)
    volume = {**disk, "disk": {"persistence": {"id": "formed"}, "volume": {"container_path": "x", "mode": "RW"}}}
    for path, field, resource in [("/reserve", "resources", disk), ("/create-volumes", "volumes", volume),
                                  ("/destroy-volumes", "volumes", volume), ("/unreserve", "resources", disk)]:
        answer = form(node, prefix + path, slaveId=agent_id, **{field: [resource]})
        assert (answer.status, answer.body) == (202, b""), path


@pytest.mark.row("3.6")
@pytest.mark.parametrize("content_type", [None, "application/json"])
def test_a_form_is_read_as_curl_writes_it(cluster, agent, content_type):
    for path in PATHS[:2]:
        body = f"slaveId={agent.id}&resources=" + json.dumps([reserved(role=None)], indent=2)
        assert cluster.call("POST", path, body, {"Content-Type": content_type} if content_type else {}).status == 202


@pytest.mark.row("3.6")
def test_a_form_has_the_older_form_of_reservations(cluster, agent):
    resource = scalar("cpus", 1.0, role=ROLE, reservation={})
    assert form(cluster, "/reserve", slaveId=agent.id, resources=[resource]).status == 202
    assert of_role(cluster, agent) == 1
    assert form(cluster, "/unreserve", slaveId=agent.id, resources=[resource]).status == 202


@pytest.mark.row("3.6")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("fields, told", [
    ({}, "Missing 'slaveId' query parameter in the request body"),
    ({"slaveId": "nobody"}, "Missing '{list}' query parameter in the request body"),
    ({"slaveId": "nobody", "{list}": "["}, "Error in parsing '{list}' query parameter in the request body"),
    ({"slaveId": "nobody", "{list}": {}}, "Error in parsing '{list}' query parameter in the request body"),
    ({"slaveId": "nobody", "{list}": [{"name": 1}]}, "{list}[0].name': not a string"),
    ({"slaveId": "nobody", "{list}": [reserved()]}, "No agent found with specified ID"),
])
def test_a_form_that_says_too_little_is_400(cluster, path, fields, told):
    name = "volumes" if path.endswith("volumes") else "resources"
    answer = form(cluster, path, **{key.format(list=name): value for key, value in fields.items()})
    assert answer.status == 400 and told.format(list=name) in answer.body.decode()


@pytest.mark.row("3.6")
def test_a_form_that_wants_too_much_is_409(cluster, agent):
    assert form(cluster, "/reserve", slaveId=agent.id, resources=[reserved(1000000.0)]).status == 409


@pytest.mark.row("3.6")
@pytest.mark.parametrize("path", PATHS)
def test_a_malformed_form_is_400_and_a_get_405(cluster, path):
    answer = cluster.call("POST", path, "slaveId=%zz")
    assert answer.status == 400 and b"Unable to decode query string" in answer.body
    assert cluster.call("GET", path).status == 405
