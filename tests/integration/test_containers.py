"""Containers that are no task's: on their own and in another one, launched by calls of the agent's operator API."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import threading

import pytest

from cluster import SLOW, wait_until
from conftest import shared_cluster

SLEEPER = {"id": "/parent", "cmd": "readlink /proc/self/ns/ipc > ipc; exec sleep 1000", "cpus": 0.5, "mem": 64,
           "instances": 1}
RESOURCES = [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
             {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}}]
OWN_LIMITS = {"type": "MESOS", "linux_info": {"share_cgroups": False}}

cluster = shared_cluster(app=SLEEPER)


@pytest.fixture(name="parent")
def parent_id(cluster, agent):
    return agent.container_of(cluster.tasks("/parent")[0]["id"])["container_id"]


def call(agent, kind, **body):
    return agent.call("POST", "/api/v1", {"type": kind, kind.lower(): body}, {"Content-Type": "application/json"})


def child_of(parent, name):
    return {"value": name, "parent": {"value": parent}}


def shell(script):
    return {"shell": True, "value": script}


def launch(agent, container_id, script, status=200, **more):
    answer = call(agent, "LAUNCH_CONTAINER", container_id=container_id, command=shell(script), **more)
    assert answer.status == status, answer.body
    return answer


def wait_for(agent, container_id):
    answer = call(agent, "WAIT_CONTAINER", container_id=container_id)
    assert answer.status == 200, answer.body
    return answer.json["wait_container"]


def remove(agent, container_id):
    assert call(agent, "REMOVE_CONTAINER", container_id=container_id).status == 200


def read(agent, name, file):
    return agent.call("GET", f"/files/download?path=/sandboxes/{name}/{file}").body.decode()


def answers(agent):
    with contextlib.suppress(OSError):
        return agent.call("GET", "/state").status == 200
    return False


def kill_agent(agent):
    """-9, and another one in its place."""
    agent.end(signal.SIGKILL)
    agent.start()
    wait_until(lambda: answers(agent), "the agent is back")


def test_one_on_its_own_runs_is_waited_for_and_removed(agent):
    me = {"value": "alone"}
    launch(agent, me, "echo hello; exit 7", resources=RESOURCES)
    end = wait_for(agent, me)
    assert (os.waitstatus_to_exitcode(end["exit_status"]), end["state"]) == (7, "TASK_FAILED")
    assert end["message"] == 'Command exited with status 7; last output: "hello"'
    assert read(agent, "alone", "stdout") == "hello\n"
    remove(agent, me)
    assert call(agent, "WAIT_CONTAINER", container_id=me).status == 404
    assert agent.call("GET", "/files/browse?path=/sandboxes/alone").status == 404


def test_what_exists_is_202(agent):
    me = {"value": "twice"}
    launch(agent, me, "exec sleep 1000", resources=RESOURCES)
    launch(agent, me, "exec sleep 1000", status=202, resources=RESOURCES)
    assert call(agent, "KILL_CONTAINER", container_id=me).status == 200
    assert wait_for(agent, me)["state"] == "TASK_KILLED"
    remove(agent, me)


def test_what_the_node_does_not_have_is_refused(agent):
    huge = [{"name": "mem", "type": "SCALAR", "scalar": {"value": 1 << 30}}]
    answer = launch(agent, {"value": "huge"}, "true", status=400, resources=huge)
    assert b"more than the node has" in answer.body
    assert call(agent, "WAIT_CONTAINER", container_id={"value": "huge"}).status == 404


def test_it_is_charged_to_the_node_while_it_runs(agent):
    me = {"value": "charged"}
    before = agent.call("GET", "/state").json["unreserved_resources_allocated"]["mem"]
    launch(agent, me, "exec sleep 1000", resources=RESOURCES)
    assert agent.call("GET", "/state").json["unreserved_resources_allocated"]["mem"] == before + 32
    call(agent, "KILL_CONTAINER", container_id=me)
    wait_for(agent, me)
    assert agent.call("GET", "/state").json["unreserved_resources_allocated"]["mem"] == before
    remove(agent, me)


def test_a_signal_reaches_its_main_process(agent):
    me = {"value": "signalled"}
    launch(agent, me, "trap 'exit 9' USR1; touch ready; while :; do sleep 0.05; done", resources=RESOURCES)
    wait_until(lambda: agent.call("GET", "/files/browse?path=/sandboxes/signalled").body.find(b"ready") >= 0,
               "it listens")
    assert call(agent, "KILL_CONTAINER", container_id=me, signal=signal.SIGUSR1).status == 200
    assert os.waitstatus_to_exitcode(wait_for(agent, me)["exit_status"]) == 9
    remove(agent, me)


def test_waiting_begins_before_the_end(agent):
    me = {"value": "awaited"}
    launch(agent, me, "while [ ! -e end ]; do sleep 0.02; done; exit 3", resources=RESOURCES)
    ends = []
    waiter = threading.Thread(target=lambda: ends.append(wait_for(agent, me)))
    waiter.start()
    (pathlib.Path(agent.work_dir) / "standalone" / "awaited" / "end").touch()
    waiter.join(20 * SLOW)
    assert os.waitstatus_to_exitcode(ends[0]["exit_status"]) == 3
    remove(agent, me)


def test_what_runs_is_not_removed(agent):
    me = {"value": "kept"}
    launch(agent, me, "exec sleep 1000", resources=RESOURCES)
    assert call(agent, "REMOVE_CONTAINER", container_id=me).status == 500
    call(agent, "KILL_CONTAINER", container_id=me)
    wait_for(agent, me)
    remove(agent, me)


def test_a_nested_one_has_its_own_sandbox_within_that_of_its_parent(agent, parent):
    me = child_of(parent, "inner")
    launch(agent, me, "echo inner; pwd; exit 0", container={"type": "MESOS", "volumes": [
        {"mode": "RW", "container_path": "shared",
         "source": {"type": "SANDBOX_PATH", "sandbox_path": {"type": "PARENT", "path": "common"}}}]})
    assert wait_for(agent, me)["state"] == "TASK_FINISHED"
    assert read(agent, parent, "containers/inner/stdout") == "inner\n/mnt/mesos/sandbox\n"
    assert agent.call("GET", f"/files/browse?path=/sandboxes/{parent}/common").status == 200
    remove(agent, me)
    assert agent.call("GET", f"/files/browse?path=/sandboxes/{parent}/containers/inner").status == 404


@pytest.mark.vm
def test_a_nested_one_is_in_the_cgroup_of_its_parent(agent, parent):
    me = child_of(parent, "within")
    launch(agent, me, "cat /proc/self/cgroup > group; exec sleep 1000")
    assert any(path.endswith(f"{parent}/{parent}.within") for path in agent.cgroup_directories()), \
        agent.cgroup_directories()
    call(agent, "KILL_CONTAINER", container_id=me)
    end = wait_for(agent, me)
    assert end["state"] == "TASK_KILLED"
    remove(agent, me)


@pytest.mark.vm
def test_a_nested_one_has_pids_of_its_own_and_no_others(agent, parent):
    me = child_of(parent, "own-pids")
    launch(agent, me, "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; done; echo")
    assert wait_for(agent, me)["state"] == "TASK_FINISHED"
    assert "sleep 1000" not in read(agent, f"{parent}.own-pids", "stdout")
    remove(agent, me)


@pytest.mark.vm
def test_a_nested_one_that_asks_for_them_has_the_pids_of_its_parent_and_ends_alone(cluster, agent, parent):
    me = child_of(parent, "shared-pids")
    shared = {"type": "MESOS", "linux_info": {"share_pid_namespace": True}}
    launch(agent, me, "cat /proc/1/task/1/children; for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; done; echo; exec sleep 1001",
           container=shared)
    wait_until(lambda: "sleep 1000" in read(agent, f"{parent}.shared-pids", "stdout"), "it sees its parent's")
    assert call(agent, "KILL_CONTAINER", container_id=me).status == 200
    assert wait_for(agent, me)["state"] == "TASK_KILLED"
    remove(agent, me)
    assert agent.container_of(cluster.tasks("/parent")[0]["id"])["container_id"] == parent
    answer = launch(agent, {"value": "host-pids"}, "true", status=400, container=shared, resources=RESOURCES)
    assert b"container.linux_info.share_pid_namespace: it has no parent to share with but the host" in answer.body


@pytest.mark.vm
@pytest.mark.parametrize("mode, is_shared", [("SHARE_PARENT", True), ("PRIVATE", False)])
def test_a_nested_one_has_the_ipc_namespace_that_was_asked_for(agent, parent, mode, is_shared):
    me = child_of(parent, f"ipc-{mode.lower()}")
    launch(agent, me, "readlink /proc/self/ns/ipc", container={"type": "MESOS", "linux_info": {"ipc_mode": mode}})
    assert wait_for(agent, me)["state"] == "TASK_FINISHED"
    assert (read(agent, f"{parent}.{me['value']}", "stdout") == read(agent, parent, "ipc")) == is_shared
    remove(agent, me)


@pytest.mark.vm
def test_a_nested_one_with_limits_of_its_own_is_ended_by_them_and_its_parent_goes_on(cluster, agent, parent):
    me = child_of(parent, "small")
    launch(agent, me, "x=xxxxxxxx; while :; do x=$x$x; done", container=OWN_LIMITS, resources=RESOURCES)
    end = wait_for(agent, me)
    assert (end["state"], end["reason"]) == ("TASK_FAILED", "REASON_CONTAINER_LIMITATION_MEMORY")
    assert end["message"].startswith("Memory limit exceeded: Requested: 32MB")
    assert agent.container_of(cluster.tasks("/parent")[0]["id"])["container_id"] == parent
    remove(agent, me)


def test_sharing_excludes_resources_and_limits_need_them(agent, parent):
    launch(agent, child_of(parent, "greedy"), "true", status=400, resources=RESOURCES)
    launch(agent, child_of(parent, "vague"), "true", status=400, container=OWN_LIMITS)


@pytest.mark.parametrize("name", ["", "a/b", "a.b", "..", "x" * 121])
def test_names_that_are_none(agent, name):
    launch(agent, {"value": name}, "true", status=400, resources=RESOURCES)


def test_an_unknown_parent_is_404(agent):
    launch(agent, child_of("nobody", "orphan"), "true", status=404)


def test_what_was_never_launched_is_not_found(agent, parent):
    for me in ({"value": "nothing"}, child_of(parent, "nothing")):
        assert call(agent, "WAIT_CONTAINER", container_id=me).status == 404
        assert call(agent, "KILL_CONTAINER", container_id=me).status == 404
        assert call(agent, "REMOVE_CONTAINER", container_id=me).status == 500
    assert call(agent, "REMOVE_CONTAINER", container_id=child_of("nobody", "nothing")).status == 200


def test_one_that_is_not_executed_says_why(agent):
    answer = call(agent, "LAUNCH_CONTAINER", container_id={"value": "broken"}, resources=RESOURCES,
                  command={"shell": False, "value": "/no/such/program", "arguments": ["program"]})
    assert answer.status == 400 and b"No such file or directory" in answer.body, answer.body
    remove(agent, {"value": "broken"})


def test_the_older_calls_do_the_same(agent, parent):
    me = child_of(parent, "older")
    assert call(agent, "LAUNCH_NESTED_CONTAINER", container_id=me, command=shell("exec sleep 1000")).status == 200
    assert call(agent, "KILL_NESTED_CONTAINER", container_id=me).status == 200
    answer = call(agent, "WAIT_NESTED_CONTAINER", container_id=me)
    assert answer.json["type"] == "WAIT_NESTED_CONTAINER"
    assert answer.json["wait_nested_container"]["state"] == "TASK_KILLED"
    assert call(agent, "REMOVE_NESTED_CONTAINER", container_id=me).status == 200


def test_a_link_in_the_place_of_a_sandbox_is_not_followed(cluster, agent):
    cluster.deploy({**SLEEPER, "id": "/evil", "cmd": "ln -s /etc containers; touch done; exec sleep 1000"})
    evil = agent.container_of(cluster.tasks("/evil")[0]["id"])["container_id"]
    wait_until(lambda: b"done" in agent.call("GET", f"/files/browse?path=/sandboxes/{evil}").body, "it is there")
    launch(agent, child_of(evil, "inner"), "true", status=400)
    assert not os.path.exists("/etc/inner")
    cluster.remove("/evil")


# ---- directories of the host, and what a task does to have them taken for sandboxes within its own ----

@pytest.fixture(name="host")
def host_directory(cluster):
    """A directory like those of nested sandboxes, with one in it; only root may write there, and nothing does."""
    host = cluster.directory / "host"
    inner = host / "outer" / "containers" / "inner"
    inner.mkdir(parents=True)
    (inner / "precious").write_text("precious")

    def look():
        places = [host, *sorted(host.rglob("*"))]
        return [(p, (s := p.lstat()).st_uid, s.st_gid, s.st_mode, s.st_size) for p in places]
    before = look()
    yield host
    assert look() == before
    shutil.rmtree(host)


@contextlib.contextmanager
def hostile(agent, script):
    me = {"value": "hostile"}
    launch(agent, me, script, resources=RESOURCES)
    try:
        yield me
    finally:
        assert call(agent, "KILL_CONTAINER", container_id=me).status == 200
        wait_for(agent, me)
        remove(agent, me)


def in_turn(agent, *steps):
    """A script that takes each step when told so, and a function that tells it, and waits until it is done."""
    sandbox = pathlib.Path(agent.work_dir) / "standalone" / "hostile"
    lines = [f"until [ -e go{i} ]; do sleep 0.01; done; {step}; touch done{i}" for i, step in enumerate(steps)]
    numbers = iter(range(len(steps)))

    def go():
        i = next(numbers)
        (sandbox / f"go{i}").touch()
        wait_until((sandbox / f"done{i}").exists, f"step {i} of the task")
    return "; ".join([*lines, "exec sleep 1000"]), go


def deeper(*names):
    found = None
    for name in names:
        found = {"value": name, "parent": found} if found else {"value": name}
    return found


def test_a_link_on_the_way_to_a_sandbox_is_not_followed(agent, host):
    script, go = in_turn(agent, f"mv containers aside && ln -s {host} containers", "rm containers && mv aside containers")
    volume = {"type": "MESOS", "volumes": [
        {"mode": "RW", "container_path": "shared",
         "source": {"type": "SANDBOX_PATH", "sandbox_path": {"type": "PARENT", "path": "common"}}}]}
    outer, inner, other, sharing = (deeper("hostile", "outer", *more) for more in ((), ("inner",), ("other",), ("sharing",)))
    with hostile(agent, script):
        launch(agent, outer, "exec sleep 1000")
        launch(agent, inner, "exec sleep 1000")
        go()
        assert call(agent, "KILL_CONTAINER", container_id=inner).status == 200
        wait_for(agent, inner)
        remove(agent, inner)
        launch(agent, other, "true", status=400)
        launch(agent, sharing, "true", status=400, container=volume)
        go()


def test_what_was_made_of_a_sandbox_is_removed_as_it_is(agent, host):
    script, go = in_turn(agent, f"mv containers aside && mkdir containers && ln -s {host}/outer containers/outer")
    with hostile(agent, script):
        launch(agent, deeper("hostile", "outer"), "true")
        wait_for(agent, deeper("hostile", "outer"))
        go()
        remove(agent, deeper("hostile", "outer"))
        wait_until(lambda: not os.listdir(pathlib.Path(agent.work_dir) / "trash"), "the trash is empty")


def test_they_outlive_the_agent_and_their_end_is_known_to_the_next(agent, parent):
    alone, inner = {"value": "lasting"}, child_of(parent, "lasting")
    launch(agent, alone, "while [ ! -e end ]; do sleep 0.02; done; exit 4", resources=RESOURCES)
    launch(agent, inner, "exec sleep 1000")
    kill_agent(agent)
    (pathlib.Path(agent.work_dir) / "standalone" / "lasting" / "end").touch()
    assert os.waitstatus_to_exitcode(wait_for(agent, alone)["exit_status"]) == 4
    assert call(agent, "KILL_CONTAINER", container_id=inner).status == 200
    assert wait_for(agent, inner)["state"] == "TASK_KILLED"
    kill_agent(agent)
    assert os.waitstatus_to_exitcode(wait_for(agent, alone)["exit_status"]) == 4
    remove(agent, alone)
    remove(agent, inner)
    kill_agent(agent)
    assert call(agent, "WAIT_CONTAINER", container_id=alone).status == 404


@pytest.mark.vm
def test_it_ends_with_its_parent(cluster, agent):
    cluster.deploy({**SLEEPER, "id": "/mortal"})
    mortal = agent.container_of(cluster.tasks("/mortal")[0]["id"])["container_id"]
    launch(agent, child_of(mortal, "inner"), "exec sleep 1000")
    launch(agent, child_of(mortal, "limited"), "exec sleep 1000", container=OWN_LIMITS, resources=RESOURCES)
    cluster.remove("/mortal")
    wait_until(lambda: not [p for p in agent.cgroup_directories() if re.search(mortal, p)], "nothing is left")
    wait_until(lambda: call(agent, "WAIT_CONTAINER", container_id=child_of(mortal, "inner")).status == 404,
               "nobody knows it any more")
