"""Who may use a master and an agent that ask for credentials: realms, 401, and whose a framework is."""
import base64
import http.client
import json
import subprocess

import pytest

from cluster import BUILD, SLOW, Cluster, wait_until
from executors import IDLE, environment, executor, launch
from framework import Framework

JSON = "application/json"
OPS, OTHER = ("ops", "secret"), ("other", "s3:cret")


def basic(principal, secret):
    return {"Authorization": "Basic " + base64.b64encode(f"{principal}:{secret}".encode()).decode()}


def write_secret(path, content):
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def closed():
    """A master and an agent that let nobody in without a credential."""
    made = Cluster("closed")
    try:
        both = write_secret(made.directory / "credentials", json.dumps(
            {"credentials": [{"principal": p, "secret": s} for p, s in (OPS, OTHER)]}))
        made.secret = write_secret(made.directory / "ops", " ".join(OPS))
        made.start_master(f"--credentials={both}", "--authenticate_http_readonly", "--authenticate_http_readwrite",
                          "--authenticate_http_frameworks", "--http_framework_authenticators=basic",
                          "--authenticate_agents")
        made.start_agent(f"--credential={made.secret}", f"--http_credentials={both}", "--authenticate_http_readonly",
                         "--authenticate_http_readwrite", wait=False)
        wait_until(lambda: any(s["active"] for s in made.call("GET", "/slaves", headers=basic(*OPS)).json["slaves"]),
                   "the agent's registration")
        yield made
    finally:
        made.close()


ROWS = [
    ("GET", "/state", "mesos-master-readonly"),
    ("GET", "/master/state", "mesos-master-readonly"),
    ("GET", "/master//state.json", "mesos-master-readonly"),
    ("GET", "/slaves", "mesos-master-readonly"),
    ("GET", "/flags", "mesos-master-readonly"),
    ("GET", "/metrics/snapshot", "mesos-master-readonly"),
    ("GET", "/files/debug", "mesos-master-readonly"),
    ("GET", "/v2/apps", "mesos-master-readonly"),
    ("POST", "/v2/apps", "mesos-master-readwrite"),
    ("POST", "/api/v1", "mesos-master-readwrite"),
    ("POST", "/api/v1/operator", "mesos-master-readwrite"),
    ("POST", "/teardown", "mesos-master-readwrite"),
    ("GET", "/logging/toggle", "mesos-master-readwrite"),
    ("GET", "/quota", "mesos-master-readwrite"),
    ("GET", "/weights", "mesos-master-readwrite"),
    ("GET", "/maintenance/status", "mesos-master-readwrite"),
    ("POST", "/machine/down", "mesos-master-readwrite"),
    ("POST", "/api/v1/scheduler", "mesos-master-scheduler"),
    ("POST", "/master/api/v1/scheduler", "mesos-master-scheduler"),
    ("POST", "/api/v1/agent", "mesos-master-agent"),
]
AGENT_ROWS = [
    ("GET", "/state", "mesos-agent-readonly"),
    ("GET", "/slave(1)/containers", "mesos-agent-readonly"),
    ("GET", "/monitor/statistics", "mesos-agent-readonly"),
    ("GET", "/files/browse?path=/", "mesos-agent-readonly"),
    ("POST", "/api/v1", "mesos-agent-readwrite"),
    ("GET", "/logging/toggle", "mesos-agent-readwrite"),
]


def check_realm(closed, port, method, path, realm):
    """Without and with a wrong credential the same; the right one is let in."""
    for headers in ({}, basic(OPS[0], OTHER[1]), basic("nobody", "x"), {"Authorization": "Basic !"}):
        answer = closed.call(method, path, headers={**headers, "Content-Type": JSON}, port=port)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, f'Basic realm="{realm}"'), headers
    answer = closed.call(method, path, headers={**basic(*OTHER), "Content-Type": JSON}, port=port)
    assert answer.status not in (401, 403) and answer.headers["WWW-Authenticate"] is None


@pytest.mark.row("1.1")
@pytest.mark.parametrize("method, path, realm", ROWS)
def test_a_path_of_the_master_belongs_to_a_realm(closed, method, path, realm):
    check_realm(closed, closed.master_port, method, path, realm)


@pytest.mark.row("3.1")
@pytest.mark.parametrize("method, path, realm", AGENT_ROWS)
def test_a_path_of_the_agent_belongs_to_a_realm(closed, method, path, realm):
    check_realm(closed, closed.agents[0].port, method, path, realm)


@pytest.mark.row("1.1")
@pytest.mark.parametrize("path", ["/health", "/version", "/redirect", "/ping"])
def test_a_path_of_the_master_is_open_to_all(closed, path):
    assert closed.call("GET", path).status in (200, 307)


@pytest.mark.row("3.2")
@pytest.mark.parametrize("path", ["/health", "/version"])
def test_a_path_of_the_agent_is_open_to_all(closed, path):
    assert closed.agents[0].call("GET", path).status == 200


