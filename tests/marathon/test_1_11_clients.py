"""What clients in the field do, and what they read."""
import datetime
import json
import re

import pytest

pytestmark = pytest.mark.row("1.11")


def test_marathon_lb_reads_tasks_with_their_health(marathon, app):
    """It leaves out whoever is not alive, and takes labels for granted."""
    check = {"protocol": "COMMAND", "command": {"value": "true"}, "intervalSeconds": 1, "delaySeconds": 0}
    marathon.deploy(app(healthChecks=[check]))
    (shown,) = marathon.call("GET", "/v2/apps?embed=apps.tasks").json["apps"]
    assert shown["labels"] == {} and shown["healthChecks"]
    assert [result["alive"] for task in shown["tasks"] for result in task["healthCheckResults"]] == [True]


def test_traefik_reads_what_it_routes(marathon, app):
    marathon.deploy(app(labels={"traefik.enable": "true"}))
    (shown,) = marathon.call("GET", "/v2/apps?embed=apps.tasks&embed=apps.deployments&embed=apps.readiness").json["apps"]
    (task,) = shown["tasks"]
    assert shown["networks"][0]["mode"] == "host" and len(task["ports"]) == len(shown["portDefinitions"]) == 1
    assert task["state"] == "TASK_RUNNING" and shown["deployments"] == [] and shown["readinessCheckResults"] == []
    assert datetime.datetime.fromisoformat(task["startedAt"].replace("Z", "+00:00"))


def test_marathon_python_parses_versions(marathon, app):
    version = marathon.deploy(app())["version"]
    assert datetime.datetime.strptime(version, "%Y-%m-%dT%H:%M:%S.%fZ")


def test_marathon_python_sends_capital_booleans_and_absolute_ids(marathon, app):
    marathon.deploy(app())
    assert marathon.call("PUT", "/v2/apps//web?force=False", json.dumps({"instances": 2})).status == 200
    assert marathon.call("DELETE", "/v2/apps//web?force=True").status == 200


def test_go_marathon_reads_the_deployment_where_there_is_no_body(marathon, app):
    answer = marathon.call("POST", "/v2/apps", app())
    assert re.match(r"^[0-9a-f-]{36}$", answer.headers["Marathon-Deployment-Id"])


def test_go_marathon_probes_with_ping(cluster):
    assert cluster.call("GET", "/ping", '""').status == 200


def test_zdd_takes_service_ports_from_the_definition(marathon, app):
    shown = marathon.deploy(app(portDefinitions=[{"port": 0}, {"port": 0}]))
    ports = [d["port"] for d in shown["portDefinitions"]]
    assert len(set(ports)) == 2 and all(10000 <= p < 20000 for p in ports)
    assert marathon.tasks("/web")[0]["servicePorts"] == ports


def test_marathon_node_posts_json_and_joins_paths(marathon, app):
    assert marathon.call("POST", "/v2/apps", app("/a/b", instances=0), headers={"Content-Type": "application/json"}).status == 201
    assert marathon.call("GET", "/v2/apps/a/b").json["app"]["id"] == "/a/b"


def test_marathon_consul_finds_the_app_in_the_id_of_a_task(marathon, app):
    """allegro's marathon-consul cuts at the last dot and puts slashes for underscores."""
    marathon.deploy(app("/group/web"))
    (task,) = marathon.tasks("/group/web")
    name = task["id"].rsplit("._app", 1)[0].rsplit(".", 1)[0]
    assert "/" + name.replace("_", "/") == "/group/web"


@pytest.mark.parametrize("path", ["/v2/info", "/v2/apps?embed=apps.counts", "/v2/groups?embed=group.groups&embed=group.apps&embed=group.pods"
                                  "&embed=group.apps.deployments&embed=group.apps.counts&embed=group.apps.readiness",
                                  "/v2/deployments", "/v2/queue?embed=lastUnusedOffers", "/v2/apps//web?embed=app.taskStats&embed=app.readiness",
                                  "/v2/apps//web/versions"])
def test_marathon_ui_asks(marathon, app, path):
    marathon.deploy(app())
    answer = marathon.call("GET", path)
    assert answer.status == 200 and isinstance(answer.json, (dict, list))
