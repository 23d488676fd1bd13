"""
The REST surface of Marathon, row by row, as tests/conformance does it for Mesos: `make check-marathon` prints the count.
One master with one real node serves all tests; whatever apps a test leaves are gone before the next one.
"""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
sys.path.insert(0, os.path.dirname(__file__))

from cluster import Cluster, wait_until  # noqa: E402
from event_reader import EventReader  # noqa: E402
from rows import (  # noqa: E402, F401
    pytest_collection_modifyitems, pytest_runtest_makereport, pytest_terminal_summary)


@pytest.fixture(scope="session")
def cluster():
    made = Cluster("marathon")
    try:
        made.start_master()
        made.start_agent("--resources=cpus:8;mem:8192;disk:8192;ports:[31000-31999]")
        yield made
    finally:
        made.close()


def remove_all(cluster):
    """The groups with all apps and pods in them, and those that wait for nothing but their end, too."""
    cluster.call("DELETE", "/v2/groups?force=true")
    wait_until(lambda: cluster.call("GET", "/v2/deployments").json == [], "the end of all deployments", 60)
    wait_until(lambda: cluster.call("GET", "/v2/pods/::status").json == [], "the end of all pods", 60)
    wait_until(lambda: cluster.call("GET", "/v2/tasks").json["tasks"] == [], "the end of all tasks", 60)


@pytest.fixture
def marathon(cluster):
    """The master, without apps."""
    yield cluster
    remove_all(cluster)


@pytest.fixture
def app():
    """Make a definition; what is given replaces what is ordinary."""
    def make(app_id="/web", **fields):
        return {"id": app_id, "cmd": "exec sleep 1000", "cpus": 0.1, "mem": 32, **fields}
    return make


@pytest.fixture
def pod():
    """Make a definition of a pod without instances; what is given replaces what is ordinary."""
    def make(pod_id="/pod", instances=0, **fields):
        container = {"name": "main", "resources": {"cpus": 0.1, "mem": 32}, "exec": {"command": {"shell": "exec sleep 1000"}}}
        return {"id": pod_id, "scaling": {"kind": "fixed", "instances": instances}, "containers": [container],
                "executorResources": {"cpus": 0.1, "mem": 32, "disk": 1}, **fields}
    return make


@pytest.fixture
def locked(marathon, app):
    """An app whose deployment waits for more than there is, and its deployment."""
    answer = marathon.call("POST", "/v2/apps", app("/locked", cpus=1000))
    assert answer.status == 201, answer.body
    return "/locked", answer.headers["Marathon-Deployment-Id"]


@pytest.fixture
def alone():
    """Start a master of the test's own, without nodes, with flags that all others are not to have."""
    made = []

    def start(*flags):
        made.append(Cluster("marathon-alone"))
        made[-1].start_master(*flags)
        return made[-1]
    yield start
    for one in made:
        one.close()


@pytest.fixture
def events(marathon):
    """Open the event stream (arguments of EventReader after the cluster); closed after the test."""
    made = []

    def start(*args, **more):
        made.append(EventReader(marathon, *args, **more))
        return made[-1]
    yield start
    for reader in made:
        reader.close()
