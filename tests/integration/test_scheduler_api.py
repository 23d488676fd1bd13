"""POST /api/v1/scheduler: a framework outside of the master's process."""
import json

import pytest

from cluster import wait_until
from conftest import shared_cluster
from framework import SMALL, Framework
from protolite import Schema

JSON = {"Content-Type": "application/json"}

cluster = shared_cluster("--resources=cpus:4;mem:4096;disk:1024;ports:[31000-31999]")


@pytest.fixture(name="framework")
def subscribed_framework(cluster):
    framework = Framework(cluster)
    yield framework
    framework.post("TEARDOWN")
    framework.close()


def test_a_task_from_offer_to_end(framework):
    assert [e["type"] for e in framework.events[:2]] == ["SUBSCRIBED", "HEARTBEAT"]
    offer = framework.offer()
    assert {r["name"] for r in offer["resources"]} == {"cpus", "mem", "disk", "ports"}
    task = framework.launch(offer, "exit 3", SMALL)
    status = framework.status(task, "TASK_FAILED")
    assert status["message"] == "Command exited with status 3"
    states = [u["status"]["state"] for u in framework.all("UPDATE")]
    assert states.index("TASK_RUNNING") < states.index("TASK_FAILED")


def test_kill_and_reconcile(framework):
    task = framework.launch(framework.offer(), "exec sleep 1000", SMALL)
    framework.status(task, "TASK_RUNNING")
    framework.call("RECONCILE", tasks=[{"task_id": {"value": task}}])
    wait_until(lambda: any(u["status"].get("reason") == "REASON_RECONCILIATION" for u in framework.all("UPDATE")),
               "the answer")
    framework.call("KILL", task_id={"value": task})
    framework.status(task, "TASK_KILLED")


def test_the_command_line_reaches_its_task(cluster, framework):
    task = framework.launch(framework.offer(), "exec sleep 1000", SMALL)
    framework.status(task, "TASK_RUNNING")
    shown = cluster.tepui("task", "show", task)
    assert framework.info["id"]["value"] in shown and "memory" in shown
    assert f"pid            {cluster.tepui('task', 'pid', task).strip()}\n" in shown
    assert cluster.tepui("task", "exec", task, "--", "echo", "beside") == "beside\n"
    cluster.tepui("task", "pause", task)
    assert "(paused)" in cluster.tepui("task", "show", task)
    cluster.tepui("task", "resume", task)
    framework.call("KILL", task_id={"value": task})
    framework.status(task, "TASK_KILLED")


def test_a_framework_that_comes_back_keeps_its_task_and_fences_its_former_self(cluster, framework):
    task = framework.launch(framework.offer(), "exec sleep 1000", SMALL)
    framework.status(task, "TASK_RUNNING")
    other = Framework(cluster, subscribed=False)
    other.info = dict(framework.info)
    assert other.subscribe()["type"] == "SUBSCRIBED"
    wait_until(lambda: framework.events[-1]["type"] == "CLOSED", "the end of the first stream")
    assert framework.all("ERROR") == [{"message": "Framework failed over"}]
    refused = framework.post("REVIVE")
    assert refused.status == 400 and b"didn't match the stream ID" in refused.body
    other.call("RECONCILE", tasks=[])
    other.status(task, "TASK_RUNNING")
    other.call("KILL", task_id={"value": task})
    other.status(task, "TASK_KILLED")
    framework.stream_id = other.stream_id
    other.close()
    assert framework.subscribe()["type"] == "SUBSCRIBED"


def test_master_that_is_killed_knows_the_framework(cluster, framework):
    task = framework.launch(framework.offer(), "exec sleep 1000", SMALL)
    framework.status(task, "TASK_RUNNING")
    cluster.master.process.kill()
    cluster.master.process.wait()
    wait_until(lambda: framework.events[-1]["type"] == "CLOSED", "the end of the stream")
    cluster.start_master()
    assert framework.subscribe()["type"] == "SUBSCRIBED"
    wait_until(lambda: cluster.active_agents() == 1, "the agent's return")
    framework.call("KILL", task_id={"value": task})
    framework.status(task, "TASK_KILLED")


