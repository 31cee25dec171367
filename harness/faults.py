"""Faults as the history tells them: spans, evidence, and who could still talk to whom.

A nemesis leaves two op pairs per fault: `start-<family>` and `stop-<family>`, both completed as `info`. Their values
are JSON objects:

    start, invoked    {"fault": "partition-1", "draw": {"grudge": "majority"}}
    start, completed  {"fault": ..., "draw": ..., "resolved": {"drops": {"n3": ["n1", "n2"]}}, "nodes": {"n3":
    EVIDENCE}} stop, invoked     {"fault": "partition-1"} stop, completed   {"fault": ..., "nodes": {"n3": EVIDENCE}}

EVIDENCE is `{"status": "applied" | "skipped" | "indeterminate", "measured": {...}, "why": "..."}`. `resolved` says whom
it hit: partitions give `drops`, a directed map from a node to those whose messages it does not receive; all others give
`nodes`, a list of names. The span of a fault in force runs from the completion of `start` to the invocation of `stop`.

A completion with an `error` says that the injection or the healing itself went wrong: nobody knows what it left in
force. A fault may be healed more than once; the first `stop` ends its window, the first that surely worked ends its
outer bound.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from harness.errors import HistoryError
from harness.operation import PHASE, Operation, Type

if TYPE_CHECKING:
    from harness.history import History

CUTS = frozenset({"partition"})
"""Families whose faults cut links: `resolved` holds `drops`."""

SHAPES = frozenset({"packet"})
"""Families whose faults do something to packets, and count them as `..._packets`."""

_HAPPENED = {"loss": "lost_packets", "duplicate": "duplicated_packets", "reorder": "reordered_packets"}

SCARCITIES = frozenset({"limits"})
"""Families whose faults bite once somebody wants more than there is."""

_SHORTAGE = frozenset({"throttled_ms", "limit_hits", "oom_kills"})

STOPS = frozenset({"kill", "pause", "power", "corruption", "membership"})
"""Families whose faults stop the service on the nodes they hit, or take it out of the cluster."""


class Status(StrEnum):
    """How sure we are that a fault was in force on a node."""

    APPLIED = "applied"
    SKIPPED = "skipped"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read back from one node.

    `measured` is JSON with units in its names; `applied` without a measurement is refused.
    """

    status: Status
    measured: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""

    def __post_init__(self) -> None:
        if self.status is Status.APPLIED and not self.measured:
            raise ValueError("a fault counts as applied only with something measured on the node")

    def to_json(self) -> dict[str, Any]:
        """The form kept in the history."""
        return {"status": self.status.value, "measured": dict(self.measured)} | ({"why": self.why} if self.why else {})


@dataclass(frozen=True, slots=True)
class Fault:
    """One instance of a fault: what to inject.

    `draw` is what the schedule chose, e.g. `{"grudge": "ring"}` or `{"targets": "minority"}`.
    """

    id: str
    family: str
    draw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Injection:
    """What an injection came to: whom it hit (`resolved`, see the module's text) and the evidence per node."""

    resolved: Mapping[str, Any]
    nodes: Mapping[str, Evidence]


@dataclass(frozen=True, slots=True)
class FaultSpan:
    """One fault as the history tells it. All times are ns since the run began; `ops` are the indices of its events.

    `[start_ns, end_ns)` is the window: the fault was surely in force. It ends with the load for a fault that nobody
    stopped. `[injected_at_ns, healed_at_ns)` is the outer bound: outside it the fault was surely not in force;
    `healed_at_ns` is None when no healing is known to have succeeded. An injection that never came to an end has an
    empty window.

    `nodes` holds per node the evidence of start and stop together: the status is that of start; what stop measured is
    added, with the prefix `healed_` where both measured a thing of the same name.
    """

    id: str
    family: str
    injected_at_ns: int
    start_ns: int
    end_ns: int
    healed_at_ns: int | None
    draw: Mapping[str, Any]
    resolved: Mapping[str, Any]
    nodes: Mapping[str, Evidence]
    status: Status
    why: str
    ops: tuple[int, ...]

    @property
    def applied(self) -> bool:
        """Whether claims about this family may rest on this fault."""
        return self.status is Status.APPLIED

    def may_hold_at(self, time_ns: int) -> bool:
        """Whether the fault, as far as anybody knows, could have been in force then."""
        return self.injected_at_ns <= time_ns and (self.healed_at_ns is None or time_ns < self.healed_at_ns)

    def to_json(self) -> dict[str, Any]:
        """One line of faults.jsonl."""
        return {
            "id": self.id,
            "family": self.family,
            "status": self.status.value,
            "why": self.why,
            "injected_at_ns": self.injected_at_ns,
            "start_ns": self.start_ns,
            "end_ns": self.end_ns,
            "healed_at_ns": self.healed_at_ns,
            "draw": dict(self.draw),
            "resolved": dict(self.resolved),
            "nodes": {node: evidence.to_json() for node, evidence in sorted(self.nodes.items())},
            "ops": list(self.ops),
        }


