"""Apps, pods and jobs on the node's bridge: where they are shown to be is where they answer."""
import json
import urllib.request

import pytest

from cluster import wait_until
from fleet import Single

# Answers with what its environment says of ports.
ECHO = """exec python3 -c "
import http.server, json, os
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({k: v for k, v in os.environ.items() if k.startswith(('PORT', 'EP_', 'ENDPOINT_'))}).encode()
        self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a): pass
http.server.HTTPServer(('%s', %d), H).serve_forever()" """
BRIDGE = [{"mode": "container/bridge"}]
CHECK = {"gracePeriodSeconds": 60, "intervalSeconds": 2, "timeoutSeconds": 1, "delaySeconds": 0}


@pytest.fixture(scope="module")
def node():
    made = Single("app-networks")
    yield made
    made.close()


@pytest.fixture
def marathon(node):
    yield node
    node.empty()


def ask(cluster, address, port):
    """What a client on the node is answered."""
    with cluster.machine.inside(), urllib.request.urlopen(f"http://{address}:{port}/", timeout=20) as answer:
        return json.load(answer)


def address_of(task):
    return next(a["ipAddress"] for a in task["ipAddresses"] if a["protocol"] == "IPv4")


def test_an_app_on_the_bridge_answers_where_it_is_shown(marathon):
    marathon.deploy({
        "id": "/web", "cmd": ECHO % ("", 8080), "cpus": 0.1, "mem": 48, "instances": 2, "networks": BRIDGE,
        "container": {"type": "MESOS", "portMappings": [{"containerPort": 8080, "name": "http"}]},
        "healthChecks": [{"protocol": "MESOS_HTTP", "portIndex": 0, **CHECK}, {"protocol": "TCP", **CHECK}]})
    tasks = marathon.tasks("/web")
    assert len({address_of(t) for t in tasks}) == 2
    for task in tasks:
        port, = task["ports"]
        assert 31000 <= port < 32000 and [r["alive"] for r in task["healthCheckResults"]] == [True, True]
        env = ask(marathon, address_of(task), 8080)
        assert env == {name: str(port) for name in ("PORT", "PORT0", "PORTS", "PORT_8080", "PORT_HTTP")}


def test_the_containers_of_a_pod_share_their_address(marathon):
    answer = marathon.call("POST", "/v2/pods", {
        "id": "/pod", "networks": BRIDGE, "executorResources": {"cpus": 0.1, "mem": 32, "disk": 1}, "containers": [
            {"name": "front", "resources": {"cpus": 0.1, "mem": 48}, "exec": {"command": {"shell": ECHO % ("", 8080)}},
             "endpoints": [{"name": "http", "containerPort": 8080}],
             "healthCheck": {"http": {"endpoint": "http"}, **CHECK}},
            # It reaches the other at their loopback.
            {"name": "back", "resources": {"cpus": 0.1, "mem": 48}, "exec": {"command": {"shell": "exec sleep 1000"}},
             "healthCheck": {"exec": {"command": {"shell": "exec socat -u OPEN:/dev/null TCP4:127.0.0.1:8080"}}, **CHECK}}]})
    assert answer.status == 201, answer.body
    marathon.wait_deployment(answer.headers["Marathon-Deployment-Id"])
    instance, = marathon.call("GET", "/v2/pods/pod::status").json["instances"]
    address = next(a for network in instance["networks"] for a in network["addresses"] if ":" not in a)
    endpoint, = instance["containers"][0]["endpoints"]
    env = ask(marathon, address, 8080)
    assert env == {"EP_HOST_HTTP": str(endpoint["allocatedHostPort"]), "EP_CONTAINER_HTTP": "8080", "ENDPOINT_HTTP": "8080"}
    assert endpoint["healthy"] is True


def test_a_run_of_a_job_is_on_the_bridge(marathon):
    job = {"id": "looks", "run": {"cmd": "ip -o -4 address show eth0 | grep -q 172.29.", "cpus": 0.1, "mem": 32, "disk": 0,
                                  "networks": BRIDGE}}
    assert marathon.call("POST", "/v1/jobs", job).status == 201
    assert marathon.call("POST", "/v1/jobs/looks/runs").status == 201

    def history():
        return marathon.call("GET", "/v1/jobs/looks?embed=history").json["history"]
    wait_until(lambda: history()["successCount"] + history()["failureCount"], "the end of the run", 60)
    assert history()["successCount"] == 1, history()
    assert marathon.call("DELETE", "/v1/jobs/looks").status == 200
