"""Error bodies, in the words and shapes that clients parse."""
import pytest

pytestmark = pytest.mark.row("1.1")

UNKNOWN = "00000000-0000-4000-8000-000000000000"
LONG_AGO = "2020-01-01T00:00:00.000Z"
LOCKED = ("App is locked by one or more deployments. Override with the option '?force=true'. "
          "View details at '/v2/deployments/<DEPLOYMENT_ID>'.")

NO_APP = [
    ("GET", "/v2/apps/nope", None),
    ("GET", "/v2/apps//nope", None),
    ("GET", "/v2/apps/%2Fnope", None),
    ("DELETE", "/v2/apps/nope", None),
    ("PATCH", "/v2/apps/nope", "{}"),
    ("PATCH", "/v2/apps", '[{"id":"/nope"}]'),
    ("POST", "/v2/apps/nope/restart", None),
    ("GET", "/v2/apps/nope/tasks", None),
    ("DELETE", "/v2/apps/nope/tasks", None),
    ("DELETE", "/v2/apps/nope/tasks/nope", None),
    ("GET", "/v2/apps/nope/versions", None),
    ("GET", f"/v2/apps/nope/versions/{LONG_AGO}", None),
]

REFUSED = [
    # method, path, body, status, message
    ("GET", "/v2/apps/a/b", None, 404, "App '/a/b' does not exist"),
    ("GET", f"/v2/apps/locked/versions/{LONG_AGO}", None, 404, f"App '/locked' does not exist in version {LONG_AGO}"),
    ("GET", "/v2/apps/locked/versions/yesterday", None, 422,
     "Invalid timestamp provided 'yesterday'. Expecting ISO-8601 datetime string."),
    ("DELETE", "/v2/apps/locked/tasks/nope", None, 404, "Task 'nope' does not exist"),
    ("DELETE", "/v2/apps/locked/tasks?scale=true&wipe=true", None, 400, "You cannot use scale and wipe at the same time."),
    ("POST", "/v2/tasks/delete?scale=true&wipe=true", '{"ids":[]}', 400, "You cannot use scale and wipe at the same time."),
    ("POST", "/v2/tasks/delete", '{"ids":["nope"]}', 400,
     "Invalid task id 'nope'. [A task id is <app>.instance-<uuid>._app.<number>]"),
    ("POST", "/v2/tasks/delete", "{}", 400, "Please specify data in JSON format"),
    ("DELETE", f"/v2/deployments/{UNKNOWN}", None, 404, f"DeploymentPlan {UNKNOWN} does not exist"),
    ("DELETE", "/v2/queue/nope/delay", None, 404, "Application /nope not found in tasks queue."),
    ("GET", "/v2/groups/nope", None, 404, "Group '/nope' does not exist"),
    ("GET", "/v2/apps?label=a+b", None, 422, "Can not parse label selector 'a b'"),
    ("POST", "/v2/apps", '{"id":"/locked","cmd":"x"}', 409, "An app with id [/locked] already exists."),
    ("PUT", "/v2/apps/locked", '{"instances":2}', 409, LOCKED),
    ("PATCH", "/v2/apps/locked", '{"instances":2}', 409, LOCKED),
    ("PUT", "/v2/apps", '[{"id":"/locked","instances":2}]', 409, LOCKED),
    ("POST", "/v2/apps/locked/restart", None, 409, LOCKED),
    ("PUT", "/v2/apps/locked", f'{{"version":"{LONG_AGO}","cmd":"x"}}', 422, "Object is not valid"),
    ("PUT", "/v2/apps/locked", f'{{"version":"{LONG_AGO}"}}', 404, f"App '/locked' does not exist in version {LONG_AGO}"),
    ("PUT", "/v2/apps/locked", '{"id":"/other"}', 400, "'/locked' does not match definition's id ('/other')"),
    ("PUT", "/v2/apps", "{}", 400, "Please specify data in JSON format"),
    ("PUT", "/v2/apps", '[{"cmd":"x"}]', 422, "Invalid JSON"),
    ("PUT", "/v2/apps?force=true", '[{"id":"/locked"},{"id":"locked"}]', 422, "App '/locked' is given more than once"),
    ("POST", "/v2/apps", '{"id":', 400, "Invalid JSON"),
    ("POST", "/v2/apps", '{"id":"/a","id":"/b"}', 400, "Invalid JSON"),
    ("POST", "/v2/apps", "", 400, "Invalid JSON"),
    ("POST", "/v2/apps", '"/web"', 400, "Please specify data in JSON format"),
    ("POST", "/v2/apps", "[" * 200 + "]" * 200, 400, "Invalid JSON"),
    ("POST", "/v2/apps", '{"id":"/x","cmd":"x","cpus":true}', 422, "Invalid JSON"),
    ("POST", "/v2/apps", '{"id":"/x"}', 422, "Object is not valid"),
    ("GET", "/v2/nope", None, 404, "URI not found"),
    ("GET", "/v3", None, 404, "URI not found"),
]


