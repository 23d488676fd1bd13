"""The event stream: its frames, its filters, and every event with its fields."""
import socket

import pytest

from cluster import SLOW

pytestmark = pytest.mark.row("1.9")


def test_the_stream_needs_its_type(cluster):
    answer = cluster.call("GET", "/v2/events")
    assert answer.status == 405
    assert answer.json == {"message": "the event stream needs 'Accept: text/event-stream'"}


def test_a_reader_is_told_of_itself(events):
    event = events().next()
    assert (event["eventType"], event["remoteAddress"]) == ("event_stream_attached", "127.0.0.1")


def test_a_reader_is_told_of_others(events):
    reader = events()
    reader.next()
    other = events()
    assert reader.next()["eventType"] == "event_stream_attached"
    other.next()
    other.close()
    event = reader.next()
    assert (event["eventType"], event["remoteAddress"]) == ("event_stream_detached", "127.0.0.1")


def test_a_reader_gets_what_it_asks_for(marathon, app, events):
    some = events("?event_type=api_post_event&event_type=app_terminated_event&plan-format=light")
    marathon.deploy(app())
    marathon.remove("/web")
    assert [some.next()["eventType"] for _ in range(3)] == ["api_post_event", "api_post_event", "app_terminated_event"]


@pytest.fixture(scope="module")
def heard(cluster):
    """What is told of the lives of three apps: one that is well, one that is ill and one that cannot be placed."""
    from conftest import remove_all
    from event_reader import EventReader
    check = {"protocol": "COMMAND", "intervalSeconds": 1, "gracePeriodSeconds": 0, "delaySeconds": 0, "maxConsecutiveFailures": 1}
    app = {"cmd": "exec sleep 1000", "cpus": 0.1, "mem": 32}
    reader = EventReader(cluster)
    try:
        answer = cluster.call("POST", "/v2/apps", {"id": "/well", **app, "healthChecks": [{**check, "command": {"value": "true"}}]})
        reader.wait("deployment_success", id=answer.headers["Marathon-Deployment-Id"])
        cluster.call("PUT", "/v2/apps/well", {"healthChecks": []})
        cluster.call("POST", "/v2/apps", {"id": "/ill", **app, "healthChecks": [{**check, "command": {"value": "false"}}]})
        reader.wait("unhealthy_instance_kill_event")
        cluster.call("POST", "/v2/apps", {"id": "/huge", **app, "cpus": 1000})
        assert cluster.call("PUT", "/v2/apps/huge", {"cpus": 1}).status == 409
        assert cluster.call("PUT", "/v2/apps/huge?force=true", {"cpus": 999}).status == 200
        remove_all(cluster)
        reader.wait("app_terminated_event", appId="/well")
        yield reader.seen
    finally:
        reader.close()
        remove_all(cluster)


COMMON = {"eventType", "timestamp"}
FIELDS = {
    "api_post_event": {"clientIp", "uri", "appDefinition"},
    "status_update_event": {"slaveId", "taskId", "taskStatus", "message", "appId", "host", "ipAddresses", "ports", "version"},
    "event_stream_attached": {"remoteAddress"},
    "add_health_check_event": {"appId", "healthCheck", "version"},
    "remove_health_check_event": {"appId"},
    "failed_health_check_event": {"appId", "healthCheck", "taskId"},
    "health_status_changed_event": {"appId", "instanceId", "taskId", "version", "alive"},
    "unhealthy_instance_kill_event": {"appId", "taskId", "instanceId", "version", "reason", "host", "slaveId"},
    "group_change_success": {"groupId", "version"},
    "group_change_failed": {"groupId", "version", "reason"},
    "deployment_info": {"plan", "currentStep"},
    "deployment_step_success": {"plan", "currentStep"},
    "deployment_step_failure": {"plan", "currentStep"},
    "deployment_success": {"id", "plan"},
    "deployment_failed": {"id", "plan", "reason"},
    "app_terminated_event": {"appId"},
    "instance_changed_event": {"instanceId", "condition", "runSpecId", "agentId", "host", "runSpecVersion"},
    "instance_health_changed_event": {"instanceId", "runSpecId", "healthy", "runSpecVersion"},
}


@pytest.mark.parametrize("kind", FIELDS)
def test_fields_of_an_event(heard, kind):
    found = [event for event in heard if event["eventType"] == kind]
    assert found
    for event in found:
        assert set(event) == FIELDS[kind] | COMMON


def test_nobody_is_told_of_what_marathon_does_not_know(heard):
    """marathon-python raises on a type that it does not know."""
    assert {event["eventType"] for event in heard} <= set(FIELDS)


def test_a_plan_is_light(heard):
    for event in heard:
        if "plan" in event:
            assert set(event["plan"]) == {"id", "version", "steps"}
        if "currentStep" in event:
            assert all(set(action) == {"action", "app"} for action in event["currentStep"]["actions"])


def test_a_post_is_told_with_its_client_and_path(heard):
    event = next(e for e in heard if e["eventType"] == "api_post_event")
    assert (event["clientIp"], event["uri"], event["appDefinition"]["id"]) == ("127.0.0.1", "/v2/apps", "/well")


def test_conditions_of_an_instance(heard):
    of = [e["condition"] for e in heard if e["eventType"] == "instance_changed_event" and e["runSpecId"] == "/well"]
    assert of[0] == "Provisioned" and "Running" in of and of[-1] == "Killed"


def test_a_failed_check_names_the_instance(heard):
    event = next(e for e in heard if e["eventType"] == "failed_health_check_event")
    assert event["taskId"].startswith("ill.") and "._app" not in event["taskId"]


def test_a_refused_change_is_told_with_its_reason(heard):
    event = next(e for e in heard if e["eventType"] == "group_change_failed")
    assert event["groupId"] == "/" and event["reason"].startswith("App is locked")


def is_connected(reader, port):
    """As the kernel has the server's end; a reader that does not read cannot see it."""
    ends = f":{port:04X}", f":{reader.getsockname()[1]:04X}"
    with open("/proc/net/tcp", encoding="ascii") as file:
        return any((line[1][-5:], line[2][-5:], line[3]) == (*ends, "01") for line in map(str.split, file))


def test_a_reader_that_is_1024_events_behind_is_cut(marathon, app):
    check = {"protocol": "COMMAND", "command": {"value": "x" * 500}}
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(20 * SLOW)
        reader.connect(("127.0.0.1", marathon.master_port))
        reader.sendall(b"GET /v2/events?event_type=add_health_check_event HTTP/1.1\r\nHost: localhost\r\n"
                       b"Accept: text/event-stream\r\n\r\n")
        assert reader.recv(12) == b"HTTP/1.1 200"
        queued = 0
        while is_connected(reader, marathon.master_port):
            apps = [app(f"/app{i}", instances=0, healthChecks=[check], labels={"round": f"{queued}"}) for i in range(100)]
            assert marathon.call("PUT", "/v2/apps?force=true", apps).status == 200
            queued += len(apps)
            # Their bytes alone would be too many only later.
            assert queued < 5000
        assert queued > 1024
