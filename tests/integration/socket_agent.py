"""An agent that is only a socket: its side of the stream to the master, in JSON."""
import contextlib
import json
import select
import socket

from cluster import SLOW, wait_until

RESOURCES = [
    {"name": "cpus", "type": "SCALAR", "scalar": {"value": 4}},
    {"name": "mem", "type": "SCALAR", "scalar": {"value": 4096}},
    {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31000, "end": 31099}]}},
]
UUID = "QUFBQUFBQUFBQUFBQUFBQQ=="


class SocketAgent:
    """Speaks JSON; keeps the events that came."""

    def __init__(self, cluster, port=5999, boot_id="boot"):
        self.cluster, self.port, self.boot_id = cluster, port, boot_id
        self.id = self.master_id = self.socket = self.stream_id = None
        self.tasks, self.bytes, self.events, self.is_ended = [], b"", [], False
        self.info, self.brings = {}, {}

    def subscribe(self, headers="", content_type="application/json", status=200):
        info = {"hostname": "127.0.0.1", "port": self.port, "resources": RESOURCES, **self.info}
        if self.id:
            info["id"] = {"value": self.id}
        subscribe = {"agent_info": info, "boot_id": self.boot_id, "tasks": self.tasks, **self.brings}
        if self.master_id:
            subscribe["master_id"] = self.master_id
        body = json.dumps({"type": "SUBSCRIBE", "subscribe": subscribe}).encode()
        self.socket = socket.create_connection(("127.0.0.1", self.cluster.master_port), timeout=20 * SLOW)
        self.socket.sendall((f"POST /api/v1/agent HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
                             f"Accept: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n").encode() + body)
        self.bytes, self.events, self.is_ended = b"", [], False
        while b"\r\n\r\n" not in self.bytes:
            piece = self.socket.recv(65536)
            assert piece, "the master hung up"
            self.bytes += piece
        head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        assert int(lines[0].split()[1]) == status, (lines[0], self.bytes)
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        if status == 200:
            assert self.headers["transfer-encoding"] == "chunked"
            self.stream_id = self.headers["mesos-stream-id"]
            subscribed = self.wait("SUBSCRIBED")["subscribed"]
            self.id, self.master_id = subscribed["agent_id"]["value"], subscribed["master_id"]
            self.epoch = subscribed["epoch"]
        return self

    def read(self, seconds=0.02):
        """One chunk is one record."""
        if not self.is_ended and select.select([self.socket], [], [], seconds)[0]:
            with contextlib.suppress(ConnectionError):
                piece = self.socket.recv(65536)
                self.is_ended = not piece
                self.bytes += piece
        while b"\r\n" in self.bytes:
            size, rest = self.bytes.split(b"\r\n", 1)
            size = int(size, 16)
            if size == 0:
                self.is_ended = True
                return
            if len(rest) < size + 2:
                return
            length, record = rest[:size].split(b"\n", 1)
            assert int(length) == len(record)
            self.events.append(json.loads(record))
            self.bytes = rest[size + 2:]

    def wait(self, kind, count=1, seconds=20):
        def found():
            self.read()
            events = [e for e in self.events if e["type"] == kind]
            return events[count - 1] if len(events) >= count else None
        return wait_until(found, f"event {kind}", seconds)

    def call(self, kind, stream_id=None, agent_id=None, **rest):
        body = {"type": kind, "agent_id": {"value": agent_id or self.id}, **rest}
        headers = {"Content-Type": "application/json", "Mesos-Stream-Id": stream_id or self.stream_id}
        return self.cluster.call("POST", "/api/v1/agent", body, headers)

    def update(self, run, state):
        status = {"task_id": run["task"]["task_id"], "state": state, "uuid": UUID, "agent_id": {"value": self.id}}
        answer = self.call("UPDATE", update={"framework_id": run["framework"]["id"], "status": status})
        assert answer.status == 202, answer.body

    def close(self):
        self.socket.close()
