"""Metronome's jobs: definitions, schedules, runs, and what is refused of them."""
import re

import pytest

from cluster import wait_until

pytestmark = pytest.mark.row("4.1")

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000")


def definition(job_id="group.job", **run):
    return {"id": job_id, "run": {"cmd": "exec sleep 1000", "cpus": 0.1, "mem": 32, "disk": 0, **run}}


SCHEDULE = {"id": "nightly", "cron": "30 2 * * *"}
FULL = {
    "id": "group.job", "labels": {}, "dependencies": [],
    "run": {"cmd": "exec sleep 1000", "cpus": 0.1, "mem": 32, "disk": 0, "gpus": 0, "env": {}, "artifacts": [],
            "placement": {"constraints": []}, "maxLaunchDelay": 3600, "volumes": [], "secrets": {}, "networks": [],
            "restart": {"policy": "NEVER"}}}


@pytest.fixture(name="jobs")
def master_whose_jobs_end_with_the_test(marathon):
    yield marathon

    def all_gone():
        for job in marathon.call("GET", "/v1/jobs").json:
            marathon.call("DELETE", f"/v1/jobs/{job['id']}?stopCurrentJobRuns=true")
        return marathon.call("GET", "/v1/jobs").json == []
    wait_until(all_gone, "the end of all jobs")


@pytest.fixture(name="job")
def made_job(jobs):
    assert jobs.call("POST", "/v1/jobs", definition()).status == 201
    return "/v1/jobs/group.job"


@pytest.fixture(name="run")
def started_run(jobs, job):
    answer = jobs.call("POST", f"{job}/runs")
    assert answer.status == 201
    return f"{job}/runs/{answer.json['id']}"


def test_a_job_is_created_with_its_defaults(jobs):
    answer = jobs.call("POST", "/v1/jobs", definition())
    assert (answer.status, answer.json) == (201, FULL)


def test_a_job_is_listed_and_shown(jobs, job):
    assert jobs.call("GET", "/v1/jobs").json == [FULL]
    assert jobs.call("GET", job).json == FULL


def test_a_job_is_not_created_twice(jobs, job):
    answer = jobs.call("POST", "/v1/jobs", definition())
    assert (answer.status, answer.json) == (409, {"message": "Job with this id already exists"})


def test_a_job_is_replaced_under_the_id_of_the_path(jobs, job):
    answer = jobs.call("PUT", job, definition("other", mem=64))
    assert answer.status == 200
    assert (answer.json["id"], answer.json["run"]["mem"]) == ("group.job", 64)


def test_a_put_leaves_schedules_alone(jobs, job):
    jobs.call("POST", f"{job}/schedules", SCHEDULE)
    assert jobs.call("PUT", job, {**definition(), "schedules": []}).status == 200
    assert len(jobs.call("GET", f"{job}/schedules").json) == 1


def test_a_deleted_job_is_answered(jobs, job):
    answer = jobs.call("DELETE", job)
    assert (answer.status, answer.json) == (200, FULL)
    assert jobs.call("GET", job).status == 404


def test_a_job_with_active_runs_stays(jobs, job, run):
    answer = jobs.call("DELETE", job)
    assert (answer.status, answer.json) == (
        409, {"message": "There are active job runs. Override with stopCurrentJobRuns=true"})


def test_a_job_with_active_runs_goes_when_they_are_to_be_stopped(jobs, job, run):
    assert jobs.call("DELETE", f"{job}?stopCurrentJobRuns=true").status == 200
    assert jobs.call("GET", job).status == 404 and jobs.call("GET", run).status == 404


def test_a_job_that_others_depend_on_stays(jobs, job):
    jobs.call("POST", "/v1/jobs", {**definition("follower"), "dependencies": [{"id": "group.job"}]})
    answer = jobs.call("DELETE", job)
    assert (answer.status, answer.json) == (409, {"message": "Job 'follower' depends on job 'group.job'"})
    assert jobs.call("DELETE", "/v1/jobs/follower").status == 200


