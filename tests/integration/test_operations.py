"""Operations with an id: what becomes of them, told by the agent until the framework has acknowledged it."""
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
VOLUME = scalar("disk", 64, reservations=[{"type": "STATIC", "role": ROLE}],
                disk={"persistence": {"id": "v"}, "volume": {"container_path": "data", "mode": "RW"}})


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
