"""Persistent volumes: made of reserved disk by a framework, kept when tasks, agents and masters end, destroyed."""
import os
import pathlib
import select
import subprocess

import pytest

from cluster import Cluster, wait_until
from executors import executor, launch
from framework import SMALL, Framework, scalar

ROLE = "db"
STATIC = [{"type": "STATIC", "role": ROLE}]


@pytest.fixture(name="node")
def running_node(request):
    cluster = Cluster("persistent")
    try:
        cluster.start_master()
        cluster.start_agent(f"--resources=cpus:4;mem:4096;disk:100;disk({ROLE}):1000;disk(other):50",
                            "--registration_backoff_factor=100ms")
        cluster.framework = Framework(cluster, roles=[ROLE])
        yield cluster
    finally:
        if getattr(request.node, "report_call", None) and request.node.report_call.failed:
            for daemon in cluster.daemons:
                print(f"---- {daemon.name}\n{daemon.text()[-6000:]}")
        cluster.close()


def disk(size, **more):
    return scalar("disk", size, reservations=STATIC, **more)


def volume(name, size=64, path="data", mode="RW", **more):
    return disk(size, disk={"persistence": {"id": name}, "volume": {"container_path": path, "mode": mode}}, **more)


def create(*volumes):
    return {"type": "CREATE", "create": {"volumes": list(volumes)}}


def destroy(*volumes):
    return {"type": "DESTROY", "destroy": {"volumes": list(volumes)}}


def volumes_of(offer):
    return {r["disk"]["persistence"]["id"]: r["scalar"]["value"] for r in offer["resources"] if "disk" in r}


def disk_of(offer, role=ROLE):
    return sum(r["scalar"]["value"] for r in offer["resources"] if r["name"] == "disk" and "disk" not in r
               and [x["role"] for x in r.get("reservations", [])] == ([role] if role else []))


def make(node, *volumes):
    """Create them and wait until they are offered and on the agent's disk."""
    node.framework.accept(node.framework.offer(), create(*volumes))
    names = {v["disk"]["persistence"]["id"] for v in volumes}
    offer = node.framework.offer(lambda o: names <= set(volumes_of(o)))
    wait_until(lambda: names <= set(on_agent(node)), "the agent to have them")
    node.framework.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 0})


def run(node, command, *volumes, before=(), states=("TASK_FINISHED", "TASK_FAILED", "TASK_ERROR"), **more):
    names = {v["disk"]["persistence"]["id"] for v in volumes} if not before else set()
    offer = node.framework.offer(lambda o: names <= set(volumes_of(o)) and len(o["resources"]) > 2)
    task = node.framework.launch(offer, command, [*SMALL, *volumes], before=before, **more)
    return task, node.framework.status(task, *states)


def directory(node, name):
    return node.agents[0].work_dir / "volumes/roles" / ROLE / name


def on_agent(node):
    return {v["persistence"]["id"]: v for v in node.agents[0].call("GET", "/state").json["volumes"]}


def restart_agent(node):
    agent = node.agents[0]
    agent.process.kill()
    agent.process.wait()
    agent.start()
    wait_until(lambda: node.active_agents() == 1, "the agent's return")


def restart_master(node):
    node.master.process.kill()
    node.master.process.wait()
    wait_until(lambda: node.framework.events[-1]["type"] == "CLOSED", "the end of the stream")
    node.start_master()
    wait_until(lambda: node.active_agents() == 1, "the agent's return")
    assert node.framework.subscribe()["type"] == "SUBSCRIBED"


def test_reserved_disk_is_offered_to_its_role_only(node):
    offer = node.framework.offer()
    assert disk_of(offer) == 1000 and disk_of(offer, None) == 100 and disk_of(offer, "other") == 0
    node.framework.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 3600})
    other = Framework(node, roles=["web"])
    offer = other.offer()
    assert disk_of(offer) == 0 and disk_of(offer, None) == 100
    slave = node.call("GET", "/slaves").json["slaves"][0]
    assert slave["resources"]["disk"] == 1150.0 and slave["unreserved_resources"]["disk"] == 100.0
    assert {role: has["disk"] for role, has in slave["reserved_resources"].items()} == {ROLE: 1000.0, "other": 50.0}


