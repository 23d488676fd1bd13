"""Fixtures of the integration suite: real programs, real kernel, as root."""
import contextlib
import os
import pathlib
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from cluster import Cluster, host_facts, wait_until  # noqa: E402
from fleet import Fleet  # noqa: E402
from framework import Framework  # noqa: E402
from oci import Runtime  # noqa: E402

# What a shell ignores for a job in the background, the programs of the tests would ignore, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def pytest_collection_modifyitems(config, items):
    """
    Every test here needs root; MUST_WORK=1 turns a skip into a failure.  TEPUI_TEST_SHARD=1/2 takes every other
    test, 2/2 those between.
    """
    if "TEPUI_TEST_SHARD" in os.environ:
        which, of = map(int, os.environ["TEPUI_TEST_SHARD"].split("/"))
        # After the selection by marks, which is a hook like this one and comes first.
        config.hook.pytest_deselected(items=[item for i, item in enumerate(items) if i % of != which - 1])
        items[:] = items[which - 1::of]
    if os.environ.get("TEPUI_TEST_SANITIZED"):
        for item in items:
            for mark in item.iter_markers("unsanitized"):
                item.add_marker(pytest.mark.skip(reason=mark.args[0]))
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


def has_idmapped_mounts(directory):
    """By the type of its file system: those that had them first, in Linux 5.12 to 5.19."""
    kind = subprocess.run(["stat", "-f", "-c", "%T", directory], check=True, capture_output=True, text=True).stdout.strip()
    return kind in ("ext2/ext3", "xfs", "btrfs")


@pytest.fixture(scope="session")
def disk(tmp_path_factory):
    """A directory whose mounts can be idmapped: in a virtual machine, where /tmp is none, a disk of its own."""
    made = tmp_path_factory.mktemp("disk")
    if has_idmapped_mounts(made):
        yield made
        return
    image = made.with_name("disk.ext4")
    with open(image, "wb") as file:
        file.truncate(96 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, made], check=True)
    yield made
    subprocess.run(["umount", made], check=True)
    image.unlink()


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


def shared_cluster(*flags, app=None):
    """A fixture "cluster" for all tests of a module: a master and one agent with FLAGS, which run APP."""
    @pytest.fixture(name="cluster", scope="module")
    def running_cluster():
        with contextlib.closing(Cluster()) as made:
            made.start_master()
            made.start_agent(*flags)
            if app:
                made.deploy(app)
            yield made
    return running_cluster


dies_too = pytest.mark.parametrize("dies", [False, True], ids=["plain", "master dies"])


def shared_fleet(*master_flags):
    """A fixture for the "fleet" of all tests of a module, which leaves nothing on the host."""
    @pytest.fixture(name="whole_fleet", scope="module")
    def running_fleet():
        links = host_facts("/")["links"]
        with contextlib.closing(Fleet(*master_flags)) as made:
            name = made.directory.name
            yield made
        facts = host_facts(name)
        assert not facts["processes"] and not facts["cgroups"] and not facts["files"] and facts["links"] == links
    return running_fleet


@pytest.fixture
def fleet(whole_fleet, request):
    """Nothing runs on it, and all of it is connected, before and after each test."""
    yield whole_fleet
    if getattr(request.node, "report_call", None) and request.node.report_call.failed:
        for daemon in whole_fleet.daemons:
            print(f"---- {daemon.name}\n{daemon.text()[-6000:]}")
    whole_fleet.empty()


@pytest.fixture
def agent(cluster):
    """The first of the cluster."""
    return cluster.agents[0]


@pytest.fixture
def framework(cluster, agent):
    """One that leaves nothing on the agent."""
    made = Framework(cluster)
    yield made
    made.call("TEARDOWN")
    wait_until(lambda: not agent.container_cgroups(), "nothing is left of it")


@pytest.fixture
def runtime(tmp_path):
    """tepui-oci with a bundle; the test's containers, and whatever they mounted, are gone after it."""
    def mounts():
        return [line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
                if f"{tmp_path}/" in line]
    before = mounts()
    made = Runtime(tmp_path)
    yield made
    made.close()
    assert mounts() == before


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.report_call = outcome.get_result()
