"""What apps are promised while they change, on three nodes, with and without the master's death in the middle."""
import collections
import pathlib
import re

import pytest

from cluster import wait_until
from conftest import dies_too, shared_fleet
from fleet import SERVER, SLEEPER
from images import Layout, Store, busybox
from onlookers import Promises, Traffic


whole_fleet = shared_fleet()


@dies_too
def test_a_rolling_upgrade_fails_no_request(fleet, dies):
    fleet.deploy({**SERVER, "upgradeStrategy": {"minimumHealthCapacity": 1, "maximumOverCapacity": 0.5}})
    with Promises(fleet, "/web", least=4), Traffic(fleet, "/web") as traffic:
        wait_until(lambda: traffic.answers == ["1"] * 4, "four answer")
        deployment = fleet.change("/v2/apps/web", {"env": {"VERSION": "2"}})
        wait_until(lambda: "2" in traffic.answers, "the first of the new version answers")
        if dies:
            fleet.kill_master()
        fleet.wait_deployment(deployment)
        wait_until(lambda: traffic.answers == ["2"] * 4, "four of the new version answer", 60)
        fleet.settled("/web", 4)
    print(f"{traffic.requests} requests, never answered by fewer than {traffic.fewest}")
    assert traffic.fewest == 4


# ---- dependencies ----

def tier(name, *dependencies):
    """Two that are healthy when they say so, which takes a moment."""
    return {**SLEEPER, "id": f"/shop/{name}", "cmd": "sleep 0.5; touch up; exec sleep 1000", "instances": 2,
            "dependencies": list(dependencies), "healthChecks": [
                {"protocol": "COMMAND", "command": {"value": "test -e up"}, "gracePeriodSeconds": 60, "delaySeconds": 0,
                 "intervalSeconds": 1, "timeoutSeconds": 10, "maxConsecutiveFailures": 0}]}


def first_and_last(fleet, name):
    """When the first instance of a tier was begun, and when the last said that it is healthy."""
    sandboxes = [pathlib.Path(c["tepui"]["sandbox"]) for agent in fleet.agents for c in agent.containers()
                 if c["executor_id"].startswith(f"shop_{name}.")]
    return (min((s / "stdout").stat().st_mtime_ns for s in sandboxes), max((s / "up").stat().st_mtime_ns for s in sandboxes))


@dies_too
def test_who_depends_on_others_starts_after_them(fleet, dies):
    tiers = ("db", "api", "front")

    def in_order(there):
        counts = [sum(1 for task, _ in there if task.startswith(f"shop_{name}.")) for name in tiers]
        return next((f"{counts} of {tiers}" for below, above in zip(counts, counts[1:]) if above and below < 2), None)
    with Promises(fleet, "/shop/", most=6, rule=in_order):
        deployment = fleet.change("/v2/groups", {"id": "/shop", "apps": [
            tier("front", "api"), tier("api", "../shop/db"), tier("db")]}, "POST")
        wait_until(lambda: any(c.task.startswith("shop_db.") for c in fleet.containers()), "the first tier is begun")
        if dies:
            fleet.kill_master()
        wait_until(lambda: any(c.task.startswith("shop_api.") for c in fleet.containers()), "the second tier is begun")
        if dies:
            fleet.kill_master()
        fleet.wait_deployment(deployment)
        assert [len(fleet.running(f"/shop/{name}")) for name in tiers] == [2, 2, 2]
    times = [first_and_last(fleet, name) for name in tiers]
    assert all(below[1] < above[0] for below, above in zip(times, times[1:])), times


# ---- constraints ----

@dies_too
@pytest.mark.parametrize("constraint, instances, expected", [
    (["hostname", "UNIQUE"], 3, {"node1": 1, "node2": 1, "node3": 1}),
    (["rack", "GROUP_BY", "2"], 4, {"node1": 1, "node2": 1, "node3": 2}),
    (["zone", "CLUSTER", "west"], 4, {"node2": 2, "node3": 2}),
    (["hostname", "MAX_PER", "2"], 6, {"node1": 2, "node2": 2, "node3": 2}),
    (["zone", "IS", "east"], 3, {"node1": 3}),
])
def test_constraints_hold_at_every_moment(fleet, constraint, instances, expected, dies):
    def within(there):
        counts = collections.Counter(node for _, node in there)
        return next((f"{counts}, not {expected}" for node in counts if counts[node] > expected.get(node, 0)), None)
    with Promises(fleet, "/web", most=instances, rule=within):
        deployment = fleet.change("/v2/apps", {**SLEEPER, "instances": instances, "constraints": [constraint]}, "POST")
        wait_until(fleet.containers, "the first is there")
        if dies:
            fleet.kill_master()
        fleet.wait_deployment(deployment)
        fleet.settled("/web", instances)
        # Whoever ends is replaced where it was.
        victim = min(fleet.running("/web"))
        fleet.tepui("task", "kill", victim)
        if dies:
            fleet.kill_master()
        wait_until(lambda: victim not in fleet.running("/web"), "its end")
        fleet.settled("/web", instances)
    assert collections.Counter(t["host"] for t in fleet.tasks("/web")) == expected


# ---- canaries ----

