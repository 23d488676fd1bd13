"""Names of more than any cluster here has, and odd ones: the directory of a master that is not ours."""
import contextlib
import re

import pytest

from cluster import Cluster, wait_until
from fake_master import AGENT, FakeMaster
from fleet import Namespace
from test_names import dig, message

OTHER = AGENT[:-1] + "1"


class Told(Cluster):
    """An agent, and a master that tells it a directory."""

    def __init__(self, *flags):
        self.namespace = Namespace("127.0.0.1")
        with contextlib.ExitStack() as undo:
            undo.callback(self.namespace.close)
            with self.namespace.inside():
                self.fake = undo.enter_context(contextlib.closing(FakeMaster()))
            super().__init__("told", self.namespace)
            undo.callback(super().close)
            self.master_address = f"127.0.0.1:{self.fake.port}"
            self.start_agent("--dns_upstreams=none", *flags, wait=False, place=self.namespace)
            self.generation = None
            self.undo = undo.pop_all()

    def close(self):
        self.undo.close()

    def run_in(self, *command):
        return self.namespace.run(*command)

    def begin(self):
        """A new stream: what was told on another is forgotten with the first message."""
        if self.generation is not None:
            self.fake.hang_up()
        self.fake.accept()
        self.generation = 0

    def tell(self, **directory):
        self.generation += 1
        self.fake.send("DIRECTORY", generation=self.generation, **directory)


def endpoint(i, name="web", framework="marathon", **more):
    return {"key": f"f/{name}.{i}", "task_id": f"{name}.{i}", "name": name, "framework": framework, "agent_id": OTHER,
            "state": "SERVING", "addresses": [f"10.8.{i >> 8}.{i & 255}"],
            "ports": [{"name": "http", "protocol": "tcp", "container_port": 80}], **more}


@pytest.fixture(scope="module")
def shared():
    made = Told()
    yield made
    made.close()


@pytest.fixture
def told(shared):
    shared.begin()
    return shared


def test_a_thousand_instances(told):
    told.tell(is_whole=True, nodes=[{"agent_id": OTHER, "address": "10.0.0.2", "hostname": "other"}],
              endpoints=[endpoint(i) for i in range(1000)])
    every = sorted(f"10.8.{i >> 8}.{i & 255}" for i in range(1000))
    wait_until(lambda: len(dig(told, "web.marathon.mesos")) == 1000, "names of all")
    # Cut over UDP: as much as fits into what the client takes, and another part each time.
    for options, most in ((("+noedns",), 29), (("+bufsize=4096",), 74), (("+bufsize=700",), 40)):
        status, flags, sections = message(told, "web.marathon.mesos", "A", "+ignore", *options)
        assert status == "NOERROR" and "tc" in flags and len(sections["ANSWER"]) == most, options
    starts = set()
    wait_until(lambda: starts.add(message(told, "web.marathon.mesos", "A", "+ignore")[2]["ANSWER"][0][4]) or len(starts) > 3,
               "answers that begin elsewhere")
    assert dig(told, "web.marathon.mesos", "A", "+tcp") == every == dig(told, "web.marathon.mesos")
    status, flags, sections = message(told, "_http._web._tcp.marathon.mesos", "SRV", "+tcp")
    assert status == "NOERROR" and "tc" not in flags and len(sections["ANSWER"]) == 1000
    assert len({row[4] for row in sections["ANSWER"]}) == 1000
    target = sections["ANSWER"][0][4].split()[3]
    assert re.fullmatch(r"web-[a-z0-9]{5}-s1\.marathon\.mesos\.", target) and dig(told, target)


