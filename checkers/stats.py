"""Statistics: what the clients did, how fast, and what went wrong.

Judged, too, if anybody asks: an operation that never once ended ok has not been tested at all, so `stats` is
inconclusive unless every `f` has an ok. It never fails: counting breaks no promise.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checkers.requests import NEVER_NS
from checkers.tally import quantiles_ms
from harness.answers import Answers, client_answers, refused
from harness.checker import Budget, Result
from harness.faults import Status, load_end_ns, spans
from harness.operation import Type
from harness.verdict import Verdict

if TYPE_CHECKING:
    from harness.history import History

QUANTILES = (0.5, 0.9, 0.99, 1.0)
ERRORS_MAX = 20
"""How many kinds of errors are listed, the most frequent first; the rest are counted together."""
KINDS_MAX = 1000
"""How many kinds of errors are told apart at all."""
ERROR_CHARS_MAX = 120


class Stats:
    """`stats`: at least one operation of every `f` ended ok."""

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `ops, ok, fail, info, open, seconds, ops_per_s, latency_ms, calm, faults, by_f, errors`.

        `open` never completed; `seconds` run from the first invocation to the last event of a client; `ops_per_s`
        counts completed operations of any outcome; `latency_ms` is of those that ended ok; an error's `example` is
        the index of its event. `faults` and `calm` count the operations of the load alone that were invoked while a
        fault was surely in force, and while surely none was.
        """
        answers = client_answers(history)
        counts = _outcomes(answers.outcome)
        seconds = _seconds(answers)
        completed = len(answers) - counts["open"]
        by_f = {f: _of(answers, code) for code, f in enumerate(answers.fs)}
        stats: dict[str, Any] = {
            "ops": len(answers),
            **counts,
            "seconds": round(seconds, 6),
            "ops_per_s": round(completed / seconds, 3) if seconds else None,
            "latency_ms": _latencies(answers, range(len(answers))),
            **_periods(history, answers),
            "by_f": by_f,
            "errors": _errors(history),
        }
        if not by_f:
            return Result(Verdict.INCONCLUSIVE, "stats", (), stats, "no client operation was invoked")
        if never := [f for f, one in by_f.items() if not one["ok"]]:
            why = f"no {', '.join(sorted(never))} ever ended ok"
            return Result(Verdict.INCONCLUSIVE, "stats", (), stats, why)
        why = f"{counts['ok']:,} of {len(answers):,} operations ended ok"
        return Result(Verdict.PASS, "stats", (), stats, why)


def _outcomes(outcome: bytearray) -> dict[str, int]:
    return {
        "ok": outcome.count(Type.OK),
        "fail": outcome.count(Type.FAIL),
        "info": outcome.count(Type.INFO),
        "open": outcome.count(Type.INVOKE),
    }


def _seconds(answers: Answers) -> float:
    if not answers:
        return 0.0
    return (max(answers.invoked_ns[-1], max(answers.completed_ns)) - answers.invoked_ns[0]) / 1e9


def _of(answers: Answers, code: int) -> dict[str, Any]:
    return _counted(answers, array("q", (row for row, f in enumerate(answers.f) if f == code)))


def _periods(history: History, answers: Answers) -> dict[str, dict[str, Any]]:
    faults = [span for span in spans(history) if span.status is not Status.SKIPPED]
    windows = [(span.start_ns, span.end_ns) for span in faults if span.applied]
    doubtful = [(span.injected_at_ns, NEVER_NS if span.healed_at_ns is None else span.healed_at_ns) for span in faults]
    load = answers.between(0, load_end_ns(history))
    return {
        "calm": _counted(answers, _outside(answers, load, doubtful)),
        "faults": _counted(answers, _inside(answers, load, windows)),
    }


def _inside(answers: Answers, load: range, windows: Sequence[tuple[int, int]]) -> array[int]:
    rows: set[int] = set()
    for start_ns, end_ns in windows:
        rows.update(row for row in answers.between(start_ns, end_ns) if row in load)
    return array("q", sorted(rows))


def _outside(answers: Answers, load: range, windows: Sequence[tuple[int, int]]) -> array[int]:
    inside = set(_inside(answers, load, windows))
    return array("q", (row for row in load if row not in inside))


def _counted(answers: Answers, rows: array[int]) -> dict[str, Any]:
    outcome = bytearray(answers.outcome[row] for row in rows)
    return {"ops": len(rows), **_outcomes(outcome), "latency_ms": _latencies(answers, rows)}


def _latencies(answers: Answers, rows: range | array[int]) -> dict[str, float | None]:
    invoked, completed, outcome = answers.invoked_ns, answers.completed_ns, answers.outcome
    taken = array("q", (completed[row] - invoked[row] for row in rows if outcome[row] == Type.OK))
    return dict(zip(("p50", "p90", "p99", "max"), quantiles_ms(taken, QUANTILES), strict=True))


@dataclass(slots=True)
class _Kind:
    """Errors of one kind: how many, and the first of them."""

    count: int
    example: int


def _errors(history: History) -> list[dict[str, Any]]:
    kinds: dict[tuple[str, str, str], _Kind] = {}
    for (f, outcome, error), kind in _distinct(history):
        name = (f, Type(outcome).label, _kind(error))
        if name not in kinds and len(kinds) >= KINDS_MAX:
            name = ("", "", "other errors")
        kinds.setdefault(name, _Kind(0, kind.example)).count += kind.count
    ranked = sorted(kinds.items(), key=lambda one: (-one[1].count, one[0]))
    listed = [
        {"f": f, "type": outcome, "error": error, "count": kind.count, "example": kind.example}
        for (f, outcome, error), kind in ranked[:ERRORS_MAX]
    ]
    if rest := ranked[ERRORS_MAX:]:
        count = sum(kind.count for _, kind in rest)
        listed.append(
            {"f": "", "type": "", "error": f"{len(rest)} more kinds", "count": count, "example": rest[0][1].example}
        )
    return listed


def _distinct(history: History) -> Iterator[tuple[tuple[str, int, Any], _Kind]]:
    """Every distinct f, outcome and error of what clients did not get ok, parsed once however often it came."""
    (f_codes, fs), (error_codes, texts) = history.core.codes("f"), history.core.codes("error")
    seen: dict[tuple[int, int, int], _Kind] = {}
    index = history.column("index")
    columns = (history.types(), history.column("process"), memoryview(f_codes), memoryview(error_codes))
    for row, (outcome, process, f, error) in enumerate(zip(*columns, strict=True)):
        if outcome < Type.FAIL or process < 0:
            continue
        found = seen.get((f, outcome, error))
        if found is None:
            found = seen[f, outcome, error] = _Kind(0, index[row])
        found.count += 1
    for (f, outcome, error), kind in seen.items():
        yield (fs[f], outcome, None if error < 0 else json.loads(texts[error])), kind


def _kind(error: Any) -> str:
    """What errors of one kind have in common: the code of a coded one, the type and class of an exception, else the
    text.
    """
    if isinstance(error, Mapping):
        if refused(error):
            return "refused with the value found"
        if "code" in error:
            return f"code {error['code']}"
        if names := [error[name] for name in ("type", "class", "error") if isinstance(error.get(name), str)]:
            return " ".join(names)[:ERROR_CHARS_MAX]
    if isinstance(error, list | tuple) and error and isinstance(error[0], str):
        return error[0][:ERROR_CHARS_MAX]
    text = error if isinstance(error, str) else "none given" if error is None else json.dumps(error, sort_keys=True)
    return text[:ERROR_CHARS_MAX]
