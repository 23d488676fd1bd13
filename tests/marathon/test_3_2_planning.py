"""What a change comes to: steps by layers of dependencies, as a dry run tells and a deployment shows."""
import pytest

from cluster import wait_until

pytestmark = pytest.mark.row("3.2")


@pytest.fixture(autouse=True)
def no_groups(marathon):
    yield
    marathon.call("DELETE", "/v2/groups?force=true")


@pytest.fixture
def two(marathon, app):
    """"/g/a", and "/g/b" that depends on it; one instance each."""
    answer = marathon.call("PUT", "/v2/groups/g", {"apps": [app("a"), app("b", dependencies=["a"])]})
    assert answer.status == 200, answer.body
    wait_until(lambda: marathon.call("GET", "/v2/deployments").json == [], "the end of the deployment", 60)


def step(action, *apps):
    return {"actions": [{"action": f"{action}Application", "app": app} for app in apps]}


def test_layers(marathon, app):
    group = {"groups": [{"id": "z", "apps": [app("first", instances=0)]},
                        {"id": "a", "dependencies": ["../z"], "apps": [app("second", instances=0),
                                                                      app("third", instances=0, dependencies=["second"])]}]}
    dry = marathon.call("PUT", "/v2/groups?dryRun=true", group)
    assert dry.status == 200 and dry.json["steps"] == [
        step("Start", "/z/first", "/a/second", "/a/third"), step("Scale", "/z/first"), step("Scale", "/a/second"),
        step("Scale", "/a/third")]
    assert marathon.call("GET", "/v2/groups").json["groups"] == []


@pytest.mark.parametrize("method, path, body, steps", [
    ("POST", "/v2/apps", {"id": "/g/c", "cmd": "x"}, [step("Start", "/g/c"), step("Scale", "/g/c")]),
    ("PUT", "/v2/apps/g/a", {"cmd": "exec sleep 999"}, [step("Restart", "/g/a")]),
    ("PUT", "/v2/apps/g/a", {"instances": 2}, [step("Scale", "/g/a")]),
    ("PUT", "/v2/apps/g/a", {"cmd": "exec sleep 1000"}, []),
    ("PATCH", "/v2/apps/g/a", {"instances": 0, "cmd": "exec sleep 999"}, [step("Scale", "/g/a")]),
    ("PUT", "/v2/apps", [{"id": "/g/b", "instances": 2}, {"id": "/g/a", "instances": 2}], [step("Scale", "/g/a"), step("Scale", "/g/b")]),
    ("PATCH", "/v2/apps", [{"id": "/g/b", "instances": 2}], [step("Scale", "/g/b")]),
    ("DELETE", "/v2/apps/g/b", None, [step("Stop", "/g/b")]),
    ("POST", "/v2/apps/g/a/restart", None, [step("Restart", "/g/a")]),
    ("DELETE", "/v2/apps/g/a/tasks?scale=true", None, [step("Scale", "/g/a")]),
    ("POST", "/v2/groups/h", {"apps": [{"id": "x", "cmd": "x"}]}, [step("Start", "/h/x"), step("Scale", "/h/x")]),
    ("PUT", "/v2/groups/g", {"scaleBy": 3}, [step("Scale", "/g/a"), step("Scale", "/g/b")]),
    ("DELETE", "/v2/groups/g", None, [step("Stop", "/g/a", "/g/b")])])
def test_a_dry_run_changes_nothing(marathon, two, method, path, body, steps):
    before = marathon.call("GET", "/v2/groups?embed=group.apps&embed=group.groups&embed=group.apps.tasks").json
    answer = marathon.call(method, path + ("&" if "?" in path else "?") + "dryRun=true", body)
    assert answer.status == 200 and answer.json["steps"] == steps
    assert answer.json["cancels"] == [] and "Marathon-Deployment-Id" not in answer.headers
    assert marathon.call("GET", "/v2/deployments").json == []
    assert marathon.call("GET", "/v2/groups?embed=group.apps&embed=group.groups&embed=group.apps.tasks").json == before


def test_a_dry_run_kills_nobody(marathon, two):
    answer = marathon.call("DELETE", "/v2/apps/g/a/tasks?dryRun=true")
    assert answer.status == 200 and [task["appId"] for task in answer.json["tasks"]] == ["/g/a"]
    assert answer.json["tasks"] == marathon.call("GET", "/v2/apps/g/a/tasks").json["tasks"]


def test_a_dry_run_tells_where(marathon, two, app):
    answer = marathon.call("POST", "/v2/apps?dryRun=true", app("/c", cpus=3, instances=3))
    (placement,) = answer.json["placements"]
    assert placement["app"] == "/c" and len(placement["placed"]) == 2
    assert set(placement["placed"][0]) == {"hostname", "agentId"}
    assert placement["waiting"]["count"] == 1
    (node,) = placement["waiting"]["nodes"]
    assert node["reason"] == "InsufficientCpus" and node["missing"].startswith("3 cpus are needed, ")


def test_a_dry_run_is_refused_like_the_change(marathon, locked):
    answer = marathon.call("PUT", "/v2/apps/locked?dryRun=true", {"cpus": 1})
    assert answer.status == 409 and answer.json["deployments"] == [{"id": locked[1]}]
    answer = marathon.call("PUT", "/v2/apps/locked?dryRun=true&force=true", {"cpus": 1})
    assert answer.status == 200 and answer.json["cancels"] == [locked[1]]
    assert [d["id"] for d in marathon.call("GET", "/v2/deployments").json] == [locked[1]]


def test_a_dry_run_of_an_end_ends_nothing(marathon, app, locked):
    undone = marathon.call("DELETE", f"/v2/deployments/{locked[1]}?dryRun=true")
    assert undone.status == 200
    assert (undone.json["steps"], undone.json["cancels"]) == ([step("Stop", "/locked")], [locked[1]])
    ended = marathon.call("DELETE", f"/v2/deployments/{locked[1]}?dryRun=true&force=true")
    assert (ended.status, ended.json) == (200, {"steps": [], "cancels": [locked[1]], "placements": []})
    assert [d["id"] for d in marathon.call("GET", "/v2/deployments").json] == [locked[1]]
    for force in "false", "true":
        assert marathon.call("DELETE", f"/v2/deployments/none?dryRun=true&force={force}").status == 404


def test_so_many_deployments_and_no_more(marathon, app):
    for i in range(100):
        assert marathon.call("POST", "/v2/apps", app(f"/many/a{i}", cpus=1000)).status == 201
    answer = marathon.call("POST", "/v2/apps", app("/many/one-more", cpus=1000))
    assert answer.status == 403 and answer.json["message"].startswith(
        "Max number (100) of running deployments is achieved. Wait for existing deployments to complete or cancel one using "
        "force=true parameter.")
    # What takes the place of another is not one more.
    assert marathon.call("PUT", "/v2/apps/many/a0?force=true", {"cpus": 999}).status == 200
    assert marathon.call("DELETE", "/v2/groups/many?force=true").status == 200