def spans(history: History) -> list[FaultSpan]:
    """Every fault of a history, in the order of injection.

    Events of nemeses that carry no fault's id (histories of other tools) are passed over. Raises `HistoryError` when
    one that carries an id is not of the form above.
    """
    drafts: dict[str, _Draft] = {}
    open_ops: dict[int, tuple[str, str]] = {}
    for op in nemesis_ops(history):
        step, _, family = op.f.partition("-")
        if step not in ("start", "stop") or not family or op.process is None:
            continue
        if op.type is Type.INVOKE:
            fault = op.value.get("fault") if isinstance(op.value, Mapping) else None
            if isinstance(fault, str):
                open_ops[op.process] = (op.f, fault)
                _invoked(drafts, step, family, fault, op)
        elif (opened := open_ops.pop(op.process, None)) and opened[0] == op.f and (draft := drafts.get(opened[1])):
            draft.ops.append(op.index)
            draft.started(op) if step == "start" else draft.stopped(op)
    if not drafts:
        return []
    end = load_end_ns(history)
    return [draft.span(end) for draft in drafts.values()]


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


def _invoked(drafts: dict[str, _Draft], step: str, family: str, fault: str, op: Operation) -> None:
    draft = drafts.get(fault)
    if step == "start":
        if draft is not None:
            raise HistoryError(
                f"event {op.index}: fault {fault!r} is started a second time; every fault has an id of its own"
            )
        drafts[fault] = _Draft(fault, family, op.time, _mapping(op, "draw"), ops=[op.index])
    elif draft is not None:
        draft.end_ns = op.time if draft.end_ns is None else draft.end_ns
        draft.ops.append(op.index)


