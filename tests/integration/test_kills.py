"""kill -9 of agent, executors and master, again and again, while an app is deployed and changed."""
import collections
import contextlib
import http.client
import os
import random
import signal

import pytest

from cluster import SLOW, wait_until
from test_story import sleeper, supervisor_of

KILLS = 50 if SLOW == 1 else 10


@pytest.mark.slow
def test_fifty_kills_during_a_deployment_lose_nothing_and_double_nothing(node):
    """The app ends with exactly the wanted healthy instances: in the API, in the agent, in the kernel."""
    chance = random.Random(20261123)
    agent = node.agents[0]
    app = sleeper("/steady", instances=4, healthChecks=[{
        "protocol": "COMMAND", "command": {"value": "true"}, "gracePeriodSeconds": 5, "delaySeconds": 0,
        "intervalSeconds": 1, "timeoutSeconds": 20, "maxConsecutiveFailures": 3}])
    assert node.call("POST", "/v2/apps", app).status == 201
    wanted = 4
    killed = collections.Counter()
    for kill in range(KILLS):
        victim = chance.choice(["agent", "executor", "master"])
        if victim == "agent":
            agent.end(signal.SIGKILL)
            agent.start()
        elif victim == "master":
            node.kill_master()
        elif not kill_an_executor(node, chance):
            victim = "nobody"
        killed[victim] += 1
        if kill % 10 == 4:
            wanted = chance.randint(3, 6)
            answer = node.call("PUT", "/v2/apps/steady?force=true", {"instances": wanted})
            assert answer.status == 200, answer.body
        if kill % 10 == 9:
            answer = node.call("PUT", "/v2/apps/steady?force=true", {"env": {"N": str(kill)}})
            assert answer.status == 200, answer.body

    def settled():
        found = node.app("/steady")
        return found["tasksHealthy"] == found["tasksRunning"] == wanted and not found["deployments"]
    wait_until(settled, f"{wanted} healthy instances", 90)
    assert all(killed[victim] >= KILLS // 10 for victim in ("agent", "executor", "master")), killed
    running = {t["id"] for t in node.tasks("/steady")}
    assert len(running) == wanted
    wait_until(lambda: {c["executor_id"] for c in agent.containers()} == running, "the agent has the same")
    wait_until(lambda: container_names(agent) == {c["container_id"] for c in agent.containers()},
               "the kernel has the same")
    node.remove("/steady")
    wait_until(lambda: not agent.container_cgroups(), "nothing is left")


def container_names(agent):
    return {os.path.basename(d) for d in agent.container_cgroups()}


def kill_an_executor(node, chance):
    """One that lives, once there is one; the agent may still be coming up, and its task may just end."""
    def living():
        with contextlib.suppress(OSError, http.client.HTTPException):
            return [c["executor_id"] for c in node.agents[0].containers()]
        return []
    tasks = wait_until(living, "a container")
    with contextlib.suppress(LookupError, ProcessLookupError, TypeError):
        os.kill(supervisor_of(node.agents[0], chance.choice(tasks)), signal.SIGKILL)
        return True
    return False
