"""What is done to a running task: stopped and let go on, signalled, resized."""
import os

import pytest

from cluster import wait_until
from conftest import shared_cluster

COUNTER = "trap 'echo hup' HUP; i=0; while :; do echo $i > count; i=$((i+1)); sleep 0.02; done"

cluster = shared_cluster("--resources=cpus:2;mem:1024;ports:[31000-31099]", "--cfs_quota")


@pytest.fixture(name="counter", scope="module")
def running_counter(cluster):
    cluster.deploy({"id": "/counter", "cmd": COUNTER, "cpus": 0.1, "mem": 64, "instances": 1})
    return cluster.tasks("/counter")[0]["id"]


def container(cluster, task):
    return cluster.agents[0].container_of(task)


def read(cluster, task, name):
    with open(os.path.join(container(cluster, task)["tepui"]["sandbox"], name), encoding="ascii") as file:
        return file.read()


def count(cluster, task):
    return int(wait_until(lambda: read(cluster, task, "count"), "a count"))


def counts_on(cluster, task):
    before = count(cluster, task)
    wait_until(lambda: count(cluster, task) > before, "the counter to go on")


# ---- pause ----

def test_paused_task_does_nothing_and_goes_on(cluster, counter):
    counts_on(cluster, counter)
    cluster.tepui("task", "pause", counter)
    assert container(cluster, counter)["tepui"]["paused"] is True
    first = count(cluster, counter)
    cpu = container(cluster, counter)["statistics"]["cpus_user_time_secs"]
    # Twice the agent's time between samples of a container, by its samples.
    assert count(cluster, counter) == first
    cluster.tepui("task", "pause", counter)
    cluster.tepui("task", "resume", counter)
    counts_on(cluster, counter)
    assert container(cluster, counter)["tepui"]["paused"] is False
    assert container(cluster, counter)["statistics"]["cpus_user_time_secs"] >= cpu
    cluster.tepui("task", "resume", counter)


def test_paused_task_is_not_unhealthy(cluster):
    cluster.deploy({"id": "/checked", "cmd": "exec sleep 1000", "cpus": 0.1, "mem": 64, "instances": 1,
                    "healthChecks": [{"protocol": "COMMAND", "command": {"value": "echo x >> checks"},
                                      "intervalSeconds": 1, "timeoutSeconds": 1, "gracePeriodSeconds": 0,
                                      "maxConsecutiveFailures": 1}]})
    task = cluster.tasks("/checked")[0]["id"]
    wait_until(lambda: "x\nx" in read(cluster, task, "checks"), "two checks")
    cluster.tepui("task", "pause", task)
    checks = read(cluster, task, "checks")
    # Another container's checks go on meanwhile: that is how long it is paused.
    cluster.deploy({"id": "/clock", "cmd": "exec sleep 1000", "cpus": 0.1, "mem": 64, "instances": 1,
                    "healthChecks": [{"protocol": "COMMAND", "command": {"value": "echo x >> checks"},
                                      "intervalSeconds": 1, "timeoutSeconds": 1}]})
    clock = cluster.tasks("/clock")[0]["id"]
    wait_until(lambda: len(read(cluster, clock, "checks")) >= 8, "four checks of another")
    assert read(cluster, task, "checks") == checks
    cluster.tepui("task", "resume", task)
    wait_until(lambda: len(read(cluster, task, "checks")) > len(checks), "another check")
    assert [t["id"] for t in cluster.tasks("/checked")] == [task]
    for app in ("/checked", "/clock"):
        cluster.remove(app)


def test_paused_task_can_be_killed_in_order(cluster):
    cluster.deploy({"id": "/orderly", "cmd": "trap 'echo bye > bye; exit 0' TERM; touch ready; while :; do sleep 0.05; done",
                    "cpus": 0.1, "mem": 64, "instances": 1})
    task = cluster.tasks("/orderly")[0]["id"]
    sandbox = container(cluster, task)["tepui"]["sandbox"]
    wait_until(lambda: os.path.exists(os.path.join(sandbox, "ready")), "its trap")
    cluster.tepui("task", "pause", task)
    cluster.remove("/orderly")
    assert os.path.exists(os.path.join(sandbox, "bye"))


# ---- signal ----

@pytest.mark.parametrize("name", ["HUP", "SIGHUP", "1"])
def test_signal_reaches_the_main_process(cluster, counter, name):
    before = read(cluster, counter, "stdout").count("hup")
    cluster.tepui("task", "signal", counter, name)
    wait_until(lambda: read(cluster, counter, "stdout").count("hup") == before + 1, "its trap")


def test_what_is_no_signal(cluster, counter):
    done = cluster.tepui("task", "signal", counter, "NOPE", check=False)
    assert done.returncode == 1 and "body.signal: 'NOPE' is no signal" in done.stderr


# ---- resize ----

