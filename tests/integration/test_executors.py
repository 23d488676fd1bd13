"""Custom executors: docs/examples/executor.py in a container of a real agent, and ones that misbehave."""
import base64
import json
import os
import pathlib
import signal
import time

import pytest

from cluster import wait_until
from executors import (IDLE, Speaker, agent_id, custom, environment, executor, failure, group, launch, sandbox, speak,
                       task, text, used)
from framework import SMALL, Framework, scalar


# ---- life ----

@pytest.mark.vm
def test_one_executor_runs_many_tasks(node):
    framework = Framework(node)
    agent = node.agents[0]
    short = launch(framework, executor(), *["echo done >> $MESOS_SANDBOX/log"] * 8)
    for task_id in short:
        status = framework.status(task_id, "TASK_FINISHED")
        assert status["executor_id"]["value"] == "x" and status["source"] == "SOURCE_EXECUTOR"
        assert status["agent_id"]["value"] and status["container_status"]["container_id"]["value"]
    assert (sandbox(agent) / "log").read_text() == "done\n" * 8
    pid, _ = environment(agent)
    long, = launch(framework, executor(), "sleep 1000")
    framework.status(long, "TASK_RUNNING")
    assert environment(agent)[0] == pid
    rows = [e for f in agent.call("GET", "/state").json["frameworks"] for e in f["executors"]]
    assert [(r["id"], r["type"], [t["id"] for t in r["tasks"]], r["resources"]["cpus"]) for r in rows] == [
        ("x", "CUSTOM", [long], pytest.approx(0.2))]
    row, = agent.containers()
    assert row["executor_id"] == "x" and row["framework_id"] == framework.info["id"]["value"]
    assert row["statistics"]["mem_limit_bytes"] == 80 << 20
    # Charged once, and only for what lives.
    assert used(node)["cpus"] == pytest.approx(0.2) and used(node)["mem"] == pytest.approx(80)
    offer = framework.offer()
    assert offer["executor_ids"] == [{"value": "x"}]
    bad, = launch(framework, executor(), "exit 3", offer=offer)
    assert framework.status(bad, "TASK_FAILED")["message"] == "Command ended with 3"
    framework.call("KILL", task_id={"value": long})
    framework.status(long, "TASK_KILLED")
    assert environment(agent)[0] == pid
    framework.call("TEARDOWN")
    wait_until(lambda: not agent.container_cgroups(), "the end of the executor")
    wait_until(lambda: used(node)["cpus"] == 0, "its resources")


def test_the_environment_is_that_of_the_reference(node):
    framework = Framework(node)
    agent = node.agents[0]
    running, = launch(framework, executor(shutdown_grace_period={"nanoseconds": 90_000_000_000}), "sleep 1000")
    status = framework.status(running, "TASK_RUNNING")
    _, env = environment(agent)
    token = env.pop("MESOS_EXECUTOR_AUTHENTICATION_TOKEN")
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims == {"fid": framework.info["id"]["value"], "eid": "x",
                      "cid": status["container_status"]["container_id"]["value"]}
    assert {k: v for k, v in env.items() if k.startswith(("MESOS_", "LIBPROCESS_"))} == {
        "MESOS_FRAMEWORK_ID": framework.info["id"]["value"], "MESOS_EXECUTOR_ID": "x",
        "MESOS_DIRECTORY": str(sandbox(agent).resolve()), "MESOS_SANDBOX": "/mnt/mesos/sandbox",
        "MESOS_SLAVE_ID": status["agent_id"]["value"], "MESOS_SLAVE_PID": f"slave(1)@127.0.0.1:{agent.port}",
        "MESOS_AGENT_ENDPOINT": f"127.0.0.1:{agent.port}", "MESOS_CHECKPOINT": "1",
        "MESOS_HTTP_COMMAND_EXECUTOR": "1", "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "90secs",
        "MESOS_RECOVERY_TIMEOUT": "15mins", "MESOS_SUBSCRIPTION_BACKOFF_MAX": "2secs", "LIBPROCESS_PORT": "0"}
    key = agent.work_dir / "executor.key"
    assert os.stat(key).st_mode & 0o777 == 0o600 and os.stat(key).st_size == 32
    framework.call("TEARDOWN")


