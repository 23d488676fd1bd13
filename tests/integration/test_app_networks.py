"""Apps, pods and jobs on the node's bridge: where they are shown to be is where they answer, and so are their services."""
import collections
import json
import pathlib
import urllib.request

import pytest

from cluster import wait_until
from fleet import Single

# Answers with what its environment says of ports.
ECHO = """exec python3 -c "
import http.server, json, os
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({k: v for k, v in os.environ.items() if k.startswith(('PORT', 'EP_', 'ENDPOINT_', 'VERSION'))}).encode()
        self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a): pass
http.server.HTTPServer(('%s', %d), H).serve_forever()" """
EXAMPLE = str(pathlib.Path(__file__).resolve().parents[2] / "docs/examples/service.json")
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
    with cluster.namespace.inside(), urllib.request.urlopen(f"http://{address}:{port}/", timeout=20) as answer:
        return json.load(answer)


def address_of(task):
    return next(a["ipAddress"] for a in task["ipAddresses"] if a["protocol"] == "IPv4")


def run_once(marathon, job):
    """A run of it, which succeeds."""
    path = f"/v1/jobs/{job['id']}"

    def history():
        return marathon.call("GET", f"{path}?embed=history").json["history"]
    assert marathon.call("POST", "/v1/jobs", job).status == 201
    assert marathon.call("POST", f"{path}/runs").status == 201
    wait_until(lambda: history()["successCount"] + history()["failureCount"], "the end of the run", 60)
    assert history()["successCount"] == 1, history()
    assert marathon.call("DELETE", path).status == 200


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
    assert f"addresses      {address_of(tasks[0])}" in marathon.tepui("task", "show", tasks[0]["id"])
    assert "networks       container/bridge" in marathon.tepui("app", "show", "/web")


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
    run_once(marathon, job)


# ---- services ----

def service(marathon, name="prodweb"):
    """Its address, when the node has it."""
    def address():
        services = marathon.agents[0].call("GET", "/services").json["services"]
        return next((s["address"] for s in services if s["name"] == name), None)
    return wait_until(address, f"service {name}")


def shares(marathon, n):
    """Of N connections to the service, by the version that has answered."""
    address = service(marathon)
    return collections.Counter(ask(marathon, address, 80)["VERSION"] for _ in range(n))


def become(marathon, n, expected):
    """Wait until EXPECTED are the shares of N connections; round robin is exact."""
    wait_until(lambda: shares(marathon, n) == expected, lambda: f"shares of {expected}: {shares(marathon, n)}", 30)


def web(app_id, version, instances, **more):
    return {"id": app_id, "cmd": ECHO % ("", 8080), "cpus": 0.1, "mem": 48, "instances": instances, "networks": BRIDGE,
            "env": {"VERSION": version}, "container": {"type": "MESOS", "portMappings": [
                {"containerPort": 8080, "labels": {"VIP_0": "/prod/web:80"}}]},
            "healthChecks": [{"protocol": "MESOS_HTTP", **CHECK}], **more}


def test_the_example_of_the_readme_serves(marathon):
    marathon.tepui("app", "add", EXAMPLE, "--wait")
    address = service(marathon, "site")
    with marathon.namespace.inside(), urllib.request.urlopen(f"http://{address}/", timeout=20) as answer:
        assert answer.status == 200
    assert len({address_of(t) for t in marathon.tasks("/site")}) == 3


def test_a_canary_gets_more_step_by_step(marathon):
    marathon.deploy(web("/web", "old", 3, deployment={"canary": {"count": 1, "weight": 10}}))
    become(marathon, 30, {"old": 30})
    change = marathon.call("PUT", "/v2/apps/web", {"env": {"VERSION": "new"}}).json["deploymentId"]
    wait_until(lambda: marathon.call("GET", f"/v2/deployments/{change}").json.get("awaitsPromotion"), "a canary that is up", 60)
    become(marathon, 100, {"old": 90, "new": 10})
    assert marathon.tepui("deployment", "weight", change, "50") == f"50 % of the traffic is the canaries', deployment {change}\n"
    become(marathon, 60, {"old": 30, "new": 30})
    assert marathon.call("GET", f"/v2/deployments/{change}").json["canaryWeight"] == 50
    assert marathon.call("POST", f"/v2/deployments/{change}/weight", {"weight": 101}).status == 422
    # What was told is known to another master, too.
    marathon.kill_master()
    marathon.agents_are_back()
    become(marathon, 60, {"old": 30, "new": 30})
    marathon.tepui("deployment", "promote", change)
    marathon.wait_deployment(change)
    become(marathon, 30, {"new": 30})


def test_two_apps_share_a_name_by_their_weights(marathon):
    marathon.deploy(web("/one", "one", 1))
    marathon.deploy(web("/two", "two", 1, weight=3))
    become(marathon, 40, {"one": 10, "two": 30})
    before = {t["id"] for app in ("/one", "/two") for t in marathon.tasks(app)}
    marathon.tepui("app", "set", "/one", "weight=9", "--wait")
    become(marathon, 40, {"one": 30, "two": 10})
    marathon.tepui("app", "set", "/two", "weight=0", "--wait")
    become(marathon, 40, {"one": 40})
    assert before == {t["id"] for app in ("/one", "/two") for t in marathon.tasks(app)}


def test_who_may_call_one_service_reaches_no_other(marathon):
    marathon.deploy(web("/web", "1", 1))
    other = web("/other", "2", 1)
    other["container"]["portMappings"][0]["labels"] = {"VIP_0": "/other:80"}
    marathon.deploy(other)
    call = {name: f"socat -u /dev/null TCP4:{service(marathon, name)}:80,connect-timeout=5" for name in ("prodweb", "other")}
    job = {"id": "calls", "run": {
        # What it may is in force a moment after it began.
        "cmd": f"for i in $(seq 100); do {call['prodweb']} && break; sleep 0.1; done; {call['prodweb']} && ! {call['other']}",
        "cpus": 0.1, "mem": 32, "disk": 0,
        "networks": [{"mode": "container/bridge", "labels": {"allow": "/prod/web:80"}}]}}
    run_once(marathon, job)
