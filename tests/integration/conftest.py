"""Fixtures of the integration suite: real programs, real kernel, as root."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from cluster import Cluster, host_facts  # noqa: E402


def pytest_collection_modifyitems(items):
    """Every test here needs root; MUST_WORK=1 turns a skip into a failure."""
    if os.geteuid() == 0:
        return
    if os.environ.get("MUST_WORK") == "1":
        pytest.exit("the integration tests need root", 1)
    for item in items:
        item.add_marker(pytest.mark.skip(reason="needs root"))


def cannot_run(reason):
    """Skip, except where everything must work."""
    if os.environ.get("MUST_WORK") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def cluster(request):
    """An empty cluster; the host must be the same after the test as before."""
    made = Cluster()
    before = host_facts(made.directory.name)
    before["files"] = []
    yield made
    if getattr(request.node, "report_call", None) and request.node.report_call.failed:
        for daemon in made.daemons:
            print(f"---- {daemon.name}\n{daemon.text()[-6000:]}")
    made.close()
    assert host_facts(made.directory.name) == before


@pytest.fixture
def node(cluster):
    """A master and one agent, both ready."""
    cluster.start_master()
    cluster.start_agent()
    return cluster


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.report_call = outcome.get_result()
