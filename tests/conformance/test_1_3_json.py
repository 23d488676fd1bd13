"""The JSON mapping: what is written, and what is read."""
import http.client
import json

import pytest

from cluster import SLOW
from framework import SMALL, scalar
from protolite import Schema

pytestmark = pytest.mark.row("1.3")

INFO = {"user": "nobody", "name": "rows"}
SCHEMA = Schema("mesos.proto", "scheduler.proto")


def first_record(cluster, info):
    """The text of SUBSCRIBED, or ERROR."""
    connection = http.client.HTTPConnection("127.0.0.1", cluster.master_port, timeout=20 * SLOW)
    connection.request("POST", "/api/v1/scheduler", json.dumps(
        {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    size = int(answer.readline())
    text = answer.read(size).decode()
    connection.close()
    return text


def accepts(cluster, framework, type_, **body):
    return cluster.call("POST", "/api/v1/scheduler", {"type": type_, "framework_id": framework.info["id"], **body},
                        {"Content-Type": "application/json", "Mesos-Stream-Id": framework.stream_id}).status


# ---- written ----

def test_names_are_those_of_the_schema(cluster):
    event = json.loads(first_record(cluster, INFO))
    assert set(event["subscribed"]) == {"framework_id", "heartbeat_interval_seconds", "master_info"}
    assert {"id", "ip", "port", "hostname", "version", "address"} <= set(event["subscribed"]["master_info"])


def test_enums_are_strings(cluster):
    assert first_record(cluster, INFO).startswith('{"type":"SUBSCRIBED",')


def test_doubles_have_a_fraction(cluster):
    assert '"heartbeat_interval_seconds":15.0' in first_record(cluster, INFO)


def test_integers_of_64_bits_are_numbers(agent, framework):
    offer = framework.offer()
    ranges = next(r for r in offer["resources"] if r["name"] == "ports")["ranges"]["range"]
    assert ranges == [{"begin": 31000, "end": 31099}]
    assert offer["agent_id"]["value"] == agent.id


def test_bytes_are_padded_base64(agent, framework):
    task = framework.launch(framework.offer(), "sleep", SMALL)
    uuid = framework.status(task, "TASK_RUNNING")["uuid"]
    assert len(uuid) == 24 and uuid.endswith("==") and agent.run_of(task)


def test_empty_lists_are_left_out(agent, framework):
    offer = framework.offer()
    assert agent.id and "executor_ids" not in offer and "attributes" not in offer


@pytest.mark.parametrize("of, name, value", [
    ("framework", "checkpoint", False), ("framework", "failover_timeout", 0.0), ("command", "shell", True),
    ("uri", "extract", True),
])
def test_a_default_of_the_schema_is_written(agent, subscribe, of, name, value):
    framework = subscribe(failover_timeout=None, checkpoint=None)
    task = framework.launch(framework.offer(), {"value": "sleep", "uris": [{"value": "http://localhost/x"}]}, SMALL)
    run = agent.run_of(task)
    written = {"framework": run["framework"], "command": run["task"]["command"],
               "uri": run["task"]["command"]["uris"][0]}[of]
    assert written[name] == value and isinstance(written[name], type(value))


def test_maps_are_objects(agent, framework):
    limits = {"cpus": {"value": 1.0}, "mem": {"value": 64.0}}
    task = framework.launch(framework.offer(), "sleep", SMALL, limits=limits)
    assert agent.run_of(task)["task"]["limits"] == limits


# ---- read ----

@pytest.mark.parametrize("more", [
    pytest.param({"nonsense": {"a": [1, None]}}, id="an unknown field is ignored"),
    pytest.param({"hostname": None, "roles": None, "labels": None}, id="null is unset"),
    pytest.param({"failover_timeout": "12.5"}, id="a number in a string"),
    pytest.param({"failover_timeout": 3600}, id="an integer for a double"),
    pytest.param({"failover_timeout": 3.6e+06}, id="an exponent"),
    pytest.param({"checkpoint": "true"}, id="a boolean in a string"),
    pytest.param({"capabilities": {"type": "PARTITION_AWARE"}}, id="one object for a list"),
    pytest.param({"capabilities": [{"type": "NO_SUCH_CAPABILITY"}]}, id="an unknown enum in an optional field"),
])
def test_reading_is_lenient(cluster, more):
    assert json.loads(first_record(cluster, {**INFO, **more}))["type"] == "SUBSCRIBED"


def test_what_is_read_leniently_is_understood(agent, subscribe):
    framework = subscribe(failover_timeout="12.5", checkpoint="true", hostname=None, nonsense=1)
    info = agent.run_of(framework.launch(framework.offer(), "sleep", SMALL))["framework"]
    assert (info["failover_timeout"], info["checkpoint"]) == (12.5, True)
    assert "hostname" not in info and "nonsense" not in info


@pytest.mark.parametrize("limit", ["Infinity", 1e300])
def test_infinity_is_a_string(agent, framework, limit):
    task = framework.launch(framework.offer(), "sleep", SMALL, limits={"mem": {"value": limit}})
    assert agent.run_of(task)["task"]["limits"]["mem"]["value"] == limit


@pytest.mark.parametrize("info", [{"user": "u"}, {"name": "n"}, {"user": None, "name": "n"}])
def test_a_required_field_that_is_missing_is_400(cluster, info):
    answer = cluster.call("POST", "/api/v1/scheduler", {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}},
                          {"Content-Type": "application/json"})
    assert answer.status == 400


def test_an_unknown_enum_in_a_required_field_is_400(cluster, framework):
    assert accepts(cluster, framework, "ACCEPT", accept={"offer_ids": [{"value": "x"}], "operations": [
        {"type": "LAUNCH", "launch": {"task_infos": [
            {"name": "t", "task_id": {"value": "t"}, "agent_id": {"value": "a"},
             "resources": [{"name": "cpus", "type": "NO_SUCH_TYPE", "scalar": {"value": 1}}]}]}}]}) == 400


@pytest.mark.parametrize("uuid, status", [
    ("QUFBQUFBQUFBQUFBQUFBQQ==", 202), ("QUFBQQ==", 400), ("", 400), ("not base64", 400), (None, 400),
])
def test_the_uuid_of_acknowledge_has_16_bytes(cluster, framework, uuid, status):
    assert accepts(cluster, framework, "ACKNOWLEDGE", acknowledge={
        "agent_id": {"value": "a"}, "task_id": {"value": "t"}, "uuid": uuid}) == status


def test_protobuf_and_json_say_the_same(cluster):
    call = SCHEMA.encode("mesos.v1.scheduler.Call", {"type": "SUBSCRIBE", "subscribe": {"framework_info": INFO}})
    connection = http.client.HTTPConnection("127.0.0.1", cluster.master_port, timeout=20 * SLOW)
    connection.request("POST", "/api/v1/scheduler", call, {
        "Content-Type": "application/x-protobuf", "Accept": "application/x-protobuf"})
    answer = connection.getresponse()
    event = SCHEMA.decode("mesos.v1.scheduler.Event", answer.read(int(answer.readline())))
    connection.close()
    other = json.loads(first_record(cluster, INFO))
    assert event["type"] == other["type"]
    assert event["subscribed"]["master_info"]["id"] == other["subscribed"]["master_info"]["id"]
    assert event["subscribed"]["heartbeat_interval_seconds"] == other["subscribed"]["heartbeat_interval_seconds"]


def test_resources_are_rounded_to_thousandths(agent, framework):
    task = framework.launch(framework.offer(), "sleep", [scalar("cpus", 0.1004), scalar("mem", 32)])
    framework.status(task, "TASK_RUNNING")
    cpus = next(r for r in agent.run_of(task)["task"]["resources"] if r["name"] == "cpus")
    assert round(cpus["scalar"]["value"], 3) == 0.1
