"""Random small histories of applications, and hand-made ones as tuples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

from harness.history import History
from harness.operation import NEMESIS, PHASE, Operation, Type
from tests.histories import record

OUTCOMES = (Type.OK, Type.FAIL, Type.INFO, None)


class Did(NamedTuple):
    """One operation of a process of its own, in milliseconds, unless one is named; `outcome` None never completes."""

    start: int
    took: int
    f: str
    key: Any
    asked: Any
    got: Any = None
    outcome: Type | None = Type.OK
    node: str = "n1"
    process: int | None = None

    @property
    def end(self) -> float:
        return self.start + self.took if self.outcome in (Type.OK, Type.FAIL) else float("inf")


def told(ops: Sequence[Did], *, final_at: float | None = None) -> History:
    """The history of these operations, with the mark "final" at that time."""
    events: list[tuple[Operation, Operation | None]] = []
    for number, did in enumerate(ops):
        process = number if did.process is None else did.process
        asked = Operation(did.f, did.key, did.asked, process, Type.INVOKE, did.start * 1_000_000, did.node)
        done = None
        if did.outcome is not None:
            value = did.got if did.outcome is Type.OK else did.asked
            done = asked._replace(type=did.outcome, time=(did.start + did.took) * 1_000_000, value=value)
        events.append((asked, done))
    if final_at is not None:
        mark = Operation(PHASE, None, "final", NEMESIS, Type.INVOKE, round(final_at * 1_000_000))
        events.append((mark, mark._replace(type=Type.INFO)))
    return record(events)


def starts(most: int = 30) -> st.SearchStrategy[list[int]]:
    """Distinct moments, so that the order of events is that of times."""
    return st.lists(st.integers(0, 60), unique=True, max_size=most)
