"""Apps with persistent volumes on real agents: what they wrote is there again, whoever dies in between."""
import contextlib
import json
import os
import pathlib
import select
import signal

import pytest

from cluster import wait_until

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
ROLE = "data"
NODE = "cpus:4;mem:2048;disk:1000;ports:[31000-31099]"


def db(**changes):
    """Every task of it adds its id to what those before it wrote."""
    return {"id": "/db", "cmd": "echo $MESOS_TASK_ID >> data/log; exec sleep 1000", "cpus": 0.1, "mem": 32, "disk": 8,
            "backoffSeconds": 1, "taskKillGracePeriodSeconds": 1,
            "container": {"type": "MESOS", "volumes": [{"containerPath": "data", "persistent": {"size": 64}}]}, **changes}


@pytest.fixture(name="node")
def one_agent(cluster):
    cluster.start_master(f"--mesos_role={ROLE}")
    start_agent(cluster)
    return cluster


def start_agent(cluster):
    return cluster.start_agent(f"--resources={NODE}", "--registration_backoff_factor=100ms")


def volumes(agent):
    """Of their directories on the disk."""
    place = agent.work_dir / "volumes/roles" / ROLE
    return sorted(os.listdir(place)) if place.exists() else []


def log(agent, name=None):
    path = agent.work_dir / "volumes/roles" / ROLE / (name or volumes(agent)[0]) / "log"
    return path.read_text().split() if path.exists() else []


def running(cluster, n=1, app_id="/db"):
    """Its tasks when they are so many, each of which has written."""
    def find():
        tasks = [t for t in cluster.tasks(app_id) if t["state"] == "TASK_RUNNING"]
        written = {line for agent in cluster.agents for name in volumes(agent) for line in log(agent, name)}
        return tasks if len(tasks) == n and {t["id"] for t in tasks} <= written else None
    return wait_until(find, f"{n} running tasks of {app_id}", 60)


def next_of(cluster, task_id):
    return wait_until(lambda: (t := running(cluster))[0]["id"] != task_id and t[0], f"the task after {task_id}", 60)


def instance_of(task):
    return task["id"].split("._app.")[0]


def reserved(cluster):
    return {s["hostname"]: {role: r for role, r in s["reserved_resources"].items() if any(v for v in r.values())}
            for s in cluster.call("GET", "/slaves").json["slaves"]}


def kill_task(cluster):
    task = running(cluster)[0]
    assert cluster.call("DELETE", f"/v2/apps/db/tasks/{task['id']}").status == 200
    return next_of(cluster, task["id"])


def restart_app(cluster):
    task = running(cluster)[0]
    answer = cluster.call("POST", "/v2/apps/db/restart")
    assert answer.status == 200, answer.body
    cluster.wait_deployment(answer.json["deploymentId"])
    return next_of(cluster, task["id"])


def update_app(cluster):
    task = running(cluster)[0]
    answer = cluster.call("PUT", "/v2/apps/db", {"env": {"CHANGED": "yes"}})
    assert answer.status == 200, answer.body
    cluster.wait_deployment(answer.json["deploymentId"])
    return next_of(cluster, task["id"])


def assert_nothing_is_left(cluster):
    wait_until(lambda: not any(reserved(cluster).values()), "the release of all that was reserved", 60)
    wait_until(lambda: not any(volumes(a) for a in cluster.agents), "the end of the volumes' directories", 60)
    for slave in cluster.call("GET", "/slaves").json["slaves"]:
        assert slave["unreserved_resources"]["disk"] == 1000 and slave["unreserved_resources"]["ports"] == "[31000-31099]"


def test_data_survives_whatever_happens_to_the_task(node):
    node.deploy(db())
    tasks = [running(node)[0]]
    volume = tasks[0]["localVolumes"][0]
    assert volumes(node.agents[0]) == [volume["persistenceId"]] and volume["containerPath"] == "data"
    port = tasks[0]["ports"]
    for happens in (kill_task, restart_app, update_app):
        tasks.append(happens(node))
    node.kill_agent(node.agents[0])
    node.kill_master()
    node.agents_are_back()
    assert running(node)[0]["id"] == tasks[-1]["id"]
    tasks.append(kill_task(node))
    assert log(node.agents[0]) == [t["id"] for t in tasks]
    assert {instance_of(t) for t in tasks} == {instance_of(tasks[0])} and tasks[-1]["ports"] == port
    assert [t["id"].rsplit(".", 1)[1] for t in tasks] == [str(n + 1) for n in range(len(tasks))]
    assert tasks[-1]["localVolumes"] == [volume]
    node.remove("/db")
    assert_nothing_is_left(node)


