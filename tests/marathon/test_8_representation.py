"""Past Marathon: pages, fields, tags, and what will be executed."""
import pytest

pytestmark = pytest.mark.row("8")


@pytest.fixture
def five(marathon, app):
    ids = [f"/app{i}" for i in range(5)]
    assert marathon.call("PUT", "/v2/apps", [app(i, instances=0) for i in ids]).status == 200
    return ids


def ids_of(answer):
    return [a["id"] for a in answer.json["apps"]]


def test_a_list_comes_in_pages(marathon, five):
    seen, cursor = [], ""
    for size in (2, 2, 1):
        answer = marathon.call("GET", f"/v2/apps?limit=2{cursor}")
        assert len(answer.json["apps"]) == size
        seen += ids_of(answer)
        cursor = f"&cursor={answer.json.get('nextCursor')}"
    assert seen == five and "nextCursor" not in answer.json


def test_a_page_goes_on_where_an_app_has_gone(marathon, five):
    marathon.remove(five[1])
    assert ids_of(marathon.call("GET", f"/v2/apps?limit=2&cursor={five[1]}")) == five[2:4]


def test_a_page_is_of_what_was_selected(marathon, five):
    answer = marathon.call("GET", "/v2/apps?limit=1&id=app3")
    assert ids_of(answer) == [five[3]] and "nextCursor" not in answer.json


@pytest.mark.parametrize("limit", ["0", "-1", "x", "", "1000001", "1x"])
def test_a_limit_is_a_number(cluster, limit):
    answer = cluster.call("GET", f"/v2/apps?limit={limit}")
    assert answer.status == 422 and "is not a number from 1 to" in answer.json["message"]


def test_some_fields_alone(marathon, five):
    answer = marathon.call("GET", "/v2/apps?fields=id,instances,tasksRunning,nope")
    assert answer.json["apps"] == [{"id": i, "instances": 0, "tasksRunning": 0} for i in five]
    assert marathon.call("GET", "/v2/apps/app1?fields=cmd").json == {"app": {"cmd": "exec sleep 1000"}}


def test_a_long_list_is_the_same_in_pages_and_without_a_tag(marathon, app):
    """It is written while it is sent."""
    ids = [f"/app{i:03}" for i in range(210)]
    assert marathon.call("PUT", "/v2/apps", [app(i, instances=0) for i in ids]).status == 200
    whole = marathon.call("GET", "/v2/apps")
    assert ids_of(whole) == ids and "ETag" not in whole.headers
    assert marathon.call("GET", "/v2/apps?fields=id").json == {"apps": [{"id": i} for i in ids]}
    for limit, has_tag in ((200, True), (205, False)):
        first = marathon.call("GET", f"/v2/apps?limit={limit}")
        rest = marathon.call("GET", f"/v2/apps?limit={limit}&cursor={first.json['nextCursor']}")
        assert ids_of(first) + ids_of(rest) == ids and "nextCursor" not in rest.json
        assert ("ETag" in first.headers) == has_tag


# ---- tags ----

