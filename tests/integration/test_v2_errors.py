"""The /v2 surface without an agent: answers, error bodies, headers, and the event stream."""
import http.client
import json
import re
import uuid

import pytest

from cluster import SLOW, wait_until

UNKNOWN = "00000000-0000-4000-8000-000000000000"
LOCKED = ("App is locked by one or more deployments. Override with the option '?force=true'. "
          "View details at '/v2/deployments/<DEPLOYMENT_ID>'.")
VERSION = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


@pytest.fixture
def master(cluster):
    cluster.start_master()
    return cluster


def app(app_id="/web", **changes):
    return {"id": app_id, "cmd": "sleep 1000", **changes}


def post(master, body, query=""):
    return master.call("POST", f"/v2/apps{query}", body)


REFUSED = [
    # method, path, body, status, message
    ("GET", "/v2/apps/nope", None, 404, "App '/nope' does not exist"),
    ("GET", "/v2/apps/a/b", None, 404, "App '/a/b' does not exist"),
    ("GET", "/v2/apps//nope", None, 404, "App '/nope' does not exist"),
    ("GET", "/v2/apps/%2Fnope", None, 404, "App '/nope' does not exist"),
    ("DELETE", "/v2/apps/nope", None, 404, "App '/nope' does not exist"),
    ("PATCH", "/v2/apps/nope", "{}", 404, "App '/nope' does not exist"),
    ("PATCH", "/v2/apps", '[{"id":"/nope"}]', 404, "App '/nope' does not exist"),
    ("POST", "/v2/apps/nope/restart", None, 404, "App '/nope' does not exist"),
    ("GET", "/v2/apps/nope/tasks", None, 404, "App '/nope' does not exist"),
    ("DELETE", "/v2/apps/nope/tasks", None, 404, "App '/nope' does not exist"),
    ("GET", "/v2/apps/nope/versions", None, 404, "App '/nope' does not exist"),
    ("GET", "/v2/apps/web/versions/2020-01-01T00:00:00.000Z", None, 404,
     "App '/web' does not exist in version 2020-01-01T00:00:00.000Z"),
    ("GET", "/v2/apps/web/versions/yesterday", None, 422,
     "Invalid timestamp provided 'yesterday'. Expecting ISO-8601 datetime string."),
    ("DELETE", "/v2/apps/web/tasks/nope", None, 404, "Task 'nope' does not exist"),
    ("DELETE", "/v2/apps/web/tasks?scale=true&wipe=true", None, 400,
     "You cannot use scale and wipe at the same time."),
    ("POST", "/v2/tasks/delete", '{"ids":["nope"]}', 400,
     "Invalid task id 'nope'. [A task id is <app>.instance-<uuid>._app.<number>]"),
    ("POST", "/v2/tasks/delete", '{}', 400, "Please specify data in JSON format"),
    ("DELETE", f"/v2/deployments/{UNKNOWN}", None, 404, f"DeploymentPlan {UNKNOWN} does not exist"),
    ("DELETE", "/v2/queue/nope/delay", None, 404, "Application /nope not found in tasks queue."),
    ("GET", "/v2/groups/nope", None, 404, "Group '/nope' does not exist"),
    ("GET", "/v2/apps?label=a+b", None, 422, "Can not parse label selector 'a b'"),
    ("POST", "/v2/apps", '{"id":"/web","cmd":"x"}', 409, "An app with id [/web] already exists."),
    ("PUT", "/v2/apps/web", '{"instances":2}', 409, LOCKED),
    ("POST", "/v2/apps/web/restart", None, 409, LOCKED),
    ("PUT", "/v2/apps/web", '{"version":"2020-01-01T00:00:00.000Z","cmd":"x"}', 422, "Object is not valid"),
    ("PUT", "/v2/apps/web", '{"id":"/other"}', 400, "'/web' does not match definition's id ('/other')"),
    ("PUT", "/v2/apps", '{}', 400, "Please specify data in JSON format"),
    ("PUT", "/v2/apps", '[{"cmd":"x"}]', 422, "Invalid JSON"),
    ("PUT", "/v2/apps?force=true", '[{"id":"/web"},{"id":"web"}]', 422, "App '/web' is given more than once"),
    ("POST", "/v2/apps", '{"id":', 400, "Invalid JSON"),
    ("POST", "/v2/apps", '{"id":"/a","id":"/b"}', 400, "Invalid JSON"),
    ("POST", "/v2/apps", "", 400, "Invalid JSON"),
    ("POST", "/v2/apps", '"/web"', 400, "Please specify data in JSON format"),
    ("POST", "/v2/apps", "[" * 200 + "]" * 200, 400, "Invalid JSON"),
    ("POST", "/v2/apps", '{"id":"/x","cmd":"x","cpus":true}', 422, "Invalid JSON"),
    ("POST", "/v2/apps", '{"id":"/x"}', 422, "Object is not valid"),
    ("GET", "/v2/events", None, 405, "the event stream needs 'Accept: text/event-stream'"),
    ("GET", "/v2/nope", None, 404, "URI not found"),
]


