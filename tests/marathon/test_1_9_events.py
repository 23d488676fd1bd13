"""The event stream: its frames, its filters, and every event with its fields."""
import pytest

pytestmark = pytest.mark.row("1.9")


def test_the_stream_needs_its_type(cluster):
    answer = cluster.call("GET", "/v2/events")
    assert answer.status == 405
    assert answer.json == {"message": "the event stream needs 'Accept: text/event-stream'"}


def test_a_reader_is_told_of_itself(events):
    event = events().next()
    assert event["eventType"] == "event_stream_attached" and event["remoteAddress"].startswith("127.0.0.1")


def test_a_reader_gets_what_it_asks_for(marathon, app, events):
    some = events("?event_type=api_post_event&event_type=app_terminated_event")
    marathon.deploy(app())
    marathon.remove("/web")
    assert some.next()["eventType"] == "api_post_event"
    assert some.next()["eventType"] == "app_terminated_event"


def test_events_of_a_deployment(marathon, app, events):
    reader = events()
    posted = marathon.call("POST", "/v2/apps", app(healthChecks=[{}]))
    event = reader.wait("api_post_event")
    assert event["appDefinition"]["id"] == "/web" and event["uri"] == "/v2/apps" and event["clientIp"]
    deployment = posted.headers["Marathon-Deployment-Id"]
    event = reader.wait("deployment_info")
    assert set(event["plan"]) == {"id", "version", "steps"} and event["plan"]["id"] == deployment
    assert event["currentStep"]["actions"] == [{"action": "StartApplication", "app": "/web"}]
    kinds = [e["eventType"] for e in reader.seen]
    assert {"add_health_check_event", "group_change_success"} <= set(kinds)