def test_variables_of_the_agent_are_below_those_that_are_asked_for(cluster):
    cluster.start_master()
    agent = cluster.start_agent('--executor_environment_variables={"OURS": "a b", "BOTH": "agent", "MESOS_SANDBOX": "x"}')
    framework = Framework(cluster)
    both = {"variables": [{"name": "BOTH", "value": "task"}]}
    info = executor()
    info["command"]["environment"] = both
    launch(framework, info, "sleep 1000")
    env = environment(agent)[1]
    alone = framework.launch(framework.offer(), {"value": "env", "environment": both}, SMALL)
    framework.status(alone, "TASK_FINISHED")
    told = dict(line.split("=", 1) for line in (sandbox(agent, alone) / "stdout").read_text().splitlines())
    for env in env, told:
        assert (env["OURS"], env["BOTH"], env["MESOS_SANDBOX"]) == ("a b", "task", "/mnt/mesos/sandbox")
    framework.call("TEARDOWN")
    wait_until(lambda: not agent.container_cgroups(), "the end of both")


def test_messages_go_both_ways(node):
    framework = Framework(node)
    running, = launch(framework, executor(), "sleep 1000")
    framework.status(running, "TASK_RUNNING")
    for data in ("hello", "\0binary\xff"):
        framework.call("MESSAGE", agent_id=agent_id(framework), executor_id={"value": "x"}, data=text(data))
    def said():
        return [(m["executor_id"]["value"], m["data"]) for m in framework.all("MESSAGE")]
    wait_until(lambda: len(said()) == 2, "two messages")
    assert said() == [("x", text("hello")), ("x", text("\0binary\xff"))]
    # To one that is not there: accepted, and nobody hears it.
    framework.call("MESSAGE", agent_id=agent_id(framework), executor_id={"value": "y"}, data=text("x"))
    framework.call("TEARDOWN")


def test_shutdown_leaves_time_to_end(node):
    framework = Framework(node)
    running, = launch(framework, executor(), "sleep 1000")
    framework.status(running, "TASK_RUNNING")
    framework.call("SHUTDOWN", agent_id=agent_id(framework), executor_id={"value": "x"})
    assert framework.status(running, "TASK_KILLED")["source"] == "SOURCE_EXECUTOR"
    assert failure(framework)["status"] == 0
    assert failure(framework)["agent_id"] == agent_id(framework)
    wait_until(lambda: not node.agents[0].container_cgroups(), "the end of its container")
    # Its id is free for another.
    again, = launch(framework, executor(), "true")
    framework.status(again, "TASK_FINISHED")
    framework.call("TEARDOWN")


def test_one_that_does_not_shut_down_is_killed_after_its_grace(node):
    framework = Framework(node)
    deaf = executor(program="class Deaf(Executor):\n def on_shutdown(self, body): pass\nDeaf().run()\n",
                    shutdown_grace_period={"nanoseconds": 700_000_000})
    running, = launch(framework, deaf, "sleep 1000")
    framework.status(running, "TASK_RUNNING")
    before = time.monotonic()
    framework.call("SHUTDOWN", agent_id=agent_id(framework), executor_id={"value": "x"})
    status = framework.status(running, "TASK_FAILED")
    assert time.monotonic() - before >= 0.7
    assert status["reason"] == "REASON_EXECUTOR_TERMINATED" and status["source"] == "SOURCE_AGENT"
    assert failure(framework)["status"] == signal.SIGKILL
    framework.call("TEARDOWN")


# ---- ends ----

