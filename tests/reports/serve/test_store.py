"""Nothing is opened but regular files below the folder, whatever they are called and however they are linked."""

from __future__ import annotations

import io
import os
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.serve import download
from reports.serve.store import Missing, RunName, Store, named


@pytest.fixture
def root(tmp_path: Path) -> Path:
    run = tmp_path / "runs" / "raft" / "one"
    (run / "logs" / "n1").mkdir(parents=True)
    (run / "verdict.json").write_text("{}")
    (run / "logs" / "n1" / "node.log").write_text("started\n")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "outside" / "two").mkdir(parents=True)
    (tmp_path / "outside" / "two" / "verdict.json").write_text("secret")
    return tmp_path / "runs"


def test_a_file_is_read(root: Path) -> None:
    assert Store(root).read("raft", "one", "verdict.json", bytes_max=2) == b"{}"


def test_a_file_larger_than_asked_for_is_refused(root: Path) -> None:
    with pytest.raises(Missing, match="no more than 1"):
        Store(root).read("raft", "one", "verdict.json", bytes_max=1)


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "../secret", "a\0b", "x" * 256])
def test_a_name_that_leads_elsewhere_is_none(name: str) -> None:
    with pytest.raises(Missing):
        named(name)


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_no_names_at_all_lead_out(names: list[str]) -> None:
    with pytest.raises(Missing):
        Store(Path("/usr/lib")).read("..", *names, bytes_max=1)
    for name in names:
        with suppress(Missing):
            assert "/" not in named(name) and name not in (".", "..")


@pytest.mark.parametrize("link", ["target", "run", "file"])
def test_links_are_not_followed(root: Path, link: str) -> None:
    outside = root.parent / "outside"
    if link == "target":
        (root / "evil").symlink_to(outside)
        way = ("evil", "two", "verdict.json")
    elif link == "run":
        (root / "raft" / "two").symlink_to(outside / "two")
        way = ("raft", "two", "verdict.json")
    else:
        (root / "raft" / "one" / "report.html").symlink_to(root.parent / "secret")
        way = ("raft", "one", "report.html")
    assert (root.joinpath(*way)).read_text() == "secret"
    with pytest.raises(Missing):
        Store(root).read(*way, bytes_max=100)


def test_a_fifo_is_refused_and_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "raft" / "one" / "report.html")
    with pytest.raises(Missing, match="no regular file"):
        Store(root).read("raft", "one", "report.html", bytes_max=100)
    with pytest.raises(Missing, match="neither a file nor a folder"):
        Store(root).sound(RunName("raft", "one"))


def test_a_sound_folder_has_no_link_anywhere(root: Path) -> None:
    name = RunName("raft", "one")
    assert Store(root).sound(name).path == root / "raft" / "one"
    (root / "raft" / "one" / "logs" / "n1" / "more.log").symlink_to(root.parent / "secret")
    with pytest.raises(Missing, match=r"more\.log"):
        Store(root).sound(name)


def test_an_archive_holds_the_files_and_follows_no_link(root: Path) -> None:
    run = root / "raft" / "one"
    (run / "logs" / "stolen").symlink_to(root.parent / "secret")
    (run / "logs" / "all").symlink_to(root.parent)
    os.mkfifo(run / "pipe")
    data = b"".join(download.archive(Store(root), RunName("raft", "one")))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == ["one/logs/n1/node.log", "one/verdict.json"]
        assert archive.read("one/logs/n1/node.log") == b"started\n"
