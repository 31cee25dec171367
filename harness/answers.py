"""What clients asked, and what they got: the client operations of a history as plain columns.

Availability, recovery, coverage and counts all need the same few numbers of every operation and none of its values.
Kept as arrays, a million operations take 30 MB; as objects they would take twenty times that.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.operation import Type

if TYPE_CHECKING:
    from harness.history import History

OPEN = -1
"""The completion time of an operation that never completed."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The client operations of a history, in the order of their invocations. Row i of every column is one operation.

    `index` is the invocation's place in the history; `invoked_ns` and `completed_ns` (`OPEN` if never) are times;
    `outcome` is a `Type` (INVOKE while open); `served` is 1 where the service gave its answer: ok, or a
    compare-and-set that was refused with the value found. `node` and `f` are positions in `nodes` and `fs`; node -1
    is a worker bound to none.
    """

    index: array[int] = field(default_factory=lambda: array("q"))
    invoked_ns: array[int] = field(default_factory=lambda: array("q"))
    completed_ns: array[int] = field(default_factory=lambda: array("q"))
    outcome: bytearray = field(default_factory=bytearray)
    served: bytearray = field(default_factory=bytearray)
    node: array[int] = field(default_factory=lambda: array("i"))
    f: array[int] = field(default_factory=lambda: array("i"))
    nodes: list[str] = field(default_factory=list)
    fs: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.index)

    def between(self, start_ns: int, end_ns: int | None) -> range:
        """The rows of the operations invoked in `[start_ns, end_ns)`; no end means to the last."""
        stop = len(self) if end_ns is None else bisect_left(self.invoked_ns, end_ns)
        return range(bisect_left(self.invoked_ns, start_ns), stop)


def client_answers(history: History) -> Answers:
    """Reads them off a history, in one pass."""
    answers = Answers()
    nodes: dict[str, int] = {}
    fs: dict[str, int] = {}
    rows: dict[int, int] = {}
    for op in history:
        if op.process is None or op.process < 0:
            continue
        if op.type is Type.INVOKE:
            rows[op.process] = len(answers)
            answers.index.append(op.index)
            answers.invoked_ns.append(op.time)
            answers.completed_ns.append(OPEN)
            answers.outcome.append(Type.INVOKE)
            answers.served.append(0)
            answers.node.append(-1 if op.node is None else nodes.setdefault(op.node, len(nodes)))
            answers.f.append(fs.setdefault(op.f, len(fs)))
        elif (row := rows.pop(op.process, None)) is not None:
            answers.completed_ns[row] = op.time
            answers.outcome[row] = op.type
            answers.served[row] = op.type is Type.OK or (op.type is Type.FAIL and refused(op.error))
    answers.nodes.extend(nodes)
    answers.fs.extend(fs)
    return answers


def refused(error: Any) -> bool:
    """Whether a definite failure is an answer all the same: a compare-and-set refused with the value that was found."""
    return isinstance(error, Mapping) and "current" in error
