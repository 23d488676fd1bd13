"""Pods: read, created, changed, deleted, told of in groups, deployments, the queue and events."""
import pytest

from cluster import wait_until

pytestmark = pytest.mark.row("1.10")

DEFAULTS = {
    "labels": {}, "networks": [{"mode": "host"}], "role": "*", "scaling": {"kind": "fixed", "instances": 0},
    "executorResources": {"cpus": 0.1, "mem": 32, "disk": 1},
    "scheduling": {"backoff": {"backoff": 1, "backoffFactor": 1.15, "maxLaunchDelay": 300},
                   "upgrade": {"minimumHealthCapacity": 1, "maximumOverCapacity": 1},
                   "placement": {"constraints": [], "acceptedResourceRoles": []}, "killSelection": "YOUNGEST_FIRST",
                   "unreachableStrategy": {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0}}}


def settled(marathon):
    wait_until(lambda: marathon.call("GET", "/v2/deployments").json == [], "the end of all deployments", 60)


@pytest.fixture
def made(marathon, pod):
    """A pod without instances, and the answer to its creation."""
    answer = marathon.call("POST", "/v2/pods", pod())
    assert answer.status == 201, answer.body
    settled(marathon)
    return answer


def test_whether_there_are_pods(marathon):
    answer = marathon.call("HEAD", "/v2/pods")
    assert (answer.status, answer.body) == (200, b"")


def test_a_pod_is_created(made, pod):
    assert made.headers["Location"] == "/pod"
    assert made.headers["Marathon-Deployment-Id"]
    shown = made.json
    assert shown.pop("version")
    main = {"name": "main", "exec": {"command": {"shell": "exec sleep 1000"}},
            "resources": {"cpus": 0.1, "mem": 32, "disk": 0, "gpus": 0}}
    assert shown == {**DEFAULTS, "id": "/pod", "containers": [main]}


@pytest.mark.parametrize("path", ["/v2/pods/pod", "/v2/pods//pod", "/v2/pods/%2Fpod", "/v2/pods/pod/"])
def test_a_pod_is_read(marathon, made, path):
    answer = marathon.call("GET", path)
    assert (answer.status, answer.json) == (200, made.json)


def test_all_pods_are_a_list(marathon, made, pod):
    assert marathon.call("POST", "/v2/pods", pod("/group/other")).status == 201
    assert [one["id"] for one in marathon.call("GET", "/v2/pods").json] == ["/group/other", "/pod"]


@pytest.mark.parametrize("method, path, body", [
    ("GET", "/v2/pods/none", None), ("GET", "/v2/pods/none::status", None), ("GET", "/v2/pods/none::versions", None),
    ("GET", "/v2/pods/none::versions/2026-01-01T00:00:00.000Z", None), ("DELETE", "/v2/pods/none", None),
    ("DELETE", "/v2/pods/none::instances", []), ("DELETE", "/v2/pods/none::instances/none.instance-1", None)])
def test_a_pod_that_is_not_there(marathon, method, path, body):
    answer = marathon.call(method, path, body)
    assert (answer.status, answer.json) == (404, {"message": "Pod '/none' does not exist"})


@pytest.mark.parametrize("method, path", [("GET", "/v2/pods/pod::unheard-of"), ("PUT", "/v2/pods/pod::status"),
                                          ("DELETE", "/v2/pods/pod::versions"), ("GET", "/v2/pods/pod::status/more")])
def test_what_a_pod_has_not(marathon, made, method, path):
    answer = marathon.call(method, path, {} if method == "PUT" else None)
    assert (answer.status, answer.json) == (404, {"message": "URI not found"})


def test_a_pod_is_changed(marathon, made, pod):
    answer = marathon.call("PUT", "/v2/pods/pod", pod(labels={"a": "b"}))
    assert answer.status == 200
    assert answer.headers["Marathon-Deployment-Id"]
    assert answer.json["labels"] == {"a": "b"}
    assert answer.json["version"] > made.json["version"]
    settled(marathon)
    assert marathon.call("GET", "/v2/pods/pod").json == answer.json


def test_what_was_shown_can_be_sent_back(marathon, made):
    answer = marathon.call("PUT", "/v2/pods/pod", made.json)
    assert answer.status == 200
    assert {**answer.json, "version": None} == {**made.json, "version": None}


def test_a_pod_that_is_put_is_created(marathon, pod):
    answer = marathon.call("PUT", "/v2/pods/pod", pod())
    assert (answer.status, answer.json["id"]) == (200, "/pod")
    assert marathon.call("GET", "/v2/pods/pod").status == 200


def test_a_definition_of_another_pod(marathon, made, pod):
    answer = marathon.call("PUT", "/v2/pods/pod", pod("/bla"))
    assert (answer.status, answer.json) == (400, {"message": "'/pod' does not match definition's id ('/bla')"})


