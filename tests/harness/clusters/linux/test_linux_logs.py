"""Logs are fetched, and the traps beside them are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.clusters.linux import logs


def test_only_plain_files_with_plain_names_are_copied_and_of_a_long_one_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES_MAX", 10)
    source, kept = tmp_path / "source", tmp_path / "kept"
    source.mkdir()
    (source / "node.log").write_text("beginning and end", encoding="ascii")
    (source / "aaa").symlink_to("/etc/passwd")
    (source / "deep").mkdir()
    os.mkfifo(source / "pipe")
    for name in ("\x1b[2J", "-rf", "two\nlines", "x" * 200):
        (source / name).touch()
    logs.copy(source, kept)
    assert {entry.name: entry.read_text() for entry in kept.iterdir()} == {"node.log": "ng and end"}


def test_their_number_is_bounded(tmp_path: Path) -> None:
    for number in range(logs.FILES_MAX + 5):
        (tmp_path / f"{number:03}").touch()
    logs.copy(tmp_path, tmp_path / "kept")
    assert len(list((tmp_path / "kept").iterdir())) <= logs.FILES_MAX


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "a/b", "-x", "\x07", "\ud800", "x" * 101])
def test_what_a_file_cannot_be_called(name: str) -> None:
    assert not logs.is_harmless(name) and logs.is_harmless("node.log")
