"""The command line: tables for people, --json for programs, exit statuses for scripts."""
import json
import re
import subprocess

import pytest

from cluster import BUILD, REPOSITORY
from test_story import sleeper


def test_help_lists_every_command(cluster):
    text = cluster.tepui("--help")
    for noun in ("app add FILE", "task list", "node show", "deployment wait ID", "queue", "events", "version"):
        assert noun in text


@pytest.mark.parametrize("program, page", [("tepui", "tepui.1"), ("tepui-master", "tepui-master.8"),
                                           ("tepui-agent", "tepui-agent.8")])
def test_the_manual_names_every_option(program, page):
    text = (REPOSITORY / "docs/man" / page).read_text()
    told = subprocess.run([BUILD / program, "--help"], capture_output=True, text=True, check=True).stdout
    options = re.findall(r"^  --(\w+)", told, re.M)
    assert len(options) > 10
    assert [o for o in options if not re.search(rf"Fl -{o}\b", text)] == []


def test_exit_statuses_and_one_line_errors(node):
    for args, status, fragment in [
            (["app", "show", "/nosuch"], 4, "App '/nosuch' does not exist"),
            (["app", "shew", "/x"], 2, "usage"),
            (["frob"], 2, "unknown command 'frob'"),
            (["app", "list", "--force"], 2, "takes no option '--force'"),
            (["app", "scale", "/x", "many"], 1, "'many' is not a number"),
            (["app", "add", "/nosuch.json"], 1, "'/nosuch.json'"),
            (["--master=127.0.0.1:1", "app"], 3, "127.0.0.1:1"),
    ]:
        done = node.tepui(*args, check=False)
        assert (done.returncode, fragment in done.stderr) == (status, True), (args, done)
        assert len(done.stderr.strip().splitlines()) == 1


def test_tables_and_json_say_the_same(node, tmp_path):
    document = tmp_path / "app.json"
    document.write_text(json.dumps(sleeper(instances=2)))
    out = node.tepui("app", "add", str(document), "--wait")
    assert out.startswith("created, deployment ") and out.endswith("done\n")
    assert "\033" not in out
    table = node.tepui("app").splitlines()
    assert table[0].split()[:4] == ["APP", "WANTED", "RUNNING", "HEALTHY"]
    assert table[1].split()[:3] == ["/sleeper", "2", "2"]
    tasks = json.loads(node.tepui("task", "list", "--json"))["tasks"]
    assert node.tepui("task", "list", "--quiet").split() == [t["id"] for t in tasks]
    shown = node.tepui("node", "show")
    for word in ("cpus", "memory", "pids", "disk", "TASK", tasks[0]["id"]):
        assert word in shown


def test_a_timed_out_wait_says_what_it_waited_for(node, tmp_path):
    document = tmp_path / "app.json"
    document.write_text(json.dumps(sleeper("/huge", cpus=1000)))
    done = node.tepui("app", "add", str(document), "--wait", "--timeout=300ms", check=False)
    assert done.returncode == 5
    assert "/huge" in done.stderr and "--timeout" in done.stderr
    assert "waiting for offers InsufficientCpus" in node.tepui("queue")


def test_events_are_lines(node):
    done = node.tepui("events", "--count=1", "--json")
    assert json.loads(done)["eventType"] == "event_stream_attached"
