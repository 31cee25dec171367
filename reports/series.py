"""A history in numbers: per bucket of time, per node, per kind of operation, per kind of error.

One pass over plain columns; what is kept grows with the number of buckets, nodes and kinds, not with the number of
operations, but for the latencies, which cost eight bytes each until they have become percentiles. (Streaming sketches
would save those bytes and cost exactness; a million operations are 8 MB.) Operations are counted when they were
invoked, so that what a fault did to them shows inside its band.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.answers import Answers, client_answers
from harness.faults import phases
from harness.operation import Type
from reports.charts import nice
from reports.data import FaultRecord
from reports.text import error_kind, show

if TYPE_CHECKING:
    from harness.history import History

BUCKETS_MAX = 600
OPS_PER_BUCKET = 50
OPS_PER_CELL = 10
KINDS_MAX = 200

OUTCOMES = ("ok", "refused", "fail", "info")
"""What became of an operation: it happened; a compare-and-set answered no; it did not happen; nobody knows (also: no
answer at all).
"""

Counts = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of the time to an answer (ok or refused), in ns."""

    p50: int
    p95: int
    p99: int
    max: int

    @classmethod
    def of(cls, latencies: array[int]) -> Latency | None:
        """None of no operation at all. A percentile is the smallest latency that so many per cent do not exceed."""
        if not latencies:
            return None
        ordered = sorted(latencies)
        p50, p95, p99 = (ordered[-(-len(ordered) * percent // 100) - 1] for percent in (50, 95, 99))
        return cls(p50, p95, p99, ordered[-1])


@dataclass(frozen=True, slots=True)
class Kind:
    """All operations of one `f`."""

    f: str
    counts: Counts
    latency: Latency | None


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """Errors alike, how often they came, and one of them with the index of its completion."""

    kind: str
    outcome: str
    count: int
    example: str
    index: int


@dataclass(frozen=True, slots=True)
class NodeUse:
    """The operations of the workers bound to one node: served and all, per cell of time and per regime (`""` is no
    fault, else a family).
    """

    node: str
    served: Sequence[int]
    total: Sequence[int]
    regimes: Mapping[str, tuple[int, int]]

    @property
    def overall(self) -> tuple[int, int]:
        """Served and all."""
        return sum(self.served), sum(self.total)


@dataclass(frozen=True, slots=True)
class Series:
    """See the module's text.

    Bucket i covers `[i * width_ns, (i + 1) * width_ns)`; cells of nodes are `cell_ns` wide.
    """

    width_ns: int
    cell_ns: int
    outcomes: Mapping[str, Sequence[int]]
    latency: Sequence[Latency | None]
    overall: Latency | None
    kinds: Sequence[Kind]
    nodes: Sequence[NodeUse]
    errors: Sequence[ErrorKind]
    phases: Mapping[str, int]
    total: Counts

    @property
    def buckets(self) -> int:
        """How many there are."""
        return len(self.latency)

    @property
    def span_ns(self) -> int:
        """The time they cover."""
        return self.width_ns * self.buckets

    @property
    def ops(self) -> int:
        """All client operations."""
        return sum(self.total)


def series(
    history: History,
    faults: Sequence[FaultRecord] = (),
    *,
    answers: Answers | None = None,
    width_ns: int | None = None,
) -> Series:
    """Counts it all. `answers` are those of the history, where the caller has them already; `width_ns` sets the width
    of the buckets, for charts that are to be compared.
    """
    answers = answers or client_answers(history)
    marks = {name: op.time for name, op in phases(history).items()}
    end_ns = max(answers.invoked_ns[-1] if len(answers) else 0, *marks.values(), 1)
    width_ns = width_ns or _width(end_ns, len(answers))
    buckets = end_ns // width_ns + 1
    outcomes = {outcome: array("q", bytes(8 * buckets)) for outcome in OUTCOMES}
    columns = list(outcomes.values())
    latencies: list[array[int]] = [array("q") for _ in range(buckets)]
    by_f: list[array[int]] = [array("q") for _ in answers.fs]
    counts_by_f = [[0, 0, 0, 0] for _ in answers.fs]
    rows = zip(answers.invoked_ns, answers.completed_ns, answers.outcome, answers.served, answers.f, strict=True)
    for invoked_ns, completed_ns, outcome, served, f in rows:
        column = _COLUMN[outcome] if outcome != Type.FAIL or not served else 1
        bucket = invoked_ns // width_ns
        columns[column][bucket] += 1
        counts_by_f[f][column] += 1
        if served:
            latencies[bucket].append(completed_ns - invoked_ns)
            by_f[f].append(completed_ns - invoked_ns)
    kinds = [
        Kind(f, _counts(counts), Latency.of(spent))
        for f, counts, spent in zip(answers.fs, counts_by_f, by_f, strict=True)
    ]
    every: array[int] = array("q")
    for spent in by_f:
        every.extend(spent)
    cell = _cells_per(buckets, len(answers), len(answers.nodes))
    return Series(
        width_ns=width_ns,
        cell_ns=width_ns * cell,
        outcomes=outcomes,
        latency=[Latency.of(spent) for spent in latencies],
        overall=Latency.of(every),
        kinds=sorted((kind for kind in kinds if any(kind.counts)), key=lambda kind: -sum(kind.counts)),
        nodes=_nodes(answers, faults, width_ns * cell, -(-buckets // cell), marks.get("heal", end_ns)),
        errors=_errors(history, answers),
        phases=marks,
        total=_counts([sum(column) for column in columns]),
    )


_COLUMN = {int(Type.OK): 0, int(Type.FAIL): 2, int(Type.INFO): 3, int(Type.INVOKE): 3}


def _counts(counts: Sequence[int]) -> Counts:
    ok, refused, fail, info = counts
    return ok, refused, fail, info


def _width(end_ns: int, ops: int) -> int:
    """A round width: wide enough for percentiles to mean something, at most `BUCKETS_MAX` buckets."""
    buckets = min(max(ops // OPS_PER_BUCKET, 20), BUCKETS_MAX - 1)
    return max(int(nice(end_ns / buckets)), 1)


def _cells_per(buckets: int, ops: int, nodes: int) -> int:
    """How many buckets make a cell, so that a cell of one node holds enough operations for a share."""
    return max(1, -(-OPS_PER_CELL * buckets * max(nodes, 1) // max(ops, 1)), -(-buckets // 300))


def _nodes(
    answers: Answers, faults: Sequence[FaultRecord], cell_ns: int, cells: int, load_end_ns: int
) -> list[NodeUse]:
    served = [array("q", bytes(8 * cells)) for _ in answers.nodes]
    total = [array("q", bytes(8 * cells)) for _ in answers.nodes]
    for invoked_ns, got, node in zip(answers.invoked_ns, answers.served, answers.node, strict=True):
        if node >= 0:
            total[node][invoked_ns // cell_ns] += 1
            served[node][invoked_ns // cell_ns] += got
    regimes: list[dict[str, tuple[int, int]]] = [{} for _ in answers.nodes]
    for start_ns, end_ns, families in regime_changes(faults, load_end_ns):
        window = answers.between(start_ns, end_ns)
        counts: dict[int, list[int]] = {}
        for row in window:
            pair = counts.setdefault(answers.node[row], [0, 0])
            pair[0] += answers.served[row]
            pair[1] += 1
        for node, (got, asked) in counts.items():
            if node >= 0:
                for family in families or ("",):
                    before = regimes[node].get(family, (0, 0))
                    regimes[node][family] = (before[0] + got, before[1] + asked)
    uses = [NodeUse(name, served[i], total[i], regimes[i]) for i, name in enumerate(answers.nodes) if any(total[i])]
    return sorted(uses, key=lambda use: (len(use.node), use.node))


def regime_changes(faults: Sequence[FaultRecord], end_ns: int) -> list[tuple[int, int, tuple[str, ...]]]:
    """The load cut into spans under the same families of applied faults: `(start_ns, end_ns, families)`."""
    edges: list[tuple[int, int, str]] = []
    for fault in faults:
        if fault.applied:
            edges.append((min(fault.start_ns, end_ns), 1, fault.family))
            edges.append((end_ns if fault.end_ns is None else min(fault.end_ns, end_ns), -1, fault.family))
    spans: list[tuple[int, int, tuple[str, ...]]] = []
    depth: dict[str, int] = {}
    at_ns = 0
    for time_ns, change, family in [*sorted(edges), (end_ns, 0, "")]:
        if time_ns > at_ns:
            spans.append((at_ns, time_ns, tuple(sorted(name for name, count in depth.items() if count > 0))))
            at_ns = time_ns
        depth[family] = depth.get(family, 0) + change
    return spans


def _errors(history: History, answers: Answers) -> list[ErrorKind]:
    """Errors by kind, the commonest first. Past `KINDS_MAX` kinds the rest is counted together.

    An error is parsed once per distinct text, not once per operation.
    """
    column, texts = history.core.codes("error")
    codes: memoryview[int] = memoryview(column)
    completions = history.column("completion")
    kinds = [error_kind(json.loads(text)) for text in texts]
    found: dict[tuple[str, str], list[int]] = {}
    for index, outcome, served in zip(answers.index, answers.outcome, answers.served, strict=True):
        if outcome == Type.OK:
            continue
        event = completions[index]
        if event < 0:
            event, name = index, ("never answered: the run ended first", "info")
        else:
            kind = kinds[codes[event]] if codes[event] >= 0 else error_kind(None)
            name = (kind, "refused" if served else Type(outcome).label)
        if name not in found and len(found) >= KINDS_MAX:
            name = ("other kinds of errors", "several")
        found.setdefault(name, [0, event])[0] += 1
    commonest = sorted(found.items(), key=lambda item: -item[1][0])
    return [
        ErrorKind(kind, outcome, count, "" if codes[event] < 0 else show(json.loads(texts[codes[event]])), event)
        for (kind, outcome), (count, event) in commonest
    ]
