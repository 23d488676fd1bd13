"""Containers with a network of their own on the agent's bridge."""
import contextlib
import itertools
import json
import os
import re
import subprocess

import pytest

import groups
from cluster import BUILD, wait_until
from framework import scalar
from images import Layout, Store, busybox
from one_node import FOREVER, Node, addresses_of

SHOW = "ip -j addr; ip -j route; ip -6 -j route; cat /etc/hosts; echo =; hostname; cat /etc/hostname; cat /etc/resolv.conf"
# Says what it was told, and by whom.
SERVER = "exec socat TCP6-LISTEN:80,ipv6only=0,fork,reuseaddr SYSTEM:'read line; echo $line $SOCAT_PEERADDR'"
PORTS = {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31000, "end": 31001}]}}


@pytest.fixture(scope="module", name="shared")
def shared_node(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("images")
    store = Store(tmp / "store")
    with contextlib.closing(Node(f"--image_store={store.path}")) as node:
        node.store, node.tmp = store, tmp
        yield node


@pytest.fixture
def node(shared):
    yield shared
    shared.empty()


def asking(address, address6):
    return (f"echo from | socat -t5 - TCP4:{address}:80,retry=40,interval=0.1 && "
            f"echo from | socat -t5 - TCP6:[{address6}]:80")


# ---- what a container has ----

def test_a_container_has_addresses_routes_and_names(node):
    task, (address, address6) = node.running(f"{SHOW}; echo end; exec sleep 1000")
    assert re.fullmatch(r"172\.29\.0\.\d+", address) and address6.startswith("fd74:6570:7569::")
    lines = node.output(task).splitlines()
    links = {link["ifname"]: link for link in json.loads(lines[0])}
    assert set(links) == {"lo", "eth0"}
    assert {a["local"] for a in links["eth0"]["addr_info"] if a["scope"] == "global"} == {address, address6}
    assert links["eth0"]["mtu"] == 1500 and "UP" in links["lo"]["flags"] and "UP" in links["eth0"]["flags"]
    assert {"dst": "default", "gateway": "172.29.0.1", "dev": "eth0", "flags": []} in json.loads(lines[1])
    assert "fd74:6570:7569::1" in [route.get("gateway") for route in json.loads(lines[2])]
    container_id = node.agent.container_of(task)["container_id"]
    assert f"{address}\t{container_id}" in lines and f"{address6}\t{container_id}" in lines
    assert lines[-5:-1] == [container_id, container_id, "nameserver 172.29.0.1", "search marathon.mesos mesos"]
    link, = node.links().values()
    assert link["master"] == "tepui0"


def test_containers_reach_each_other_and_the_node(node):
    server, (address, address6) = node.running(SERVER)
    assert node.run("sh", "-c", asking(address, address6)).split() == [
        "from", "[0000:0000:0000:0000:0000:ffff:ac1d:0001]", "from", "[fd74:6570:7569:0000:0000:0000:0000:0001]"]
    client, (own, _) = node.running(f"{asking(address, address6)}; echo end; exec sleep 1000")
    assert own != address
    words = node.output(client).split()
    assert words[0] == words[2] == "from" and words[3].startswith("[fd74:6570:7569:")
    assert node.run_beside(server, "sh", "-c", asking(address, address6)).count("from") == 2


def test_a_task_on_the_nodes_network_tells_the_nodes_address(node):
    task = node.framework.launch(node.framework.offer(), FOREVER, [scalar("cpus", 0.1), scalar("mem", 32)])
    assert addresses_of(node.framework.status(task, "TASK_RUNNING")) == ["127.0.0.1"]
    assert not node.links()


def test_a_container_with_an_image_has_a_network_in_its_own_user_namespace(node):
    if subprocess.run(["stat", "-fc", "%T", node.tmp], capture_output=True, text=True, check=True).stdout.strip() == \
            "overlayfs":
        pytest.skip("an overlay on an overlay")
    Layout(node.tmp / "web").image([busybox()], {"User": "1000"})
    node.store.add(f"oci:{node.tmp}/web", name="web:1")
    script = ("id -u; ip addr; cat /etc/hosts /etc/resolv.conf /proc/sys/net/ipv4/ip_unprivileged_port_start "
              "/proc/sys/net/ipv4/ping_group_range; echo end; exec nc -l -p 80 -e cat")
    image = {"mesos": {"image": {"type": "DOCKER", "docker": {"name": "web:1"}}}}
    task, (address, _) = node.running(script, container=image)
    text = node.output(task)
    assert text.splitlines()[0] == "1000" and f"inet {address}/16" in text and f"{address}\t" in text
    assert "nameserver 172.29.0.1" in text and text.splitlines()[-3:-1] == ["0", "0\t65535"]
    assert node.run("sh", "-c", f"echo hello | socat -t5 - TCP4:{address}:80,retry=40,interval=0.1") == "hello\n"


def test_members_of_a_pod_share_its_network(node):
    network = {"type": "MESOS", "network_infos": [{"name": "mesos-bridge"}]}
    ids = groups.launch(node.framework, f"ip -j addr show eth0; cat /etc/hosts; {FOREVER}",
                        f"ip -j addr show eth0; cat /etc/hosts; {FOREVER}", container=network)
    told = [addresses_of(node.framework.status(i, "TASK_RUNNING")) for i in ids]
    assert told[0] == told[1] and len(node.links()) == 1
    for i, (address, address6) in zip(ids, told):
        text = wait_until(lambda i=i: "fd74" in groups.read(node.agent, i) and groups.read(node.agent, i), "its network")
        own, = json.loads(text.splitlines()[0])
        assert {a["local"] for a in own["addr_info"] if a["scope"] == "global"} == {address, address6}
        assert f"{address}\t" in text
    for i in ids:
        node.framework.call("KILL", task_id={"value": i})


def test_what_is_launched_in_a_container_has_its_network(node):
    task, (address, _) = node.running()
    container_id = {"value": "inner", "parent": {"value": node.agent.container_of(task)["container_id"]}}

    def call(kind, **body):
        return node.agent.call("POST", "/api/v1", {"type": kind, kind.lower(): body}, {"Content-Type": "application/json"})
    script = "ip -4 -o addr show eth0 >there; cat /etc/hosts >>there; echo $MESOS_CONTAINER_IP end >>there; exec sleep 1000"
    assert call("LAUNCH_CONTAINER", container_id=container_id, command={"value": script}).status == 200
    path, = node.agent.work_dir.glob("slaves/*/frameworks/*/executors/*/runs/latest/containers/inner")
    text = wait_until(lambda: (path / "there").exists() and (path / "there").read_text().endswith("end\n") and
                      (path / "there").read_text(), "what it sees")
    assert f"inet {address}/16" in text and f"{address}\t" in text and len(node.links()) == 1


def test_an_executor_that_could_not_reach_its_agent_is_refused(node):
    offer = node.framework.offer()
    executor = {"executor_id": {"value": "custom"}, "type": "CUSTOM", "command": {"value": FOREVER},
                "container": {"type": "MESOS", "network_infos": [{"name": "bridge"}]}}
    resources = [scalar("cpus", 0.1), scalar("mem", 32)]
    task = {"name": "t", "task_id": {"value": "of-custom"}, "agent_id": offer["agent_id"], "executor": executor,
            "resources": resources}
    node.framework.accept(offer, {"type": "LAUNCH", "launch": {"task_infos": [task]}})
    assert "see --http_executor_domain_sockets" in node.framework.status("of-custom", "TASK_ERROR")["message"]


# ---- checks ----

@pytest.mark.parametrize("check", [{"type": "HTTP", "http": {"port": 80, "path": "/"}}, {"type": "TCP", "tcp": {"port": 80}}])
def test_health_is_asked_at_loopback_in_the_tasks_network(node, check):
    task = node.launch("exec /usr/bin/python3 -m http.server --bind 127.0.0.1 80", health_check={"delay_seconds": 0, "interval_seconds": 0.1, "timeout_seconds": 5,
                                             "grace_period_seconds": 60, **check})
    node.framework.status(task, "TASK_RUNNING")
    wait_until(lambda: node.framework.status(task).get("healthy"), lambda: f"its health: {node.framework.status(task)}")
    assert "connected" in node.framework.status(task)["message"] or "status 200" in node.framework.status(task)["message"]


# ---- figures and limits ----

def test_traffic_is_counted_as_the_container_sees_it(node):
    sink, (address, _) = node.running("exec socat -u TCP4-LISTEN:80,fork,reuseaddr OPEN:/dev/null")
    source, _ = node.running(f"head -c 4000000 /dev/zero | socat -u - TCP4:{address}:80,retry=40,interval=0.1; echo end; "
                             "exec sleep 1000")
    node.output(source)

    def statistics(task_id):
        row, = (r for r in node.agent.call("GET", "/monitor/statistics").json if r["executor_id"] == task_id)
        return row["statistics"]
    wait_until(lambda: statistics(sink)["net_rx_bytes"] > 4000000, "what it received")
    assert statistics(sink)["net_rx_bytes"] < 5000000 and statistics(sink)["net_tx_bytes"] < 400000
    wait_until(lambda: statistics(source)["net_tx_bytes"] > 4000000, "what was sent to it")
    assert statistics(source)["net_rx_bytes"] < 400000
    for name in ("rx_packets", "tx_packets", "rx_errors", "rx_dropped", "tx_errors", "tx_dropped"):
        assert statistics(sink)[f"net_{name}"] >= (10 if "packets" in name else 0)
    row, = (r for r in node.agent.call("POST", "/api/v1", {"type": "GET_CONTAINERS"},
                                       {"Content-Type": "application/json", "Accept": "application/json"}).json["get_containers"]["containers"]
            if r["executor_id"]["value"] == sink)
    assert row["resource_statistics"]["net_rx_bytes"] > 4000000
    assert re.search(r'tepui_container_network_rx_bytes_total\{task="' + sink + r'".*\} [4-9]\d{6}\n',
                     node.agent.call("GET", "/metrics").body.decode())


def test_a_supervisor_is_no_larger_for_its_network(node):
    task, _ = node.running()
    pid = node.agent.container_of(task)["status"]["executor_pid"]
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        anonymous_kib, = (int(line.split()[1]) for line in file if line.startswith("Anonymous:"))
    if not os.environ.get("TEPUI_TEST_SANITIZED"):
        assert anonymous_kib <= 300


def test_bandwidth_is_limited_in_both_directions(node):
    labels = {"labels": [{"key": "bandwidth_in", "value": "8mbit"}, {"key": "bandwidth_out", "value": "16mbit"}]}
    task, _ = node.running(info={"labels": labels})
    link, = node.links()

    def rate(*command):
        disc, = json.loads(node.run_beside(task, *command) if command[-1] == "eth0" else node.run(*command))
        assert disc["kind"] == "tbf"
        return disc["options"]["rate"]
    assert rate("tc", "-j", "qdisc", "show", "dev", link) == 1000000
    assert rate("tc", "-j", "qdisc", "show", "dev", "eth0") == 2000000


# ---- what is refused ----

REFUSED = [
    ({"name": "other"}, "container.network_infos[0]: this agent has no network 'other': it has no --network_cni_config_dir"),
    ({"ip_addresses": [{"ip_address": "172.29.0.1"}]},
     "container.network_infos[0].ip_addresses: take address 172.29.0.1: it is not for a container in 172.29.0.0/16"),
    ({"ip_addresses": [{"ip_address": "172.29.255.255"}]},
     "container.network_infos[0].ip_addresses: take address 172.29.255.255: it is not for a container in 172.29.0.0/16"),
    ({"ip_addresses": [{"ip_address": "10.1.2.3"}]},
     "container.network_infos[0].ip_addresses: take address 10.1.2.3: it is not for a container in 172.29.0.0/16"),
    ({"ip_addresses": [{"ip_address": "x"}]}, "container.network_infos[0].ip_addresses: read 'x': not an IP address"),
    ({"ip_addresses": [{"ip_address": "172.29.9.9"}, {"ip_address": "fd74:6570:7569::5"}]},
     "container.network_infos[0].ip_addresses: take address fd74:6570:7569::5: it is not the same host's as the one before"),
    ({"port_mappings": [{"host_port": 22, "container_port": 22}]},
     "container.network_infos[0].port_mappings[0].host_port: 22 is not among the ports that were offered for it"),
    ({"port_mappings": [{"host_port": 31000, "container_port": 0}]},
     "container.network_infos[0].port_mappings[0].container_port: 0 is not a port"),
    ({"port_mappings": [{"host_port": 31000, "container_port": 80, "protocol": "sctp"}]},
     "container.network_infos[0].port_mappings[0].protocol: 'sctp' is neither tcp nor udp"),
    ({"port_mappings": [{"host_port": 31000, "container_port": 80}] * 2},
     "container.network_infos[0].port_mappings[1].host_port: 31000 is mapped twice"),
    ({"name": "", "port_mappings": [{"host_port": 31000, "container_port": 80}]},
     "container.network_infos[0]: ports are mapped and addresses given on a network with a name"),
    ({"labels": {"labels": [{"key": "bandwidth_in", "value": "fast"}]}},
     "container.network_infos: label 'bandwidth_in': 'fast' is not a number with bit, kbit, mbit or gbit, and at least 8kbit"),
    ({"labels": {"labels": [{"key": "allow", "value": "/db:5432,db"}]}},
     "container.network_infos[0].labels: allow: 'db' is not /NAME:PORT or ADDRESS:PORT"),
]


@pytest.mark.parametrize("info, told", REFUSED, ids=itertools.count())
def test_what_cannot_be_had_is_refused_with_a_sentence(node, info, told):
    task = node.launch(info=info, resources=[PORTS])
    status = node.framework.status(task, "TASK_ERROR")
    assert status["message"] == f"launch task '{task}': {told}"
    assert not node.networks()


def test_a_fixed_address_is_given_once_at_a_time(node):
    info = {"ip_addresses": [{"protocol": "IPv4", "ip_address": "172.29.7.7"}]}
    first, addresses = node.running(info=info)
    assert addresses == ["172.29.7.7", "fd74:6570:7569::707"]
    status = node.framework.status(node.launch(info=info), "TASK_DROPPED")
    assert status["message"].endswith("take address 172.29.7.7: Address already in use")
    node.framework.call("KILL", task_id={"value": first})
    node.framework.status(first, "TASK_KILLED")
    wait_until(lambda: not node.networks(), "its return")
    assert node.running(info=info)[1] == addresses


def test_two_containers_do_not_map_one_port(node):
    def mapped(protocol):
        return {"port_mappings": [{"host_port": 31000, "container_port": 80, "protocol": protocol}]}
    network = {"type": "MESOS", "network_infos": [{"name": "mesos-bridge", **mapped("tcp")}]}
    pod, = groups.launch(node.framework, FOREVER, container=network)
    node.framework.status(pod, "TASK_RUNNING")
    status = node.framework.status(node.launch(info=mapped("tcp"), resources=[PORTS]), "TASK_DROPPED")
    assert "port_mappings[0].host_port: 31000 is that of container" in status["message"]
    other, _ = node.running(info=mapped("udp"), resources=[PORTS])
    infos = node.framework.status(other)["container_status"]["network_infos"]
    assert infos[0]["port_mappings"] == mapped("udp")["port_mappings"] and infos[0]["name"] == "mesos-bridge"
    node.framework.call("KILL", task_id={"value": pod})


@pytest.mark.parametrize("flag, told", [
    ("--bridge_mtu=1279", "use '--bridge_mtu=1279': not 1280 to 65535"),
    ("--bridge=a/b", "use '--bridge=a/b': it cannot be the name of a link"),
    ("--bridge_subnet=10.1.2.3/16", "'10.1.2.3/16' is not a network: it has bits behind its prefix"),
    ("--bridge_subnet=10.0.0.0/31", "'10.0.0.0/31' is not a network of IPv4 with 8 to 30 bits"),
    ("--bridge_subnet6=10.0.0.0/8", "'10.0.0.0/8' is not a network of IPv6 with 8 to 112 bits"),
])
def test_an_agent_with_an_impossible_bridge_does_not_start(flag, told):
    done = subprocess.run([BUILD / "tepui-agent", "--master=127.0.0.1:1", flag], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and told in done.stderr


# ---- the bridge ----

def test_a_bridge_that_somebody_removed_is_made_again(node):
    node.running()
    node.run("ip", "link", "delete", "tepui0")
    task, (address, address6) = node.running(SERVER)
    assert node.run("sh", "-c", asking(address, address6)).count("from") == 2
    assert node.links()[f"tepui-v{address.split('.')[-1]}"]["master"] == "tepui0" and task


def test_a_node_without_ipv6_has_a_bridge_without(node):
    without = ("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
    assert node.running()[1][1].startswith("fd74")
    with contextlib.closing(Node(before=without)) as other:
        assert other.running()[1] == ["172.29.0.2"]
        assert "bridge 'tepui0' has no IPv6, for the node has none" in other.agent.text()


def test_routes_that_the_node_learns_from_routers_stay(node):
    """Forwarding would end that where it is 1."""
    node.run("ip", "link", "add", "learns", "type", "veth", "peer", "name", "router")
    node.run("sysctl", "-qw", "net.ipv6.conf.learns.accept_ra=1", "net.ipv6.conf.all.forwarding=0")
    node.run("ip", "link", "delete", "tepui0", check=False)
    node.running()
    assert node.run("sysctl", "-n", "net.ipv6.conf.all.forwarding", "net.ipv6.conf.learns.accept_ra").split() == ["1", "2"]
    node.run("ip", "link", "delete", "learns")


def test_a_second_agent_of_the_node_leaves_the_networks_to_the_first(node):
    node.running()
    other = node.start_agent("--attributes=second:1", place=node.namespace)

    def dropped():
        offer = node.framework.offer(lambda o: any(a["name"] == "second" for a in o.get("attributes", [])))
        task = node.framework.launch(offer, FOREVER, [scalar("cpus", 0.1), scalar("mem", 32)],
                                     container={"type": "MESOS", "network_infos": [{"name": "bridge"}]})
        return node.framework.status(task, "TASK_DROPPED")["message"]
    try:
        assert "another agent of this node has its networks" in dropped()
        # Nor does it take them over from one that is about to come back.
        node.agent.end(9)
        assert "containers of another agent of this node have its networks" in dropped()
    finally:
        other.end()
        node.agents.remove(other)
        other.remove_cgroups()
    node.agent.start()
    node.agents_are_back()
    assert len(node.links()) == 1


def test_addresses_that_are_used_up_are_told_and_come_back():
    with contextlib.closing(Node("--bridge_subnet=10.9.9.0/29", "--bridge_subnet6=", "--bridge_mtu=9000")) as node:
        tasks = [node.running() for _ in range(5)]
        assert {tuple(addresses) for _, addresses in tasks} == {(f"10.9.9.{i}",) for i in range(2, 7)}
        assert {link["mtu"] for link in node.links().values()} == {9000}
        status = node.framework.status(node.launch(), "TASK_DROPPED")
        assert status["message"].endswith("take an address: all 5 of 10.9.9.0/29 are in use: No space left on device")
        gone, addresses = tasks[2]
        node.framework.call("KILL", task_id={"value": gone})
        node.framework.status(gone, "TASK_KILLED")
        wait_until(lambda: len(node.networks()) == 4, "its return")
        assert node.running()[1] == addresses
