"""Past Marathon: what a reader of the event stream missed is told again, if it asks."""
import pytest

from event_reader import EventReader

pytestmark = pytest.mark.row("8")


def change(marathon, instances=0):
    """Some events, of which one is of this type."""
    assert marathon.call("PUT", "/v2/apps/web?force=true", {"cmd": "x", "instances": instances}).status in (200, 201)


def test_ids_are_for_those_who_ask(marathon, events):
    reader = events("?ids=true")
    reader.next()
    first = reader.last_id
    change(marathon)
    reader.next()
    assert first and reader.last_id != first


def test_what_was_missed_comes_in_order_and_what_is_new_after_it(marathon, events):
    reader, always = events("?ids=true"), events()
    reader.next()
    reader.close()
    change(marathon)
    back = events(headers={"Last-Event-ID": reader.last_id})
    change(marathon)
    always.wait("api_post_event")
    always.wait("api_post_event")
    back.wait("api_post_event")
    back.wait("api_post_event")
    assert back.seen == always.seen


def test_only_what_it_asks_for(marathon, events):
    reader = events("?ids=true")
    reader.next()
    change(marathon)
    back = events("?event_type=api_post_event", headers={"Last-Event-ID": reader.last_id})
    assert back.next()["eventType"] == "api_post_event"


@pytest.mark.parametrize("unknown", ["0-0", "nonsense", "ffffffffffff-18446744073709551615", ""])
def test_a_gap_is_told(marathon, events, unknown):
    """Of another process, or none at all: what is kept follows."""
    change(marathon)
    back = events(headers={"Last-Event-ID": unknown})
    event = back.next()
    assert (event["eventType"], event["lastEventId"]) == ("event_stream_gap", unknown)
    back.wait("api_post_event")


def test_what_is_too_old_is_a_gap(marathon, app, events):
    reader = events("?ids=true")
    reader.next()
    reader.close()
    for k in range(11):
        apps = [app(f"/app{i}", instances=0, healthChecks=[{}], labels={"round": f"{k}"}) for i in range(100)]
        assert marathon.call("PUT", "/v2/apps?force=true", apps).status == 200
    back = events(headers={"Last-Event-ID": reader.last_id})
    assert back.next()["eventType"] == "event_stream_gap"
    seen = [back.next() for _ in range(1024)]
    assert seen[-1]["eventType"] == "event_stream_attached"
    assert len([event for event in seen if event["eventType"] == "add_health_check_event"]) > 900


def test_after_a_restart_a_gap_is_told_and_the_new_process_heard(alone):
    master = alone()
    reader = EventReader(master, "?ids=true")
    reader.next()
    reader.close()
    master.master.end()
    master.start_master()
    back = EventReader(master, headers={"Last-Event-ID": reader.last_id})
    assert back.next()["eventType"] == "event_stream_gap"
    assert back.wait("event_stream_attached")["remoteAddress"] == "127.0.0.1"
    back.close()


@pytest.mark.parametrize("query", ["?event_type=app_launch_given_up_event", "?event_type=api_post_event&event_type=app_launch_given_up_event"])
def test_what_marathon_does_not_have_is_for_those_who_name_it(marathon, app, events, query):
    others, named = events(), events(query)
    answer = marathon.call("POST", "/v2/apps", app(cmd="exit 1", maxLaunchAttempts=1, backoffSeconds=0))
    assert answer.status == 201, answer.body
    assert named.wait("app_launch_given_up_event")["appId"] == "/web"
    marathon.call("DELETE", "/v2/apps/web")
    others.wait("app_terminated_event")
    assert "app_launch_given_up_event" not in [event["eventType"] for event in others.seen]
