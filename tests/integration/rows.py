"""
The count of a suite whose tests are rows of a reference: each says by the mark `row` of which section it is; a test with
parameters is as many rows as it has.  A suite's conftest takes the hooks by importing them.
"""
import collections

import pytest


def section_of(item):
    """The nearest mark: that of the test goes before that of its module."""
    mark = item.get_closest_marker("row")
    return mark.args[0] if mark else None


def pytest_collection_modifyitems(items):
    unmarked = sorted({item.location[2] for item in items if section_of(item) is None})
    if unmarked:
        raise pytest.UsageError(f"of which section are they?  {', '.join(unmarked)}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    report.section = section_of(item)


def order(section):
    return [int(part) for part in section.split(".")]


def pytest_terminal_summary(terminalreporter, config):
    """A row holds if its test passed; one that was skipped does not.  The suite is named as its folder."""
    rows, held = collections.Counter(), collections.Counter()
    seen = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            if hasattr(report, "section"):
                seen[report.nodeid] = (report.section, outcome == "passed")
    for section, holds in seen.values():
        rows[section] += 1
        held[section] += holds
    counts = "; ".join(f"{s} {rows[s]} row{'s' * (rows[s] != 1)}" for s in sorted(rows, key=order))
    total, hold = sum(rows.values()), sum(held.values())
    terminalreporter.write_line(f"{config.inipath.parent.name}: {counts}; {hold} hold, {total - hold} do not")
