"""Patterns in log files."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from checkers.log_files import LogFiles
from harness.checker import Budget
from harness.errors import UsageError
from harness.verdict import Verdict
from tests.checkers.lines import history, judged


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    for node, text in {"n1": "started\nall is well\n", "n2": "started\npanic: nil map\nFATAL\n"}.items():
        (tmp_path / node).mkdir()
        (tmp_path / node / "stdout.log").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_line_that_matches(logs: Path) -> None:
    result = judged(LogFiles(patterns=["panic:", "^FATAL$"], logs=logs), "")
    assert (result.verdict, result.stats["matches"], result.stats["lines"]) == (Verdict.FAIL, 2, 5)
    assert result.why == "2 lines match; n2/stdout.log:2 matches 'panic:': panic: nil map"
    assert result.anomalies[1].details == {
        "node": "n2",
        "file": "n2/stdout.log",
        "line": 3,
        "pattern": "^FATAL$",
    }


def test_no_line_matches(logs: Path) -> None:
    result = judged(LogFiles(patterns="corrupt", logs=str(logs)), "")
    assert (result.verdict, result.why) == (Verdict.PASS, "none of 5 lines in 2 files matches")


def test_nothing_to_look_at(tmp_path: Path) -> None:
    assert judged(LogFiles(patterns="x"), "").why == "no folder of logs was given"
    assert judged(LogFiles(patterns="x", logs=tmp_path), "").verdict is Verdict.INCONCLUSIVE


def test_out_of_time(logs: Path) -> None:
    result = LogFiles(patterns="x", logs=logs).check(history(""), budget=Budget(seconds=0))
    assert (result.verdict, result.why) == (
        Verdict.INCONCLUSIVE,
        "out of time before the end of 2 of 2 files; no line before matches",
    )


def test_bytes_that_are_no_text_and_links_that_lead_elsewhere(logs: Path) -> None:
    (logs / "n1" / "core").write_bytes(b"\xff\xfe panic:\n\x00")
    (logs / "n1" / "loop").symlink_to(logs / "n2" / "stdout.log")
    result = judged(LogFiles(patterns="panic:", logs=logs), "")
    assert [anomaly.details["file"] for anomaly in result.anomalies] == ["n1/core", "n2/stdout.log"]


def test_a_pattern_that_makes_others_explode(logs: Path) -> None:
    (logs / "n1" / "long.log").write_text("a" * 60_000 + "!\n", encoding="utf-8")
    began = time.monotonic()
    assert judged(LogFiles(patterns="^(a+)+$", logs=logs), "").verdict is Verdict.PASS
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("patterns", ["(", [], "", [1], ["(?=look)"], r"(a)\1"])
def test_what_is_no_pattern_is_refused(patterns: list[str]) -> None:
    with pytest.raises(UsageError, match="log-files"):
        LogFiles(patterns=patterns)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no folder"):
        judged(LogFiles(patterns="x", logs=tmp_path / "none"), "")


def test_a_run_gives_its_logs_unless_others_were_named(logs: Path, tmp_path: Path) -> None:
    given = LogFiles(patterns="panic:").with_logs(logs)
    assert judged(given, "").stats["matches"] == 1
    assert given.with_logs(tmp_path / "other").logs == logs
    assert judged(LogFiles(patterns="panic:").with_logs(tmp_path / "none"), "").verdict is Verdict.INCONCLUSIVE
