"""Apps: what each verb, parameter and embed answers."""
import uuid

import pytest

from event_reader import TIMESTAMP

pytestmark = pytest.mark.row("1.2")


def create(marathon, app):
    answer = marathon.call("POST", "/v2/apps", app)
    assert answer.status == 201, answer.body
    return answer


def test_a_created_app_is_answered_whole_with_its_headers(marathon, app):
    answer = create(marathon, app("/a/b", labels={"x": "y"}))
    created = answer.json
    deployment = answer.headers["Marathon-Deployment-Id"]
    assert str(uuid.UUID(deployment)) == deployment
    assert answer.headers["Location"] == "/a/b"
    assert created["deployments"] == [{"id": deployment}]
    assert TIMESTAMP.match(created["version"])
    assert created["versionInfo"] == {"lastScalingAt": created["version"], "lastConfigChangeAt": created["version"]}
    assert {k: created[k] for k in created if k.startswith("tasks")} == {
        "tasksStaged": 0, "tasksRunning": 0, "tasksHealthy": 0, "tasksUnhealthy": 0}
    assert 10000 <= created["portDefinitions"][0]["port"] < 20000
    assert not {"ports", "uris", "args", "env", "constraints", "healthChecks"} & set(created)


@pytest.mark.parametrize(("query", "ids"), [
    ("", ["/one", "/two"]), ("?id=ON", ["/one"]), ("?cmd=SERVE", ["/two"]), ("?label=env", ["/one", "/two"]),
    ("?label=env!%3Dprod", ["/two"]), ("?label=env+in+(prod,test),tier%3D%3Dweb", ["/two"]), ("?label=none", []),
    ("?label=env+notin+(prod)", ["/two"]), ("?label=tier!%3Dx", ["/two"]), ("?id=o&cmd=sleep", ["/one"]),
])
def test_apps_are_selected(marathon, app, query, ids):
    create(marathon, app("/one", cmd="sleep 1000", labels={"env": "prod"}, instances=0))
    create(marathon, app("/two", cmd="serve", labels={"env": "test", "tier": "web"}, instances=0))
    assert [a["id"] for a in marathon.call("GET", f"/v2/apps{query}").json["apps"]] == ids


@pytest.mark.parametrize(("embed", "fields"), [
    ("apps.tasks", {"tasks"}), ("app.tasks", {"tasks"}), ("tasks", {"tasks"}), ("apps.counts", set()), ("apps.deployments", set()),
    ("app.taskStats", {"taskStats", "tasksStats"}), ("apps.readiness", {"readinessCheckResults"}), ("unknown", set()),
])
def test_an_embed_adds_what_it_names(marathon, app, embed, fields):
    create(marathon, app(instances=0))
    (plain,) = marathon.call("GET", "/v2/apps").json["apps"]
    assert {"tasksStaged", "tasksRunning", "tasksHealthy", "tasksUnhealthy", "deployments"} <= set(plain)
    (shown,) = marathon.call("GET", f"/v2/apps?embed={embed}").json["apps"]
    assert set(shown) - set(plain) == fields


def test_one_app_has_all_embeds(marathon, app):
    create(marathon, app("/a/b", instances=0))
    shown = marathon.call("GET", "/v2/apps/a/b").json["app"]
    assert shown["tasks"] == [] and shown["deployments"] == [] and shown["tasksRunning"] == 0


def test_apps_of_a_group(marathon, app):
    create(marathon, app("/a/b", instances=0))
    create(marathon, app("/c", instances=0))
    assert [a["id"] for a in marathon.call("GET", "/v2/apps/a/*").json["*"]] == ["/a/b"]


def test_an_update_keeps_replaces_and_goes_back(marathon, app):
    first = create(marathon, app(env={"A": "1"}, mem=64)).json["version"]
    answer = marathon.call("PUT", "/v2/apps/web?force=True", {"env": {"B": "2"}, "mem": None})
    assert answer.status == 200
    assert set(answer.json) == {"version", "deploymentId"}
    assert answer.json["deploymentId"] == answer.headers["Marathon-Deployment-Id"]
    changed = marathon.app("/web")
    assert (changed["env"], changed["mem"], changed["cmd"]) == ({"B": "2"}, 64, "exec sleep 1000")
    versions = marathon.call("GET", "/v2/apps/web/versions").json["versions"]
    assert versions == [answer.json["version"], first]
    assert marathon.call("GET", f"/v2/apps/web/versions/{first}").json["env"] == {"A": "1"}
    assert marathon.call("PUT", "/v2/apps/web?force=true", {"version": first}).status == 200
    assert marathon.app("/web")["env"] == {"A": "1"}


def test_what_was_read_can_be_written_back(marathon, app):
    create(marathon, app(instances=0))
    whole = marathon.app("/web")
    del whole["version"]
    assert marathon.call("PUT", "/v2/apps/web?force=true&partialUpdate=false", whole).status == 200


def test_put_creates_what_is_not_there(marathon, app):
    answer = marathon.call("PUT", "/v2/apps/new", {"cmd": "exec sleep 1000", "instances": 0})
    assert (answer.status, answer.headers["Location"]) == (201, "/new")
    assert set(answer.json) == {"version", "deploymentId"}
    answer = marathon.call("PUT", "/v2/apps?force=true", [{"id": "/new", "cpus": 2}, app("/newer", instances=0)])
    assert answer.status == 200 and set(answer.json) == {"version", "deploymentId"}
    assert marathon.app("/new")["cpus"] == 2 and marathon.app("/newer")


def test_scaling_keeps_the_configs_version(marathon, app):
    create(marathon, app())
    before = marathon.app("/web")["versionInfo"]["lastConfigChangeAt"]
    assert marathon.call("PUT", "/v2/apps/web?force=true", {"instances": 3}).status == 200
    after = marathon.app("/web")
    assert after["versionInfo"]["lastConfigChangeAt"] == before
    assert after["versionInfo"]["lastScalingAt"] == after["version"] > before


def test_lines_of_text_for_old_scripts(marathon, app):
    web = marathon.deploy(app(instances=1))
    bare = marathon.deploy(app("/a/bare", portDefinitions=[]))
    (task,) = marathon.tasks("/web")
    port = web["portDefinitions"][0]["port"]
    line = f"web\t{port}\t{task['host']}:{task['ports'][0]}\t\n"
    for path, text in (("/v2/apps/web/tasks", line),
                       ("/v2/tasks", f"a_bare\t \t{marathon.tasks('/a/bare')[0]['host']}\t\n" + line)):
        answer = marathon.call("GET", path, headers={"Accept": "text/plain"})
        assert answer.body.decode() == text
        assert answer.headers["Content-Type"].startswith("text/plain")
    assert bare["portDefinitions"] == []
