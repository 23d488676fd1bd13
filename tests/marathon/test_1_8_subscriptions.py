"""Event subscriptions of old: every event is POSTed to who asked for it."""
import contextlib
import http.server
import json
import threading
import urllib.parse

import pytest

from cluster import wait_until

pytestmark = pytest.mark.row("1.8")

PATH = "/v2/eventSubscriptions"


class Callback:
    """A server that notes what it is told; `refuses` is how many of its next answers are 500."""

    def __init__(self):
        self.heard, self.heads, self.refuses = [], [], 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.heads.append((self.path, self.headers["Content-Type"]))
                outer.heard.append(json.loads(body))
                outer.refuses -= 1
                self.send_response(500 if outer.refuses >= 0 else 204)
                self.end_headers()

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?x=1"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def kinds(self):
        return [event["eventType"] for event in self.heard]


def query(url):
    return f"{PATH}?{urllib.parse.urlencode({'callbackUrl': url})}"


@pytest.fixture
def callback(marathon):
    made = Callback()
    yield made
    marathon.call("DELETE", query(made.url))
    made.close()


def test_nobody_is_told_at_first(cluster):
    assert cluster.call("GET", PATH).json == {"callbackUrls": []}


def test_a_subscription_is_answered_with_its_event(marathon, callback):
    answer = marathon.call("POST", query(callback.url))
    assert answer.status == 200
    event = answer.json
    assert set(event) == {"eventType", "timestamp", "clientIp", "callbackUrl"}
    assert (event["eventType"], event["clientIp"], event["callbackUrl"]) == ("subscribe_event", "127.0.0.1", callback.url)
    assert marathon.call("GET", PATH).json == {"callbackUrls": [callback.url]}
    wait_until(lambda: callback.heard == [event], "the first event")


def test_every_event_is_posted_in_order(marathon, app, events, callback):
    reader = events()
    reader.next()
    marathon.call("POST", query(callback.url))
    marathon.deploy(app())
    marathon.remove("/web")
    marathon.call("DELETE", query("http://nobody.example"))
    while reader.next()["eventType"] != "unsubscribe_event":
        pass
    wait_until(lambda: "unsubscribe_event" in callback.kinds(), "the last event")
    assert callback.heard == reader.seen[1:]
    assert set(callback.heads) == {("/hook?x=1", "application/json")}


def test_the_end_of_a_subscription(marathon, app, callback):
    marathon.call("POST", query(callback.url))
    answer = marathon.call("DELETE", query(callback.url))
    assert (answer.status, answer.json["eventType"]) == (200, "unsubscribe_event")
    assert marathon.call("GET", PATH).json == {"callbackUrls": []}


def test_twice_is_once(marathon, callback):
    for _ in range(2):
        assert marathon.call("POST", query(callback.url)).status == 200
    assert marathon.call("GET", PATH).json == {"callbackUrls": [callback.url]}


def test_what_was_not_taken_comes_again(marathon, callback):
    callback.refuses = 1
    marathon.call("POST", query(callback.url))
    wait_until(lambda: len(callback.heard) == 2, "the event, again")
    assert callback.heard[0] == callback.heard[1]


def test_a_restart_forgets_nobody(alone):
    master, callback = alone(), Callback()
    with contextlib.closing(callback):
        master.call("POST", query(callback.url))
        wait_until(lambda: callback.kinds() == ["subscribe_event"], "the first event")
        master.master.end()
        master.start_master()
        assert master.call("GET", PATH).json == {"callbackUrls": [callback.url]}
        wait_until(lambda: "scheduler_reregistered_event" in callback.kinds(), "an event of the next process")


def test_what_marathon_does_not_have_is_not_posted(marathon, app, events, callback):
    reader = events("?event_type=app_launch_given_up_event")
    marathon.call("POST", query(callback.url))
    marathon.call("POST", "/v2/apps", app(cmd="exit 1", maxLaunchAttempts=1, backoffSeconds=0))
    reader.wait("app_launch_given_up_event")
    marathon.remove("/web")
    wait_until(lambda: "app_terminated_event" in callback.kinds(), "the last event")
    assert "app_launch_given_up_event" not in callback.kinds()


@pytest.mark.parametrize("url", ["ftp://x/y", "http://", "x", "http://a b/", "http://user:pw@host/", "http://host:99999/", "http://h/" + "x" * 1100,
                                 "é" * 250])
def test_what_is_no_url_is_refused(cluster, url):
    answer = cluster.call("POST", query(url))
    assert answer.status == 422 and "is no URL of http or https" in answer.json["message"]
    assert cluster.call("GET", PATH).json == {"callbackUrls": []}


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_url_has_to_be_there(cluster, method):
    assert cluster.call(method, PATH).status == 422


def test_subscriptions_are_bounded(cluster):
    urls = [f"http://127.0.0.1:1/{i}" for i in range(65)]
    statuses = [cluster.call("POST", query(url)).status for url in urls]
    for url in urls:
        cluster.call("DELETE", query(url))
    assert statuses == [200] * 64 + [503]
