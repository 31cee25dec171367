"""What the checkers of collections and applications share: from the core's answer to a result.

They decide in one pass, in Rust, without holding the interpreter's lock; so they ask for no budget. All take histories
of their own operations alone: another `f`, or a value of the wrong shape, is a `HistoryError` that names the event.
Operations with a key belong to objects of their own; those without are one object. What failed did not happen; what is
indeterminate may have, whichever excuses the store. `ops` of an anomaly are as few as prove it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from checkers.linearizable import refusal
from checkers.second_judge import defect
from harness import _core
from harness.checker import Anomaly, Result
from harness.verdict import Verdict

ANOMALIES_MAX = 100
"""Anomalies told in full; all are counted."""

REASONS_MAX = 3
"""How many objects that prove nothing a sentence speaks of."""


def collected(
    model: str,
    check: Callable[[], _core.CollectionReport],
    kinds: tuple[str, ...],
    passed: Callable[[Mapping[str, Any]], str],
) -> Result:
    """Runs a check. `kinds` are the anomalies it knows, `passed` says why there is none, from the stats.

    `stats` has `keys, ops, seconds`, the check's own counts, and the number of each kind, zero or not, under its name
    with underscores. Raises `HistoryError`.
    """
    began = time.monotonic()
    try:
        report = check()
    except _core.MalformedHistory as malformed:
        raise refusal(malformed) from None
    stats = _stats(report, kinds) | {"seconds": round(time.monotonic() - began, 6)}
    anomalies = [
        Anomaly(kind, message, tuple(events), key) for kind, key, message, events in report["findings"][:ANOMALIES_MAX]
    ]
    if anomalies:
        counts = ", ".join(f"{number:,} {kind}" for kind, number in report["found"].items())
        why = f"{counts}; {_told(anomalies[0])}"
        if report["unconfirmed"]:
            why = f"{why}; {defect(report['unconfirmed'])}"
        return Result(Verdict.FAIL, model, anomalies, stats, why)
    if report["unconfirmed"]:
        return Result(Verdict.ERROR, model, (), stats, defect(report["unconfirmed"]))
    if report["ops"] == 0:
        return Result(Verdict.INCONCLUSIVE, model, (), stats, "there is no operation to judge")
    if report["unproven"]:
        return Result(Verdict.INCONCLUSIVE, model, (), stats, _reasons(report["unproven"]))
    return Result(Verdict.PASS, model, (), stats, passed(stats))


def count(number: int, noun: str) -> str:
    """1 read, 2 reads."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _stats(report: _core.CollectionReport, kinds: tuple[str, ...]) -> dict[str, Any]:
    found = {kind.replace("-", "_"): report["found"].get(kind, 0) for kind in kinds}
    durations = {
        name: {f"{fraction:g}": value for fraction, value in quantiles}
        for name, quantiles in report["durations_ms"].items()
    }
    worst = [{"ms": ms, "message": message, "ops": events} for ms, message, events in report["worst"]]
    counts = {"keys": report["keys"], "ops": report["ops"], **report["counts"], **found}
    return counts | durations | dict(report["notes"]) | ({"worst_stale": worst} if worst else {})


def _reasons(unproven: list[tuple[str | None, str]]) -> str:
    told = [why if key is None else f"key {key}: {why}" for key, why in unproven[:REASONS_MAX]]
    more = len(unproven) - len(told)
    return "; ".join(told) + (f" (and {more:,} more)" if more else "")


def _told(anomaly: Anomaly) -> str:
    return anomaly.message if anomaly.key is None else f"key {anomaly.key}: {anomaly.message}"