@pytest.mark.parametrize("method, path, message", [
    ("GET", "", "Job 'none' does not exist"),
    ("PUT", "", "Job 'none' does not exist"),
    ("DELETE", "", "Job 'none' does not exist"),
    ("GET", "/schedules", "Job 'none' does not exist"),
    ("POST", "/schedules", "Job 'none' does not exist"),
    ("GET", "/runs", "Job 'none' does not exist"),
    ("POST", "/runs", "Job 'none' does not exist"),
    ("GET", "/runs/1", "Job 'none' does not exist"),
    ("POST", "/runs/1/actions/stop", "Job 'none' does not exist"),
])
def test_an_unknown_job_is_not_found(jobs, method, path, message):
    body = SCHEDULE if path == "/schedules" else definition("none")
    answer = jobs.call(method, f"/v1/jobs/none{path}", None if method == "GET" else body)
    assert (answer.status, answer.json) == (404, {"message": message})


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_unknown_schedule_is_not_found(jobs, job, method):
    answer = jobs.call(method, f"{job}/schedules/none", SCHEDULE if method == "PUT" else None)
    assert (answer.status, answer.json) == (404, {"message": "Schedule 'none' does not exist"})


@pytest.mark.parametrize("method, path", [("GET", ""), ("POST", "/actions/stop")])
def test_an_unknown_run_is_not_found(jobs, job, method, path):
    answer = jobs.call(method, f"{job}/runs/none{path}")
    assert (answer.status, answer.json) == (404, {"message": "JobRun 'none' does not exist"})


# ---- embed ----

def test_schedules_are_embedded(jobs, job):
    jobs.call("POST", f"{job}/schedules", SCHEDULE)
    (shown,) = jobs.call("GET", f"{job}?embed=schedules").json["schedules"]
    assert shown["id"] == "nightly"
    assert "schedules" not in jobs.call("GET", job).json


def test_active_runs_are_embedded(jobs, job, run):
    (shown,) = jobs.call("GET", f"{job}?embed=activeRuns").json["activeRuns"]
    assert run.endswith(shown["id"])


def test_the_history_of_a_new_job_is_empty(jobs, job):
    assert jobs.call("GET", f"{job}?embed=history").json["history"] == {
        "successCount": 0, "failureCount": 0, "lastSuccessAt": None, "lastFailureAt": None,
        "successfulFinishedRuns": [], "failedFinishedRuns": []}


def test_the_summary_has_no_runs(jobs, job):
    assert jobs.call("GET", f"{job}?embed=historySummary").json["historySummary"] == {
        "successCount": 0, "failureCount": 0, "lastSuccessAt": None, "lastFailureAt": None}


@pytest.mark.parametrize("query", ["embed=history&embed=schedules", "embed=history,schedules"])
def test_several_things_are_embedded(jobs, job, query):
    (shown,) = jobs.call("GET", f"/v1/jobs?{query}").json
    assert {"history", "schedules"} <= set(shown) and "activeRuns" not in shown


def test_what_is_not_known_is_not_embedded(jobs, job):
    answer = jobs.call("GET", f"{job}?embed=tasks")
    assert answer.status == 400 and answer.json["message"].startswith("Unknown embed options")


# ---- schedules ----

def test_a_schedule_is_created_with_its_defaults(jobs, job):
    answer = jobs.call("POST", f"{job}/schedules", SCHEDULE)
    shown = answer.json
    assert answer.status == 201 and TIME.fullmatch(shown.pop("nextRunAt"))
    assert shown == {**SCHEDULE, "timezone": "UTC", "startingDeadlineSeconds": 900, "concurrencyPolicy": "ALLOW",
                     "enabled": True}


def test_a_schedule_is_replaced_with_what_was_shown(jobs, job):
    shown = jobs.call("POST", f"{job}/schedules", SCHEDULE).json
    answer = jobs.call("PUT", f"{job}/schedules/nightly", {**shown, "enabled": False})
    assert answer.status == 200 and answer.json == {**shown, "enabled": False}
    assert jobs.call("GET", f"{job}/schedules/nightly").json == answer.json


