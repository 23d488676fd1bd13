"""CNI plugins that fail, and processes that are killed while plugins are at work: no address is lost."""
import os
import signal

import pytest

from cluster import wait_until
from cni_node import DEBIAN, CniNode
from one_node import shared_node
from test_network_faults import ENDED, restart, state

# Plugins of one verb; for the others they pass on what they are given.
PASS = 'case $CNI_COMMAND in ADD) sed \'s/.*"prevResult":\\(.*\\)}$/\\1/\';; esac'


running_node, emptied_node = shared_node(CniNode, "--cni_timeout=2secs")


def add_chain(node, name, *types):
    """ptp with leases, and after it others."""
    node.add_network(name, {"type": "ptp", "ipMasq": False, "ipam": node.ipam("10.97.0.0/24")},
                     *({"type": type_} for type_ in types))


def wait_empty(node):
    wait_until(node.is_empty, lambda: f"an empty node, not {node.networks()} {node.leased()}")


# ---- plugins that misbehave ----

@pytest.mark.parametrize("body,why", [
    ("exec sleep 1000", "it was not done in time and was killed"),
    ("kill -9 $$", "it was killed by signal 9"),
    ("echo 'no such\ndevice' >&2; exit 3", "it exited with status 3; it said: no such device"),
    ("echo nonsense", "what it printed is not JSON"),
    ("yes", "it printed more than 1048576 bytes"),
    ("echo '{\"cniVersion\": \"0.4.0\"}'", "its result: of version '0.4.0', where '1.0.0' was asked for"),
    ("echo '{\"cniVersion\": \"1.0.0\", \"ips\": [{\"address\": \"10.0.0.256/8\"}]}'",
     "its result: ips[0]: '10.0.0.256/8' is not an address"),
    ("echo '{\"cniVersion\": \"1.0.0\", \"interfaces\": [{\"name\": \"a/../b\"}]}'",
     "its result: interfaces[0]: 'a/../b' is not the name of an interface"),
])
def test_a_plugin_that_misbehaves_is_told_and_the_others_are_undone(node, body, why):
    node.add_plugin("bad", f"[ $CNI_COMMAND = ADD ] || exit 0\n{body}")
    add_chain(node, "chain", "bad")
    message = node.refused("chain")
    assert f"network 'chain': ADD by plugin 'bad': {why}" in message
    wait_empty(node)


def test_what_cannot_be_undone_is_tried_until_it_can(node):
    node.add_plugin("stuck", f"[ $CNI_COMMAND != DEL ] || [ -e {node.root}/free ] || {{ echo busy >&2; exit 1; }}\n{PASS}")
    add_chain(node, "chain", "stuck")
    task, _ = node.on("chain")
    node.end(task)
    row = wait_until(lambda: [r for r in node.networks() if "failure" in r], "the failure")[0]
    assert row["is_leaving"] and "network 'chain': DEL by plugin 'stuck': it exited with status 1; it said: busy" in row["failure"]
    # The others have been undone meanwhile, and the agent that comes next goes on with it.
    assert not node.leased("chain")
    node.agent.end(signal.SIGKILL)
    restart(node)
    assert node.networks()[0]["is_leaving"]
    (node.root / "free").touch()
    wait_empty(node)


def test_plugins_have_time_to_undo_what_they_did_before_a_kill_is_overdue(node):
    node.add_plugin("slow", f"[ $CNI_COMMAND != DEL ] || sleep 1.3\n{PASS}")
    add_chain(node, "chain", "slow")
    task, _ = node.on("chain")
    assert node.end(task, grace_seconds=0)["message"] == "Command terminated with signal Killed"


def test_what_is_not_as_it_was_left_is_told_after_a_restart(node):
    node.add_plugin("checker", f"[ $CNI_COMMAND != CHECK ] || {{ echo '{{\"code\": 100, \"msg\": \"the link is gone\"}}'; exit 1; }}\n{PASS}")
    add_chain(node, "chain", "checker")
    bad, _ = node.on("chain")
    add_chain(node, "chain")
    good, _ = node.on("chain")
    node.agent.end(signal.SIGKILL)
    restart(node)
    rows = wait_until(lambda: any("failure" in r for r in node.networks()) and node.networks(), "the failure")
    failures = {row["executor_id"]: row.get("failure") for row in rows}
    assert failures == {bad: "network 'chain': CHECK by plugin 'checker': the link is gone (code 100)", good: None}
    assert "the link is gone" in node.agent.text() and "the link is gone" in node.tepui("node", "show", "127.0.0.1")
    assert state(node, bad) == state(node, good) == "TASK_RUNNING"


