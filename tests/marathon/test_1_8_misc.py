"""Info, leader, plugins, ping, metrics, and the pages for people."""
import re

import pytest

from cluster import free_port, wait_until

pytestmark = pytest.mark.row("1.8")


@pytest.mark.parametrize("key", ["name", "version", "buildref", "elected", "leader", "frameworkId", "marathon_config",
                                 "zookeeper_config", "http_config"])
def test_info_has(cluster, key):
    assert key in cluster.call("GET", "/v2/info").json


def test_info(cluster):
    info = cluster.call("GET", "/v2/info").json
    assert info["name"] == "marathon" and re.match(r"1\.9\.\d+$", info["version"]) and info["elected"] is True
    assert info["leader"] == cluster.master_address
    assert info["http_config"] == {"http_port": cluster.master_port, "https_port": None}


@pytest.mark.parametrize(("key", "value"), [
    ("local_port_min", 10000), ("local_port_max", 20000), ("framework_name", "marathon"), ("mesos_role", "*"), ("features", []),
    ("hostname", "127.0.0.1"), ("env_vars_prefix", ""), ("mesos_bridge_name", "mesos-bridge"), ("executor", "//cmd"), ("ha", False), ("checkpoint", True),
    ("task_launch_timeout", 300000), ("access_control_allow_origin", None), ("maintenance_mode", False),
    ("max_running_deployments", 100), ("default_network_name", None), ("webui_url", None), ("mesos_user", "root"),
    ("new_group_enforce_role", "off"), ("failover_timeout", 604800), ("decline_offer_duration", 120000),
    ("scale_apps_interval", 300000), ("reconciliation_interval", 600000), ("task_launch_confirm_timeout", 300000),
])
def test_config_in_info(cluster, key, value):
    assert cluster.call("GET", "/v2/info").json["marathon_config"][key] == value


def test_config_names_the_master(cluster):
    assert cluster.call("GET", "/v2/info").json["marathon_config"]["master"] == cluster.master_address


def test_leader(cluster):
    assert cluster.call("GET", "/v2/leader").json == {"leader": cluster.master_address}


def test_a_leader_abdicates_and_ends_in_good_order(alone):
    master = alone()
    answer = master.call("DELETE", "/v2/leader")
    assert (answer.status, answer.json) == (200, {"message": "Leadership abdicated"})
    wait_until(lambda: not master.master.is_alive(), "the end of the master")
    assert master.master.process.returncode == 0
    assert "ends on request" in master.master.text()


@pytest.mark.parametrize("parameter", ["backup", "restore"])
def test_a_leader_makes_no_backup(cluster, parameter):
    assert cluster.call("DELETE", f"/v2/leader?{parameter}=file:///tmp/x").status == 422
    assert cluster.call("GET", "/ping").status == 200


def test_plugins(cluster):
    assert cluster.call("GET", "/v2/plugins").json == {"plugins": []}


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
def test_no_plugin(cluster, method):
    answer = cluster.call(method, "/v2/plugins/magic/some/path")
    assert (answer.status, answer.json) == (404, {"message": "No plugin with this pluginId: magic"})


@pytest.mark.parametrize(("method", "accept", "body", "kind"), [
    ("GET", "*/*", b"pong", "text/plain; charset=utf-8"), ("HEAD", "*/*", b"", "text/plain; charset=utf-8"),
    ("GET", "application/json", b'"pong"', "application/json"),
])
def test_ping(cluster, method, accept, body, kind):
    answer = cluster.call(method, "/ping", headers={"Accept": accept})
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, body, kind)


# ---- metrics ----

JSON = {"Accept": "application/json"}


@pytest.mark.parametrize("key", ["start", "end", "counters", "gauges", "histograms", "meters", "timers"])
def test_metrics_have(cluster, key):
    assert key in cluster.call("GET", "/metrics", headers=JSON).json


