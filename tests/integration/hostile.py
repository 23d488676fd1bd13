"""A cluster whose agent was started as carelessly as can be, on a host with canaries."""
import os
import pathlib
import subprocess

import pytest

import cluster as cluster_module
from cluster import Cluster, host_facts, wait_until
from host_snapshot import Canaries, own_namespaces

EXTRA_DESCRIPTORS = 50
PIDS = 200


@pytest.fixture(name="hostile", scope="module")
def hostile_cluster():
    """In a network and with mounts of its own; the host must be the same in the end."""
    with own_namespaces():
        made = Cluster("escape")
        before = host_facts(made.directory.name)
        before["files"] = []
        pipes = [fd for _ in range(EXTRA_DESCRIPTORS // 2) for fd in os.pipe()]
        try:
            with Canaries(made.directory.name) as made.canaries:
                made.start_master()
                start_careless_agent(made, pipes)
                yield made
                made.close()
        finally:
            for fd in pipes:
                os.close(fd)
            if made.directory.exists():
                made.close()
        assert host_facts(made.directory.name) == before


def start_careless_agent(cluster, pipes):
    """With descriptors that it did not ask for and a secret in its environment."""
    for fd in pipes:
        os.set_inheritable(fd, True)
    start = subprocess.Popen

    class Careless(start):
        def __init__(self, *args, **options):
            super().__init__(*args, **{**options, "close_fds": False})

    cluster_module.subprocess.Popen = Careless
    os.environ["HOST_SECRET"] = "of the agent alone"
    try:
        agent = cluster.start_agent("--allow_root_tasks", f"--pids_limit={PIDS}", wait=False)
    finally:
        cluster_module.subprocess.Popen = start
        del os.environ["HOST_SECRET"]
        for fd in pipes:
            os.set_inheritable(fd, False)
    wait_until(cluster.active_agents, "the agent's registration")
    assert len(os.listdir(f"/proc/{agent.pid}/fd")) >= EXTRA_DESCRIPTORS
    assert b"HOST_SECRET" in pathlib.Path(f"/proc/{agent.pid}/environ").read_bytes()
