"""The operations that prove a violation, as lines of text: for terminals, test reports, comments on a change.

One operation a line, in the order of invocation, with when it began and ended: what overlaps in time is concurrent. All
of it may come from a hostile target, so each line is bounded, and free of control characters.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.checker import Anomaly
from harness.operation import Operation, Type

if TYPE_CHECKING:
    from harness.history import History

OPS_MAX = 40
VALUE_CHARS_MAX = 120


def witness(history: History, anomaly: Anomaly) -> tuple[str, ...]:
    """One line for each operation that the anomaly names; indices outside the history are passed over."""
    rows = sorted({row for index in anomaly.ops if (row := _invocation(history, index)) is not None})
    lines = [_line(history, row) for row in rows[:OPS_MAX]]
    more = len(rows) - OPS_MAX
    return (*lines, *([f"and {more} more operations"] if more > 0 else []))


def _invocation(history: History, index: int) -> int | None:
    if not 0 <= index < len(history):
        return None
    return index if history[index].type is Type.INVOKE else history.invocation(index)


def _line(history: History, row: int) -> str:
    invoked = history[row]
    at = history.completion(row)
    completed = None if at is None else history[at]
    words = [invoked.f, *(_plain(part) for part in (invoked.key, invoked.value) if part is not None)]
    where = f"process {invoked.process}" + (f" on {_plain(invoked.node)}" if invoked.node else "")
    return f"{_span(history, invoked, completed)}  {where}: {_plain(' '.join(words))} -> {_answer(invoked, completed)}"


def _span(history: History, invoked: Operation, completed: Operation | None) -> str:
    if not history.has_times:
        return f"event {invoked.index}" + ("" if completed is None else f" to {completed.index}")
    end = "..." if completed is None or completed.type is Type.INFO else f"{completed.time / 1e9:.6f}"
    return f"{invoked.time / 1e9:.6f} to {end} s"


def _answer(invoked: Operation, completed: Operation | None) -> str:
    if completed is None or completed.type is Type.INFO:
        why = "" if completed is None or completed.error is None else f" ({_plain(completed.error)})"
        return f"no answer{why}: it may take effect at any time"
    if completed.type is Type.FAIL:
        return f"failed: {_plain(completed.error)}"
    changed = completed.value != invoked.value or invoked.f == "read"
    return f"ok {_plain(completed.value)}" if changed else "ok"


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=True, default=str)
    shown = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text[:VALUE_CHARS_MAX])
    return shown if len(text) <= VALUE_CHARS_MAX else f"{shown}... ({len(text):,} characters)"
