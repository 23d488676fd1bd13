"""Names of what runs, as dig and programs in containers see them."""
import contextlib
import re
import signal
import subprocess

import pytest

from cluster import wait_until
from fleet import Single

WEB = {"id": "/prod/web", "cmd": "exec socat TCP4-LISTEN:80,fork,reuseaddr EXEC:'echo hello'", "cpus": 0.1, "mem": 32, "instances": 2,
       "networks": [{"mode": "container/bridge"}],
       "container": {"type": "MESOS", "portMappings": [
           {"containerPort": 80, "hostPort": 0, "name": "http", "labels": {"VIP_0": "/web.prod:80"}},
           {"containerPort": 53, "hostPort": 0, "name": "query", "protocol": "udp"}]}}
API = {"id": "/api", "cmd": "exec sleep 1000", "cpus": 0.1, "mem": 32, "instances": 1,
       "portDefinitions": [{"port": 0, "name": "http"}]}


class Node(Single):
    def __init__(self, *flags):
        super().__init__("names", *flags)
        self.agent, = self.agents

    def run_in(self, *command):
        return self.namespace.run(*command)

    def stdout(self, app):
        task, = self.tasks(app)
        path, = self.agent.work_dir.glob(f"slaves/*/frameworks/*/executors/{task['id']}/runs/latest/stdout")
        return path.read_text()


@pytest.fixture(scope="module")
def node():
    made = Node("--dns_upstreams=none", "--dns_http_listen=127.0.0.1:8123")
    for app in (WEB, API):
        made.deploy(app)
    wait_until(lambda: len(dig(made, "web-prod.marathon.mesos")) == 2 and dig(made, "api.marathon.mesos"), "names of all")
    yield made
    made.close()


def dig(node, name, kind="A", *options, server="127.0.0.1"):
    """Answers as their data, sorted."""
    return sorted(node.run_in("dig", "+short", "+time=2", f"@{server}", *options, name, kind).splitlines())


def message(node, name, kind="A", *options, server="127.0.0.1", port=53):
    """All that dig says: status, flags and what is in each section."""
    text = node.run_in("dig", "+time=2", f"@{server}", f"-p{port}", *options, name, "-t", kind)
    sections = dict(re.findall(r";; (\w+) SECTION:\n((?:[^;\n].*\n)*)", text))
    status, = re.findall(r"status: (\w+)", text)
    flags, = re.findall(r"flags: ([a-z ]*);", text)
    return status, flags.split(), {name: [line.split(None, 4) for line in lines.splitlines()]
                                   for name, lines in sections.items()}


def addresses(node, app):
    return sorted(t["ipAddresses"][0]["ipAddress"] for t in node.tasks(app))


def test_tasks_have_names(node):
    assert addresses(node, "/prod/web") == dig(node, "web-prod.marathon.mesos") == dig(node, "WEB-prod.Marathon.MESOS.")
    assert dig(node, "web-prod.marathon.slave.mesos") == ["127.0.0.1"]
    assert dig(node, "api.marathon.mesos") == ["127.0.0.1"]
    assert dig(node, "web-prod.marathon.mesos", "AAAA") == sorted(
        a["ipAddress"] for t in node.tasks("/prod/web") for a in t["ipAddresses"] if ":" in a["ipAddress"])


def test_ports_are_found_by_srv(node):
    ports = {t["id"]: t["ports"] for t in node.tasks("/prod/web")}
    status, _, sections = message(node, "_http._web-prod._tcp.marathon.mesos", "SRV")
    assert status == "NOERROR"
    targets = [row[4].split() for row in sections["ANSWER"]]
    assert [t[2] for t in targets] == ["80", "80"]
    assert all(re.fullmatch(r"web-prod-[a-z0-9]{5}-s0\.marathon\.mesos\.", t[3]) for t in targets)
    # Where they are is told along, and found by name as well.
    assert sorted(row[4] for row in sections["ADDITIONAL"] if row[3] == "A") == addresses(node, "/prod/web")
    assert sorted(dig(node, t[3])[0] for t in targets) == addresses(node, "/prod/web")
    assert [a.split()[2] for a in dig(node, "_web-prod._udp.marathon.mesos", "SRV")] == ["53", "53"]
    mapped = sorted(a.split()[2] for a in dig(node, "_web-prod._tcp.marathon.slave.mesos", "SRV"))
    assert mapped == sorted(str(p[0]) for p in ports.values())
    api, = node.tasks("/api")
    answer, = dig(node, "_api._tcp.marathon.mesos", "SRV")
    assert answer.split()[2] == str(api["ports"][0])


