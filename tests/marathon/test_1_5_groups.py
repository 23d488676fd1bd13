"""Groups: read, created, changed, scaled, taken back and deleted."""
import pytest

from cluster import wait_until

pytestmark = pytest.mark.row("1.5")


def settled(marathon):
    wait_until(lambda: marathon.call("GET", "/v2/deployments").json == [], "the end of all deployments", 60)


@pytest.fixture
def shop(marathon, app):
    """A group with an app, and one below it with another; both without instances."""
    answer = marathon.call("POST", "/v2/groups", {"id": "/shop", "dependencies": ["../base"], "apps": [app("web", instances=0)],
                                                  "groups": [{"id": "db", "apps": [app("store", instances=0)]}]})
    assert answer.status == 201, answer.body
    settled(marathon)
    return answer


def test_the_root_is_always_there(marathon):
    root = marathon.call("GET", "/v2/groups")
    assert root.status == 200
    assert set(root.json) == {"id", "apps", "pods", "groups", "dependencies", "version", "enforceRole"}
    assert (root.json["id"], root.json["apps"], root.json["pods"], root.json["groups"]) == ("/", [], [], [])
    assert (root.json["dependencies"], root.json["enforceRole"]) == ([], False)
    assert marathon.call("GET", "/v2/groups/").json["id"] == "/"


def test_a_group_is_created(shop):
    assert shop.headers["Location"] == "/shop"
    assert set(shop.json) == {"version", "deploymentId"}
    assert shop.headers["Marathon-Deployment-Id"] == shop.json["deploymentId"]


@pytest.mark.parametrize("path", ["/v2/groups/shop", "/v2/groups//shop", "/v2/groups/%2Fshop", "/v2/groups/shop/"])
def test_a_group_is_read(marathon, shop, path):
    group = marathon.call("GET", path).json
    assert (group["id"], group["dependencies"]) == ("/shop", ["/base"])
    assert group["version"] == shop.json["version"]
    (web,), (db,) = group["apps"], group["groups"]
    assert (web["id"], web["tasksRunning"], web["deployments"]) == ("/shop/web", 0, [])
    assert (db["id"], [app["id"] for app in db["apps"]]) == ("/shop/db", ["/shop/db/store"])


def test_a_group_is_there_by_its_apps(marathon, app):
    assert marathon.call("POST", "/v2/apps", app("/a/b/c", instances=0)).status == 201
    assert marathon.call("GET", "/v2/groups/a/b").json["apps"][0]["id"] == "/a/b/c"
    assert marathon.call("GET", "/v2/groups/a").json["groups"][0]["id"] == "/a/b"


@pytest.mark.parametrize("path", ["/v2/groups/none", "/v2/groups/none/apps", "/v2/groups/none/versions"])
def test_a_group_that_is_not_there(marathon, path):
    answer = marathon.call("GET", path)
    assert (answer.status, answer.json) == (404, {"message": "Group '/none' does not exist"})


@pytest.mark.parametrize("query, apps, groups", [
    ("", True, True), ("?embed=group.groups", False, True), ("?embed=group.apps", True, False),
    ("?embed=group.groups&embed=group.apps&embed=group.pods", True, True), ("?embed=unheard-of", False, False)])
def test_what_is_embedded(marathon, shop, query, apps, groups):
    group = marathon.call("GET", f"/v2/groups/shop{query}").json
    assert (bool(group["apps"]), bool(group["groups"])) == (apps, groups)


@pytest.mark.parametrize("embed, key", [
    ("tasks", "tasks"), ("counts", "tasksRunning"), ("deployments", "deployments"), ("readiness", "readinessCheckResults"),
    ("taskStats", "taskStats")])
def test_what_is_embedded_into_apps(marathon, shop, embed, key):
    group = marathon.call("GET", f"/v2/groups/shop?embed=group.apps&embed=group.apps.{embed}").json
    assert key in group["apps"][0]


def test_apps_of_a_group(marathon, shop):
    assert [app["id"] for app in marathon.call("GET", "/v2/groups/shop/apps").json] == ["/shop/db/store", "/shop/web"]
    assert [app["id"] for app in marathon.call("GET", "/v2/groups/apps").json] == ["/shop/db/store", "/shop/web"]


def test_a_group_is_created_once(marathon, shop, app):
    answer = marathon.call("POST", "/v2/groups/shop", {})
    assert (answer.status, answer.json) == (409, {"message": "Group /shop is already created. Use PUT to change this group."})
    answer = marathon.call("POST", "/v2/groups", {})
    assert (answer.status, answer.json) == (409, {"message": "Group / is already created. Use PUT to change this group."})
    answer = marathon.call("POST", "/v2/groups/shop/web", {})
    assert (answer.status, answer.json) == (409, {"message": "An app with the path /shop/web already exists."})


def test_a_list_of_apps_is_complete(marathon, shop, app):
    answer = marathon.call("PUT", "/v2/groups/shop", {"apps": [app("other", instances=0)]})
    assert answer.status == 200 and set(answer.json) == {"version", "deploymentId"}
    settled(marathon)
    group = marathon.call("GET", "/v2/groups/shop").json
    assert [app["id"] for app in group["apps"]] == ["/shop/other"]
    assert group["dependencies"] == ["/base"] and group["groups"][0]["id"] == "/shop/db"


def test_an_own_id_is_relative_to_the_address(marathon, app):
    assert marathon.call("PUT", "/v2/groups/a", {"id": "b", "apps": [app("c", instances=0)]}).status == 200
    assert marathon.app("/a/b/c")


