"""Where each case stands: what its runs have shown so far, whether more are wanted, and the verdict they come to.

A case passes with as many clean runs as it wants; a run is clean when it passed with coverage. One that was
inconclusive is made up for by a further seed, up to as many again, and is counted. A violation that no baseline accepts
ends the case at once. A known limit (`{not: X}`) passes at the first run that shows it; that it did not show proves
nothing, so such a case is then inconclusive, with what share of runs could still show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from harness import repeat
from harness.gate.baseline import Accepted
from harness.gate.claims_file import Case
from harness.gate.confidence import bound, percent, sentence
from harness.gate.trial import Judged, Sighting, Trial
from harness.verdict import Verdict

ERRORS_MAX = 3
"""After so many runs in which the harness failed, a case is given up."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """The run that broke a claim, or showed a known limit: which violation, and how to see it again."""

    seed: int
    sighting: Sighting
    command: str
    folder: str


@dataclass(slots=True)
class Standing:
    """The state of one case. `note` takes in one run after the other; all else only reads."""

    case: Case
    accepted: Sequence[Accepted]
    today: date
    clean: int = 0
    tried: int = 0
    ops: int = 0
    wall_s: float = 0.0
    unsure: list[tuple[int, str]] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)
    shown: Counterexample | None = None
    known: dict[Accepted, Counterexample] = field(default_factory=dict)
    given_up: str = ""

    @property
    def wants(self) -> int:
        """How many more runs would be of use."""
        if self.shown or len(self.errors) >= ERRORS_MAX:
            return 0
        if self.case.expect.negated:
            return max(0, self.case.wanted - self.tried)
        return min(self.case.wanted - self.clean, 2 * self.case.wanted - self.tried)

    def note(self, trial: Trial, judged: Judged | None) -> None:
        """Takes in a run: what was judged of this case, None if nothing could be."""
        self.tried += 1
        self.ops += trial.ops
        self.wall_s += trial.wall_s
        if judged and judged.verdict is Verdict.FAIL:
            self._note_failure(trial, judged)
        elif judged is None or judged.verdict is Verdict.ERROR or trial.problem:
            self.errors.append((trial.seed, trial.problem or (judged.why if judged else "the run recorded nothing")))
        elif self.case.expect.negated:
            self._note_limit(trial, judged)
        elif judged.verdict is Verdict.PASS:
            self.clean += 1
        else:
            self.unsure.append((trial.seed, judged.why))

    def _note_failure(self, trial: Trial, judged: Judged) -> None:
        for sighting in self._sightings(judged):
            entry = self._accepting(sighting.anomaly)
            if entry is None:
                self.shown = self._example(trial, sighting)
                return
            self.known.setdefault(entry, self._example(trial, sighting))
        self.clean += 1  # of anything new

    def _accepting(self, anomaly: str) -> Accepted | None:
        covers = (one for one in self.accepted if one.covers(self.case.name, anomaly, self.today))
        return next(covers, None)

    def _note_limit(self, trial: Trial, judged: Judged) -> None:
        if judged.verdict is Verdict.PASS:
            self.shown = self._example(trial, self._sightings(judged)[0])
        else:
            self.unsure.append((trial.seed, judged.why))

    def _sightings(self, judged: Judged) -> Sequence[Sighting]:
        """The violations found; where the checker names none, its reason stands for one."""
        return judged.sightings or (Sighting(self.case.expect.name, judged.why, ()),)

    def _example(self, trial: Trial, sighting: Sighting) -> Counterexample:
        again = self.case.plan.model_copy(update={"seed": trial.seed, "expect": [self.case.expect.to_json()]})
        return Counterexample(trial.seed, sighting, repeat.command(again), trial.folder)

    @property
    def verdict(self) -> Verdict:
        """As it stands."""
        if self.case.expect.negated:
            return Verdict.PASS if self.shown else Verdict.ERROR if self.errors else Verdict.INCONCLUSIVE
        if self.shown:
            return Verdict.FAIL
        if self.errors:
            return Verdict.ERROR
        return Verdict.PASS if self.clean >= self.case.wanted else Verdict.INCONCLUSIVE

    @property
    def why(self) -> str:
        """One sentence: what the verdict rests on."""
        if self.case.expect.negated:
            return self._why_limit()
        if self.shown:
            return f"seed {self.shown.seed}: {self.shown.sighting.message}"
        if self.errors:
            return f"the harness failed in {_runs(len(self.errors))}: {_first(self.errors)}"
        sure = sentence(self.clean, self.case.confidence)
        if self.known:
            known = ", ".join(sorted({entry.anomaly for entry in self.known}))
            sure = f"nothing but what is known ({known}) in {_runs(self.clean)}"
        if self.clean >= self.case.wanted:
            return sure + (f" ({_runs(len(self.unsure))} without an answer made up for)" if self.unsure else "")
        reason = self.given_up or f"{_runs(len(self.unsure))} had no answer: {_first(self.unsure)}"
        return f"{self.clean} of {self.case.wanted} clean runs; {reason}; {sure}"

    def _why_limit(self) -> str:
        name = self.case.expect.name
        if self.shown:
            return f"{name} was violated, as the claim says: seed {self.shown.seed}: {self.shown.sighting.message}"
        if self.errors:
            return f"the harness failed in {_runs(len(self.errors))}: {_first(self.errors)}"
        if not self.tried:
            return self.given_up or "it was not run"
        share = percent(bound(self.tried, self.case.confidence))
        return f"no violation of {name} in {_runs(self.tried)}, as the claim expects: under {share} of runs show one"


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _first(told: Sequence[tuple[int, str]]) -> str:
    if not told:
        return "none was tried"
    seed, why = told[0]
    return f"seed {seed}: {why}"