def test_suppressed_roles_get_no_offers_until_revived(cluster):
    framework = Framework(cluster, subscribed=False)
    framework.subscribe(suppressed_roles=["*"])
    framework.call("REVIVE", roles=["*"])
    framework.offer()
    framework.post("TEARDOWN")
    framework.close()
    assert [e["type"] for e in framework.events if e["type"] != "HEARTBEAT"][:2] == ["SUBSCRIBED", "OFFERS"]


def test_teardown_burns_the_id(cluster):
    framework = Framework(cluster)
    task = framework.launch(framework.offer(), "exec sleep 1000", SMALL)
    framework.status(task, "TASK_RUNNING")
    framework.call("TEARDOWN")
    wait_until(lambda: framework.events[-1]["type"] == "CLOSED", "the end of the stream")
    wait_until(lambda: not cluster.agents[0].containers(), "the end of its task")
    assert framework.subscribe() == {"type": "ERROR", "error": {"message": "Framework has been removed"}}


@pytest.mark.parametrize("info, message", [
    ({"roles": ["a", "a"]}, "'FrameworkInfo.roles' contains duplicate items: { a }"),
    ({"roles": ["a b"]}, "'FrameworkInfo.roles' contains invalid role: 'a b' may have no component that is"
     " empty, '.', '..' or '*', starts with a dash or contains whitespace"),
    ({"failover_timeout": -1.0}, "The framework failover_timeout (-1) is invalid"),
])
def test_who_may_not_subscribe_is_told_on_the_stream(cluster, info, message):
    framework = Framework(cluster, subscribed=False)
    framework.info.update(info)
    assert framework.subscribe() == {"type": "ERROR", "error": {"message": message}}
    wait_until(lambda: framework.events[-1]["type"] == "CLOSED", "the end of the stream")


@pytest.mark.parametrize("body, headers, status, words", [
    ("{}", {}, 400, "'Content-Type' is missing"),
    ("{}", {"Content-Type": "text/plain"}, 415, "text/plain"),
    ("{}", {"Content-Type": "application/json; charset=utf-8"}, 415, "charset"),
    ("{", JSON, 400, ""),
    ("{}", JSON, 400, "Expecting 'type'"),
    ({"type": "SUBSCRIBE"}, JSON, 400, "Expecting 'subscribe'"),
    ({"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "u"}}}, JSON, 400, "name"),
    ({"type": "SUBSCRIBE", "framework_id": {"value": "x"}, "subscribe": {"framework_info": {"user": "u", "name": "n"}}},
     JSON, 400, "differs from"),
    ({"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "u", "name": "n"}}},
     {**JSON, "Mesos-Stream-Id": "x"}, 400, "should not include"),
    ({"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "u", "name": "n"}}},
     {**JSON, "Accept": "text/html"}, 406, "text/html"),
    ({"type": "REVIVE", "framework_id": {"value": "x"}}, {**JSON, "Mesos-Stream-Id": "y"}, 400, "cannot be found"),
])
def test_calls_that_are_wrong(cluster, body, headers, status, words):
    answer = cluster.call("POST", "/api/v1/scheduler", body if isinstance(body, str) else json.dumps(body), headers)
    assert answer.status == status and words in answer.body.decode(), answer.body


def test_protobuf_and_the_longer_path(cluster):
    schema = Schema("mesos.proto", "scheduler.proto")
    call = schema.encode("mesos.v1.scheduler.Call", {"type": "SUBSCRIBE", "subscribe": {
        "framework_info": {"user": "u", "name": "n", "roles": ["a"]}}})
    answer = cluster.call("POST", "/master/api/v1/scheduler", call, {
        "Content-Type": "application/x-protobuf", "Accept": "application/x-protobuf"})
    size, record = answer.body.split(b"\n", 1)
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/x-protobuf"
    event = schema.decode("mesos.v1.scheduler.Event", record)
    assert int(size) == len(record)
    assert event == {"type": "ERROR", "error": {
        "message": "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"}}