@pytest.mark.row("2.1")
def test_executors_are_asked_for_a_token_and_not_for_a_credential(closed):
    answer = closed.agents[0].call("POST", "/api/v1/executor", headers={"Content-Type": JSON, **basic(*OPS)})
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="mesos-agent-executor"')


# ---- frameworks ----

def subscribe(closed, headers, **info):
    """Status, headers and first record of an answer that does not end."""
    connection = http.client.HTTPConnection("127.0.0.1", closed.master_port, timeout=60 * SLOW)
    call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "nobody", "name": "x", **info}}}
    if "id" in info:
        call["framework_id"] = info["id"]
    connection.request("POST", "/api/v1/scheduler", json.dumps(call), {"Content-Type": JSON, **headers})
    answer = connection.getresponse()
    if answer.status != 200:
        return connection, answer, answer.read().decode()
    size = b""
    while not size.endswith(b"\n"):
        size += answer.read(1)
    return connection, answer, json.loads(answer.read(int(size)))


@pytest.mark.row("1.1")
def test_a_framework_of_another_principal_is_refused(closed):
    connection, answer, text = subscribe(closed, basic(*OPS), principal="other")
    connection.close()
    assert answer.status == 400
    assert text == ("Failed to validate scheduler::Call: Authenticated principal 'ops' does not match principal"
                    " 'other' set in `FrameworkInfo`\n")


@pytest.mark.row("1.1")
@pytest.mark.parametrize("info", [{}, {"principal": "ops"}])
def test_a_framework_has_the_principal_that_it_came_as(closed, info):
    connection, answer, event = subscribe(closed, basic(*OPS), **info)
    assert answer.status == 200
    framework_id = event["subscribed"]["framework_id"]
    headers = {"Content-Type": JSON, "Mesos-Stream-Id": answer.headers["Mesos-Stream-Id"]}
    shown = closed.call("GET", f"/frameworks?framework_id={framework_id['value']}", headers=basic(*OPS)).json
    assert [f["principal"] for f in shown["frameworks"]] == ["ops"]
    call = {"type": "TEARDOWN", "framework_id": framework_id}
    refused = closed.call("POST", "/api/v1/scheduler", call, {**headers, **basic(*OTHER)})
    assert (refused.status, refused.body) == (
        400, b"Authenticated principal 'other' does not match principal 'ops' set in `FrameworkInfo`\n")
    assert closed.call("POST", "/api/v1/scheduler", call, {**headers, **basic(*OPS)}).status == 202
    connection.close()


# ---- operators ----

def reserve(closed, credential, signature):
    slave = closed.call("GET", "/slaves", headers=basic(*OPS)).json["slaves"][0]["id"]
    body = {"agent_id": {"value": slave}, "resources": [
        {"name": "mem", "type": "SCALAR", "scalar": {"value": 8},
         "reservations": [{"type": "DYNAMIC", "role": "eng", **({"principal": signature} if signature else {})}]}]}

    def call(type_):
        return closed.call("POST", "/api/v1", {"type": type_, type_.lower(): body},
                           {"Content-Type": JSON, **basic(*credential)})
    return call("RESERVE_RESOURCES"), call


@pytest.mark.row("1.8")
@pytest.mark.parametrize("signature", [None, "other"])
def test_an_operator_reserves_in_no_other_name(closed, signature):
    answer, _ = reserve(closed, OPS, signature)
    assert answer.status == 400 and b"attempted by" in answer.body


@pytest.mark.row("1.8")
def test_an_operator_reserves_in_his_own_name(closed):
    answer, call = reserve(closed, OPS, "ops")
    assert answer.status == 202, answer.body
    assert call("UNRESERVE_RESOURCES").status == 202


# ---- the programs ----

@pytest.mark.row("1.1")
def test_the_command_line_shows_a_credential(closed):
    refused = closed.tepui("app", "list", check=False)
    assert refused.returncode == 1 and "Invalid username or password. (see --credential)" in refused.stderr
    assert closed.tepui(f"--credential={closed.secret}", "app", "list") is not None
    assert "127.0.0.1" in closed.tepui(f"--credential={closed.secret}", "node", "list")


@pytest.mark.row("1.1")
def test_an_agent_without_a_credential_is_told_so(closed):
    agent = closed.start_agent(wait=False)
    assert wait_until(lambda: not agent.is_alive(), "the agent's end") and agent.process.returncode == 1
    assert "it asks for another '--credential'" in agent.text()


@pytest.mark.row("1.1")
@pytest.mark.parametrize("flags, told", [
    (["--authenticate_http_readwrite"], "find flag '--credentials'"),
    (["--http_authenticators=kerberos"], "only basic is known"),
    (["--credentials={open}", "--authenticate_agents"], "others have access to it (mode 644), chmod 600"),
    (["--listen=0.0.0.0:0", "--credentials={secret}", "--authenticate_http_readwrite"], "ask all for credentials"),
])
def test_a_master_that_would_let_in_whom_it_should_not_does_not_start(closed, tmp_path, flags, told):
    open_file = tmp_path / "open"
    open_file.write_text("a b", encoding="utf-8")
    open_file.chmod(0o644)
    done = subprocess.run([BUILD / "tepui-master", f"--work_dir={tmp_path / 'work'}", "--listen=127.0.0.1:0",
                           *(f.format(open=open_file, secret=closed.secret) for f in flags)],
                          capture_output=True, text=True, check=False, timeout=60 * SLOW)
    assert done.returncode == 1 and told in done.stderr