def test_what_is_refused_says_so_in_the_words_that_clients_know(master):
    assert post(master, app()).status == 201
    for method, path, body, status, message in REFUSED:
        answer = master.call(method, path, body)
        assert (answer.status, answer.json["message"]) == (status, message), (method, path, body)
        assert answer.headers["Content-Type"] == "application/json"
    assert [a["id"] for a in master.call("GET", "/v2/apps").json["apps"]] == ["/web"]


def test_only_a_lock_names_deployments(master):
    """go-marathon tells a lock from a duplicate by the key."""
    deployment = post(master, app()).headers["Marathon-Deployment-Id"]
    assert master.call("PUT", "/v2/apps/web", '{"instances":2}').json["deployments"] == [{"id": deployment}]
    assert "deployments" not in post(master, app()).json


def test_schema_errors_come_all_at_once_with_their_paths(master):
    answer = post(master, {"id": "Web", "cpus": "1", "healthChecks": [{"protocol": "HTTP"}, {"portIndex": "x"}],
                           "upgradeStrategy": {"minimumHealthCapacity": 2, "maximumOverCapacity": 0}})
    assert answer.status == 422
    assert answer.json["message"] == "Invalid JSON"
    details = {d["path"]: d["errors"] for d in answer.json["details"]}
    assert set(details) == {"/id", "/cpus", "/healthChecks(1)/portIndex", "/upgradeStrategy/minimumHealthCapacity"}
    assert details["/cpus"] == ["error.expected.jsnumber"]
    assert details["/upgradeStrategy/minimumHealthCapacity"][0] == "error.max"


def test_parser_text_is_a_string(master):
    details = post(master, "{\n nope").json["details"]
    assert isinstance(details, str) and details.startswith("line 2 column")


def test_created_app_is_answered_whole_with_its_headers(master):
    answer = post(master, app("/a/b", labels={"x": "y"}))
    assert answer.status == 201
    created = answer.json
    deployment = answer.headers["Marathon-Deployment-Id"]
    assert str(uuid.UUID(deployment)) == deployment
    assert created["deployments"] == [{"id": deployment}]
    assert VERSION.match(created["version"])
    assert created["versionInfo"] == {"lastScalingAt": created["version"],
                                      "lastConfigChangeAt": created["version"]}
    assert {k: created[k] for k in created if k.startswith("tasks")} == {
        "tasksStaged": 0, "tasksRunning": 0, "tasksHealthy": 0, "tasksUnhealthy": 0}
    assert 10000 <= created["portDefinitions"][0]["port"] < 20000
    assert not {"ports", "uris", "args", "env", "constraints", "healthChecks"} & set(created)
    assert answer.headers["X-Marathon-Leader"] == f"http://{master.master_address}"
    assert answer.headers["Cache-Control"] == "no-cache, no-store, must-revalidate"
    for path in ("/v2/apps/a/b", "/v2/apps//a/b", "/v2/apps/%2Fa%2Fb", "/v2/apps/a/b/"):
        shown = master.call("GET", path).json["app"]
        assert shown["id"] == "/a/b" and shown["tasks"] == []
    assert [a["id"] for a in master.call("GET", "/v2/apps/a/*").json["*"]] == ["/a/b"]
    group = master.call("GET", "/v2/groups").json["groups"][0]
    assert (group["id"], group["apps"][0]["id"]) == ("/a", "/a/b")


