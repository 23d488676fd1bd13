#!/usr/bin/env python3
"""
A framework: runs COUNT tasks of one shell command and ends when each has ended.  Only the standard library.

    framework.py 127.0.0.1:5050 --name=batch --count=1000 --command='sleep 1' --journal=/var/tmp/batch

It speaks the v1 scheduler API in JSON.  What it must not forget is in its journal before it is said: its framework id,
the tasks that it is about to launch, the ends that it is about to acknowledge.  It may be killed at any time: started
again with the same journal it takes its place back and asks what became of its tasks.

With --executor the tasks are those of a program of its own, as executor.py beside this file is one; with --group they
run in groups of so many, each beside the others of its group.  A master that asks frameworks for a credential is shown
that of --credential.
"""
import argparse
import base64
import http.client
import json
import os
import sys
import time

JSON = "application/json"
TERMINAL = {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED", "TASK_GONE",
            "TASK_GONE_BY_OPERATOR"}
# It did not run to its end, or nobody knows it: another attempt is made, under another id.
AGAIN = {"TASK_LOST", "TASK_DROPPED", "TASK_GONE", "TASK_GONE_BY_OPERATOR", "TASK_UNKNOWN"}
NEEDS = {"cpus": 0.1, "mem": 32.0}


class Refused(Exception):
    """Whoever asks again is told the same."""


class Journal:
    """Lines that are on disk when append() returns; a last one that was cut off does not count."""

    def __init__(self, path):
        self.file = open(path, "a+b")
        self.file.seek(0)
        whole, _, _ = self.file.read().rpartition(b"\n")
        self.lines = [line.split(" ") for line in whole.decode().split("\n") if line]
        self.file.truncate(len(whole) + bool(whole))

    def append(self, *lines):
        self.file.write("".join(line + "\n" for line in lines).encode())
        self.file.flush()
        os.fdatasync(self.file.fileno())


