"""Task groups of the default executor: what members share, what each has for itself, and how they end together."""
import contextlib
import os
import re
import signal

import pytest

from cluster import wait_until
from conftest import shared_cluster
from groups import FOREVER, SHARED, UNTIL_END, cmdline, launch, member, pod_of, read, sandbox

cluster = shared_cluster()

def answers(agent):
    with contextlib.suppress(OSError):
        return agent.call("GET", "/state").status == 200
    return False


def test_three_members_run_and_finish_and_the_pod_goes(framework, agent):
    ids = launch(framework, "echo one", "echo two", "echo three; while [ ! -e end ]; do sleep 0.02; done")
    states = [framework.status(i, s) for i, s in zip(ids, ("TASK_FINISHED", "TASK_FINISHED", "TASK_RUNNING"))]
    assert [read(agent, i) for i in ids] == ["one\n", "two\n", "three\n"]
    (sandbox(agent, ids[2]) / "end").touch()
    assert framework.status(ids[2], "TASK_FINISHED")["executor_id"] == states[0]["executor_id"]
    wait_until(lambda: not agent.container_cgroups(), "the pod is gone")


def finish(framework, agent, *ids):
    """Tasks of UNTIL_END are alive: they end well, and only now."""
    for i in ids:
        assert framework.status(i)["state"] == "TASK_RUNNING"
        (sandbox(agent, i) / "end").touch()
        framework.status(i, "TASK_FINISHED")


def test_a_second_group_joins_the_running_executor_and_ends_on_its_own(framework, agent):
    waits = "while [ ! -e shared/message ]; do sleep 0.02; done; cat shared/message; readlink /proc/self/ns/net; " + FOREVER
    first, = launch(framework, waits, name="joined")
    pod = pod_of(framework.status(first, "TASK_RUNNING"))
    second = launch(framework, "echo hello > shared/message; readlink /proc/self/ns/net; " + FOREVER,
                    "while [ ! -e fail ]; do sleep 0.02; done; exit 1", name="joined")
    assert {pod_of(framework.status(i, "TASK_RUNNING")) for i in second} == {pod}
    wait_until(lambda: read(agent, first) == "hello\n" + read(agent, second[0]), "what they share is shared")
    (sandbox(agent, second[1]) / "fail").touch()
    framework.status(second[1], "TASK_FAILED")
    framework.status(second[0], "TASK_KILLED")
    third, = launch(framework, UNTIL_END, name="joined")
    assert pod_of(framework.status(third, "TASK_RUNNING")) == pod
    framework.call("KILL", task_id={"value": first})
    framework.status(first, "TASK_KILLED")
    finish(framework, agent, third)
    wait_until(lambda: not agent.container_cgroups(), "the executor ends with its last task")


@pytest.mark.vm
def test_what_a_second_group_brings_along_is_the_executors_too(framework, agent):
    launch(framework, FOREVER, name="grown")
    hungry = "x=$(head -c 100000000 /dev/zero | tr '\\0' x); echo ${#x}; " + FOREVER
    big, = launch(framework, tasks=lambda offer: [member(offer, hungry, mem=512)], name="grown")
    framework.status(big, "TASK_RUNNING")
    wait_until(lambda: read(agent, big) == "100000000\n", "it has room")


def test_a_group_that_comes_when_its_executor_ends_is_told_so(framework, agent):
    last, = launch(framework, FOREVER, name="ending")
    pod = pod_of(framework.status(last, "TASK_RUNNING"))
    supervisor = next(c for c in agent.containers() if c["container_id"] == pod)["status"]["executor_pid"]
    os.kill(supervisor, signal.SIGSTOP)
    try:
        framework.call("KILL", task_id={"value": last})
        framework.status(last, "TASK_KILLED")
        for i in launch(framework, FOREVER, FOREVER, name="ending"):
            end = framework.status(i, "TASK_DROPPED")
            assert end["reason"] == "REASON_EXECUTOR_TERMINATED" and "'ending' is terminating" in end["message"], end
    finally:
        os.kill(supervisor, signal.SIGCONT)
    wait_until(lambda: not agent.container_cgroups(), "the pod is gone")


