"""Two teams, each a top-level group with its role: shares by weight, a quota, what a node reserves, and why one waits."""
import pytest

from cluster import wait_until
from operator_calls import ask

TASK = {"cmd": "exec sleep 1000", "cpus": 1, "mem": 32, "portDefinitions": []}


@pytest.fixture(name="cluster")
def enforcing_cluster(cluster):
    cluster.start_master("--new_group_enforce_role=top")
    return cluster


def running(cluster, app_id):
    return cluster.app(app_id)["tasksRunning"]


def role_of(cluster, name):
    return next((role for role in cluster.call("GET", "/roles").json["roles"] if role["name"] == name), None)


def has_cpus(cluster, name, cpus):
    return (role := role_of(cluster, name)) and role["resources"].get("cpus", 0) == cpus


def waits_because(cluster, app_id):
    queue = cluster.call("GET", "/v2/queue").json["queue"]
    return next((item["explanation"] for item in queue if item["app"]["id"] == app_id), "")


def declined(cluster, app_id, reason):
    queue = cluster.call("GET", "/v2/queue").json["queue"]
    return sum(row["declined"] for item in queue if item["app"]["id"] == app_id
               for row in item["processedOffersSummary"]["rejectSummaryLastOffers"] if row["reason"] == reason)


def test_weights_divide_the_nodes_among_the_teams(cluster):
    ask(cluster, "UPDATE_WEIGHTS", update_weights={"weight_infos": [{"role": "eng", "weight": 3}]})
    teams = [{"id": team, "apps": [{"id": "web", "instances": 8, **TASK}]} for team in ("dev", "eng")]
    assert cluster.call("PUT", "/v2/groups", {"groups": teams}).status == 200
    for _ in range(4):
        cluster.start_agent("--resources=cpus:1;mem:256")
    wait_until(lambda: running(cluster, "/dev/web") + running(cluster, "/eng/web") == 4, "four tasks", 60)
    assert (running(cluster, "/dev/web"), running(cluster, "/eng/web")) == (1, 3)
    wait_until(lambda: has_cpus(cluster, "dev", 1) and has_cpus(cluster, "eng", 3), lambda: cluster.call("GET", "/roles").json)
    assert role_of(cluster, "eng")["weight"] == 3
    assert declined(cluster, "/dev/web", "UnfulfilledRole") > 0


def test_a_quota_stops_a_team_and_no_other(cluster):
    ask(cluster, "UPDATE_QUOTA", update_quota={"force": True, "quota_configs": [{"role": "dev", "limits": {"cpus": {"value": 2}}}]})
    cluster.start_agent("--resources=cpus:6;mem:1024")
    assert cluster.call("POST", "/v2/apps", {"id": "/dev/web", "instances": 4, **TASK}).json["role"] == "dev"
    wait_until(lambda: running(cluster, "/dev/web") == 2, "two tasks within the quota", 60)
    assert cluster.call("POST", "/v2/apps", {"id": "/eng/web", "instances": 3, **TASK}).json["role"] == "eng"
    wait_until(lambda: running(cluster, "/eng/web") == 3, "three tasks of others", 60)
    # One more would find room.
    assert running(cluster, "/dev/web") == 2
    wait_until(lambda: "nor of what quotas deny to the role" in waits_because(cluster, "/dev/web"),
               lambda: f"the quota as a reason: {waits_because(cluster, '/dev/web')}")
    ask(cluster, "UPDATE_QUOTA", update_quota={"force": True, "quota_configs": [{"role": "dev"}]})
    assert cluster.call("DELETE", "/v2/groups/eng?force=true").status == 200
    wait_until(lambda: running(cluster, "/dev/web") == 4, "all four tasks", 60)


def test_what_a_node_reserves_is_the_teams_own(cluster):
    cluster.start_agent("--resources=cpus(dev):2;mem(dev):512;cpus:1;mem:256")
    assert cluster.call("POST", "/v2/apps", {"id": "/eng/web", "instances": 3, **TASK}).status == 201
    wait_until(lambda: running(cluster, "/eng/web") == 1, "one task with what is everybody's", 60)
    assert cluster.call("POST", "/v2/apps", {"id": "/dev/web", "instances": 2, "acceptedResourceRoles": ["dev"], **TASK}).status == 201
    wait_until(lambda: running(cluster, "/dev/web") == 2, "two tasks with what is reserved", 60)
    assert running(cluster, "/eng/web") == 1
    (agent,) = cluster.call("GET", "/slaves").json["slaves"]
    assert agent["used_resources"]["cpus"] == 3


def test_another_role_moves_an_app_and_a_restart_of_the_master_keeps_it(cluster):
    cluster.start_agent("--resources=cpus:4;mem:512")
    cluster.call("PUT", "/v2/groups/dev", {"enforceRole": False})
    cluster.deploy({"id": "/dev/web", "instances": 2, **TASK})
    assert role_of(cluster, "dev") is None or "cpus" not in role_of(cluster, "dev")["resources"]
    before = {task["id"] for task in cluster.tasks("/dev/web")}
    answer = cluster.call("PATCH", "/v2/apps/dev/web", {"role": "dev"})
    cluster.wait_deployment(answer.json["deploymentId"])
    after = cluster.tasks("/dev/web")
    assert {task["role"] for task in after} == {"dev"} and not before & {task["id"] for task in after}
    wait_until(lambda: has_cpus(cluster, "dev", 2), lambda: cluster.call("GET", "/roles").json)
    cluster.master.end()
    cluster.start_master()
    wait_until(lambda: has_cpus(cluster, "dev", 2), lambda: cluster.call("GET", "/roles").json, 60)
    assert {task["id"] for task in cluster.tasks("/dev/web")} == {task["id"] for task in after}
