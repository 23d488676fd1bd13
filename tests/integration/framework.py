"""A framework of our own: the v1 scheduler API over HTTP and JSON, as published."""
import http.client
import json
import threading
import uuid

from cluster import SLOW, wait_until
from operator_calls import ask


class Framework:
    """Subscribed on creation; events are kept in the order in which they came."""

    def __init__(self, cluster, roles=("*",), subscribed=True, **info):
        self.cluster = cluster
        self.info = {"user": "nobody", "name": "test", "roles": list(roles), "failover_timeout": 3600.0,
                     "checkpoint": True, "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"},
                                                          {"type": "RESERVATION_REFINEMENT"}], **info}
        self.acknowledged, self.used = set(), set()
        self.events, self.connection, self.stream_id, self.reader = [], None, None, None
        if subscribed:
            self.subscribe()

    # ---- the stream ----

    def subscribe(self, **more):
        call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": self.info, **more}}
        if "id" in self.info:
            call["framework_id"] = self.info["id"]
        self.connection = http.client.HTTPConnection(self.cluster.place.address, self.cluster.master_port,
                                                     timeout=120 * SLOW)
        with self.cluster.place.inside():
            self.connection.connect()
        self.connection.request("POST", "/api/v1/scheduler", json.dumps(call),
                                {"Content-Type": "application/json", "Accept": "application/json"})
        answer = self.connection.getresponse()
        assert answer.status == 200, answer.read()
        self.stream_id = answer.headers["Mesos-Stream-Id"]
        self.events, self.acknowledged = [], set()
        self.reader = threading.Thread(target=self._read, args=(answer, self.events), daemon=True)
        self.reader.start()
        first = wait_until(lambda: self.events and self.events[0], "the first event")
        if first["type"] == "SUBSCRIBED":
            self.info["id"] = first["subscribed"]["framework_id"]
        return first

    @staticmethod
    def _read(answer, events):
        try:
            while True:
                size = b""
                while not size.endswith(b"\n"):
                    byte = answer.read(1)
                    if not byte:
                        events.append({"type": "CLOSED"})
                        return
                    size += byte
                events.append(json.loads(answer.read(int(size))))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            events.append({"type": "CLOSED"})

    def close(self):
        """The connection is lost; the framework has its failover timeout to come back."""
        if self.connection and self.connection.sock:
            self.connection.sock.shutdown(2)
        self.reader.join(20 * SLOW)
        self.connection.close()

    # ---- calls ----

    def post(self, type_, **body):
        return self.cluster.call("POST", "/api/v1/scheduler",
                                 {"framework_id": self.info["id"], "type": type_, **({type_.lower(): body} if body else {})},
                                 {"Content-Type": "application/json", "Mesos-Stream-Id": self.stream_id})

    def call(self, type_, **body):
        answer = self.post(type_, **body)
        assert answer.status == 202, (answer.status, answer.body)

    def all(self, type_):
        return [e[type_.lower()] for e in list(self.events) if e["type"] == type_]

    def offer(self, fits=lambda offer: True):
        """The newest offer that is still open; waits for one that FITS.  Pieces are given back, to come as one."""
        def newest():
            gone = self.used | {r["offer_id"]["value"] for r in self.all("RESCIND")}
            left = [o for offers in self.all("OFFERS") for o in offers["offers"] if o["id"]["value"] not in gone]
            for offer in reversed(left):
                if fits(offer):
                    return offer
            if len(left) > 1:
                self.used.update(o["id"]["value"] for o in left)
                self.call("DECLINE", offer_ids=[o["id"] for o in left], filters={"refuse_seconds": 0})
            return None
        found = wait_until(newest, lambda: f"an offer, beside those held: {self.holders()}")
        self.used.add(found["id"]["value"])
        return found

    def holders(self):
        """Which framework holds which offers, as the master sees it."""
        return {row["framework_info"]["id"]["value"]: [offer["id"] for offer in row["offers"]]
                for row in ask(self.cluster, "GET_FRAMEWORKS")["frameworks"] if row.get("offers")}

    def stand_aside(self):
        """Nothing more is offered to this framework, and what it holds goes to the others, for as long as it lives."""
        self.call("SUPPRESS")
        held = self.holders().get(self.info["id"]["value"])
        if held:
            self.call("DECLINE", offer_ids=held)

    def accept(self, offer, *operations, refuse_seconds=0):
        self.call("ACCEPT", offer_ids=[offer["id"]], operations=list(operations),
                  filters={"refuse_seconds": refuse_seconds})

    def launch(self, offer, command, resources, before=(), after=(), **task):
        """Accept OFFER with one task of COMMAND, a shell's line or a CommandInfo; its id."""
        task_id = f"t-{uuid.uuid4()}"
        info = {"name": "t", "task_id": {"value": task_id}, "agent_id": offer["agent_id"],
                "command": {"value": command} if isinstance(command, str) else command, "resources": resources, **task}
        self.accept(offer, *before, {"type": "LAUNCH", "launch": {"task_infos": [info]}}, *after)
        return task_id

    # ---- tasks ----

    def status(self, task_id, *states):
        """The newest status of the task; waits for one of STATES.  Updates are acknowledged, repeated ones again."""
        def newest():
            found = None
            for update in self.all("UPDATE"):
                status = update["status"]
                if "uuid" in status and id(update) not in self.acknowledged:
                    self.acknowledged.add(id(update))
                    self.call("ACKNOWLEDGE", agent_id=status["agent_id"], task_id=status["task_id"],
                              uuid=status["uuid"])
                if status["task_id"]["value"] == task_id:
                    found = status
            return found if found and (not states or found["state"] in states) else None
        return wait_until(newest, f"task {task_id} to be {states}", 60)

    # ---- operations ----

    def operation(self, id_, *states, acknowledge=True):
        """The newest status of the operation with this id; waits for one of STATES."""
        def newest():
            found = None
            for update in self.all("UPDATE_OPERATION_STATUS"):
                status = update["status"]
                if acknowledge and "uuid" in status and id(update) not in self.acknowledged:
                    self.acknowledged.add(id(update))
                    self.call("ACKNOWLEDGE_OPERATION_STATUS", agent_id=status["agent_id"],
                              operation_id=status["operation_id"], uuid=status["uuid"]["value"])
                if status["operation_id"]["value"] == id_:
                    found = status
            return found if found and (not states or found["state"] in states) else None
        return wait_until(newest, f"operation {id_} to be {states}", 60)


def scalar(name, value, **more):
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}, **more}


SMALL = [scalar("cpus", 0.1), scalar("mem", 32)]
