"""The executor API: calls, events, environment, lifetime."""
import base64
import contextlib
import itertools
import json

import pytest

from cluster import wait_until
from executors import IDLE, Speaker, custom, environment, executor, failure, group, launch
from framework import Framework

pytestmark = pytest.mark.row("2.1")

JSON, PROTOBUF = "application/json", "application/x-protobuf"
PATH = "/api/v1/executor"
names = itertools.count()


def idle(name):
    return executor(name, source="", program=IDLE)


class Scene:
    """One executor that only idles, with one task; the test speaks for it in JSON."""

    def __init__(self, node, framework):
        self.node, self.agent, self.framework = node, node.agents[0], framework
        self.name = f"x{next(names)}"
        self.task_id, = launch(framework, idle(self.name), "true")
        # What is left of the node is for the other rows.
        framework.stand_aside()
        self.pid, self.env = environment(self.agent, self.name)
        self.speaker = Speaker(self.agent, self.env, form=JSON)

    def running(self, **more):
        return {**self.speaker.status(self.task_id, "TASK_RUNNING"), **more}

    def subscribed(self):
        self.speaker.subscribe()
        assert self.speaker.event()["type"] == "LAUNCH"
        return self.speaker


@contextlib.contextmanager
def scene_of(node):
    framework = Framework(node)
    try:
        yield Scene(node, framework)
    finally:
        framework.post("TEARDOWN")
        framework.close()


@pytest.fixture(scope="module")
def told(node):
    """Subscribed, and it has its task: for rows that change nothing."""
    with scene_of(node) as made:
        made.subscribed()
        yield made


@pytest.fixture
def scene(node):
    """Not subscribed yet."""
    with scene_of(node) as made:
        yield made


# ---- 2.1: replies ----

@pytest.mark.parametrize("path", [PATH, "/slave(1)" + PATH])
@pytest.mark.parametrize("call", [{"type": "MESSAGE", "message": {"data": "aGk="}}, {"type": "HEARTBEAT"}])
def test_message_and_heartbeat_are_202(told, call, path):
    assert told.speaker.call(call, path=path) == 202


def test_update_is_202(told):
    assert told.speaker.update(told.running()) == 202


@pytest.mark.parametrize("accept, form", [(None, JSON), ("*/*", JSON), (PROTOBUF, PROTOBUF), (f"{PROTOBUF},{JSON}", JSON)])
def test_subscribe_is_200_in_the_form_that_is_accepted(scene, accept, form):
    scene.speaker.headers["Accept"] = accept
    status, made, _ = scene.speaker.send({"type": "SUBSCRIBE", "subscribe": {}})
    made.close()
    assert status == 200 and scene.speaker.answer["content-type"] == form
    assert scene.speaker.answer["transfer-encoding"] == "chunked"
    assert "mesos-stream-id" not in scene.speaker.answer


def test_an_accept_that_admits_neither_form_is_406(told):
    speaker = Speaker(told.agent, told.env, form=JSON, Accept="text/html")
    assert speaker.call({"type": "SUBSCRIBE", "subscribe": {}}) == 406


@pytest.mark.parametrize("type_", ["text/plain", JSON + "; charset=utf-8"])
def test_another_content_type_is_415(told, type_):
    speaker = Speaker(told.agent, told.env, form=JSON, **{"Content-Type": type_})
    assert speaker.call({"type": "HEARTBEAT"}) == 415


def test_no_content_type_is_400(told):
    speaker = Speaker(told.agent, told.env, form=JSON, **{"Content-Type": None})
    assert speaker.call({"type": "HEARTBEAT"}) == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method_is_405(told, method):
    assert told.speaker.call(b"", method=method) == 405
    assert told.speaker.answer["allow"] == "POST"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe"])
def test_what_is_no_call_is_400(told, body):
    assert told.speaker.call(body) == 400


@pytest.mark.parametrize("field", ["framework_id", "executor_id"])
@pytest.mark.parametrize("type_", ["SUBSCRIBE", "UPDATE", "MESSAGE", "HEARTBEAT"])
def test_both_ids_are_required(told, field, type_):
    assert told.speaker.call({"type": type_, field: None}) == 400


