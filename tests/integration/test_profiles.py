"""Seccomp profiles of the operator: in force for tasks that name none, tried before the agent starts."""
import json

import pytest

from cluster import wait_until
from test_limits import run_to_end

pytestmark = pytest.mark.vm

# Everything but one call, which a shell can try.
NO_DIRECTORIES = {
    "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}


@pytest.fixture
def profiles(tmp_path):
    (tmp_path / "no-directories.json").write_text(json.dumps(NO_DIRECTORIES), encoding="ascii")
    return tmp_path


def test_the_operators_profile_is_in_force(cluster, profiles):
    cluster.start_master()
    cluster.start_agent(f"--seccomp_config_dir={profiles}", "--seccomp_profile_name=no-directories.json")
    _, out = run_to_end(cluster, "mkdir made; ls; grep Seccomp: /proc/self/status")
    assert "made" not in out.split()
    assert "Seccomp:\t2" in out


@pytest.mark.parametrize("text, why", [
    ("{}", "broken.json: seccomp.defaultAction: missing"),
    ("", "broken.json: line 1"),
    (json.dumps(dict(NO_DIRECTORIES, syscalls=[])), "broken.json: seccomp.syscalls: not a list of 1..1024")],
    ids=["no action", "empty", "no calls"])
def test_a_bad_profile_stops_the_start(cluster, profiles, text, why):
    (profiles / "broken.json").write_text(text, encoding="ascii")
    cluster.start_master()
    agent = cluster.start_agent(f"--seccomp_config_dir={profiles}", wait=False)
    wait_until(lambda: not agent.is_alive(), "the agent gives up")
    assert why in agent.text() and str(profiles) in agent.text()


def test_an_unknown_default_profile_stops_the_start(cluster):
    cluster.start_master()
    agent = cluster.start_agent("--seccomp_profile_name=none.json", wait=False)
    wait_until(lambda: not agent.is_alive(), "the agent gives up")
    assert "use '--seccomp_profile_name=none.json': it is not in the directory" in agent.text()
