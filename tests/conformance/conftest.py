"""
The published interfaces, row by row: every test is one row of the reference that names a status code, a field, a
default or an order, and says by the mark `row` of which section; a test with parameters is as many rows as it has.
`make check-conformance` prints the count.  Daemons are shared by all tests: whoever starts something ends it.
"""
import functools
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
sys.path.insert(0, os.path.dirname(__file__))

from cluster import Cluster, wait_until  # noqa: E402
from framework import Framework  # noqa: E402
from obedient_agent import ObedientAgent  # noqa: E402
from operator_calls import ask  # noqa: E402
from rows import (  # noqa: E402, F401
    pytest_collection_modifyitems, pytest_runtest_makereport, pytest_terminal_summary)


# ---- daemons that all tests share ----

@pytest.fixture(scope="session")
def cluster():
    """A master alone."""
    made = Cluster("conformance")
    try:
        made.start_master()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def agent(cluster):
    """An agent that is a socket, and does at once what the master says; its tasks run until they are killed."""
    made = ObedientAgent(cluster).subscribe()
    wait_until(lambda: cluster.active_agents() == 1, "the agent's registration")
    yield made
    made.close()


@pytest.fixture(scope="session")
def node():
    """Another master, with an agent of ours: for what only a real one can show."""
    made = Cluster("conformance-node")
    try:
        made.start_master()
        made.start_agent("--resources=cpus:4;mem:4096;disk:4096;ports:[31000-31999]")
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def fleet():
    """A master whose agents come and go, and are missed after two seconds."""
    made = Cluster("conformance-fleet")
    try:
        made.start_master("--agent_ping_timeout=400ms", "--max_agent_ping_timeouts=4")
        yield made
    finally:
        made.close()


# ---- what a test has for itself ----

@pytest.fixture
def join():
    """Make a framework of a cluster (arguments of Framework); it is torn down after the test."""
    made = []

    def make(*args, **more):
        made.append(Framework(*args, **more))
        return made[-1]
    yield make
    for framework in made:
        if framework.stream_id and "id" in framework.info and framework.events[-1]["type"] != "CLOSED":
            framework.post("TEARDOWN")
        if framework.connection:
            framework.close()


@pytest.fixture
def subscribe(cluster, join):
    """Make a framework of the cluster that all tests share."""
    return functools.partial(join, cluster)


@pytest.fixture
def add_agent():
    """Make an agent of a cluster that is a socket, obedient by default, and subscribe it; gone after the test."""
    made = []

    def add(cluster, port, kind=ObedientAgent, **info):
        agent = kind(cluster, port=port)
        agent.info = info
        made.append(agent.subscribe())
        return agent
    yield add
    for agent in made:
        agent.close()
        assert ask(agent.cluster, "MARK_AGENT_GONE", mark_agent_gone={"agent_id": {"value": agent.id}}) is None


@pytest.fixture
def member(fleet, add_agent):
    """An agent of the fleet; gone after the test."""
    made = add_agent(fleet, 6000)
    wait_until(lambda: fleet.active_agents() == 1, "the agent's registration")
    return made


@pytest.fixture
def framework(subscribe):
    """A framework that is subscribed."""
    return subscribe()