def test_a_crash_ends_its_tasks_and_nobody_elses(node):
    framework = Framework(node)
    crashing = executor("crashing", "class X(Executor):\n def on_message(self, body): os._exit(7)\nX().run()\n")
    others = launch(framework, crashing, "sleep 1000", "sleep 1000")
    kept, = launch(framework, executor("kept"), "sleep 1000")
    for task_id in (*others, kept):
        framework.status(task_id, "TASK_RUNNING")
    framework.call("MESSAGE", agent_id=agent_id(framework), executor_id={"value": "crashing"}, data="")
    for task_id in others:
        status = framework.status(task_id, "TASK_FAILED")
        assert status["reason"] == "REASON_EXECUTOR_TERMINATED" and status["source"] == "SOURCE_AGENT"
        assert "status 7" in status["message"]
    assert failure(framework, "crashing")["status"] == 7 << 8
    assert framework.status(kept)["state"] == "TASK_RUNNING"
    framework.call("TEARDOWN")


def test_one_that_outgrows_its_memory(node):
    framework = Framework(node)
    running, = launch(framework, executor(), "python3 -c 'x = b\"a\" * (200 << 20); print(len(x))'; sleep 1000")
    status = framework.status(running, "TASK_FAILED")
    assert status["reason"] == "REASON_CONTAINER_LIMITATION_MEMORY", status
    assert status["limitation"]["resources"][0]["name"] == "mem"
    framework.call("TEARDOWN")


def test_one_that_never_registers(cluster):
    cluster.start_master()
    cluster.start_agent("--executor_registration_timeout=1secs")
    framework = Framework(cluster)
    waiting, = launch(framework, executor(source="", program=IDLE), "true")
    status = framework.status(waiting, "TASK_FAILED")
    assert status["reason"] == "REASON_EXECUTOR_REGISTRATION_TIMEOUT" and status["source"] == "SOURCE_AGENT"
    failure(framework)
    framework.call("TEARDOWN")


def test_one_that_cannot_be_launched(node):
    framework = Framework(node)
    broken = executor(command={"shell": False, "value": "/no/such/program"})
    first, = launch(framework, broken, "true")
    assert framework.status(first, "TASK_FAILED")["reason"] == "REASON_EXECUTOR_TERMINATED"
    refused = executor("refused", command={"value": "true", "user": "nobody-of-this-name"})
    second, = launch(framework, refused, "true")
    assert framework.status(second, "TASK_ERROR")["reason"] == "REASON_TASK_INVALID"
    wait_until(lambda: used(node)["cpus"] == 0, "the resources of both")
    framework.call("TEARDOWN")


def test_one_whose_tasks_were_killed_before_it_came_is_shut_down(node):
    framework = Framework(node)
    slow = executor(program="while not os.path.exists('/mnt/mesos/sandbox/go'): time.sleep(0.02)\nExecutor().run()\n")
    waiting, = launch(framework, slow, "true")
    environment(node.agents[0])
    framework.call("KILL", task_id={"value": waiting})
    status = framework.status(waiting, "TASK_KILLED")
    assert status["reason"] == "REASON_TASK_KILLED_DURING_LAUNCH"
    (sandbox(node.agents[0]) / "go").touch()
    assert failure(framework)["status"] == 0
    framework.call("TEARDOWN")


# ---- agents that are killed ----

def test_tasks_survive_a_killed_agent(node):
    framework = Framework(node)
    agent = node.agents[0]
    running = launch(framework, executor(), *["sleep 1000"] * 5)
    for task_id in running:
        framework.status(task_id, "TASK_RUNNING")
    before = agent.processes()
    agent.end(signal.SIGKILL)
    agent.start()
    wait_until(lambda: node.active_agents() == 1 and len(agent.text().split("registered with master")) == 3,
               "the agent's return")
    assert agent.processes() == before
    again, = launch(framework, executor(), "true")
    framework.status(again, "TASK_FINISHED")
    assert used(node)["cpus"] == pytest.approx(0.6)
    for task_id in running:
        framework.call("KILL", task_id={"value": task_id})
        framework.status(task_id, "TASK_KILLED")
    framework.call("TEARDOWN")


