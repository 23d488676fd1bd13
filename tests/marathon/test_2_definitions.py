"""
Definitions over HTTP: what is given comes back, defaults are filled in, old forms are told in today's words, and what
is wrong is refused.  Each rule with its words is a row of tests/unit/test_{app,container,policy}_refusals.c.
"""
import pytest


def row(section, *values):
    return pytest.param(*values, marks=pytest.mark.row(section), id=f"{section}-{'-'.join(values[0])}")


def taken(section, sent, expected=None):
    return row(section, sent, sent if expected is None else expected)


def post(marathon, definition, status=201):
    answer = marathon.call("POST", "/v2/apps", definition)
    assert answer.status == status, answer.body
    return answer.json


# What is sent, and what of it comes back if that is not the same.
TAKEN = [
    taken("2.1", {"args": ["sleep", "1000"], "cmd": None}, {"args": ["sleep", "1000"]}),
    taken("2.1", {"cpus": 0.001, "mem": 0, "disk": 0}), taken("2.1", {"gpus": 0}),
    taken("2.1", {"backoffSeconds": 0, "backoffFactor": 1, "maxLaunchDelaySeconds": 3600}),
    taken("2.1", {"constraints": [["hostname", "UNIQUE"], ["rack", "GROUP_BY", "3"]]}),
    taken("2.1", {"dependencies": ["/db", "x"]}, {"dependencies": ["/db", "/x"]}),
    taken("2.1", {"env": {"A": "1", "b_2": ""}}), taken("2.1", {"labels": {"HAPROXY_0_VHOST": "x.org", "empty": ""}}),
    taken("2.1", {"executor": "//cmd"}), taken("2.1", {"executor": ""}),
    taken("2.1", {"killSelection": "OLDEST_FIRST"}), taken("2.1", {"taskKillGracePeriodSeconds": 0}),
    taken("2.1", {"user": "nobody"}), taken("2.1", {"tty": True}), taken("2.1", {"role": "*", "acceptedResourceRoles": ["*"]}),
    taken("2.1", {"unreachableStrategy": "disabled"}),
    taken("2.1", {"unreachableStrategy": {"inactiveAfterSeconds": 300, "expungeAfterSeconds": 600}}),
    taken("2.1", {"upgradeStrategy": {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0}}),
    taken("2.1", {"resourceLimits": {"cpus": 1.5, "mem": "unlimited"}}),
    taken("2.1", {"portDefinitions": []}), taken("2.1", {"requirePorts": True, "portDefinitions": []}),
    taken("2.1", {"labels": {"MARATHON_SINGLE_INSTANCE_APP": "true"}},
        {"upgradeStrategy": {"minimumHealthCapacity": 0, "maximumOverCapacity": 0}}),
    taken("2.1", {"uris": [], "fetch": []}, {}),
    taken("2.1", {"tasksRunning": 7, "versionInfo": {}, "unknown": [1]}, {"tasksRunning": 0}),
    taken("2.2", {"container": {"type": "MESOS", "volumes": [{"containerPath": "/c", "hostPath": "/tmp", "mode": "RO"}]}}),
    taken("2.2", {"container": {"docker": {"image": "busybox", "network": "HOST"}}}, {
        "networks": [{"mode": "host"}], "container": {"type": "DOCKER", "volumes": [], "docker": {
            "image": "busybox", "forcePullImage": False, "privileged": False, "parameters": []}}}),
    taken("2.2", {"container": {"type": "MESOS", "linuxInfo": {"ipcInfo": {"mode": "PRIVATE"}}}},
        {"container": {"type": "MESOS", "volumes": [], "linuxInfo": {"ipcInfo": {"mode": "PRIVATE"}}}}),
    taken("2.2", {"networks": []}, {"networks": [{"mode": "host"}]}),
    taken("2.2", {"networks": [{"mode": "container/bridge", "labels": {"allow": "/db:5432"}}],
                  "container": {"type": "MESOS", "portMappings": [{"containerPort": 80, "servicePort": 10080}]}}, {
        "networks": [{"mode": "container/bridge", "labels": {"allow": "/db:5432"}}], "portDefinitions": None,
        "requirePorts": False, "container": {"type": "MESOS", "volumes": [], "portMappings": [
            {"containerPort": 80, "hostPort": 0, "servicePort": 10080, "protocol": "tcp", "labels": {}}]}}),
    taken("2.2", {"networks": [{"name": "n"}],
                  "container": {"type": "MESOS", "portMappings": [{"containerPort": 80, "servicePort": 10081}]}}, {
        "networks": [{"mode": "container", "name": "n"}], "container": {"type": "MESOS", "volumes": [], "portMappings": [
            {"containerPort": 80, "servicePort": 10081, "protocol": "tcp", "labels": {}}]}}),
    taken("2.2", {"container": {"docker": {"image": "busybox", "network": "BRIDGE", "portMappings": [
        {"containerPort": 80, "servicePort": 10082}]}}}, {
        "networks": [{"mode": "container/bridge"}], "container": {"type": "DOCKER", "volumes": [], "docker": {
            "image": "busybox", "forcePullImage": False, "privileged": False, "parameters": []}, "portMappings": [
            {"containerPort": 80, "hostPort": 0, "servicePort": 10082, "protocol": "tcp", "labels": {}}]}}),
    taken("2.2", {"ipAddress": {"networkName": "n"}}, {"networks": [{"mode": "container", "name": "n"}]}),
    taken("2.2", {"ports": [9100, 9101]}, {"portDefinitions": [
        {"port": 9100, "protocol": "tcp", "labels": {}}, {"port": 9101, "protocol": "tcp", "labels": {}}]}),
    taken("2.2", {"portDefinitions": [{"port": 9100, "protocol": "udp,tcp", "name": "web", "labels": {"VIP_0": "/w:80"}}]}),
    taken("2.3", {"healthChecks": [{}]}, {"healthChecks": [{
        "protocol": "HTTP", "portIndex": 0, "gracePeriodSeconds": 300, "intervalSeconds": 60, "timeoutSeconds": 20,
        "maxConsecutiveFailures": 3, "delaySeconds": 15, "ignoreHttp1xx": False, "ipProtocol": "IPv4"}]}),
]


