"""Recovery: how long after a heal the service answers on every node again.

Measured from the moment the healing was known to be done (the completion of `stop`) to the moment at which every node
that clients are bound to has answered an operation invoked after it. So the measure contains the time a client took
to ask: it is what a user of the service sees. Faults that overlap are healed together: while another one holds,
nothing is owed; each is measured from the last of these heals.

A stretch without faults ends where the next fault begins, or with the load. A promise of recovery `within` some time is
broken when a stretch of at least that length passed without an answer from a node that was asked in the first half of
it; a node that nobody asked in time (the load had ended, the next fault struck) tells nothing, and such a heal counts
as not measured. Without `within`, the promise is broken by a node that was asked after the last heal, final reads
included, and never answered again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from harness.answers import NOBODY, OPEN, Answers, client_answers
from harness.checker import Anomaly, Budget, Result
from harness.errors import UsageError
from harness.faults import FaultSpan, Status, load_end_ns, spans
from harness.units import duration_s
from harness.verdict import Verdict

if TYPE_CHECKING:
    from harness.history import History

WITNESSES_MAX = 8
"""How many unanswered operations an anomaly names."""


class Recovery:
    """`{recovers: {within}}`: the service answers on all nodes within that time of every heal; without `within`: at
    all.
    """

    covered_by_invocations = True
    measures: ClassVar[Mapping[str, Sequence[str]]] = {"recovery_s": ("worst_s",)}

    def __init__(self, *, within: float | str | None = None) -> None:
        self.within_s = None if within is None else duration_s(within)
        if self.within_s == 0:
            raise UsageError("recovers: within is a duration above zero, such as 5s")

    def check(self, history: History, *, budget: Budget) -> Result:
        """Measures every heal. `stats`: `heals` (one object each), `measured`, `not_measured`, `worst_s` and whose it
        was.
        """
        answers = client_answers(history)
        faults = [span for span in spans(history) if span.status is not Status.SKIPPED]
        within_ns = None if self.within_s is None else round(self.within_s * 1e9)
        recoveries = [_recovery(answers, stretch, within_ns) for stretch in stretches(faults, load_end_ns(history))]
        measured = [one for one in recoveries if one.seconds is not None]
        worst = max(measured, key=lambda one: one.seconds or 0.0, default=None)
        stats = {
            "heals": [one.to_json() for one in recoveries],
            "measured": len(measured),
            "not_measured": sum(one.seconds is None and not one.broken for one in recoveries),
            "worst_s": worst.seconds if worst else None,
            "worst_node": worst.node if worst else None,
            "worst_faults": list(worst.stretch.faults) if worst else [],
        }
        anomalies = [self._anomaly(one) for one in recoveries if one.broken]
        if anomalies:
            return Result(Verdict.FAIL, "recovers", anomalies, stats, anomalies[0].message)
        if worst is None:
            return Result(Verdict.INCONCLUSIVE, "recovers", (), stats, _nothing(recoveries))
        slowest = f"the slowest took {worst.seconds:.3f} s (node {worst.node})"
        why = f"{len(measured)} of {len(recoveries)} heals were measured, {slowest}"
        return Result(Verdict.PASS, "recovers", (), stats, why)

    def _anomaly(self, one: _Recovery) -> Anomaly:
        answered = "was not seen to answer again" if one.seconds is None else f"answered only after {one.seconds:.3f} s"
        promised = "" if self.within_s is None else f", promised: within {self.within_s:g} s"
        message = f"after {', '.join(one.stretch.faults)} was healed, node {one.node} {answered}{promised}"
        return Anomaly("no-recovery", message, one.ops, details=one.to_json())


@dataclass(frozen=True, slots=True)
class Stretch:
    """Load without faults after a heal: `[healed_ns, end_ns)`, empty for a heal after the load.

    `faults` were healed together; `last` says that no fault came after it.
    """

    faults: tuple[str, ...]
    healed_ns: int
    end_ns: int
    last: bool


def stretches(faults: Sequence[FaultSpan], load_end_ns: int) -> list[Stretch]:
    """The stretches of a run, in order. A fault that is not known to have been healed leaves none after it."""
    found: list[Stretch] = []
    together: list[str] = []
    healed_ns = 0
    ordered = sorted(faults, key=lambda span: span.injected_at_ns)
    for place, span in enumerate(ordered):
        if span.healed_at_ns is None:
            return found
        together.append(span.id)
        healed_ns = max(healed_ns, span.healed_at_ns)
        following = ordered[place + 1].injected_at_ns if place + 1 < len(ordered) else None
        if following is None or following > healed_ns:
            end_ns = load_end_ns if following is None else following
            found.append(Stretch(tuple(together), healed_ns, max(end_ns, healed_ns), following is None))
            together = []
    return found


@dataclass(frozen=True, slots=True)
class _Recovery:
    """What became of one heal. `node` is the slowest, or the one that tells nothing; `seconds` None: not seen."""

    stretch: Stretch
    seconds: float | None
    node: str | None
    broken: bool = False
    why: str = ""
    ops: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        healed = self.stretch.healed_ns / 1e9
        told = {"faults": list(self.stretch.faults), "healed_s": healed, "seconds": self.seconds, "node": self.node}
        return told | ({"why": self.why} if self.why else {})


def _recovery(answers: Answers, stretch: Stretch, within_ns: int | None) -> _Recovery:
    """The worst that any node has to say: broken, else not told, else the longest time."""
    rows: list[list[int]] = [[] for _ in answers.nodes]
    node_of = answers.node
    for row in answers.between(stretch.healed_ns, None if stretch.last else stretch.end_ns):
        if node_of[row] != NOBODY:
            rows[node_of[row]].append(row)
    told = [_node(answers, node, asked, stretch, within_ns) for node, asked in zip(answers.nodes, rows, strict=True)]
    if not told:
        return _Recovery(stretch, None, None, why="no client is bound to a node")
    return max(told, key=lambda one: (one.broken, one.seconds is None, one.seconds or 0.0))


def _node(answers: Answers, node: str, rows: Sequence[int], stretch: Stretch, within_ns: int | None) -> _Recovery:
    asked = [row for row in rows if answers.invoked_ns[row] < stretch.end_ns]
    replies = [answers.completed_ns[row] for row in asked if answers.served[row]]
    first = min((time for time in replies if stretch.last or time <= stretch.end_ns), default=None)
    seconds = None if first is None else round((first - stretch.healed_ns) / 1e9, 6)
    if first is not None and (within_ns is None or first - stretch.healed_ns <= within_ns):
        return _Recovery(stretch, seconds, node)
    unanswered = [row for row in rows if not answers.served[row]]
    if within_ns is None:
        silent = len(unanswered) == len(rows) and any(answers.completed_ns[row] != OPEN for row in rows)
        broken = stretch.last and silent
    else:
        watched = stretch.end_ns - stretch.healed_ns >= within_ns
        broken = watched and any(answers.invoked_ns[row] <= stretch.healed_ns + within_ns // 2 for row in asked)
    if broken:
        ops = tuple(answers.index[row] for row in (unanswered or asked)[:WITNESSES_MAX])
        return _Recovery(stretch, seconds, node, broken=True, ops=ops)
    return _Recovery(stretch, None, node, why=f"{node} {_untold(stretch, bool(asked), first is not None)}")


def _untold(stretch: Stretch, asked: bool, answered: bool) -> str:
    if stretch.end_ns == stretch.healed_ns:
        return "was healed when the load had ended"
    if not asked:
        return "was not asked before the next fault"
    return "was asked too late to tell" if answered else "had not answered when the next fault struck or the load ended"


def _nothing(recoveries: Sequence[_Recovery]) -> str:
    if not recoveries:
        return "no fault was healed in a way that left a time without faults"
    reasons = ", ".join(dict.fromkeys(one.why for one in recoveries if one.why))
    return f"none of {len(recoveries)} heals could be measured: {reasons}"
