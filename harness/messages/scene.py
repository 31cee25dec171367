"""Where the messages round a violation are looked for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.checker import Anomaly
from harness.messages.topic import Topic, plain
from harness.operation import Operation, Type

if TYPE_CHECKING:
    from harness.history import History

MARGIN_NS = 50_000_000
"""How long before its first operation, and after its last, a scene begins and ends."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where to look: the violation, its time, what it is about, and where its operations begin and end."""

    anomaly: Anomaly
    start_ns: int
    end_ns: int
    topic: Topic
    moments: Sequence[int]

    @classmethod
    def of(cls, history: History, anomaly: Anomaly) -> Scene | None:
        """None for an anomaly without operations, or a history without times."""
        rows = {row for index in anomaly.ops if (row := _invocation(history, index)) is not None}
        if not rows or not history.has_times:
            return None
        ends = {end for row in rows if (end := history.completion(row)) is not None}
        moments = sorted(history[row].time for row in rows | ends)
        start_ns, end_ns = max(moments[0] - MARGIN_NS, 0), moments[-1] + MARGIN_NS
        steps = [step for row in sorted(rows | ends) for step in _steps(history[row])]
        keys = frozenset({key for key, _ in steps} if anomaly.key is None else {anomaly.key})
        times = history.column("time")
        during = range(bisect_left(times, start_ns), bisect_left(times, end_ns))
        types = history.types()
        steps += [step for row in during if types[row] == Type.INVOKE for step in _steps(history[row])]
        values = frozenset(value for key, value in steps if key in keys and value is not None)
        return cls(anomaly, start_ns, end_ns, Topic(keys, values), moments)

    def distance_ns(self, time_ns: int) -> int:
        """From here to the nearest beginning or end of an operation."""
        place = bisect_left(self.moments, time_ns)
        return min(abs(moment - time_ns) for moment in self.moments[max(place - 1, 0) : place + 1])


def _invocation(history: History, index: int) -> int | None:
    if not 0 <= index < len(history):
        return None
    return index if history[index].type is Type.INVOKE else history.invocation(index)


def _steps(op: Operation) -> Iterator[tuple[str, str | None]]:
    """The keys an event of a client touches, each with a value, by their texts. `["append", 3, 7]` is a step of a
    transaction."""
    if op.process is None or op.process < 0:
        return
    if op.key is not None:
        for value in op.value if isinstance(op.value, list) else (op.value,):
            yield str(op.key), plain(value)
    elif isinstance(op.value, list):
        for step in op.value:
            if isinstance(step, list) and len(step) > 1 and plain(step[1]) is not None:
                for value in step[2] if len(step) > 2 and isinstance(step[2], list) else step[2:]:
                    yield str(step[1]), plain(value)
                yield str(step[1]), None
