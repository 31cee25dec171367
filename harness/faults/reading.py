"""The spans of a history's faults, read from the events of its nemeses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.errors import HistoryError
from harness.faults.bite import why_never_bit
from harness.faults.evidence import Evidence, Status
from harness.faults.fault import FaultSpan
from harness.faults.marks import load_end_ns, nemesis_ops
from harness.operation import Operation, Type

if TYPE_CHECKING:
    from harness.history import History


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
            never_bit = why_never_bit(self.family, self.resolved, self.healed)
            return (Status.INDETERMINATE, never_bit) if never_bit else (Status.APPLIED, "")
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
