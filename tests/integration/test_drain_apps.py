"""Apps move away from nodes that are emptied or given up."""
import subprocess

import pytest

from cluster import BUILD, wait_until


def sleeper(instances):
    return {"id": "/sleeper", "cmd": "exec sleep 1000", "cpus": 0.05, "mem": 16, "instances": instances}


def running_on(cluster):
    return sorted(t["slaveId"] for t in cluster.tasks("/sleeper") if t["state"] == "TASK_RUNNING")


@pytest.mark.parametrize("verb", [["drain"], ["drain", "--gone"], ["gone"]])
def test_instances_are_replaced_elsewhere_without_delay(cluster, verb):
    cluster.start_master()
    cluster.start_agent()
    cluster.start_agent()
    cluster.deploy(sleeper(4))
    victim, other = sorted(s["id"] for s in cluster.call("GET", "/slaves").json["slaves"])
    assert victim in running_on(cluster)
    cluster.tepui("node", verb[0], victim, *verb[1:])
    wait_until(lambda: running_on(cluster) == [other] * 4, "all run on the other node", 30)
    # Being moved is no failure of the app's: it does not wait the longer for its next one.
    queue = cluster.call("GET", "/v2/queue").json["queue"]
    assert not queue or queue[0]["delay"]["timeLeftSeconds"] <= 1


def test_an_app_without_offers_is_told_what_may_keep_them(node):
    node.deploy(sleeper(1))
    node.tepui("node", "drain", "127.0.0.1", "--wait")
    wait_until(lambda: "none comes of drained nodes, nor of what quotas keep" in
               node.call("GET", "/v2/queue").body.decode(), "the queue says why")


def test_a_node_is_emptied_by_replacing_first(cluster):
    cluster.start_master()
    cluster.start_agent()
    cluster.start_agent()
    cluster.deploy(sleeper(4))
    victim, other = sorted(s["id"] for s in cluster.call("GET", "/slaves").json["slaves"])
    assert victim in running_on(cluster)
    drain = subprocess.Popen([BUILD / "tepui", f"--master={cluster.master_address}", "node", "drain", victim,
                              "--replace-first", "--wait"])
    counts = []
    try:
        while drain.poll() is None:
            counts.append(len(running_on(cluster)))
    finally:
        drain.kill()
        drain.wait()
    assert drain.returncode == 0
    assert min(counts) >= 4
    assert running_on(cluster) == [other] * 4