def test_a_framework_of_the_old_form_sees_roles(node):
    node.framework.call("TEARDOWN")
    old = Framework(node, subscribed=False)
    old.info = {"user": "nobody", "name": "old", "role": ROLE}
    old.subscribe()
    offer = old.offer()
    assert {(r["name"], r["role"]) for r in offer["resources"]} >= {("cpus", "*"), ("disk", "*"), ("disk", ROLE)}
    assert not any("reservations" in r or "allocation_info" in r for r in offer["resources"])
    made = scalar("disk", 10, role=ROLE, disk={"persistence": {"id": "o"},
                                              "volume": {"container_path": "d", "mode": "RW"}})
    task = old.launch(offer, "touch d/x", [*SMALL, made], before=[create(made)])
    assert old.status(task, "TASK_FINISHED", "TASK_FAILED", "TASK_ERROR")["state"] == "TASK_FINISHED"
    assert (directory(node, "o") / "x").exists()


def test_created_and_used_in_one_call_and_kept_when_the_task_ends(node):
    made = volume("one")
    task, status = run(node, "echo first > data/file; ls -ld data | cut -c1-10", made, before=[create(made)])
    assert status["state"] == "TASK_FINISHED", status
    file = directory(node, "one") / "file"
    assert file.read_text() == "first\n" and file.owner() == "nobody" and directory(node, "one").owner() == "nobody"
    offer = node.framework.offer(lambda o: volumes_of(o))
    assert volumes_of(offer) == {"one": 64.0} and disk_of(offer) == 936
    node.framework.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 0})
    # Elsewhere and read-only this time: it is the same volume.
    task, status = run(node, "cat there/file && ! touch there/x", volume("one", path="there", mode="RO"))
    assert status["state"] == "TASK_FINISHED", status


def test_two_volumes_of_one_size_stay_two(node):
    make(node, volume("a", 10), volume("b", 10))
    _, status = run(node, "echo a > a/name; echo b > b/name", volume("a", 10, "a"), volume("b", 10, "b"))
    assert status["state"] == "TASK_FINISHED", status
    assert (directory(node, "a") / "name").read_text() == "a\n"
    assert (directory(node, "b") / "name").read_text() == "b\n"


def test_while_a_task_has_it_nobody_else_is_offered_it(node):
    make(node, volume("one"))
    task, status = run(node, "exec sleep 1000", volume("one"), states=("TASK_RUNNING", "TASK_ERROR", "TASK_FAILED"))
    assert status["state"] == "TASK_RUNNING", status
    offer = node.framework.offer()
    assert volumes_of(offer) == {} and disk_of(offer) == 936
    second = node.framework.launch(offer, "true", [*SMALL, volume("one")])
    status = node.framework.status(second, "TASK_ERROR")
    assert "Task uses more resources" in status["message"] and f"disk({ROLE})[one:data]:64" in status["message"]
    offer = node.framework.offer()
    node.framework.accept(offer, destroy(volume("one")))
    wait_until(lambda: "is dropped: Persistent volumes in use" in node.master.text(), "the refusal")
    view = on_agent(node)["one"]
    assert view["task_id"] == task and view["limit_bytes"] == 64 << 20 and view["role"] == ROLE
    node.framework.call("KILL", task_id={"value": task})
    node.framework.status(task, "TASK_KILLED")
    assert "task_id" not in on_agent(node)["one"]


def test_agent_that_is_killed_keeps_volume_and_task(node):
    make(node, volume("one"))
    task, _ = run(node, "echo kept > data/file; exec sleep 1000", volume("one"), states=("TASK_RUNNING",))
    wait_until((directory(node, "one") / "file").exists, "the task's file")
    restart_agent(node)
    offer = node.framework.offer(lambda o: disk_of(o) == 936)
    assert volumes_of(offer) == {}
    node.framework.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 0})
    node.framework.call("KILL", task_id={"value": task})
    node.framework.status(task, "TASK_KILLED")
    _, status = run(node, "grep kept data/file", volume("one"))
    assert status["state"] == "TASK_FINISHED", status