def test_apps_are_selected_by_id_command_and_labels(master):
    assert post(master, app("/one", cmd="sleep 1", labels={"env": "prod"})).status == 201
    assert post(master, app("/two", cmd="serve", labels={"env": "test", "tier": "web"})).status == 201
    for query, ids in (("", ["/one", "/two"]), ("?id=ON", ["/one"]), ("?cmd=SERVE", ["/two"]),
                       ("?label=env", ["/one", "/two"]), ("?label=env!%3Dprod", ["/two"]),
                       ("?label=env+in+(prod,test),tier%3D%3Dweb", ["/two"]), ("?label=none", [])):
        assert [a["id"] for a in master.call("GET", f"/v2/apps{query}").json["apps"]] == ids, query


def test_embeds_add_what_they_name(master):
    assert post(master, app()).status == 201
    plain = master.call("GET", "/v2/apps").json["apps"][0]
    assert "tasks" not in plain and "tasksRunning" in plain and "deployments" in plain
    whole = master.call("GET", "/v2/apps?embed=apps.tasks&embed=app.taskStats&embed=apps.readiness&embed=x").json
    assert {"tasks", "taskStats", "tasksStats", "readinessCheckResults"} <= set(whole["apps"][0])


def test_update_keeps_replaces_and_goes_back(master):
    first = post(master, app(env={"A": "1"}, mem=64)).json["version"]
    answer = master.call("PUT", "/v2/apps/web?force=True", {"env": {"B": "2"}, "mem": None})
    assert answer.status == 200
    assert set(answer.json) == {"version", "deploymentId"}
    assert answer.json["deploymentId"] == answer.headers["Marathon-Deployment-Id"]
    changed = master.app("/web")
    assert (changed["env"], changed["mem"], changed["cmd"]) == ({"B": "2"}, 64, "sleep 1000")
    versions = master.call("GET", "/v2/apps/web/versions").json["versions"]
    assert versions == [answer.json["version"], first]
    assert master.call("GET", f"/v2/apps/web/versions/{first}").json["env"] == {"A": "1"}
    assert master.call("PUT", "/v2/apps/web?force=true", {"version": first}).status == 200
    assert master.app("/web")["env"] == {"A": "1"}
    # What was read can be written back: what is ours to say is ignored.
    whole = master.app("/web")
    del whole["version"]
    assert master.call("PUT", "/v2/apps/web?force=true&partialUpdate=false", whole).status == 200
    assert master.call("PUT", "/v2/apps/new", {"cmd": "x"}).status == 201
    assert master.call("PUT", "/v2/apps?force=true", [{"id": "/new", "cpus": 2}, app("/newer")]).status == 200
    assert master.app("/new")["cpus"] == 2 and master.app("/newer")


def test_scaling_keeps_the_configs_version(master):
    post(master, app())
    before = master.app("/web")["versionInfo"]["lastConfigChangeAt"]
    assert master.call("PUT", "/v2/apps/web?force=true", {"instances": 3}).status == 200
    after = master.app("/web")
    assert after["versionInfo"]["lastConfigChangeAt"] == before
    assert after["versionInfo"]["lastScalingAt"] == after["version"] > before


def test_deployment_is_shown_and_cancelled(master):
    deployment = post(master, app()).headers["Marathon-Deployment-Id"]
    (shown,) = master.call("GET", "/v2/deployments").json
    assert shown["id"] == deployment and shown["affectedApps"] == ["/web"]
    assert shown["steps"] == [{"actions": [{"action": "StartApplication", "app": "/web"}]},
                              {"actions": [{"action": "ScaleApplication", "app": "/web"}]}]
    assert (shown["currentStep"], shown["totalSteps"]) == (2, 2)
    queued = master.call("GET", "/v2/queue?embed=lastUnusedOffers").json["queue"][0]
    assert (queued["app"]["id"], queued["count"], queued["delay"]) == (
        "/web", 1, {"timeLeftSeconds": 0, "overdue": True})
    assert master.call("DELETE", "/v2/queue/web/delay").status == 204
    answer = master.call("DELETE", f"/v2/deployments/{deployment}?force=true")
    assert (answer.status, answer.body) == (202, b"")
    assert master.call("GET", "/v2/deployments").json == []
    assert master.app("/web")
    # Without force what it did is undone: the app was new.
    deployment = post(master, app("/other")).headers["Marathon-Deployment-Id"]
    assert master.call("DELETE", f"/v2/deployments/{deployment}").status == 200
    wait_until(lambda: master.app("/other") is None, "the end of '/other'")


