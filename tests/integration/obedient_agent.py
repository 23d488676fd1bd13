"""An agent without a node: it says that it did what the master told it, as fast as it can."""
import base64
import http.client
import threading
import time
import uuid

from cluster import wait_until
from socket_agent import SocketAgent

RESEND_SECONDS = 1
# What a task's command makes of it once it runs; others run until they are killed.
ENDS = {"true": "TASK_FINISHED", "false": "TASK_FAILED"}


class Updates:
    """What is to be told of one task, in order: the head is in flight until it is acknowledged."""

    def __init__(self, run):
        self.task, self.framework_info, self.framework = run["task"], run["framework"], run["framework"]["id"]
        self.pending, self.sent, self.latest = [], 0, None

    def add(self, state):
        self.latest = state
        self.pending.append({"task_id": self.task["task_id"], "state": state, "source": "SOURCE_EXECUTOR",
                             "timestamp": time.time(), "uuid": base64.b64encode(uuid.uuid4().bytes).decode(),
                             "agent_id": self.task["agent_id"]})


class ObedientAgent(SocketAgent):
    def __init__(self, cluster, **more):
        super().__init__(cluster, **more)
        self.updates, self.thread, self.is_closing, self.failure = {}, None, False, None
        self.stubborn = set()  # tasks that no drain ends
        self.is_deaf = False   # to pings, and repeats nothing of its operations
        self.open = []         # those of UPDATES with something to tell
        self.operations = {}   # applied and not acknowledged, by id; each with the time when it was told
        self.is_losing = False  # operations, before it has read them
        self.brings = {"gives_feedback": True}

    def subscribe(self, *args, **more):
        super().subscribe(*args, **more)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        return self

    def wait(self, kind, count=1, seconds=20, fits=lambda event: True):
        """Events are read by the thread once there is one."""
        if self.thread is None:
            return super().wait(kind, count, seconds)
        def found():
            self.check()
            events = [e for e in list(self.events) if e["type"] == kind and fits(e)]
            return events[count - 1] if len(events) >= count else None
        return wait_until(found, f"event {kind}", seconds)

    def run_of(self, task_id):
        """RUN_TASK for the task."""
        return self.wait("RUN_TASK", fits=lambda e: e["run_task"]["task"]["task_id"]["value"] == task_id)["run_task"]

    def message(self, framework_id, executor_id, data):
        """What an executor has to say."""
        return self.call("MESSAGE", message={"framework_id": framework_id, "executor_id": executor_id, "data": data})

    def end_task(self, task_id, state):
        self._end(task_id, state)

    def come_back(self):
        """A new stream, on which it tells of its tasks anew."""
        self._stop()
        self.socket.close()
        self.tasks = [{"framework": u.framework_info, "task": u.task, "state": u.latest}
                      for u in self.updates.values() if u.pending or u.latest == "TASK_RUNNING"]
        for updates in self.updates.values():
            updates.sent = 0
        self.brings["operations"] = [o["applied"] for o in self.operations.values()]
        for operation in self.operations.values():
            operation["told"] = 0
        return self.subscribe()

    def check(self):
        """What went wrong in the thread goes wrong in the test."""
        failure, self.failure = self.failure, None
        if failure:
            raise failure

    def _stop(self):
        self.is_closing = True
        if self.thread:
            self.thread.join()
        self.thread, self.is_closing = None, False

    # ---- the thread ----

    def _serve(self):
        done = 0
        try:
            while not self.is_closing and not self.is_ended:
                self.read(0.05)
                for event in self.events[done:]:
                    done += 1
                    self._obey(event)
                self._resend()
        except (AssertionError, OSError, ValueError, KeyError, http.client.HTTPException) as failure:
            self.failure = failure

    def _say(self, kind, **body):
        """Only whoever's stream has been ended is refused."""
        answer = self.call(kind, **body)
        if answer.status != 202:
            wait_until(self._has_ended, f"the end of the stream after {kind}: {answer.status} {answer.body}")

    def _has_ended(self):
        self.read()
        return self.is_ended

    def _obey(self, event):
        if event["type"] == "HEARTBEAT":
            if not self.is_deaf:
                self._say("HEARTBEAT")
        elif event["type"] == "RUN_TASK":
            self._launch(event["run_task"])
        elif event["type"] == "RUN_TASK_GROUP":
            group = event["run_task_group"]
            for task in group["tasks"]:
                self._launch({"framework": group["framework"], "task": task})
        elif event["type"] == "KILL_TASK":
            self._end(event["kill_task"]["task_id"]["value"], "TASK_KILLED")
        elif event["type"] == "SHUTDOWN_EXECUTOR":
            self._say("EXECUTOR_EXITED", executor_exited=event["shutdown_executor"])
        elif event["type"] == "DRAIN" and "config" in event["drain"]:
            for task_id in set(self.updates) - self.stubborn:
                self._end(task_id, "TASK_KILLED")
        elif event["type"] == "ACKNOWLEDGE":
            self._acknowledged(event["acknowledge"])
        elif event["type"] == "APPLY" and "framework" in event["apply"] and not self.is_losing:
            self._apply(event["apply"])
        elif event["type"] == "ACKNOWLEDGE_OPERATION":
            self._operation_acknowledged(event["acknowledge_operation"])

    def _launch(self, run):
        updates = self.updates[run["task"]["task_id"]["value"]] = Updates(run)
        updates.add("TASK_RUNNING")
        end = ENDS.get(run["task"].get("command", {}).get("value"))
        if end:
            updates.add(end)
        self.open.append(updates)

    def _apply(self, apply):
        info, framework = apply["operation"], apply["framework"]
        status = {"operation_id": info["id"], "state": "OPERATION_FINISHED", "agent_id": {"value": self.id},
                  "uuid": {"value": base64.b64encode(uuid.uuid4().bytes).decode()}}
        self.operations[info["id"]["value"]] = {"told": 0, "applied": {"framework": framework, "operation": {
            "framework_id": framework["id"], "info": info, "latest_status": status, "uuid": apply["uuid"]}}}

    def _operation_acknowledged(self, acknowledge):
        """Of another status than it told it hears nothing."""
        id_ = acknowledge["operation_id"]["value"]
        if id_ in self.operations and self._told(id_)["uuid"]["value"] == acknowledge["uuid"]:
            del self.operations[id_]

    def _told(self, id_):
        return self.operations[id_]["applied"]["operation"]["latest_status"]

    def _end(self, task_id, state):
        updates = self.updates.get(task_id)
        if updates and updates.latest == "TASK_RUNNING":
            updates.add(state)
            self.open.append(updates)

    def _acknowledged(self, acknowledge):
        updates = self.updates.get(acknowledge["task_id"]["value"])
        if updates and updates.pending and updates.pending[0]["uuid"] == acknowledge["uuid"]:
            updates.pending.pop(0)
            updates.sent = 0

    def _resend(self):
        now = time.monotonic()
        for updates in list(self.open):
            if not updates.pending:
                self.open.remove(updates)
            elif now - updates.sent >= RESEND_SECONDS:
                updates.sent = now
                self._say("UPDATE", update={"framework_id": updates.framework, "status": updates.pending[0],
                                            "latest_state": updates.latest})
        for operation in list(self.operations.values()):
            if not self.is_deaf and now - operation["told"] >= RESEND_SECONDS:
                operation["told"] = now
                applied = operation["applied"]["operation"]
                self._say("OPERATION", operation={"framework_id": applied["framework_id"],
                                                  "status": applied["latest_status"]})

    def close(self):
        self._stop()
        super().close()
        self.check()