def test_versions_are_kept(marathon, made, pod):
    newer = marathon.call("PUT", "/v2/pods/pod", pod(labels={"a": "b"}))
    settled(marathon)
    versions = marathon.call("GET", "/v2/pods/pod::versions").json
    assert versions == [newer.json["version"], made.json["version"]]
    assert marathon.call("GET", f"/v2/pods/pod::versions/{versions[1]}").json == made.json
    unknown = marathon.call("GET", "/v2/pods/pod::versions/2020-01-01T00:00:00.000Z")
    assert (unknown.status, unknown.json) == (404, {"message": "Pod '/pod' does not exist"})
    assert marathon.call("GET", "/v2/pods/pod::versions/yesterday").status == 422


def test_a_pod_is_deleted(marathon, made):
    answer = marathon.call("DELETE", "/v2/pods/pod")
    assert (answer.status, answer.body) == (202, b"")
    assert answer.headers["Location"] == answer.headers["Marathon-Deployment-Id"]
    settled(marathon)
    assert marathon.call("GET", "/v2/pods").json == []


def test_what_would_be_done(marathon, pod):
    answer = marathon.call("POST", "/v2/pods?dryRun=true", pod())
    assert answer.status == 200
    assert answer.json["steps"] == [{"actions": [{"action": "StartPod", "pod": "/pod"}]},
                                    {"actions": [{"action": "ScalePod", "pod": "/pod"}]}]
    assert marathon.call("GET", "/v2/pods").json == []


def test_only_who_knows_the_version_may_change_it(marathon, made, pod):
    tag = marathon.call("GET", "/v2/pods/pod").headers["ETag"]
    assert marathon.call("PUT", "/v2/pods/pod", pod(labels={"a": "b"}), headers={"If-Match": tag}).status == 200
    settled(marathon)
    assert marathon.call("PUT", "/v2/pods/pod", pod(labels={"a": "c"}), headers={"If-Match": tag}).status == 412
    refused = marathon.call("DELETE", "/v2/pods/pod", headers={"If-Match": tag})
    assert (refused.status, refused.json["message"].split(":")[0]) == (412, "Pod '/pod' has been changed")


# ---- Beside apps ----

def test_apps_are_no_pods_and_pods_no_apps(marathon, made, app):
    assert marathon.call("POST", "/v2/apps", app("/web", instances=0)).status == 201
    assert [one["id"] for one in marathon.call("GET", "/v2/apps").json["apps"]] == ["/web"]
    assert [one["id"] for one in marathon.call("GET", "/v2/pods").json] == ["/pod"]
    assert marathon.call("GET", "/v2/apps/pod").json == {"message": "App '/pod' does not exist"}
    assert marathon.call("GET", "/v2/pods/web").json == {"message": "Pod '/web' does not exist"}
    assert marathon.call("DELETE", "/v2/apps/pod").status == 404
    assert marathon.call("GET", "/v2/apps/pod/tasks").status == 404
    assert marathon.call("POST", "/v2/apps/pod/restart").status == 404


@pytest.mark.parametrize("method, path", [("POST", "/v2/apps"), ("PUT", "/v2/apps/pod")])
def test_an_app_with_the_id_of_a_pod(marathon, made, app, method, path):
    answer = marathon.call(method, path, app("/pod"))
    assert (answer.status, answer.json) == (409, {"message": "A pod with id [/pod] already exists."})


@pytest.mark.parametrize("method, path", [("POST", "/v2/pods"), ("PUT", "/v2/pods/web")])
def test_a_pod_with_the_id_of_an_app(marathon, app, pod, method, path):
    assert marathon.call("POST", "/v2/apps", app("/web", instances=0)).status == 201
    settled(marathon)
    answer = marathon.call(method, path, pod("/web"))
    assert (answer.status, answer.json) == (409, {"message": "An app with id [/web] already exists."})


def test_a_pod_that_exists(marathon, made, pod):
    answer = marathon.call("POST", "/v2/pods", pod())
    assert (answer.status, answer.json) == (409, {"message": "A pod with id [/pod] already exists."})


def test_a_pod_with_the_id_of_a_group(marathon, app, pod):
    assert marathon.call("POST", "/v2/apps", app("/shop/web", instances=0)).status == 201
    settled(marathon)
    answer = marathon.call("POST", "/v2/pods", pod("/shop"))
    assert answer.status == 422
    assert answer.json["details"] == [{"path": "/", "errors": ["Groups and Pods may not have the same identifier."]}]


def test_a_group_with_the_id_of_a_pod(marathon, made):
    answer = marathon.call("POST", "/v2/groups", {"id": "/pod", "apps": []})
    assert (answer.status, answer.json) == (409, {"message": "A pod with the path /pod already exists."})


