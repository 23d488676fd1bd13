"""A reader of /v2/events that keeps every byte, and holds every frame against the form that clients cut."""
import http.client
import json
import re

from cluster import SLOW

TIMESTAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


class EventReader:
    def __init__(self, cluster, query="", headers=None):
        """Lines with ids are nothing to be afraid of only for those who asked for them."""
        self.has_ids = "ids=true" in query or "Last-Event-ID" in (headers or {})
        self.last_id = None
        self.connection = http.client.HTTPConnection("127.0.0.1", cluster.master_port, timeout=30 * SLOW)
        self.connection.request("GET", f"/v2/events{query}", headers={"Accept": "text/event-stream", **(headers or {})})
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        assert self.response.headers["Content-Type"].startswith("text/event-stream")
        self.seen = []

    def close(self):
        self.connection.close()

    def frame(self):
        frame = b""
        while not frame.endswith(b"\r\n\r\n"):
            line = self.response.readline()
            assert line, "the stream ended"
            # Alone between frames: to show that someone is there.
            if frame or line != b"\r\n":
                frame += line
        return frame

    def next(self):
        head, data, *rest = self.frame().split(b"\r\n")
        if self.has_ids and head.startswith(b"id: "):
            self.last_id = head[len("id: "):].decode()
            head, data, *rest = data, *rest
        assert head.startswith(b"event: ") and data.startswith(b"data: ") and rest == [b"", b""]
        event = json.loads(data[len("data: "):])
        assert event["eventType"] == head[len("event: "):].decode()
        assert TIMESTAMP.match(event["timestamp"])
        self.seen.append(event)
        return event

    def wait(self, kind, **fields):
        """The next event of KIND whose FIELDS are these; what comes before it is in SEEN."""
        while True:
            event = self.next()
            if event["eventType"] == kind and all(event.get(k) == v for k, v in fields.items()):
                return event
