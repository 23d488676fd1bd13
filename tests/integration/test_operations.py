"""Operations with an id: what becomes of them, told by the agent until the framework has acknowledged it."""
import subprocess

import pytest

from cluster import Cluster, wait_until
from framework import Framework, scalar

ROLE = "db"


@pytest.fixture(name="node")
def running_node(request):
    cluster = Cluster("operations")
    try:
        cluster.start_master()
        cluster.start_agent(f"--resources=cpus:4;mem:4096;disk:100;disk({ROLE}):1000",
                            "--registration_backoff_factor=100ms")
        cluster.framework = Framework(cluster, roles=[ROLE])
        yield cluster
    finally:
        if getattr(request.node, "report_call", None) and request.node.report_call.failed:
            for daemon in cluster.daemons:
                print(f"---- {daemon.name}\n{daemon.text()[-6000:]}")
        cluster.close()


RESERVED = scalar("cpus", 1, reservations=[{"type": "DYNAMIC", "role": ROLE}])


def volume(id_):
    return scalar("disk", 64, reservations=[{"type": "STATIC", "role": ROLE}],
                  disk={"persistence": {"id": id_}, "volume": {"container_path": "data", "mode": "RW"}})


VOLUME = volume("v")


def reserve(id_, resource=RESERVED):
    return {"type": "RESERVE", "id": {"value": id_}, "reserve": {"resources": [resource]}}


def unreserve(id_, resource=RESERVED):
    return {"type": "UNRESERVE", "id": {"value": id_}, "unreserve": {"resources": [resource]}}


def create(id_):
    return {"type": "CREATE", "id": {"value": id_}, "create": {"volumes": [VOLUME]}}


def destroy(id_):
    return {"type": "DESTROY", "id": {"value": id_}, "destroy": {"volumes": [VOLUME]}}


def accept(framework, *operations):
    framework.accept(framework.offer(lambda o: len(o["resources"]) > 2), *operations)


def test_each_is_finished_and_heard_of(node):
    framework = node.framework
    offer = framework.offer()
    framework.accept(offer, reserve("a"), create("b"))
    for id_, converted in (("a", RESERVED), ("b", VOLUME)):
        status = framework.operation(id_, "OPERATION_FINISHED")
        assert status["agent_id"] == offer["agent_id"] and len(status["uuid"]["value"]) == 24
        assert status["converted_resources"] == [converted]
    framework.accept(framework.offer(lambda o: any("disk" in r for r in o["resources"])), destroy("c"), unreserve("d"))
    framework.operation("c", "OPERATION_FINISHED")
    framework.operation("d", "OPERATION_FINISHED")


def kill(daemon):
    daemon.process.kill()
    daemon.process.wait()


def closed(framework):
    return framework.events[-1]["type"] == "CLOSED"


def on_master(node):
    answer = node.call("POST", "/api/v1", {"type": "GET_OPERATIONS"},
                       {"Content-Type": "application/json", "Accept": "application/json"})
    assert answer.status == 200, answer.body
    return {o["info"]["id"]["value"]: o for o in answer.json["get_operations"].get("operations", [])}


def on_agent(node):
    answer = node.agents[0].call("POST", "/api/v1", {"type": "GET_OPERATIONS"},
                                 {"Content-Type": "application/json", "Accept": "application/json"})
    assert answer.status == 200, answer.body
    return {o["info"]["id"]["value"]: o for o in answer.json["get_operations"].get("operations", [])}


def told(framework, id_):
    return [s for s in (u["status"] for u in framework.all("UPDATE_OPERATION_STATUS"))
            if s["operation_id"]["value"] == id_]


def test_what_is_not_acknowledged_outlives_agent_master_and_framework(node):
    framework = node.framework
    accept(framework, reserve("a"))
    uuid = framework.operation("a", "OPERATION_FINISHED", acknowledge=False)["uuid"]
    for operations in (on_master(node), on_agent(node)):
        assert operations["a"]["latest_status"]["uuid"] == uuid and operations["a"]["framework_id"] == framework.info["id"]
    assert on_master(node)["a"]["uuid"] == on_agent(node)["a"]["uuid"]
    agent = node.agents[0]
    kill(agent)
    agent.start()
    wait_until(lambda: len(told(framework, "a")) > 1, "the status again, of the agent's next process")
    kill(node.master)
    wait_until(lambda: closed(framework), "the end of the stream")
    node.start_master()
    framework.subscribe()
    assert framework.operation("a", "OPERATION_FINISHED")["uuid"] == uuid
    wait_until(lambda: not on_agent(node), "the agent to have forgotten it")
    assert on_master(node) == {}
    kill(agent)
    agent.start()
    wait_until(lambda: node.active_agents() == 1, "the agent's return")
    assert on_agent(node) == {} == on_master(node)