def test_plugins_need_not_know_the_version_of_the_list(node):
    node.add_network("new", {"type": "ptp", "ipam": node.ipam("10.98.0.0/24")}, version="1.1.0")
    _, address = node.on("new")
    assert address.startswith("10.98.0.")


def test_plugins_that_do_not_know_the_version_of_the_list_are_undone(node):
    node.add_plugin("bad", """case $CNI_COMMAND in
        VERSION) echo '{"supportedVersions": ["1.0.0"]}' ;;
        ADD) exit 3 ;;
    esac""")
    node.add_network("new", {"type": "ptp", "ipam": node.ipam("10.98.0.0/24")}, {"type": "bad"}, version="1.1.0")
    assert "ADD by plugin 'bad': it exited with status 3" in node.refused("new")
    wait_empty(node)


# ---- processes that are killed ----

def test_a_supervisor_is_killed(node):
    task, address = node.on("front")
    os.kill(node.agent.container_of(task)["status"]["executor_pid"], signal.SIGKILL)
    node.framework.status(task, "TASK_FAILED")
    wait_empty(node)


def test_what_ends_while_the_agent_is_away_is_undone(node):
    task, _ = node.on("front")
    supervisor = node.agent.container_of(task)["status"]["executor_pid"]
    node.agent.end(signal.SIGKILL)
    os.kill(supervisor, signal.SIGKILL)
    restart(node)
    wait_until(lambda: state(node, task) in ENDED, "its end")
    wait_empty(node)


@pytest.mark.parametrize("kills_agent", [False, True])
@pytest.mark.parametrize("types", [("killer",), ("pass", "killer"), ("killer", "pass")])
def test_supervisor_and_agent_are_killed_between_plugins(node, types, kills_agent):
    # The supervisor last: it takes the plugin along.
    victims = f"{node.agent.pid if kills_agent else ''} $PPID"
    node.add_plugin("killer", f"[ $CNI_COMMAND != ADD ] || kill -9 {victims}\n{PASS}")
    node.add_plugin("pass", PASS)
    add_chain(node, "chain", *types)
    task = node.launch(info={"name": "chain"})
    if kills_agent:
        restart(node)
    wait_until(lambda: state(node, task) in ENDED, "its end")
    wait_empty(node)


@pytest.mark.parametrize("kills_agent", [False, True])
def test_a_lease_that_is_given_after_its_supervisor_was_killed_is_freed(node, kills_agent):
    """The plugin that gives addresses is a grandchild: it outlives the supervisor, and DEL waits for it."""
    given = node.root / "given"
    given.unlink(missing_ok=True)
    node.add_plugin("late", f'''[ $CNI_COMMAND = ADD ] || exec {DEBIAN}/host-local
        read -r _ _ _ supervisor _ </proc/$PPID/stat
        kill -9 {node.agent.pid if kills_agent else ''} $supervisor
        sleep 0.5
        {DEBIAN}/host-local
        touch {given}''')
    node.add_network("late", {"type": "ptp", "ipam": {**node.ipam("10.99.0.0/24"), "type": "late"}})
    task = node.launch(info={"name": "late"})
    if kills_agent:
        restart(node)
    wait_until(lambda: state(node, task) in ENDED, "its end")
    wait_until(given.exists, "the lease")
    wait_empty(node)


def test_an_agent_that_is_killed_disturbs_no_plugin(node):
    node.add_plugin("slow", f"[ $CNI_COMMAND != ADD ] || {{ touch {node.root}/begun; while [ ! -e {node.root}/go ]; do sleep 0.05; done; }}\n{PASS}")
    add_chain(node, "chain", "slow")
    task = node.launch(info={"name": "chain"})
    wait_until((node.root / "begun").exists, "the plugin")
    node.agent.end(signal.SIGKILL)
    node.agent.start()
    wait_until(lambda: "recovered" in node.agent.text().rsplit("CNI networks:", 1)[1], "the next agent")
    (node.root / "go").touch()
    status = node.framework.status(task, "TASK_RUNNING", *ENDED)
    assert status["state"] == "TASK_RUNNING", status
    # What was not there yet could not be checked.
    assert "failure" not in node.networks()[0]