def test_a_schedule_is_deleted(jobs, job):
    jobs.call("POST", f"{job}/schedules", SCHEDULE)
    answer = jobs.call("DELETE", f"{job}/schedules/nightly")
    assert (answer.status, answer.body) == (200, b"")
    assert jobs.call("GET", f"{job}/schedules").json == []


@pytest.mark.parametrize("second, message", [
    ("nightly", "Can only create a non existing schedule"),
    ("other", "Only one schedule supported at the moment")])
def test_a_second_schedule_is_a_conflict(jobs, job, second, message):
    jobs.call("POST", f"{job}/schedules", SCHEDULE)
    answer = jobs.call("POST", f"{job}/schedules", {**SCHEDULE, "id": second})
    assert (answer.status, answer.json) == (409, {"message": message})


def test_a_job_is_created_with_its_schedule(jobs):
    answer = jobs.call("POST", "/v0/scheduled-jobs", {**definition(), "schedules": [SCHEDULE]})
    assert answer.status == 201 and answer.json["schedules"][0]["id"] == "nightly"


def test_a_job_is_replaced_with_its_schedule(jobs, job):
    answer = jobs.call("PUT", "/v0/scheduled-jobs/group.job", {**definition(), "schedules": [SCHEDULE]})
    assert answer.status == 200
    assert jobs.call("GET", f"{job}/schedules").json == answer.json["schedules"]


# ---- runs ----

def test_a_run_is_started_and_shown(jobs, job):
    answer = jobs.call("POST", f"{job}/runs")
    run = answer.json
    assert answer.status == 201
    assert re.fullmatch(r"\d{14}[0-9A-Za-z]{5}", run["id"]) and TIME.fullmatch(run["createdAt"])
    assert (run["jobId"], run["status"], run["completedAt"], run["tasks"]) == ("group.job", "INITIAL", None, [])
    assert [r["id"] for r in jobs.call("GET", f"{job}/runs").json] == [run["id"]]


def test_a_run_becomes_active_with_its_task(jobs, run):
    def running():
        shown = jobs.call("GET", run).json
        return shown if [t["status"] for t in shown["tasks"]] == ["TASK_RUNNING"] else None
    shown = wait_until(running, "a running task")
    assert shown["status"] == "ACTIVE"
    (task,) = shown["tasks"]
    assert set(task) == {"id", "startedAt", "completedAt", "status"}
    assert TIME.fullmatch(task["startedAt"]) and task["completedAt"] is None


def test_a_stopped_run_fails(jobs, job, run):
    assert jobs.call("POST", f"{run}/actions/stop").status == 200
    wait_until(lambda: jobs.call("GET", run).status == 404, "the end of the run")
    history = jobs.call("GET", f"{job}?embed=history").json["history"]
    (failed,) = history["failedFinishedRuns"]
    assert (history["failureCount"], history["successCount"]) == (1, 0) and TIME.fullmatch(history["lastFailureAt"])
    assert run.endswith(failed["id"]) and TIME.fullmatch(failed["createdAt"]) and TIME.fullmatch(failed["finishedAt"])


def test_a_run_that_waits_is_queued(jobs):
    jobs.call("POST", "/v1/jobs", definition("large", cpus=1000))
    run = jobs.call("POST", "/v1/jobs/large/runs").json["id"]
    assert jobs.call("GET", "/v1/queue").json == [{"jobId": "large", "runs": [{"runId": run}]}]
    assert jobs.call("GET", f"/v1/jobs/large/runs/{run}").json["status"] == "STARTING"


# ---- past Metronome: why, and what becomes of runs ----

def test_a_run_that_waits_says_why(jobs):
    jobs.call("POST", "/v1/jobs", definition("large", cpus=1000))
    run = jobs.call("POST", "/v1/jobs/large/runs").json["id"]
    why = wait_until(lambda: jobs.call("GET", f"/v1/jobs/large/runs/{run}").json.get("explanation"), "a reason")
    assert "cpus" in why