class Framework:
    def __init__(self, options):
        self.options, self.journal = options, Journal(options.journal)
        self.id = None
        self.attempts = [0] * options.count     # by number of the task
        self.states = ["waiting"] * options.count
        for line in self.journal.lines:
            if line[0] == "framework":
                self.id = line[1]
            elif line[0] == "launch":
                number, attempt = self.parse(line[1])
                self.attempts[number], self.states[number] = attempt, "launched"
            elif line[2] in AGAIN:
                self.states[self.parse(line[1])[0]] = "waiting"
            else:
                self.states[self.parse(line[1])[0]] = line[2]
        self.calls = self.stream = self.stream_id = None
        self.headers = {"Content-Type": JSON, "Accept": JSON}
        if options.credential:
            with open(options.credential, encoding="utf-8") as file:
                principal, secret = file.read().split()
            self.headers["Authorization"] = "Basic " + base64.b64encode(f"{principal}:{secret}".encode()).decode()
        self.executor = None
        if options.executor:
            with open(options.executor, encoding="utf-8") as file:
                arguments = ["python3", "-c", file.read()]
            self.executor = {"executor_id": {"value": options.name}, "resources": self.resources(),
                             "command": {"shell": False, "value": "/usr/bin/python3", "arguments": arguments}}

    # ---- names ----

    def task_id(self, number):
        return f"{self.options.name}-{number}.{self.attempts[number]}"

    @staticmethod
    def parse(task_id):
        number, attempt = task_id.rpartition("-")[2].split(".")
        return int(number), int(attempt)

    # ---- the two connections ----

    def subscribe(self):
        info = {"user": self.options.user, "name": self.options.name, "failover_timeout": 3600.0, "checkpoint": True,
                "roles": ["*"], "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}]}
        call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
        if self.id:
            call["framework_id"] = info["id"] = {"value": self.id}
        connection = http.client.HTTPConnection(self.options.master, timeout=60)
        connection.request("POST", "/api/v1/scheduler", json.dumps(call), self.headers)
        self.stream = connection.getresponse()
        if self.stream.status != 200:
            is_final = 400 <= self.stream.status < 500
            raise (Refused if is_final else ConnectionError)(f"{self.stream.status} {self.stream.read().decode()}")
        self.stream_id = self.stream.headers["Mesos-Stream-Id"]
        self.calls = http.client.HTTPConnection(self.options.master, timeout=60)

    def events(self):
        while size := self.stream.readline():
            yield json.loads(self.stream.read(int(size)))

    def call(self, type_, **body):
        call = {"type": type_, "framework_id": {"value": self.id}, **({type_.lower(): body} if body else {})}
        self.calls.request("POST", "/api/v1/scheduler", json.dumps(call),
                           {**self.headers, "Mesos-Stream-Id": self.stream_id})
        answer = self.calls.getresponse()
        text = answer.read()
        if answer.status != 202:
            raise ConnectionError(f"{type_}: {answer.status} {text.decode()}")

    # ---- events ----

    def on_subscribed(self, event):
        if not self.id:
            self.id = event["framework_id"]["value"]
            self.journal.append(f"framework {self.id}")
        asked = [{"task_id": {"value": self.task_id(i)}} for i, s in enumerate(self.states) if s == "launched"]
        if asked:
            self.call("RECONCILE", tasks=asked)

    def on_offers(self, event):
        for offer in event["offers"]:
            left = {r["name"]: r["scalar"]["value"] for r in offer["resources"] if r["type"] == "SCALAR"}
            fit = int(min(left.get(name, 0) / need + 1e-6 for name, need in NEEDS.items()))
            waiting = [i for i, state in enumerate(self.states) if state == "waiting"][:self.tasks_in(fit)]
            if not waiting:
                self.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 5.0})
                continue
            for number in waiting:
                self.attempts[number] += 1
                self.states[number] = "launched"
            self.journal.append(*[f"launch {self.task_id(number)}" for number in waiting])
            self.call("ACCEPT", offer_ids=[offer["id"]], filters={"refuse_seconds": 0.0},
                      operations=self.operations([self.task(number, offer) for number in waiting]))

    def tasks_in(self, fit):
        """How many tasks take what FIT of them would, with what runs them."""
        if self.options.group:
            groups, rest = divmod(fit, self.options.group + 1)
            return groups * self.options.group + max(rest - 1, 0)
        return max(fit - bool(self.executor), 0)

    def operations(self, tasks):
        if not self.options.group:
            return [{"type": "LAUNCH", "launch": {"task_infos": tasks}}]
        groups = [tasks[i:i + self.options.group] for i in range(0, len(tasks), self.options.group)]
        return [{"type": "LAUNCH_GROUP", "launch_group": {
            "executor": {"type": "DEFAULT", "executor_id": group[0]["task_id"], "resources": self.resources(disk=1.0)},
            "task_group": {"tasks": group}}} for group in groups]

    @staticmethod
    def resources(**more):
        needs = {**NEEDS, **more}
        return [{"name": name, "type": "SCALAR", "scalar": {"value": need}} for name, need in needs.items()]

    def task(self, number, offer):
        task = {"name": self.options.name, "task_id": {"value": self.task_id(number)}, "agent_id": offer["agent_id"],
                "resources": self.resources()}
        if self.executor:
            return {**task, "executor": self.executor, "data": base64.b64encode(self.options.command.encode()).decode()}
        return {**task, "command": {"value": self.options.command}}

    def on_update(self, event):
        status = event["status"]
        task_id, state = status["task_id"]["value"], status["state"]
        number, _ = self.parse(task_id)
        if (state in TERMINAL or state in AGAIN) and self.states[number] == "launched" and \
                task_id == self.task_id(number):
            self.journal.append(f"end {task_id} {state}")
            self.states[number] = "waiting" if state in AGAIN else state
            if state != "TASK_FINISHED":
                print(f"task {task_id}: {state}: {status.get('message', '')}", file=sys.stderr)
        if "uuid" in status:
            self.call("ACKNOWLEDGE", agent_id=status["agent_id"], task_id=status["task_id"], uuid=status["uuid"])

    def on_error(self, event):
        sys.exit(f"framework {self.options.name}: {event['message']}")

    def is_done(self):
        return not {"waiting", "launched"} & set(self.states)

    def run(self):
        handlers = {"SUBSCRIBED": self.on_subscribed, "OFFERS": self.on_offers, "UPDATE": self.on_update,
                    "ERROR": self.on_error}
        while True:
            try:
                self.subscribe()
                for event in self.events():
                    # What it asked for was heard, though not answered.
                    if event["type"] == "ERROR" and self.is_done():
                        return
                    if event["type"] in handlers:
                        handlers[event["type"]](event[event["type"].lower()])
                    if self.is_done():
                        self.call("TEARDOWN")
                        return
            except Refused as refusal:
                sys.exit(f"framework {self.options.name}: {refusal}")
            except (OSError, http.client.HTTPException) as error:
                print(f"framework {self.options.name}: {error}; coming back", file=sys.stderr)
            time.sleep(0.2)


def main():
    parser = argparse.ArgumentParser(description="Run COUNT tasks of one command.")
    parser.add_argument("master")
    parser.add_argument("--name", default="example")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--command", default="true")
    parser.add_argument("--user", default="nobody")
    parser.add_argument("--journal", required=True)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--executor", metavar="FILE", help="run the tasks by this executor, in Python")
    how.add_argument("--group", metavar="SIZE", type=int, help="run the tasks in groups of this size")
    parser.add_argument("--credential", metavar="FILE", help="a line PRINCIPAL SECRET to show to the master")
    framework = Framework(parser.parse_args())
    framework.run()
    print(f"{framework.states.count('TASK_FINISHED')} of {len(framework.states)} tasks finished")


if __name__ == "__main__":
    main()
