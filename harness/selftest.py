"""Does the harness find what it must, and blame nobody who is innocent?

Every target that has bugs to plant says how it is tried (`Trial`) and which bugs it can be given (`Bug`). A bug is
hunted seed by seed, each seed with all trials of its target and no plan of its own, until a claim of the target fails
with an anomaly that fits the bug. The same trials of the unspoiled target must never fail. Both are told in full, since
a harness that finds every bug by blaming everybody is as useless as one that finds none.

Runs are simulated and independent, so they are spread over processes; each answers with a few plain values.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness import plugins
from harness.experiment import Experiment, resolve
from harness.faults import Status
from harness.judge import ClaimVerdict
from harness.plan import Plan
from harness.run import Outcome, attempt
from harness.runs import RunFolder
from harness.target import Bug, Target
from harness.verdict import Verdict

INCONCLUSIVE_SHARE_MAX = 0.02
"""More runs without an answer than this, and the trials of a target prove too little."""


@dataclass(frozen=True, slots=True)
class Found:
    """How a bug was found: the seed's place in the hunt (from 1), the trial that showed it, and the first anomaly that
    fits."""

    seeds: int
    seed: int
    workload: str
    nemeses: tuple[str, ...]
    claim: str
    anomaly: str
    message: str


@dataclass(frozen=True, slots=True)
class Hunt:
    """One bug hunted once. `found` is None when no seed showed it. `virtual_s` and `wall_s` are what all runs took
    together."""

    target: str
    bug: str
    found: Found | None
    seeds_max: int
    virtual_s: float
    wall_s: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Clean:
    """One trial of an unspoiled target: its verdict, and why it is no pass where it is none."""

    target: str
    workload: str
    seed: int
    verdict: Verdict
    why: str
    wall_s: float


def subjects(only: Sequence[str] = ()) -> dict[str, Target]:
    """The installed targets that have trials in the simulator, by name; or only the named ones. Raises
    `UnknownName`."""
    made = {name: plugins.load("targets", name)() for name in (only or plugins.names("targets"))}
    return {name: target for name, target in made.items() if target.trials and not hasattr(target.service, "daemons")}


def hunt(target: str, bug: Bug, first_seed: int, seeds_max: int) -> Hunt:
    """Looks for one bug. Never raises for what the target does."""
    began = time.monotonic()
    virtual_s = 0.0
    problem = ""
    for count in range(seeds_max):
        for trial in plugins.load("targets", target)(bug=bug.name).trials:
            experiment = resolve(Plan.build(trial.plan(target, first_seed + count, bug=bug.name)))
            outcome = _attempt(experiment)
            virtual_s += experiment.plan.time
            problem = outcome.problem or problem
            if shown := _shown(outcome, bug):
                claim, kind, message = shown
                families = tuple(
                    sorted({span["family"] for span in outcome.faults if span["status"] == Status.APPLIED.value})
                )
                found = Found(count + 1, first_seed + count, trial.workload, families, claim, kind, message)
                return Hunt(target, bug.name, found, seeds_max, virtual_s, time.monotonic() - began)
    return Hunt(target, bug.name, None, seeds_max, virtual_s, time.monotonic() - began, problem)


def clean(target: str, place: int, seed: int) -> Clean:
    """Runs the trial at that place of an unspoiled target."""
    began = time.monotonic()
    trial = plugins.load("targets", target)().trials[place]
    outcome = _attempt(resolve(Plan.build(trial.plan(target, seed))))
    why = "; ".join(
        [f"{claim.id}: {claim.why}" for claim in outcome.claims if claim.verdict is not Verdict.PASS]
        + ([outcome.problem] if outcome.problem else [])
    )
    return Clean(target, trial.workload, seed, outcome.verdict, why, time.monotonic() - began)


def conduct(
    targets: Sequence[str],
    *,
    seeds_max: int,
    clean_seeds: int,
    repeats: int,
    workers: int,
    only_bugs: Sequence[str] = (),
) -> Iterator[Hunt | Clean]:
    """Everything that was asked for, as it is done, in no order. Hunts of one bug start at seeds 0, 1000, 2000 and so
    on."""
    # Not forked: a child would inherit the threads of the core in whatever state they are.
    with ProcessPoolExecutor(max_workers=workers, mp_context=get_context("spawn")) as pool:
        waiting: list[Future[Any]] = []
        for name, target in subjects(targets).items():
            bugs = [bug for bug in target.bugs if not only_bugs or bug.name in only_bugs]
            waiting += [
                pool.submit(hunt, name, bug, 1000 * repeat, seeds_max) for bug in bugs for repeat in range(repeats)
            ]
            waiting += [
                pool.submit(clean, name, place, seed)
                for place in range(len(target.trials))
                for seed in range(clean_seeds)
            ]
        for done in as_completed(waiting):
            yield done.result()


def _attempt(experiment: Experiment) -> Outcome:
    with TemporaryDirectory(prefix="splitbrain-selftest-") as directory:
        folder = RunFolder.create(Path(directory), experiment.plan.target.name, experiment.plan.seed)
        return attempt(experiment, folder)


def _shown(outcome: Outcome, bug: Bug) -> tuple[str, str, str] | None:
    """The claim, type and words of the first anomaly of a failed claim that fits the bug."""
    for claim in outcome.claims:
        if claim.verdict is Verdict.FAIL:
            for kind, message in _anomalies(claim):
                if kind in bug.shows_as:
                    return claim.id, kind, message
    return None


def _anomalies(claim: ClaimVerdict) -> list[tuple[str, str]]:
    """What a failed claim shows, and the claim's own expectation, which some checkers fail without a single anomaly."""
    name = claim.expect if isinstance(claim.expect, str) else next(iter(claim.expect))
    return [*((anomaly.type, anomaly.message) for anomaly in claim.anomalies), (name, claim.why)]
