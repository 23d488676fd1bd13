"""The verdict on every system call, pinned: by an interpreter of the compiled filter, and by the kernel."""
import difflib
import platform
import subprocess

import pytest

from cluster import BUILD, REPOSITORY, SLOW
from conftest import cannot_run

pytestmark = pytest.mark.vm

VERDICTS = BUILD / "tests/escape/verdicts"
PINNED = REPOSITORY / "tests/escape/syscalls.verdicts"


@pytest.fixture(autouse=True)
def only_x86_64():
    if platform.machine() != "x86_64":
        cannot_run("the verdicts are those on x86-64")


def test_every_verdict_is_as_pinned():
    now = subprocess.run([VERDICTS], check=True, capture_output=True, text=True).stdout
    pinned = PINNED.read_text()
    difference = "".join(difflib.unified_diff(pinned.splitlines(True), now.splitlines(True), "pinned", "now", n=0))
    assert not difference, f"`make escape-verdicts` writes the new table\n{difference}"


def test_the_table_is_complete_and_no_foreign_call_is_let_through():
    rows = [line.split("\t") for line in PINNED.read_text().splitlines() if line[0].isdigit()]
    assert [int(row[0]) for row in rows] == list(range(601))
    assert {(row[4], row[6]) for row in rows} == {("killed", "killed")}
    # Root without a user namespace gets one call more.
    assert [row[1] for row in rows if row[2] != row[3]] == ["chroot"]


def test_the_upper_half_of_a_register_changes_nothing():
    rows = [line.split("\t") for line in PINNED.read_text().splitlines() if "(" in line and line[0] != "#"]
    assert len(rows) > 100
    assert [row for row in rows if row[2] != row[3]] == []


def test_the_kernel_answers_as_the_table_says():
    done = subprocess.run([VERDICTS, "--live", "1" if SLOW == 1 else "25"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    refused = [int(line.split("\t")[1].split()[0]) for line in done.stdout.splitlines() if line.startswith("x86-64")]
    assert len(refused) == 2 and refused[0] == refused[1] + 1 and refused[1] > 200, done.stdout
