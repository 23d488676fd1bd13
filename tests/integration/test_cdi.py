"""Devices by the Container Device Interface: in bundles by annotation, in tasks by label."""
import json
import os
import pathlib

import pytest

from cluster import wait_until

pytestmark = pytest.mark.vm

# The kernel's log: a device that no container has by default, and every machine has.
KMSG = {"path": "/dev/vendor/log0", "hostPath": "/dev/kmsg", "permissions": "rw"}


@pytest.fixture
def vendor(tmp_path):
    """A vendor's document in a directory of its own, changed by the test."""
    directory = tmp_path / "cdi"
    directory.mkdir()
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "lib.so").write_text("of the vendor")
    os.chmod(tmp_path, 0o755)

    def write(name="log.json", **edits):
        document = {"cdiVersion": "0.6.0", "kind": "vendor.com/log", "containerEdits": {"env": ["VENDOR=1"]},
                    "devices": [{"name": "0", "containerEdits": edits or {"deviceNodes": [KMSG], "env": ["LOG=0"]}}]}
        (directory / name).write_text(json.dumps(document))
        return directory
    return write


def with_devices(runtime, directory, names="vendor.com/log=0"):
    runtime.config["annotations"] = {"cdi.k8s.io/test": names}
    return ["--cdi-dirs", directory]


SEE = "echo $VENDOR $LOG; stat -c '%t:%T %a' /dev/vendor/log0 && : >/dev/vendor/log0 && echo opened"


def run(runtime, script, *options):
    runtime.write("sh", "-c", script)
    return runtime.call(*options, "run", "-b", runtime.bundle, runtime.new_id())


def test_a_bundle_gets_what_its_annotation_names(runtime, vendor):
    options = with_devices(runtime, vendor())
    assert run(runtime, SEE, *options).stdout.splitlines() == ["1 0", "1:b 660", "opened"]


def test_without_the_annotation_there_is_nothing(runtime, vendor):
    assert run(runtime, SEE, "--cdi-dirs", vendor()).stdout.strip() == ""


def test_mounts_and_groups(runtime, vendor, tmp_path):
    options = with_devices(runtime, vendor(
        mounts=[{"hostPath": str(tmp_path / "library"), "containerPath": "/lib/vendor", "options": ["ro", "bind"]}],
        additionalGids=[4321]))
    done = run(runtime, "cat /lib/vendor/lib.so; echo; id -G; touch /lib/vendor/x || echo refused", *options)
    assert done.stdout.splitlines() == ["of the vendor", "0 4321", "refused"]


@pytest.mark.parametrize("names, message", [
    ("vendor.com/log=1", "find device 'vendor.com/log=1': No such device"),
    ("vendor.com/log", "find device 'vendor.com/log': not VENDOR/CLASS=NAME"),
])
def test_an_unknown_device_is_one_sentence(runtime, vendor, names, message):
    options = with_devices(runtime, vendor(), names)
    done = run(runtime, "true", *options)
    assert (done.returncode, done.stderr) == (1, f"tepui-oci: config.json: {message}\n")
    assert runtime.names() == []


def test_two_documents_of_one_device_are_refused_and_a_broken_one_is_mentioned(runtime, vendor):
    vendor("other.json")
    options = with_devices(runtime, vendor())
    done = run(runtime, "true", *options)
    assert "both '" in done.stderr and "log.json" in done.stderr and "other.json" in done.stderr
    directory = pathlib.Path(options[1])
    (directory / "other.json").write_text("{")
    (directory / "log.json").unlink()
    assert "(and could not read other.json: " in run(runtime, "true", *options).stderr


# ---- Tasks ----

def app(label, cmd="test -e /dev/vendor/log0 && : >/dev/vendor/log0 && echo opened; echo $VENDOR $LOG; exit 7"):
    return {"id": "/probe", "cmd": cmd, "cpus": 0.1, "mem": 32, "instances": 1, "backoffSeconds": 3600,
            "labels": {"io.tepui.cdi": label}}


def end_of(cluster):
    return wait_until(lambda: cluster.app("/probe").get("lastTaskFailure"), "the task's end", 60)


@pytest.mark.parametrize("allowed", ["vendor.com/log=0", "other.com/x=1,vendor.com/log=*"])
def test_a_task_gets_a_device_that_the_agent_allows(cluster, vendor, allowed):
    cluster.start_master()
    cluster.start_agent(f"--cdi_dirs={vendor()}", f"--cdi_devices={allowed}")
    cluster.call("POST", "/v2/apps", app("vendor.com/log=0"))
    end = end_of(cluster)
    assert end["message"] == 'Command exited with status 7; last output: "opened 1 0"'
    assert cluster.tepui("task", "log", end["taskId"]).split() == ["opened", "1", "0"]


@pytest.mark.parametrize("flags, label, message", [
    ([], "vendor.com/log=0", "labels.io.tepui.cdi: 'vendor.com/log=0' is not among --cdi_devices of this agent"),
    (["--cdi_devices=vendor.com/log=1"], "vendor.com/log=0",
     "labels.io.tepui.cdi: 'vendor.com/log=0' is not among --cdi_devices of this agent"),
    (["--cdi_devices=vendor.com/log=*"], "vendor.com/log=0, vendor.com/logs=0",
     "labels.io.tepui.cdi: 'vendor.com/logs=0' is not among --cdi_devices of this agent"),
    (["--cdi_devices=vendor.com/log=*"], "vendor.com/log=9", "labels.io.tepui.cdi: find device 'vendor.com/log=9'"),
])
def test_a_task_gets_no_other(cluster, vendor, flags, label, message):
    cluster.start_master()
    cluster.start_agent(f"--cdi_dirs={vendor()}", *flags)
    cluster.call("POST", "/v2/apps", app(label))
    end = end_of(cluster)
    assert end["state"] == "TASK_ERROR"
    assert message in end["message"]


def test_no_program_of_the_host_is_run_for_a_task(cluster, vendor):
    directory = vendor(hooks=[{"hookName": "createRuntime", "path": "/bin/true"}])
    cluster.start_master()
    cluster.start_agent(f"--cdi_dirs={directory}", "--cdi_devices=vendor.com/log=*")
    cluster.call("POST", "/v2/apps", app("vendor.com/log=0"))
    assert "containerEdits.hooks[0]: programs on the host are not run for a device" in end_of(cluster)["message"]