def test_master_that_is_killed_believes_the_agent(node):
    make(node, volume("one"))
    _, status = run(node, "echo kept > data/file", volume("one"))
    assert status["state"] == "TASK_FINISHED", status
    restart_master(node)
    _, status = run(node, "grep kept data/file", volume("one"))
    assert status["state"] == "TASK_FINISHED", status
    slave = node.call("GET", "/slaves").json["slaves"][0]
    kept = [r for r in slave["reserved_resources_full"][ROLE] if "disk" in r]
    assert [r["disk"]["persistence"]["id"] for r in kept] == ["one"]


def test_destroyed_with_all_that_is_in_it(node):
    make(node, volume("one"), volume("two"))
    _, status = run(node, "mkdir -p data/a/b; touch data/a/b/c; chmod 0 data/a/b", volume("one"))
    assert status["state"] == "TASK_FINISHED", status
    node.framework.accept(node.framework.offer(lambda o: len(volumes_of(o)) == 2), destroy(volume("one")))
    offer = node.framework.offer(lambda o: disk_of(o) == 936)
    assert volumes_of(offer) == {"two": 64.0}
    node.framework.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 0})
    wait_until(lambda: not directory(node, "one").exists(), "its directory to be gone")
    trash = node.agents[0].work_dir / "trash"
    wait_until(lambda: not trash.exists() or not os.listdir(trash), "nothing to be left of it")
    assert set(on_agent(node)) == {"two"}
    # Its name is free again, and what is made under it is empty.
    _, status = run(node, "test -z \"$(ls -A data)\"", volume("one"), before=[create(volume("one"))])
    assert status["state"] == "TASK_FINISHED", status
    restart_agent(node)
    assert set(on_agent(node)) == {"one", "two"}


@pytest.mark.parametrize("delay", [0, 0.002, 0.01, 0.05])
def test_agent_killed_at_any_moment_has_it_or_not(node, delay):
    """Whatever is told after the restart is what there is: on the disk, in the agent and in offers."""
    def consistent(states):
        offer = node.framework.offer(lambda o: (set(volumes_of(o)), disk_of(o)) in states)
        node.framework.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 0})
        there = set(volumes_of(offer))
        assert set(on_agent(node)) == there
        roles = node.agents[0].work_dir / "volumes/roles" / ROLE
        assert set(os.listdir(roles) if roles.exists() else ()) == there
        return there

    both = [({"x"}, 936.0), (set(), 1000.0)]
    node.framework.accept(node.framework.offer(), create(volume("x")))
    select.select([], [], [], delay)
    restart_agent(node)
    if not consistent(both):
        make(node, volume("x"))
    node.framework.accept(node.framework.offer(lambda o: volumes_of(o)), destroy(volume("x")))
    select.select([], [], [], delay)
    restart_agent(node)
    consistent(both)


def test_what_an_unknown_volume_left_is_not_seen_by_a_new_one(node):
    directory(node, "one").mkdir(parents=True)
    (directory(node, "one") / "secret").write_text("old")
    restart_agent(node)
    assert f"{directory(node, 'one')}' is of a volume that no record knows: left alone" in node.agents[0].text()
    _, status = run(node, "test -z \"$(ls -A data)\"", volume("one"), before=[create(volume("one"))])
    assert status["state"] == "TASK_FINISHED", status


def test_volume_stays_although_less_is_reserved(node):
    make(node, volume("one", 900))
    agent = node.agents[0]
    agent.argv = [a.replace(f"disk({ROLE}):1000", f"disk({ROLE}):10") for a in agent.argv]
    restart_agent(node)
    offer = node.framework.offer(lambda o: disk_of(o) == 0)
    assert volumes_of(offer) == {"one": 900.0}
    assert "is larger than what is left of the disk reserved" in agent.text()


