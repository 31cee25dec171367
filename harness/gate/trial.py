"""One run of a gate, in a worker: several cases that ask for the same run are judged on it together."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.experiment import admit, resolve
from harness.judge import ClaimVerdict
from harness.plan import Plan
from harness.run import Outcome, attempt, explain, keep
from harness.runs import RunFolder
from harness.verdict import Verdict
from harness.witness import witness

ANOMALIES_MAX = 10
"""How many violations of one claim are kept of a run; its report has more."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A violation: its type, what it means in words, and the operations that prove it as lines of text."""

    anomaly: str
    message: str
    witness: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """What one run says about one expectation."""

    verdict: Verdict
    why: str
    sightings: tuple[Sighting, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a run: a judgement for each expectation, in their order; none when the harness failed (`problem`).

    `folder` is where it is kept, empty where all was as it should be.
    """

    seed: int
    judged: tuple[Judged, ...]
    problem: str
    folder: str
    ops: int
    virtual_s: float
    wall_s: float


def conduct(plan: Plan, expects: Sequence[Any], runs_root: Path, keeps_all: bool) -> Trial:
    """Runs a plan and judges it on these expectations (in a claims file's form). Raises `UsageError` for what cannot
    run here, and nothing for what the target does."""
    began = time.monotonic()
    experiment = resolve(plan.model_copy(update={"expect": list(expects)}))
    admit(experiment)
    folder = RunFolder.create(runs_root, plan.target.name, plan.seed)
    try:
        folder.write(folder.plan, experiment.plan.to_yaml())
        outcome = attempt(experiment, folder)
    except BaseException:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    judged = tuple(_judged(claim, outcome) for claim in outcome.claims)
    kept = keeps_all or bool(outcome.problem) or any(one.sightings or one.verdict is not Verdict.PASS for one in judged)
    if kept:
        keep(outcome)
        explain(outcome)
    else:
        shutil.rmtree(folder.path, ignore_errors=True)
    return Trial(
        seed=plan.seed,
        judged=judged,
        problem=outcome.problem or "",
        folder=str(folder.path) if kept else "",
        ops=outcome.stats.get("ops", 0),
        virtual_s=plan.time,
        wall_s=time.monotonic() - began,
    )


def _judged(claim: ClaimVerdict, outcome: Outcome) -> Judged:
    sightings = tuple(
        Sighting(anomaly.type, anomaly.message, witness(outcome.history, anomaly) if outcome.history else ())
        for anomaly in claim.anomalies[:ANOMALIES_MAX]
    )
    return Judged(claim.verdict, claim.why, sightings)