@pytest.mark.parametrize(("name", "value"), [
    ("marathon.apps.active.gauge", 2), ("marathon.groups.active.gauge", 3), ("marathon.instances.running.gauge", 3),
    ("marathon.instances.staged.gauge", 0), ("marathon.deployments.active.gauge", 0), ("marathon.instances.inflight-kills.gauge", 0),
    ("marathon.http.event-streams.active.gauge", 1), ("service.mesosphere.marathon.app.count", 2),
    ("service.mesosphere.marathon.group.count", 3), ("service.mesosphere.marathon.task.running.count", 3),
    ("service.mesosphere.marathon.task.staged.count", 0),
])
def test_gauge(marathon, app, events, name, value):
    events().next()
    marathon.deploy(app("/a/b/c", instances=2))
    marathon.deploy(app("/a/d"))
    assert marathon.call("GET", "/metrics", headers=JSON).json["gauges"][name] == {
        "value": value, "mean": value, "max": value, "min": value}


@pytest.mark.parametrize(("name", "scale"), [
    ("marathon.uptime.gauge.seconds", 1), ("marathon.leadership.duration.gauge.seconds", 1),
    ("service.mesosphere.marathon.uptime", 1000), ("service.mesosphere.marathon.leaderDuration", 1000),
])
def test_uptime(cluster, name, scale):
    assert 0 < cluster.call("GET", "/metrics", headers=JSON).json["gauges"][name]["value"] < 86400 * scale


@pytest.mark.parametrize(("name", "more"), [("marathon.tasks.launched.counter", 3), ("marathon.deployments.counter", 1)])
def test_counter(marathon, app, name, more):
    def count():
        return marathon.call("GET", "/metrics", headers=JSON).json["counters"][name]["count"]
    before = count()
    marathon.deploy(app(instances=3))
    assert count() == before + more


@pytest.mark.parametrize("path", ["/metrics", "/metrics/prometheus"])
def test_metrics_for_prometheus(marathon, app, path):
    """As it asks; and of the master's own, too."""
    marathon.deploy(app())
    answer = marathon.call("GET", path, headers={"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5,*/*;q=0.1"})
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = answer.body.decode().splitlines()
    assert "marathon_apps_active_gauge 1" in lines and "# TYPE marathon_deployments_counter counter" in lines
    assert any(line.startswith("tepui_master_elected ") for line in lines)


def test_who_asks_for_nothing_gets_what_the_port_is_known_for(alone):
    port = free_port()
    master = alone(f"--http_port={port}")
    assert master.call("GET", "/metrics").headers["Content-Type"].startswith("text/plain")
    assert master.call("GET", "/metrics", port=port).json["gauges"]
    text = master.call("GET", "/metrics", headers={"Accept": "text/plain"}, port=port)
    assert text.headers["Content-Type"].startswith("text/plain")


# ---- for people ----

def test_help_lists_what_there_is(cluster):
    lines = cluster.call("GET", "/help").body.decode().splitlines()
    assert "GET    /v2/apps" in lines and "DELETE /v2/apps/*/tasks/:task" in lines


def test_config_is_the_flags(cluster):
    assert cluster.call("GET", "/config").json["flags"]["listen"] == cluster.master_address


@pytest.mark.parametrize(("level", "shown"), [("DEBUG", "DEBUG"), ("warn", "WARN"), ("ERROR", "ERROR"), ("trace", "DEBUG")])
def test_the_level_of_the_log_is_set(alone, level, shown):
    master = alone()
    assert "ROOT: INFO" in master.call("GET", "/logging").body.decode()
    assert f"ROOT: {shown}" in master.call("POST", "/logging", f"logger=ROOT&level={level}").body.decode()
    assert f"ROOT: {shown}" in master.call("GET", "/logging").body.decode()
    assert "ROOT: INFO" in master.call("POST", "/logging?logger=x&level=info").body.decode()


def test_a_level_that_is_none_is_refused(cluster):
    answer = cluster.call("POST", "/logging", "level=loud")
    assert answer.status == 400 and b"'loud' is none of" in answer.body