def test_services_masters_and_nodes_have_names(node):
    service, = [a for a in dig(node, "web.prod.marathon.l4lb.mesos")]
    assert service.startswith("10.96.") and dig(node, "web.prod.l4lb.mesos") == [service]
    for name in ("leader", "master", "master0", "marathon", "slave", "s0.slave"):
        assert dig(node, f"{name}.mesos") == ["127.0.0.1"], name
    for name in ("_leader._tcp", "_leader._udp", "_master._tcp", "_framework._tcp.marathon"):
        assert dig(node, f"{name}.mesos", "SRV") == [f"0 1 {node.master_port} leader.mesos."], name
    assert dig(node, "_slave._tcp.mesos", "SRV") == [f"0 1 {node.agent.port} s0.slave.mesos."]
    assert dig(node, "mesos", "NS") == ["ns1.mesos."] and dig(node, "ns1.mesos") == ["127.0.0.1"]


def test_addresses_have_names(node):
    service, = dig(node, "web.prod.l4lb.mesos")
    assert dig(node, "-x", service) == ["web.prod.marathon.l4lb.mesos."]
    for address in addresses(node, "/prod/web"):
        name, = dig(node, "-x", address)
        assert re.fullmatch(r"web-prod-[a-z0-9]{5}-s0\.marathon\.mesos\.", name) and dig(node, name) == [address]


def test_what_there_is_not_is_said_by_the_soa(node):
    for name, kind, status in (("nothing.marathon.mesos", "A", "NXDOMAIN"), ("web-prod.marathon.mesos", "MX", "NOERROR"),
                               ("_tcp.marathon.mesos", "SRV", "NOERROR"), ("l4lb.mesos", "A", "NOERROR"),
                               ("mesos", "A", "NOERROR"), ("_x._web-prod._tcp.marathon.mesos", "SRV", "NXDOMAIN")):
        found, flags, sections = message(node, name, kind)
        assert (found, "ANSWER" in sections) == (status, False), name
        assert "aa" in flags and "ra" in flags
        owner, ttl, _, record, data = sections["AUTHORITY"][0]
        assert (owner, ttl, record) == ("mesos.", "5", "SOA") and data.split()[-1] == "5"


def test_letters_are_answered_in_the_case_they_were_asked_in(node):
    _, _, sections = message(node, "wEb-PrOd.mArAtHoN.mEsOs")
    assert {row[0] for row in sections["ANSWER"]} == {"wEb-PrOd.mArAtHoN.mEsOs."}


def test_one_task_or_another_comes_first(node):
    first = set()
    wait_until(lambda: first.add(node.run_in("dig", "+short", "@127.0.0.1", "web-prod.marathon.mesos").split()[0])
               or len(first) == 2, "each of two as the first")


def test_a_container_finds_others_by_name(node):
    look = ("cat /etc/resolv.conf; getent ahostsv4 web-prod.marathon.mesos | cut -d' ' -f1 | sort -u; "
            "for name in web-prod web.prod.l4lb; do socat -u -T5 TCP4:$name:80,retry=50,interval=0.2 -; done; "
            "getent ahostsv4 api | cut -d' ' -f1 | sort -u; getent hosts nothing.example || echo none; echo end; exec sleep 1000")
    node.deploy({**WEB, "id": "/reader", "cmd": look, "instances": 1, "container": {"type": "MESOS"}})
    lines = wait_until(lambda: node.stdout("/reader").endswith("end\n") and node.stdout("/reader").splitlines(), "what it finds")
    assert lines[:2] == ["nameserver 172.29.0.1", "search marathon.mesos mesos"]
    # What is called answers, itself and behind its service.
    assert lines[2:] == [*addresses(node, "/prod/web"), "hello", "hello", "172.29.0.1", "none", "end"]
    # (What has the node's network is at the bridge for it: this node calls itself by loopback.)
    assert dig(node, "ns1.mesos", server="172.29.0.1") == ["172.29.0.1"]
    node.remove("/reader")


def test_a_task_that_goes_has_no_name(node):
    app = {**API, "id": "/brief", "instances": 2}
    node.deploy(app)
    wait_until(lambda: len(dig(node, "_brief._tcp.marathon.mesos", "SRV")) == 2, "two ports")
    node.call("PUT", "/v2/apps/brief", {"instances": 1})
    wait_until(lambda: len(dig(node, "_brief._tcp.marathon.mesos", "SRV")) == 1, "one port")
    node.remove("/brief")
    wait_until(lambda: message(node, "brief.marathon.mesos")[0] == "NXDOMAIN", "no name")