@dataclass(slots=True)
class _Draft:
    """A fault while its events are being read."""

    id: str
    family: str
    injected_at_ns: int
    draw: Mapping[str, Any]
    resolved: Mapping[str, Any] = field(default_factory=dict)
    start_ns: int | None = None
    end_ns: int | None = None
    healed_at_ns: int | None = None
    injected: Mapping[str, Evidence] | None = None
    healed: dict[str, Evidence] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    ops: list[int] = field(default_factory=list)

    def started(self, op: Operation) -> None:
        self.start_ns = op.time
        if op.error is not None:
            self.problems.append(f"the injection failed: {_text(op.error)}")
        elif isinstance(op.value, Mapping) and "nodes" in op.value:
            self.resolved = _mapping(op, "resolved")
            self.injected = _evidence(op)
        else:
            self.problems.append("the injection left no evidence")

    def stopped(self, op: Operation) -> None:
        if op.error is not None:
            self.problems.append(f"healing failed: {_text(op.error)}")
            return
        evidence = _evidence(op)
        self.healed.update(evidence)
        unsure = [node for node, one in evidence.items() if one.status is Status.INDETERMINATE]
        if unsure:
            self.problems.append("nobody knows whether it was healed on " + ", ".join(sorted(unsure)))
        elif self.healed_at_ns is None:
            self.healed_at_ns = op.time

    def span(self, load_end_ns: int) -> FaultSpan:
        end_ns = max(load_end_ns, self.injected_at_ns) if self.end_ns is None else self.end_ns
        start_ns = end_ns if self.start_ns is None else min(self.start_ns, end_ns)
        status, why = self._judged()
        return FaultSpan(
            self.id,
            self.family,
            self.injected_at_ns,
            start_ns,
            end_ns,
            self.healed_at_ns,
            self.draw,
            self.resolved,
            self._nodes(),
            status,
            "; ".join(filter(None, [why, *self.problems])),
            tuple(self.ops),
        )

    def _judged(self) -> tuple[Status, str]:
        if self.injected is None:
            return Status.INDETERMINATE, "" if self.problems else "the injection never came to an end"
        statuses = {one.status for one in self.injected.values()}
        if Status.APPLIED in statuses:
            if self.family in CUTS and _dropped(self.healed) == 0:
                return Status.INDETERMINATE, "it never bit: nothing was dropped while it was in force"
            if self.family in SHAPES and _shaped(self.healed, self.resolved.get("shape") or {}) == 0:
                return Status.INDETERMINATE, "it never bit: it touched no packet while it was in force"
            if self.family in SCARCITIES and _counted(self.healed, _SHORTAGE.__contains__) == 0:
                return Status.INDETERMINATE, "it never bit: nobody wanted more than the limit while it was in force"
            if _counted(self.healed, "injected_syncs".__eq__) == 0:
                return Status.INDETERMINATE, "it never bit: nobody synced while it was in force"
            return Status.APPLIED, ""
        reasons = sorted(f"{node}: {one.why or one.status.value}" for node, one in self.injected.items())
        status = Status.INDETERMINATE if statuses - {Status.SKIPPED} else Status.SKIPPED
        return status, ", ".join(reasons) or "it hit no node"

    def _nodes(self) -> dict[str, Evidence]:
        if self.injected is None:
            return {node: Evidence(Status.INDETERMINATE, one.measured, one.why) for node, one in self.healed.items()}
        return {node: _merged(one, self.healed.get(node)) for node, one in self.injected.items()}


def _merged(start: Evidence, stop: Evidence | None) -> Evidence:
    if stop is None:
        return start
    measured = dict(start.measured)
    for name, value in stop.measured.items():
        measured[name if measured.get(name, value) == value else f"healed_{name}"] = value
    return Evidence(start.status, measured, "; ".join(dict.fromkeys(filter(None, (start.why, stop.why)))))


def _dropped(healed: Mapping[str, Evidence]) -> float | None:
    """How much a cut dropped or rejected (`dropped_packets`, `rejected_packets`, ...), over all nodes; None when nobody
    counted."""
    return _counted(healed, lambda name: name.startswith(("dropped", "rejected")))


def _counted(healed: Mapping[str, Evidence], counts: Callable[[str], bool]) -> float | None:
    values = [
        value
        for one in healed.values()
        for name, value in one.measured.items()
        if counts(name) and isinstance(value, int | float)
    ]
    return sum(values) if values else None


def _shaped(healed: Mapping[str, Evidence], shape: Mapping[str, Any]) -> float | None:
    """How many packets had happen to them what the shape says, or, where nobody tells these apart, passed at all."""
    own = {_HAPPENED[name] for name in shape if name in _HAPPENED}
    happened = _counted(healed, own.__contains__)
    return happened if happened is not None else _counted(healed, lambda name: name.endswith("_packets"))


def _evidence(op: Operation) -> dict[str, Evidence]:
    nodes = _mapping(op, "nodes")
    try:
        return {
            node: Evidence(Status(one["status"]), one.get("measured") or {}, one.get("why") or "")
            for node, one in nodes.items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise HistoryError(
            f"event {op.index}: {op.f} carries evidence that is none ({problem!r}): {nodes!r}"
        ) from problem


def _mapping(op: Operation, name: str) -> Mapping[str, Any]:
    found = op.value.get(name, {}) if isinstance(op.value, Mapping) else None
    if not isinstance(found, Mapping):
        raise HistoryError(f"event {op.index}: {op.f} should carry an object as {name!r}, not {found!r}")
    return found


def _text(error: Any) -> str:
    if isinstance(error, Mapping) and error.get("message"):
        return f"{error.get('class') or error.get('type') or 'error'}: {error['message']}"
    return error if isinstance(error, str) else json.dumps(error, ensure_ascii=False)
