"""Who looks on, in a thread, while a fleet changes: at what runs on its nodes, and as a client of its apps."""
import contextlib
import http.client
import threading

from cluster import SLOW


class Onlooker:
    """Looks again and again until the end of the block, which fails with the first thing it has to complain of."""

    def __init__(self):
        self.ended, self.looks, self.complaints = threading.Event(), 0, []
        self.thread = threading.Thread(target=self.go_on)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.ended.set()
        self.thread.join()
        if kind is None:
            assert self.looks > 0 and not self.complaints, (self.looks, self.complaints[:3])

    def go_on(self):
        try:
            while not self.ended.wait(0.02):
                self.look()
                self.looks += 1
        except Exception as e:      # pylint: disable=broad-except
            self.complaints.append(repr(e))

    def look(self):
        raise NotImplementedError


class Promises(Onlooker):
    """
    Of the containers of APP_ID (or of all below, if it ends with a slash), all over the fleet: never fewer than LEAST run, nor are there more than MOST; no
    instance is twice; and RULE finds nothing wrong with a set of (task, node).  Nodes are looked at one after the
    other, so a look and the one before it are taken together: what is in both was there at once, and no more than
    what is in either.
    """

    def __init__(self, fleet, app_id, least=0, most=None, rule=lambda running: None):
        super().__init__()
        self.fleet, self.least, self.most, self.rule = fleet, least, most, rule
        self.prefix = app_id.strip("/").replace("/", "_") + ("_" if app_id.endswith("/") else ".instance-")
        self.last, self.nodes, self.fewest = None, {}, None

    def look(self):
        seen = self.fleet.containers()
        for task, node, _ in seen:
            if self.nodes.setdefault(task, node) != node:
                self.complaints.append(f"{task} is on {node} and was on {self.nodes[task]}")
        mine = {c for c in seen if c.task.startswith(self.prefix)}
        if self.last is not None:
            self.judge(self.last, mine)
        self.last = mine

    def judge(self, before, now):
        running = {c.task for c in before | now if c.state == "TASK_RUNNING"}
        there = {(c.task, c.node) for c in before} & {(c.task, c.node) for c in now}
        self.fewest = len(running) if self.fewest is None else min(self.fewest, len(running))
        if len(running) < self.least:
            self.complaints.append(f"{len(running)} of {self.least} run: {running}")
        if self.most is not None and len(there) > self.most:
            self.complaints.append(f"more than {self.most} are there: {there}")
        wrong = self.rule(there)
        if wrong:
            self.complaints.append(wrong)


class Traffic(Onlooker):
    """
    A balancer that asks each healthy instance of APP_ID in turn, and may not fail once.  When the master does not
    answer it goes on with those it knew.
    """

    def __init__(self, fleet, app_id):
        super().__init__()
        self.fleet, self.app_id = fleet, app_id
        self.backends, self.answers, self.requests, self.fewest = [], [], 0, None

    def go_on(self):
        with self.fleet.switch.inside():
            super().go_on()

    def refresh(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            answer = self.fleet.call("GET", f"/v2/apps{self.app_id}/tasks", timeout=5)
            if answer.status != 200:
                self.complaints.append(f"the tasks of {self.app_id}: {answer.status} {answer.body}")
                return
            self.backends = [
                self.fleet.address_of(t) for t in answer.json["tasks"] if t["state"] == "TASK_RUNNING" and
                any(check["alive"] for check in t.get("healthCheckResults", []))]

    def ask(self, backend):
        connection = http.client.HTTPConnection(*backend, timeout=10 * SLOW)
        try:
            connection.request("GET", "/")
            return connection.getresponse().read().decode()
        except (OSError, http.client.HTTPException) as e:
            self.complaints.append(f"{backend} of {self.backends}: {e!r}")
            return None
        finally:
            connection.close()

    def look(self):
        self.refresh()
        self.answers = [self.ask(backend) for backend in self.backends]
        self.requests += len(self.answers)
        n = len(self.answers)
        if n or self.fewest is not None:        # after the first, nobody is few, too
            self.fewest = n if self.fewest is None else min(self.fewest, n)
