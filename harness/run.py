"""The life of a run, from a plan to a verdict.

Make the cluster, deploy the target, load and faults together, heal everything, wait, read every key from every worker,
collect the logs, take the cluster down, judge. Whatever goes wrong on the way, the cluster is taken down, the history
so far is kept and judged: a violation that was recorded before the harness failed is still a violation.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import faults, plugins, repeat
from harness.errors import HarnessError, RecordingError
from harness.experiment import Experiment, admit
from harness.history import History
from harness.judge import ClaimVerdict
from harness.load import Progress, conduct
from harness.retrace import retrace
from harness.runs import FORMAT, RunFolder
from harness.streaming import Watched, ending, watching
from harness.verdict import Verdict
from harness.watchdog import crashes

REPEATING_SHARE = 5
REPEATING_S_MIN = 20.0
"""How long repeating a failed run may take, in times of what the run took, and at least: listening is not free, and the
machine may have become busy meanwhile."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to.

    `problem` is what failed in the harness, if anything did; `history` is None when none was recorded.
    """

    experiment: Experiment
    folder: RunFolder
    claims: Sequence[ClaimVerdict]
    faults: Sequence[Mapping[str, Any]]
    stats: Mapping[str, Any]
    history: History | None
    problem: str | None = None

    @property
    def verdict(self) -> Verdict:
        """The worst of the claims' verdicts and of what happened to the harness."""
        broken = [Verdict.ERROR] if self.problem else []
        return Verdict.worst([*(claim.verdict for claim in self.claims), *broken])

    def to_json(self) -> dict[str, Any]:
        """The object that `run --json` prints and verdict.json holds."""
        plan = self.experiment.plan
        document: dict[str, Any] = {
            "format": FORMAT,
            "verdict": self.verdict.value,
            "exit_code": self.verdict.exit_code,
            "target": plan.target.name,
            "workload": plan.workload.name,
            "cluster": plan.cluster.name,
            "seed": plan.seed,
            "run": str(self.folder.path),
            "claims": [claim.to_json() for claim in self.claims],
            "faults": list(self.faults),
            "stats": dict(self.stats),
            "command": repeat.command(plan),
        }
        return document | ({"problem": self.problem} if self.problem else {})


def execute(experiment: Experiment, runs_root: Path, progress: Progress | None = None) -> Outcome:
    """Runs a resolved experiment in a new folder below `runs_root`, and judges it.

    Raises `Unsupported` or `UsageError` before anything starts; later failures are in the outcome.

    Interruption (Ctrl-C, SIGTERM) takes the cluster down, keeps the history, and is raised again.
    """
    admit(experiment)
    plan = experiment.plan
    watched = _watched(experiment, progress)
    folder = RunFolder.create(runs_root, plan.target.name, plan.seed)
    folder.write(folder.plan, plan.to_yaml())
    experiment.cluster_class.sweep()
    outcome = attempt(experiment, folder, progress, watched)
    keep(outcome)
    explain(outcome, progress)
    return outcome


def _watched(experiment: Experiment, progress: Progress | None) -> Mapping[str, Watched]:
    """What is judged while the run goes on: for it may end the run, or somebody looks."""
    if experiment.plan.stop_on_violation:
        return ending(experiment)
    return watching(experiment) if progress and progress.event else {}


def attempt(
    experiment: Experiment,
    folder: RunFolder,
    progress: Progress | None = None,
    watched: Mapping[str, Watched] | None = None,
) -> Outcome:
    """Runs an admitted experiment in a folder and judges it, without writing more there than the history and the
    logs."""
    started = time.monotonic()
    problem, stop = None, None
    try:
        stop = conduct(experiment, folder, progress, watched or {})
    except HarnessError as failure:
        problem = experiment.confidential.hide(str(failure))
    stats: dict[str, Any] = {"wall_s": round(time.monotonic() - started, 3)}
    stats |= {"stopped": stop.to_json()} if stop else {}
    return assess(experiment, folder, problem=problem, stats=stats)


def keep(outcome: Outcome) -> None:
    """Writes faults.jsonl, verdict.json and the report into the run's folder."""
    folder = outcome.folder
    with suppress(RecordingError, OSError):  # a full disk must not cost the user the verdict on the terminal
        folder.write_faults(outcome.faults)
        folder.write_verdict(outcome.to_json())
        plugins.load("reports", "html")(folder.path)


def explain(outcome: Outcome, progress: Progress | None = None) -> None:
    """Writes messages.jsonl, and the report again, for a run that failed on a cluster that can show its messages. Takes
    about as long as the run did; what `keep` wrote is there whatever becomes of it."""
    history = outcome.history
    if history is None or outcome.verdict is not Verdict.FAIL:
        return
    if progress:
        progress.phase("repeating")
    with suppress(RecordingError, OSError):
        limit_s = max(REPEATING_S_MIN, REPEATING_SHARE * outcome.stats.get("wall_s", 0.0))
        if lines := retrace(outcome.experiment, history, outcome.claims, outcome.folder.path.name, limit_s=limit_s):
            outcome.folder.write(outcome.folder.messages, "".join(lines))
            plugins.load("reports", "html")(outcome.folder.path)


def conclude(experiment: Experiment, folder: RunFolder) -> Outcome:
    """Judges a finished run again, and keeps what came of it. Raises `HistoryError` for a broken history."""
    outcome = assess(experiment, folder)
    keep(outcome)
    return outcome


def assess(
    experiment: Experiment, folder: RunFolder, *, problem: str | None = None, stats: Mapping[str, Any] | None = None
) -> Outcome:
    """Judges what a run recorded. Raises `HistoryError` for a broken history."""
    history = History.read(folder.history) if folder.history.exists() else None
    if history is None or len(history) == 0:
        return Outcome(experiment, folder, [], [], dict(stats or {}), history, problem or "the run recorded nothing")
    checked = time.monotonic()
    claims = experiment.judge(history, folder.logs)
    counts = plugins.load("checkers", "stats")().check(history, budget=experiment.budget).stats
    timing = dict(stats or {}) | {"check_s": round(time.monotonic() - checked, 3)}
    timing |= {"crashes": [crash.to_json() for crash in crashes(history)]}
    spans = [span.to_json() for span in faults.spans(history)]
    return Outcome(experiment, folder, claims, spans, dict(counts) | timing, history, problem)
