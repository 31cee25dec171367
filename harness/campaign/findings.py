"""What a campaign found, out of its record: each distinct failure once, how sure each promise is, what was mixed.

Two runs show the same failure when target, claim, type of anomaly and workload are the same, whatever their seeds and
faults (`harness.gate.answer.fingerprint`). As one document:

    format, name, verdict, exit_code, call (from 0), seconds, torn
    runs, verdicts           of this call;   total: the same of the whole record
    failures[]    fingerprint, target, claim, workload, anomaly, message, times, here (times in this call), new (first
                  seen in this call), first_seed, last_at_s, nemeses, command, run, first_run, smallest_run (folders)
    claims[]      target, claim, runs, clean, violated, unanswered, here (runs of this call), verdict (of this call),
                  bound (null once violated), sure (a sentence)
    limits[]      target, claim, runs, shown
    problems[]    what broke in the harness in this call: seed, target, why, run
    coverage      workloads {name: runs}, faults {family: {runs, applied}}, nodes {number: runs}, mixes (distinct)
    untried[]     target, family, why

Verdicts and the exit code are those of the call: what broke a month ago and is mended fails no job tonight. How sure a
promise is counts the whole record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.campaign.record import FORMAT, Failure, Record, Run
from harness.gate.confidence import bound, sentence
from harness.verdict import Verdict

PROBLEMS_MAX = 20


@dataclass(slots=True)
class Finding:
    """One distinct failure, and the runs that show it, in their order."""

    failure: Failure
    runs: list[Run] = field(default_factory=list)

    @property
    def smallest(self) -> Run:
        """The run with the fewest operations of those that were kept: the easiest to read."""
        kept = [run for run in self.runs if run.folder]
        return min(kept or self.runs, key=lambda run: (run.ops, run.at_s))

    def times(self, call: int) -> int:
        """In how many runs of that call it showed."""
        return sum(run.call == call for run in self.runs)

    def to_json(self, call: int) -> dict[str, Any]:
        """As the document has it."""
        first, smallest = self.runs[0], self.smallest
        return {
            "fingerprint": self.failure.fingerprint,
            "target": first.target,
            "claim": self.failure.claim,
            "workload": first.workload,
            "anomaly": self.failure.anomaly,
            "message": next(one for one in smallest.failures if one.fingerprint == self.failure.fingerprint).message,
            "times": len(self.runs),
            "here": self.times(call),
            "new": first.call == call,
            "first_seed": first.seed,
            "last_at_s": self.runs[-1].at_s,
            "nemeses": list(smallest.nemeses),
            "seed": smallest.seed,
            "command": smallest.command,
            "run": smallest.folder,
            "first_run": first.folder,
        }


def findings(runs: Iterable[Run]) -> list[Finding]:
    """The distinct failures, in the order in which they first showed."""
    found: dict[str, Finding] = {}
    for run in runs:
        for failure in {one.fingerprint: one for one in reversed(run.failures)}.values():
            found.setdefault(failure.fingerprint, Finding(failure)).runs.append(run)
    return list(found.values())


@dataclass(slots=True)
class Promise:
    """How one claim of one target fared: runs by verdict, and those of one call."""

    target: str
    claim: str
    count: Counter[Verdict] = field(default_factory=Counter)
    here: Counter[Verdict] = field(default_factory=Counter)

    @property
    def verdict(self) -> Verdict:
        """Of the call: clean runs make up for those without an answer."""
        if self.here[Verdict.FAIL] or self.here[Verdict.ERROR]:
            return Verdict.FAIL if self.here[Verdict.FAIL] else Verdict.ERROR
        return Verdict.PASS if self.here[Verdict.PASS] else Verdict.INCONCLUSIVE

    def to_json(self) -> dict[str, Any]:
        """As the document has it."""
        runs, clean, violated = self.count.total(), self.count[Verdict.PASS], self.count[Verdict.FAIL]
        share = f"violated in {violated} of {runs} runs"
        return {
            "target": self.target,
            "claim": self.claim,
            "runs": runs,
            "clean": clean,
            "violated": violated,
            "unanswered": runs - clean - violated,
            "here": self.here.total(),
            "verdict": self.verdict.value if self.here else None,
            "bound": None if violated else round(bound(clean), 6),
            "sure": share if violated else sentence(clean),
        }


def promises(runs: Iterable[Run], call: int) -> list[Promise]:
    """Every claim that was judged, by target and name."""
    found: dict[tuple[str, str], Promise] = {}
    for run in runs:
        for claim, verdict in run.claims.items():
            promise = found.setdefault((run.target, claim), Promise(run.target, claim))
            promise.count[verdict] += 1
            promise.here[verdict] += run.call == call
    return [found[name] for name in sorted(found)]


def coverage(runs: Sequence[Run]) -> dict[str, Any]:
    """What was mixed."""
    asked = Counter(family for run in runs for family in run.nemeses)
    applied = Counter(family for run in runs for family in run.applied)
    return {
        "workloads": dict(sorted(Counter(run.workload for run in runs).items())),
        "faults": {family: {"runs": asked[family], "applied": applied[family]} for family in sorted(asked)},
        "nodes": {str(nodes): number for nodes, number in sorted(Counter(run.nodes for run in runs).items())},
        "mixes": len({(run.target, run.workload, run.nemeses) for run in runs}),
    }


def document(
    name: str, record: Record, call: int, seconds: float, missing: Mapping[str, Mapping[str, str]] | None = None
) -> dict[str, Any]:
    """The document, see the module's text. `missing` says by target which families it could not be given, and why."""
    here = [run for run in record.runs if run.call == call]
    worst = verdict(here, call)
    found = [finding.to_json(call) for finding in findings(record.runs)]
    found.sort(key=lambda one: (not one["here"], not one["new"], -one["times"]))
    return {
        "format": FORMAT,
        "name": name,
        "verdict": worst.value,
        "exit_code": worst.exit_code,
        "call": call,
        "seconds": round(seconds, 3),
        "torn": record.torn,
        **_counted(here),
        "total": _counted(record.runs) | {"calls": len(record.calls)},
        "failures": found,
        "claims": [promise.to_json() for promise in promises(record.runs, call)],
        "limits": _limits(record.runs),
        "problems": [
            {"seed": run.seed, "target": run.target, "why": run.problem, "run": run.folder}
            for run in here
            if run.problem
        ][:PROBLEMS_MAX],
        "coverage": coverage(record.runs),
        "untried": [
            {"target": target, "family": family, "why": why}
            for target, families in (missing or {}).items()
            for family, why in families.items()
        ],
    }


def verdict(here: Sequence[Run], call: int) -> Verdict:
    """What the runs of a call come to. A claim that some run kept needs no answer from every run; a harness that failed
    is told all the same."""
    broken = [Verdict.ERROR for run in here if run.verdict is Verdict.ERROR]
    return Verdict.worst([*broken, *(promise.verdict for promise in promises(here, call))])


def _counted(runs: Sequence[Run]) -> dict[str, Any]:
    count = Counter(run.verdict for run in runs)
    return {"runs": len(runs), "verdicts": {verdict.value: count[verdict] for verdict in Verdict}}


def _limits(runs: Iterable[Run]) -> list[dict[str, Any]]:
    tried: Counter[tuple[str, str]] = Counter()
    shown: Counter[tuple[str, str]] = Counter()
    for run in runs:
        for claim, seen in run.limits.items():
            tried[run.target, claim] += 1
            shown[run.target, claim] += seen
    return [
        {"target": target, "claim": claim, "runs": tried[target, claim], "shown": shown[target, claim]}
        for target, claim in sorted(tried)
    ]
