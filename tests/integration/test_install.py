"""`make install`: what the manual and README name stands where they say."""
import os
import re
import subprocess

from cluster import BUILD, REPOSITORY


def test_every_program_page_and_unit_is_installed(tmp_path):
    subprocess.run(["make", "-s", "-C", REPOSITORY, "install", f"B={os.path.relpath(BUILD, REPOSITORY)}",
                    f"DESTDIR={tmp_path}", "PREFIX=/opt/tepui"], check=True, capture_output=True)
    there = {f"/{path.relative_to(tmp_path)}" for path in tmp_path.rglob("*") if path.is_file()}
    names = {path.rpartition("/")[2] for path in there}
    assert {program.name for program in BUILD.glob("tepui*")} <= names
    assert {page.name for page in (REPOSITORY / "docs/man").iterdir()} <= names
    named = re.findall(r"/usr(/(?:s?bin|libexec)/[\w/-]+)", (REPOSITORY / "README.md").read_text())
    assert {f"/opt/tepui{path}" for path in named} <= there
    for unit in (REPOSITORY / "packaging").glob("*.service"):
        text = (tmp_path / "opt/tepui/lib/systemd/system" / unit.name).read_text()
        assert re.search(r"^ExecStart=(\S+)", text, re.M)[1] in there