def versions(fleet):
    """How many tasks run each version of /web."""
    return collections.Counter(t["version"] for t in fleet.tasks("/web") if t["state"] == "TASK_RUNNING")


def start_canary(fleet):
    """Three old instances and a canary that waits: its deployment."""
    fleet.deploy({**SLEEPER, "deployment": {"canary": {"count": 1, "weight": 10}},
                  "upgradeStrategy": {"minimumHealthCapacity": 1, "maximumOverCapacity": 0.5}})
    canary = fleet.change("/v2/apps/web", {"cmd": "exec sleep 2000"})
    wait_until(lambda: fleet.deployment(canary).get("awaitsPromotion"), "the canary is up")
    assert sorted(versions(fleet).values()) == [1, 3]
    # 10 % for the one, 90 % for the three.
    assert sorted(t["weight"] for t in fleet.tasks("/web")) == [30, 90, 90, 90]
    assert "awaits promotion" in fleet.tepui("deployment", "list")
    return canary


@dies_too
def test_a_canary_is_promoted(fleet, dies):
    canary = start_canary(fleet)
    new = fleet.app("/web")["version"]
    with Promises(fleet, "/web", least=3):
        if dies:
            fleet.kill_master()
            wait_until(lambda: fleet.deployment(canary).get("awaitsPromotion"), "the canary is known to be up again")
            assert sorted(versions(fleet).values()) == [1, 3]
        fleet.tepui("deployment", "promote", canary)
        if dies:
            fleet.kill_master()
        fleet.wait_deployment(canary)
        fleet.settled("/web", 3)
    assert versions(fleet) == {new: 3} and fleet.app("/web")["cmd"] == "exec sleep 2000"


@dies_too
def test_a_canary_is_aborted(fleet, dies):
    canary = start_canary(fleet)
    old = {t["id"] for t in fleet.tasks("/web") if t["weight"] == 90}
    with Promises(fleet, "/web", least=3, most=4):
        if dies:
            fleet.kill_master()
        fleet.tepui("deployment", "abort", canary)
        if dies:
            fleet.kill_master()
        assert fleet.deployment(canary)["reason"] == "aborted by request"
        wait_until(lambda: not fleet.call("GET", "/v2/deployments").json, "the way back", 60)
        fleet.settled("/web", 3)
    assert fleet.running("/web") == old and fleet.app("/web")["cmd"] == "exec sleep 1000"


# ---- versions that do not work ----

def image(name):
    return {"container": {"type": "DOCKER", "docker": {"image": name}}}


def executed(fleet):
    return {key: fleet.app("/web").get(key) for key in ("cmd", "container")}


@pytest.fixture(name="images", scope="module")
def images_of_every_node(whole_fleet, tmp_path_factory):
    """shop:1, which works, and shop:2, whose command does not."""
    for tag, command in (("1", "exec sleep 1000"), ("2", "echo starting; echo no table \"prices\" >&2; exit 7")):
        layout = tmp_path_factory.mktemp("image") / "box"
        Layout(layout).image([busybox()], {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh", "-c", command]})
        for machine in whole_fleet.machines[1:]:
            Store(whole_fleet.images_of(machine)).add(f"oci:{layout}", name=f"shop:{tag}")


@dies_too
@pytest.mark.parametrize("works, broken, cause", [
    (image("shop:1"), image("shop:2"), 'TASK_FAILED: Command exited with status 7; last output: "no table prices"$'),
    ({"cmd": "exec sleep 1000"}, {"cmd": "echo $((6 * 7)); exit 3"},
     'TASK_FAILED: Command exited with status 3; last output: "42"$'),
    ({"cmd": "exec sleep 1000"}, image("nosuch/image:1"), "TASK_[A-Z]+: .*'nosuch/image:1'"),
], ids=["image", "command", "no image"])
@pytest.mark.usefixtures("images")
def test_a_broken_version_is_rolled_back_with_its_cause(fleet, works, broken, cause, dies):
    app = {key: value for key, value in SLEEPER.items() if key != "cmd"}
    fleet.deploy({**app, **works})
    good, definition = fleet.running("/web"), executed(fleet)
    # Those of the broken version that come and go are beside them.
    with Promises(fleet, "/web", least=3):
        failing = fleet.change("/v2/apps/web", {
            **broken, "deployment": {"deadlineSeconds": 3, "minUpSeconds": 1, "rollback": True}})
        wait_until(lambda: "lastTaskFailure" in fleet.app("/web"), "the first failure")
        if dies:
            fleet.kill_master()
        failed = wait_until(lambda: (found := fleet.deployment(failing))["state"] != "running" and found,
                            "the deadline", 60)
        assert failed["state"] == "failed"
        assert re.match("app '/web' was not up within 3 s: instance 'web.instance-[0-9a-f-]{36}' on node 'node[123]' ended: "
                        + cause, failed["reason"]), failed["reason"]
        if dies:
            fleet.kill_master()
        wait_until(lambda: not fleet.call("GET", "/v2/deployments").json, "the end of the rollback", 60)
        fleet.settled("/web", 3)
    # The cause is told to whoever comes back later, too; the good ones were touched neither on the way there nor back.
    assert fleet.deployment(failing) == failed
    assert fleet.running("/web") == good and executed(fleet) == definition