# ---- Wrong definitions ----

def change(path, value):
    """A change of a definition at /a/0/b."""
    def at(document):
        *way, last = [int(key) if key.isdigit() else key for key in path.strip("/").split("/")]
        for key in way:
            document = document[key] if isinstance(document, list) else document.setdefault(key, {})
        document[last] = value
    return at


MOUNT = [{"name": "v", "mountPath": "/v"}]

WRONG = [
    # What is wrong, where it is told, and how.
    (change("/id", "pod"), "/id", "Path needs to be absolute"),
    (change("/id", "/"), "/id", "Path must contain at least one path element"),
    (change("/containers", []), "/containers", "error.minItems"),
    (change("/user", ""), "/user", "error.minLength"),
    (change("/scaling/kind", "elastic"), "/scaling/kind", "error.unknown.enum.literal"),
    (change("/scaling/instances", -1), "/scaling/instances", "error.min"),
    (change("/scheduling/backoff/backoffFactor", 0.5), "/scheduling/backoff/backoffFactor", "error.min"),
    (change("/scheduling/upgrade/maximumOverCapacity", 2), "/scheduling/upgrade/maximumOverCapacity", "error.max"),
    (change("/scheduling/killSelection", "ALL"), "/scheduling/killSelection", "error.unknown.enum.literal"),
    (change("/scheduling/placement/constraints", [{"fieldName": "hostname", "operator": "NEAR"}]),
     "/scheduling/placement/constraints(0)",
     "operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS"),
    (change("/scheduling/unreachableStrategy", {"inactiveAfterSeconds": 9, "expungeAfterSeconds": 1}),
     "/scheduling/unreachableStrategy/inactiveAfterSeconds", "must be less than or equal to expungeAfterSeconds"),
    (change("/executorResources/disk", 0), "/executorResources/disk", "error.min"),
    (change("/networks", [{"mode": "host"}, {"mode": "host"}]), "/networks",
     "May specify a single host network, single bridge network, or else 1-to-n container networks"),
    (change("/volumes", [{"name": "v"}]), "/volumes(0)", "volume must be referenced by at least one container"),
    (change("/containers/0/volumeMounts", MOUNT), "/containers(0)/volumeMounts(0)/name",
     "Referenced Volume in VolumeMount should exist"),
    (change("/containers/1", {"name": "main", "resources": {}, "exec": {"command": {"shell": "x"}}}), "/containers",
     "container names must be unique"),
    (change("/containers/0/name", "No Name"), "/containers(0)/name", "error.pattern"),
    (change("/containers/0/resources", None), "/containers(0)/resources", "error.path.missing"),
    (change("/containers/0/resources/mem", -1), "/containers(0)/resources/mem", "error.min"),
    (change("/containers/0/resourceLimits", {"mem": 16}), "/containers(0)/resourceLimits/mem",
     "resource limit must be greater than or equal to requested resource value"),
    (change("/containers/0/exec", None), "/containers(0)", "must have exec, image, or both: there is nothing to run"),
    (change("/containers/0/exec/command", {}), "/containers(0)/exec/command", "exactly one of shell and argv must be given"),
    (change("/containers/0/image", {"id": "x", "kind": "APPC"}), "/containers(0)/image/kind", "error.unknown.enum.literal"),
    (change("/containers/0/image", {"id": "", "kind": "DOCKER"}), "/containers(0)/image/id", "error.minLength"),
    (change("/containers/0/image", {"id": "x", "kind": "DOCKER", "pullConfig": {"secret": "s"}}),
     "/containers(0)/image/pullConfig", "pullConfig.secret must refer to an existing secret"),
    (change("/containers/0/endpoints", [{"name": "e"}, {"name": "e"}]), "/",
     "endpoint names must be unique across all containers"),
    (change("/containers/0/endpoints", [{"name": "e", "hostPort": 80}, {"name": "f", "hostPort": 80}]), "/",
     "host ports must be unique across all containers"),
    (change("/containers/0/endpoints", [{"name": "e", "containerPort": 80}]), "/containers(0)/endpoints(0)/containerPort",
     "is not allowed when using host-mode networking"),
    (change("/containers/0/endpoints", [{"name": "e", "protocol": ["tcp", "tcp"]}]), "/containers(0)/endpoints(0)/protocol",
     "Duplicate protocols within the same endpoint are not allowed"),
    (change("/containers/0/endpoints", [{"name": "e", "hostPort": 70000}]), "/containers(0)/endpoints(0)/hostPort", "error.max"),
    (change("/containers/0/healthCheck", {}), "/containers(0)/healthCheck",
     "Only one of http, tcp, or command may be specified"),
    (change("/containers/0/healthCheck", {"http": {"endpoint": "e"}}), "/containers(0)/healthCheck/http/endpoint",
     "contained in the container endpoints"),
    (change("/containers/0/healthCheck", {"exec": {"command": {"shell": "x"}}, "timeoutSeconds": 60}),
     "/containers(0)/healthCheck/timeoutSeconds", "got 60, expected less than 60"),
    (change("/containers/0/environment", {"A": {"secret": "s"}}), "/containers(0)/environment/A",
     "references an undefined secret"),
    (change("/containers/0/lifecycle", {"killGracePeriodSeconds": -1}), "/containers(0)/lifecycle/killGracePeriodSeconds",
     "error.min"),
]


