"""Metronome's jobs field by field, what becomes of runs, and what Metronome tells of itself."""
import re

import pytest

from cluster import free_port, wait_until

pytestmark = pytest.mark.row("4.1")

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000")


def definition(job_id="fields", **run):
    return {"id": job_id, "run": {"cmd": "true", "cpus": 0.1, "mem": 32, "disk": 0, **run}}


@pytest.fixture(name="jobs")
def master_whose_jobs_end_with_the_test(marathon):
    yield marathon

    def all_gone():
        left = marathon.call("GET", "/v1/jobs").json
        for job in sorted(left, key=lambda j: not j["dependencies"]):
            marathon.call("DELETE", f"/v1/jobs/{job['id']}?stopCurrentJobRuns=true")
        return left == []
    wait_until(all_gone, "the end of all jobs")


def run_to_its_end(jobs, job_id):
    """The history of a job behind one more run."""
    def ended():
        history = jobs.call("GET", f"/v1/jobs/{job_id}?embed=history").json["history"]
        return history if history["successCount"] + history["failureCount"] > before else None
    history = jobs.call("GET", f"/v1/jobs/{job_id}?embed=history").json["history"]
    before = history["successCount"] + history["failureCount"]
    assert jobs.call("POST", f"/v1/jobs/{job_id}/runs").status == 201
    return wait_until(ended, f"the end of a run of '{job_id}'", 60)


# ---- JobSpec and run ----

@pytest.mark.parametrize("field, value", [
    ("description", "what it is for"),
    ("labels", {"team": "ops", "tier": "1"}),
])
def test_a_field_of_the_job_is_kept(jobs, field, value):
    assert jobs.call("POST", "/v1/jobs", {**definition(), field: value}).json[field] == value
    assert jobs.call("GET", "/v1/jobs/fields").json[field] == value


@pytest.mark.parametrize("field, value", [
    ("cpus", 0.01),
    ("mem", 64),
    ("disk", 16),
    ("cmd", "echo $GREETING"),
    ("user", "nobody"),
    ("env", {"GREETING": "hello"}),
    ("maxLaunchDelay", 60),
    ("taskKillGracePeriodSeconds", 7),
    ("restart", {"policy": "NEVER"}),
    ("restart", {"policy": "ON_FAILURE", "activeDeadlineSeconds": 600}),
    ("networks", [{"mode": "host"}]),
    ("placement", {"constraints": [{"attribute": "rack", "operator": "IS", "value": "1"}]}),
    ("placement", {"constraints": [{"attribute": "rack", "operator": "EQ", "value": "1"}]}),
    ("placement", {"constraints": [{"attribute": "rack", "operator": "LIKE", "value": "r.*"}]}),
    ("placement", {"constraints": [{"attribute": "rack", "operator": "UNLIKE", "value": "r.*"}]}),
    ("volumes", [{"containerPath": "/mnt", "hostPath": "/tmp", "mode": "RO"}]),
    ("docker", {"image": "alpine", "forcePullImage": False, "privileged": False, "parameters": []}),
    ("ucr", {"image": {"id": "alpine", "kind": "docker", "forcePull": False}, "privileged": False}),
])
def test_a_field_of_the_run_is_kept(jobs, field, value):
    answer = jobs.call("POST", "/v1/jobs", definition(**{field: value}))
    assert (answer.status, answer.json["run"][field]) == (201, value)
    assert jobs.call("GET", "/v1/jobs/fields").json["run"][field] == value


def test_arguments_stand_in_place_of_a_command(jobs):
    document = definition(args=["/bin/true", "x"])
    del document["run"]["cmd"]
    assert jobs.call("POST", "/v1/jobs", document).json["run"]["args"] == ["/bin/true", "x"]


