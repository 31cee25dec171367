"""The run's folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import RecordingError, UsageError
from harness.runs import RunFolder


def test_two_runs_in_one_second_get_two_folders(tmp_path: Path) -> None:
    first, second = (RunFolder.create(tmp_path, "raft", 7) for _ in range(2))
    assert first.path != second.path
    assert first.path.parent == tmp_path / "raft"


@pytest.mark.parametrize("name", ["../../etc", "/etc", "..", "a/b", "", "x\x00y"])
def test_a_targets_name_cannot_lead_out_of_the_store(tmp_path: Path, name: str) -> None:
    path = RunFolder.create(tmp_path, name, 1).path
    assert path.resolve().is_relative_to(tmp_path.resolve())
    assert path.parent.parent == tmp_path


def test_a_run_is_found_by_its_folder_or_one_of_its_files(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "raft", 7)
    folder.write(folder.plan, "target: raft\n")
    assert RunFolder.find(folder.path) == RunFolder.find(folder.plan) == folder
    with pytest.raises(UsageError, match=r"is not a run: expected a folder with a plan\.yaml"):
        RunFolder.find(tmp_path)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """With room for 1 KB, the second text does not fit: the first stays, and the message names the file."""
    script = (
        "import resource, signal, sys; from pathlib import Path; from harness.runs import RunFolder\n"
        "from harness.errors import RecordingError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "folder = RunFolder(Path(sys.argv[1])); folder.write(folder.verdict, 'old')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))\n"
        "try: folder.write(folder.verdict, 'x' * 5000)\n"
        "except RecordingError as problem: print(problem)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "cannot write" in done.stdout
    assert [entry.name for entry in tmp_path.iterdir()] == ["verdict.json"]
    assert (tmp_path / "verdict.json").read_text() == "old"


def test_a_store_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(RecordingError, match="cannot make a folder for the run"):
        RunFolder.create(blocked, "raft", 1)
    assert list(tmp_path.iterdir()) == [blocked]