@pytest.mark.parametrize("wrong, path, error", WRONG, ids=[f"{path} {error[:40]}" for _, path, error in WRONG])
def test_what_is_wrong_is_told(marathon, pod, wrong, path, error):
    document = pod(scheduling={})
    if path == "/containers":
        document["containers"].append({})
    wrong(document)
    answer = marathon.call("POST", "/v2/pods", document)
    assert answer.status == 422, answer.body
    assert answer.json["message"] in ("Invalid JSON", "Object is not valid")
    assert error in [e for detail in answer.json["details"] if detail["path"] == path for e in detail["errors"]], answer.body
    assert marathon.call("GET", "/v2/pods").json == []


@pytest.mark.parametrize("body, message", [("{", "Invalid JSON"), ("[]", "Please specify data in JSON format")])
def test_what_is_no_definition(marathon, body, message):
    answer = marathon.call("POST", "/v2/pods", body)
    assert (answer.status, answer.json["message"]) == (400, message)


# ---- Groups ----

@pytest.fixture
def shop(marathon, app, pod):
    """A group of an app and a pod."""
    answer = marathon.call("PUT", "/v2/groups/shop", {"apps": [app("web", instances=0)], "pods": [pod("cart")]})
    assert answer.status == 200, answer.body
    settled(marathon)
    yield answer
    marathon.call("DELETE", "/v2/groups/shop?force=true")


def test_a_group_has_pods(marathon, shop):
    group = marathon.call("GET", "/v2/groups/shop").json
    (cart,) = group["pods"]
    assert (cart["id"], cart["status"], cart["instances"], cart["spec"]["id"]) == ("/shop/cart", "STABLE", [], "/shop/cart")
    assert [app["id"] for app in group["apps"]] == ["/shop/web"]
    assert [app["id"] for app in marathon.call("GET", "/v2/groups/shop/apps").json] == ["/shop/web"]


@pytest.mark.parametrize("query, apps, pods", [("", 1, 1), ("?embed=group.pods", 0, 1), ("?embed=group.apps", 1, 0)])
def test_pods_are_embedded(marathon, shop, query, apps, pods):
    group = marathon.call("GET", f"/v2/groups/shop{query}").json
    assert (len(group["apps"]), len(group["pods"])) == (apps, pods)


def test_a_list_of_pods_is_complete_and_one_that_is_not_given_changes_none(marathon, shop, app, pod):
    assert marathon.call("PUT", "/v2/groups/shop", {"apps": [app("other", instances=0)]}).status == 200
    settled(marathon)
    assert marathon.call("GET", "/v2/pods/shop/cart").status == 200
    assert marathon.call("PUT", "/v2/groups/shop", {"pods": [pod("basket")]}).status == 200
    settled(marathon)
    assert [one["id"] for one in marathon.call("GET", "/v2/pods").json] == ["/shop/basket"]
    assert [one["id"] for one in marathon.call("GET", "/v2/apps").json["apps"]] == ["/shop/other"]


def test_a_wrong_pod_of_a_group(marathon, pod):
    answer = marathon.call("PUT", "/v2/groups/shop", {"pods": [pod("cart", containers=[])]})
    assert answer.status == 422
    assert [detail["path"] for detail in answer.json["details"]] == ["/pods(0)/containers"]


def test_a_group_goes_back_with_its_pods(marathon, shop, pod):
    assert marathon.call("PUT", "/v2/groups/shop", {"pods": [pod("cart", labels={"a": "b"}), pod("more")]}).status == 200
    settled(marathon)
    then = marathon.call("GET", f"/v2/groups/shop/versions/{shop.json['version']}").json
    assert [one["id"] for one in then["pods"]] == ["/shop/cart"]
    assert marathon.call("PUT", "/v2/groups/shop", {"version": shop.json["version"]}).status == 200
    settled(marathon)
    (cart,) = marathon.call("GET", "/v2/pods").json
    assert (cart["id"], cart["labels"]) == ("/shop/cart", {})


