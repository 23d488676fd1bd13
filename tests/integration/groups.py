"""Task groups of the default executor, for tests: launched, and looked into."""
import contextlib
import pathlib
import uuid

from framework import scalar

SHARED = {"mode": "RW", "container_path": "shared",
          "source": {"type": "SANDBOX_PATH", "sandbox_path": {"type": "PARENT", "path": "common"}}}
FOREVER = "exec sleep 1000"
UNTIL_END = "while [ ! -e end ]; do sleep 0.02; done"


def member(offer, script, mem=32, **more):
    return {"name": "m", "task_id": {"value": f"m-{uuid.uuid4()}"}, "agent_id": offer["agent_id"],
            "command": {"value": script}, "resources": [scalar("cpus", 0.1), scalar("mem", mem)],
            "container": {"type": "MESOS", "volumes": [SHARED]}, **more}


def is_roomy(offer):
    """What other groups gave back may come in pieces."""
    return all(r["scalar"]["value"] >= {"cpus": 1, "mem": 1024, "disk": 64}.get(r["name"], 0)
               for r in offer["resources"] if "scalar" in r)


def launch(framework, *scripts, name=None, tasks=None, **more):
    """The ids of a group with a member for each of SCRIPTS; MORE is the executor's."""
    offer = framework.offer(is_roomy)
    tasks = tasks(offer) if tasks else [member(offer, script) for script in scripts]
    executor = {"type": "DEFAULT", "executor_id": {"value": name or f"e-{uuid.uuid4()}"},
                "resources": [scalar("cpus", 0.1), scalar("mem", 32), scalar("disk", 8)], **more}
    framework.accept(offer, {"type": "LAUNCH_GROUP",
                             "launch_group": {"executor": executor, "task_group": {"tasks": tasks}}})
    return [t["task_id"]["value"] for t in tasks]


def sandbox(agent, task_id):
    return next(pathlib.Path(agent.work_dir).glob(f"slaves/*/frameworks/*/executors/*/runs/latest/tasks/{task_id}/"))


def read(agent, task_id, name="stdout"):
    return (sandbox(agent, task_id) / name).read_text()


def cmdline(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def pod_of(status):
    return status["container_status"]["container_id"]["parent"]["value"]