def test_a_second_group_that_is_refused_leaves_the_first_alone(framework, agent):
    first, = launch(framework, UNTIL_END, name="kept")
    framework.status(first, "TASK_RUNNING")
    def bad(offer):
        return [member(offer, FOREVER), member(offer, FOREVER, container={"type": "MESOS", "volumes": [
            {"mode": "RW", "container_path": "x", "host_path": "/etc"}]})]
    for i in launch(framework, tasks=bad, name="kept"):
        assert framework.status(i, "TASK_ERROR")["reason"] == "REASON_TASK_GROUP_INVALID"
    finish(framework, agent, first)


SHARES_PIDS = {"container": {"type": "MESOS", "volumes": [SHARED], "linux_info": {"share_pid_namespace": True}}}


@pytest.mark.vm
def test_members_that_share_the_pids_of_their_pod_see_one_another_and_no_others_do(framework, agent):
    """Who asks for it sees the others that ask, and the pod's own; who does not is alone, and not seen."""
    look = "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done; readlink /proc/self/ns/pid; echo done; "
    def tasks(offer):
        return [member(offer, "exec sleep 1001", **SHARES_PIDS),
                member(offer, f"while [ ! -e shared/go ]; do sleep 0.02; done; {look} exec sleep 1002", **SHARES_PIDS),
                member(offer, f"while [ ! -e shared/go ]; do sleep 0.02; done; {look} exec sleep 1003")]
    ids = launch(framework, tasks=tasks)
    for i in ids:
        framework.status(i, "TASK_RUNNING")
    (sandbox(agent, ids[0]) / "../../common/go").touch()
    wait_until(lambda: all("\ndone\n" in read(agent, i) for i in ids[1:]), "both have looked")
    shared, alone = (read(agent, i) for i in ids[1:])
    assert "sleep 1001" in shared and "sleep infinity" in shared and "sleep 1003" not in shared, shared
    assert "sleep" not in alone.replace("sleep 0.02", "").replace("sleep 1003", ""), alone
    assert shared.splitlines()[-2] != alone.splitlines()[-2]


def test_who_shares_pids_ends_neither_the_pod_nor_leaves_by_it(framework, agent):
    """Pid 1 there is the pod's: it takes no signal from within, and its mounts are not the host's."""
    tries = "kill -KILL 1; kill -TERM 1; sleep 0.2; readlink /proc/1/ns/mnt"
    ids = launch(framework, tasks=lambda offer: [
        member(offer, UNTIL_END),
        member(offer, f"{tries}; nsenter -t 1 -m true && echo escaped; echo done; {UNTIL_END}", **SHARES_PIDS)])
    framework.status(ids[1], "TASK_RUNNING")
    wait_until(lambda: "done" in read(agent, ids[1]), "it has tried")
    assert "escaped" not in read(agent, ids[1]) and os.readlink("/proc/self/ns/mnt") not in read(agent, ids[1])
    finish(framework, agent, *reversed(ids))


@pytest.mark.parametrize("is_agent_down", [False, True])
def test_one_that_shares_pids_goes_whole_with_its_supervisor(framework, agent, is_agent_down):
    """No pid namespace ends with its init: whoever takes its cgroup away ends what is left."""
    kept, = launch(framework, tasks=lambda offer: [member(offer, UNTIL_END, **SHARES_PIDS)], name="pids")
    framework.status(kept, "TASK_RUNNING")
    doomed, = launch(framework, tasks=lambda offer: [
        member(offer, f"setsid sleep 1005 & setsid sleep 1005 & {FOREVER}", **SHARES_PIDS)], name="pids")
    id_ = framework.status(doomed, "TASK_RUNNING")["container_status"]["container_id"]["value"]
    supervisor = next(c for c in agent.containers() if c["container_id"] == id_)["status"]["executor_pid"]
    if is_agent_down:
        agent.end(signal.SIGKILL)
    os.kill(supervisor, signal.SIGKILL)
    if is_agent_down:
        agent.start()
    framework.status(doomed, "TASK_FAILED", "TASK_GONE", "TASK_LOST")
    wait_until(lambda: not {p for p in agent.processes() if "1005" in cmdline(p)}, "the end of all of it")
    finish(framework, agent, kept)


