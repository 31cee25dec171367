"""Convergence: once everything is healed, do all nodes come to hold the same, and when?

The final reads, those invoked after the mark "final", are made by every worker for every key. The value of a key is
what its last final read returned (by invocation), and the store has converged on it when the last final read of the
key at every node returned that value.

When: at the latest read, over all keys, that was invoked after the mark "heal" and still returned something else than
the key's value. Its invocation, counted from that mark, is `last_disagreement_s`: the store had not converged then,
so convergence took at least that long; None when no read disagreed. What is measured is thus a lower bound, as fine
as the reads are dense; a failure based on it is certain. The upper bound is `agreed_by_s`: by then every node had
been seen with the value of every key that converged.

Without `within`, no final read at all may disagree: the time to settle was the store's. With `within`, no read later
than that after the mark may; where the last reads of the nodes disagree and all came earlier than that, nothing is
known.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.checker import Anomaly, Budget, Result
from harness.errors import UsageError
from harness.faults import phases
from harness.operation import Operation, Type
from harness.units import duration_s
from harness.verdict import Verdict

if TYPE_CHECKING:
    from harness.history import History

NAMED_MAX = 5
"""How many keys or nodes a sentence names."""

VALUE_CHARS_MAX = 60
"""How much of a value a sentence shows."""


class Convergence:
    """`{converges: {within}}`. `read` is the `f` of the workload's reads, `within` a duration after the mark "heal"."""

    def __init__(self, *, within: float | str | None = None, read: str = "read") -> None:
        if not isinstance(read, str) or not read:
            raise UsageError(f"converges: read is the name of an operation, not {read!r}")
        self.within_s = None if within is None else duration_s(within)
        self.read = read

    def check(self, history: History, *, budget: Budget) -> Result:
        """Reads the values of all reads after the heal.

        `stats`: `keys, agreed, diverged, not_told, last_disagreement_s, agreed_by_s`.
        """
        marks = phases(history)
        heal, final = marks.get("heal"), marks.get("final")
        if heal is None or final is None:
            why = f"the run has no mark {'heal' if heal is None else 'final'!r}: it ended before the final reads"
            return Result(Verdict.INCONCLUSIVE, "converges", why=why)
        used = history.keys()
        found: dict[str | int | None, _Key] = {key: _Key(key) for key in used}
        for invoked, completed in _reads_after(history, heal.index, self.read):
            key = found.setdefault(invoked.key, _Key(invoked.key))
            key.take(invoked, completed, final=invoked.index > final.index)
        limit_ns = None if self.within_s is None else heal.time + round(self.within_s * 1e9)
        findings = [_judged(key, heal.time, limit_ns) for key in found.values()]
        return self._result(findings)

    def _result(self, findings: Sequence[_Finding]) -> Result:
        late = [one.last_disagreement_s for one in findings if one.last_disagreement_s is not None]
        anomalies = [one.anomaly for one in findings if one.anomaly]
        untold = [one.untold for one in findings if one.untold]
        agreed_by = max((one.agreed_by_s for one in findings if one.agreed_by_s is not None), default=None)
        stats = {
            "keys": len(findings),
            "agreed": len(findings) - len(anomalies) - len(untold),
            "diverged": len(anomalies),
            "not_told": len(untold),
            "last_disagreement_s": max(late, default=None),
            "agreed_by_s": agreed_by,
        }
        if anomalies:
            why = f"{len(anomalies)} of {len(findings)} keys did not converge; {anomalies[0].message}"
            return Result(Verdict.FAIL, "converges", anomalies, stats, why)
        if untold or not findings:
            told = "; ".join(untold[:NAMED_MAX]) or "no key was used"
            more = f" (and {len(untold) - NAMED_MAX} more)" if len(untold) > NAMED_MAX else ""
            return Result(Verdict.INCONCLUSIVE, "converges", (), stats, told + more)
        differed = f"the last read that differed came {max(late):.3f} s" if late else "no read differed"
        why = f"all nodes agree on every key ({len(findings):,}), seen by {agreed_by:.3f} s after healing; {differed}"
        return Result(Verdict.PASS, "converges", (), stats, why + " after it")


@dataclass(frozen=True, slots=True)
class _Read:
    """One answered read after the heal. `value` is canonical JSON text, `index` the invocation's."""

    index: int
    invoked_ns: int
    completed_ns: int
    node: str
    value: str
    final: bool