@pytest.mark.parametrize("field, value, path", [
    ("gpus", 1, "/run/gpus"),
    ("secrets", {"s": {"source": "/s"}}, "/run/secrets"),
    ("artifacts", [{"uri": "http://127.0.0.1/x"}], "/run/artifacts"),
    ("docker", {"image": "alpine", "privileged": True}, "/run/docker/privileged"),
    ("ucr", {"image": {"id": "alpine"}, "privileged": True}, "/run/ucr/privileged"),
    ("args", ["true"], "/run"),
    ("taskKillGracePeriodSeconds", -1, "/run/taskKillGracePeriodSeconds"),
    ("maxLaunchDelay", 0, "/run/maxLaunchDelay"),
    ("user", "", "/run/user"),
    ("networks", [{"mode": "none"}], "/run/networks(0)/mode"),
    ("volumes", [{"containerPath": "/mnt", "hostPath": "/tmp"}], "/run/volumes(0)/mode"),
    ("placement", {"constraints": [{"attribute": "rack", "operator": "UNIQUE"}]},
     "/run/placement/constraints(0)/operator"),
])
def test_what_cannot_be_is_refused_by_its_path(jobs, field, value, path):
    answer = jobs.call("POST", "/v1/jobs", definition(**{field: value}))
    assert (answer.status, answer.json["message"]) == (422, "Object is not valid")
    assert path in [detail["path"] for detail in answer.json["details"]]


# ---- what becomes of runs ----

def test_a_run_that_succeeds_is_history(jobs):
    jobs.call("POST", "/v1/jobs", definition())
    history = run_to_its_end(jobs, "fields")
    (run,) = history["successfulFinishedRuns"]
    assert set(run) == {"id", "createdAt", "finishedAt", "tasks"} and len(run["tasks"]) == 1
    assert TIME.fullmatch(run["createdAt"]) and TIME.fullmatch(run["finishedAt"])
    assert TIME.fullmatch(history["lastSuccessAt"]) and history["lastFailureAt"] is None
    assert (history["successCount"], history["failureCount"], history["failedFinishedRuns"]) == (1, 0, [])


def test_a_failure_is_tried_again_until_its_time_is_over(jobs):
    jobs.call("POST", "/v1/jobs", definition(cmd="exit 3", restart={"policy": "ON_FAILURE", "activeDeadlineSeconds": 2}))
    (run,) = run_to_its_end(jobs, "fields")["failedFinishedRuns"]
    assert len(run["tasks"]) >= 2


def test_a_failure_is_not_tried_again_by_itself(jobs):
    jobs.call("POST", "/v1/jobs", definition(cmd="exit 3"))
    (run,) = run_to_its_end(jobs, "fields")["failedFinishedRuns"]
    assert len(run["tasks"]) == 1


def test_a_run_has_its_environment_and_its_user(jobs):
    jobs.call("POST", "/v1/jobs", definition(cmd='[ "$GREETING" = hello ] && [ "$(id -un)" = nobody ]', user="nobody",
                                             env={"GREETING": "hello"}))
    assert run_to_its_end(jobs, "fields")["successCount"] == 1


def test_a_job_starts_when_all_that_it_follows_have_succeeded(jobs):
    for name in ("first", "second"):
        jobs.call("POST", "/v1/jobs", definition(name))
    jobs.call("POST", "/v1/jobs", {**definition("third"), "dependencies": [{"id": "first"}, {"id": "second"}]})
    run_to_its_end(jobs, "first")
    shown = jobs.call("GET", "/v1/jobs/third?embed=activeRuns,historySummary").json
    assert (shown["activeRuns"], shown["historySummary"]["successCount"]) == ([], 0)
    run_to_its_end(jobs, "second")
    wait_until(lambda: jobs.call("GET", "/v1/jobs/third?embed=historySummary").json["historySummary"]["successCount"] == 1,
               "the run that follows")


# ---- Metronome itself ----

def test_metronome_answers_a_ping(cluster):
    assert cluster.call("GET", "/ping").body == b"pong"


def test_metronome_tells_its_version(cluster):
    info = cluster.call("GET", "/info").json
    assert set(info) == {"version", "libVersion"} and re.fullmatch(r"0\.6\.\d+", info["version"])


def test_metronome_tells_who_leads(cluster):
    assert cluster.call("GET", "/leader").json == {"leader": cluster.master_address}


def test_metronome_has_metrics_in_json(cluster):
    answer = cluster.call("GET", "/v1/metrics", headers={"Accept": "text/plain"})
    assert answer.headers["Content-Type"] == "application/json" and {"gauges", "counters"} <= set(answer.json)


def test_a_queue_without_runs_is_empty(jobs):
    assert jobs.call("GET", "/v1/queue").json == []


def test_metronomes_port_serves_all_that_the_masters_does(alone):
    port = free_port()
    master = alone(f"--metronome_port={port}")
    assert master.call("GET", "/v1/jobs", port=port).json == []
    assert master.call("GET", "/info", port=port).json == master.call("GET", "/info").json
