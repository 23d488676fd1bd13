"""Quotas and weights: POST /api/v1 of the master and the older endpoints."""
import json

import pytest

from cluster import Cluster
from framework import Framework
from operator_calls import ask, post

CPUS = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}}


def update(cluster, force=True, **config):
    return post(cluster, {"type": "UPDATE_QUOTA", "update_quota": {"force": force, "quota_configs": [config]}})


@pytest.fixture
def role(cluster):
    """A role whose quota is gone after the test."""
    yield "conforming"
    update(cluster, role="conforming")


def status_of(cluster, role):
    status = ask(cluster, "GET_QUOTA")["status"]
    return [c for c in status.get("configs", []) if c["role"] == role], \
        [i for i in status.get("infos", []) if i["role"] == role]


@pytest.mark.row("3.4")
def test_a_quota_is_told_as_it_was_set_in_both_forms(cluster, role):
    assert update(cluster, role=role, guarantees={"cpus": {"value": 1}}, limits={"cpus": {"value": 2}}).status == 200
    configs, infos = status_of(cluster, role)
    assert configs == [{"role": role, "guarantees": {"cpus": {"value": 1.0}}, "limits": {"cpus": {"value": 2.0}}}]
    assert infos[0]["guarantee"][0]["scalar"] == {"value": 1.0}
    legacy = cluster.call("GET", "/quota")
    assert legacy.status == 200 and [c for c in legacy.json["configs"] if c["role"] == role] == configs


@pytest.mark.row("3.4")
def test_the_default_quota_is_none_at_all(cluster, role):
    assert update(cluster, role=role, limits={"mem": {"value": 5}}).status == 200
    assert update(cluster, role=role).status == 200
    assert status_of(cluster, role) == ([], [])


@pytest.mark.row("3.4")
@pytest.mark.parametrize("config, words", [
    ({"role": "a/b", "limits": {"cpus": {"value": 1}}}, "Updating quota on nested role 'a/b' is not supported yet"),
    ({"role": "a", "limits": {"cpus": {"value": -1}}}, "Negative values not supported"),
    ({"role": "a", "guarantees": {"cpus": {"value": 2}}, "limits": {"cpus": {"value": 1}}}, "is not contained within"),
])
def test_a_wrong_quota_is_400(cluster, config, words):
    answer = update(cluster, **config)
    assert answer.status == 400 and words in answer.body.decode()


@pytest.mark.row("3.4")
def test_guarantees_beyond_the_cluster_need_force(cluster, role):
    config = {"role": role, "guarantees": {"cpus": {"value": 1000000}}}
    answer = update(cluster, force=False, **config)
    assert answer.status == 400 and b"(use 'force' flag to bypass this check)" in answer.body
    assert update(cluster, force=True, **config).status == 200


@pytest.mark.row("3.4")
@pytest.mark.parametrize("call, field, status", [
    ("SET_QUOTA", {"quota_request": {"role": "conforming", "force": True, "guarantee": [CPUS]}}, 200),
    ("SET_QUOTA", {"quota_request": {"role": "conforming", "guarantee": [{**CPUS, "scalar": {"value": 1e6}}]}}, 409),
    ("SET_QUOTA", {"quota_request": {"role": "conforming", "guarantee": []}}, 400),
    ("REMOVE_QUOTA", {"role": "conforming"}, 400),
])
def test_the_older_calls(cluster, role, call, field, status):
    assert post(cluster, {"type": call, call.lower(): field}).status == status


@pytest.mark.row("3.6")
def test_the_older_endpoint_sets_once_and_deletes_once(cluster, role):
    body = json.dumps({"role": role, "force": True, "guarantee": [CPUS]})
    assert cluster.call("POST", "/master/quota", body).status == 200
    again = cluster.call("POST", "/quota", body)
    assert again.status == 400 and b"which already has quota" in again.body
    assert cluster.call("DELETE", f"/master/quota/{role}").status == 200
    assert cluster.call("DELETE", f"/quota/{role}").status == 400


@pytest.mark.row("3.4")
def test_weights_are_told_as_they_were_set(cluster):
    call = {"type": "UPDATE_WEIGHTS", "update_weights": {"weight_infos": [{"role": "w/x", "weight": 2.5}]}}
    assert post(cluster, call).status == 200
    assert {"role": "w/x", "weight": 2.5} in ask(cluster, "GET_WEIGHTS")["weight_infos"]


@pytest.mark.row("3.6")
def test_the_older_endpoint_of_weights(cluster):
    assert cluster.call("PUT", "/weights", json.dumps([{"role": "w/y", "weight": 3}])).status == 200
    assert {"role": "w/y", "weight": 3.0} in cluster.call("GET", "/master/weights").json


@pytest.mark.row("3.6")
@pytest.mark.parametrize("body, words", [
    ("{", "Failed to parse update weights request JSON"),
    ("{}", "Failed to parse update weights request JSON"),
    ('[{"role": "w"}]', "Failed to convert weights JSON array to protobuf"),
    ('[{"role": "w", "weight": 0}]', "Weights must be positive"),
    ('[{"role": "w", "weight": -1}]', "Weights must be positive"),
    ('[{"role": "w//", "weight": 1}]', "Invalid role 'w//'"),
])
def test_wrong_weights_are_400(cluster, body, words):
    answer = cluster.call("PUT", "/weights", body)
    assert answer.status == 400 and words in answer.body.decode()


# ---- roles and weights by flags ----

@pytest.fixture(scope="module")
def listed():
    """A master that knows two roles."""
    made = Cluster("roles")
    try:
        made.start_master("--roles=eng,ops/db", "--weights=eng=2.5,ops/db=0.5")
        yield made
    finally:
        made.close()


@pytest.mark.row("1.4")
def test_a_framework_in_a_role_that_is_not_listed_is_told_so(listed):
    framework = Framework(listed, roles=["eng", "dev"], subscribed=False)
    assert framework.subscribe()["error"]["message"] == "Roles { dev } are not present in the master's --roles"
    framework.close()


@pytest.mark.row("1.4")
@pytest.mark.parametrize("roles", [["*"], ["eng", "ops/db"]])
def test_a_framework_in_listed_roles_is_subscribed(listed, roles):
    framework = Framework(listed, roles=roles)
    assert framework.events[0]["type"] == "SUBSCRIBED"
    framework.call("TEARDOWN")
    framework.close()


@pytest.mark.row("3.4")
def test_a_role_that_is_not_listed_has_neither_quota_nor_weight(listed):
    quota = update(listed, role="dev", limits={"cpus": {"value": 1}})
    assert (quota.status, quota.body) == (400, b"Invalid QuotaConfig: 'dev' is not on the roles whitelist\n")
    weight = post(listed, {"type": "UPDATE_WEIGHTS", "update_weights": {"weight_infos": [{"role": "dev", "weight": 2}]}})
    assert weight.status == 400 and b"Unknown role 'dev'" in weight.body


@pytest.mark.row("3.4")
def test_weights_of_the_flag_hold_at_first(listed):
    assert ask(listed, "GET_WEIGHTS")["weight_infos"] == [{"role": "eng", "weight": 2.5}, {"role": "ops/db", "weight": 0.5}]
