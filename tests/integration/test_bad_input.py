"""What is wrong is refused in one sentence that names the object; nothing is lost, started or left."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

from cluster import BUILD, SLOW, Daemon, free_port, wait_until
from test_story import running, sleeper


def run_daemon(argv, **more):
    """Start a daemon that must refuse: its exit status and its lines."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=60 * SLOW, check=False, **more)
    return done.returncode, done.stderr.strip().splitlines()


@pytest.mark.parametrize("body, status, fragment", [
    (b"{", 400, "Invalid JSON"),
    (b"[]", 400, ""),
    (b'{"id":"/x","cmd":"true","instances":"3"}', 422, "/instances"),
    (b'{"id":"/x","cmd":"true","cpus":-1}', 422, "/cpus"),
    (b'{"id":"/UPPER","cmd":"true"}', 422, "/id"),
    (b'{"id":"/x"}', 422, "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'."),
    (b'{"id":"/x","cmd":"true","healthChecks":[{"protocol":"SMTP"}]}', 422, "/healthChecks"),
    (b'{"id":"/x","cmd":"true","constraints":[["hostname","NEAR"]]}', 422, "operator must be one of"),
])
def test_malformed_apps(node, body, status, fragment):
    answer = node.call("POST", "/v2/apps", body, {"Content-Type": "application/json"})
    assert (answer.status, fragment in answer.body.decode()) == (status, True), answer.body
    assert node.call("GET", "/v2/apps").json == {"apps": []}


def test_unknown_things(node):
    assert node.call("GET", "/v2/apps/nosuch").json == {"message": "App '/nosuch' does not exist"}
    assert node.call("GET", "/v2/nosuch").status == 404
    assert node.call("PATCH", "/v2/tasks").status == 405
    assert node.call("GET", "/v2/apps?label=a%20b%20c").status == 422
    assert node.call("GET", "/v2/apps/%zz").status == 400


def test_a_request_cut_in_half_changes_nothing(node):
    with socket.create_connection(("127.0.0.1", node.master_port)) as s:
        s.sendall(b'POST /v2/apps HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{"id":"/half","cmd":"true"')
    with socket.create_connection(("127.0.0.1", node.master_port)) as s:
        s.sendall(b"POST /v2/apps HT")
    assert node.call("GET", "/v2/apps").json == {"apps": []}


def test_a_body_over_the_limit_is_413(node):
    answer = node.call("POST", "/v2/apps", b'{"id":"/big","cmd":"' + b"x" * (1 << 20) + b'"}')
    assert answer.status == 413
    assert node.master.is_alive()


def test_a_second_agent_with_the_same_id_is_refused_and_the_first_is_undisturbed(node):
    node.deploy(sleeper())
    first = node.agents[0]
    second = node.start_agent(wait=False)
    wait_until(lambda: node.active_agents() == 2, "the second agent registers")
    second.end()
    # The state of the first, as a cloned machine would have it.
    for name in os.listdir(first.work_dir):
        source = first.work_dir / name
        if source.is_file() and ".db" in name and not name.endswith(".lock"):
            (second.work_dir / name).write_bytes(source.read_bytes())
    for task in [t for t in node.tasks("/sleeper")]:
        pid = node.tepui("task", "pid", task["id"])
    second.start()
    wait_until(lambda: not second.is_alive(), "the second agent gives up")
    assert second.process.returncode == 1
    assert "agent id" in second.text().splitlines()[-1]
    assert node.tepui("task", "pid", task["id"]) == pid
    assert node.app("/sleeper")["tasksRunning"] == 1


def test_the_same_work_dir_twice(node):
    status, lines = run_daemon([BUILD / "tepui-master", f"--work_dir={node.directory / 'master'}",
                                "--listen=127.0.0.1:0"])
    assert status == 1 and len(lines) == 1
    assert str(node.directory / "master") in lines[0]


def test_a_port_in_use(node):
    status, lines = run_daemon([BUILD / "tepui-master", f"--work_dir={node.directory / 'other'}",
                                f"--listen={node.master_address}"])
    assert status == 1 and len(lines) == 1
    assert node.master_address in lines[0]


def test_not_being_root(node, tmp_path):
    status, lines = run_daemon(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                BUILD / "tepui-agent", f"--master={node.master_address}",
                                f"--work_dir={tmp_path}", "--listen=127.0.0.1:0"])
    assert status == 1 and len(lines) == 1
    assert "root" in lines[0]


@pytest.mark.parametrize("flag", ["--nosuch", "--offer_timeout=soon", "--work_dir="])
def test_a_wrong_flag(tmp_path, flag):
    status, lines = run_daemon([BUILD / "tepui-master", f"--work_dir={tmp_path}", "--listen=127.0.0.1:0", flag])
    assert status != 0 and len(lines) == 1
    assert flag.split("=")[0].lstrip("-") in lines[0]


def flipped(content):
    return bytes(byte ^ 0x55 if i % 97 == 0 else byte for i, byte in enumerate(content))