@pytest.mark.parametrize("operation, words", [
    (lambda: create(disk(5)), "Not a persistent volume: Resource disk does not have DiskInfo"),
    (lambda: create(), "Not a persistent volume"),
    (lambda: create(volume("x", 1001)), "Invalid CREATE Operation: "),
    (lambda: create(volume("x"), volume("x")), "a persistence ID is not unique"),
    (lambda: create(volume("have")), "Persistence ID 'have' is not unique"),
    (lambda: create(volume("..")), "Invalid persistence ID for persistent volume"),
    (lambda: create(volume("x", shared={})), "shared resources are not supported"),
    (lambda: create(disk(5, disk={"persistence": {"id": "x"}})), "Expecting 'volume' to be set for persistent volume"),
    (lambda: create(scalar("disk", 5, disk={"persistence": {"id": "x"}, "volume": {"container_path": "d", "mode": "RW"}})),
     "Persistent volumes cannot be created from unreserved resources"),
    (lambda: create({**volume("x"), "reservations": [{"type": "STATIC", "role": "other"}]}), "does not contain"),
    (lambda: create({**volume("x"), "reservations": [{"type": "DYNAMIC", "role": ROLE}]}),
     "does not contain"),
    (lambda: create({**volume("x"), "allocation_info": {"role": "other"}}), "allocated to role 'other'"),
    (lambda: destroy(volume("none")), "Persistent volumes not found"),
    (lambda: destroy(volume("have", 63)), "Persistent volumes not found"),
])
def test_what_is_dropped_and_why(node, operation, words):
    make(node, volume("have"))
    node.framework.accept(node.framework.offer(), operation())
    wait_until(lambda: f"is dropped: " in node.master.text(), "the refusal")
    assert words in node.master.text().split("is dropped: ")[-1]
    assert set(on_agent(node)) == {"have"}
    assert volumes_of(node.framework.offer()) == {"have": 64.0}


@pytest.mark.parametrize("path, words", [("../x", "not a path"), ("/proc/x", "mounts[0]"), ("/dev/x", "among the devices")])
def test_places_that_are_no_places_are_refused(node, path, words):
    made = volume("one", path=path)
    _, status = run(node, "true", made, before=[create(made)])
    assert status["state"] == "TASK_ERROR" and words in status["message"]


def test_use_is_shown(node):
    make(node, volume("one"))
    task, _ = run(node, "head -c 3000000 /dev/zero > data/x; sync data/x; exec sleep 1000", volume("one"),
                  states=("TASK_RUNNING",))
    agent = node.agents[0]

    def measured():
        row = agent.container_of(task)["statistics"].get("disk_statistics", [{}])[0]
        return row.get("used_bytes", 0) >= 3000000 and row
    row = wait_until(measured, "it is measured", 60)
    assert row["persistence"] == {"id": "one"} and row["limit_bytes"] == 64 << 20
    text = agent.call("GET", "/metrics").body.decode()
    assert f'tepui_volume_bytes{{role="{ROLE}",id="one"}} {64 << 20}' in text
    used = [line for line in text.splitlines() if line.startswith("tepui_volume_used_bytes{")]
    assert len(used) == 1 and int(used[0].split()[-1]) >= 3000000
    (row,) = [line.split() for line in node.tepui("node", "show").splitlines() if line.startswith("one ")]
    assert row[1] == ROLE and row[-1] == task


def test_an_executor_has_the_volumes_of_its_first_task_and_later_ones_bring_none(node):
    """What is mounted is so from the launch on: a task that would find a volume missing is refused."""
    make(node, volume("one"), volume("two"))
    def run_one(name, command):
        offer = node.framework.offer(lambda o: name in volumes_of(o) and len(o["resources"]) > 2)
        one, = launch(node.framework, executor(), command, offer=offer, resources=[*SMALL, volume(name)])
        return one
    first = run_one("one", "echo kept > $MESOS_SANDBOX/data/x; sleep 1000")
    node.framework.status(first, "TASK_RUNNING")
    wait_until(lambda: (directory(node, "one") / "x").exists(), "it is written to the volume")
    end = node.framework.status(run_one("two", "true"), "TASK_ERROR")
    assert "volume 'two' of role 'db': executor 'x' runs, and has the volumes that it was launched with" in end["message"]
    assert node.framework.status(first)["state"] == "TASK_RUNNING"
    plain, = launch(node.framework, executor(), "exit 0")
    assert node.framework.status(plain, "TASK_FINISHED")
    node.framework.call("TEARDOWN")