# ---- executors, which use the agent's calls by their token ----

@pytest.fixture(scope="module")
def guarded():
    """A master that asks nobody, and an agent that asks who changes things; with two executors that only idle."""
    made = Cluster("guarded")
    try:
        secrets = write_secret(made.directory / "credentials", " ".join(OPS))
        made.start_master()
        agent = made.start_agent(f"--http_credentials={secrets}", "--authenticate_http_readwrite")
        framework = Framework(made)
        made.containers = {}
        for name in ("mine", "other"):
            launch(framework, executor(name, source="", program=IDLE), "true")
            _, env = environment(agent, name)
            found = wait_until(lambda name=name: next((c for c in agent.containers() if c["executor_id"] == name), None),
                               f"container of {name}")
            made.containers[name] = {"value": found["container_id"]}
            made.tokens = {**getattr(made, "tokens", {}), name: env["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"]}
        yield made
        framework.post("TEARDOWN")
        framework.close()
    finally:
        made.close()


def ask_agent(guarded, token, type_, **body):
    return guarded.agents[0].call("POST", "/api/v1", {"type": type_, **({type_.lower(): body} if body else {})},
                                  {"Content-Type": JSON, "Authorization": f"Bearer {token}"})


@pytest.mark.row("3.1")
def test_an_executor_launches_and_ends_containers_in_its_own(guarded):
    nested = {"value": "nested", "parent": guarded.containers["mine"]}
    command = {"value": "exec sleep 1000"}
    for type_, more in (("LAUNCH_NESTED_CONTAINER", {"command": command}), ("KILL_NESTED_CONTAINER", {}),
                        ("WAIT_NESTED_CONTAINER", {}), ("REMOVE_NESTED_CONTAINER", {})):
        answer = ask_agent(guarded, guarded.tokens["mine"], type_, container_id=nested, **more)
        assert answer.status == 200, (type_, answer.body)


@pytest.mark.row("3.1")
@pytest.mark.parametrize("type_, more", [
    ("LAUNCH_NESTED_CONTAINER", {"command": {"value": "true"}}), ("WAIT_NESTED_CONTAINER", {}),
    ("KILL_NESTED_CONTAINER", {}), ("REMOVE_NESTED_CONTAINER", {}), ("ATTACH_CONTAINER_OUTPUT", {}),
    ("LAUNCH_NESTED_CONTAINER_SESSION", {"command": {"value": "true"}})])
def test_an_executor_does_nothing_in_another_container(guarded, type_, more):
    for target in ({"value": "x", "parent": guarded.containers["other"]}, guarded.containers["other"],
                   {"value": "x", "parent": {"value": guarded.containers["mine"]["value"],
                                             "parent": guarded.containers["other"]}}, {"value": "alone"}):
        assert ask_agent(guarded, guarded.tokens["mine"], type_, container_id=target, **more).status == 403


@pytest.mark.row("3.1")
def test_an_executor_attaches_no_input_to_another_container(guarded):
    record = json.dumps({"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": {
        "type": "CONTAINER_ID", "container_id": guarded.containers["other"]}}).encode()
    answer = guarded.agents[0].call("POST", "/api/v1", b"%d\n%s" % (len(record), record), {
        "Content-Type": "application/recordio", "Message-Content-Type": JSON,
        "Authorization": f"Bearer {guarded.tokens['mine']}"})
    assert answer.status == 403


@pytest.mark.row("3.1")
@pytest.mark.parametrize("type_, body", [
    ("GET_STATE", {}), ("GET_HEALTH", {}), ("READ_FILE", {"path": "/x", "offset": 0}),
    ("LAUNCH_CONTAINER", {"container_id": {"value": "alone"}, "command": {"value": "true"}})])
def test_an_executor_asks_nothing_else(guarded, type_, body):
    assert ask_agent(guarded, guarded.tokens["mine"], type_, **body).status == 403


@pytest.mark.row("3.1")
@pytest.mark.parametrize("path", ["/api/v1", "/logging/toggle?level=1&duration=1secs"])
def test_a_token_is_no_credential_elsewhere_and_a_wrong_one_nowhere(guarded, path):
    token = guarded.tokens["mine"] if path != "/api/v1" else guarded.tokens["mine"][:-4] + "AAAA"
    answer = guarded.agents[0].call("POST", path, {"type": "GET_HEALTH"},
                                    {"Content-Type": JSON, "Authorization": f"Bearer {token}"})
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="mesos-agent-readwrite"')


@pytest.mark.row("3.1")
def test_an_operator_does_everything(guarded):
    answer = guarded.agents[0].call("POST", "/api/v1", {"type": "GET_STATE"}, {"Content-Type": JSON, **basic(*OPS)})
    assert answer.status == 200