DAMAGES = {"garbage": lambda content: b"not a database" * 1000, "truncated": lambda content: content[:len(content) // 2],
           "empty": lambda content: b"", "flipped": flipped}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("daemon", ["master", "agent"])
def test_a_corrupt_state_file_never_stops_a_start_and_costs_no_task(node, daemon, damage):
    """In its first run already: it is set aside, told, and replaced by the backup; the tasks go on."""
    node.deploy(sleeper(instances=2))
    pids = running(node, "/sleeper")
    victim = node.master if daemon == "master" else node.agents[0]
    directory = node.directory / "master" if daemon == "master" else node.agents[0].work_dir
    deployed = time.time()
    (state,) = directory.glob("*.db")
    backup = directory / f"{state.name}.backup"
    wait_until(lambda: backup.exists() and backup.stat().st_mtime > deployed - 0.1, "a backup of what is there")
    victim.end(signal.SIGKILL)
    for file in [state, *directory.glob("*.db-wal")]:
        file.write_bytes(DAMAGES[damage](file.read_bytes()))
    victim.start()
    wait_until(lambda: victim.is_alive() and (daemon == "agent" or node.answers_ping()) and node.active_agents() == 1,
               "the start")
    wait_until(lambda: (node.app("/sleeper") or {}).get("tasksRunning") == 2, "two instances run", 60)
    assert running(node, "/sleeper") == pids


def test_a_full_disk_in_the_state_directory_loses_nothing(node):
    """A small tmpfs, filled to the brim: writes are refused with 507, and work again when there is room."""
    directory = node.directory / "full"
    directory.mkdir()
    size = "4m"
    # In a mount namespace of its own, so that no mount of ours is seen outside.
    port = free_port()
    script = (f"mount -t tmpfs -o size={size} full {directory} && "
              f"exec {BUILD}/tepui-master --work_dir={directory}/master --listen=127.0.0.1:{port}")
    daemon = Daemon("full", ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
                    node.directory / "full.log").start()
    node.daemons.append(daemon)
    wait_until(lambda: answers(node, port), "the master on the small disk answers")
    assert node.call("POST", "/v2/apps", sleeper("/before"), port=port).status == 201
    inside = pathlib.Path(f"/proc/{daemon.pid}/root{directory}")
    with open(inside / "ballast", "wb") as ballast:
        with pytest.raises(OSError):
            while True:
                ballast.write(b"x" * 65536)
                ballast.flush()
    def seen():
        return [node.call("GET", path, port=port).json for path in ("/v2/apps", "/v2/deployments")]
    before = seen()
    for method, path, body in [("POST", "/v2/apps", sleeper("/during")),
                               ("PUT", "/v2/apps/before", {"instances": 7, "env": {"COLOR": "green"}}),
                               ("PUT", "/v2/apps", [sleeper("/during"), sleeper("/before", instances=7)]),
                               ("POST", "/v2/apps/before/restart", None),
                               ("DELETE", "/v2/apps/before", None)]:
        refused = node.call(method, path, body, port=port)
        assert refused.status == 507, (method, path, refused.body)
        # Nothing of it is seen by those who read, then or later.
        assert seen() == before
    assert daemon.is_alive()
    (inside / "ballast").unlink()
    wait_until(lambda: node.call("POST", "/v2/apps", sleeper("/after"), port=port).status == 201,
               "writes work again")
    ids = {a["id"] for a in node.call("GET", "/v2/apps", port=port).json["apps"]}
    assert ids == {"/before", "/after"}
    assert node.call("GET", "/v2/apps/before", port=port).json["app"]["version"] == before[0]["apps"][0]["version"]


def test_a_node_with_a_full_disk_is_offered_nothing_and_says_so(cluster):
    """An end that cannot be written: the node tells the master, gets no task meanwhile, and recovers."""
    cluster.start_master()
    directory = cluster.directory / "agent0"
    directory.mkdir()
    agent = cluster.start_agent(before=(
        "unshare", "--mount", "--propagation", "private", "sh", "-c",
        f'mount -t tmpfs -o size=8m full {directory} && exec "$@"', "sh"))
    cluster.deploy(sleeper(instances=2))
    inside = pathlib.Path(f"/proc/{agent.pid}/root{directory}")
    with open(inside / "ballast", "wb") as ballast:
        with pytest.raises(OSError):
            while True:
                ballast.write(b"x" * 65536)
                ballast.flush()
    os.kill(int(min(running(cluster, "/sleeper").values())), signal.SIGKILL)
    wait_until(lambda: "cannot write its state" in cluster.tepui("node", "list"), "the node is degraded")
    assert re.search(r" degraded +\S+ +\S+ ", cluster.tepui("node", "list"))
    assert "gets no tasks: the agent cannot write its state below" in cluster.tepui("node", "show")
    assert "cannot write" in cluster.call("GET", "/state", port=agent.port).json["degraded"]
    assert cluster.call("GET", "/metrics/snapshot", port=agent.port).json["tepui/is_degraded"] == 1
    assert not cluster.call("GET", "/state").json["frameworks"][0]["offers"]
    (inside / "ballast").unlink()
    wait_until(lambda: "degraded" not in cluster.tepui("node", "list"), "the node is well")
    wait_until(lambda: (cluster.app("/sleeper") or {}).get("tasksRunning") == 2, "two instances run", 60)
    assert "degraded" not in cluster.call("GET", "/state", port=agent.port).json


def answers(node, port):
    try:
        return node.call("GET", "/ping", port=port).status == 200
    except OSError:
        return False