def test_an_agent_that_is_killed_before_its_executor_came(node):
    framework = Framework(node)
    agent = node.agents[0]
    slow = executor(program="while not os.path.exists('/mnt/mesos/sandbox/go'): time.sleep(0.02)\nExecutor().run()\n")
    waiting, = launch(framework, slow, "true")
    pid, _ = environment(agent)
    agent.end(signal.SIGKILL)
    agent.start()
    (sandbox(agent) / "go").touch()
    assert framework.status(waiting, "TASK_FINISHED")["executor_id"]["value"] == "x"
    assert environment(agent)[0] == pid
    framework.call("TEARDOWN")


def test_what_an_executor_said_while_the_agent_was_away(node):
    framework = Framework(node)
    agent = node.agents[0]
    ending, = launch(framework, executor(), "while [ ! -e $MESOS_SANDBOX/go ]; do sleep 0.05; done")
    framework.status(ending, "TASK_RUNNING")
    agent.end(signal.SIGKILL)
    (sandbox(agent) / "go").touch()
    pid, _ = environment(agent)
    agent.start()
    framework.status(ending, "TASK_FINISHED")
    states = [u["status"]["state"] for u in framework.all("UPDATE") if u["status"]["task_id"]["value"] == ending]
    assert sorted(set(states)) == ["TASK_FINISHED", "TASK_RUNNING"]
    assert environment(agent)[0] == pid
    framework.call("TEARDOWN")


def test_one_that_does_not_come_back_to_a_restarted_agent(node):
    framework = Framework(node)
    agent = node.agents[0]
    lost = executor(program="class Lost(Executor):\n def subscribe(self):\n  super().subscribe()\n"
                            "  time.sleep(1000)\nLost().run()\n")
    running, = launch(framework, lost, "sleep 1000")
    framework.status(running, "TASK_RUNNING")
    agent.end(signal.SIGKILL)
    agent.start()
    status = framework.status(running, "TASK_GONE")
    assert status["reason"] == "REASON_EXECUTOR_REREGISTRATION_TIMEOUT"
    wait_until(lambda: not agent.container_cgroups(), "the end of its container")
    framework.call("TEARDOWN")


def test_one_that_forgot_a_task_when_it_comes_back(node):
    """It was told of the task, and neither has it nor has said anything of it."""
    framework = Framework(node)
    agent = node.agents[0]
    forgetful = executor(program="class X(Executor):\n def on_launch(self, body): open('told', 'w').close()\n"
                                 "X().run()\n")
    told, = launch(framework, forgetful, "true")
    environment(agent)
    wait_until((sandbox(agent) / "told").exists, "the event")
    agent.end(signal.SIGKILL)
    agent.start()
    assert framework.status(told, "TASK_DROPPED")["reason"] == "REASON_AGENT_RESTARTED"
    framework.call("TEARDOWN")


# ---- as a program of its own ----