def test_commands_run_beside_one_that_shares_pids(framework, agent):
    """They come from its own init, which is no pid 1, and the check sees the pids of all."""
    check = {"type": "COMMAND", "delay_seconds": 0, "interval_seconds": 0.1, "timeout_seconds": 20,
             "command": {"command": {"value": "grep -q infinity /proc/1/cmdline /proc/[0-9]*/cmdline && exit 7"}}}
    one, = launch(framework, tasks=lambda offer: [member(offer, FOREVER, check=check, **SHARES_PIDS)])
    id_ = framework.status(one, "TASK_RUNNING")["container_status"]["container_id"]["value"]
    wait_until(lambda: "sleep\0" in cmdline(next(c for c in agent.containers() if c["container_id"] == id_)["tepui"]["pid"]),
               "its main process is known")
    wait_until(lambda: framework.status(one).get("check_status", {}).get("command") == {"exit_code": 7}, "its check is told")


@pytest.mark.vm
def test_the_end_of_one_that_shares_pids_is_its_own(framework, agent):
    """What it left behind in other sessions goes with it, and nobody else's does."""
    stray = "setsid sh -c 'trap \"\" TERM; exec sleep 1004' & sleep 0.2; "
    kept, = launch(framework, tasks=lambda offer: [member(offer, UNTIL_END, **SHARES_PIDS)], name="pids")
    framework.status(kept, "TASK_RUNNING")
    finished, = launch(framework, tasks=lambda offer: [member(offer, stray + "exit 0", **SHARES_PIDS)], name="pids")
    framework.status(finished, "TASK_FINISHED")
    killed, = launch(framework, tasks=lambda offer: [member(offer, stray + FOREVER, **SHARES_PIDS)], name="pids")
    framework.status(killed, "TASK_RUNNING")
    framework.call("KILL", task_id={"value": killed})
    framework.status(killed, "TASK_KILLED")
    wait_until(lambda: not {p for p in agent.processes() if "1004" in cmdline(p)}, "the end of what they left")
    finish(framework, agent, kept)


def test_updates_name_the_executor_and_the_container_in_its_pod(framework):
    ids = launch(framework, FOREVER, FOREVER, name="named")
    one, two = (framework.status(i, "TASK_RUNNING") for i in ids)
    assert one["executor_id"]["value"] == "named"
    parents = [s["container_status"]["container_id"]["parent"]["value"] for s in (one, two)]
    assert parents[0] == parents[1]
    assert one["container_status"]["container_id"]["value"] != two["container_status"]["container_id"]["value"]


@pytest.mark.vm
def test_members_share_a_volume_of_the_sandbox_of_their_pod(framework, agent):
    ids = launch(framework, "while [ ! -e shared/message ]; do sleep 0.02; done; cat shared/message; " + FOREVER,
                 "echo hello > shared/message; " + FOREVER)
    for i in ids:
        framework.status(i, "TASK_RUNNING")
    wait_until(lambda: read(agent, ids[0]) == "hello\n", "the message is there")


@pytest.mark.vm
def test_members_share_the_network(framework, agent):
    ids = launch(framework, "readlink /proc/self/ns/net; " + FOREVER, "readlink /proc/self/ns/net; " + FOREVER)
    for i in ids:
        framework.status(i, "TASK_RUNNING")
    wait_until(lambda: all(read(agent, i) for i in ids), "both have told")
    assert read(agent, ids[0]) == read(agent, ids[1])


