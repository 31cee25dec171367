"""Runs a campaign: draws plan after plan, runs them side by side, and writes down what came of each as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import repeat
from harness.campaign.draw import draw
from harness.campaign.menu import Menu
from harness.campaign.record import Failure, Recorder, Run
from harness.errors import HarnessError, SplitbrainError
from harness.gate import trial
from harness.gate.answer import fingerprint
from harness.gate.trial import Judged, Keep, Trial
from harness.plan import Plan
from harness.verdict import Verdict
from harness.workers import Done, Workers

ERRORS_MAX = 5
"""Runs in a row in which the harness failed, until it is no accident: all others would fail as well."""

MESSAGE_CHARS_MAX = 1_000
"""Of the words of a violation, which may quote a megabyte; the run's report has more."""

Watch = Callable[[Sequence[Run], Sequence[Plan]], object]
"""Told after every event: the runs of this call that ended, and the plans of those in hand."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How long a call goes on, and what it keeps. No run is begun after `budget_s` of wall time, nor one on real nodes
    that would end after it."""

    runs_root: Path
    workers: int
    runs_max: float = float("inf")
    budget_s: float = float("inf")
    keeping: Keep = Keep.FAILURES


def conduct(menus: Sequence[Menu], seeds: Iterator[int], recorder: Recorder, settings: Settings, watch: Watch) -> None:
    """Runs until there are enough, or the time is up; each seed is a run of one of the targets, in turn.

    An interruption takes down what runs, and is raised again; what has ended is in the record. Raises `HarnessError`
    when run after run fails in the harness, and `RecordingError` when the record cannot be written.
    """
    deadline = time.monotonic() + settings.budget_s
    width = settings.workers if all(menu.bounds.cluster == "sim" for menu in menus) else 1
    ended: list[Run] = []
    in_hand: list[Plan] = []
    errors = 0
    with Workers(width) as workers:
        while True:
            while len(in_hand) < width and len(ended) + len(in_hand) < settings.runs_max:
                seed = next(seeds)
                plan = draw(menus[seed % len(menus)], seed)
                if time.monotonic() + _takes_s(plan) >= deadline:
                    break
                workers.begin(plan, trial.conduct, plan, [], settings.runs_root, settings.keeping)
                in_hand.append(plan)
            watch(ended, in_hand)
            if not in_hand:
                return
            for done in workers.done():
                in_hand.remove(done.tag)
                run = _run(done, settings.runs_root)
                recorder.append({"run": run.to_json()})
                ended.append(run)
                errors = errors + 1 if run.verdict is Verdict.ERROR else 0
                if errors >= ERRORS_MAX:
                    raise HarnessError(f"the harness failed in {errors} runs in a row, last so: {run.problem}")


def _takes_s(plan: Plan) -> float:
    """How much wall time a run surely takes. What is simulated takes none to speak of."""
    return 0 if plan.cluster.name == "sim" else plan.time + plan.settle


def _run(done: Done, runs_root: Path) -> Run:
    plan: Plan = done.tag
    found: Trial = done.result or _failed(plan.seed, done)
    promised = [judged for judged in found.judged if not judged.negated]
    verdicts = [judged.verdict for judged in promised] + ([Verdict.ERROR] if found.problem else [])
    failures = tuple(_failure(plan, judged) for judged in found.judged if judged.verdict is Verdict.FAIL)
    return Run(
        seed=plan.seed,
        target=plan.target.name,
        workload=plan.workload.name,
        nemeses=tuple(plan.families),
        applied=found.applied,
        nodes=plan.nodes,
        verdict=Verdict.worst([*verdicts, *([Verdict.FAIL] if failures else [])]),
        claims={judged.claim: judged.verdict for judged in promised},
        limits={judged.claim: judged.verdict is Verdict.PASS for judged in found.judged if judged.negated},
        failures=failures,
        problem=(found.problem or _unjudged(promised))[:MESSAGE_CHARS_MAX],
        folder=_below(found.folder, runs_root),
        command=_command(plan, found.folder) if found.folder else "",
        ops=found.ops,
        wall_s=round(found.wall_s, 3),
        at_s=round(time.time(), 3),
    )


def _unjudged(promised: Sequence[Judged]) -> str:
    return next((judged.why for judged in promised if judged.verdict is Verdict.ERROR), "")


def _failure(plan: Plan, judged: Judged) -> Failure:
    """Where the checker names no violation, the reason stands for one."""
    shown = judged.sightings[0] if judged.sightings else None
    anomaly = shown.anomaly if shown else judged.claim
    known = fingerprint(plan.target.name, judged.claim, anomaly, plan.workload.name, ())
    return Failure(judged.claim, anomaly, (shown.message if shown else judged.why)[:MESSAGE_CHARS_MAX], known)


def _below(folder: str, runs_root: Path) -> str:
    return Path(folder).relative_to(runs_root).as_posix() if folder else ""


def _command(plan: Plan, folder: str) -> str:
    """What repeats the run: from its own folder where flags cannot say all of it."""
    command = repeat.command(plan)
    return f"splitbrain run --plan {folder}/plan.yaml" if "--plan" in command else command


def _failed(seed: int, done: Done) -> Trial:
    """A run of which nothing came: the harness's own errors are sentences, others need to be traced."""
    problem = str(done.failure) if isinstance(done.failure, SplitbrainError) else done.traceback
    return Trial(seed, (), problem[-MESSAGE_CHARS_MAX:], "", 0, 0.0, 0.0)