def test_a_job_says_why_it_does_not_run(jobs, job):
    jobs.call("POST", "/v1/jobs", {**definition("follower"), "dependencies": [{"id": "group.job"}]})
    shown = jobs.call("GET", "/v1/jobs/follower?embed=explanation,skipped").json
    assert shown["explanation"] == "it starts when these have succeeded: 'group.job'"
    assert shown["skipped"] == {"count": 0, "last": []}
    assert jobs.call("DELETE", "/v1/jobs/follower").status == 200


def test_whoever_asks_is_told_of_runs(jobs, job, events):
    everything, asked = events(), events("?event_type=job_run_event")
    run = jobs.call("POST", f"{job}/runs").json["id"]
    active = asked.wait("job_run_event", status="ACTIVE")
    assert (active["jobId"], active["runId"]) == ("group.job", run)
    assert TIME.fullmatch(active["createdAt"]) and active["taskId"]
    jobs.call("POST", f"{job}/runs/{run}/actions/stop")
    asked.wait("job_run_event", status="FAILED", runId=run)
    assert [e["status"] for e in asked.seen] == ["INITIAL", "STARTING", "ACTIVE", "FAILED"]
    # What everybody is told next.
    assert jobs.call("POST", "/v2/apps", {"id": "/mark", "cmd": "true", "instances": 0}).status == 201
    everything.wait("api_post_event")
    assert not [e for e in everything.seen if e["eventType"] == "job_run_event"]


# ---- refused ----

@pytest.mark.parametrize("change, path", [
    ({"id": "Not-valid"}, "/id"),
    ({"id": "a..b"}, "/id"),
    ({"unknown": 1}, "/unknown"),
    ({"run": {}}, "/run/cpus"),
    ({"run": {"cpus": 0.001, "mem": 32, "disk": 0, "cmd": "x"}}, "/run/cpus"),
    ({"run": {"cpus": 1, "mem": 31, "disk": 0, "cmd": "x"}}, "/run/mem"),
    ({"run": {"cpus": 1, "mem": 32, "disk": -1, "cmd": "x"}}, "/run/disk"),
    ({"run": {"cpus": 1, "mem": 32, "disk": 0}}, "/run"),
    ({"run": {"cpus": 1, "mem": 32, "disk": 0, "cmd": "x", "restart": {"policy": "MAYBE"}}}, "/run/restart/policy"),
    ({"dependencies": [{"id": "nobody"}]}, "/dependencies(0)/id"),
    ({"dependencies": [{"id": "group.job"}]}, "/dependencies"),
    ({"schedules": [{**SCHEDULE, "cron": "0 0 30 2 *"}]}, "/schedules(0)/cron"),
    ({"schedules": [{**SCHEDULE, "timezone": "Mars/Olympus"}]}, "/schedules(0)/timezone"),
    ({"schedules": [{**SCHEDULE, "startingDeadlineSeconds": 59}]}, "/schedules(0)/startingDeadlineSeconds"),
    ({"schedules": [{**SCHEDULE, "concurrencyPolicy": "REPLACE"}]}, "/schedules(0)/concurrencyPolicy"),
])
def test_a_wrong_definition_is_refused_by_its_path(jobs, change, path):
    answer = jobs.call("POST", "/v0/scheduled-jobs", {**definition(), **change})
    assert (answer.status, answer.json["message"]) == (422, "Object is not valid")
    assert path in [d["path"] for d in answer.json["details"]]
    assert jobs.call("GET", "/v1/jobs").json == []


def test_a_cycle_of_jobs_is_refused(jobs, job):
    jobs.call("POST", "/v1/jobs", {**definition("second"), "dependencies": [{"id": "group.job"}]})
    answer = jobs.call("PUT", job, {**definition(), "dependencies": [{"id": "second"}]})
    assert answer.status == 422
    assert answer.json["details"] == [{"path": "/dependencies", "errors": ["Dependencies have a cycle"]}]
    jobs.call("DELETE", "/v1/jobs/second")
