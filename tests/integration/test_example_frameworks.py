"""The frameworks of docs/examples: side by side, killed in the middle, and every task ends exactly once."""
import collections
import pathlib
import signal
import subprocess
import sys

import pytest

from cluster import BUILD, REPOSITORY, SLOW, Cluster, wait_until
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


def argv(cluster, name):
    journal = cluster.directory / f"{name}.journal"
    if name == "python":
        return [sys.executable, EXAMPLES / "framework.py", cluster.master_address, f"--name={name}",
                f"--count={COUNT}", f"--journal={journal}"]
    return [BUILD / "examples/framework", cluster.master_address, name, str(COUNT), "true", journal]


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
