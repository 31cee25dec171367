"""What is brought to a machine, and what is installed there: without a machine."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from harness.clusters.ssh import agent, upload
from harness.clusters.ssh.cluster import SshCluster
from harness.errors import ClusterError, UsageError
from harness.streams import Streams

APT = """#!/bin/sh
echo "$RUNLEVEL $*" >> {notes}
case "$*" in
    *unknown*) echo 'E: no such package' >&2; exit 100;;
    *install*) echo '#!/bin/sh' > {place}/brought-program; chmod +x {place}/brought-program;;
esac
"""


def test_the_agent_needs_nothing_but_the_standard_library(tmp_path: Path) -> None:
    zipfile.ZipFile(io.BytesIO(upload.pack())).extractall(tmp_path)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import harness.clusters.ssh.agent as a; print(a.__file__)"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(tmp_path))
    assert upload.pack() == upload.pack(), "the same bytes for the same files"


def test_an_old_python_is_told_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit):
        exec(upload._BOOT, {})
    assert "python3 is 3.9, and at least 3.11" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_the_command_is_one_word_after_the_other_to_any_shell() -> None:
    said = subprocess.run(
        ["sh", "-c", upload.command("0123456789", 7, sudo=True).replace("exec sudo -n --", "printf '%s\\0'", 1)],
        capture_output=True,
        check=True,
    ).stdout.split(b"\0")
    assert said[:4] == [b"python3", b"-I", b"-S", b"-c"] and said[5:7] == [b"0123456789", b"7"]


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that notes what it is told, and brings the program of a package that it knows."""
    notes, place = tmp_path / "notes", tmp_path / "bin"
    place.mkdir()
    (place / "apt-get").write_text(APT.format(notes=notes, place=place))
    (place / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")
    return notes


def test_missing_programs_are_installed_where_the_plan_says_so(apt: Path) -> None:
    agent._have_programs("n1", ["sh"], ["dash"], install=True)
    assert not apt.exists(), "nothing was missing"
    with pytest.raises(ClusterError, match="n1 lacks brought-program"):
        agent._have_programs("n1", ["brought-program"], ["bringer"], install=False)
    assert not apt.exists(), "nobody said so"
    agent._have_programs("n1", ["brought-program"], ["bringer"], install=True)
    assert apt.read_text().splitlines() == ["1 -q update", "1 -q install -y --no-install-recommends -- bringer"]


def test_what_cannot_be_installed_is_told(apt: Path) -> None:
    with pytest.raises(ClusterError, match=r"n1: apt-get install .*unknown: E: no such package"):
        agent._have_programs("n1", ["brought-program"], ["unknown"], install=True)


def test_a_controller_that_is_a_node_itself_is_refused_before_it_connects() -> None:
    made = SshCluster(["n1"], streams=Streams(7), run_id="test", hosts=["root@127.0.0.1:1"])
    with pytest.raises(UsageError, match=r"this machine is n1 itself \(127.0.0.1\)"):
        made._find_addresses()
