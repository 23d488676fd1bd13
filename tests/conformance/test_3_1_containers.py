"""The agent's calls for containers: what they answer, and what they take for granted."""
import json

import pytest

from framework import SMALL, scalar

pytestmark = pytest.mark.row("3.1")


def call(node, type_, **body):
    return node.agents[0].call("POST", "/api/v1", json.dumps({"type": type_, type_.lower(): body}),
                               {"Content-Type": "application/json"})


def launch(node, name, script, **more):
    return call(node, "LAUNCH_CONTAINER", container_id={"value": name}, command={"value": script}, **more)


@pytest.fixture(name="parent", scope="module")
def running_parent(node):
    assert launch(node, "parent", "exec sleep 10000", resources=SMALL).status == 200
    yield {"value": "parent"}
    call(node, "KILL_CONTAINER", container_id={"value": "parent"})
    call(node, "WAIT_CONTAINER", container_id={"value": "parent"})
    assert call(node, "REMOVE_CONTAINER", container_id={"value": "parent"}).status == 200


@pytest.fixture(name="ended", params=["LAUNCH_CONTAINER", "LAUNCH_NESTED_CONTAINER"])
def ended_container(node, parent, request):
    """The id of a nested one that has exited with 3, by both of the calls that launch one."""
    me = {"value": "ended", "parent": parent}
    assert call(node, request.param, container_id=me, command={"value": "exit 3"}).status == 200
    call(node, "WAIT_CONTAINER", container_id=me)
    yield me
    call(node, "REMOVE_CONTAINER", container_id=me)


def test_a_new_one_is_200_and_one_that_exists_202(node, parent):
    me = {"value": "twice", "parent": parent}
    answers = [call(node, "LAUNCH_CONTAINER", container_id=me, command={"value": "true"}) for _ in range(2)]
    assert [(a.status, a.body) for a in answers] == [(200, b""), (202, b"")]
    call(node, "WAIT_CONTAINER", container_id=me)
    assert call(node, "REMOVE_CONTAINER", container_id=me).status == 200


@pytest.mark.parametrize("more", [
    {}, {"resources": SMALL, "container": {"type": "DOCKER", "docker": {"image": "x"}}},
    {"resources": [scalar("mem", 1 << 30)]}], ids=["no resources", "DOCKER", "too much"])
def test_what_cannot_be_launched_is_400(node, more):
    assert launch(node, "refused", "true", **more).status == 400


@pytest.mark.parametrize("type_", ["WAIT_CONTAINER", "WAIT_NESTED_CONTAINER"])
def test_wait_answers_the_raw_status_under_its_own_name(node, ended, type_):
    answer = call(node, type_, container_id=ended)
    assert answer.status == 200 and answer.json["type"] == type_
    end = answer.json[type_.lower()]
    assert (end["exit_status"], end["state"], end["message"]) == (3 << 8, "TASK_FAILED", "Command exited with status 3")


@pytest.mark.parametrize("type_", ["WAIT_CONTAINER", "KILL_CONTAINER", "WAIT_NESTED_CONTAINER", "KILL_NESTED_CONTAINER"])
def test_what_is_unknown_is_404(node, type_):
    assert call(node, type_, container_id={"value": "unknown"}).status == 404


@pytest.mark.parametrize("type_", ["KILL_CONTAINER", "KILL_NESTED_CONTAINER"])
def test_kill_is_sigkill_by_default_and_200(node, parent, type_):
    me = {"value": "killed", "parent": parent}
    call(node, "LAUNCH_CONTAINER", container_id=me, command={"value": "trap '' TERM; while :; do sleep 1; done"})
    assert call(node, type_, container_id=me).status == 200
    assert call(node, "WAIT_CONTAINER", container_id=me).json["wait_container"]["exit_status"] == 9
    assert call(node, "REMOVE_CONTAINER", container_id=me).status == 200


@pytest.mark.parametrize("type_", ["REMOVE_CONTAINER", "REMOVE_NESTED_CONTAINER"])
def test_removal_is_200_and_of_what_runs_or_is_unknown_500(node, parent, ended, type_):
    statuses = [call(node, type_, container_id=one).status
                for one in (ended, ended, parent, {"value": "x", "parent": {"value": "unknown"}})]
    assert statuses == [200, 500, 500, 200]


@pytest.mark.parametrize("type_", ["LAUNCH_CONTAINER", "WAIT_CONTAINER", "KILL_CONTAINER", "REMOVE_CONTAINER"])
def test_a_call_without_its_body_is_400(node, type_):
    answer = node.agents[0].call("POST", "/api/v1", json.dumps({"type": type_}), {"Content-Type": "application/json"})
    assert answer.status == 400
