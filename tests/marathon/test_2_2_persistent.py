"""reference/marathon.md 1.2-1.4, 2.2, 3: apps with persistent volumes, and what their tasks come back to."""
import pytest

from cluster import wait_until

pytestmark = pytest.mark.row("2.2")

DISK = {"containerPath": "data", "persistent": {"size": 16}}


def container(*volumes):
    return {"type": "MESOS", "volumes": list(volumes)}


@pytest.fixture(name="db")
def resident(app):
    def make(**fields):
        return app("/data/db", **{"role": "data", "container": container(DISK), "taskKillGracePeriodSeconds": 1, **fields})
    return make


def errors_of(answer):
    assert (answer.status, answer.json["message"]) == (422, "Object is not valid"), answer.body
    return {detail["path"]: detail["errors"] for detail in answer.json["details"]}


def running(cluster, n=1):
    def find():
        tasks = [t for t in cluster.call("GET", "/v2/apps/data/db/tasks").json.get("tasks", ())
                 if t["state"] == "TASK_RUNNING"]
        return tasks if len(tasks) == n else None
    return wait_until(find, f"{n} running tasks", 60)


def start(cluster, definition):
    answer = cluster.call("POST", "/v2/apps", definition)
    assert answer.status == 201, answer.body
    cluster.wait_deployment(answer.headers["Marathon-Deployment-Id"])
    return running(cluster, definition.get("instances", 1))


def reserved(cluster):
    return cluster.call("GET", "/slaves").json["slaves"][0]["reserved_resources"].get("data", {})


@pytest.fixture(autouse=True)
def nothing_is_left(marathon):
    yield
    for app in marathon.call("GET", "/v2/apps").json["apps"]:
        marathon.call("DELETE", f"/v2/apps{app['id']}?force=true")
    wait_until(lambda: not any(reserved(marathon).values()), "the release of all that was reserved", 60)


def test_defaults(marathon, db):
    start(marathon, db())
    shown = marathon.call("GET", "/v2/apps/data/db").json["app"]
    assert shown["upgradeStrategy"] == {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0}
    assert shown["unreachableStrategy"] == "disabled"
    assert shown["residency"] == {"taskLostBehavior": "WAIT_FOREVER", "relaunchEscalationTimeoutSeconds": 3600}
    assert shown["container"]["volumes"] == [
        {"containerPath": "data", "mode": "RW", "persistent": {"type": "root", "size": 16}}]


def test_local_volumes_of_a_task(marathon, db):
    task = start(marathon, db())[0]
    volume, = task["localVolumes"]
    assert set(volume) == {"runSpecId", "containerPath", "uuid", "persistenceId"}
    assert (volume["runSpecId"], volume["containerPath"]) == ("/data/db", "data")
    assert volume["persistenceId"] == f"data_db#data#{volume['uuid']}"


def test_labels_of_the_reservation_are_marathons(marathon, db):
    task = start(marathon, db())[0]
    slave = marathon.call("GET", "/slaves").json["slaves"][0]
    framework = marathon.call("GET", "/v2/info").json["frameworkId"]
    found = slave["reserved_resources_full"]["data"]
    assert {r["name"] for r in found} == {"cpus", "mem", "disk", "ports"}
    for resource in found:
        labels = {x["key"]: x["value"] for x in resource["reservations"][-1]["labels"]["labels"]}
        assert labels == {"marathon_framework_id": framework, "marathon_task_id": task["id"].split("._app.")[0]}


def test_effective_shows_what_the_task_was_launched_with(marathon, db):
    task = start(marathon, db(disk=4))[0]
    view = marathon.call("GET", f"/v2/apps/data/db/effective?task={task['id']}").json["effective"]
    assert view["resources"] == {"cpus": 0.1, "mem": 32, "disk": 20} and view["ports"] == task["ports"]
    disks = [r for r in view["taskInfo"]["resources"] if "disk" in r]
    assert [d["disk"]["persistence"]["id"] for d in disks] == [task["localVolumes"][0]["persistenceId"]]
    assert all(r["reservations"][0]["role"] == "data" for r in view["taskInfo"]["resources"])


@pytest.mark.parametrize("how", ["kill", "restart", "update"])
def test_the_same_instance_comes_back(marathon, db, how):
    before = start(marathon, db())[0]
    answer = {"kill": lambda: marathon.call("DELETE", f"/v2/apps/data/db/tasks/{before['id']}"),
              "restart": lambda: marathon.call("POST", "/v2/apps/data/db/restart"),
              "update": lambda: marathon.call("PUT", "/v2/apps/data/db", {"env": {"A": "b"}})}[how]()
    assert answer.status == 200, answer.body
    after = wait_until(lambda: (t := running(marathon)[0])["id"] != before["id"] and t, "the next task", 60)
    assert before["id"].endswith("._app.1") and after["id"] == before["id"][:-1] + "2"
    assert after["localVolumes"] == before["localVolumes"] and after["ports"] == before["ports"]


@pytest.mark.parametrize("path", ["/v2/apps/data/db/tasks/{id}?wipe=true", "/v2/apps/data/db/tasks?wipe=true",
                                  "/v2/apps/data/db/tasks?wipe=true&host={host}", "/v2/tasks/delete?wipe=true"])
def test_wipe_makes_another_one(marathon, db, path):
    before = start(marathon, db())[0]
    is_post = "delete" in path
    answer = marathon.call("POST" if is_post else "DELETE", path.format(**before), {"ids": [before["id"]]} if is_post else None)
    assert answer.status == 200, answer.body
    after = wait_until(lambda: (t := running(marathon)[0])["id"] != before["id"] and t, "the next task", 60)
    assert after["localVolumes"] != before["localVolumes"] and after["id"].endswith("._app.1")
    wait_until(lambda: reserved(marathon)["disk"] == 16, "the release of the old volume", 60)