def test_the_example_is_what_the_docs_say(node):
    app = json.loads((REPOSITORY / "docs/examples/database.json").read_text())
    node.deploy(app)
    starts = node.agents[0].work_dir / "volumes/roles" / ROLE / volumes(node.agents[0])[0] / "starts"
    wait_until(lambda: starts.exists() and len(starts.read_text().splitlines()) == 1, "the first start")
    node.wait_deployment(node.call("POST", f"/v2/apps{app['id']}/restart").json["deploymentId"])
    wait_until(lambda: len(starts.read_text().splitlines()) == 2, "the second start")
    node.remove(app["id"])
    assert_nothing_is_left(node)


def test_what_the_command_line_shows(node):
    node.tepui("app", "add", str(REPOSITORY / "docs/examples/database.json"), "--wait")
    task = node.tasks("/data/db")[0]
    name = task["localVolumes"][0]["persistenceId"]
    assert "data persistent, 100 MiB" in node.tepui("app", "show", "/data/db")
    assert f"data persistent, {name}" in node.tepui("task", "show", task["id"])
    assert name in node.tepui("node", "show", "127.0.0.1")
    node.tepui("task", "kill", "--wipe", task["id"])
    wait_until(lambda: volumes(node.agents[0]) not in ([], [name]) and name not in volumes(node.agents[0]),
               "another volume in the place of the old one", 60)
    node.remove("/data/db")
    assert_nothing_is_left(node)


def test_wiped_its_volume_is_destroyed(node):
    node.deploy(db())
    task = running(node)[0]
    answer = node.call("DELETE", f"/v2/apps/db/tasks/{task['id']}?wipe=true")
    assert answer.status == 200, answer.body
    other = next_of(node, task["id"])
    assert instance_of(other) != instance_of(task)
    name = other["localVolumes"][0]["persistenceId"]
    wait_until(lambda: volumes(node.agents[0]) == [name], "the end of the old volume", 60)
    assert log(node.agents[0]) == [other["id"]]
    wait_until(lambda: reserved(node)["127.0.0.1"][ROLE]["disk"] == 72, "the release of the old reservation", 60)
    node.remove("/db")
    assert_nothing_is_left(node)


def test_it_waits_for_the_agent_that_has_its_data(node):
    other = start_agent(node)
    node.deploy(db(instances=2))
    tasks = {t["slaveId"]: t for t in running(node, 2)}
    assert len(tasks) == 2
    away = next(t for t in tasks.values() if t["host"] == "node1.test")
    other.end(signal.SIGTERM)
    assert node.call("DELETE", f"/v2/apps/db/tasks/{away['id']}").status == 200
    for pid in other.processes():
        # With its parent it may be gone already.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    other.start()
    wait_until(lambda: node.active_agents() == 2, "the agent's return")
    back = wait_until(lambda: next((t for t in running(node, 2) if t["id"] not in [x["id"] for x in tasks.values()]), None),
                      "the task after", 60)
    assert back["slaveId"] == away["slaveId"] and log(other) == [away["id"], back["id"]]
    # Without instances the data is still there.
    for n in (0, 2):
        answer = node.call("PUT", "/v2/apps/db", {"instances": n})
        node.wait_deployment(answer.json["deploymentId"])
        assert len(node.tasks("/db")) == n
    running(node, 2)
    assert [len(log(agent)) for agent in node.agents] == [2, 3]
    node.remove("/db")
    assert_nothing_is_left(node)


@pytest.mark.parametrize("delay", [0, 0.002, 0.005, 0.01, 0.02, 0.05])
@pytest.mark.parametrize("who", ["master", "agent"])
def test_killed_at_any_moment_of_a_launch_nothing_is_lost_or_left(node, delay, who):
    assert node.call("POST", "/v2/apps", db()).status == 201
    select.select([], [], [], delay)
    if who == "master":
        node.kill_master()
        node.agents_are_back()
    else:
        node.kill_agent(node.agents[0])
    task = running(node)[0]
    name = task["localVolumes"][0]["persistenceId"]
    wait_until(lambda: volumes(node.agents[0]) == [name], "one volume", 60)
    assert log(node.agents[0])[-1] == task["id"]
    wait_until(lambda: reserved(node)["127.0.0.1"][ROLE]["disk"] == 72, "one reservation", 60)
    node.remove("/db")
    assert_nothing_is_left(node)


def test_deleted_while_the_master_is_killed_nothing_is_left(node):
    node.deploy(db())
    running(node)
    assert node.call("DELETE", "/v2/apps/db").status == 200
    node.kill_master()
    node.agents_are_back()
    wait_until(lambda: node.tasks("/db") == [], "the end of the task", 60)
    assert_nothing_is_left(node)
