"""What DNS answers cost an agent: a chapter of bench-net."""
import contextlib
import os
import pathlib

from cluster import wait_until
from test_names import dig
from test_names_many import Told, endpoint

DNS = pathlib.Path(os.environ["TEPUI_BUILD"]) / "tests/bench/dns"
NAMES, SECONDS, WINDOW = 5000, 5, 64
A, SRV = 1, 33
CASES = (
    ("one of 5,000 names, A", "app%u.marathon.mesos", A),
    ("one of 5,000 names, SRV with its address", "_app%u._tcp.marathon.mesos", SRV),
    ("a name of 100 instances, A, cut", "crowd.marathon.mesos", A),
)


def names(row):
    """ROW(what, figure, unit, goal) prints one."""
    with contextlib.closing(Told()) as told:
        told.begin()
        told.tell(is_whole=True, has_more=True, endpoints=[endpoint(i, f"app{i}") for i in range(NAMES)])
        told.tell(is_whole=True, endpoints=[endpoint(NAMES + i, "crowd") for i in range(100)])
        wait_until(lambda: len(dig(told, "crowd.marathon.mesos")) == 100, "names of all")
        for what, name, kind in CASES:
            rate, lost, wrong, micros = told.run_in(
                DNS, "127.0.0.1", "53", name, str(NAMES), str(kind), str(WINDOW), str(SECONDS),
                str(told.agents[0].pid)).split()
            assert (int(lost), int(wrong)) == (0, 0), f"{what}: {lost} lost, {wrong} wrong"
            row(f"{what}: answers a second, as it was", f"{float(rate):.0f}", "1/s")
            row(f"{what}: of one core of the agent's", f"{1e6 / float(micros):.0f}", "1/s", ">= 10000")
            row(f"{what}: cpu of the agent for 1,000", f"{float(micros):.1f}", "ms")


if __name__ == "__main__":
    names(lambda what, figure, unit, goal="": print(f"  {what.ljust(70)} {figure:>9} {unit:4} {goal}"))