def test_what_members_are_told(framework, agent):
    ids = launch(framework, "env; " + FOREVER, name="teller")
    framework.status(ids[0], "TASK_RUNNING")
    wait_until(lambda: "MESOS" in read(agent, ids[0]), "it has told")
    env = dict(line.split("=", 1) for line in read(agent, ids[0]).splitlines() if "=" in line)
    assert (env["MESOS_CONTAINER_IP"], env["MESOS_EXECUTOR_ID"], env["MESOS_TASK_ID"]) == ("127.0.0.1", "teller", ids[0])


@pytest.mark.parametrize("script, state", [("exit 3", "TASK_FAILED"), ("kill -KILL $$", "TASK_FAILED")])
def test_a_member_that_fails_takes_its_group_along(framework, script, state):
    ids = launch(framework, FOREVER, f"sleep 0.3; {script}", FOREVER)
    assert framework.status(ids[1], state)
    assert [framework.status(i, "TASK_KILLED")["state"] for i in (ids[0], ids[2])] == ["TASK_KILLED"] * 2


def test_one_that_is_killed_takes_its_group_along(framework, agent):
    ids = launch(framework, FOREVER, FOREVER)
    for i in ids:
        framework.status(i, "TASK_RUNNING")
    framework.call("KILL", task_id={"value": ids[0]})
    for i in ids:
        framework.status(i, "TASK_KILLED")
    wait_until(lambda: not agent.container_cgroups(), "the pod is gone")


def test_one_that_finishes_takes_nobody_along(framework, agent):
    ids = launch(framework, "true", UNTIL_END)
    framework.status(ids[0], "TASK_FINISHED")
    (sandbox(agent, ids[1]) / "end").touch()
    # Whoever was taken along would have been killed, or would not be there to see it.
    framework.status(ids[1], "TASK_FINISHED")


@pytest.mark.vm
def test_a_member_over_its_memory_is_ended_by_its_own_limit(framework):
    def tasks(offer):
        return [member(offer, "x=xxxxxxxx; while :; do x=$x$x; done", mem=32), member(offer, FOREVER, mem=256)]
    ids = launch(framework, tasks=tasks)
    end = framework.status(ids[0], "TASK_FAILED")
    assert end["reason"] == "REASON_CONTAINER_LIMITATION_MEMORY"
    assert end["message"].startswith("Memory limit exceeded: Requested: 32MB")
    framework.status(ids[1], "TASK_KILLED")


def test_all_or_none_are_launched(framework, agent):
    def tasks(offer):
        bad = member(offer, FOREVER)
        bad["container"]["volumes"] = [{"mode": "RW", "container_path": "x", "host_path": "/etc"}]
        return [member(offer, FOREVER), bad]
    for i in launch(framework, tasks=tasks):
        end = framework.status(i, "TASK_ERROR")
        assert end["reason"] == "REASON_TASK_GROUP_INVALID" and "container.volumes[0].host_path" in end["message"]
    assert not agent.container_cgroups()


def test_groups_outlive_the_agent_and_end_together_under_the_next(framework, agent):
    ids = launch(framework, FOREVER, f"{UNTIL_END}; exit 1")
    for i in ids:
        framework.status(i, "TASK_RUNNING")
    agent.end(signal.SIGKILL)
    (sandbox(agent, ids[1]) / "end").touch()
    agent.start()
    wait_until(lambda: answers(agent), "the agent is back")
    framework.status(ids[1], "TASK_FAILED")
    framework.status(ids[0], "TASK_KILLED")
    wait_until(lambda: not agent.container_cgroups(), "the pod is gone")


@pytest.mark.vm
def test_the_holder_that_is_killed_takes_all_along(framework, agent):
    ids = launch(framework, FOREVER, FOREVER)
    pod = [framework.status(i, "TASK_RUNNING") for i in ids][0]["container_status"]["container_id"]["parent"]["value"]
    supervisor = next(c for c in agent.containers() if c["container_id"] == pod)["status"]["executor_pid"]
    os.kill(supervisor, signal.SIGKILL)
    for i in ids:
        assert re.search("KILLED|FAILED", framework.status(i, "TASK_KILLED", "TASK_FAILED")["state"])
    wait_until(lambda: not agent.container_cgroups(), "nothing is left")
