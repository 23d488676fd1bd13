"""Constraints, on one real node; their arithmetic over many is in tests/unit/test_constraints.c."""
import pytest

from cluster import wait_until

pytestmark = pytest.mark.row("2.5")


@pytest.fixture
def hostname(cluster):
    (agent,) = cluster.call("GET", "/slaves").json["slaves"]
    return agent["hostname"]


@pytest.mark.parametrize("constraint", [
    ["hostname", "UNIQUE"], ["hostname", "CLUSTER"], ["hostname", "CLUSTER", "{}"], ["hostname", "GROUP_BY"],
    ["hostname", "GROUP_BY", "2"], ["hostname", "MAX_PER", "1"], ["hostname", "LIKE", ".+"], ["@hostname", "IS", "{}"],
    ["rack", "UNLIKE", ".*"],
], ids="-".join)
def test_what_it_allows_is_started(marathon, app, hostname, constraint):
    constraint = [part.replace("{}", hostname) for part in constraint]
    marathon.deploy(app(instances=1, constraints=[constraint]))


@pytest.mark.parametrize("constraint", [
    ["hostname", "CLUSTER", "nowhere"], ["hostname", "LIKE", "x"], ["hostname", "UNLIKE", ".*"], ["hostname", "IS", "x"],
    ["hostname", "MAX_PER", "0"], ["rack", "UNIQUE"], ["rack", "GROUP_BY"], ["@zone", "IS", "z"], ["@region", "LIKE", ".*"],
], ids="-".join)
def test_what_it_does_not_allow_waits_and_says_why(marathon, app, constraint):
    assert marathon.call("POST", "/v2/apps", app(constraints=[constraint])).status == 201

    def refused():
        for queued in marathon.call("GET", "/v2/queue?embed=nodes").json["queue"]:
            return [node for node in queued["nodes"] if node.get("reason") == "UnfulfilledConstraint"]
    (node,) = wait_until(refused, "the constraint to be looked at")
    assert node["missing"].startswith(f"constraint {' '.join(constraint)} is not met")
