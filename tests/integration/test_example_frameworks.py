"""The frameworks of docs/examples: side by side, killed in the middle, and every task ends exactly once."""
import collections
import contextlib
import pathlib
import signal
import subprocess
import sys

import pytest

from cluster import BUILD, REPOSITORY, SLOW, Cluster, wait_until
from framework import Framework
from obedient_agent import ObedientAgent

COUNT = 1000
EXAMPLES = REPOSITORY / "docs/examples"


@pytest.fixture(name="cluster")
def cluster_with_agents():
    cluster = Cluster("examples")
    try:
        cluster.start_master()
        cluster.fakes = [ObedientAgent(cluster, port=7000 + i).subscribe() for i in range(3)]
        cluster.examples = []
        yield cluster
    finally:
        for process in getattr(cluster, "examples", []):
            process.kill()
            process.wait()
        for agent in getattr(cluster, "fakes", []):
            agent.close()
        cluster.close()


def argv(cluster, name, count=COUNT, credential=None):
    journal = cluster.directory / f"{name}.journal"
    if name == "python":
        return [sys.executable, EXAMPLES / "framework.py", cluster.master_address, f"--name={name}",
                f"--count={count}", f"--journal={journal}", *([f"--credential={credential}"] if credential else [])]
    return [BUILD / "examples/framework", cluster.master_address, name, str(count), "true", journal,
            *([credential] if credential else [])]


def start(cluster, name):
    cluster.examples.append(subprocess.Popen([str(a) for a in argv(cluster, name)], stdout=subprocess.PIPE,
                                             stderr=subprocess.PIPE, text=True))
    return cluster.examples[-1]


def ends(cluster, name):
    journal = cluster.directory / f"{name}.journal"
    return pathlib.Path(journal).read_text().count("\nend ") if journal.exists() else 0


def number_of(task_id):
    return int(task_id.rpartition("-")[2].split(".")[0])


@pytest.mark.slow
def test_a_thousand_tasks_each_end_exactly_once(cluster):
    names = ("python", "c")
    running = {name: start(cluster, name) for name in names}
    alive = set(names)
    def are_killed():
        for name in [name for name in alive if ends(cluster, name) >= COUNT // 3]:
            running[name].kill()
            assert running[name].wait() == -signal.SIGKILL, running[name].communicate()
            alive.remove(name)
        return not alive
    wait_until(are_killed, "a third of the tasks of each", 60)
    assert all(ends(cluster, name) < COUNT for name in names)
    frameworks = {f["name"]: f["id"] for f in cluster.call("GET", "/state").json["frameworks"]}
    running = {name: start(cluster, name) for name in names}
    for name in names:
        out, err = running[name].communicate(timeout=120 * SLOW)
        assert (running[name].returncode, out) == (0, f"{COUNT} of {COUNT} tasks finished\n"), err
    wait_until(lambda: not any(u.pending for agent in cluster.fakes for u in agent.updates.values()),
               "the last acknowledgements")
    finished = collections.Counter()
    for agent in cluster.fakes:
        for task_id, updates in agent.updates.items():
            assert updates.latest == "TASK_FINISHED", task_id
            finished[task_id.split("-")[0], number_of(task_id)] += 1
    assert finished == {(name, number): 1 for name in names for number in range(COUNT)}
    # They came back as who they were, and said good-bye.
    gone = {f["name"]: f["id"] for f in cluster.call("GET", "/state").json["completed_frameworks"]}
    assert {name: gone[name] for name in names} == {name: frameworks[name] for name in names}


@pytest.mark.parametrize("name, finished", [("python", "TASK_FINISHED"), ("c", "2")])
def test_one_that_was_killed_before_its_good_bye_says_it(name, finished):
    with contextlib.closing(Cluster("late")) as cluster:
        cluster.start_master()
        known = Framework(cluster, name=name)
        known.close()
        framework_id = known.info["id"]["value"]
        (cluster.directory / f"{name}.journal").write_text(
            f"framework {framework_id}\nlaunch {name}-0.1\nend {name}-0.1 {finished}\n")
        # And one that was killed only before it heard that the master had heard.
        for _ in range(2):
            done = subprocess.run([str(a) for a in argv(cluster, name, 1)], capture_output=True, text=True, check=False,
                                  timeout=60 * SLOW)
            assert (done.returncode, done.stdout, done.stderr) == (0, "1 of 1 tasks finished\n", "")
            completed = cluster.call("GET", "/state").json["completed_frameworks"]
            assert [f["id"] for f in completed] == [framework_id]


@pytest.mark.parametrize("name", ["python", "c"])
def test_a_framework_shows_its_credential_and_is_refused_once_without(tmp_path, name):
    files = {"all": "ours secret\n", "right": "ours secret\n", "wrong": "ours guess\n"}
    for file, text in files.items():
        (tmp_path / file).write_text(text)
        (tmp_path / file).chmod(0o600)
    with contextlib.closing(Cluster("credential")) as cluster:
        cluster.start_master("--authenticate_http_frameworks", f"--credentials={tmp_path / 'all'}")
        with contextlib.closing(ObedientAgent(cluster).subscribe()):
            for file, status, told in ((None, 1, ""), ("wrong", 1, ""), ("right", 0, "3 of 3 tasks finished\n")):
                done = subprocess.run([str(a) for a in argv(cluster, name, 3, file and tmp_path / file)],
                                      capture_output=True, text=True, check=False, timeout=60 * SLOW)
                assert (done.returncode, done.stdout) == (status, told), done.stderr
                refusal = f"framework {name}: 401 use '/api/v1/scheduler': a credential "
                assert done.stderr.startswith(refusal) == bool(status)


@pytest.mark.parametrize("options", [
    (f"--executor={EXAMPLES / 'executor.py'}", "--command=test $MESOS_EXECUTOR_ID = example"),
    # The executor is named after the first of its group.
    ("--group=2", "--command=case $MESOS_EXECUTOR_ID in example-[024].1) ;; *) exit 1;; esac"),
], ids=["executor", "group"])
def test_tasks_are_those_of_an_executor(options):
    with contextlib.closing(Cluster("own")) as cluster:
        cluster.start_master()
        cluster.start_agent()
        done = subprocess.run([sys.executable, EXAMPLES / "framework.py", cluster.master_address, "--count=5",
                               f"--journal={cluster.directory / 'own.journal'}", *options],
                              capture_output=True, text=True, check=False, timeout=60 * SLOW)
    assert (done.returncode, done.stdout, done.stderr) == (0, "5 of 5 tasks finished\n", "")
