"""Siblings: is every acknowledged write still there in the end, or replaced by one that had seen it?

Stores that keep concurrent writes side by side promise no order and no single value, but they promise that nothing
vanishes in silence, and that what was replaced stays away. Both can be told from the history alone, since each write
and removal says which values its writer had read (`over`):

    write   {"value": 9, "over": [3, 7], ...}
    remove  {"over": [9], ...}
    read -> {"values": [9], ...}

The end is what the last final read of a key at each node returned (reads invoked after the mark "final").

- `lost-write`: an acknowledged value that no node has in the end, and that no write or removal which took effect was
  meant to replace. One whose fate is unknown took effect if its own value is there, or was replaced in turn; an unknown
  removal may have, so it is believed.
- `resurrected`: every node has a value in the end that an acknowledged write or removal replaced.
- `phantom`: a read returned a value that nobody had written, or only in an operation that certainly failed.

Rejected: judging reads during the run by what they lack. A replica may be behind, and these stores never said
otherwise; that all agree in the end is for `converges`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from harness.checker import Anomaly, Budget, Result
from harness.errors import HistoryError
from harness.faults import phases
from harness.operation import Operation, Type
from harness.verdict import Verdict

if TYPE_CHECKING:
    from harness.history import History

Value = int | str


@dataclass(frozen=True, slots=True)
class _Change:
    """A write, or a removal (whose value is None), and what came of it."""

    index: int
    value: Value | None
    over: frozenset[Value]
    outcome: Type


@dataclass(slots=True)
class _Key:
    """What happened to one key: `last` is the last final read of each node, as values and the read's index."""

    changes: list[_Change] = field(default_factory=list)
    reads: list[tuple[int, list[Value]]] = field(default_factory=list)
    last: dict[str, tuple[int, frozenset[Value]]] = field(default_factory=dict)


class Siblings:
    """`siblings`: takes no options."""

    measures: ClassVar[Mapping[str, Sequence[str]]] = {"lost_writes": ("lost",)}

    def check(self, history: History, *, budget: Budget) -> Result:
        """One pass, and one look at each value. `stats`: `keys, writes, acknowledged, lost, resurrected, phantoms,
        siblings_at_most`.

        Inconclusive without final reads, or when no write was acknowledged. Raises `HistoryError` for values of
        another shape.
        """
        final = phases(history).get("final")
        if final is None:
            why = "the run has no mark 'final': it ended before the final reads"
            return Result(Verdict.INCONCLUSIVE, "siblings", why=why)
        keys = _collect(history, final.index)
        anomalies = [anomaly for name, key in keys.items() for anomaly in _judged(name, key)]
        changes = [change for key in keys.values() for change in key.changes if change.value is not None]
        acknowledged = sum(change.outcome is Type.OK for change in changes)
        kinds = [anomaly.type for anomaly in anomalies]
        stats = {
            "keys": len(keys),
            "writes": len(changes),
            "acknowledged": acknowledged,
            "lost": kinds.count("lost-write"),
            "resurrected": kinds.count("resurrected"),
            "phantoms": kinds.count("phantom"),
            "siblings_at_most": max((len(values) for key in keys.values() for _, values in key.reads), default=0),
        }
        if anomalies:
            more = f" (and {len(anomalies) - 1:,} more)" if len(anomalies) > 1 else ""
            return Result(Verdict.FAIL, "siblings", anomalies, stats, f"{anomalies[0].message}{more}")
        if unread := sorted(name for name, key in keys.items() if key.changes and not key.last):
            why = f"no final read of key {', '.join(unread)} was answered"
            return Result(Verdict.INCONCLUSIVE, "siblings", (), stats, why)
        if not acknowledged:
            return Result(Verdict.INCONCLUSIVE, "siblings", (), stats, "no write was acknowledged")
        why = (
            f"each of {acknowledged:,} acknowledged writes is there in the end, or was replaced by one that saw it; "
            f"up to {stats['siblings_at_most']:,} siblings were read at once"
        )
        return Result(Verdict.PASS, "siblings", (), stats, why)


def _collect(history: History, final: int) -> dict[str, _Key]:
    keys: dict[str, _Key] = defaultdict(_Key)
    for invoked, completed in history.pairs():
        if invoked.process is None or invoked.process < 0:
            continue
        key = keys[str(invoked.key)]
        outcome = Type.INFO if completed is None else completed.type
        if invoked.f in ("write", "remove"):
            key.changes.append(_change(invoked, outcome))
        elif invoked.f == "read" and completed is not None and outcome is Type.OK:
            values = _values(completed, "values")
            key.reads.append((completed.index, values))
            if invoked.index > final:
                key.last[invoked.node or ""] = (completed.index, frozenset(values))
    return keys


def _change(op: Operation, outcome: Type) -> _Change:
    over = frozenset(_values(op, "over"))
    if op.f == "remove":
        return _Change(op.index, None, over, outcome)
    value = op.value.get("value")
    if not _is_value(value):
        raise HistoryError(f"siblings: a write's value is a number or a string, not {value!r:.80}", event=op.index)
    return _Change(op.index, value, over, outcome)


def _values(op: Operation, name: str) -> list[Value]:
    values = op.value.get(name) if isinstance(op.value, Mapping) else None
    if not isinstance(values, list) or not all(map(_is_value, values)):
        raise HistoryError(f"siblings: {op.f} has a list {name!r} of numbers or strings", event=op.index)
    return values


def _is_value(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _judged(name: str, key: _Key) -> Iterator[Anomaly]:
    written: dict[Value, _Change] = {change.value: change for change in key.changes if change.value is not None}
    over: dict[Value, list[_Change]] = defaultdict(list)
    for change in key.changes:
        for value in change.over:
            over[value].append(change)
    yield from _phantoms(name, key.reads, written)
    if not key.last:
        return
    ends = [values for _, values in key.last.values()]
    somewhere, everywhere = frozenset().union(*ends), frozenset.intersection(*ends)
    finals = tuple(index for index, _ in key.last.values())

    @cache
    def took_effect(change: _Change) -> bool:
        if change.outcome is not Type.INFO:
            return change.outcome is Type.OK
        return change.value is None or change.value in somewhere or replaced(change.value)

    def replaced(value: Value) -> bool:
        return any(took_effect(change) for change in over[value])

    for value, change in written.items():
        if change.outcome is Type.OK and value not in somewhere and not replaced(value):
            text = f"key {name}: {value} was acknowledged, nobody replaced it, and it is on no node in the end"
            yield Anomaly("lost-write", text, (change.index, *finals), name)
        later = next((one for one in over[value] if one.outcome is Type.OK), None)
        if later is not None and value in everywhere:
            what = "removed" if later.value is None else f"replaced by {later.value}"
            text = f"key {name}: {value} was {what}, acknowledged, and is on every node in the end"
            yield Anomaly("resurrected", text, (change.index, later.index, *finals), name)


def _phantoms(
    name: str, reads: Sequence[tuple[int, list[Value]]], written: Mapping[Value, _Change]
) -> Iterator[Anomaly]:
    told: set[Value] = set()
    for index, values in reads:
        for value in values:
            change = written.get(value)
            if value in told or (change is not None and change.outcome is not Type.FAIL and change.index < index):
                continue
            told.add(value)
            why = "nobody had written" if change is None or change.index > index else "was refused when it was written"
            ops = (index,) if change is None else (change.index, index)
            yield Anomaly("phantom", f"key {name}: a read returned {value}, which {why}", ops, name)