@pytest.mark.parametrize("form", ["application/json", "application/x-protobuf"])
def test_the_protocol_over_tcp(node, form):
    framework = Framework(node)
    (task_id,), speaker = speak(node, framework, form=form)
    assert speaker.update(speaker.status(task_id, "TASK_RUNNING")) == 403
    subscribed = speaker.subscribe()
    assert speaker.answer["content-type"] == form and "mesos-stream-id" not in speaker.answer
    body = subscribed["subscribed"]
    assert subscribed["type"] == "SUBSCRIBED"
    assert body["executor_info"]["executor_id"] == {"value": "x"}
    assert body["executor_info"]["framework_id"] == framework.info["id"] == body["framework_info"]["id"]
    assert body["agent_info"]["id"]["value"] and body["container_id"]["value"]
    launched = speaker.event()
    assert launched["type"] == "LAUNCH" and launched["launch"]["task"]["task_id"]["value"] == task_id
    running = speaker.status(task_id, "TASK_RUNNING")
    assert speaker.update(running) == 202
    acknowledged = speaker.event()
    assert acknowledged["type"] == "ACKNOWLEDGED"
    assert acknowledged["acknowledged"] == {"task_id": {"value": task_id}, "uuid": running["uuid"]}
    assert framework.status(task_id, "TASK_RUNNING")["timestamp"] > 1e9
    assert speaker.call({"type": "HEARTBEAT"}) == 202
    # A second subscription ends the first.
    first = speaker.reader
    speaker.subscribe()
    assert first.readline() == b"0\r\n"
    framework.call("KILL", task_id={"value": task_id}, kill_policy={"grace_period": {"nanoseconds": 5}})
    kill = speaker.event()
    assert kill["type"] == "KILL" and kill["kill"]["task_id"]["value"] == task_id
    assert kill["kill"]["kill_policy"]["grace_period"]["nanoseconds"] == 5
    assert speaker.update(speaker.status(task_id, "TASK_KILLED")) == 202
    framework.status(task_id, "TASK_KILLED")
    framework.call("TEARDOWN")
    assert speaker.event()["type"] == "ACKNOWLEDGED"
    assert speaker.event()["type"] == "SHUTDOWN"


def test_more_executors_than_a_peer_usually_has_connections(node):
    framework, agent = Framework(node), node.agents[0]
    offer, many = framework.offer(), [f"x{i}" for i in range(70)]
    tasks = [task(offer, {"executor_id": {"value": name}, "command": {"value": "exec sleep 1000"},
                          "resources": [scalar("cpus", 0.01), scalar("mem", 4)]}, "true",
                  resources=[scalar("cpus", 0.01), scalar("mem", 4)]) for name in many]
    framework.accept(offer, {"type": "LAUNCH", "launch": {"task_infos": tasks}})
    speakers = [Speaker(agent, environment(agent, name, "sleep")[1]) for name in many]
    for speaker in speakers:
        speaker.subscribe()
    for speaker in speakers:
        assert speaker.event()["type"] == "LAUNCH"
    framework.call("TEARDOWN")
    for speaker in speakers:
        assert [speaker.event()["type"] for _ in range(2)] == ["KILL", "SHUTDOWN"]
    wait_until(lambda: not agent.container_cgroups(), "the end of all", 60)


def test_a_group_comes_in_one_event(node):
    framework = Framework(node)
    offer = framework.offer()
    operation, ids = group(offer, custom(), 3)
    framework.accept(offer, operation)
    _, env = environment(node.agents[0])
    speaker = Speaker(node.agents[0], env)
    speaker.subscribe()
    event = speaker.event()
    assert event["type"] == "LAUNCH_GROUP"
    assert [t["task_id"]["value"] for t in event["launch_group"]["task_group"]["tasks"]] == ids
    assert used(node)["cpus"] == pytest.approx(0.4)
    # One of the group can be killed by itself.
    framework.call("KILL", task_id={"value": ids[1]})
    kill = speaker.event()
    assert kill["type"] == "KILL" and kill["kill"]["task_id"]["value"] == ids[1]
    # All or none, and each is told so.
    offer = framework.offer()
    bad, refused = group(offer, custom(), 2, resources=[scalar("cpus", 1000)])
    framework.accept(offer, bad)
    for task_id in refused:
        status = framework.status(task_id, "TASK_ERROR")
        assert status["reason"] == "REASON_TASK_GROUP_INVALID" and "more resources" in status["message"]
    framework.call("TEARDOWN")


