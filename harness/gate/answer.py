"""The answer of a gate as one JSON document: what `gate --json` prints, what is kept, what every report is made from.

    verdict, exit_code, file, seconds, runs
    cases[]     name, claim, file, line, target, workload, cluster, nemeses, expect, verdict, why, wanted, runs, clean,
                inconclusive, errors, confidence, bound (the share of runs that may still violate it, null where that is
                not what was counted), operations, seconds, shown, known[]
      shown     the violation that decided the case: seed, anomaly, message, witness (lines), command, run (its folder),
                fingerprint; null if there is none
      known[]   violations that the baseline accepts: as `shown`, with reason, issue, expires, baseline (file:line)
    baseline[]  claim, anomaly, state (shown, absent, expired, unknown, untried), why, file, line

A fingerprint is made of what does not change from run to run, so that whatever collects alerts sees one, not many.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from harness.gate.baseline import Accepted
from harness.gate.confidence import bound, percent
from harness.gate.standing import Counterexample, Standing
from harness.verdict import Verdict


def document(
    file: str, standings: Sequence[Standing], accepted: Sequence[Accepted], today: date, seconds: float
) -> dict[str, Any]:
    """The document, see the module's text."""
    verdict = Verdict.worst(standing.verdict for standing in standings)
    return {
        "verdict": verdict.value,
        "exit_code": verdict.exit_code,
        "file": file,
        "seconds": round(seconds, 3),
        "runs": sum(standing.tried for standing in standings),
        "cases": [_case(standing) for standing in standings],
        "baseline": [_entry(entry, standings, today) for entry in accepted],
    }


def fingerprint(target: str, claim: str, anomaly: str, workload: str, families: Iterable[str]) -> str:
    """The same for every run that shows the anomaly: no seed, no time."""
    words = [target, claim, anomaly, workload, sorted(families)]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:32]


def broken_seeds(answer: Mapping[str, Any]) -> dict[str, int]:
    """The seed that broke each broken case of an earlier answer, by the case's name."""
    return {
        str(case["name"]): int(case["shown"]["seed"])
        for case in answer.get("cases", ())
        if case.get("verdict") == Verdict.FAIL.value and case.get("shown")
    }


def _case(standing: Standing) -> dict[str, Any]:
    case, plan = standing.case, standing.case.plan
    counted = not case.expect.negated and not standing.shown and standing.clean > 0
    return {
        "name": case.name,
        "claim": case.claim,
        "file": case.file,
        "line": case.line,
        "target": plan.target.name,
        "workload": plan.workload.name,
        "cluster": plan.cluster.name,
        "nemeses": plan.families,
        "expect": case.expect.to_json(),
        "verdict": standing.verdict.value,
        "why": standing.why,
        "wanted": case.wanted,
        "runs": standing.tried,
        "clean": standing.clean,
        "inconclusive": len(standing.unsure),
        "errors": len(standing.errors),
        "confidence": case.confidence,
        "bound": round(bound(standing.clean, case.confidence), 6) if counted else None,
        "operations": standing.ops,
        "seconds": round(standing.wall_s, 3),
        "shown": _shown(standing, standing.shown) if standing.shown else None,
        "known": [
            _shown(standing, example)
            | {
                "reason": entry.reason,
                "issue": entry.issue,
                "expires": str(entry.expires or ""),
                "baseline": f"{entry.file}:{entry.line}",
            }
            for entry, example in standing.known.items()
        ],
    }


def _shown(standing: Standing, example: Counterexample) -> dict[str, Any]:
    case, anomaly = standing.case, example.sighting.anomaly
    return {
        "seed": example.seed,
        "anomaly": anomaly,
        "message": example.sighting.message,
        "witness": list(example.sighting.witness),
        "command": example.command,
        "run": example.folder,
        "fingerprint": fingerprint(
            case.plan.target.name, case.name, anomaly, case.plan.workload.name, case.plan.families
        ),
    }


def _entry(entry: Accepted, standings: Sequence[Standing], today: date) -> dict[str, Any]:
    state, why = _state(entry, standings, today)
    return {
        "claim": entry.claim,
        "anomaly": entry.anomaly,
        "state": state,
        "why": why,
        "file": entry.file,
        "line": entry.line,
    }


def _state(entry: Accepted, standings: Sequence[Standing], today: date) -> tuple[str, str]:
    standing = next((one for one in standings if one.case.name == entry.claim), None)
    if standing is None:
        return "unknown", f"no case is called {entry.claim!r}: remove the entry, or correct its claim"
    if entry.expired(today):
        return "expired", f"it expired on {entry.expires}: mend what it is about, or renew it with a reason"
    if entry in standing.known:
        return "shown", f"known: {entry.reason}"
    if standing.verdict is not Verdict.PASS or not standing.clean:
        return "untried", "its case came to no clean end, so nothing is known of it"
    share = percent(bound(standing.clean, standing.case.confidence))
    return "absent", f"it did not show in {standing.clean} runs (under {share} of runs show it): remove the entry"
