"""Where instances go on three nodes in two racks, and why they go nowhere."""
import collections

import pytest

from cluster import Cluster, wait_until


@pytest.fixture(scope="module", params=["spread", "binpack"])
def cluster(request):
    made = Cluster(f"placement-{request.param}")
    made.strategy = request.param
    try:
        made.start_master(f"--placement_strategy={request.param}", "--local_port_min=12000", "--local_port_max=12003")
        for cpus, rack in ((8, "r1"), (4, "r1"), (2, "r2")):
            made.start_agent(f"--resources=cpus:{cpus};mem:4096;ports:[31000-31099]", f"--attributes=rack:{rack}")
        wait_until(lambda: made.active_agents() == 3, "three nodes")
        yield made
    finally:
        made.close()


def remove(cluster):
    cluster.call("DELETE", "/v2/apps/web?force=true")
    wait_until(lambda: cluster.call("GET", "/v2/deployments").json == [], "the end of the app")
    wait_until(lambda: cluster.call("GET", "/v2/tasks").json["tasks"] == [], "the end of its tasks")


@pytest.fixture
def place(cluster):
    """Deploy an app in place of the one before; where its instances are, as node -> how many."""
    def deploy(**fields):
        remove(cluster)
        cluster.deploy({"id": "/web", "cmd": "exec sleep 1000", "cpus": 1, "mem": 32, **fields})
        return collections.Counter(task["host"] for task in cluster.tasks("/web"))
    yield deploy
    remove(cluster)


def hosts(cluster):
    """From the largest node to the smallest."""
    agents = cluster.call("GET", "/slaves").json["slaves"]
    return [agent["hostname"] for agent in sorted(agents, key=lambda agent: -agent["resources"]["cpus"])]


def test_constraints_hold_on_every_node(cluster, place):
    large, _, small = hosts(cluster)
    assert place(instances=3, constraints=[["hostname", "UNIQUE"]]) == {host: 1 for host in hosts(cluster)}
    assert set(place(instances=2, constraints=[["rack", "IS", "r2"]])) == {small}
    assert set(place(instances=2, constraints=[["rack", "LIKE", "r[12]"], ["@hostname", "IS", large]])) == {large}
    assert place(instances=4, constraints=[["rack", "GROUP_BY", "2"]])[small] == 2


def test_each_node_says_what_it_lacks(cluster, place):
    large, medium, small = hosts(cluster)
    answer = cluster.call("POST", "/v2/apps", {"id": "/web", "cmd": "x", "cpus": 6, "constraints": [["rack", "IS", "r2"]]})
    assert answer.status == 201, answer.body

    def told():
        nodes = cluster.call("GET", "/v2/queue?embed=nodes").json["queue"][0]["nodes"]
        return {node["hostname"]: node["missing"] for node in nodes} if len(nodes) == 3 else None
    assert wait_until(told, "offers of three nodes") == {
        large: "constraint rack IS r2 is not met by r1", medium: "constraint rack IS r2 is not met by r1",
        small: "6 cpus are needed, 2 are free"}


def test_service_ports_run_out(cluster):
    answer = cluster.call("POST", "/v2/apps", {"id": "/web", "cmd": "x", "instances": 0, "ports": [0, 0, 0, 0]})
    assert answer.status == 422
    assert answer.json["message"] == "no service port is left between 12000 and 12002: raise --local_port_max"


def test_instances_go_where_the_strategy_says(cluster, place):
    large, medium, small = hosts(cluster)
    if cluster.strategy == "spread":
        assert place(instances=3) == {large: 1, medium: 1, small: 1}
        assert place(instances=2, placementStrategy="BINPACK") == {small: 2}
    else:
        assert place(instances=2) == {small: 2}
        assert place(instances=3, placementStrategy="SPREAD") == {large: 1, medium: 1, small: 1}