@pytest.mark.parametrize("path", ["/v2/apps", "/v2/apps/app1"])
def test_what_the_client_has_is_not_sent_again(marathon, five, path):
    first = marathon.call("GET", path)
    tag = first.headers["ETag"]
    again = marathon.call("GET", path, headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
    assert marathon.call("GET", f"{path}?fields=id", headers={"If-None-Match": tag}).status == 200
    marathon.call("PUT", "/v2/apps/app1?force=true", {"cmd": "x"})
    assert marathon.call("GET", path, headers={"If-None-Match": tag}).status == 200


@pytest.fixture
def tags(marathon, app):
    """Of the app that was first, and of what it has become."""
    found = []
    assert marathon.call("POST", "/v2/apps", app(instances=0)).status == 201
    for cmd in ("exec sleep 1001", "exec sleep 1002"):
        found.append(marathon.call("GET", "/v2/apps/web").headers["ETag"])
        assert marathon.call("PUT", "/v2/apps/web?force=true", {"cmd": cmd}).status == 200
    found[-1] = marathon.call("GET", "/v2/apps/web").headers["ETag"]
    return found


CHANGES = [("PUT", "/v2/apps/web?force=true", {"cmd": "y"}), ("PATCH", "/v2/apps/web?force=true", {"cmd": "y"}),
           ("POST", "/v2/apps/web/restart?force=true", None), ("DELETE", "/v2/apps/web", None)]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_change_of_what_was_read_is_taken(marathon, tags, method, path, body):
    assert marathon.call(method, path, body, {"If-Match": tags[1]}).status == 200


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_change_of_what_is_no_more_is_refused(marathon, tags, method, path, body):
    version = marathon.app("/web")["version"]
    answer = marathon.call(method, path, body, {"If-Match": tags[0]})
    assert answer.status == 412
    assert answer.json == {"message": f"App '/web' has been changed: its version is {version}"}
    assert marathon.app("/web")["version"] == version


def test_a_version_is_a_tag(marathon, tags):
    version = marathon.app("/web")["version"]
    assert marathon.call("PUT", "/v2/apps/web?force=true", {"cmd": "y"}, {"If-Match": f'"{version}"'}).status == 200
    assert marathon.call("PUT", "/v2/apps/web?force=true", {"cmd": "z"}, {"If-Match": f'"{version}"'}).status == 412


def test_whatever_it_is_but_not_nothing(marathon, app, tags):
    assert marathon.call("PUT", "/v2/apps/web?force=true", {"cmd": "y"}, {"If-Match": "*"}).status == 200
    answer = marathon.call("PUT", "/v2/apps/new", app("/new"), {"If-Match": "*"})
    assert (answer.status, answer.json) == (412, {"message": "App '/new' does not exist"})


def test_only_what_is_new(marathon, app, tags):
    assert marathon.call("PUT", "/v2/apps/web?force=true", {"cmd": "y"}, {"If-None-Match": "*"}).status == 412
    assert marathon.call("PUT", "/v2/apps/new", app("/new", instances=0), {"If-None-Match": "*"}).status == 201


# ---- what will be executed ----

def effective(marathon, path):
    answer = marathon.call("GET", path)
    assert answer.status == 200, answer.body
    return answer.json["effective"]


def test_what_the_next_instance_would_execute(marathon, app):
    definition = app(cmd="echo $X", env={"X": "y"}, user="nobody", instances=0, portDefinitions=[{"port": 31500}], requirePorts=True,
                     resourceLimits={"cpus": 1, "mem": 64})
    assert marathon.call("POST", "/v2/apps", definition).status == 201
    shown = effective(marathon, "/v2/apps/web/effective")
    assert shown["argv"] == ["/bin/sh", "-c", "echo $X"] and shown["user"] == "nobody" and shown["image"] is None
    assert shown["env"]["X"] == "y" and shown["env"]["MARATHON_APP_ID"] == "/web" and shown["env"]["PORT0"] == "31500"
    assert shown["ports"] == [31500] and shown["resources"]["cpus"] == 0.1 and shown["resources"]["mem"] == 32
    assert shown["limits"] == {"cpus": 1, "mem": 64}
    assert shown["taskInfo"]["command"]["value"] == "echo $X" and shown["taskInfo"]["name"] == "web"


def test_arguments_are_the_argv(marathon, app):
    definition = app(args=["/bin/sleep", "1 0"], instances=0, portDefinitions=[])
    del definition["cmd"]
    assert marathon.call("POST", "/v2/apps", definition).status == 201
    shown = effective(marathon, "/v2/apps/web/effective")
    assert shown["argv"] == ["/bin/sleep", "1 0"] and shown["ports"] == []


def test_what_a_task_was_launched_with(marathon, app):
    marathon.deploy(app(cmd="env >environment; exec sleep 1000"))
    (task,) = marathon.tasks("/web")
    shown = effective(marathon, f"/v2/apps/web/effective?task={task['id']}")
    assert shown["ports"] == task["ports"] and shown["env"]["HOST"] == task["host"]
    assert shown["env"]["MESOS_TASK_ID"] == task["id"] == shown["taskInfo"]["task_id"]["value"]
    written = next(path for path in marathon.agents[0].work_dir.rglob("environment") if task["id"] in str(path))
    seen = dict(line.split("=", 1) for line in written.read_text().splitlines() if "=" in line)
    assert {k: seen.get(k) for k in shown["env"]} == shown["env"]


@pytest.mark.parametrize(("path", "message"), [
    ("/v2/apps/nope/effective", "App '/nope' does not exist"), ("/v2/apps/web/effective?task=nope", "Task 'nope' does not exist")])
def test_what_is_not_there(marathon, app, path, message):
    assert marathon.call("POST", "/v2/apps", app(instances=0)).status == 201
    answer = marathon.call("GET", path)
    assert (answer.status, answer.json) == (404, {"message": message})