@pytest.mark.parametrize("how", ["instances", "scale"])
def test_scaled_down_volumes_stay_for_when_it_is_scaled_up(marathon, db, how):
    tasks = start(marathon, db(instances=2))
    if how == "scale":
        assert marathon.call("DELETE", f"/v2/apps/data/db/tasks/{tasks[0]['id']}?scale=true").status == 200
    else:
        assert marathon.call("PUT", "/v2/apps/data/db", {"instances": 1}).status == 200
    left = running(marathon)
    if how == "scale":
        assert [t["id"] for t in left] == [tasks[1]["id"]]
    assert reserved(marathon)["disk"] == 32
    wait_until(lambda: marathon.call("GET", "/v2/deployments").json == [], "the end of the deployment")
    assert marathon.call("PUT", "/v2/apps/data/db", {"instances": 2}).status == 200
    volumes = [sorted(t["localVolumes"][0]["uuid"] for t in some) for some in (tasks, running(marathon, 2))]
    assert volumes[0] == volumes[1] and reserved(marathon)["disk"] == 32


def test_what_is_kept_of_those_scaled_away_can_be_wiped(marathon, db):
    tasks = start(marathon, db(instances=2))
    assert marathon.call("DELETE", f"/v2/apps/data/db/tasks/{tasks[0]['id']}?scale=true").status == 200
    assert [t["id"] for t in running(marathon)] == [tasks[1]["id"]]
    wait_until(lambda: len(marathon.call("GET", "/v2/tasks").json["tasks"]) == 1, "the end of the other task")
    answer = marathon.call("POST", "/v2/tasks/delete?wipe=true", {"ids": [tasks[0]["id"]]})
    assert (answer.status, answer.json) == (200, {"tasks": []})
    wait_until(lambda: reserved(marathon)["disk"] == 16, "the release of one volume", 60)
    assert [t["id"] for t in running(marathon)] == [tasks[1]["id"]]


@pytest.mark.parametrize("fields, error", [
    ({"cpus": 0.2}, "Resident Tasks may not change resource requirements!"),
    ({"mem": 33}, "Resident Tasks may not change resource requirements!"),
    ({"disk": 1}, "Resident Tasks may not change resource requirements!"),
    ({"portDefinitions": []}, "Resident Tasks may not change resource requirements!"),
    ({"requirePorts": True}, "Resident Tasks may not change resource requirements!"),
    ({"container": container({**DISK, "persistent": {"size": 17}})}, "Persistent volumes can not be changed!"),
    ({"container": container(DISK, {**DISK, "containerPath": "more"})}, "Persistent volumes can not be changed!"),
])
def test_what_is_reserved_cannot_be_changed(marathon, db, fields, error):
    start(marathon, db())
    assert errors_of(marathon.call("PUT", "/v2/apps/data/db?force=true", fields)) == {"/": [error]}


def test_a_dry_run_tells_that_it_comes_back(marathon, db):
    task = start(marathon, db(instances=2))[0]
    answer = marathon.call("PUT", "/v2/apps/data/db?dryRun=true", {"env": {"A": "b"}})
    assert answer.status == 200, answer.body
    placed = answer.json["placements"][0]
    assert placed == {"app": "/data/db", "placed": [{"hostname": task["host"], "agentId": task["slaveId"]}] * 2}


def test_an_app_cannot_become_resident(marathon, app, db):
    assert marathon.call("POST", "/v2/apps", app("/data/db", role="data")).status == 201
    answer = marathon.call("PUT", "/v2/apps/data/db?partialUpdate=false&force=true", db())
    assert errors_of(answer) == {"/": ["Persistent volumes can not be changed!"]}


@pytest.mark.parametrize("fields, path", [
    ({"role": "*"}, "/role"), ({"acceptedResourceRoles": ["data"]}, "/acceptedResourceRoles"),
    ({"unreachableStrategy": {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0}}, "/"),
    ({"upgradeStrategy": {"minimumHealthCapacity": 1, "maximumOverCapacity": 1}}, "/upgradeStrategy/maximumOverCapacity"),
    ({"deployment": {"canary": {"count": 1}}}, "/deployment/canary"),
    ({"container": container({**DISK, "containerPath": "a/b"})}, "/container/volumes(0)/containerPath"),
    ({"container": container({**DISK, "mode": "RO"})}, "/container/volumes(0)/mode"),
    ({"container": container({**DISK, "persistent": {"type": "path", "size": 1}})}, "/container/volumes(0)/persistent/type"),
    ({"container": container(DISK, DISK)}, "/container/volumes"),
])
def test_rules(marathon, db, fields, path):
    assert list(errors_of(marathon.call("POST", "/v2/apps", db(**fields)))) == [path]


def test_the_queue_says_that_it_waits_for_disk(marathon, db):
    assert marathon.call("POST", "/v2/apps", db(container=container({**DISK, "persistent": {"size": 100000}}))).status == 201
    item = wait_until(lambda: next((i for i in marathon.call("GET", "/v2/queue").json["queue"]
                                    if i["processedOffersSummary"]["processedOffersCount"] > 0), None), "an offer", 60)
    assert "100000 MB disk free" in item["explanation"]


def test_wipe_and_scale_exclude_each_other(marathon, db):
    task = start(marathon, db())[0]
    for more, word in (("scale", "scale"), ("replaceFirst", "replaceFirst")):
        answer = marathon.call("DELETE", f"/v2/apps/data/db/tasks/{task['id']}?wipe=true&{more}=true")
        assert answer.status == 400 and word in answer.json["message"]