def refused(marathon, method, path, body):
    answer = marathon.call(method, path, body)
    assert answer.headers["Content-Type"] == "application/json"
    return answer


@pytest.mark.parametrize(("method", "path", "body"), NO_APP)
def test_unknown_app(cluster, method, path, body):
    answer = refused(cluster, method, path, body)
    assert (answer.status, answer.json) == (404, {"message": "App '/nope' does not exist"})


@pytest.mark.parametrize(("method", "path", "body", "status", "message"), REFUSED)
def test_refusal(marathon, locked, method, path, body, status, message):
    answer = refused(marathon, method, path, body)
    assert (answer.status, answer.json["message"]) == (status, message)
    assert [a["id"] for a in marathon.call("GET", "/v2/apps").json["apps"]] == [locked[0]]


def test_a_lock_names_its_deployments(marathon, locked):
    answer = marathon.call("PUT", "/v2/apps/locked", '{"instances":2}')
    assert answer.json == {"message": LOCKED, "deployments": [{"id": locked[1]}]}


def test_a_duplicate_names_none(marathon, locked, app):
    """go-marathon tells a lock from a duplicate by the key."""
    assert set(marathon.call("POST", "/v2/apps", app(locked[0])).json) == {"message"}


def test_schema_errors_come_all_at_once_with_their_paths(marathon, app):
    answer = marathon.call("POST", "/v2/apps", app(
        "Web", cpus="1", healthChecks=[{"protocol": "HTTP"}, {"portIndex": "x"}],
        upgradeStrategy={"minimumHealthCapacity": 2, "maximumOverCapacity": 0}))
    assert (answer.status, answer.json["message"]) == (422, "Invalid JSON")
    details = {d["path"]: d["errors"] for d in answer.json["details"]}
    assert set(details) == {"/id", "/cpus", "/healthChecks(1)/portIndex", "/upgradeStrategy/minimumHealthCapacity"}
    assert details["/cpus"] == ["error.expected.jsnumber"]
    assert details["/upgradeStrategy/minimumHealthCapacity"][0] == "error.max"


@pytest.mark.parametrize(("field", "value", "error"), [
    ("instances", "1", "error.expected.jsnumber"), ("cmd", 1, "error.expected.jsstring"), ("instances", -1, "error.min"),
])
def test_code_of_a_schema_error(marathon, app, field, value, error):
    answer = marathon.call("POST", "/v2/apps", app(**{field: value}))
    assert answer.status == 422
    (detail,) = answer.json["details"]
    assert (detail["path"], detail["errors"][0]) == (f"/{field}", error)


def test_the_parsers_text_is_a_string(marathon):
    details = marathon.call("POST", "/v2/apps", "{\n nope").json["details"]
    assert isinstance(details, str) and details.startswith("line 2 column")


def test_deployments_are_bounded(marathon, app):
    apps = [app(f"/app{i}", cpus=1000) for i in range(100)]
    for one in apps:
        assert marathon.call("POST", "/v2/apps", one).status == 201
    answer = marathon.call("POST", "/v2/apps", app("/one-more"))
    assert answer.status == 403
    assert answer.json["message"].startswith("Max number (100) of running deployments is achieved. Wait for existing "
                                             "deployments to complete or cancel one using force=true parameter.")
    assert marathon.app("/one-more") is None