def test_what_is_repeated_is_told_once(node):
    framework = Framework(node)
    (task_id,), speaker = speak(node, framework)
    speaker.subscribe()
    assert speaker.event()["type"] == "LAUNCH"
    running, finished = speaker.status(task_id, "TASK_RUNNING"), speaker.status(task_id, "TASK_FINISHED")
    speaker.update(running)
    assert speaker.event()["type"] == "ACKNOWLEDGED"
    speaker.subscribe(unacknowledged_updates=[{"status": running}, {"status": finished}],
                      unacknowledged_tasks=[{"name": "t", "task_id": {"value": task_id}, "agent_id": {"value": "a"}}])
    assert [speaker.event()["acknowledged"]["uuid"] for _ in range(2)] == [running["uuid"], finished["uuid"]]
    framework.status(task_id, "TASK_FINISHED")
    def is_completed():
        executors = [x for f in node.agents[0].call("GET", "/state").json["frameworks"] for x in f["executors"]]
        return any(t["id"] == task_id for x in executors for t in x["completed_tasks"])
    wait_until(is_completed, "the task's end")
    speaker.subscribe(unacknowledged_updates=[{"status": finished}])
    assert speaker.event()["acknowledged"]["uuid"] == finished["uuid"]
    seen = {u["status"]["uuid"] for u in framework.all("UPDATE")}
    assert len(seen) == 2
    framework.call("TEARDOWN")


def test_updates_of_megabytes_wait_until_there_is_room_and_the_end_is_told_all_the_same(node):
    """A framework that acknowledges nothing: the node keeps some of what its executor says, and says so."""
    framework = Framework(node)
    (task_id,), speaker = speak(node, framework)
    speaker.subscribe()
    answers = [speaker.update(speaker.status(task_id, "TASK_RUNNING", data=b"d" * (1 << 20))) for _ in range(8)]
    assert answers == [202] * 4 + [503] * 4
    assert speaker.body.startswith(f"update task '{task_id}': 4 updates of 4")
    assert speaker.update(speaker.status(task_id, "TASK_FINISHED")) == 202
    framework.status(task_id, "TASK_FINISHED")
    framework.call("TEARDOWN")


def test_what_is_repeated_is_bounded(node):
    framework = Framework(node)
    (task_id,), speaker = speak(node, framework)
    most = 4096
    gone = [{"status": speaker.status("gone", "TASK_RUNNING")}] * most
    tasks = [{"name": "t", "task_id": {"value": task_id}, "agent_id": {"value": "a"}}] * (most + 1)
    for body in ({"unacknowledged_updates": [*gone, gone[0]]}, {"unacknowledged_tasks": tasks}):
        assert speaker.call({"type": "SUBSCRIBE", "subscribe": body}) == 400
    running = speaker.status(task_id, "TASK_RUNNING")
    speaker.subscribe(unacknowledged_updates=[*gone[1:], {"status": running}], unacknowledged_tasks=tasks[1:])
    uuids = [speaker.event()["acknowledged"]["uuid"] for _ in range(most)]
    assert uuids == [gone[0]["status"]["uuid"]] * (most - 1) + [running["uuid"]]
    framework.status(task_id, "TASK_RUNNING")
    framework.call("TEARDOWN")