def test_a_group_is_scaled_without_its_pods(marathon, shop):
    assert marathon.call("PUT", "/v2/groups/shop", {"scaleBy": 2}).status == 200
    settled(marathon)
    assert marathon.call("GET", "/v2/pods/shop/cart::versions").json == [marathon.call("GET", "/v2/pods/shop/cart").json["version"]]


def test_a_group_is_deleted_with_its_pods(marathon, shop):
    assert marathon.call("DELETE", "/v2/groups/shop").status == 200
    settled(marathon)
    assert marathon.call("GET", "/v2/pods").json == []


@pytest.mark.parametrize("of_apps, of_pods, message", [
    ([], ["web"], "An app with id [/shop/web] already exists."), (None, ["web"], "An app with id [/shop/web] already exists."),
    (["cart"], [], "A pod with id [/shop/cart] already exists."), (["cart"], None, "A pod with id [/shop/cart] already exists."),
    (["new", "cart"], ["web"], "A pod with id [/shop/cart] already exists.")])
def test_an_update_of_a_group_turns_no_app_into_a_pod(marathon, shop, app, pod, of_apps, of_pods, message):
    before = marathon.call("GET", "/v2/groups/shop").json["version"]
    update = {"apps": of_apps and [app(one, instances=0) for one in of_apps], "pods": of_pods and [pod(one) for one in of_pods]}
    answer = marathon.call("PUT", "/v2/groups/shop?force=true", {k: v for k, v in update.items() if v is not None})
    assert (answer.status, answer.json["message"]) == (409, message)
    assert marathon.call("GET", "/v2/groups/shop").json["version"] == before


# ---- Deployments, the queue, events ----

@pytest.fixture
def waiting(marathon, pod):
    """A pod that wants more than there is."""
    big = [{"name": "main", "resources": {"cpus": 1000, "mem": 32}, "exec": {"command": {"shell": "true"}}}]
    answer = marathon.call("POST", "/v2/pods", pod(instances=1, containers=big))
    assert answer.status == 201, answer.body
    return answer


def test_deployments_tell_of_pods(marathon, waiting):
    (deployment,) = marathon.call("GET", "/v2/deployments").json
    assert deployment["id"] == waiting.headers["Marathon-Deployment-Id"]
    assert (deployment["affectedApps"], deployment["affectedPods"]) == ([], ["/pod"])
    assert deployment["steps"] == [{"actions": [{"action": "StartPod", "pod": "/pod"}]},
                                   {"actions": [{"action": "ScalePod", "pod": "/pod"}]}]
    (current,) = deployment["currentActions"]
    assert (current["action"], current["pod"]) == ("ScalePod", "/pod")


def test_a_pod_is_locked_by_its_deployment(marathon, waiting, pod):
    answer = marathon.call("PUT", "/v2/pods/pod", pod())
    assert answer.status == 409
    assert answer.json["deployments"] == [{"id": waiting.headers["Marathon-Deployment-Id"]}]
    assert marathon.call("DELETE", "/v2/pods/pod").status == 409
    assert marathon.call("PUT", "/v2/pods/pod?force=true", pod()).status == 200


def test_a_deployment_of_a_pod_is_taken_back(marathon, waiting):
    assert marathon.call("DELETE", f"/v2/deployments/{waiting.headers['Marathon-Deployment-Id']}").status == 200
    wait_until(lambda: marathon.call("GET", "/v2/pods").json == [], "the end of the pod")


def test_a_change_of_a_pod_is_taken_back(marathon, made, pod):
    big = [{"name": "main", "resources": {"cpus": 1000, "mem": 32}, "exec": {"command": {"shell": "true"}}}]
    answer = marathon.call("PUT", "/v2/pods/pod", pod(instances=1, containers=big))
    assert answer.status == 200
    assert marathon.call("DELETE", f"/v2/deployments/{answer.headers['Marathon-Deployment-Id']}").status == 200
    settled(marathon)
    now = marathon.call("GET", "/v2/pods/pod").json
    assert {**now, "version": None} == {**made.json, "version": None}


def test_the_delay_of_a_pod_is_forgotten(marathon, waiting):
    wait_until(lambda: marathon.call("GET", "/v2/queue").json["queue"], "the pod in the queue")
    assert marathon.call("DELETE", "/v2/queue/pod/delay").status == 204


def test_the_queue_has_the_pod(marathon, waiting):
    wait_until(lambda: marathon.call("GET", "/v2/queue").json["queue"], "the pod in the queue")
    (item,) = marathon.call("GET", "/v2/queue").json["queue"]
    assert "app" not in item
    assert (item["pod"]["id"], item["count"]) == ("/pod", 1)
    assert "versionInfo" not in item["pod"]


