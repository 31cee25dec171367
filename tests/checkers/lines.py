"""Histories written as lines, an event each, one millisecond apart: `process type f value`, with `f@key` if keyed."""

from __future__ import annotations

import json

from harness import _core
from harness.checker import Anomaly, Budget, Checker, Result
from harness.history import History

MS = 1_000_000
KINDS = {"ok": 1, "fail": 2, "info": 3}
BUDGET = Budget()


def history(text: str) -> History:
    """Values are JSON; none is null. An error follows a `!`. `-- name` marks a phase; blank lines let 10 ms pass."""
    recorder = _core.Recorder()
    open_: dict[int, int] = {}
    time = 0
    for line in text.strip().splitlines():
        time += MS if line.strip() else 10 * MS
        if not line.strip():
            continue
        if line.strip().startswith("--"):
            recorder.event(time, -1, 3, "phase", None, line.strip()[2:].strip())
            continue
        before, _, error = line.partition("!")
        process, kind, f, *rest = before.split(maxsplit=3)
        value = json.loads(rest[0]) if rest else None
        name, _, key = f.partition("@")
        if kind == "invoke":
            open_[int(process)] = recorder.invoke(time, int(process), name, key or None, value)
        else:
            trouble = json.loads(error) if error else None
            recorder.complete(open_.pop(int(process)), time, KINDS[kind], value, trouble)
    return History(recorder.history())


def done(process: int, f: str, value: str = "", answer: str | None = None) -> str:
    """An operation that succeeds before anything else happens."""
    return f"{process} invoke {f} {value}\n{process} ok {f} {value if answer is None else answer}\n"


def judged(checker: Checker, text: str) -> Result:
    return checker.check(history(text), budget=BUDGET)


def only(result: Result) -> Anomaly:
    """The one anomaly of a result."""
    [anomaly] = result.anomalies
    return anomaly
