"""What a selftest came to: a row for each bug, a row for each trial, and whether all is as it should be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from harness.parallel import Lost
from harness.selftest import Clean, Found, Hunt
from harness.verdict import Verdict

INCONCLUSIVE_SHARE_MAX = 0.02
"""More runs without an answer than this, and the trials prove too little."""

WHYS_MAX = 5
"""Reasons kept of a trial's runs that did not pass."""


@dataclass(frozen=True, slots=True)
class BugRow:
    """All hunts of one bug. `median_seeds` is over those that found it, `virtual_s` and `wall_s` are medians over all;
    `example` is the find with the lowest seed."""

    target: str
    bug: str
    story: str
    hunts: int
    found: int
    median_seeds: float | None
    virtual_s: float
    wall_s: float
    example: Found | None
    problem: str

    @classmethod
    def of(cls, hunts: list[Hunt]) -> BugRow:
        """From the hunts of one bug, of which there is at least one."""
        found = [hunt.found for hunt in hunts if hunt.found]
        return cls(
            target=hunts[0].target,
            bug=hunts[0].bug,
            story=hunts[0].story,
            hunts=len(hunts),
            found=len(found),
            median_seeds=median(one.seeds for one in found) if found else None,
            virtual_s=round(median(hunt.virtual_s for hunt in hunts), 1),
            wall_s=round(median(hunt.wall_s for hunt in hunts), 2),
            example=min(found, key=lambda one: one.seed, default=None),
            problem=next((hunt.problem for hunt in hunts if hunt.problem), ""),
        )


@dataclass(frozen=True, slots=True)
class TrialRow:
    """All runs of one trial of an unspoiled target. `trial` counts from 1; `whys` say why runs did not pass."""

    target: str
    trial: int
    workload: str
    nemeses: tuple[str, ...]
    verdicts: dict[Verdict, int]
    whys: tuple[str, ...]
    wall_s: float

    @classmethod
    def of(cls, runs: list[Clean]) -> TrialRow:
        """From the runs of one trial, of which there is at least one."""
        first = runs[0]
        whys = [f"seed {run.seed}: {run.why}" for run in sorted(runs, key=lambda run: run.seed) if run.why]
        return cls(
            target=first.target,
            trial=first.trial + 1,
            workload=first.workload,
            nemeses=first.nemeses,
            verdicts={verdict: sum(run.verdict is verdict for run in runs) for verdict in Verdict},
            whys=tuple(whys[:WHYS_MAX]),
            wall_s=round(median(run.wall_s for run in runs), 2),
        )

    @property
    def runs(self) -> int:
        return sum(self.verdicts.values())

    def to_json(self) -> dict[str, Any]:
        """One object of `stores`."""
        return {
            "target": self.target,
            "trial": self.trial,
            "workload": self.workload,
            "nemeses": list(self.nemeses),
            "runs": self.runs,
            **{verdict.value: count for verdict, count in self.verdicts.items()},
            "whys": list(self.whys),
            "wall_s": self.wall_s,
        }


@dataclass(frozen=True, slots=True)
class Scorecard:
    """All rows, by name; the tasks that gave no result; and how long it took."""

    bugs: tuple[BugRow, ...]
    trials: tuple[TrialRow, ...]
    lost: tuple[Lost, ...]
    wall_s: float

    @classmethod
    def of(cls, results: Iterable[Hunt | Clean | Lost], wall_s: float) -> Scorecard:
        """Adds up what `harness.selftest.conduct` told, in whatever order."""
        hunts: dict[tuple[str, str], list[Hunt]] = {}
        runs: dict[tuple[str, int], list[Clean]] = {}
        lost = []
        for result in results:
            if isinstance(result, Hunt):
                hunts.setdefault((result.target, result.bug), []).append(result)
            elif isinstance(result, Clean):
                runs.setdefault((result.target, result.trial), []).append(result)
            else:
                lost.append(result)
        return cls(
            tuple(BugRow.of(hunts[key]) for key in sorted(hunts)),
            tuple(TrialRow.of(runs[key]) for key in sorted(runs)),
            tuple(sorted(lost, key=lambda one: one.name)),
            round(wall_s, 1),
        )

    @property
    def missed(self) -> tuple[BugRow, ...]:
        """The bugs that a hunt did not find."""
        return tuple(row for row in self.bugs if row.found < row.hunts)

    def runs(self, verdict: Verdict | None = None) -> int:
        """How many runs of unspoiled targets there were, or ended so."""
        return sum(row.runs if verdict is None else row.verdicts[verdict] for row in self.trials)

    @property
    def verdict(self) -> Verdict:
        """`fail`: a bug was missed, or somebody innocent blamed. `error`: some run or task broke. `inconclusive`: too
        many runs had no answer. The first of these that holds."""
        if self.missed or self.runs(Verdict.FAIL):
            return Verdict.FAIL
        if self.lost or self.runs(Verdict.ERROR):
            return Verdict.ERROR
        unsure = self.runs(Verdict.INCONCLUSIVE) > INCONCLUSIVE_SHARE_MAX * self.runs()
        return Verdict.INCONCLUSIVE if unsure else Verdict.PASS

    def told(self) -> str:
        """The whole in a sentence."""
        hunts, found = sum(row.hunts for row in self.bugs), sum(row.found for row in self.bugs)
        what = "bugs were found" if hunts == len(self.bugs) else f"hunts for {len(self.bugs)} bugs found them"
        parts = [f"{found} of {hunts} {what}"] if hunts else []
        if runs := self.runs():
            blamed, unsure = self.runs(Verdict.FAIL), self.runs(Verdict.INCONCLUSIVE)
            parts.append(
                f"{blamed or 'none'} of {runs:,} runs of unspoiled stores blamed one, {unsure or 'none'} inconclusive"
            )
        broken = len(self.lost) + self.runs(Verdict.ERROR)
        parts += [f"{broken} broke"] if broken else []
        return "; ".join(parts) or "nothing to do"

    def to_json(self) -> dict[str, Any]:
        """What `selftest --json` prints."""
        return {
            "verdict": self.verdict.value,
            "exit_code": self.verdict.exit_code,
            "told": self.told(),
            "wall_s": self.wall_s,
            "bugs": [asdict(row) for row in self.bugs],
            "stores": [row.to_json() for row in self.trials],
            "lost": [asdict(one) for one in self.lost],
        }
