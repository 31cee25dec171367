"""The page about a history that somebody brought."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from checkers.list_append import ListAppend
from harness.checker import Budget
from harness.errors import RecordingError
from harness.history import History
from reports.check import page, write_check
from tests.checkers.lines import history
from tests.reports.markup import parse
from tests.reports.test_cycles import EVIL, WRITE_SKEW


def document(judged: History, **changes: Any) -> dict[str, Any]:
    """What `check --json` prints."""
    result = ListAppend().check(judged, budget=Budget())
    return {
        "verdict": result.verdict.value,
        "model": result.model,
        "ops": 3,
        "seconds": 0.003,
        "why": result.why,
        "anomalies": [anomaly.to_json() for anomaly in result.anomalies],
        "truncated": False,
        "lenient": None,
        "stats": dict(result.stats),
        **changes,
    }


def test_a_violation_is_drawn_and_told() -> None:
    judged = history(WRITE_SKEW)
    text = page("mine.edn", document(judged), judged)
    assert "The history is not strong-serializable list-append" in text
    assert text.count('class="chart cycle"') == 1
    assert "misses what is written by" in text
    assert "Because on key y T1 read [] and T2 appended 1 after that" in text
    assert "in force" not in text, "nothing is known of faults"
    assert "mine.edn" in text
    parse(text)


def test_a_history_without_times_is_told_by_its_events(tmp_path: Path) -> None:
    (tmp_path / "mine.edn").write_text(
        "{:process 0 :type :invoke :f :txn :value [[:append x 1] [:append x 2]]}\n"
        "{:process 0 :type :ok :f :txn :value [[:append x 1] [:append x 2]]}\n"
        "{:process 1 :type :invoke :f :txn :value [[:r x nil]]}\n"
        "{:process 1 :type :ok :f :txn :value [[:r x [1]]]}\n"
    )
    judged = History.read(tmp_path / "mine.edn")
    assert not judged.has_times
    text = page("mine.edn", document(judged), judged)
    assert "event 2</th>" in text
    assert "What happened over time" not in text
    assert "The same, to scale" not in text


def test_what_was_overlooked_is_listed() -> None:
    judged = history(WRITE_SKEW)
    problems = [{"event": 7, "line": 8, "message": f"process 3 completes {EVIL}"}]
    given_up = {"strays": 1, "unanswered": 0, "operations": 2, "times_back": 0, "problems": problems}
    text = page("mine.edn", document(judged, lenient=given_up), judged)
    assert "1 completion without an invocation left out" in text
    assert "2 operations that the model refused left out" in text
    assert "<script>alert" not in text


@pytest.mark.parametrize("where", ["name", "why", "model"])
def test_nothing_that_is_brought_becomes_markup(where: str) -> None:
    judged = history(WRITE_SKEW.replace('"x"', '"</svg><script>x"'))
    told = document(judged)
    name = EVIL if where == "name" else "mine.edn"
    text = page(name, told | ({where: EVIL} if where != "name" else {}), judged)
    assert text.count("<script") == 1, "the page's own"


def test_an_empty_history_has_a_page() -> None:
    judged = history("")
    assert "Not proven" in page("mine.edn", document(judged), judged)


def test_a_page_that_cannot_be_written_is_a_recording_error(tmp_path: Path) -> None:
    judged = history(WRITE_SKEW)
    with pytest.raises(RecordingError):
        write_check(tmp_path / "none" / "out.html", "mine.edn", document(judged), judged)
