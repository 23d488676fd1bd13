"""The environment of tasks, as their processes have it."""
import pytest

from cluster import wait_until

pytestmark = pytest.mark.row("2.6")

LABELS = {"tier": "web", "a.b-c": "1", "long": "x" * 512}


def environment_of(cluster, task_id):
    for pid in cluster.agents[0].processes():
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                pairs = dict(entry.partition("=")[::2] for entry in file.read().decode().split("\0") if entry)
        except OSError:
            continue
        if pairs.get("MESOS_TASK_ID") == task_id and "MARATHON_APP_ID" in pairs:
            return pairs
    return None


@pytest.fixture
def task(marathon, app):
    marathon.deploy(app("/a/env", labels=LABELS, env={"OWN": "1", "PORT1": "mine"}, cpus=0.5,
                        portDefinitions=[{"port": 0, "name": "web-ui"}, {"port": 9100}]))
    (task,) = marathon.tasks("/a/env")
    task["env"] = wait_until(lambda: environment_of(marathon, task["id"]), "the environment of the task")
    return task


def test_names_of_the_task_and_its_app(task):
    env = task["env"]
    assert env["MARATHON_APP_ID"] == "/a/env" and env["MARATHON_APP_VERSION"] == task["version"]
    assert env["HOST"] == task["host"] and env["MARATHON_APP_ENFORCE_GROUP_ROLE"] == "false"
    assert "MARATHON_APP_DOCKER_IMAGE" not in env
    assert "MESOS_SANDBOX" in env


def test_resources_are_told_with_a_fraction(task):
    env = task["env"]
    assert [env[f"MARATHON_APP_RESOURCE_{kind}"] for kind in ("CPUS", "MEM", "DISK")] == ["0.5", "32.0", "0.0"]
    assert env["MARATHON_APP_RESOURCE_GPUS"] == "0"


def test_labels_are_told_but_long_ones(task):
    env = task["env"]
    assert set(env["MARATHON_APP_LABELS"].split()) == {"TIER", "A_B_C"}
    assert env["MARATHON_APP_LABEL_TIER"] == "web" and env["MARATHON_APP_LABEL_A_B_C"] == "1"
    assert "MARATHON_APP_LABEL_LONG" not in env


def test_ports_are_told_under_all_their_names(task):
    env, (first, second) = task["env"], task["ports"]
    assert env["PORT"] == env["PORT0"] == env["PORT_WEB_UI"] == str(first)
    assert env[f"PORT_{task['servicePorts'][0]}"] == str(first) and env["PORT_9100"] == str(second)
    assert env["PORTS"] == f"{first},{second}"


def test_the_users_own_wins(task):
    assert task["env"]["OWN"] == "1" and task["env"]["PORT1"] == "mine"


def test_an_app_without_ports_has_no_variable_of_them(marathon, app):
    marathon.deploy(app(portDefinitions=[]))
    (task,) = marathon.tasks("/web")
    env = wait_until(lambda: environment_of(marathon, task["id"]), "the environment of the task")
    assert not [name for name in env if name.startswith("PORT")]


def effective_env(cluster, app_id):
    return cluster.call("GET", f"/v2/apps{app_id}/effective").json["effective"]["env"]


def test_where_it_is_has_the_operators_prefix(alone, app):
    cluster = alone("--env_vars_prefix=TEPUI_")
    assert cluster.call("GET", "/v2/info").json["marathon_config"]["env_vars_prefix"] == "TEPUI_"
    assert cluster.call("POST", "/v2/apps", app(env={"OWN": "1"}, portDefinitions=[{"port": 9100, "name": "api"}])).status == 201
    env = effective_env(cluster, "/web")
    assert {name for name in env if "HOST" in name or "PORT" in name} == {
        "TEPUI_HOST", "TEPUI_PORT", "TEPUI_PORTS", "TEPUI_PORT0", "TEPUI_PORT_9100", "TEPUI_PORT_API"}
    assert env["OWN"] == "1" and env["MARATHON_APP_ID"] == "/web"


def test_whether_the_group_enforces_its_role_is_told(alone, app):
    cluster = alone("--new_group_enforce_role=top")
    for app_id, told in (("/web", "false"), ("/dev/web", "true")):
        assert cluster.call("POST", "/v2/apps", app(app_id)).status == 201
        assert effective_env(cluster, app_id)["MARATHON_APP_ENFORCE_GROUP_ROLE"] == told
