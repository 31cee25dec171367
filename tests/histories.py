"""Hand-made histories for tests: operations, faults and phase marks, recorded as a run would record them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness._core import Recorder
from harness.history import History
from harness.operation import NEMESIS, PHASE, Operation, Type

OK, FAIL, INFO = Type.OK, Type.FAIL, Type.INFO


def ns(seconds: float) -> int:
    """Nanoseconds, rounded: tests speak in seconds."""
    return round(seconds * 1e9)


def applied(**measured: Any) -> dict[str, Any]:
    """Evidence in the form of the history."""
    return {"status": "applied", "measured": measured or {"seen": True}}


def skipped(why: str = "not running") -> dict[str, Any]:
    return {"status": "skipped", "measured": {}, "why": why}


def indeterminate(why: str = "no answer") -> dict[str, Any]:
    return {"status": "indeterminate", "measured": {}, "why": why}


@dataclass
class Script:
    """Collects events in any order. Times are seconds. Every client operation gets a process of its own unless one is
    named.
    """

    events: list[tuple[Operation, Operation | None]] = field(default_factory=list)
    processes: int = 0

    def op(
        self,
        at: float,
        node: str | None = "n1",
        type: Type | None = OK,
        *,
        f: str = "read",
        key: str | None = "x",
        value: Any = None,
        error: Any = None,
        took: float = 0.01,
        process: int | None = None,
    ) -> Script:
        """One client operation; `type` None leaves it open. `value` is that of the completion (and of a write's
        invocation).
        """
        if process is None:
            process, self.processes = self.processes, self.processes + 1
        argument = None if f == "read" else value
        invoked = Operation(f, key, argument, process, Type.INVOKE, ns(at), node)
        completed = None if type is None else invoked._replace(type=type, time=ns(at + took), value=value, error=error)
        return self._add(invoked, completed)

    def steady(
        self,
        start: float,
        end: float,
        nodes: Sequence[str],
        type: Type | None = OK,
        *,
        every: float = 0.1,
        error: Any = None,
        took: float = 0.01,
    ) -> Script:
        """Reads on every node at fixed intervals in `[start, end)`."""
        for step in range(round((end - start) / every)):
            for node in nodes:
                self.op(start + step * every, node, type, error=error, took=took)
        return self

    def nemesis(
        self,
        at: float,
        f: str,
        value: Any,
        *,
        done: float | None,
        result: Any = None,
        error: Any = None,
        worker: int = 0,
    ) -> Script:
        """One event pair of a nemesis; `done` None leaves it open, a `result` of None repeats the value."""
        invoked = Operation(f, None, value, NEMESIS - 1 - worker, Type.INVOKE, ns(at))
        if done is None:
            return self._add(invoked, None)
        result = value if result is None else result
        return self._add(invoked, invoked._replace(type=INFO, time=ns(done), value=result, error=error))

    def fault(
        self,
        id: str,
        at: float,
        until: float | None,
        nodes: Mapping[str, Any] | Sequence[str],
        *,
        drops: Mapping[str, Sequence[str]] | None = None,
        shape: Mapping[str, float] | None = None,
        healed: Mapping[str, Any] | None = None,
        took: float = 0.01,
        worker: int = 0,
    ) -> Script:
        """A whole fault of the family its id begins with. `nodes` are those hit, or the evidence per node; `until`
        None: never stopped.
        """
        family = id.rsplit("-", 1)[0]
        evidence = nodes if isinstance(nodes, Mapping) else {node: applied() for node in nodes}
        resolved = {"nodes": list(evidence)} if drops is None else {"drops": {to: list(of) for to, of in drops.items()}}
        resolved |= {"shape": dict(shape)} if shape else {}
        told = {"fault": id, "draw": {}, "resolved": resolved, "nodes": evidence}
        self.nemesis(at, f"start-{family}", {"fault": id, "draw": {}}, done=at + took, result=told, worker=worker)
        if until is not None:
            told = {"fault": id, "nodes": healed or {}}
            self.nemesis(until, f"stop-{family}", {"fault": id}, done=until + took, result=told, worker=worker)
        return self

    def cut(
        self, id: str, at: float, until: float | None, sides: Sequence[Sequence[str]], *, dropped: int = 9
    ) -> Script:
        """A partition into sides that do not hear each other."""
        everyone = [node for side in sides for node in side]
        drops = {node: [other for other in everyone if other not in side] for side in sides for node in side}
        healed = {node: applied(dropped_packets=dropped) for node in drops}
        return self.fault(id, at, until, everyone, drops=drops, healed=healed)

    def phase(self, name: str, at: float) -> Script:
        """A phase mark, as the harness sets it: an operation of process -1 that takes no time."""
        invoked = Operation(PHASE, None, name, NEMESIS, Type.INVOKE, ns(at))
        return self._add(invoked, invoked._replace(type=INFO))

    def history(self) -> History:
        """The events in order of time; of equal times completions come first, as the interpreter takes them."""
        return record(self.events)

    def _add(self, invoked: Operation, completed: Operation | None) -> Script:
        self.events.append((invoked, completed))
        return self


def record(events: Sequence[tuple[Operation, Operation | None]]) -> History:
    """Records them in order of time."""
    rows: list[tuple[int, bool, int, Operation]] = []
    for number, (invoked, completed) in enumerate(events):
        instant = completed is not None and completed.time == invoked.time
        rows.append((invoked.time, not instant, number, invoked))
        if completed is not None:
            rows.append((completed.time, False, number, completed))
    recorder = Recorder()
    indices: dict[int, int] = {}
    for time, _, number, op in sorted(rows, key=lambda row: row[:2]):
        if op.type is Type.INVOKE:
            indices[number] = recorder.invoke(time, op.process or 0, op.f, op.key, op.value, op.node)
        else:
            recorder.complete(indices[number], time, op.type, op.value, op.error)
    recorder.close()
    history = History(recorder.history())
    assert not history.problems()
    return history
