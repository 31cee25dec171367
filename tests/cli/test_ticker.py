"""The line of progress: on a terminal it changes and goes, elsewhere one comes now and then."""

from __future__ import annotations

import os
import pty
import sys
import time
from pathlib import Path

import pytest

from harness.cli import ticker
from harness.cli.ticker import Ticker

ROOT = Path(__file__).parents[2]


def test_without_a_terminal_a_line_comes_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ticker, "PLAIN_EVERY_S", 0.05)
    asked = iter(range(1000))
    with Ticker(lambda: f"step {next(asked)}"):
        time.sleep(0.3)
    lines = capsys.readouterr().err.splitlines()
    assert 2 <= len(lines) <= 6
    assert lines[:2] == ["step 0", "step 1"]


def test_what_is_soon_over_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    with Ticker(lambda: "step"):
        pass
    assert time.monotonic() - began < 1
    assert capsys.readouterr().err == ""


def test_a_terminal_sees_a_run_with_its_operations_and_faults(tmp_path: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        words = [sys.executable, "-m", "harness.cli", "run", "raft", "--nemesis", "partition", "--interval", "2s"]
        os.execve(sys.executable, [*words, "--time", "40s", "--seed", "1"], {**os.environ, "PYTHONPATH": str(ROOT)})
    seen = b""
    try:
        while chunk := os.read(terminal, 65536):
            seen += chunk
    except OSError:  # how Linux says that the other end of a terminal is gone
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, seen
    text = seen.decode(errors="replace")
    assert "raft: load" in text
    assert " ops, " in text
    assert "partition-" in text
    assert "s left" in text