def test_a_lying_executor_hurts_nobody(node):
    framework, other = Framework(node), Framework(node, name="other", subscribed=False)
    other.subscribe(suppressed_roles=["*"])
    (victim,), honest = speak(node, framework, "honest")
    (own,), liar = speak(node, framework, "liar")
    honest.subscribe()
    assert honest.event()["type"] == "LAUNCH"
    liar.subscribe()
    assert liar.event()["type"] == "LAUNCH"
    ids, headers = dict(liar.ids), dict(liar.headers)
    # For another executor, of this framework and of another.
    liar.ids["executor_id"] = {"value": "honest"}
    for call in ({"type": "SUBSCRIBE", "subscribe": {}}, {"type": "MESSAGE", "message": {"data": b"x"}},
                 {"type": "UPDATE", "update": {"status": liar.status(victim, "TASK_FAILED")}}, {"type": "HEARTBEAT"}):
        assert liar.call(call) == 403, call
    liar.ids = {**ids, "framework_id": other.info["id"]}
    assert liar.call({"type": "SUBSCRIBE", "subscribe": {}}) == 400
    liar.ids = {**ids, "executor_id": {"value": "../x"}}
    assert liar.call({"type": "SUBSCRIBE", "subscribe": {}}) == 400
    # With another's token, or none, or one that is made up.
    liar.ids = ids
    for token, status in ((honest.headers["Authorization"], 403), (None, 401), ("Bearer x.y.z", 401),
                          (headers["Authorization"] + "A", 401), ("Basic eDp5", 401)):
        liar.headers["Authorization"] = token
        assert liar.call({"type": "HEARTBEAT"}) == status, token
    assert liar.answer["www-authenticate"].startswith("Bearer")
    liar.headers = headers
    # Of another's task, with another's id, of no task, by nobody.
    for status in (liar.status(victim, "TASK_FAILED"), liar.status("nothing", "TASK_RUNNING"),
                   liar.status(own, "TASK_RUNNING", executor_id={"value": "honest"}),
                   liar.status(own, "TASK_RUNNING", source="SOURCE_AGENT"), liar.status(own, "TASK_STAGING"),
                   {**liar.status(own, "TASK_RUNNING"), "uuid": b"short"}):
        assert liar.update(status) == 400, status
    assert liar.call({"type": "SUBSCRIBE", "subscribe": {"unacknowledged_updates": [
        {"status": liar.status(own, "TASK_RUNNING", source="SOURCE_MASTER")}]}}) == 400
    assert honest.update(honest.status(victim, "TASK_RUNNING")) == 202
    framework.status(victim, "TASK_RUNNING")
    assert {u["status"]["task_id"]["value"] for u in framework.all("UPDATE")} == {victim}
    framework.call("TEARDOWN")
    other.call("TEARDOWN")


def test_the_domain_socket(cluster):
    cluster.start_master()
    agent = cluster.start_agent("--http_executor_domain_sockets")
    framework = Framework(cluster)
    running, = launch(framework, executor(), "sleep 1000")
    framework.status(running, "TASK_RUNNING")
    _, env = environment(agent)
    assert env["MESOS_DOMAIN_SOCKET"] == "/run/tepui/executor.sock"
    assert not [line for line in pathlib.Path(f"/proc/{environment(agent)[0]}/net/tcp").read_text().splitlines()
                if f":{agent.port:04X} 01" in line]
    # In protobuf, and without a token nobody is anybody there either.
    speaker = Speaker(agent, env, path=agent.work_dir / "sockets/executor.sock")
    assert speaker.call({"type": "HEARTBEAT"}) == 202
    speaker.headers["Authorization"] = None
    assert speaker.call({"type": "HEARTBEAT"}) == 401
    assert speaker.call(b"{}", path="/api/v1") == 404
    agent.end(signal.SIGKILL)
    agent.start()
    again, = launch(framework, executor(), "true")
    framework.status(again, "TASK_FINISHED")
    framework.call("TEARDOWN")


def test_heartbeats(cluster):
    cluster.start_master()
    cluster.start_agent("--executor_heartbeat_interval=100ms")
    framework = Framework(cluster)
    _, speaker = speak(cluster, framework)
    speaker.subscribe()
    assert [speaker.event() for _ in range(3)][1:] == [{"type": "HEARTBEAT"}] * 2
    framework.call("TEARDOWN")


def test_without_authentication_an_id_is_enough(cluster):
    cluster.start_master()
    cluster.start_agent("--authenticate_http_executors=false")
    framework = Framework(cluster)
    (task_id,), speaker = speak(cluster, framework)
    speaker.headers["Authorization"] = None
    speaker.subscribe()
    assert speaker.event()["launch"]["task"]["task_id"]["value"] == task_id
    framework.call("TEARDOWN")
