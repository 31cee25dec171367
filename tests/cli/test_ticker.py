"""The line of progress: on a terminal it changes and goes, elsewhere one comes now and then."""

from __future__ import annotations

import re
import time

import pytest
from cli.conftest import Splitbrain

from harness.cli import ticker
from harness.cli.ticker import Ticker


class Steps(Ticker):
    """Counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def line(self) -> str:
        self.asked += 1
        return f"step {self.asked}"


def test_without_a_terminal_a_line_comes_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ticker, "PLAIN_EVERY_S", 0.05)
    with Steps():
        time.sleep(0.3)
    lines = capsys.readouterr().err.splitlines()
    assert 2 <= len(lines) <= 6
    assert lines[:2] == ["step 1", "step 2"]


def test_what_is_soon_over_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    with Steps():
        pass
    assert time.monotonic() - began < 1
    assert capsys.readouterr().err == ""


def test_a_terminal_sees_a_run_with_its_operations_and_faults(splitbrain: Splitbrain) -> None:
    words = ("run", "raft", "--nemesis", "partition", "--interval", "2s", "--time", "40s", "--seed", "1")
    seen = splitbrain.on_terminal(*words).decode(errors="replace")
    assert "raft: load" in seen
    assert " ops, " in seen
    assert "partition-" in seen
    assert "s left" in seen
    assert re.search(r"linearizable: no violation in [\d,]+ ops", seen)


def test_a_terminal_sees_a_broken_promise_long_before_the_end(splitbrain: Splitbrain) -> None:
    words = ("run", "multi-leader", "--nemesis", "partition", "--time", "120s", "--seed", "7")
    seen = splitbrain.on_terminal(*words, "--expect", "linearizable", exit_code=1).decode(errors="replace")
    told = re.findall(r"load · +([\d.]+) s, about \d+ s left · linearizable: VIOLATION: [a-z-]+ at ([\d.]+) s", seen)
    assert told
    now_s, found_s = map(float, told[0])
    assert found_s <= now_s < 60


def test_a_terminal_is_told_that_a_verdict_needs_the_whole_history(splitbrain: Splitbrain) -> None:
    words = ("run", "multi-leader", "--nemesis", "partition", "--time", "60s", "--seed", "7", "--expect", "converges")
    assert "judged at the end: converges" in splitbrain.on_terminal(*words).decode(errors="replace")
