"""Containers on networks that CNI plugins make: Debian's, and hostile ones of the test's own."""
import json

import groups
from cluster import wait_until
from cni_node import CniNode, PORTS, SERVER
from one_node import FOREVER, addresses_of, shared_node


running_node, emptied_node = shared_node(CniNode, "--cni_timeout=10secs")


def test_a_chain_of_debians_plugins(node):
    server, address = node.on("front", SERVER)
    assert address.startswith("10.91.0.") and node.leased("front") == [address]
    assert node.ask(address) == ["hello", "10.91.0.1"]
    client, own = node.on("front", f"echo hello | socat -t5 - TCP:{address}:80,retry=40,interval=0.1; echo end; exec sleep 1000")
    assert own != address
    assert node.output(client).split() == ["hello", own, "end"]
    assert node.run_beside(server, "cat", "/proc/sys/net/core/somaxconn") == "500\n"
    links = json.loads(node.run_beside(server, "ip", "-j", "addr"))
    assert [link["ifname"] for link in links if link["ifname"] == "eth0"] and "UP" in links[0]["flags"]
    node.end(client)
    wait_until(lambda: node.leased("front") == [address], "the end of its lease")


def test_what_is_asked_of_a_network_reaches_the_plugins_that_can(node):
    labels = {"labels": [{"key": "bandwidth_in", "value": "8mbit"}, {"key": "bandwidth_out", "value": "4mbit"},
                         {"key": "mac", "value": "02:00:00:aa:bb:cc"}]}
    task, address = node.on("front", SERVER, resources=[PORTS], info={
        "labels": labels, "ip_addresses": [{"ip_address": "10.91.0.77"}],
        "port_mappings": [{"host_port": 31000, "container_port": 80}, {"host_port": 31001, "container_port": 53, "protocol": "udp"}]})
    assert address == "10.91.0.77"
    link, = [link for link in json.loads(node.run_beside(task, "ip", "-j", "link")) if link["ifname"] == "eth0"]
    assert link["address"] == "02:00:00:aa:bb:cc"
    assert node.ask("10.91.0.1", 31000) == ["hello", "10.91.0.1"]
    rules = node.run("iptables-save", "-t", "nat")
    assert "--dport 31000" in rules and "-p udp" in rules and "10.91.0.77:53" in rules
    limits = node.run("tc", "qdisc", "show")
    assert "rate 8Mbit" in limits and "rate 4Mbit" in limits
    node.end(task)
    wait_until(node.is_empty, "the end of all of it")
    rules = node.run("iptables-save", "-t", "nat")
    assert "31000" not in rules and "10.91.0.77" not in rules


def test_networks_that_are_not_there_are_refused_by_name(node):
    assert "there are in" in node.refused("back") and "front" in node.refused("back")
    message = node.refused("front", ip_addresses=[{"ip_address": "nowhere"}])
    assert "ip_addresses[0]: 'nowhere' is not an address" in message
    assert "label 'allow' is for the bridge" in node.refused("front", labels={"labels": [{"key": "allow", "value": "/db:1"}]})
    # What a plugin that is not there has not made needs nobody to undo it.
    for missing in ({"type": "ptpp"}, {"type": "ptp", "ipam": {"type": "ptpp"}}):
        node.add_network("typo", missing)
        assert "network 'typo': plugin 'ptpp': there is no such program in" in node.refused("typo")
    assert not node.networks()
    node.add_network("plain", {"type": "ptp", "ipam": node.ipam("10.92.0.0/24")})
    message = node.refused("plain", labels={"labels": [{"key": "bandwidth_in", "value": "8mbit"}]})
    assert "give network 'plain' 'bandwidth': none of its plugins has that capability" in message


