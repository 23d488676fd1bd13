"""Jobs on a real node: run, retried, stopped, by the clock, and across the death of the master."""
import os

import pytest

from cluster import Cluster, wait_until

BEGIN_AND_END = "echo begin >> data/log; while [ ! -e data/go ]; do sleep 0.05; done; echo end >> data/log"


class Jobs(Cluster):
    """A master and a node whose tasks may share a directory."""

    def __init__(self):
        super().__init__("jobs")
        self.directory.chmod(0o755)
        self.data = self.directory / "data"
        self.data.mkdir()
        self.data.chmod(0o777)

    def add(self, job_id, cmd, schedules=(), dependencies=(), **run):
        answer = self.call("POST", "/v0/scheduled-jobs", {
            "id": job_id, "schedules": list(schedules), "dependencies": [{"id": d} for d in dependencies],
            "run": {"cpus": 0.05, "mem": 32, "disk": 0, "cmd": cmd, **run,
                    "volumes": [{"containerPath": "data", "hostPath": str(self.data), "mode": "RW"}]}})
        assert answer.status == 201, answer.body

    def begin(self, job_id):
        answer = self.call("POST", f"/v1/jobs/{job_id}/runs")
        assert answer.status == 201, answer.body
        return answer.json["id"]

    def stop(self, job_id, run_id):
        answer = self.call("POST", f"/v1/jobs/{job_id}/runs/{run_id}/actions/stop")
        assert answer.status == 200, answer.body

    def runs(self, job_id):
        return self.call("GET", f"/v1/jobs/{job_id}/runs").json

    def history(self, job_id):
        return self.call("GET", f"/v1/jobs/{job_id}?embed=history").json["history"]

    def ended(self, job_id, n=1):
        """Its history once N runs have ended."""
        def of_all():
            found = self.history(job_id)
            return found if found["successCount"] + found["failureCount"] >= n else None
        return wait_until(of_all, f"the end of {n} runs of '{job_id}'", 60)

    def running(self, job_id):
        return [t["id"] for r in self.runs(job_id) for t in r["tasks"] if t["status"] == "TASK_RUNNING"]

    def lines(self):
        path = self.data / "log"
        return path.read_text().split() if path.exists() else []

    def let_go(self):
        (self.data / "go").touch()


@pytest.fixture(name="jobs")
def running_cluster():
    cluster = Jobs()
    try:
        cluster.start_master()
        cluster.start_agent(f"--host_path_volumes={cluster.data}")
        yield cluster
    finally:
        cluster.close()


def test_a_run_succeeds_and_is_history(jobs):
    jobs.add("good", "echo done")
    run = jobs.begin("good")
    found = jobs.ended("good")
    assert (found["successCount"], found["failureCount"], found["lastFailureAt"]) == (1, 0, None)
    (last,) = found["successfulFinishedRuns"]
    assert last["id"] == run and len(last["tasks"]) == 1
    assert jobs.runs("good") == []
    assert jobs.call("GET", f"/v1/jobs/good/runs/{run}").status == 404
    assert jobs.tepui("task", "log", last["tasks"][0]).strip() == "done"
    # Nobody who looks at apps sees any of it.
    assert jobs.call("GET", "/v2/apps").json["apps"] == [] and jobs.call("GET", "/v2/tasks").json["tasks"] == []


def test_a_failure_is_final_and_says_why(jobs):
    jobs.add("bad", "exit 7")
    jobs.begin("bad")
    (last,) = jobs.ended("bad")["failedFinishedRuns"]
    assert len(last["tasks"]) == 1 and "7" in last["message"]


def test_a_failure_is_retried_when_that_is_asked_for(jobs):
    jobs.add("again", "[ -e data/tried ] || { touch data/tried; exit 1; }", restart={"policy": "ON_FAILURE"})
    jobs.begin("again")
    (last,) = jobs.ended("again")["successfulFinishedRuns"]
    assert len(last["tasks"]) == 2


def test_a_stopped_run_has_its_time_and_has_failed(jobs):
    jobs.add("polite", "trap 'echo bye >> data/log; exit 0' TERM; echo ready >> data/log;"
             " while :; do sleep 0.05; done", taskKillGracePeriodSeconds=30, restart={"policy": "ON_FAILURE"})
    run = jobs.begin("polite")
    wait_until(lambda: jobs.lines() == ["ready"], "the task", 60)
    jobs.stop("polite", run)
    found = jobs.ended("polite")
    assert jobs.lines() == ["ready", "bye"]
    assert [r["id"] for r in found["failedFinishedRuns"] + found["successfulFinishedRuns"]] == [run]
    assert jobs.runs("polite") == []


