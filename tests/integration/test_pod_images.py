"""Images of members of task groups and of nested containers: each has a root, users and limits of its own."""
import subprocess

import pytest

from cluster import Cluster, wait_until
from groups import FOREVER, SHARED, launch, member, read
from images import Layout, Store, busybox, entry

FIRST = 1600000000
PARENT = {"id": "/parent", "cmd": "exec sleep 1000", "cpus": 0.1, "mem": 128, "instances": 1}


@pytest.fixture(name="cluster", scope="module")
def cluster_with_images(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("images")
    if subprocess.run(["stat", "-fc", "%T", tmp], capture_output=True, text=True, check=True).stdout.strip() == \
            "overlayfs":
        pytest.skip("an overlay on an overlay")
    store = Store(tmp / "store")
    for name in ("red", "blue"):
        Layout(tmp / name).image([busybox(entry("etc/color", data=name.encode() + b"\n"))], {"Env": [f"COLOR={name}"]})
        store.add(f"oci:{tmp}/{name}", name=name)
    cluster = Cluster("podimages")
    try:
        cluster.start_master()
        cluster.start_agent(f"--image_store={store.path}", f"--user_ids={FIRST}-{FIRST + 4 * 65536 - 1}")
        yield cluster
    finally:
        cluster.close()


def image(name, volumes=(), **linux):
    return {"type": "MESOS", "volumes": list(volumes), "mesos": {"image": {"type": "DOCKER", "docker": {"name": name}}},
            **({"linux_info": linux} if linux else {})}


def of_image(name, script, **more):
    return lambda offer: member(offer, script, container=image(name), **more)


LOOK = "cat /etc/color; echo $COLOR; id -u; cat /proc/self/uid_map; touch /made; ls / | sort; echo end; " + FOREVER


def test_each_member_has_the_root_the_users_and_the_environment_of_its_image(framework, agent):
    ids = launch(framework, tasks=lambda offer: [of_image("red", LOOK)(offer), of_image("blue", LOOK)(offer),
                                                 member(offer, f"ls -d /made; id -un; echo end; {FOREVER}")])
    for i in ids:
        framework.status(i, "TASK_RUNNING")
    wait_until(lambda: all("end" in read(agent, i) for i in ids), "all have looked")
    red, blue, plain = (read(agent, i).split() for i in ids)
    assert (red[:3], blue[:3]) == (["red", "red", "0"], ["blue", "blue", "0"])
    assert (red[3], red[5]) == (blue[3], blue[5]) == ("0", "65536") and red[4] != blue[4]
    assert {int(red[4]), int(blue[4])} <= {FIRST + i * 65536 for i in range(4)}
    assert "made" in red and "made" in blue and plain == ["nobody", "end"]


def test_what_one_writes_into_its_root_no_other_of_the_same_image_has(framework, agent):
    wait = "while [ ! -e shared/there ]; do sleep 0.02; done; ls /made; echo end; "
    ids = launch(framework, tasks=lambda offer: [
        member(offer, f"touch /made shared/there; {FOREVER}", container=image("red", [SHARED])),
        member(offer, wait + FOREVER, container=image("red", [SHARED]))])
    framework.status(ids[0], "TASK_RUNNING")
    wait_until(lambda: read(agent, ids[1]) == "end\n", "it has not seen it")


def test_each_is_ended_by_its_own_limit(framework):
    ids = launch(framework, tasks=lambda offer: [
        of_image("red", "x=xxxxxxxx; while :; do x=$x$x; done", mem=32)(offer), of_image("blue", FOREVER, mem=256)(offer)])
    end = framework.status(ids[0], "TASK_FAILED")
    assert end["reason"] == "REASON_CONTAINER_LIMITATION_MEMORY"
    assert end["message"].startswith("Memory limit exceeded: Requested: 32MB")
    framework.status(ids[1], "TASK_KILLED")


def test_an_image_that_is_not_there_is_told_and_none_is_launched(framework, agent):
    ids = launch(framework, tasks=lambda offer: [of_image("green", FOREVER)(offer), of_image("red", FOREVER)(offer)])
    for i in ids:
        assert "container.mesos.image: " in framework.status(i, "TASK_ERROR", "TASK_DROPPED")["message"]
    assert not agent.container_cgroups()


def test_the_users_of_an_image_are_not_among_the_processes_of_others(framework):
    """A namespace of users may mount no /proc of pids that are not its own."""
    ids = launch(framework, tasks=lambda offer: [
        member(offer, FOREVER), member(offer, FOREVER, container=image("red", share_pid_namespace=True))])
    for i in ids:
        end = framework.status(i, "TASK_ERROR")
        assert "container.linux_info.share_pid_namespace: not with an image" in end["message"]


def test_a_nested_container_has_an_image_and_leaves_nothing_of_it(cluster, agent):
    def call(kind, **body):
        return agent.call("POST", "/api/v1", {"type": kind, kind.lower(): body}, {"Content-Type": "application/json"})
    cluster.deploy(PARENT)
    parent = agent.container_of(cluster.tasks("/parent")[0]["id"])["container_id"]
    me = {"value": "inner", "parent": {"value": parent}}
    answer = call("LAUNCH_CONTAINER", container_id=me, container=image("blue"),
                  command={"value": "cat /etc/color; touch /made; id -u"})
    assert answer.status == 200, answer.body
    assert call("WAIT_CONTAINER", container_id=me).json["wait_container"]["state"] == "TASK_FINISHED"
    text = agent.call("GET", f"/files/download?path=/sandboxes/{parent}.inner/stdout").body.decode()
    assert text == "blue\n0\n"
    assert call("REMOVE_CONTAINER", container_id=me).status == 200
    wait_until(lambda: not list((agent.work_dir / "containers").glob("*.inner*")), "its root is gone")
    cluster.remove("/parent")


def test_ids_are_given_back_and_used_again(framework, agent):
    """As many groups one after the other as there are ids for at once, and one more."""
    for _ in range(5):
        one, = launch(framework, tasks=lambda offer: [of_image("red", "exit 0")(offer)])
        framework.status(one, "TASK_FINISHED")
    wait_until(lambda: not list((agent.work_dir / "trash").iterdir()), "their roots to be removed")
