"""A violation as people can follow it: a column per process, time running down, each operation a block from its call
to its answer.

The form is Lincheck's: concurrency is what stands side by side, real-time order is what stands above or below. The
table is plain HTML with row spans, so it reads without a style sheet too. A second view draws the same operations to
scale on a time axis, because "long after" and "a millisecond after" look the same in a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from harness.checker import Anomaly
from harness.operation import Operation, Type
from reports.cycles import Cycle, cycle
from reports.data import FaultRecord
from reports.intervals import Span, intervals
from reports.text import show

if TYPE_CHECKING:
    from harness.history import History

OPS_MAX = 40


@dataclass(frozen=True, slots=True)
class Cell:
    """A block in the table; `span` is None for an empty one. `rows` is how many rows it covers."""

    span: Span | None
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Counterexample:
    """What a template needs of one anomaly. `rows` pairs a time (None: later) with the cells
    that begin there, one per free column. `faults` is None where nothing is known of them; `timed` is False where times
    only count events."""

    id: str
    anomaly: Anomaly
    spans: Sequence[Span]
    columns: Sequence[tuple[int, str | None]]
    rows: Sequence[tuple[int | None, Sequence[Cell]]]
    svg: Markup
    faults: Sequence[FaultRecord] | None
    left_out: int
    cycle: Cycle | None = None
    timed: bool = True

    @property
    def other_details(self) -> dict[str, Any]:
        """What the checker noted beside the cycle."""
        return {name: value for name, value in self.anomaly.details.items() if name != "cycle"}


def counterexample(history: History, anomaly: Anomaly, faults: Sequence[FaultRecord] | None, id: str) -> Counterexample:
    """Lays out the operations that prove an anomaly; indices outside the history are passed over."""
    invocations = sorted({found for index in anomaly.ops if (found := _invocation(history, index)) is not None})
    spans = [_span(history, index, number, anomaly) for number, index in enumerate(invocations[:OPS_MAX], 1)]
    start_ns = min((span.start_ns for span in spans), default=0)
    end_ns = max((span.end_ns for span in spans), default=0)
    active = [
        fault
        for fault in faults or ()
        if spans and fault.start_ns <= end_ns and (fault.end_ns is None or fault.end_ns >= start_ns)
    ]
    columns, rows = _grid(spans)
    return Counterexample(
        id,
        anomaly,
        spans,
        columns,
        rows,
        intervals(spans, active, id) if history.has_times else Markup(""),
        None if faults is None else active,
        max(len(invocations) - OPS_MAX, 0),
        cycle(history, anomaly, id),
        history.has_times,
    )


def _invocation(history: History, index: int) -> int | None:
    if not 0 <= index < len(history):
        return None
    return index if history[index].type is Type.INVOKE else history.invocation(index)


def _span(history: History, index: int, number: int, anomaly: Anomaly) -> Span:
    invocation = history[index]
    other = history.completion(index)
    completion = None if other is None else history[other]
    same_key = anomaly.key is not None and str(invocation.key) == anomaly.key
    outcome = "info" if completion is None else completion.type.label
    if (
        completion is not None
        and outcome == "fail"
        and isinstance(completion.error, dict)
        and "current" in completion.error
    ):
        outcome = "refused"
    return Span(
        number, invocation, completion, _call(invocation, same_key), _answer(invocation, completion, outcome), outcome
    )


def _call(op: Operation, same_key: bool) -> str:
    target = "" if op.key is None or same_key else f" {show(op.key, 40)}"
    if op.value is None:
        return f"{show(op.f, 40)}{target}"
    if op.f == "cas" and isinstance(op.value, list | tuple) and len(op.value) == 2:
        return f"cas{target} {show(op.value[0], 60)} → {show(op.value[1], 60)}"
    return f"{show(op.f, 40)}{target} {show(op.value, 120)}"


def _answer(invocation: Operation, completion: Operation | None, outcome: str) -> str:
    if completion is None:
        return "never answered"
    match outcome:
        case "ok":
            if completion.value == invocation.value and completion.value is not None:
                return "ok"
            return (
                f"ok: {_nothing(completion.value)}" if invocation.f == "read" or completion.value is not None else "ok"
            )
        case "refused":
            return f"refused: found {_nothing(completion.error['current'])}"
        case "fail":
            return f"failed: {show(completion.error, 120)}"
        case _:
            why = "" if completion.error is None else f" ({show(completion.error, 120)})"
            return f"no answer{why}: may take effect at any time"


def _nothing(value: Any) -> str:
    return "nothing" if value is None else show(value, 120)


def _grid(spans: Sequence[Span]) -> tuple[list[tuple[int, str | None]], list[tuple[int | None, list[Cell]]]]:
    """Columns `(process, node)` and rows of the table.

    Every event is a row; a block covers the rows from its call to its answer, an open one all that follow.
    """
    events = sorted(
        {op.index: op for span in spans for op in (span.invocation, span.completion) if op}.values(), key=_order
    )
    if any(span.open for span in spans) and events and events[-1].type is Type.INVOKE:
        events.append(events[-1]._replace(index=-1))
    row_of = {op.index: row for row, op in enumerate(events)}
    columns = list(dict.fromkeys((span.invocation.process or 0, span.invocation.node) for span in spans))
    rows: list[tuple[int | None, list[Cell]]] = [(op.time if op.index >= 0 else None, []) for op in events]
    for column in columns:
        mine = [span for span in spans if (span.invocation.process or 0, span.invocation.node) == column]
        row = 0
        for position, span in enumerate(mine):
            first = row_of[span.invocation.index]
            after = row_of[mine[position + 1].invocation.index] if position + 1 < len(mine) else len(events)
            last = after - 1 if span.open or span.completion is None else row_of[span.completion.index]
            _fill(rows, row, first)
            rows[first][1].append(Cell(span, last - first + 1))
            row = last + 1
        _fill(rows, row, len(events))
    return columns, rows


def _order(op: Operation) -> tuple[int, int]:
    return op.time, op.index


def _fill(rows: list[tuple[int | None, list[Cell]]], start: int, end: int) -> None:
    for row in range(start, end):
        rows[row][1].append(Cell(None))
