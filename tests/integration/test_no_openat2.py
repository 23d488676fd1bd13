"""Without openat2(2), which everything that is opened below a root needs: one line that says so, and nothing done."""
import io
import pathlib
import subprocess
import tarfile

from cluster import BUILD
from oci import TEPUI_OCI

HERE = pathlib.Path(__file__).parent
REASON = "the system call for it is not there: it takes Linux 5.14"


def call(*args):
    return subprocess.run([HERE / "no_openat2", *args], capture_output=True, text=True, check=False)


def test_oci(runtime):
    runtime.write("echo", "ran")
    done = call(TEPUI_OCI, "--root", runtime.root, "run", "-b", runtime.bundle, runtime.new_id())
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert REASON in done.stderr
    assert runtime.names() == []


def test_image(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("directory/file"), io.BytesIO())
    done = call(BUILD / "tepui-image", "add", f"tar:{tmp_path}/a.tar", f"--store={tmp_path}/store")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert REASON in done.stderr
    # What is left of it goes when the store is next opened.
    subprocess.run([BUILD / "tepui-image", "list", f"--store={tmp_path}/store"], check=True)
    assert list((tmp_path / "store" / "tmp").iterdir()) == []


def test_agent(tmp_path):
    done = call(BUILD / "tepui-agent", "--master=127.0.0.1:1", f"--work_dir={tmp_path}/work")
    assert done.returncode == 1
    assert "it has no system call 'openat2'" in done.stderr
    assert not (tmp_path / "work").exists()