def test_who_comes_back_is_told(node):
    framework = node.framework
    accept(framework, reserve("a"))
    framework.operation("a", "OPERATION_FINISHED", acknowledge=False)
    framework.close()
    framework.subscribe()
    framework.call("RECONCILE_OPERATIONS", operations=[])
    assert "uuid" not in framework.operation("a", "OPERATION_FINISHED", acknowledge=False)
    kill(node.agents[0])
    node.agents[0].start()
    wait_until(lambda: any("uuid" in s for s in told(framework, "a")), "the status by its agent")
    framework.operation("a", "OPERATION_FINISHED")
    wait_until(lambda: not on_agent(node), "the agent to have forgotten it")


def test_both_die_while_it_is_on_its_way(node):
    """Whatever is told of it in the end is true of the agent."""
    framework, agent = node.framework, node.agents[0]
    for i in range(3):
        id_ = f"o{i}"
        accept(framework, (unreserve if i % 2 else reserve)(id_))
        kill(agent)
        kill(node.master)
        wait_until(lambda: closed(framework), "the end of the stream")
        node.start_master()
        agent.start()
        wait_until(lambda: node.active_agents() == 1, "the agent's return")
        framework.subscribe()
        framework.call("RECONCILE_OPERATIONS", operations=[
            {"operation_id": {"value": id_}, "agent_id": {"value": on_slave(node)["id"]}}])
        state = framework.operation(id_, "OPERATION_FINISHED", "OPERATION_UNKNOWN")["state"]
        is_reserved = agent.call("GET", "/state").json["reserved_resources"][ROLE].get("cpus") == 1
        was_reserved = i % 2 == 1
        assert is_reserved == (was_reserved if state == "OPERATION_UNKNOWN" else not was_reserved)
        if is_reserved == was_reserved:
            accept(framework, (unreserve if i % 2 else reserve)(id_ + "again"))
            framework.operation(id_ + "again", "OPERATION_FINISHED")


def on_slave(node):
    return node.call("GET", "/slaves").json["slaves"][0]


@pytest.fixture(name="busy_place")
def place_that_cannot_be_cleared(node):
    """Where the directory of volume "w" is to be: a mount."""
    place = node.agents[0].work_dir / "volumes/roles" / ROLE / "w"
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


def test_what_has_failed_has_changed_nothing(node, busy_place):
    framework, agent = node.framework, node.agents[0]
    accept(framework, {"type": "CREATE", "id": {"value": "a"}, "create": {"volumes": [VOLUME, volume("w")]}})
    status = framework.operation("a", "OPERATION_FAILED")
    assert "converted_resources" not in status and str(busy_place.name) in status["message"]
    for _ in range(2):
        assert agent.call("GET", "/state").json["volumes"] == []
        assert framework.offer(lambda o: len(o["resources"]) > 2)["resources"] and not (busy_place.parent / "v").exists()
        kill(agent)
        agent.start()
        wait_until(lambda: node.active_agents() == 1, "the agent's return")
    accept(framework, create("b"))
    framework.operation("b", "OPERATION_FINISHED")


def test_an_agent_is_drained_when_all_are_acknowledged(node):
    framework = node.framework
    accept(framework, reserve("a"))
    framework.operation("a", "OPERATION_FINISHED", acknowledge=False)
    node.call("POST", "/api/v1", {"type": "DRAIN_AGENT", "drain_agent": {"agent_id": {"value": on_slave(node)["id"]}}},
              {"Content-Type": "application/json"})
    assert on_slave(node)["drain_info"]["state"] == "DRAINING"
    framework.operation("a", "OPERATION_FINISHED")
    wait_until(lambda: on_slave(node)["drain_info"]["state"] == "DRAINED", "the agent to be drained")


def test_counted(node):
    framework = node.framework
    accept(framework, reserve("a"), unreserve("b", scalar("cpus", 2, reservations=RESERVED["reservations"])))
    framework.operation("a", "OPERATION_FINISHED")
    assert framework.operation("b", "OPERATION_ERROR")["agent_id"]["value"] == on_slave(node)["id"]
    metrics = node.call("GET", "/metrics/snapshot").json
    assert {name: value for name, value in metrics.items() if name.startswith("master/operations/") and value} == {
        "master/operations/total": 2, "master/operations/finished": 1, "master/operations/error": 1,
        "master/operations/reserve/total": 1, "master/operations/reserve/finished": 1,
        "master/operations/unreserve/total": 1, "master/operations/unreserve/error": 1}
    text = node.call("GET", "/metrics").body.decode()
    assert "# TYPE tepui_master_operations_total counter\n" in text
    assert "# TYPE tepui_master_operations_reserve_pending gauge\n" in text