def test_two_networks_and_names(node):
    node.add_network("side", {"type": "ptp", "ipMasq": False, "ipam": {
        **node.ipam("10.93.0.0/24"), "routes": [{"dst": "10.99.0.0/16"}]},
        "dns": {"nameservers": ["10.93.0.53"], "search": ["side.example"]}})
    task = node.launch("cat /etc/hosts /etc/resolv.conf; echo end; exec sleep 1000", container={
        "hostname": "both", "network_infos": [{"name": "front"}, {"name": "side"}]})
    status = node.framework.status(task, "TASK_RUNNING")
    first, second = status["container_status"]["network_infos"]
    assert (first["name"], second["name"]) == ("front", "side")
    one, other = (info["ip_addresses"][0]["ip_address"] for info in (first, second))
    assert one.startswith("10.91.0.") and other.startswith("10.93.0.")
    lines = node.output(task).splitlines()
    assert f"{one}\tboth" in lines and f"{other}\tboth" in lines
    assert "nameserver 10.93.0.53" in lines and "search side.example" in lines
    names = {link["ifname"] for link in json.loads(node.run_beside(task, "ip", "-j", "link"))}
    assert {"eth0", "eth1"} <= names


def test_single_configurations_as_mesos_documents_them(node):
    (node.configs / "old.conf").write_text(json.dumps(
        {"name": "old", "type": "ptp", "ipMasq": True, "args": {"org.apache.mesos": {"x": 1}}, "ipam": node.ipam("10.94.0.0/24")}))
    _, address = node.on("old", SERVER)
    assert node.ask(address) == ["hello", "10.94.0.1"]


def test_a_network_of_the_outside(node):
    node.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
    node.run("sh", "-c", "ip link set up0 up; ip link set up1 up; ip addr add 10.95.0.1/24 dev up1")
    try:
        node.add_network("outside", {"type": "macvlan", "master": "up0", "ipam": node.ipam("10.95.0.0/24", ranges=[[
            {"subnet": "10.95.0.0/24", "rangeStart": "10.95.0.10"}]])})
        task, address = node.on("outside", SERVER)
        assert node.ask(address) == ["hello", "10.95.0.1"]
        node.end(task)
        message = node.refused("outside", port_mappings=[{"host_port": 31008, "container_port": 80}])
        assert "give network 'outside' 'portMappings': none of its plugins has that capability" in message
    finally:
        node.run("ip", "link", "delete", "up0")


def test_an_exhausted_range_is_told_by_its_plugin(node):
    node.add_network("small", {"type": "ptp", "ipam": node.ipam("10.96.0.0/30")})
    node.on("small")
    message = node.refused("small")
    assert "network 'small': ADD by plugin 'ptp':" in message and "no IP addresses available" in message
    assert len(node.leased("small")) == 1


def test_members_of_a_pod_are_on_the_networks_of_its_holder(node):
    ids = groups.launch(node.framework, *2 * [f"ip -j addr show eth0; cat /etc/hosts; {FOREVER}"],
                        container={"type": "MESOS", "network_infos": [{"name": "front"}]})
    (address,), other = (addresses_of(node.framework.status(i, "TASK_RUNNING")) for i in ids)
    assert other == [address] and node.leased() == [address]
    for i in ids:
        text = wait_until(lambda i=i: "\n" in groups.read(node.agent, i) and groups.read(node.agent, i), "its network")
        assert address in [a["local"] for a in json.loads(text.splitlines()[0])[0]["addr_info"]] and f"{address}\t" in text
    for i in ids:
        node.framework.call("KILL", task_id={"value": i})


def test_an_app_of_marathon(node):
    node.framework.stand_aside()
    try:
        node.deploy({
            "id": "/web", "cmd": SERVER, "cpus": 0.1, "mem": 32, "instances": 2, "networks": [{"name": "front", "mode": "container"}],
            "container": {"type": "MESOS", "portMappings": [{"containerPort": 80, "hostPort": 0, "name": "http"}]},
            "healthChecks": [{"protocol": "MESOS_TCP", "portIndex": 0, "intervalSeconds": 1, "delaySeconds": 0}]})
        tasks = node.tasks("/web")
        addresses = [a["ipAddress"] for t in tasks for a in t["ipAddresses"]]
        assert sorted(addresses) == node.leased("front") and len(set(addresses)) == 2
        assert all(r["alive"] for t in tasks for r in t["healthCheckResults"])
        for task in tasks:
            assert node.ask(task["ipAddresses"][0]["ipAddress"]) == ["hello", "10.91.0.1"]
            assert node.ask("10.91.0.1", task["ports"][0]) == ["hello", "10.91.0.1"]
        node.remove("/web")
    finally:
        node.framework.call("REVIVE")