@pytest.mark.parametrize("type_", ["SUBSCRIBE", "UPDATE", "MESSAGE"])
def test_the_body_of_a_call_is_required(told, type_):
    assert told.speaker.call({"type": type_}) == 400
    assert "Expecting" in told.speaker.body


def test_a_call_without_type_is_400(told):
    assert told.speaker.call({}) == 400


def test_a_call_of_unknown_type_is_501(told):
    assert told.speaker.call({"type": "UNKNOWN"}) == 501


@pytest.mark.parametrize("field", ["framework_id", "executor_id"])
def test_an_unknown_executor_is_400(told, field):
    assert told.speaker.call({"type": "HEARTBEAT", field: {"value": "nobody"}}) == 400
    assert "cannot be found" in told.speaker.body


@pytest.mark.parametrize("call", [
    {"type": "HEARTBEAT"}, {"type": "MESSAGE", "message": {"data": ""}},
    {"type": "UPDATE", "update": {"status": {"task_id": {"value": "t"}, "state": "TASK_RUNNING"}}}])
def test_before_subscribe_all_is_403(scene, call):
    assert scene.speaker.call(call) == 403
    assert scene.speaker.body.strip() == "Executor is not subscribed"


@pytest.mark.parametrize("token", [None, "Bearer", "Bearer x.y.z", "Basic eDp5"])
def test_who_shows_no_token_is_401(told, token):
    speaker = Speaker(told.agent, told.env, form=JSON, Authorization=token)
    assert speaker.call({"type": "HEARTBEAT"}) == 401
    assert speaker.answer["www-authenticate"] == 'Bearer realm="mesos-agent-executor"'


def test_the_token_of_another_executor_is_403(told, scene):
    speaker = Speaker(told.agent, {**told.env, "MESOS_EXECUTOR_AUTHENTICATION_TOKEN":
                                   scene.env["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"]}, form=JSON)
    assert speaker.call({"type": "HEARTBEAT"}) == 403


@pytest.mark.parametrize("claim", ["fid", "eid", "cid"])
def test_the_token_claims(told, claim):
    payload = told.env["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"].split(".")[1]
    value = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))[claim]
    assert value == {"fid": told.env["MESOS_FRAMEWORK_ID"], "eid": told.name,
                     "cid": told.env["MESOS_DIRECTORY"].rsplit("/", 1)[1]}[claim]


# ---- 2.1: rules of UPDATE ----

@pytest.mark.parametrize("wrong", [
    {"uuid": None}, {"uuid": ""}, {"uuid": "AAAA"}, {"uuid": "QUFBQUFBQUFBQUFBQUFBQUFB"}, {"source": None},
    {"source": "SOURCE_AGENT"}, {"source": "SOURCE_MASTER"}, {"executor_id": {"value": "other"}},
    {"state": "TASK_STAGING"}, {"state": None}, {"task_id": None}, {"task_id": {"value": "other"}}],
    ids=lambda wrong: json.dumps(wrong))
def test_an_update_that_is_wrong_is_400(told, wrong):
    assert told.speaker.update(told.running(**wrong)) == 400


def test_an_update_may_name_its_executor(told):
    assert told.speaker.update(told.running(executor_id={"value": told.name})) == 202


@pytest.mark.row("10")
@pytest.mark.parametrize("field", ["agent_id", "timestamp", "executor_id", "container_status"])
def test_what_an_update_lacks_is_filled_in(told, field):
    told.speaker.update(told.running())
    assert told.framework.status(told.task_id, "TASK_RUNNING")[field]


@pytest.mark.parametrize("field, value", [("message", "on its way"), ("healthy", False), ("data", "aGk="),
                                          ("timestamp", 12.5), ("labels", {"labels": [{"key": "k", "value": "v"}]})])
def test_what_an_update_has_is_passed_on(told, field, value):
    told.speaker.update(told.running(**{field: value}))
    wait_until(lambda: told.framework.status(told.task_id).get(field) == value, f"the {field}")


# ---- 2.2: events ----

