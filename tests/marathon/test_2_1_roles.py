"""reference/marathon.md 2.1: the role of an app, and which of the offered resources it accepts."""
import pytest

from cluster import wait_until

pytestmark = pytest.mark.row("2.1")

ROLE_ERROR = "got {}, expected one of: [{}]"


def errors_of(answer):
    assert (answer.status, answer.json["message"]) == (422, "Object is not valid"), answer.body
    return {detail["path"]: detail["errors"] for detail in answer.json["details"]}


def is_running(cluster, app_id, n=1):
    return wait_until(lambda: (view := cluster.call("GET", f"/v2/apps{app_id}").json["app"])["tasksRunning"] == n and view,
                      f"{n} running tasks of {app_id}", 60)


@pytest.mark.parametrize("app_id, role, allowed", [
    ("/web", "web", "*"), ("/web", "dev", "*"), ("/dev/web", "ops", "*, dev"), ("/dev/team/web", "team", "*, dev")])
def test_only_the_default_role_and_the_top_level_groups_are_allowed(marathon, app, app_id, role, allowed):
    answer = marathon.call("POST", "/v2/apps", app(app_id, role=role))
    assert errors_of(answer) == {"/role": [ROLE_ERROR.format(role, allowed)]}


@pytest.mark.parametrize("app_id, fields, role", [
    ("/web", {}, "*"), ("/dev/web", {}, "*"), ("/dev/web", {"role": "dev"}, "dev"), ("/dev/team/web", {"role": "dev"}, "dev"),
    ("/dev/web", {"role": "dev", "acceptedResourceRoles": ["*"]}, "dev")])
def test_an_app_runs_in_its_role(marathon, app, app_id, fields, role):
    assert marathon.call("POST", "/v2/apps", app(app_id, **fields)).status == 201
    assert is_running(marathon, app_id)["role"] == role
    assert marathon.call("GET", f"/v2/apps{app_id}/tasks").json["tasks"][0]["role"] == role


@pytest.mark.parametrize("role, accepted, error", [
    ("dev", ["ops"], "acceptedResourceRoles can only contain * and dev"), ("*", ["dev"], "acceptedResourceRoles can only contain *")])
def test_only_ones_own_reservations_are_accepted(marathon, app, role, accepted, error):
    answer = marathon.call("POST", "/v2/apps", app("/dev/web", role=role, acceptedResourceRoles=accepted))
    assert errors_of(answer) == {"/acceptedResourceRoles": [error]}


def test_the_default_role_is_a_flag(alone, app):
    cluster = alone("--mesos_role=ops")
    cluster.start_agent("--resources=cpus(ops):1;mem(ops):256;ports(ops):[31000-31009];cpus:1;mem:512")
    assert cluster.call("GET", "/v2/info").json["marathon_config"]["mesos_role"] == "ops"
    assert cluster.call("POST", "/v2/apps", app("/web", cpus=1, acceptedResourceRoles=["ops"])).status == 201
    assert is_running(cluster, "/web")["role"] == "ops"
    assert errors_of(cluster.call("POST", "/v2/apps", app("/other", role="*"))) == {"/role": [ROLE_ERROR.format("*", "ops")]}


# ---- groups that enforce their role ----

@pytest.mark.row("1.5")
def test_a_group_is_patched_to_enforce_its_role(marathon, app):
    assert marathon.call("POST", "/v2/apps", app("/dev/old")).status == 201
    is_running(marathon, "/dev/old")
    answer = marathon.call("PATCH", "/v2/groups/dev", {"enforceRole": True})
    assert (answer.status, answer.body) == (200, b""), answer.body
    assert marathon.call("GET", "/v2/groups/dev").json["enforceRole"] is True
    assert marathon.call("GET", "/v2/groups").json["enforceRole"] is False
    # Those that come have it, and what is there goes on as it is.
    assert marathon.call("POST", "/v2/apps", app("/dev/new")).json["role"] == "dev"
    answer = marathon.call("POST", "/v2/apps", app("/dev/other", role="*"))
    assert errors_of(answer) == {"/role": [ROLE_ERROR.format("*", "dev")]}
    assert is_running(marathon, "/dev/old")["role"] == "*"
    wait_until(lambda: marathon.call("GET", "/v2/deployments").json == [], "the end of all deployments", 60)
    # Another size is no other role; another role is for good.
    assert marathon.call("PATCH", "/v2/apps/dev/old", {"instances": 0}).status == 200
    assert marathon.call("PATCH", "/v2/apps/dev/old?force=true", {"role": "dev", "instances": 1}).status == 200
    assert is_running(marathon, "/dev/old")["role"] == "dev"
    assert errors_of(marathon.call("PATCH", "/v2/apps/dev/old?force=true", {"role": "*"})) == {"/role": [ROLE_ERROR.format("*", "dev")]}


@pytest.mark.row("1.5")
@pytest.mark.parametrize("group_id, path", [("dev/team", "/enforceRole"), ("", "/enforceRole")])
def test_only_top_level_groups_enforce(marathon, group_id, path):
    answer = marathon.call("PUT", f"/v2/groups/{group_id}", {"enforceRole": True})
    assert errors_of(answer) == {path: [f"enforceRole can only be set for top-level groups, and /{group_id} is not top-level"]}


@pytest.mark.row("1.5")
def test_a_group_comes_with_apps_and_what_it_enforces(marathon, app):
    group = {"id": "/dev", "enforceRole": True, "apps": [app("/dev/a")], "groups": [{"id": "team", "apps": [app("/dev/team/b")]}]}
    assert marathon.call("POST", "/v2/groups", group).status == 201
    assert [is_running(marathon, app_id)["role"] for app_id in ("/dev/a", "/dev/team/b")] == ["dev", "dev"]
    wait_until(lambda: marathon.call("GET", "/v2/deployments").json == [], "the end of all deployments", 60)
    answer = marathon.call("PUT", "/v2/groups/dev", {"enforceRole": False, "apps": [app("/dev/a")]})
    assert errors_of(answer) == {"/enforceRole": ["enforceRole cannot be modified in a request that adds, removes or modifies "
                                                  "services; please make these changes in separate requests."]}


@pytest.mark.row("1.8")
def test_new_groups_enforce_if_the_operator_wants_it(alone, app):
    cluster = alone("--new_group_enforce_role=top")
    assert cluster.call("GET", "/v2/info").json["marathon_config"]["new_group_enforce_role"] == "top"
    assert cluster.call("POST", "/v2/apps", app("/dev/web")).json["role"] == "dev"
    assert cluster.call("GET", "/v2/groups/dev").json["enforceRole"] is True
    assert cluster.call("POST", "/v2/apps", app("/web")).json["role"] == "*"
