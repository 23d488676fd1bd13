"""Volumes of tasks: parts of the host that the agent gives, parts of the sandbox."""
import itertools
import os
import subprocess

import pytest

from cluster import SLOW, Cluster, wait_until

numbers = itertools.count()


@pytest.fixture(name="cluster", scope="module")
def running_cluster():
    cluster = Cluster("volumes")
    given = cluster.directory / "given"
    try:
        cluster.directory.chmod(0o755)
        for name in ("open", "tenant", "below/deep"):
            (given / name).mkdir(parents=True)
        (given / "open").chmod(0o777)
        (given / "open" / "hello").write_text("from the host\n")
        (given / "tenant" / "out").symlink_to("/etc")
        (given / "tenant" / "up").symlink_to("../../secret")
        (given / "tenant" / "near").symlink_to("../open")
        (cluster.directory / "secret").mkdir()
        (cluster.directory / "secret" / "key").write_text("secret")
        cluster.start_master()
        cluster.start_agent(f"--host_path_volumes={given}")
        yield cluster
    finally:
        cluster.close()


def volume(host, container, mode="RW"):
    return {"hostPath": str(host), "containerPath": container, "mode": mode}


@pytest.fixture(name="start")
def start_app(cluster):
    started = []

    def start(command, *volumes):
        app_id = f"/v{next(numbers)}"
        started.append(app_id)
        cluster.deploy({"id": app_id, "cmd": command + "; exec sleep 1000", "cpus": 0.1, "mem": 64, "instances": 1,
                        "container": {"type": "MESOS", "volumes": list(volumes)}})
        container = wait_until(lambda: cluster.agents[0].container_of(cluster.tasks(app_id)[0]["id"]), "the container")
        return container["tepui"]["sandbox"]
    yield start
    for app_id in started:
        cluster.call("DELETE", f"/v2/apps{app_id}?force=true")
        wait_until(lambda app_id=app_id: cluster.app(app_id) is None, f"the end of {app_id}")


def output(sandbox, last="end"):
    def whole():
        with open(os.path.join(sandbox, "stdout"), encoding="utf-8") as file:
            text = file.read()
        return text if text.endswith(f"{last}\n") else None
    return wait_until(whole, "the output")


def test_host_path_can_be_written_where_that_was_asked(cluster, start):
    given = cluster.directory / "given" / "open"
    sandbox = start("cat data/hello; echo from the task > data/reply; echo end", volume(given, "data"))
    assert output(sandbox) == "from the host\nend\n"
    assert (given / "reply").read_text() == "from the task\n"
    assert (given / "reply").owner() == "nobody"


def test_read_only_holds_for_what_is_mounted_below(cluster, start):
    given = cluster.directory / "given"
    below = given / "below" / "deep"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "tepui-test", below], check=True)
    try:
        sandbox = start("touch data/x data/below/deep/x data/open/x 2> errors; grep -c 'Read-only' errors; echo end",
                        volume(given, "data", "RO"))
        assert output(sandbox) == "3\nend\n"
    finally:
        subprocess.run(["umount", "-l", below], check=True)


def test_no_set_user_id_and_no_devices(cluster, start):
    given = cluster.directory / "given" / "open"
    sandbox = start("grep ' /mnt/mesos/sandbox/data ' /proc/self/mountinfo | cut -d' ' -f6; echo end",
                    volume(given, "data"))
    assert {"nosuid", "nodev"} <= set(output(sandbox).split("\n")[0].split(","))


def test_part_of_the_sandbox_elsewhere(start):
    sandbox = start("echo one > /opt/x; cat parts/deep/x; echo end", volume("parts/deep", "/opt"))
    assert output(sandbox) == "one\nend\n"
    assert os.stat(os.path.join(sandbox, "parts")).st_uid == os.stat(sandbox).st_uid


def failure(cluster, *volumes):
    app_id = f"/f{next(numbers)}"
    answer = cluster.call("POST", "/v2/apps", {
        "id": app_id, "cmd": "cat data/key data/passwd", "cpus": 0.1, "mem": 64, "instances": 1,
        "container": {"type": "MESOS", "volumes": list(volumes)}})
    assert answer.status == 201, answer.body
    try:
        return wait_until(lambda: cluster.app(app_id).get("lastTaskFailure"), "its failure")["message"]
    finally:
        cluster.call("DELETE", f"/v2/apps{app_id}?force=true")
        wait_until(lambda: cluster.app(app_id) is None, f"the end of {app_id}")


@pytest.mark.parametrize("path, words", [
    ("/", "not a path without"),
    ("/etc", "this agent gives '/etc' to no task"),
    ("{given}x", "to no task"),
    ("{given}/../secret", "not a path without"),
    ("{given}/tenant/out", "beneath"),
    ("{given}/tenant/up", "beneath"),
    ("{given}/missing", "No such file or directory"),
    ("../x", "is not a path in the sandbox"),
])
def test_paths_that_lead_elsewhere_are_refused(cluster, path, words):
    path = path.replace("{given}", str(cluster.directory / "given"))
    assert words in failure(cluster, volume(path, "data"))


def test_link_that_stays_beneath_is_followed(cluster, start):
    sandbox = start("cat data/hello; echo end", volume(cluster.directory / "given" / "tenant" / "near", "data"))
    assert output(sandbox) == "from the host\nend\n"


@pytest.mark.parametrize("place", ["/proc/x", "/sys/x", "/dev/null", "/dev", "/"])
def test_places_of_the_kernel_are_refused(cluster, place):
    message = failure(cluster, volume(cluster.directory / "given" / "open", place))
    assert "container_path" in message or "mounts[0]" in message


def test_agent_without_the_flag_gives_nothing():
    cluster = Cluster("novolumes")
    try:
        cluster.start_master()
        cluster.start_agent()
        assert "to no task" in failure(cluster, volume("/srv", "data"))
    finally:
        cluster.close()


@pytest.mark.parametrize("value", ["srv", "/srv/", "/srv/../etc", "/a:b"])
def test_flag_that_is_wrong_is_told(cluster, value):
    agent = cluster.agents[0]
    argv = [a for a in agent.argv if not a.startswith("--host_path_volumes")]
    done = subprocess.run([*argv, f"--host_path_volumes={value}"], capture_output=True, text=True, check=False,
                          timeout=30 * SLOW)
    assert done.returncode == 1 and "--host_path_volumes" in done.stderr


@pytest.mark.parametrize("bad, path", [
    ({"containerPath": "x", "mode": "RW", "persistent": {"size": 1}}, "/role"),
    ({"containerPath": "x", "mode": "RW", "external": {"name": "n"}}, "/container/volumes(0)"),
    ({"containerPath": "x", "mode": "RW"}, "/container/volumes(0)"),
])
def test_definitions_that_cannot_be_honoured(cluster, bad, path):
    answer = cluster.call("POST", "/v2/apps", {"id": "/bad", "cmd": "x", "container": {
        "type": "MESOS", "volumes": [bad]}})
    assert answer.status == 422
    assert answer.json["details"][0]["path"] == path


@pytest.mark.parametrize("bad", [{"containerPath": "x", "hostPath": "/y"}, {"hostPath": "/y", "mode": "RO"},
                                 {"containerPath": "x", "hostPath": "/y", "mode": "rw"}])
def test_definitions_that_are_malformed(cluster, bad):
    answer = cluster.call("POST", "/v2/apps", {"id": "/bad", "cmd": "x", "container": {
        "type": "MESOS", "volumes": [bad]}})
    assert answer.status in (400, 422)