@pytest.mark.row("2.2")
@pytest.mark.parametrize("field", ["executor_info", "framework_info", "agent_info", "container_id"])
def test_subscribed_comes_first_and_has(scene, field):
    event = scene.speaker.subscribe()
    assert list(event) == ["type", "subscribed"] and event["type"] == "SUBSCRIBED"
    assert event["subscribed"][field]


@pytest.mark.row("10")
def test_ids_in_subscribed_are_objects_of_a_value(scene):
    body = scene.speaker.subscribe()["subscribed"]
    assert body["executor_info"]["executor_id"] == {"value": scene.name}
    assert body["framework_info"]["id"] == body["executor_info"]["framework_id"] == scene.framework.info["id"]
    assert list(body["agent_info"]["id"]) == list(body["container_id"]) == ["value"]


@pytest.mark.row("2.2")
def test_launch(scene):
    scene.speaker.subscribe()
    event = scene.speaker.event()
    assert list(event) == ["type", "launch"] and event["type"] == "LAUNCH"
    assert event["launch"]["task"]["task_id"] == {"value": scene.task_id}
    assert event["launch"]["task"]["executor"]["executor_id"] == {"value": scene.name}


@pytest.mark.row("2.2")
def test_launch_group(node, join):
    framework = join(node)
    offer, name = framework.offer(), f"x{next(names)}"
    operation, ids = group(offer, custom(name), 2)
    framework.accept(offer, operation)
    speaker = Speaker(node.agents[0], environment(node.agents[0], name)[1], form=JSON)
    speaker.subscribe()
    event = speaker.event()
    assert list(event) == ["type", "launch_group"] and event["type"] == "LAUNCH_GROUP"
    assert [t["task_id"]["value"] for t in event["launch_group"]["task_group"]["tasks"]] == ids


@pytest.mark.row("2.2")
@pytest.mark.parametrize("policy", [None, {"grace_period": {"nanoseconds": 7}}])
def test_kill(scene, policy):
    speaker = scene.subscribed()
    scene.framework.call("KILL", task_id={"value": scene.task_id}, **({"kill_policy": policy} if policy else {}))
    event = speaker.event()
    assert event == {"type": "KILL", "kill": {"task_id": {"value": scene.task_id},
                                              **({"kill_policy": policy} if policy else {})}}


@pytest.mark.row("2.2")
def test_acknowledged(scene):
    speaker = scene.subscribed()
    running = scene.running()
    speaker.update(running)
    assert speaker.event() == {"type": "ACKNOWLEDGED", "acknowledged": {"task_id": {"value": scene.task_id},
                                                                        "uuid": running["uuid"]}}


@pytest.mark.row("2.2")
def test_message(scene):
    speaker = scene.subscribed()
    agent_id = {"value": scene.env["MESOS_SLAVE_ID"]}
    scene.framework.call("MESSAGE", agent_id=agent_id, executor_id={"value": scene.name}, data="aGVsbG8=")
    assert speaker.event() == {"type": "MESSAGE", "message": {"data": "aGVsbG8="}}


@pytest.mark.row("2.2")
def test_shutdown_has_no_body(scene):
    speaker = scene.subscribed()
    scene.framework.call("SHUTDOWN", agent_id={"value": scene.env["MESOS_SLAVE_ID"]}, executor_id={"value": scene.name})
    assert speaker.event() == {"type": "SHUTDOWN"}


# ---- defaults ----

@pytest.mark.parametrize("flag, value", [
    pytest.param("executor_heartbeat_interval", "30mins", marks=pytest.mark.row("2.2")),
    pytest.param("executor_registration_timeout", "1mins", marks=pytest.mark.row("2.4")),
    pytest.param("executor_reregistration_timeout", "2secs", marks=pytest.mark.row("2.4")),
    pytest.param("executor_shutdown_grace_period", "5secs", marks=pytest.mark.row("2.4")),
    pytest.param("recovery_timeout", "15mins", marks=pytest.mark.row("2.3")),
    pytest.param("authenticate_http_executors", "true", marks=pytest.mark.row("2.1"))])
def test_defaults(node, flag, value):
    assert node.agents[0].call("GET", "/flags").json["flags"][flag] == value


# ---- 2.3 ----

