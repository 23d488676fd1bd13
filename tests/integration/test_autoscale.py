"""Apps that follow their load on a real node: what they expose, and what their agent measures."""
import contextlib
import http.client
import http.server
import json
import random
import threading
import time

import pytest

from cluster import BUILD, Cluster, wait_until
from conftest import shared_cluster
from plot import write_svg

EACH = 10
# What the balancer sends this instance is what it is busy with.
SERVER = """exec python3 -c "
import http.server, os, urllib.request
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        share = urllib.request.urlopen('http://127.0.0.1:%d/').read().decode()
        self.send_response(200); self.end_headers()
        self.wfile.write(('# TYPE busy gauge' + chr(10) + 'busy ' + share + chr(10)).encode())
    def log_message(self, *a): pass
http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT0'])), H).serve_forever()" """

cluster = shared_cluster("--resources=cpus:8;mem:4096;disk:4096;ports:[31000-31099]")


class Balancer:
    """A load, never quite the same, that is spread evenly over the instances that run; what it sees is kept."""

    def __init__(self, node, app_id):
        self.node, self.app_id = node, app_id
        self.load, self.running, self.points, self.start = 0, 0, [], time.monotonic()
        self.noise = random.Random(7)
        balancer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"%f" % balancer.share())

            def log_message(self, *args):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.server.serve_forever), threading.Thread(target=self.look)]
        for thread in self.threads:
            thread.start()

    def share(self):
        return self.load * self.noise.uniform(0.96, 1.04) / max(1, self.running)

    def look(self):
        while not self.ended.wait(0.05):
            with contextlib.suppress(OSError, http.client.HTTPException):
                app = self.node.app(self.app_id)
                if app:
                    self.running = sum(1 for t in app["tasks"] if t["state"] == "TASK_RUNNING")
                    self.points.append((time.monotonic() - self.start, self.load, app["instances"], self.running))

    def close(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
        for thread in self.threads:
            thread.join()

    def directions(self):
        """+1 and -1, one for every time that the number of instances turned."""
        numbers = [point[2] for point in self.points]
        steps = [1 if b > a else -1 for a, b in zip(numbers, numbers[1:]) if a != b]
        return [step for i, step in enumerate(steps) if i == 0 or steps[i - 1] != step]

    def plot(self, path):
        write_svg(path, "An app follows its load", {
            "load / target": [(p[0], p[1] / EACH) for p in self.points],
            "instances wanted": [(p[0], p[2]) for p in self.points],
            "instances running": [(p[0], p[3]) for p in self.points]})


@pytest.fixture
def balancer(cluster):
    made = Balancer(cluster, "/busy")
    yield made
    made.close()
    if cluster.app("/busy"):
        cluster.remove("/busy")


def shown(cluster):
    return cluster.call("GET", "/v2/apps/busy/autoscale").json


def evaluations(cluster, n):
    """Wait for N more; what each of them came to."""
    found = {}
    before = shown(cluster).get("last", {}).get("timestamp")

    def look():
        last = shown(cluster).get("last")
        if last and last["timestamp"] != before:
            found[last["timestamp"]] = last
        return len(found) >= n
    wait_until(look, f"{n} evaluations")
    return list(found.values())


def steady_at(cluster, instances):
    wait_until(lambda: cluster.app("/busy")["tasksRunning"] == instances == cluster.app("/busy")["instances"]
               and cluster.app("/busy")["deployments"] == [], f"{instances} instances", 60)
    for last in evaluations(cluster, 4):
        assert (last["from"], last["to"]) == (instances, instances), last


def test_an_app_follows_its_load_up_and_down_without_flapping(cluster, balancer):
    balancer.load = 5
    cluster.deploy({
        "id": "/busy", "cmd": SERVER % balancer.port, "cpus": 0.1, "mem": 32,
        "healthChecks": [{"protocol": "TCP", "gracePeriodSeconds": 60, "intervalSeconds": 1, "timeoutSeconds": 1,
                          "delaySeconds": 0}],
        "autoscale": {
            "max": 12, "intervalSeconds": 1, "warmUpSeconds": 1,
            "targets": [{"metric": "prometheus", "name": "busy", "value": EACH}],
            "up": {"periodSeconds": 1}, "down": {"stabilizationSeconds": 5, "periodSeconds": 1}}})
    try:
        steady_at(cluster, 1)
        balancer.load = 75
        steady_at(cluster, 8)
        # A master that is killed finds them at work, and takes none of them back.
        tasks = {t["id"] for t in cluster.tasks("/busy")}
        cluster.kill_master()
        steady_at(cluster, 8)
        assert {t["id"] for t in cluster.tasks("/busy")} == tasks
        for load, instances in [(25, 3), (45, 5), (5, 1)]:
            balancer.load = load
            steady_at(cluster, instances)
    finally:
        balancer.plot(BUILD / "autoscale.svg")
    assert balancer.directions() == [1, -1, 1, -1]
    assert [d["reason"] for d in shown(cluster)["decisions"] if d["from"] != d["to"]].count("load") >= 3
    assert "<svg" in (BUILD / "autoscale.svg").read_text()


def test_what_an_agent_measures_is_followed(cluster, balancer):
    """More cpu than was asked for, where there is no limit of it; memory, whose target is far away."""
    cluster.deploy({
        "id": "/busy", "cmd": "while :; do :; done", "cpus": 0.05, "mem": 64,
        "autoscale": {"max": 2, "intervalSeconds": 1, "warmUpSeconds": 0, "up": {"periodSeconds": 1},
                      "targets": [{"metric": "cpu", "value": 0.5}, {"metric": "mem", "value": 0.9}]}})
    wait_until(lambda: cluster.app("/busy")["instances"] == 2, lambda: f"it grows: {shown(cluster)}", 60)
    decision = next(d for d in shown(cluster)["decisions"] if d["to"] == 2)
    cpu, mem = decision["metrics"]
    assert "cpu is" in decision["message"] and cpu["value"] > 0.5 and 0 < mem["value"] < 0.9
    assert (cpu["known"], mem["known"]) == (1, 1)
    text = cluster.tepui("app", "autoscale", "/busy")
    assert "2 instances, from 1 to 2 allowed now" in text and "cpu" in text and "instances instead of 1" in text
    assert decision["timestamp"] in cluster.tepui("app", "autoscale", "/busy", "--json")


def test_agents_that_ask_for_a_credential_are_shown_it(tmp_path):
    """By a master that has it; one that has not says what is amiss."""
    for name, text in (("meter", "meter s3cret\n"), ("other", "other s3cret\n")):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(text)
    with contextlib.closing(Cluster("meter")) as node:
        node.start_master(f"--agent_credential={tmp_path / 'other'}")
        node.start_agent("--authenticate_http_readonly", f"--http_credentials={tmp_path / 'meter'}")
        node.deploy({"id": "/busy", "cmd": "exec sleep 1000", "cpus": 0.05, "mem": 64, "autoscale": {
            "max": 2, "intervalSeconds": 1, "warmUpSeconds": 0, "targets": [{"metric": "mem", "value": 0.9}]}})
        wait_until(lambda: "status 401: a credential is asked for" in json.dumps(shown(node)), "what is amiss", 60)
        assert evaluations(node, 1)[0]["metrics"][0]["known"] == 0
        node.master.end()
        node.master.argv.append(f"--agent_credential={tmp_path / 'meter'}")
        node.start_master()
        wait_until(lambda: evaluations(node, 1)[0]["metrics"][0]["known"] == 1, lambda: f"it is known: {shown(node)}", 60)
        assert "s3cret" not in node.call("GET", "/flags").body.decode() + node.master.text()