def test_deployments_are_bounded(master):
    for i in range(100):
        assert post(master, app(f"/app{i}")).status == 201
    answer = post(master, app("/one-more"))
    assert answer.status == 403
    assert answer.json["message"].startswith("Max number (100) of running deployments is achieved.")
    assert master.app("/one-more") is None


def test_state_survives_kill_9(master):
    deployment = post(master, app()).headers["Marathon-Deployment-Id"]
    before = master.call("GET", "/v2/apps").body
    info = master.call("GET", "/v2/info").json
    master.master.end(9)
    master.start_master()
    assert master.call("GET", "/v2/apps").body == before
    assert [d["id"] for d in master.call("GET", "/v2/deployments").json] == [deployment]
    assert master.call("GET", "/v2/info").json["frameworkId"] == info["frameworkId"]


def test_info_leader_ping_and_text(master):
    post(master, app())
    info = master.call("GET", "/v2/info").json
    assert info["name"] == "marathon" and info["version"].startswith("1.9.") and info["elected"] is True
    assert info["marathon_config"]["local_port_min"] == 10000
    assert master.call("GET", "/v2/leader").json == {"leader": master.master_address}
    assert master.call("GET", "/v2/plugins").json == {"plugins": []}
    ping = master.call("GET", "/ping")
    assert ping.body == b"pong" and ping.headers["Content-Type"].startswith("text/plain")
    assert master.call("GET", "/ping", headers={"Accept": "application/json"}).body == b'"pong"'
    assert master.call("HEAD", "/ping").body == b""
    assert master.call("GET", "/v2/tasks?status=running&status[]=nope").json == {"tasks": []}
    port = master.app("/web")["portDefinitions"][0]["port"]
    assert master.call("GET", "/v2/tasks", headers={"Accept": "text/plain"}).body == f"web\t{port}\t\n".encode()


class Events:
    """A reader of the event stream that keeps every byte."""

    def __init__(self, master, query=""):
        self.connection = http.client.HTTPConnection("127.0.0.1", master.master_port, timeout=30 * SLOW)
        self.connection.request("GET", f"/v2/events{query}", headers={"Accept": "text/event-stream"})
        self.response = self.connection.getresponse()
        assert self.response.status == 200

    def next(self):
        frame = b""
        while not frame.endswith(b"\r\n\r\n"):
            frame += self.response.readline()
        head, data = frame.split(b"\r\n")[:2]
        assert head.startswith(b"event: ") and data.startswith(b"data: ")
        event = json.loads(data[len("data: "):])
        assert event["eventType"] == head[len("event: "):].decode()
        assert VERSION.match(event["timestamp"])
        return event


def test_events_tell_what_happens_in_the_frames_that_clients_cut(master):
    everything = Events(master)
    some = Events(master, "?event_type=api_post_event&event_type=deployment_failed")
    assert everything.next()["eventType"] == "event_stream_attached"
    post(master, app("/web", healthChecks=[{}]))
    seen = [everything.next() for _ in range(5)]
    while seen[-1]["eventType"] != "deployment_info":
        seen.append(everything.next())
    kinds = [e["eventType"] for e in seen]
    assert {"api_post_event", "add_health_check_event", "group_change_success"} <= set(kinds)
    assert set(seen[-1]["plan"]) == {"id", "version", "steps"}
    assert seen[-1]["currentStep"]["actions"] == [{"action": "ScaleApplication", "app": "/web"}] or \
        seen[-1]["currentStep"]["actions"] == [{"action": "StartApplication", "app": "/web"}]
    posted = some.next()
    assert posted["eventType"] == "api_post_event" and posted["appDefinition"]["id"] == "/web"
    master.call("PUT", "/v2/apps/web?force=true", {"cmd": "y"})
    assert some.next()["eventType"] in ("deployment_failed", "api_post_event")
    everything.connection.close()
    some.connection.close()