@pytest.mark.row("2.3")
@pytest.mark.parametrize("name, value", [
    ("MESOS_FRAMEWORK_ID", None), ("MESOS_EXECUTOR_ID", None), ("MESOS_DIRECTORY", None),
    ("MESOS_SANDBOX", "/mnt/mesos/sandbox"), ("MESOS_SLAVE_ID", None), ("MESOS_SLAVE_PID", None),
    ("MESOS_AGENT_ENDPOINT", None), ("MESOS_CHECKPOINT", "1"), ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"),
    ("MESOS_HTTP_COMMAND_EXECUTOR", "1"), ("LIBPROCESS_PORT", "0"), ("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", None),
    ("MESOS_RECOVERY_TIMEOUT", "15mins"), ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs")])
def test_the_environment_has(told, name, value):
    endpoint = f"127.0.0.1:{told.agent.port}"
    expected = {"MESOS_FRAMEWORK_ID": told.framework.info["id"]["value"], "MESOS_EXECUTOR_ID": told.name,
                "MESOS_AGENT_ENDPOINT": endpoint, "MESOS_SLAVE_PID": f"slave(1)@{endpoint}"}.get(name, value)
    assert told.env[name] == expected if expected else told.env[name]


@pytest.mark.row("2.3")
def test_the_agents_own_environment_is_not_inherited(told):
    assert {k for k in told.env if not k.startswith(("MESOS_", "LIBPROCESS_"))} == {"PATH"}


# ---- 2.4 ----

@pytest.mark.row("2.4")
def test_a_new_subscription_closes_the_old_one(scene):
    scene.subscribed()
    first = scene.speaker.reader
    scene.speaker.subscribe()
    assert first.readline() == b"0\r\n"


@pytest.mark.row("2.4")
def test_an_unacknowledged_task_is_kept(scene):
    speaker = scene.subscribed()
    speaker.subscribe(unacknowledged_tasks=[{"name": "t", "task_id": {"value": scene.task_id},
                                             "agent_id": {"value": "a"}}])
    running = scene.running()
    assert speaker.update(running) == 202
    assert speaker.event()["acknowledged"]["uuid"] == running["uuid"]


@pytest.mark.row("2.4")
@pytest.mark.parametrize("capabilities, state", [([{"type": "PARTITION_AWARE"}], "TASK_DROPPED"), ([], "TASK_LOST")])
def test_a_task_that_is_not_listed_is_lost(node, join, capabilities, state):
    framework = join(node, roles=(), capabilities=capabilities)
    name = f"x{next(names)}"
    task_id, = launch(framework, idle(name), "true")
    speaker = Speaker(node.agents[0], environment(node.agents[0], name)[1], form=JSON)
    speaker.subscribe()
    assert speaker.event()["type"] == "LAUNCH"
    speaker.subscribe()
    assert framework.status(task_id, state)["reason"] == "REASON_AGENT_RESTARTED"


@pytest.mark.row("2.4")
def test_an_unacknowledged_update_is_taken_and_acknowledged(scene):
    speaker = scene.subscribed()
    running = scene.running()
    speaker.subscribe(unacknowledged_updates=[{"status": running}])
    assert speaker.event()["acknowledged"]["uuid"] == running["uuid"]
    assert scene.framework.status(scene.task_id, "TASK_RUNNING")["uuid"] == running["uuid"]


@pytest.mark.row("2.4")
def test_an_end_without_terminal_updates(node, join):
    framework, name = join(node), f"x{next(names)}"
    task_id, = launch(framework, executor(name, source="", program="raise SystemExit(3)"), "true")
    status = framework.status(task_id, "TASK_FAILED")
    assert status["reason"] == "REASON_EXECUTOR_TERMINATED" and status["source"] == "SOURCE_AGENT"
    assert failure(framework, name)["status"] == 3 << 8


@pytest.mark.row("2.4")
def test_one_that_never_got_a_task_is_shut_down(scene):
    scene.framework.call("KILL", task_id={"value": scene.task_id})
    scene.framework.status(scene.task_id, "TASK_KILLED")
    scene.speaker.subscribe()
    assert scene.speaker.event() == {"type": "SHUTDOWN"}
