"""What nemeses and the harness itself left in a history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.operation import PHASE, Operation

if TYPE_CHECKING:
    from harness.history import History


def phases(history: History) -> dict[str, Operation]:
    """The first mark of each phase ("load", "heal", "settle", "final", "end"), by name, in order."""
    marks: dict[str, Operation] = {}
    for op in nemesis_ops(history):
        if op.f == PHASE and isinstance(op.value, str):
            marks.setdefault(op.value, op)
    return marks


def nemesis_ops(history: History) -> Iterator[Operation]:
    """The events of nemeses and of the harness itself, in order."""
    return (history[row] for row, process in enumerate(history.column("process")) if process < 0)


def load_end_ns(history: History) -> int:
    """When the load ended: at the mark "heal", or with the last event of a run that was cut off before it."""
    mark = phases(history).get("heal")
    if mark is not None:
        return mark.time
    return history[len(history) - 1].time if len(history) else 0