def test_a_job_follows_another(jobs):
    jobs.add("first", "echo first >> data/log")
    jobs.add("second", "echo second >> data/log", dependencies=["first"])
    jobs.begin("first")
    jobs.ended("second")
    assert jobs.lines() == ["first", "second"]


def test_killing_the_master_mid_run_loses_nothing_and_doubles_nothing(jobs):
    jobs.add("counted", BEGIN_AND_END)
    run = jobs.begin("counted")
    (task,) = wait_until(lambda: jobs.running("counted"), "the task", 60)
    pid = int(jobs.tepui("task", "pid", task))
    jobs.kill_master()
    wait_until(lambda: jobs.running("counted") == [task], "the task is known again", 60)
    os.kill(pid, 0)
    jobs.let_go()
    (last,) = jobs.ended("counted")["successfulFinishedRuns"]
    assert (last["id"], last["tasks"]) == (run, [task])
    assert jobs.lines() == ["begin", "end"]


def test_killing_the_master_at_any_moment_runs_each_once(jobs):
    """Right after the answer, while it is launched, while it ends: whatever was answered is run, and run once."""
    jobs.let_go()
    jobs.add("counted", BEGIN_AND_END)
    started = []
    for _ in range(6):
        started.append(jobs.begin("counted"))
        jobs.kill_master()
    found = jobs.ended("counted", len(started))
    assert sorted(r["id"] for r in found["successfulFinishedRuns"]) == sorted(started)
    assert sorted(jobs.lines()) == ["begin"] * len(started) + ["end"] * len(started)


def test_what_is_due_is_run_once_though_the_master_is_killed(jobs):
    jobs.let_go()
    jobs.add("minutely", BEGIN_AND_END, schedules=[{"id": "s", "cron": "* * * * *"}])
    wait_until(lambda: jobs.lines() or jobs.runs("minutely"), "the next minute", 75)
    jobs.kill_master()
    jobs.call("DELETE", "/v1/jobs/minutely/schedules/s")
    found = jobs.ended("minutely")
    assert found["successCount"] == 1 and jobs.lines() == ["begin", "end"]


def test_the_command_line_does_it_all(jobs, tmp_path):
    schedule = tmp_path / "schedule.json"
    schedule.write_text('{"id": "yearly", "cron": "0 0 1 1 *", "timezone": "Asia/Tokyo"}')
    definition = tmp_path / "job.json"
    definition.write_text('{"id": "a.b", "run": {"cmd": "true", "cpus": 0.05, "mem": 32, "disk": 0}}')
    assert jobs.tepui("job", "add", str(definition)) == "added\n"
    assert jobs.tepui("job", "list", "--quiet") == "a.b\n"
    assert jobs.tepui("job", "schedule", "a.b", str(schedule)) == "scheduled\n"
    assert "0 0 1 1 * Asia/Tokyo" in jobs.tepui("job", "list")
    assert jobs.tepui("job", "disable", "a.b") == "disabled\n"
    assert "disabled" in jobs.tepui("job", "show", "a.b")
    assert jobs.tepui("job", "enable", "a.b") == "enabled\n"
    assert jobs.tepui("job", "unschedule", "a.b") == "unscheduled\n"
    assert jobs.tepui("job", "unschedule", "a.b", check=False).returncode == 4
    assert jobs.tepui("job", "run", "a.b", "--wait").endswith("\nsucceeded\n")
    assert "success" in jobs.tepui("job", "history", "a.b")
    definition.write_text('{"run": {"cmd": "exec sleep 1000", "cpus": 0.05, "mem": 32, "disk": 0}}')
    assert jobs.tepui("job", "update", "a.b", str(definition)) == "updated\n"
    run = jobs.tepui("job", "run", "a.b", "--quiet").strip()
    assert run in jobs.tepui("job", "show", "a.b")
    refused = jobs.tepui("job", "remove", "a.b", check=False)
    assert refused.returncode == 1 and "There are active job runs" in refused.stderr
    assert jobs.tepui("job", "stop", "a.b", run) == "stopping\n"
    jobs.ended("a.b", 2)
    assert jobs.tepui("job", "remove", "a.b") == "removed\n"
    assert jobs.tepui("job", "show", "a.b", check=False).returncode == 4


def test_the_example_is_a_job(jobs):
    example = os.path.join(os.path.dirname(__file__), "../../docs/examples/job.json")
    assert jobs.tepui("job", "add", example) == "added\n"
    assert jobs.tepui("job", "run", "backup.nightly", "--wait").endswith("\nsucceeded\n")


def test_a_run_that_fails_while_it_is_waited_for_is_told(jobs):
    jobs.add("bad", "exit 7")
    done = jobs.tepui("job", "run", "bad", "--wait", check=False)
    assert done.returncode == 1 and "7" in done.stderr
