#!/usr/bin/env python3
"""
A custom executor: one process that runs any number of tasks of its framework.  Each task's `data` is a
shell command; it is executed as a process of this executor's container.  Only the standard library.

A framework gives it as the executor of its tasks:

    "executor": {"executor_id": {"value": "shells"},
                 "command": {"shell": false, "value": "/usr/bin/python3",
                             "arguments": ["python3", "/opt/executor.py"]},
                 "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                               {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}}]}

It speaks the v1 executor API in JSON, over the agent's domain socket if MESOS_DOMAIN_SOCKET names one, else over
TCP.  When the agent is away it goes on, and tells on its return what it saw no acknowledgement for.
"""
import base64
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
import uuid

UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "secs": 1, "mins": 60, "hrs": 3600, "days": 86400, "weeks": 604800}


def seconds(text):
    """'15mins' as Mesos writes a duration."""
    number, unit = re.fullmatch(r"([0-9.]+)([a-z]+)", text).groups()
    return float(number) * UNITS[unit]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Executor:
    def __init__(self, env=os.environ):
        self.ids = {"framework_id": {"value": env["MESOS_FRAMEWORK_ID"]},
                    "executor_id": {"value": env["MESOS_EXECUTOR_ID"]}}
        self.endpoint, self.domain_socket = env["MESOS_AGENT_ENDPOINT"], env.get("MESOS_DOMAIN_SOCKET")
        self.headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if "MESOS_EXECUTOR_AUTHENTICATION_TOKEN" in env:
            self.headers["Authorization"] = "Bearer " + env["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"]
        self.grace = seconds(env["MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"])
        self.checkpoint = env["MESOS_CHECKPOINT"] == "1"
        self.recovery_timeout = seconds(env.get("MESOS_RECOVERY_TIMEOUT", "15mins"))
        self.backoff = seconds(env.get("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs"))
        self.lock = threading.RLock()
        self.processes = {}                       # by task id
        self.tasks, self.updates = {}, {}         # not acknowledged yet: by task id, by uuid, in order
        self.is_over = False

    # ---- to the agent ----

    def connect(self):
        return UnixConnection(self.domain_socket) if self.domain_socket else http.client.HTTPConnection(self.endpoint)

    def call(self, type_, **body):
        """The status; 0 if the agent is not there."""
        connection = self.connect()
        try:
            connection.request("POST", "/api/v1/executor", json.dumps({**self.ids, "type": type_, **body}), self.headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def update(self, task_id, state, **more):
        """What the agent does not hear now it hears with the next subscription."""
        with self.lock:
            id_ = base64.b64encode(uuid.uuid4().bytes).decode()
            self.updates[id_] = {"task_id": {"value": task_id}, "state": state, "source": "SOURCE_EXECUTOR",
                                 "executor_id": self.ids["executor_id"], "uuid": id_, "timestamp": time.time(), **more}
            self.call("UPDATE", update={"status": self.updates[id_]})

    def message(self, data):
        self.call("MESSAGE", message={"data": base64.b64encode(data).decode()})

    # ---- the tasks ----

    def launch(self, task):
        task_id = task["task_id"]["value"]
        with self.lock:
            self.tasks[task_id] = task
            command = base64.b64decode(task.get("data", "")).decode() or "true"
            self.processes[task_id] = subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL,
                                                       start_new_session=True)
            self.update(task_id, "TASK_RUNNING")
        threading.Thread(target=self.wait, args=(task_id,), daemon=True).start()

    def wait(self, task_id):
        process = self.processes[task_id]
        status = process.wait()
        with self.lock:
            if status == 0:
                self.update(task_id, "TASK_FINISHED")
            elif getattr(process, "is_killed", False):
                self.update(task_id, "TASK_KILLED")
            else:
                self.update(task_id, "TASK_FAILED", message=f"Command ended with {status}")
            del self.processes[task_id]

    def kill(self, task_id):
        process = self.processes.get(task_id)
        if process:
            process.is_killed = True
            os.killpg(process.pid, signal.SIGTERM)

    # ---- from the agent ----

    def on_subscribed(self, body):
        pass

    def on_launch(self, body):
        self.launch(body["task"])

    def on_launch_group(self, body):
        for task in body["task_group"]["tasks"]:
            self.launch(task)

    def on_kill(self, body):
        self.kill(body["task_id"]["value"])

    def on_acknowledged(self, body):
        with self.lock:
            self.updates.pop(body["uuid"], None)
            self.tasks.pop(body["task_id"]["value"], None)

    def on_message(self, body):
        """What the framework says is said back."""
        self.message(base64.b64decode(body["data"]))

    def on_shutdown(self, body):
        self.is_over = True
        deadline = time.monotonic() + self.grace * 0.8
        for task_id in list(self.processes):
            self.kill(task_id)
        while self.processes and time.monotonic() < deadline:
            time.sleep(0.02)

    def on_error(self, body):
        self.is_over = True

    def on_heartbeat(self, body):
        pass

    # ---- the stream ----

    def subscribe(self):
        """One subscription, until it ends; True if there was one."""
        connection = self.connect()
        try:
            with self.lock:
                connection.request("POST", "/api/v1/executor", json.dumps({
                    **self.ids, "type": "SUBSCRIBE", "subscribe": {
                        "unacknowledged_tasks": list(self.tasks.values()),
                        "unacknowledged_updates": [{"status": u} for u in self.updates.values()]}}), self.headers)
                answer = connection.getresponse()
            if answer.status != 200:
                return False
            while not self.is_over:
                size = b""
                while not size.endswith(b"\n"):
                    byte = answer.read(1)
                    if not byte:
                        return True
                    size += byte
                event = json.loads(answer.read(int(size)))
                name = event["type"].lower()
                handler = getattr(self, "on_" + name, None)
                if handler:
                    handler(event.get(name))
            return True
        except (OSError, ValueError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def run(self):
        lost = time.monotonic()
        while not self.is_over:
            if self.subscribe():
                lost = time.monotonic()
            if self.is_over or not self.checkpoint or time.monotonic() - lost > self.recovery_timeout:
                break
            time.sleep(random.uniform(0, self.backoff))
        if not self.is_over:
            self.on_shutdown(None)


if __name__ == "__main__":
    Executor().run()
