"""Patterns in the logs of the nodes: a panic, a corrupted page, an assertion that failed.

    expect: [{log-files: {patterns: ["panic:", "^FATAL"]}}]

A run gives it the logs it collected, also when its folder is judged again. Without a run, the option `logs` names a
folder: `splitbrain check FILE --model log-files --option 'patterns=["panic:"]' --option logs=collected/`.

Rejected: Python's `re`, whose time grows exponentially on some patterns and cannot be interrupted. Patterns are those
of Rust's `regex`: no look-around, no references back, time linear in the text. Each line is searched by itself, up to
64 KiB of it, and all within the time budget.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import _core
from harness.checker import Anomaly, Budget, Result
from harness.errors import UsageError
from harness.verdict import Verdict

if TYPE_CHECKING:
    from harness.history import History

TOLD_MAX = 20
"""Matching lines told for each file; all are counted."""


class LogFiles:
    """`log-files`. No line of a file below `logs`, a folder with one folder for each node, may match one of `patterns`
    (one, or a list).
    """

    def __init__(self, *, patterns: str | Sequence[str], logs: str | Path | None = None) -> None:
        self.patterns = [patterns] if isinstance(patterns, str) else list(patterns)
        if not self.patterns or not all(isinstance(pattern, str) and pattern for pattern in self.patterns):
            raise UsageError(f"log-files: patterns is a regular expression or a list of some, not {patterns!r}")
        self.logs = None if logs is None else Path(logs)
        try:
            _core.scan_lines([], self.patterns, seconds=0.0, told_max=0)
        except ValueError as problem:
            raise UsageError(f"log-files: {problem}") from None

    def with_logs(self, folder: Path) -> LogFiles:
        """See `harness.checker.ReadsLogs`."""
        return self if self.logs is not None or not folder.is_dir() else LogFiles(patterns=self.patterns, logs=folder)

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `files, lines, lines_cut` (longer than what is searched), `matches, seconds`.

        Anomalies carry no events: the log is the proof. `details` are `node, file, line, pattern`. Inconclusive if
        there are no logs, or time ran out. Raises `UsageError` if the folder or a file cannot be read.
        """
        began = time.monotonic()
        files = [] if self.logs is None else _files(self.logs)
        try:
            scans = _core.scan_lines(
                [str(file) for file in files], self.patterns, seconds=budget.seconds, told_max=TOLD_MAX
            )
        except OSError as problem:
            raise UsageError(f"log-files: a log below {self.logs} cannot be read: {problem.strerror}") from problem
        stats = {
            "files": len(files),
            "lines": sum(scan["lines"] for scan in scans),
            "lines_cut": sum(scan["cut"] for scan in scans),
            "matches": sum(scan["hits"] for scan in scans),
            "seconds": round(time.monotonic() - began, 6),
        }
        anomalies = [self._anomaly(file, hit) for file, scan in zip(files, scans, strict=True) for hit in scan["told"]]
        unread = [file for file, scan in zip(files, scans, strict=True) if scan["out_of_time"]]
        return self._result(anomalies, unread, stats)

    def _anomaly(self, file: Path, hit: tuple[int, int, str]) -> Anomaly:
        place, line, text = hit
        name = file.relative_to(self.logs or file.anchor)
        pattern = self.patterns[place]
        message = f"{name}:{line} matches {pattern!r}: {text}"
        details = {"node": name.parts[0], "file": str(name), "line": line, "pattern": pattern}
        return Anomaly("log-pattern", message, (), None, details)

    def _result(self, anomalies: Sequence[Anomaly], unread: Sequence[Path], stats: dict[str, Any]) -> Result:
        if anomalies:
            why = f"{stats['matches']:,} lines match; {anomalies[0].message}"
            return Result(Verdict.FAIL, "log-files", anomalies, stats, why)
        if not stats["files"]:
            where = "no folder of logs was given" if self.logs is None else f"there are no logs in {self.logs}"
            return Result(Verdict.INCONCLUSIVE, "log-files", (), stats, where)
        if unread:
            why = f"out of time before the end of {len(unread):,} of {stats['files']:,} files; no line before matches"
            return Result(Verdict.INCONCLUSIVE, "log-files", (), stats, why)
        why = f"none of {stats['lines']:,} lines in {stats['files']:,} files matches"
        return Result(Verdict.PASS, "log-files", (), stats, why)


def _files(logs: Path) -> list[Path]:
    """The plain files below, sorted; links are passed over."""
    if not logs.is_dir():
        raise UsageError(f"log-files: {logs} is no folder")
    return sorted(file for file in logs.rglob("*") if file.is_file() and not file.is_symlink())
