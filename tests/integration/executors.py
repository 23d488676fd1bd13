"""Custom executors for tests: docs/examples/executor.py, and one whose words are the test's."""
import base64
import json
import pathlib
import socket
import uuid

from cluster import REPOSITORY, wait_until
from framework import scalar
from protolite import Schema

SOURCE = (REPOSITORY / "docs/examples/executor.py").read_text().split("if __name__")[0]
SCHEMA = Schema("mesos.proto", "executor.proto")
IDLE = "import time\ntime.sleep(1000)\n"


def text(data):
    return base64.b64encode(data.encode()).decode()


def executor(name="x", program="Executor().run()\n", source=SOURCE, **more):
    return {"executor_id": {"value": name}, "name": name,
            "command": {"shell": False, "value": "/usr/bin/python3", "arguments": ["python3", "-uc", source + program]},
            "resources": [scalar("cpus", 0.1), scalar("mem", 64)], **more}


def task(offer, info, line, **more):
    return {"name": "t", "task_id": {"value": f"t-{uuid.uuid4()}"}, "agent_id": offer["agent_id"], "executor": info,
            "resources": [scalar("cpus", 0.1), scalar("mem", 16)], "data": text(line), **more}


def is_roomy(offer):
    """Not one of the pieces that others have just given back."""
    return {r["name"]: r for r in offer["resources"]}.get("mem", scalar("mem", 0))["scalar"]["value"] >= 512


def launch(framework, info, *commands, offer=None, **more):
    """One task of executor INFO for each of COMMANDS; their ids."""
    offer = offer or framework.offer(is_roomy)
    tasks = [task(offer, info, command, **more) for command in commands]
    framework.accept(offer, {"type": "LAUNCH", "launch": {"task_infos": tasks}})
    return [t["task_id"]["value"] for t in tasks]


def agent_id(framework):
    return next(u["status"]["agent_id"] for u in framework.all("UPDATE") if "agent_id" in u["status"])


def sandbox(agent, name="x"):
    return next(pathlib.Path(agent.work_dir).glob(f"slaves/*/frameworks/*/executors/{name}/runs/latest/"))


def environment(agent, name="x", program="python3"):
    """Of the executor's process, which is the only one with a task's data in no argument."""
    def found():
        for pid in agent.processes():
            try:
                env = dict(line.split("=", 1) for line in pathlib.Path(f"/proc/{pid}/environ").read_text().split("\0")
                           if "=" in line)
                command = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
            except OSError:
                continue
            if env.get("MESOS_EXECUTOR_ID") == name and command.startswith(program):
                return pid, env
        return None
    return wait_until(found, f"executor {name}'s process")


def failure(framework, name="x"):
    return wait_until(lambda: next((f for f in framework.all("FAILURE")
                                    if f.get("executor_id", {}).get("value") == name), None), "FAILURE")


def used(cluster):
    return cluster.call("GET", "/slaves").json["slaves"][0]["used_resources"]


class Speaker:
    """What an executor says, said by the test in protobuf or JSON; the process in the container only idles."""

    def __init__(self, agent, env, path=None, form="application/x-protobuf", **headers):
        self.address = str(path) if path else ("127.0.0.1", agent.port)
        self.ids = {"framework_id": {"value": env["MESOS_FRAMEWORK_ID"]},
                    "executor_id": {"value": env["MESOS_EXECUTOR_ID"]}}
        self.form = form
        self.headers = {"Content-Type": form, "Accept": form,
                        "Authorization": "Bearer " + env["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"], **headers}
        self.reader = self.socket = None

    def send(self, call, path="/api/v1/executor", method="POST"):
        if isinstance(call, dict):
            call = {**self.ids, **call}
            call = (SCHEMA.encode("mesos.v1.executor.Call", call) if self.form != "application/json" else
                    json.dumps(call).encode())
        made = socket.socket(socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET)
        made.settimeout(20)
        made.connect(self.address)
        head = "".join(f"{k}: {v}\r\n" for k, v in self.headers.items() if v is not None)
        made.sendall(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}Content-Length: {len(call)}\r\n\r\n".encode()
                     + call)
        reader = made.makefile("rb")
        status = int(reader.readline().split()[1])
        self.answer = {}
        while line := reader.readline().strip():
            name, value = line.decode().split(": ", 1)
            self.answer[name.lower()] = value
        return status, made, reader

    def call(self, call, **more):
        status, made, reader = self.send(call, **more)
        self.body = reader.read(int(self.answer.get("content-length", 0))).decode()
        reader.close()
        made.close()
        return status

    def subscribe(self, **body):
        status, self.socket, self.reader = self.send({"type": "SUBSCRIBE", "subscribe": body})
        assert status == 200
        return self.event()

    def event(self):
        line = self.reader.readline()
        size = int(line, 16)
        record = self.reader.read(size + 2)[:size]
        if not size:
            return None
        length, data = record.split(b"\n", 1)
        assert int(length) == len(data)
        return SCHEMA.decode("mesos.v1.executor.Event", data) if self.form != "application/json" else json.loads(data)

    def status(self, task_id, state, **more):
        id_ = uuid.uuid4().bytes
        return {"task_id": {"value": task_id}, "state": state, "source": "SOURCE_EXECUTOR",
                "uuid": id_ if self.form != "application/json" else base64.b64encode(id_).decode(), **more}

    def update(self, status):
        return self.call({"type": "UPDATE", "update": {"status": status}})


def speak(node, framework, name="x", tasks=1, **more):
    """An idle executor with tasks, and who speaks for it."""
    ids = launch(framework, executor(name, source="", program=IDLE), *["true"] * tasks)
    _, env = environment(node.agents[0], name)
    return ids, Speaker(node.agents[0], env, **more)


def group(offer, info, n, **more):
    tasks = [task(offer, info, "true", command={"value": "true"}, executor=None, **more) for _ in range(n)]
    return {"type": "LAUNCH_GROUP", "launch_group": {"executor": info, "task_group": {"tasks": tasks}}}, \
        [t["task_id"]["value"] for t in tasks]


def custom(name="x", **more):
    info = executor(name, source="", program=IDLE, type="CUSTOM", **more)
    info["resources"].append(scalar("disk", 8))
    return info