def test_what_waits_is_degraded(marathon, waiting):
    status = marathon.call("GET", "/v2/pods/pod::status").json
    assert (status["id"], status["status"], status["instances"]) == ("/pod", "DEGRADED", [])
    assert status["spec"] == marathon.call("GET", "/v2/pods/pod").json
    assert set(status) == {"id", "spec", "status", "statusSince", "instances", "terminationHistory", "lastUpdated", "lastChanged"}
    assert [one["id"] for one in marathon.call("GET", "/v2/pods/::status").json] == ["/pod"]


def test_events_tell_of_pods(marathon, events, pod):
    reader = events()
    assert marathon.call("POST", "/v2/pods", pod()).status == 201
    created = reader.wait("pod_created_event")
    assert (created["clientIp"], created["uri"]) == ("127.0.0.1", "/v2/pods")
    reader.wait("deployment_success")
    assert marathon.call("PUT", "/v2/pods/pod", pod(labels={"a": "b"})).status == 200
    assert reader.wait("pod_updated_event")["uri"] == "/v2/pods/pod"
    reader.wait("deployment_success")
    assert marathon.call("DELETE", "/v2/pods/pod").status == 202
    assert reader.wait("pod_deleted_event")["uri"] == "/v2/pods/pod"
    info = reader.wait("deployment_success")
    assert info["plan"]["steps"] == [{"actions": [{"action": "StopPod", "pod": "/pod"}]}]
    assert "api_post_event" not in {event["eventType"] for event in reader.seen}


# ---- Killing ----

@pytest.mark.parametrize("ids, status, message", [
    (["pod"], 422, "Object is not valid"), ([1], 422, "Invalid JSON"), ({}, 400, "Please specify data in JSON format")])
def test_what_is_no_list_of_instances(marathon, made, ids, status, message):
    answer = marathon.call("DELETE", "/v2/pods/pod::instances", ids)
    assert (answer.status, answer.json["message"]) == (status, message)


def test_instances_that_are_not_there(marathon, made):
    unknown = "pod.instance-00000000-0000-0000-0000-000000000000"
    answer = marathon.call("DELETE", "/v2/pods/pod::instances", [unknown])
    assert (answer.status, answer.json) == (200, [])
    answer = marathon.call("DELETE", f"/v2/pods/pod::instances/{unknown}")
    assert (answer.status, answer.json) == (404, {"message": f"Task '{unknown}' does not exist"})


# ---- What runs ----

def container(name="main", shell="exec sleep 1000", **fields):
    return {"name": name, "resources": {"cpus": 0.1, "mem": 32}, "exec": {"command": {"shell": shell}}, **fields}


def status_of(marathon):
    return marathon.call("GET", "/v2/pods/pod::status").json


def stable(marathon):
    """The instances of the pod, when it has come to be as it is wanted."""
    settled(marathon)
    wait_until(lambda: status_of(marathon)["status"] == "STABLE", "the pod to be stable", 60)
    return status_of(marathon)["instances"]


@pytest.fixture
def pair(marathon, pod):
    """A running pod of two containers: one with ports and a health check, and one without."""
    checked = container(endpoints=[{"name": "http", "hostPort": 0}, {"name": "admin", "hostPort": 0}],
                        healthCheck={"exec": {"command": {"shell": "true"}}, "delaySeconds": 0, "intervalSeconds": 2, "timeoutSeconds": 1})
    definition = pod(instances=1, containers=[checked, container("other")])
    assert marathon.call("POST", "/v2/pods", definition).status == 201
    (instance,) = stable(marathon)
    return definition, instance


def test_an_instance_is_shown(marathon, pair):
    _, instance = pair
    version = marathon.call("GET", "/v2/pods/pod").json["version"]
    assert instance["id"].startswith("pod.instance-")
    assert (instance["status"], instance["agentHostname"], instance["localVolumes"]) == ("STABLE", "127.0.0.1", [])
    assert instance["specReference"] == f"/v2/pods/pod::versions/{version}"
    assert marathon.call("GET", instance["specReference"]).json == marathon.call("GET", "/v2/pods/pod").json
    assert instance["resources"] == {"cpus": 0.3, "mem": 96, "disk": 1, "gpus": 0}
    assert "message" not in instance
    main, other = instance["containers"]
    assert [(one["name"], one["status"]) for one in (main, other)] == [("main", "TASK_RUNNING"), ("other", "TASK_RUNNING")]
    (condition,) = main["conditions"]
    assert (condition["name"], condition["value"], condition["reason"]) == ("healthy", "true", "health-reported-by-mesos")
    assert [endpoint["name"] for endpoint in main["endpoints"]] == ["http", "admin"]
    ports = [endpoint["allocatedHostPort"] for endpoint in main["endpoints"]]
    assert len(set(ports)) == 2 and all(31000 <= port <= 31999 for port in ports)
    assert (other["conditions"], other["endpoints"]) == ([], [])
    assert main["containerId"].startswith(instance["id"] + ".main.")