@pytest.mark.parametrize("sent, expected", TAKEN)
def test_what_is_given_comes_back(marathon, app, sent, expected):
    definition = {k: v for k, v in app(instances=0, **sent).items() if v is not None}
    created = post(marathon, definition)
    assert {k: created.get(k) for k in expected} == expected
    shown = marathon.call("GET", "/v2/apps/web").json["app"]
    assert {k: shown.get(k) for k in expected if k != "tasksRunning"} == {
        k: v for k, v in expected.items() if k != "tasksRunning"}
    # What was answered can be sent back.
    answer = marathon.call("PUT", "/v2/apps/web?force=true", {k: v for k, v in shown.items() if k != "version"})
    assert answer.status == 200, answer.body


@pytest.mark.row("2.1")
def test_defaults(marathon):
    created = post(marathon, {"id": "web", "cmd": "exec sleep 1000", "instances": 0})
    for key in ("version", "versionInfo", "deployments"):
        created.pop(key)
    port = created["portDefinitions"][0].pop("port")
    assert 10000 <= port < 20000
    assert created == {
        "id": "/web", "cmd": "exec sleep 1000", "cpus": 1, "mem": 128, "disk": 0, "gpus": 0, "instances": 0, "executor": "",
        "labels": {}, "backoffSeconds": 1, "backoffFactor": 1.15, "maxLaunchDelaySeconds": 300,
        "networks": [{"mode": "host"}], "portDefinitions": [{"labels": {}, "name": "default", "protocol": "tcp"}],
        "requirePorts": False, "upgradeStrategy": {"minimumHealthCapacity": 1, "maximumOverCapacity": 1},
        "killSelection": "YOUNGEST_FIRST", "unreachableStrategy": {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0},
        "role": "*", "tasksStaged": 0, "tasksRunning": 0, "tasksHealthy": 0, "tasksUnhealthy": 0}


REFUSED = [
    row("2.1", {"cpus": "1"}, "Invalid JSON", "/cpus"), row("2.1", {"env": {"A": 1}}, "Invalid JSON", "/env/A"),
    row("2.1", {"args": ["x"]}, "Object is not valid", "/"), row("2.1", {"role": "dev"}, "Object is not valid", "/role"),
    row("2.1", {"upgradeStrategy": {"minimumHealthCapacity": 1}}, "Invalid JSON", "/upgradeStrategy/maximumOverCapacity"),
    row("2.1", {"fetch": [{"uri": "http://x/y"}]}, "Object is not valid", "/fetch"),
    row("2.1", {"secrets": {"s": {"source": "p"}}}, "Object is not valid", "/secrets"),
    row("2.2", {"networks": [{"mode": "host", "name": "x"}]}, "Object is not valid", "/networks"),
    row("2.2", {"networks": [{"mode": "container/bridge"}, {"mode": "host"}]}, "Object is not valid", "/networks"),
    row("2.2", {"container": {"docker": {"image": "i", "network": "NONE"}}}, "Object is not valid", "/container/docker/network"),
    row("2.2", {"ports": [1], "portDefinitions": [{"port": 2}]}, "Object is not valid", "/"),
    row("2.3", {"healthChecks": [{"portIndex": 1}]}, "Object is not valid", "/healthChecks(0)"),
    row("2.5", {"constraints": [["a", "NEAR"]]}, "Object is not valid", "/constraints(0)"),
]


@pytest.mark.parametrize("sent, message, path", REFUSED)
def test_what_is_wrong_is_refused_with_its_path(marathon, app, sent, message, path):
    answer = post(marathon, app(**sent), 422)
    assert answer["message"] == message
    assert [detail["path"] for detail in answer["details"]] == [path]
    assert marathon.call("GET", "/v2/apps/web").status == 404


@pytest.mark.row("2.2")
def test_service_ports_are_kept_by_updates(marathon, app):
    created = post(marathon, app(instances=0, ports=[0, 0]))
    ports = [definition["port"] for definition in created["portDefinitions"]]
    assert len(set(ports)) == 2 and all(10000 <= port < 20000 for port in ports)
    marathon.call("PUT", "/v2/apps/web?force=true", app(instances=0, ports=[0, 0, 0]))
    shown = marathon.call("GET", "/v2/apps/web").json["app"]["portDefinitions"]
    assert [definition["port"] for definition in shown][:2] == ports and shown[2]["port"] not in ports


@pytest.mark.row("8")
def test_the_owner_of_a_service_port_is_told(marathon, app):
    assert "portConflicts" not in post(marathon, app("/one", instances=0, ports=[9100]))
    assert post(marathon, app("/two", instances=0, ports=[9100, 0]))["portConflicts"] == [{"port": 9100, "app": "/one"}]
    assert "portConflicts" not in post(marathon, app("/three", instances=0, ports=[9100], requirePorts=True))
    assert "portConflicts" not in marathon.call("GET", "/v2/apps/two").json["app"]