def cgroup_value(agent, name):
    """NAME's value in the one container's group, on either hierarchy."""
    for directory in agent.container_cgroups():
        path = os.path.join(directory, name)
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                return file.read().strip()
    return None


def limits(cluster, task):
    statistics = container(cluster, task)["statistics"]
    return statistics["cpus_limit"], statistics["mem_limit_bytes"]


def slave(cluster):
    return cluster.call("GET", "/slaves").json["slaves"][0]["used_resources"]


def used(cluster):
    row = slave(cluster)
    return row["cpus"], row["mem"]


def test_resize_changes_the_kernel_the_agent_and_the_master(cluster, counter):
    pid = container(cluster, counter)["tepui"]["pid"]
    wait_until(lambda: used(cluster) == (0.1, 64), "what the master counts")
    cluster.tepui("task", "resize", counter, "--cpus=0.5", "--mem=128")
    assert "limit 128 MiB" in cluster.tepui("task", "show", counter)
    wait_until(lambda: limits(cluster, counter) == (0.5, 128 << 20), "new limits")
    wait_until(lambda: used(cluster) == (0.5, 128), "what the master counts")
    assert container(cluster, counter)["tepui"]["pid"] == pid
    cluster.tepui("task", "resize", counter, "--mem=64")
    wait_until(lambda: limits(cluster, counter) == (0.5, 64 << 20), "new limits")
    wait_until(lambda: used(cluster) == (0.5, 64), "what the master counts")
    counts_on(cluster, counter)


def test_resize_survives_agent_and_master(cluster, counter):
    cluster.tepui("task", "resize", counter, "--cpus=0.3", "--mem=96")
    agent = cluster.agents[0]
    agent.process.kill()
    agent.process.wait()
    agent.start()
    wait_until(lambda: cluster.active_agents() == 1 and container(cluster, counter), "the agent's return")
    wait_until(lambda: used(cluster) == (0.3, 96), "what the master counts")
    cluster.master.process.kill()
    cluster.master.process.wait()
    cluster.start_master()
    wait_until(lambda: cluster.active_agents() == 1 and used(cluster) == (0.3, 96), "what the master counts")
    wait_until(lambda: limits(cluster, counter) == (0.3, 96 << 20), "the limits")
    # The guard of limits goes by the same document: nothing was "restored".
    assert "changed from outside" not in agent.text()


@pytest.mark.parametrize("options, words", [
    (["--mem=2048"], "more than the node has"),
    (["--cpus=2.5"], "more than the node has"),
    (["--mem=1"], "mem is below 4"),
    (["--cpus=0.001"], "cpus is below 0.01"),
    (["--mem=many"], "not a number"),
    ([], "neither --cpus nor --mem"),
])
def test_resize_that_cannot_be(cluster, counter, options, words):
    before = limits(cluster, counter), used(cluster)
    done = cluster.tepui("task", "resize", counter, *options, check=False)
    assert done.returncode in (1, 2) and words in done.stderr
    assert (limits(cluster, counter), used(cluster)) == before


def test_resize_below_what_is_in_use_is_refused(cluster):
    cluster.deploy({"id": "/large", "cmd": "head -c 40m /dev/zero | tail -c 40m | (sleep 1000)", "cpus": 0.1,
                    "mem": 96, "instances": 1})
    task = cluster.tasks("/large")[0]["id"]
    wait_until(lambda: container(cluster, task)["statistics"].get("mem_total_bytes", 0) > 30 << 20, "memory in use")
    done = cluster.tepui("task", "resize", task, "--mem=8", check=False)
    assert done.returncode == 1
    assert limits(cluster, task)[1] == 96 << 20
    assert cluster.tasks("/large")[0]["id"] == task
    cluster.remove("/large")


# ---- the API itself ----

@pytest.mark.parametrize("path, body, status", [
    ("/containers/nobody/pause", "", 404),
    ("/containers/nobody/resize", "{\"cpus\": 1}", 404),
    ("/containers/{id}/signal", "{}", 400),
    ("/containers/{id}/signal", "{\"signal\": 9}", 400),
    ("/containers/{id}/signal", "[]", 400),
    ("/containers/{id}/resize", "{\"cpus\": -1}", 400),
    ("/containers/{id}/resize", "{\"disk\": 1}", 400),
    ("/containers/{id}/resize", "{\"mem\": 100000}", 507),
    ("/containers/{id}/resize", "{" + " " * 5000 + "}", 413),
])
def test_requests_that_are_refused(cluster, counter, path, body, status):
    path = path.replace("{id}", container(cluster, counter)["container_id"])
    assert cluster.agents[0].call("POST", path, body).status == status


def test_pages_of_others_cannot_act(cluster, counter):
    path = f"/containers/{container(cluster, counter)['container_id']}/pause"
    answer = cluster.agents[0].call("POST", path, "", {"Origin": "http://evil.example"})
    assert answer.status == 403
    assert container(cluster, counter)["tepui"]["paused"] is False
