"""Coverage: did the faults bite, and was the service used while they did?

A run whose faults never took hold, or whose clients never got an answer while they held, has tested nothing; its pass
would be the most dangerous verdict of all, because nobody looks at a pass twice. So coverage is told per family of
faults, and judging turns every pass without it into `inconclusive`.

The same goes for each kind of operation: a store that takes every write and answers no read is never caught in a lie.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from harness.answers import Answers
from harness.faults import FaultSpan, Status
from harness.operation import Type

TRIED = 20
"""A kind of operation invoked so often must have succeeded at least once."""


@dataclass(frozen=True, slots=True)
class FamilyCoverage:
    """One family of faults: how many of its faults came to what, and the client operations inside the windows of the
    applied ones.

    `ops` were invoked inside a window; of these, `ok_ops` were also completed ok before that window ended. `whys` are
    the distinct reasons of the faults that were not applied.
    """

    applied: int
    skipped: int
    indeterminate: int
    ops: int
    ok_ops: int
    whys: tuple[str, ...] = ()

    def to_json(self) -> dict[str, int]:
        """The counts."""
        return {
            "applied": self.applied,
            "skipped": self.skipped,
            "indeterminate": self.indeterminate,
            "ops": self.ops,
            "ok_ops": self.ok_ops,
        }


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a run has tested: client operations in all, and per family of faults that its plan asked for. `vain` are the
    kinds of operations that were tried often, and never succeeded, with how often."""

    ops: int
    ok_ops: int
    failed_ops: int
    families: Mapping[str, FamilyCoverage]
    vain: Mapping[str, int] = field(default_factory=dict)

    def missing(self, *, answered: bool = True) -> str:
        """Why this run is not enough for a pass, in one sentence; empty when it is.

        `answered` says what has to lie inside the windows of each family: operations that ended ok, or (for claims
        about availability, which judge the silence too) operations that were invoked.
        """
        if not (self.ok_ops if answered else self.ops):
            return self._nothing_ok() if self.ops else "no client operation was invoked"
        vain = [f"none of {count:,} {f} operations ended ok" for f, count in self.vain.items() if answered]
        return "; ".join(filter(None, (*vain, *(_missing(name, one, answered) for name, one in self.families.items()))))

    def _nothing_ok(self) -> str:
        unknown = self.ops - self.failed_ops
        return (
            f"no client operation ended ok: of {self.ops:,}, {self.failed_ops:,} failed, {unknown:,} are indeterminate"
        )

    def to_json(self, *, answered: bool = True) -> dict[str, Any]:
        """The `coverage` of a claim in verdict.json."""
        why = self.missing(answered=answered)
        families = {name: one.to_json() for name, one in self.families.items()}
        return {"complete": not why, "why": why, "ops": self.ops, "ok_ops": self.ok_ops, "families": families}


def coverage(answers: Answers, spans: Sequence[FaultSpan], families: Collection[str]) -> Coverage:
    """The coverage of a run whose plan asked for these families; spans of other families do not count."""
    ok_ops = answers.outcome.count(Type.OK)
    return Coverage(
        len(answers),
        ok_ops,
        answers.outcome.count(Type.FAIL),
        {family: _family(answers, [span for span in spans if span.family == family]) for family in families},
        _vain(answers),
    )


def _vain(answers: Answers) -> dict[str, int]:
    tried, served = Counter(answers.f), Counter(compress(answers.f, answers.served))
    return {answers.fs[f]: count for f, count in tried.items() if count >= TRIED and not served[f]}


def _family(answers: Answers, spans: Sequence[FaultSpan]) -> FamilyCoverage:
    seen = bytearray(len(answers))
    for span in spans:
        if not span.applied:
            continue
        for row in answers.between(span.start_ns, span.end_ns):
            if seen[row] < _ANSWERED:
                inside = answers.outcome[row] == Type.OK and answers.completed_ns[row] <= span.end_ns
                seen[row] = _ANSWERED if inside else _ASKED
    ok_ops = seen.count(_ANSWERED)
    statuses = [span.status for span in spans]
    return FamilyCoverage(
        applied=statuses.count(Status.APPLIED),
        skipped=statuses.count(Status.SKIPPED),
        indeterminate=statuses.count(Status.INDETERMINATE),
        ops=ok_ops + seen.count(_ASKED),
        ok_ops=ok_ops,
        whys=tuple(dict.fromkeys(span.why for span in spans if not span.applied and span.why)),
    )


_ASKED, _ANSWERED = 1, 2


def _missing(family: str, one: FamilyCoverage, answered: bool) -> str:
    if not one.applied:
        tried = one.skipped + one.indeterminate
        if not tried:
            return f"no {family} was injected"
        reasons = f" ({'; '.join(one.whys[:3])})" if one.whys else ""
        return f"none of {tried} {family} faults is known to have been applied{reasons}"
    if not one.ops:
        return f"no client operation was invoked inside a {family} window"
    if answered and not one.ok_ops:
        return f"none of {one.ops} client operations invoked inside {family} windows ended ok there"
    return ""