def test_a_group_is_scaled(marathon, app):
    marathon.call("PUT", "/v2/groups/g", {"apps": [app("three", instances=3, cpus=1000)]})
    answer = marathon.call("PUT", "/v2/groups/g?force=true", {"scaleBy": 1.5})
    assert answer.status == 200 and marathon.app("/g/three")["instances"] == 5


def test_a_group_goes_back(marathon, shop, app):
    marathon.call("PUT", "/v2/groups/shop", {"apps": [], "dependencies": []})
    settled(marathon)
    assert marathon.call("PUT", "/v2/groups/shop", {"version": shop.json["version"]}).status == 200
    settled(marathon)
    group = marathon.call("GET", "/v2/groups/shop").json
    assert [app["id"] for app in group["apps"]] == ["/shop/web"] and group["dependencies"] == ["/base"]


def test_versions_of_a_group(marathon, shop):
    marathon.call("PUT", "/v2/groups/shop", {"apps": []})
    versions = marathon.call("GET", "/v2/groups/shop/versions").json
    assert versions == sorted(versions, reverse=True) and versions[1] == shop.json["version"]
    then = marathon.call("GET", f"/v2/groups/shop/versions/{versions[1]}").json
    assert (then["id"], then["version"], [app["id"] for app in then["apps"]]) == ("/shop", versions[1], ["/shop/web"])
    root = marathon.call("GET", f"/v2/groups/versions/{versions[1]}").json
    assert (root["id"], root["groups"][0]["id"]) == ("/", "/shop")
    assert marathon.call("GET", "/v2/groups/shop/versions/2001-02-03T04:05:06.007Z").status == 404
    assert marathon.call("GET", "/v2/groups/shop/versions/yesterday").status == 422


@pytest.mark.parametrize("body, path, error", [
    ({"scaleBy": 2, "apps": []}, "/scaleBy", "not allowed in conjunction with other properties."),
    ({"version": "2001-02-03T04:05:06.007Z", "apps": []}, "/version", "not allowed in conjunction with other properties."),
    ({"groups": [{"id": "a", "enforceRole": True}]}, "/groups(0)/enforceRole",
     "enforceRole can only be set for top-level groups, and /g/a is not top-level"),
    ({"dependencies": ["x"], "groups": [{"id": "x", "dependencies": ["../y"], "apps": [{"id": "a", "cmd": "x"}]},
                                        {"id": "y", "dependencies": ["../x"], "apps": [{"id": "a", "cmd": "x"}]}]},
     "/dependencies", "Dependency graph has cyclic dependencies."),
    ({"apps": [{"id": "a", "cmd": "x"}], "groups": [{"id": "a"}]}, "/", "Groups and Applications may not have the same identifier.")])
def test_a_wrong_group_is_refused(marathon, body, path, error):
    answer = marathon.call("PUT", "/v2/groups/g", body)
    assert (answer.status, answer.json["message"]) == (422, "Object is not valid")
    assert {"path": path, "errors": [error]} in answer.json["details"]


def test_a_group_is_locked(marathon, app):
    made = marathon.call("PUT", "/v2/groups/g", {"apps": [app("a", cpus=1000)]})
    for method, body in ("PUT", {"scaleBy": 2}), ("DELETE", None):
        answer = marathon.call(method, "/v2/groups/g", body)
        assert answer.status == 409 and answer.json["deployments"] == [{"id": made.json["deploymentId"]}]
        assert answer.json["message"] == (
            "App is locked by one or more deployments. Override with the option '?force=true'. "
            "View details at '/v2/deployments/<DEPLOYMENT_ID>'.")
    assert marathon.call("PUT", "/v2/groups/g?force=true", {"scaleBy": 2}).status == 200


def test_only_the_role_is_patched(marathon, shop):
    answer = marathon.call("PATCH", "/v2/groups/shop", {"enforceRole": False})
    assert (answer.status, answer.body) == (200, b"")
    assert marathon.call("PATCH", "/v2/groups/shop", {"apps": []}).status == 422
    assert marathon.call("PATCH", "/v2/groups/shop/db", {"enforceRole": False}).status == 422
    assert marathon.call("PATCH", "/v2/groups/none", {"enforceRole": False}).status == 404


def test_a_group_is_deleted(marathon, shop):
    answer = marathon.call("DELETE", "/v2/groups/shop/db")
    assert answer.status == 200 and set(answer.json) == {"version", "deploymentId"}
    settled(marathon)
    assert marathon.app("/shop/db/store") is None and marathon.app("/shop/web")
    answer = marathon.call("DELETE", "/v2/groups/shop/db")
    assert (answer.status, answer.json) == (404, {"message": "Group '/shop/db' does not exist"})
    assert marathon.call("DELETE", "/v2/groups").status == 200
    settled(marathon)
    assert marathon.call("GET", "/v2/groups").json["groups"] == []


def test_changes_of_groups_are_told(marathon, app, events):
    reader = events("?event_type=group_change_success&event_type=group_change_failed")
    made = marathon.call("PUT", "/v2/groups/a/b", {"apps": [app("c", cpus=1000)]})
    marathon.call("DELETE", "/v2/groups/a/b")
    success, failed = reader.next(), reader.next()
    assert (success["eventType"], success["groupId"], success["version"]) == (
        "group_change_success", "/a", made.json["version"])
    assert (failed["eventType"], failed["groupId"]) == ("group_change_failed", "/a") and failed["reason"]
