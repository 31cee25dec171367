"""Does the harness find what it must, and blame nobody who is innocent?

Every target that has bugs to plant says how it is tried (`Trial`) and which bugs it can be given (`Bug`). A bug is
hunted seed by seed, each seed with all trials of its target (one of those that take turns) and no plan of its own,
until a claim of the target fails with an anomaly that fits the bug. The same trials of the unspoiled target must never
fail. Both are told in full, since a harness that finds every bug by blaming everybody is as useless as one that finds
none.

Runs are simulated and independent, so they are spread over processes (`harness.parallel`); each answers with a few
plain values, which `harness.scorecard` adds up.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from harness import plugins
from harness.errors import UnknownName, UsageError
from harness.experiment import Experiment, resolve
from harness.faults import Status
from harness.parallel import Lost, Task, perform
from harness.plan import Plan
from harness.run import Outcome, attempt
from harness.runs import RunFolder
from harness.target import Bug, Target
from harness.verdict import Verdict

APART = 1000
"""How far apart the first seeds of repeated hunts are: so many seeds may one hunt take."""


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
    story: str
    found: Found | None
    seeds_max: int
    virtual_s: float
    wall_s: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Clean:
    """One run of a trial of an unspoiled target: its verdict, and why it is no pass where it is none. `trial` is the
    trial's place among those of the target."""

    target: str
    trial: int
    workload: str
    nemeses: tuple[str, ...]
    seed: int
    verdict: Verdict
    why: str
    wall_s: float


def subjects(only: Sequence[str] = ()) -> dict[str, Target]:
    """The installed targets that have trials in the simulator, by name; or only the named ones. Raises `UnknownName`,
    and `UsageError` for a named one that has none."""
    made = {name: plugins.load("targets", name)() for name in (only or plugins.names("targets"))}
    found = {name: target for name, target in made.items() if target.trials and not hasattr(target.service, "daemons")}
    if missing := [name for name in only if name not in found]:
        raise UsageError(f"{missing[0]} has no trials in the simulator: there is {', '.join(subjects())}")
    return found


def tasks(
    only: Sequence[str], *, seeds_max: int, clean_seeds: int, repeats: int, only_bugs: Sequence[str] = ()
) -> list[Task]:
    """What there is to do for these targets, all if none is named: each gives a `Hunt` or a `Clean`.

    Hunts of one bug start at seeds 0, 1000, 2000 and so on. They come first: how long one takes nobody knows, and what
    is left to the end should be short, so that no process works alone for long. Raises as `subjects`, and `UnknownName`
    for a bug that none of the targets has.
    """
    found = subjects(only)
    every = {bug.name for target in found.values() for bug in target.bugs}
    if strange := [name for name in only_bugs if name not in every]:
        raise UnknownName(f"no bug is called {strange[0]!r}: there is {', '.join(sorted(every)) or 'none to plant'}")
    hunts = [
        Task(f"{name}: hunt for {bug.name} from seed {APART * repeat}", hunt, (name, bug, APART * repeat, seeds_max))
        for name, target in found.items()
        for bug in target.bugs
        if not only_bugs or bug.name in only_bugs
        for repeat in range(repeats)
    ]
    return hunts + [
        Task(f"{name}: trial {place + 1} with seed {seed}", clean, (name, place, seed))
        for name, target in found.items()
        for place, trial in enumerate(target.trials)
        for seed in range(clean_seeds)
        if trial.has(seed)
    ]


def conduct(wanted: Sequence[Task], workers: int) -> Generator[Hunt | Clean | Lost, None, None]:
    """Does it all, and tells what came of each task as it is done, in no order. Nothing is left when it ends, also when
    it is closed or interrupted. Raises `HarnessError` when processes keep dying."""
    return perform(wanted, workers)


def hunt(target: str, bug: Bug, first_seed: int, seeds_max: int) -> Hunt:
    """Looks for one bug. Never raises for what the target does."""
    began = time.monotonic()
    virtual_s = 0.0
    problem = ""
    trials = plugins.load("targets", target)(bug=bug.name).trials
    for count in range(seeds_max):
        for trial in (each for each in trials if each.has(first_seed + count)):
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
                return Hunt(target, bug.name, bug.story, found, seeds_max, virtual_s, time.monotonic() - began)
    return Hunt(target, bug.name, bug.story, None, seeds_max, virtual_s, time.monotonic() - began, problem)


def clean(target: str, place: int, seed: int) -> Clean:
    """Runs the trial at that place of an unspoiled target."""
    began = time.monotonic()
    trial = plugins.load("targets", target)().trials[place]
    outcome = _attempt(resolve(Plan.build(trial.plan(target, seed))))
    why = "; ".join(
        [f"{claim.id}: {claim.why}" for claim in outcome.claims if claim.verdict is not Verdict.PASS]
        + ([outcome.problem] if outcome.problem else [])
    )
    took_s = time.monotonic() - began
    return Clean(target, place, trial.workload, trial.nemeses, seed, outcome.verdict, why, took_s)


def _attempt(experiment: Experiment) -> Outcome:
    with TemporaryDirectory(prefix="splitbrain-selftest-") as directory:
        folder = RunFolder.create(Path(directory), experiment.plan.target.name, experiment.plan.seed)
        return attempt(experiment, folder)


def _shown(outcome: Outcome, bug: Bug) -> tuple[str, str, str] | None:
    """The claim, type and words of the first anomaly that fits the bug. Where what fits is the claim's expectation, it
    is the first anomaly of that claim; some checkers fail without a single one."""
    for claim in outcome.claims:
        if claim.verdict is not Verdict.FAIL:
            continue
        fitting = [anomaly for anomaly in claim.anomalies if anomaly.type in bug.shows_as]
        expected = claim.expect if isinstance(claim.expect, str) else next(iter(claim.expect))
        if not fitting and expected in bug.shows_as:
            fitting = list(claim.anomalies)
            if not fitting:
                return claim.id, expected, claim.why
        if fitting:
            return claim.id, fitting[0].type, fitting[0].message
    return None