def test_tasks_of_pods_are_not_among_those_of_apps(marathon, pair):
    assert marathon.call("GET", "/v2/tasks").json == {"tasks": []}
    assert marathon.call("GET", "/v2/tasks", headers={"Accept": "text/plain"}).body == b""


def test_one_container_that_is_not_healthy(marathon, pod):
    failing = container(healthCheck={"exec": {"command": {"shell": "false"}}, "intervalSeconds": 2, "timeoutSeconds": 1})
    assert marathon.call("POST", "/v2/pods", pod(instances=1, containers=[failing, container("other")])).status == 201
    wait_until(lambda: any(one["status"] == "DEGRADED" for one in status_of(marathon)["instances"]), "the instance to run")
    status = status_of(marathon)
    (instance,) = status["instances"]
    assert (status["status"], instance["message"]) == ("DEGRADED", "at least one container is not healthy")
    assert instance["containers"][0]["conditions"][0]["value"] == "false"


def test_another_number_of_instances_leaves_those_that_run(marathon, pair):
    definition, instance = pair
    more = {**definition, "scaling": {"kind": "fixed", "instances": 2}}
    assert marathon.call("PUT", "/v2/pods/pod", more).status == 200
    instances = stable(marathon)
    assert len(instances) == 2 and instance["id"] in [one["id"] for one in instances]
    assert marathon.call("PUT", "/v2/pods/pod", definition).status == 200
    settled(marathon)
    wait_until(lambda: len(status_of(marathon)["instances"]) == 1, "one instance less")


def test_where_instances_would_go(marathon, pair):
    more = {**pair[0], "scaling": {"kind": "fixed", "instances": 3}}
    (placement,) = marathon.call("PUT", "/v2/pods/pod?dryRun=true", more).json["placements"]
    assert (placement["pod"], [place["hostname"] for place in placement["placed"]]) == ("/pod", ["127.0.0.1"] * 2)


def test_another_definition_replaces_those_that_run(marathon, pair):
    definition, instance = pair
    answer = marathon.call("PUT", "/v2/pods/pod", {**definition, "environment": {"A": "b"}})
    assert answer.status == 200
    (new,) = stable(marathon)
    assert new["id"] != instance["id"]
    assert new["specReference"].endswith(answer.json["version"])


@pytest.mark.parametrize("is_list", [False, True])
def test_an_instance_that_is_killed_is_replaced(marathon, pair, is_list):
    instance = pair[1]
    path = "/v2/pods/pod::instances"
    answer = marathon.call("DELETE", path, [instance["id"]]) if is_list else marathon.call("DELETE", f"{path}/{instance['id']}")
    assert answer.status == 200
    killed = answer.json[0] if is_list else answer.json
    assert (killed["instanceId"], killed["agentInfo"]["host"]) == (instance["id"], "127.0.0.1")
    assert set(killed["taskMap"]) == {one["containerId"] for one in instance["containers"]}
    wait_until(lambda: [one["id"] for one in status_of(marathon)["instances"] if one["status"] == "STABLE"] not in ([], [instance["id"]]),
               "another instance")
    assert len(stable(marathon)) == 1


def test_one_task_that_is_killed_takes_its_instance_along(marathon, pair):
    task = pair[1]["containers"][1]["containerId"]
    answer = marathon.call("POST", "/v2/tasks/delete?scale=true", {"ids": [task]})
    assert answer.status == 200
    settled(marathon)
    wait_until(lambda: status_of(marathon)["instances"] == [], "the end of the instance", 60)
    assert marathon.call("GET", "/v2/pods/pod").json["scaling"]["instances"] == 0


def test_the_last_end_is_told(marathon, pod):
    mounts = [{"name": "shared", "mountPath": "shared"}]
    short = container(shell="until [ -e shared/up ]; do sleep 0.1; done; sleep 0.5; exit 7", volumeMounts=mounts)
    other = container("other", "touch shared/up; exec sleep 1000", volumeMounts=mounts)
    assert marathon.call("POST", "/v2/pods", pod(instances=1, containers=[short, other], volumes=[{"name": "shared"}])).status == 201
    # One whose other container is not yet said to run when this one ends has never started as a whole.
    (end,) = wait_until(lambda: [end for end in status_of(marathon)["terminationHistory"] if "startedAt" in end], "an instance to end", 60)
    assert end["instanceID"].startswith("pod.instance-")
    assert end["startedAt"] <= end["terminatedAt"]
    (ended,) = end["containers"]
    assert (ended["containerId"].split(".")[-2], ended["lastKnownState"]) == ("main", "TASK_FAILED")
    assert "7" in ended["termination"]["message"]