@dataclass(slots=True)
class _Key:
    """What was read of one key after the heal; `asked` are the nodes that a final read was sent to."""

    key: str | int | None
    reads: list[_Read] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def take(self, invoked: Operation, completed: Operation | None, *, final: bool) -> None:
        node = "?" if invoked.node is None else invoked.node
        if final:
            self.asked.add(node)
        if completed is not None and completed.type is Type.OK:
            value = json.dumps(completed.value, sort_keys=True, ensure_ascii=False)
            self.reads.append(_Read(invoked.index, invoked.time, completed.time, node, value, final))


@dataclass(frozen=True, slots=True)
class _Finding:
    """What is known of one key: an anomaly, or why nothing can be told, or neither when the nodes agree."""

    last_disagreement_s: float | None = None
    agreed_by_s: float | None = None
    anomaly: Anomaly | None = None
    untold: str = ""


def _judged(key: _Key, heal_ns: int, limit_ns: int | None) -> _Finding:
    """The verdict on one key; see the module's text."""
    reads = sorted(key.reads, key=lambda read: read.index)
    last = {read.node: read for read in reads if read.final}
    if not last:
        return _Finding(untold=f"key {key.key}: no final read of it was answered")
    value = max(last.values(), key=lambda read: read.index).value
    differing = [read for read in reads if read.value != value]
    late_s = max(((read.invoked_ns - heal_ns) / 1e9 for read in differing), default=None)
    broken = [read for read in differing if (read.final if limit_ns is None else read.invoked_ns > limit_ns)]
    if broken and late_s is not None:
        return _Finding(late_s, anomaly=_divergence(key.key, broken, last, value, late_s))
    if silent := sorted(key.asked - last.keys()):
        return _Finding(late_s, untold=f"key {key.key}: {', '.join(silent)} answered no final read of it")
    if len(last) < 2:
        return _Finding(late_s, untold=f"key {key.key}: only node {min(last)} was asked for it in the end")
    if disagreeing := sorted(node for node, read in last.items() if read.value != value):
        early = f"{', '.join(disagreeing)} still differed, but was read before the time promised had passed"
        return _Finding(late_s, untold=f"key {key.key}: {early}")
    return _Finding(late_s, _agreed_by_s(reads, value, heal_ns))


def _agreed_by_s(reads: Sequence[_Read], value: str, heal_ns: int) -> float:
    """When every node had been seen with the value, after the last read of anything else."""
    first: dict[str, int] = {}
    for read in reads:
        if read.value != value:
            first.clear()
        else:
            first[read.node] = min(first.get(read.node, read.completed_ns), read.completed_ns)
    return (max(first.values()) - heal_ns) / 1e9


def _divergence(
    key: str | int | None, broken: Sequence[_Read], last: Mapping[str, _Read], value: str, late_s: float
) -> Anomaly:
    """One read of each value at the least: the last ones, which nothing came after to excuse."""
    agreeing = [read for read in last.values() if read.value == value]
    values: dict[str, list[_Read]] = {value: agreeing}
    for read in {read.node: read for read in broken}.values():
        values.setdefault(read.value, []).append(read)
    told = " and ".join(f"{_text(text)} on {', '.join(_names(reads))}" for text, reads in values.items())
    message = f"key {key}: after healing, reads returned {told}; the last that differed came {late_s:.3f} s after it"
    details = {"values": {text: sorted({read.node for read in reads}) for text, reads in values.items()}}
    ops = sorted(reads[-1].index for reads in values.values())
    return Anomaly("divergent", message, tuple(ops), None if key is None else str(key), details)


def _names(reads: Sequence[_Read]) -> list[str]:
    nodes = sorted({read.node for read in reads})
    return nodes if len(nodes) <= NAMED_MAX else [*nodes[:NAMED_MAX], f"{len(nodes) - NAMED_MAX} more"]


def _text(value: str) -> str:
    return value if len(value) <= VALUE_CHARS_MAX else value[:VALUE_CHARS_MAX] + "..."


def _reads_after(history: History, start: int, f: str) -> Iterator[tuple[Operation, Operation | None]]:
    """The reads that clients invoked after that event, with their completions."""
    invoked: dict[int, Operation] = {}
    for row in range(bisect_left(history.column("index"), start), len(history)):
        op = history[row]
        if op.process is None or op.process < 0:
            continue
        if op.type is Type.INVOKE:
            if op.f == f:
                invoked[op.process] = op
        elif (read := invoked.pop(op.process, None)) is not None:
            yield read, op
    for read in invoked.values():
        yield read, None
