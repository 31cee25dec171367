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
    error: Any = None

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
            done = asked._replace(
                type=did.outcome, time=(did.start + did.took) * 1_000_000, value=value, error=did.error
            )
        events.append((asked, done))
    if final_at is not None:
        mark = Operation(PHASE, None, "final", NEMESIS, Type.INVOKE, round(final_at * 1_000_000))
        events.append((mark, mark._replace(type=Type.INFO)))
    return record(events)


@st.composite
def feeds(draw: st.DrawFn, add: str) -> list[Did]:
    """Entries of two feeds by three people, who read them as they are, or with something missing, moved or doubled."""
    lists: dict[int, list[int]] = {0: [], 1: []}
    people, free_at = [0, 1, 2], [0, 0, 0]
    ops: list[Did] = []
    for id in range(draw(st.integers(0, 14))):
        who, key, start = draw(st.integers(0, 2)), draw(st.integers(0, 1)), 10 * id
        if free_at[who] > start:
            continue
        took, outcome = draw(st.sampled_from([3, 14, 25])), draw(st.sampled_from([Type.OK, Type.OK, *OUTCOMES]))
        node = f"n{who + 1}"
        if draw(st.booleans()):
            ops.append(Did(start, took, add, key, id, id, outcome, node, people[who]))
            if outcome is not Type.FAIL or draw(st.integers(0, 9)) == 0:
                lists[key].append(id)
        else:
            found = [*lists[key]]
            match draw(st.integers(0, 5)):
                case 0 if found:
                    del found[draw(st.integers(0, len(found) - 1))]
                case 1 if found:
                    found.insert(draw(st.integers(0, len(found) - 1)), found[-1])
                case 2:
                    found = [*draw(st.permutations(found))]
                case 3 if draw(st.booleans()):
                    found = [*found, 99]
            ops.append(Did(start, took, "read", key, None, found, outcome, node, people[who]))
        free_at[who] = start + took
        if outcome not in (Type.OK, Type.FAIL):
            people[who] += 3
            free_at[who] = start + 5
    return ops
