"""tepui-oci: hooks, at their moments, in their namespaces, and what comes of those that fail."""
import json
import os

import pytest

pytestmark = pytest.mark.vm

KINDS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]


class Hooks:
    """Each hook writes the state that it read, with where it was, to a line of one file."""

    def __init__(self, runtime):
        self.runtime = runtime
        self.log = runtime.rootfs / "log"
        self.log.touch()

    def add(self, kind, script, args=(), **extra):
        # startContainer runs in the container, where the log is /log and the shell is busybox.
        shell = "/bin/sh"
        hook = {"path": shell, "args": ["sh", "-c", script, *args], "env": ["PATH=/bin:/usr/bin"], **extra}
        self.runtime.config.setdefault("hooks", {}).setdefault(kind, []).append(hook)

    def add_witness(self, kind):
        log = "/log" if kind == "startContainer" else str(self.log)
        self.add(kind, f'echo "{kind} $(readlink /proc/self/ns/mnt) $(cat)" >>{log}')

    def lines(self):
        rows = [line.split(" ", 2) for line in self.log.read_text().splitlines()]
        return [(kind, mount, json.loads(state)) for kind, mount, state in rows]


@pytest.fixture
def hooks(runtime):
    return Hooks(runtime)


def test_all_of_them_in_order_and_in_the_right_place(runtime, hooks):
    for kind in KINDS:
        hooks.add_witness(kind)
    runtime.config["annotations"] = {"a": "b"}
    name = runtime.create("sleep", "1000")
    assert [kind for kind, _, _ in hooks.lines()] == KINDS[:3]
    pid = runtime.state(name)["pid"]
    inside = os.readlink(f"/proc/{pid}/ns/mnt")
    runtime.must("start", name)
    assert [kind for kind, _, _ in hooks.lines()] == KINDS[:5]
    runtime.must("delete", "--force", name)
    lines = hooks.lines()
    assert [kind for kind, _, _ in lines] == KINDS
    outside = os.readlink("/proc/self/ns/mnt")
    assert [mount for _, mount, _ in lines] == [outside, outside, inside, inside, outside, outside]
    assert [state["status"] for _, _, state in lines] == \
        ["creating", "creating", "creating", "created", "running", "stopped"]
    assert [state["pid"] for _, _, state in lines] == [pid, pid, 1, 1, pid, 0]
    for _, _, state in lines:
        assert (state["id"], state["bundle"], state["annotations"]) == (name, str(runtime.bundle), {"a": "b"})
        assert state["ociVersion"].startswith("1.")


def test_run_has_them_all(runtime, hooks):
    for kind in KINDS:
        hooks.add_witness(kind)
    assert runtime.run("true").returncode == 0
    seen = [kind for kind, _, _ in hooks.lines()]
    # The process may end before poststart, whose state then still says what was so at that moment.
    assert seen == KINDS


@pytest.mark.parametrize("kind", KINDS[:3])
def test_one_that_fails_at_create_undoes_it(runtime, hooks, kind):
    hooks.add(kind, "cat >/dev/null; exit 3")
    hooks.add_witness("poststop")
    runtime.write("true")
    assert runtime.must_fail("create", "-b", runtime.bundle, runtime.new_id()) == \
        ("filesystem: " if kind == "createContainer" else "") + \
        f"hooks.{kind}[0]: run hook '/bin/sh': it exited with status 3"
    assert runtime.names() == []
    assert [seen for seen, _, _ in hooks.lines()] == ["poststop"]


def test_one_that_fails_at_start_ends_the_container(runtime, hooks):
    hooks.add("startContainer", "exit 4")
    name = runtime.create("sleep", "1000")
    assert runtime.must_fail("start", name) == \
        "hooks.startContainer[0]: run hook '/bin/sh': it exited with status 4"
    runtime.wait_for(name, "stopped")


@pytest.mark.parametrize("kind, verb", [("poststart", "start"), ("poststop", "delete")])
def test_late_ones_that_fail_are_warnings(runtime, hooks, kind, verb):
    hooks.add(kind, "exit 5")
    hooks.add_witness(kind)
    name = runtime.create("true")
    runtime.must("start", name) if verb == "delete" else None
    if verb == "delete":
        runtime.wait_for(name, "stopped")
    done = runtime.call(verb, name)
    assert done.returncode == 0
    assert done.stderr == f"tepui-oci: hooks.{kind}[0]: run hook '/bin/sh': it exited with status 5\n"
    assert [seen for seen, _, _ in hooks.lines()] == [kind]


def test_one_that_takes_too_long_is_killed(runtime, hooks):
    hooks.add("createRuntime", f"echo $$ >{runtime.directory}/pid; sleep 1000", timeout=1)
    runtime.write("true")
    assert runtime.must_fail("create", "-b", runtime.bundle, runtime.new_id()) == \
        "hooks.createRuntime[0]: run hook '/bin/sh': it took longer than 1 s"
    assert not os.path.exists(f"/proc/{(runtime.directory / 'pid').read_text().strip()}")


def test_one_that_cannot_be_executed(runtime):
    runtime.config["hooks"] = {"createRuntime": [{"path": "/no/such"}]}
    runtime.write("true")
    assert runtime.must_fail("create", "-b", runtime.bundle, runtime.new_id()) == \
        "hooks.createRuntime[0]: run hook '/no/such': it could not be executed"


def test_they_have_nothing_but_stdin(runtime, hooks):
    hooks.add("createRuntime", f"ls -l /proc/self/fd >{runtime.directory}/fds; env >{runtime.directory}/env")
    name = runtime.create("true")
    fds = (runtime.directory / "fds").read_text().splitlines()
    assert len(fds) == 1 + 4, fds     # 0 to 2 and that of ls
    assert "TEPUI_BUILD" not in (runtime.directory / "env").read_text()
    runtime.must("delete", "--force", name)


def test_one_may_ask_for_the_state(runtime, hooks):
    command = " ".join(runtime.argv("state"))
    hooks.add("createRuntime", f'{command} "$1" >{runtime.directory}/state', args=["sh"])
    name = f"{runtime.prefix}1"
    runtime.config["hooks"]["createRuntime"][0]["args"][-1:] = ["sh", name]
    assert runtime.create("true") == name
    assert json.loads((runtime.directory / "state").read_text())["id"] == name