def test_events_tell_of_instances(marathon, events, pod):
    reader = events()
    checked = container(healthCheck={"exec": {"command": {"shell": "true"}}, "delaySeconds": 0, "intervalSeconds": 2, "timeoutSeconds": 1})
    assert marathon.call("POST", "/v2/pods", pod(instances=1, containers=[checked])).status == 201
    running = reader.wait("instance_changed_event", condition="Running")
    assert running["runSpecId"] == "/pod"
    assert running["runSpecVersion"] == marathon.call("GET", "/v2/pods/pod").json["version"]
    assert reader.wait("deployment_success")
    updates = [event for event in reader.seen if event["eventType"] == "status_update_event"]
    assert {(event["appId"], event["taskStatus"]) for event in updates} >= {("/pod", "TASK_RUNNING")}
    assert "instance_health_changed_event" in {event["eventType"] for event in reader.seen}
    # It is of checks that the controller makes itself.
    assert "add_health_check_event" not in {event["eventType"] for event in reader.seen}


def test_instances_outlive_the_master(marathon, pair):
    instance = pair[1]
    marathon.master.end()
    marathon.start_master()
    wait_until(lambda: [one["status"] for one in status_of(marathon)["instances"]] == ["STABLE"], "the instance to be known", 60)
    (again,) = status_of(marathon)["instances"]
    assert (again["id"], again["statusSince"]) == (instance["id"], instance["statusSince"])
    assert [one["endpoints"] for one in again["containers"]] == [one["endpoints"] for one in instance["containers"]]


def test_a_pod_that_is_being_deleted_is_still_seen(marathon, pod):
    stubborn = container(shell="trap '' TERM; while :; do sleep 0.1; done", lifecycle={"killGracePeriodSeconds": 3})
    assert marathon.call("POST", "/v2/pods", pod(instances=1, containers=[stubborn])).status == 201
    stable(marathon)
    assert marathon.call("DELETE", "/v2/pods/pod").status == 202
    assert marathon.call("GET", "/v2/pods/pod").status == 404
    status = status_of(marathon)
    assert (status["status"], len(status["instances"])) == ("TERMINAL", 1)
    wait_until(lambda: marathon.call("GET", "/v2/pods/::status").json == [], "the end of the pod", 60)


# ---- Across a restart of the master ----

def test_pods_are_kept(alone, pod):
    master = alone()
    made = master.call("POST", "/v2/pods", pod())
    settled(master)
    assert master.call("PUT", "/v2/pods/pod", pod(instances=1)).status == 200
    paths = ("/v2/pods", "/v2/pods/pod::versions", f"/v2/pods/pod::versions/{made.json['version']}", "/v2/deployments")
    before = [master.call("GET", path).json for path in paths]
    assert before[3][0]["affectedPods"] == ["/pod"]
    master.master.end()
    master.start_master()
    assert [master.call("GET", path).json for path in paths] == before


# ---- An id that was of another kind ----

def test_what_ends_of_an_app_is_not_shown_of_the_pod_that_has_its_id_now(marathon, app, pod):
    def shown():
        return [t["id"] for t in marathon.call("GET", "/v2/tasks").json["tasks"]]

    marathon.deploy(app("/pod", cmd="trap '' TERM; while :; do sleep 0.1; done", taskKillGracePeriodSeconds=3))
    task = shown()
    assert marathon.call("DELETE", "/v2/apps/pod").status == 200
    assert marathon.call("POST", "/v2/pods?force=true", pod(instances=1)).status == 201
    status = marathon.call("GET", "/v2/pods/pod::status")
    (version,) = marathon.call("GET", "/v2/pods/pod::versions").json
    assert marathon.call("GET", "/v2/pods/pod").json["version"] == version
    # It was to be seen at work: else this shows nothing.
    assert (status.status, shown(), len(task)) == (200, task, 1)
    assert not [i for i in status.json["instances"] if task[0].startswith(i["id"] + ".")]
    settled(marathon)
    wait_until(lambda: not shown(), "the end of the app's task")
    # The other way round.
    assert marathon.call("DELETE", "/v2/pods/pod").status == 202
    assert marathon.call("PUT", "/v2/apps/pod?force=true", app("/pod", instances=0)).status == 201
    assert (shown(), marathon.app("/pod")["tasks"]) == ([], [])
    for answer in (marathon.call("GET", f"/v2/apps/pod/versions/{version}"),
                   marathon.call("PUT", "/v2/apps/pod?force=true", {"version": version})):
        assert (answer.status, answer.json["message"]) == (404, f"App '/pod' does not exist in version {version}")
