"""What a campaign can choose from: the workloads of a target, and the faults under which it promises something of each.

A target says itself what it is for. Only what a claim speaks for is ever mixed, so a drawn run always has a question to
answer, and only what this cluster can do; families that were named and cannot be done are an error, never skipped.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness import plugins
from harness.errors import Unsupported, UsageError
from harness.experiment import make
from harness.nemesis import MeetsTarget
from harness.packages import ALL, PACKAGES
from harness.plan import Part
from harness.target import Target, Trial


@dataclass(frozen=True, slots=True)
class Bounds:
    """What every run of a campaign has in common. None and an empty `workloads` leave it to the draw; `families` may
    also name packages, and is empty for no faults at all. `time_s` is how long each load lasts."""

    cluster: str = "sim"
    workloads: tuple[str, ...] = ()
    families: tuple[str, ...] | None = None
    nodes: int | None = None
    time_s: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As a record tells them; what is left to the draw is left out."""
        told: dict[str, Any] = {"cluster": self.cluster, "nodes": self.nodes, "time_s": self.time_s}
        told |= {"workloads": list(self.workloads) or None}
        told |= {"nemeses": None if self.families is None else list(self.families)}
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Menu:
    """One target's. `regimes` are, by workload, the sets of families that can be drawn from, each sorted: one for each
    set that a promise speaks for, and `promised` those sets, whole. `trials` is how the target is tried by default;
    `missing` says of each promised family that cannot be done here why not."""

    target: Part
    bounds: Bounds
    regimes: Mapping[str, Sequence[tuple[str, ...]]]
    promised: Mapping[str, Sequence[frozenset[str]]]
    trials: Sequence[Trial]
    missing: Mapping[str, str]


def menu(asked: Part, bounds: Bounds) -> Menu:
    """The menu of a target. Raises `UnknownName`, `Unsupported` or `UsageError` for bounds in which nothing can be
    tried."""
    target: Target = make("targets", asked)
    named = None if bounds.families is None else _expanded(bounds.families)
    if strange := [name for name in bounds.workloads if name not in target.workloads]:
        raise Unsupported(
            f"target {asked.name!r} has no client for workload {strange[0]!r}: it has {', '.join(target.workloads)}"
        )
    missing = _missing(target, bounds.cluster, named)
    if named and (impossible := [name for name in named if name in missing]):
        raise Unsupported(f"cluster {bounds.cluster} cannot do {impossible[0]}: {missing[impossible[0]]}")
    promised = {workload: _promised(target, workload) for workload in bounds.workloads or target.workloads}
    regimes = {workload: found for workload, sets in promised.items() if (found := _regimes(sets, missing, named))}
    if not regimes:
        raise UsageError(
            f"{asked.name} promises nothing of {', '.join(bounds.workloads) or 'any workload'} under "
            f"{', '.join(named or ()) or 'no faults'}: a campaign tries only what a target claims"
        )
    return Menu(asked, bounds, regimes, promised, target.trials, missing)


def _promised(target: Target, workload: str) -> list[frozenset[str]]:
    """Known limits (`not`) ask for no run of their own: they are judged beside what is promised."""
    return [claim.nemeses for claim in target.claims if claim.workload == workload and not claim.expect.negated]


def _regimes(
    promised: Sequence[frozenset[str]], missing: Collection[str], named: Collection[str] | None
) -> list[tuple[str, ...]]:
    usable = (
        sorted(family for family in families if family not in missing and (named is None or family in named))
        for families in promised
    )
    faulty = sorted({tuple(families) for families in usable if families})
    if faulty:
        return faulty
    return [()] if promised and not named else []


def _missing(target: Target, cluster: str, named: Collection[str] | None) -> dict[str, str]:
    """Why families cannot be used: those that the target promises something under, or those that were named."""
    powers = plugins.load("clusters", cluster).probe()
    if reason := powers.get("available"):
        raise Unsupported(f"cluster {cluster} cannot be used here: {reason}")
    found = {}
    for family in sorted({family for claim in target.claims for family in claim.nemeses} | set(named or ())):
        nemesis = make("nemeses", Part(name=family))
        reasons = [why for need in sorted(nemesis.needs) if (why := powers.get(need, "it does not know this fault"))]
        if isinstance(nemesis, MeetsTarget):
            try:
                nemesis.meet(target)
            except Unsupported as refusal:
                reasons.append(str(refusal))
        if reasons:
            found[family] = reasons[0]
    return found


def _expanded(named: Sequence[str]) -> tuple[str, ...] | None:
    """Families in place of packages; None for all there are."""
    if ALL in named:
        return None
    return tuple(dict.fromkeys(family for name in named for family in PACKAGES.get(name, (name,))))
