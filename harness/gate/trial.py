"""One run of a gate or a campaign, in a worker: several cases that ask for the same run are judged on it together."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from harness.experiment import admit, resolve
from harness.faults import Status
from harness.judge import ClaimVerdict
from harness.plan import Plan
from harness.run import Outcome, attempt, explain, keep
from harness.runs import RunFolder
from harness.verdict import Verdict
from harness.witness import witness

ANOMALIES_MAX = 10
"""How many violations of one claim are kept of a run; its report has more."""


class Keep(StrEnum):
    """Which runs are kept whole: every one, those of which something can be learned (a violation, also one that a
    claim expects, or no answer), or those in which a promise or the harness broke."""

    ALL = "all"
    TELLING = "telling"
    FAILURES = "failures"

    def wants(self, outcome: Outcome, judged: Sequence[Judged]) -> bool:
        """Whether that run is one of them."""
        match self:
            case Keep.ALL:
                return True
            case Keep.TELLING:
                kept = any(one.sightings or one.verdict is not Verdict.PASS for one in judged)
            case Keep.FAILURES:
                kept = any(one.verdict in (Verdict.FAIL, Verdict.ERROR) for one in judged)
        return kept or bool(outcome.problem)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A violation: its type, what it means in words, and the operations that prove it as lines of text."""

    anomaly: str
    message: str
    witness: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """What one run says about one expectation. `claim` is its id; `negated` that it is a known limit (`{not: X}`)."""

    claim: str
    negated: bool
    verdict: Verdict
    why: str
    sightings: tuple[Sighting, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a run: a judgement for each expectation, in their order; none when the harness failed (`problem`).

    `folder` is where it is kept, empty where all was as it should be. `applied` are the families of faults of which at
    least one was in force.
    """

    seed: int
    judged: tuple[Judged, ...]
    problem: str
    folder: str
    ops: int
    virtual_s: float
    wall_s: float
    applied: tuple[str, ...] = ()


def conduct(plan: Plan, expects: Sequence[Any], runs_root: Path, keeping: Keep) -> Trial:
    """Runs a plan and judges it on these expectations (in a claims file's form), or on what the target itself claims
    if there is none. Raises `UsageError` for what cannot run here, and nothing for what the target does."""
    began = time.monotonic()
    experiment = resolve(plan.model_copy(update={"expect": list(expects)}))
    admit(experiment)
    negated = {claim.id: claim.expect.negated for claim in experiment.claims}
    folder = RunFolder.create(runs_root, plan.target.name, plan.seed)
    kept = False
    try:
        folder.write(folder.plan, experiment.plan.to_yaml())
        outcome = attempt(experiment, folder)
        judged = tuple(_judged(claim, negated[claim.id], outcome) for claim in outcome.claims)
        kept = keeping.wants(outcome, judged)
        if kept:
            keep(outcome)
            explain(outcome)
        else:
            shutil.rmtree(folder.path, ignore_errors=True)
    except BaseException:  # an interruption may come in the middle of judging, and of removing, too
        if not kept:
            shutil.rmtree(folder.path, ignore_errors=True)
        raise
    return Trial(
        seed=plan.seed,
        judged=judged,
        problem=outcome.problem or "",
        folder=str(folder.path) if kept else "",
        ops=outcome.stats.get("ops", 0),
        virtual_s=plan.time,
        wall_s=time.monotonic() - began,
        applied=tuple(sorted({span["family"] for span in outcome.faults if span["status"] == Status.APPLIED.value})),
    )


def _judged(claim: ClaimVerdict, negated: bool, outcome: Outcome) -> Judged:
    sightings = tuple(
        Sighting(anomaly.type, anomaly.message, witness(outcome.history, anomaly) if outcome.history else ())
        for anomaly in claim.anomalies[:ANOMALIES_MAX]
    )
    return Judged(claim.id, negated, claim.verdict, claim.why, sightings)
