"""Where our groups are made: at the top, in a group of our own, and in a unit of systemd."""
import contextlib
import json
import os
import pathlib
import subprocess
import sys

import pytest

from fake_agent import LAUNCH

pytestmark = pytest.mark.vm

NAME = f"tepui-layer-{os.getpid()}"
# Join a group, then be the agent: alone in it or with a companion.
JOIN = """
import os, subprocess, sys
group, companion, *argv = sys.argv[1:]
open(group + "/cgroup.procs", "w").write("0")
child = subprocess.Popen(["sleep", "100"]) if companion == "shared" else None
if child:
    done = subprocess.run(argv, capture_output=True, text=True)
    child.kill()
    child.wait()
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    sys.exit(done.returncode)
os.execv(argv[0], argv)
"""


def core_root():
    """Where this process's own v2 group is; these tests make groups below it."""
    mount = next(line.split()[4] for line in open("/proc/self/mountinfo", encoding="utf-8") if " - cgroup2 " in line)
    own = next(line.strip().split("::")[1] for line in open("/proc/self/cgroup", encoding="utf-8") if line.startswith("0::"))
    return pathlib.Path(mount + own)


@pytest.fixture
def group(request):
    made = core_root() / f"{NAME}-group{request.param}"
    made.mkdir()
    with contextlib.suppress(OSError):
        (core_root() / "cgroup.subtree_control").write_text("+memory +pids")
    yield made
    for directory, _, _ in os.walk(made, topdown=False):
        os.rmdir(directory)


def make(*prefix):
    done = subprocess.run([*prefix, LAUNCH, "--make", NAME], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def drop(layout):
    subprocess.run([LAUNCH, "--drop", layout], check=True)


def join(group, companion):
    return [sys.executable, "-c", JOIN, str(group), companion]


def test_made_twice_is_made_once():
    layout = make()
    try:
        assert make() == layout
        core = pathlib.Path(json.loads(layout)["core"])
        assert sorted(p.name for p in core.iterdir() if p.is_dir()) == ["containers", "supervisors"]
    finally:
        drop(layout)
    assert not core.exists()
    drop(layout)


def test_every_hierarchy_is_in_the_layout():
    layout = make()
    try:
        parts = json.loads(layout)
        assert parts["core"].endswith("/" + NAME)
        assert {"cpu", "cpuset", "memory", "pids", "io"} <= set(parts)
        for controller, where in parts.items():
            if controller == "core":
                continue
            if where is True:
                enabled = pathlib.Path(parts["core"], "containers/cgroup.subtree_control").read_text().split()
                assert controller in enabled
            else:
                assert pathlib.Path(where, "containers").is_dir()
    finally:
        drop(layout)


@pytest.mark.parametrize("group", [""], indirect=True)
def test_a_group_of_our_own_is_used(group):
    layout = make(*join(group, "alone"))
    try:
        assert json.loads(layout)["core"] == f"{group}/{NAME}"
    finally:
        drop(layout)
    assert not (group / NAME).exists()


@pytest.mark.parametrize("group", [".service", ".scope"], indirect=True)
def test_a_unit_of_systemd_is_left_alone(group):
    if (core_root() / "cgroup.type").exists():
        pytest.skip("the top of the hierarchy is not visible here")
    layout = make(*join(group, "alone"))
    try:
        assert json.loads(layout)["core"] == f"{core_root()}/{NAME}".replace("//", "/")
        # The unit has neither inner groups nor controllers for them, so it can be started again.
        assert [p for p in group.iterdir() if p.is_dir()] == []
        assert (group / "cgroup.subtree_control").read_text().strip() == ""
    finally:
        drop(layout)


@pytest.mark.parametrize("group", [""], indirect=True)
def test_a_group_shared_with_others_is_left_alone(group):
    if (core_root() / "cgroup.type").exists():
        pytest.skip("the top of the hierarchy is not visible here")
    layout = make(*join(group, "shared"))
    try:
        assert json.loads(layout)["core"] == f"{core_root()}/{NAME}".replace("//", "/")
    finally:
        drop(layout)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", ".x", "x" * 200])
def test_bad_names_are_refused(name):
    done = subprocess.run([LAUNCH, "--make", name], capture_output=True, text=True)
    assert done.returncode == 125
    assert done.stderr.startswith(f"launch: use '{name[:160]}' as the name of a cgroup")