def test_each_change_is_named_alone(told):
    told.tell(is_whole=True, nodes=[{"agent_id": OTHER, "address": "10.0.0.2"}], endpoints=[endpoint(1), endpoint(2)])
    wait_until(lambda: dig(told, "web.marathon.mesos") == ["10.8.0.1", "10.8.0.2"], "two")
    told.tell(endpoints=[endpoint(1, state="UNHEALTHY")])
    wait_until(lambda: dig(told, "web.marathon.mesos") == ["10.8.0.2"], "the one that serves")
    told.tell(removed_endpoints=["f/web.2"])
    wait_until(lambda: dig(told, "web.marathon.mesos") == ["10.8.0.1"], "the one that runs")
    # Mapped to its node, it is found there from elsewhere, where its node is.
    told.tell(endpoints=[endpoint(1, ports=[{"protocol": "tcp", "container_port": 80, "host_port": 31000}])])
    wait_until(lambda: dig(told, "web.marathon.mesos") == ["10.0.0.2"], "its node")
    assert dig(told, "_web._tcp.marathon.mesos", "SRV")[0].split()[:3] == ["0", "1", "31000"]
    told.tell(endpoints=[endpoint(1, weight=7, ports=[{"protocol": "tcp", "container_port": 80, "host_port": 31000}])])
    wait_until(lambda: dig(told, "_web._tcp.marathon.mesos", "SRV")[0].split()[1] == "7", "its weight")
    told.tell(nodes=[{"agent_id": OTHER, "address": "fd00::2"}])
    wait_until(lambda: dig(told, "web.marathon.mesos", "AAAA") == ["fd00::2"], "its node's other address")
    told.tell(removed_nodes=[OTHER])
    wait_until(lambda: message(told, "web.marathon.mesos")[0] != "NOERROR" or not dig(told, "web.marathon.mesos", "AAAA"),
               "nothing")
    assert message(told, "s1.slave.mesos")[0] == "NXDOMAIN"


def test_names_that_are_none_harm_nobody(told):
    long = "x" * 300
    told.tell(is_whole=True, nodes=[{"agent_id": OTHER, "address": "10.0.0.2"}], endpoints=[
        endpoint(1, name="../.."), endpoint(2, name=long), endpoint(3, name="a.b_c/d E"), endpoint(4, framework="..."),
        endpoint(5, framework=".".join(["f" * 60] * 5)), endpoint(6, framework="big.team"), endpoint(7, name="caf\u00e9"),
        endpoint(8, name="web")])
    wait_until(lambda: dig(told, "web.marathon.mesos") == ["10.8.0.8"], "the last one")
    assert dig(told, f"{'x' * 63}.marathon.mesos") == ["10.8.0.2"]
    assert dig(told, "a-b-c-d-e.marathon.mesos") == ["10.8.0.3"]
    assert dig(told, "web.big.team.mesos") == ["10.8.0.6"] and message(told, "team.mesos")[0] == "NOERROR"
    assert dig(told, "caf.marathon.mesos") == ["10.8.0.7"]
    assert told.agents[0].is_alive()


def test_services_of_one_name_are_one_address(told):
    service = {"name": "db", "address": "10.96.0.9", "framework": "marathon"}
    told.tell(is_whole=True, services=[{**service, "key": "db:5432/tcp", "port": 5432, "protocol": "tcp"},
                                       {**service, "key": "db:53/udp", "port": 53, "protocol": "udp"}])
    wait_until(lambda: dig(told, "db.marathon.l4lb.mesos") == ["10.96.0.9"], "the service")
    assert dig(told, "_db._tcp.marathon.l4lb.mesos", "SRV") == ["0 1 5432 db.marathon.l4lb.mesos."]
    told.tell(removed_services=["db:5432/tcp"])
    wait_until(lambda: message(told, "_db._tcp.marathon.l4lb.mesos", "SRV")[0] == "NXDOMAIN", "no such port")
    assert dig(told, "db.l4lb.mesos") == ["10.96.0.9"]
    told.tell(removed_services=["db:53/udp"])
    wait_until(lambda: message(told, "db.l4lb.mesos")[0] == "NXDOMAIN", "no service")


def test_whoever_is_asked_answers():
    """At any address of the node: from the one that was asked, or dig does not take it."""
    with contextlib.closing(Told("--dns_listen=0.0.0.0,[::1]:5353")) as told:
        told.begin()
        told.run_in("ip", "address", "add", "10.9.9.9/32", "dev", "lo")
        told.tell(is_whole=True, nodes=[{"agent_id": OTHER, "address": "10.0.0.2"}], endpoints=[endpoint(1)])
        wait_until(lambda: dig(told, "web.marathon.mesos") == ["10.8.0.1"], "the name")
        for server in ("127.0.0.1", "127.0.0.3", "10.9.9.9"):
            for options in ((), ("+tcp",)):
                assert dig(told, "web.marathon.mesos", "A", *options, server=server) == ["10.8.0.1"], (server, options)
                assert dig(told, "ns1.mesos", "A", *options, server=server) == [server]
        for options in ((), ("+tcp",)):
            assert dig(told, "web.marathon.mesos", "A", "-p5353", *options, server="::1") == ["10.8.0.1"]
        assert dig(told, "ns1.mesos", "AAAA", "-p5353", server="::1") == ["::1"]
