"""An app behind a service address on a fleet, and what its nodes know of it."""
import collections
import time

from callers import TELLER
from cluster import wait_until
from fleet import SLEEPER

CHECK = {"protocol": "MESOS_HTTP", "path": "/health", "portIndex": 0, "gracePeriodSeconds": 60, "delaySeconds": 0,
         "intervalSeconds": 1, "timeoutSeconds": 10, "maxConsecutiveFailures": 1000}
# They answer whom they have when they are told to end.
WEB = {**SLEEPER, "cmd": TELLER % "int(os.environ['PORT0'])", "mem": 48, "instances": 6, "env": {"VERSION": "1"},
       "healthChecks": [CHECK], "taskKillGracePeriodSeconds": 60, "constraints": [["hostname", "MAX_PER", "2"]]}


def on_host(**labels):
    return {**WEB, "portDefinitions": [{"port": 0, "protocol": "tcp", "labels": {"VIP_0": "/web:80", **labels}}]}


def on_bridge(**labels):
    return {**WEB, "cmd": TELLER % "8080", "networks": [{"mode": "container/bridge"}],
            "container": {"type": "MESOS", "portMappings": [
                {"containerPort": 8080, "hostPort": 0, "protocol": "tcp", "labels": {"VIP_0": "/web:80", **labels}}]}}


def service_of(fleet, name="web"):
    """As the first node has it; None: it has none."""
    return next((s for s in fleet.agents[0].call("GET", "/services").json["services"] if s.get("name") == name), None)


def states(fleet, agent=None):
    """What becomes of each backend of /web, by task, on a node."""
    answer = (agent or fleet.agents[0]).call("GET", "/services").json
    return {b["task_id"]: b["state"] for s in answer["services"] if s.get("name") == "web" for b in s["backends"]}


def is_in_force(fleet):
    """Do all nodes that answer go by what they were told last?"""
    answers = [agent.call("GET", "/services").json for agent in fleet.agents]
    return all(a["generation"] == a["in_force"] for a in answers)


def serving(fleet, n):
    """Wait until N backends serve, and every node knows; the address of the service."""
    def are_known():
        known = [collections.Counter(states(fleet, agent).values()) for agent in fleet.agents]
        return all(k["SERVING"] == n for k in known) and is_in_force(fleet)
    wait_until(are_known, lambda: f"{n} backends on every node: {[states(fleet, a) for a in fleet.agents]}", 60)
    return service_of(fleet)["address"], 80


def sandbox_of(fleet, task):
    return next(c["tepui"]["sandbox"] for agent in fleet.agents for c in agent.containers() if c["executor_id"] == task)


def leaves(fleet, callers, victim, begin, what):
    """
    Wait until every node has done without VICTIM, and enough clients have come since; prints what they noticed of it since
    BEGIN.  The errors.
    """
    wait_until(lambda: all(states(fleet, agent).get(victim) != "SERVING" for agent in fleet.agents
                           if agent.place.name == callers.place.name) and is_in_force_at(fleet, callers.place),
               lambda: f"the end of {victim}: {states(fleet)}", 60)
    left = time.monotonic()
    wait_until(lambda: len(callers.since(left)) > 200, "clients come")
    later = callers.answered_since(left)
    assert victim not in later, later
    errors = [c for c in callers.errors() if c.ended >= begin]
    answers = [c.ended for c in list(callers.calls) if c.answer == victim and c.ended >= begin]
    print(f"{what}: {len(errors)} of {len(callers.since(begin))} calls failed; the last one was answered by it "
          f"{(max(answers) - begin) * 1000 if answers else 0:.0f} ms after that, and failed "
          f"{(max((c.begun for c in errors), default=begin) - begin) * 1000:.0f} ms after that")
    # Whoever came when it had left has not noticed.
    assert not [c for c in errors if c.begun > left], errors[-1]
    return errors


def is_in_force_at(fleet, place):
    agent = next(a for a in fleet.agents if a.place.name == place.name)
    answer = agent.call("GET", "/services").json
    return answer["generation"] == answer["in_force"]
