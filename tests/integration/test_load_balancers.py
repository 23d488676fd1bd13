"""docs/examples/load_balancer.py with real load balancers: who is asked is who runs and is well."""
import argparse
import contextlib
import http.client
import importlib.util
import pathlib
import signal

import pytest

from cluster import Daemon, wait_until
from fleet import Single

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "docs/examples/load_balancer.py"
HTTP_PORT, SERVICE_PORT = 8000, 10100
# Says who it is, until a POST makes it unwell.
SERVER = """exec python3 -c "
import http.server, os
well = [True]
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ['MESOS_TASK_ID'].encode()
        self.send_response(200 if well[0] or self.path != '/health' else 503)
        self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)
    def do_POST(self):
        well.clear(); well.append(False); self.do_GET()
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(('', int(os.environ['PORT0'])), H).serve_forever()" """
APP = {"id": "/web", "cmd": SERVER, "cpus": 0.1, "mem": 48, "instances": 2,
       "labels": {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": "web.test", "HAPROXY_0_MODE": "http"},
       "portDefinitions": [{"port": SERVICE_PORT}], "unhealthyStrategy": {},
       "healthChecks": [{"protocol": "MESOS_HTTP", "path": "/health", "portIndex": 0, "gracePeriodSeconds": 60, "delaySeconds": 0,
                         "intervalSeconds": 1, "timeoutSeconds": 10, "maxConsecutiveFailures": 1000}]}
# What operators have beside what the example writes.
KINDS = {
    "haproxy": ("""
global
  maxconn 100
defaults
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend idle
  bind unix@{directory}/idle.sock
""", "haproxy -W -f {base} -f {output}", "haproxy -c -q -f {base} -f {output}", signal.SIGUSR2),
    "nginx": ("""
pid {directory}/nginx.pid;
error_log stderr;
events {{ }}
http {{ access_log off; client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  include {output}; }}
""", "nginx -e stderr -c {base} -g 'daemon off;'", "nginx -e stderr -q -t -c {base}", signal.SIGHUP),
}


@pytest.fixture(scope="module")
def node():
    made = Single("balancers")
    yield made
    made.close()


@pytest.fixture(params=sorted(KINDS))
def balanced(request, node):
    """The node with a load balancer that the example configures."""
    base, run, check, reload = KINDS[request.param]
    directory = node.directory / f"{request.param}-{request.node.originalname}"
    directory.mkdir()
    paths = {"directory": directory, "base": directory / "base", "output": directory / "apps"}
    paths["base"].write_text(base.format(**paths))
    paths["output"].touch()
    balancer = Daemon(request.param, [*node.namespace.prefix, "sh", "-c", "exec " + run.format(**paths)], directory / "log")
    with contextlib.ExitStack() as undo:
        undo.callback(node.empty)
        balancer.start()
        undo.callback(balancer.end)
        balancer.example = Daemon("example", [
            *node.namespace.prefix, EXAMPLE, request.param, f"http://{node.master_address}", "--group=external",
            f"--output={paths['output']}", f"--http-port={HTTP_PORT}", f"--check={check.format(**paths)}",
            f"--reload=kill -{reload.value} {balancer.pid}"], directory / "example.log")
        balancer.example.start()
        undo.callback(balancer.example.end)
        balancer.output = paths["output"]
        node.balancer = balancer
        yield node


def ask(node, port=SERVICE_PORT, host="any", method="GET"):
    """The status, and who has answered."""
    with node.namespace.inside(), contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as client:
        client.request(method, "/", headers={"Host": host, "Connection": "close"})
        answer = client.getresponse()
        return answer.status, answer.read().decode()


def askers(node, n, **more):
    """The answers of N requests one after another; none while nobody listens yet."""
    try:
        return [ask(node, **more) for _ in range(n)]
    except OSError:
        return []


def served_by(node, tasks, **more):
    """Wait until it is TASKS that answer, all of them and none else."""
    wanted = {(200, task["id"]) for task in tasks}
    wait_until(lambda: set(askers(node, 4 * len(wanted), **more)) == wanted,
               lambda: f"answers of {wanted}: {askers(node, 4 * len(wanted), **more)} {node.balancer.example.text()}"
                       f" {node.balancer.text()}", 30)


def test_who_serves_is_who_runs_and_is_well(balanced):
    balanced.deploy(APP)
    served_by(balanced, balanced.tasks("/web"))
    served_by(balanced, balanced.tasks("/web"), port=HTTP_PORT, host="web.test")
    assert ask(balanced, port=HTTP_PORT, host="other.test")[1] not in {t["id"] for t in balanced.tasks("/web")} or \
        balanced.balancer.name == "nginx"       # Its first server answers for names that nobody has.
    deployment = balanced.call("PUT", "/v2/apps/web", {"instances": 3}).headers["Marathon-Deployment-Id"]
    balanced.wait_deployment(deployment)
    tasks = balanced.tasks("/web")
    assert len(tasks) == 3
    served_by(balanced, tasks)
    # It stays: nobody kills what is unwell for so short a time.
    assert ask(balanced, port=tasks[0]["ports"][0], method="POST")[0] == 200
    served_by(balanced, tasks[1:])
    assert {t["id"] for t in balanced.tasks("/web")} == {t["id"] for t in tasks}
    balanced.remove("/web")
    wait_until(lambda: all(status == 503 for status, _ in askers(balanced, 1)), "nobody to answer")


def test_weights_are_shares(balanced):
    balanced.deploy({**APP, "instances": 1, "weight": 3})
    balanced.deploy({**APP, "id": "/other", "instances": 1, "labels": {"HAPROXY_GROUP": "other"}, "portDefinitions": [{"port": 0}]})
    served_by(balanced, balanced.tasks("/web"))
    text = balanced.balancer.output.read_text()
    assert "other" not in text and ("weight 3" in text or "weight=3" in text)


def test_what_is_wrong_is_not_put_in_place(balanced):
    balanced.deploy({**APP, "instances": 1})
    served_by(balanced, balanced.tasks("/web"))
    # Names that would end a statement are nobody's.
    evil = {**APP, "id": "/evil", "instances": 1, "portDefinitions": [{"port": SERVICE_PORT + 1}], "labels": {
        "HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": "a.test\nfrontend x\n  bind *:1,b;}{.test", "HAPROXY_0_MODE": "http"}}
    balanced.deploy(evil)
    served_by(balanced, balanced.tasks("/evil"), port=SERVICE_PORT + 1)
    # While the master is away, what there is stays.
    tasks = balanced.tasks("/web")
    balanced.master.end(signal.SIGKILL)
    wait_until(lambda: "follow" in balanced.balancer.example.text() or "ended" in balanced.balancer.example.text(), "the loss")
    served_by(balanced, tasks)
    balanced.master.start()
    wait_until(balanced.answers_ping, "the master")
    balanced.agents_are_back()


# ---- what becomes of what ----

def load():
    spec = importlib.util.spec_from_file_location("load_balancer", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def task(number, **more):
    return {"id": f"web.{number}", "state": "TASK_RUNNING", "host": "node1", "ports": [31000 + number],
            "ipAddresses": [{"ipAddress": f"172.29.0.{number}", "protocol": "IPv4"}], **more}


def described(labels=None, tasks=None, **more):
    return {"id": "/prod/web", "labels": {"HAPROXY_GROUP": "a,b", **(labels or {})}, "tasks": tasks or [task(2)],
            "portDefinitions": [{"port": 10000}], **more}


CHECKED = {"healthChecks": [{}, {}]}
MAPPED = {"portDefinitions": None, "container": {"portMappings": [
    {"servicePort": 10001, "containerPort": 80}, {"servicePort": 10002, "containerPort": 81, "hostPort": 0},
    {"servicePort": 10003, "containerPort": 0}]}}
BACKENDS = [
    (described(), {"prod_web_10000": ["node1:31002 1"]}),
    (described({"HAPROXY_GROUP": "c"}), {}),
    (described({"HAPROXY_0_GROUP": "c"}), {}),
    (described({"HAPROXY_GROUP": "c", "HAPROXY_0_GROUP": "b"}), {"prod_web_10000": ["node1:31002 1"]}),
    (described({"HAPROXY_0_ENABLED": "false"}), {}),
    (described({"HAPROXY_0_MODE": "udp"}), {}),
    (described({"HAPROXY_0_PORT": "443"}), {"prod_web_443": ["node1:31002 1"]}),
    (described({"HAPROXY_0_PORT": "443;"}), {"prod_web_10000": ["node1:31002 1"]}),
    (described(tasks=[task(1, weight=3), task(2, weight=0)]), {"prod_web_10000": ["node1:31001 3", "node1:31002 0"]}),
    (described(tasks=[task(1, weight=1000), task(2, weight=1)]), {"prod_web_10000": ["node1:31001 256", "node1:31002 1"]}),
    (described(tasks=[task(1, state="TASK_KILLING"), task(2, host="node 2"), task(3)]), {"prod_web_10000": ["node1:31003 1"]}),
    (described(tasks=[task(1), task(2, healthCheckResults=[{"alive": True}, {"alive": False}]),
                      task(3, healthCheckResults=[{"alive": True}, {"alive": True}])], **CHECKED),
     {"prod_web_10000": ["node1:31003 1"]}),
    # Where the node maps nothing, the container's own address; a port that nobody knows is nobody's.
    (described(**MAPPED), {"prod_web_10001": ["172.29.0.2:80 1"], "prod_web_10002": ["node1:31002 1"], "prod_web_10003": []}),
    (described(tasks=[task(2, ipAddresses=[{"ipAddress": "fd00::2", "protocol": "IPv6"}])], **MAPPED),
     {"prod_web_10001": ["[fd00::2]:80 1"], "prod_web_10002": ["node1:31002 1"], "prod_web_10003": []}),
]


@pytest.mark.parametrize("app, expected", BACKENDS)
def test_backends_are_those_of_the_groups_ports(app, expected):
    module = load()
    services = module.services_of([app], ["b"])
    assert {s.name: [f"{place} {weight}" for _, place, weight in module.scaled(s.backends, 256)] for s in services} == expected


@pytest.mark.parametrize("kind, expected", [
    ("haproxy", ["frontend http_in", "  mode http", "  bind 127.0.0.1:80",
                 "  use_backend prod_web_10000 if { hdr(host),field(1,:) -i a.test }", "frontend prod_web_10000", "  mode http",
                 "  bind 127.0.0.1:10000", "  default_backend prod_web_10000", "backend prod_web_10000", "  mode http",
                 "  balance roundrobin", "  server node1_31001 node1:31001 weight 0"]),
    ("nginx", ["server {", "  listen 127.0.0.1:10000;", "  server_name _;", "  location / {", "    proxy_set_header Host $http_host;",
               "    return 503;", "  }", "}", "server {", "  listen 127.0.0.1:80;", "  server_name a.test;", "  location / {",
               "    proxy_set_header Host $http_host;", "    return 503;", "  }", "}"]),
])
def test_who_has_no_weight_gets_nothing(kind, expected):
    module = load()
    services = module.services_of([described({"HAPROXY_0_VHOST": "a.test,b..;"}, [task(1, weight=0)])], ["*"])
    assert list(getattr(module, kind)(services, argparse.Namespace(bind="127.0.0.1", http_port=80))) == expected


def test_a_reload_that_failed_is_no_reason_to_forget_what_was_right(tmp_path):
    path = tmp_path / "apps"
    output = load().Output(argparse.Namespace(output=path, check=f"! grep -q wrong {path}", reload="false"))
    for text in ("right", "wrong"):
        output.put(text)
    assert path.read_text() == "right"
