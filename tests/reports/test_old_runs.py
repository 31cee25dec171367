"""Folders of runs that other versions made: `old_run` was written before verdict.json told its format."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.runs import FORMAT
from reports.data import RunData
from reports.html import report, write_report
from tests.reports.markup import parse

OLD = Path(__file__).parent / "old_run"


def test_a_run_from_before_there_was_a_format_is_shown_whole() -> None:
    run = RunData.load(OLD)
    page = parse(report(run))
    assert "format" not in json.loads((OLD / "verdict.json").read_text(encoding="utf-8"))
    assert len(run.history) > 900 and len(run.faults) == 1
    assert page.one("h1").text == "multi-leader broke its promise"
    assert len(page.one("section", id="violations").all("article")) == 1


def test_the_report_of_an_old_run_is_written_into_its_folder(tmp_path: Path) -> None:
    folder = shutil.copytree(OLD, tmp_path / "run")
    assert write_report(folder) == folder / "report.html"
    assert "multi-leader broke its promise" in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("format", [FORMAT + 1, 99, "2", -1, 1.5, True, None, [1], "x" * 1_000_000])
def test_a_run_of_a_newer_version_is_refused_in_a_sentence(tmp_path: Path, format: object) -> None:
    folder = shutil.copytree(OLD, tmp_path / "run")
    verdict = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    (folder / "verdict.json").write_text(json.dumps(verdict | {"format": format}), encoding="utf-8")
    (folder / "plan.yaml").write_text("target: {that: nobody, reads: yet}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=rf"reads runs up to format {FORMAT}: use the splitbrain that made") as refused:
        RunData.load(folder)
    assert len(str(refused.value)) < 400