def test_names_are_told_over_http_as_mesos_dns_does(node):
    def get(path, port=None):
        answer = node.call("GET", f"/v1/{path}", port=port or node.agent.port)
        assert answer.status == 200, answer.body
        return answer.json
    web = addresses(node, "/prod/web")
    hosts = get("hosts/web-prod.marathon.mesos")
    assert [h["ip"] for h in hosts if ":" not in h["ip"]] == web and {h["host"] for h in hosts} == {"web-prod.marathon.mesos."}
    assert get("hosts/nothing.mesos") == [{"host": "", "ip": ""}] == get("hosts/debian.org")
    services = get("services/_http._web-prod._tcp.marathon.mesos.", 8123)
    assert sorted(s["ip"] for s in services) == web and {s["port"] for s in services} == {"80"}
    assert {s["service"] for s in services} == {"_http._web-prod._tcp.marathon.mesos."}
    assert get("services/_x._tcp.mesos") == [{"service": "", "host": "", "ip": "", "port": ""}]
    framework, = get("enumerate")["frameworks"]
    assert framework["name"] == "marathon"
    tasks = {t["id"]: t for t in framework["tasks"]}
    assert set(tasks) == {t["id"] for app in ("/prod/web", "/api") for t in node.tasks(app)}
    api, = node.tasks("/api")
    records = {(r["name"], r["rtype"]): r["host"] for r in tasks[api["id"]]["records"]}
    assert records["api.marathon.mesos.", "A"] == "127.0.0.1"
    assert records["_api._tcp.marathon.mesos.", "SRV"].endswith(f"-s0.marathon.mesos.:{api['ports'][0]}")
    config = get("config", 8123)
    assert config["Domain"] == "mesos" and config["TTL"] == 5 and config["Resolvers"] == []
    assert get("version")["Service"] == "tepui-agent"
    assert node.call("GET", "/v1/hosts/a..b", port=8123).status == 400
    assert node.call("GET", "/state", port=8123).status == 404
    assert node.call("GET", "/v1/enumerate", headers={"Host": "evil.example"}, port=8123).status == 403


def test_an_agent_that_comes_back_answers_by_what_it_has_kept(node):
    """Without a master that could tell it."""
    web, kept = addresses(node, "/prod/web"), node.agent.work_dir / "directory"

    def are_there():
        with contextlib.suppress(AssertionError):  # dig fails while nobody is there
            return dig(node, "web-prod.marathon.mesos", server="172.29.0.1") == web
    wait_until(lambda: kept.exists() and all(address.encode() in kept.read_bytes() for address in web), "they are kept")
    node.master.end(signal.SIGKILL)
    node.agent.end(signal.SIGKILL)
    node.agent.start()
    wait_until(are_there, "names")
    node.master.start()
    wait_until(node.answers_ping, "the master")
    node.agents_are_back()


def test_bad_queries_are_refused_and_harm_nothing(node):
    assert message(node, "mesos", "AXFR", "+tcp", "+noall", "+comments")[0] == "NOTIMP"
    assert message(node, "version.bind", "TXT", "-c", "CH")[0] == "REFUSED"
    assert message(node, "mesos", "SOA", "+opcode=UPDATE")[0] == "NOTIMP"
    assert message(node, "mesos", "SOA", "+edns=1", "+noednsneg")[0] == "BADVERS"
    assert message(node, "debian.org")[0] == "SERVFAIL"
    assert dig(node, "leader.mesos") == ["127.0.0.1"]


def test_others_may_not_ask_through_us(node):
    """Whoever is neither this node nor on its bridge."""
    node.run_in("ip", "address", "add", "10.9.9.9/32", "dev", "lo")
    for server in ("127.0.0.1", "172.29.0.1"):
        status, flags, _ = message(node, "debian.org", "A", "-b10.9.9.9", server=server)
        assert status == "REFUSED" and "ra" not in flags
    assert dig(node, "leader.mesos", "A", "-b10.9.9.9") == ["127.0.0.1"]


def test_an_address_that_is_taken_is_a_warning(node):
    node.start_agent("--resources=cpus:1;mem:128", "--dns_upstreams=none", place=node.namespace)
    other = node.agents[1]
    assert "names are not answered there (see --dns_listen): answer names at '127.0.0.1:53': Address already in use" in other.text()
    other.end()


@pytest.mark.parametrize("flag, why", [
    ("--dns_domain=a..b", "use '--dns_domain=a..b': it is no name"),
    ("--dns_listen=nowhere", "use '--dns_listen': read address 'nowhere:53': 'nowhere' is not numeric"),
    ("--dns_upstreams=unix:/x", "use '--dns_upstreams': read address 'unix:/x': DNS is not spoken there"),
    ("--dns_http_listen=10.0.0.1:8123", "listen on '10.0.0.1:8123': not a loopback address"),
    ("--dns_ttl=1500ms", "use '--dns_ttl=1500ms': it is no number of seconds"),
])
def test_flags_that_make_no_sense_are_refused(node, flag, why):
    done = subprocess.run([*node.agent.argv[:len(node.namespace.prefix) + 2], flag], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and why in done.stderr
