"""Linearizability: does each object behave as if every operation took effect at one moment while it was open?

Registers whose written values are all different are decided by zones, in near-linear time and however many clients
crashed; the rest goes to a search that is bounded in time and memory. Keys are independent of each other, so each is
decided by itself, in parallel. The algorithms are in `core/checkers`; docs/checkers.md tells how they decide.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from harness import _core
from harness.checker import Anomaly, Budget, Result
from harness.errors import HistoryError, UsageError
from harness.verdict import Verdict

if TYPE_CHECKING:
    from harness.history import History

MODELS = ("register", "cas-register")

ANOMALIES_MAX = 100
"""Keys whose violation is told in full; all are counted."""

_FAILED_CAS = ("drop", "assert")


class Linearizable:
    """`linearizable`. `model` is the data type, `initial` any JSON value: what a register holds before the first write.

    A refused compare-and-set that reports the current value (`{"current": value}`) counts as a read of it. Any other
    says nothing (`failed_cas="drop"`), or that the register held something else than expected (`"assert"`, which is
    right only if every failure in the history means that).
    """

    def __init__(self, *, model: str = "cas-register", initial: Any = None, failed_cas: str = "drop") -> None:
        if model not in MODELS:
            raise UsageError(f"linearizable: there is no model {model!r}; choose one of {', '.join(MODELS)}")
        if failed_cas not in _FAILED_CAS:
            raise UsageError(f"linearizable: failed_cas is drop or assert, not {failed_cas!r}")
        self.model = model
        self.initial = json_text("linearizable", initial)
        self.failed_cas: Literal["drop", "assert"] = "assert" if failed_cas == "assert" else "drop"

    def check(self, history: History, *, budget: Budget) -> Result:
        """Decides every key. `stats`: `keys, keys_failed, keys_unknown, keys_searched, ops, seconds`.

        Each anomaly is the proof for one key: at least one operation too many for any order. Raises `HistoryError` for
        a history that breaks the rules or is not one of registers.
        """
        began = time.monotonic()
        try:
            keys = _core.check_registers(
                history.core,
                initial=self.initial,
                has_cas=self.model == "cas-register",
                failed_cas=self.failed_cas,
                seconds=budget.seconds,
                memory_bytes=budget.memory_bytes,
            )
        except _core.MalformedHistory as malformed:
            raise refusal(malformed) from None
        stats = {
            "keys": len(keys),
            "keys_failed": sum(key["verdict"] == "violation" for key in keys),
            "keys_unknown": sum(key["verdict"] == "unknown" for key in keys),
            "keys_searched": sum(key["method"] == "search" for key in keys),
            "ops": sum(key["ops"] for key in keys),
            "seconds": round(time.monotonic() - began, 6),
        }
        return _result(keys, self.model, stats)


def _result(keys: Sequence[_core.RegisterVerdict], model: str, stats: dict[str, Any]) -> Result:
    name = f"linearizable {model}"
    failed = [key for key in keys if key["verdict"] == "violation"]
    unknown = [key for key in keys if key["verdict"] == "unknown"]
    if failed:
        anomalies = sorted(map(_anomaly, failed), key=lambda anomaly: (len(anomaly.ops), anomaly.ops))
        why = f"{len(failed):,} of {_count(len(keys), 'key')} not linearizable; {_told(anomalies[0])}"
        return Result(Verdict.FAIL, name, anomalies[:ANOMALIES_MAX], stats, why)
    if unknown:
        told = f"key {unknown[0]['key']}: {unknown[0].get('message', '')}"
        why = f"{len(unknown):,} of {_count(len(keys), 'key')} undecided, the others linearizable; {told}"
        return Result(Verdict.INCONCLUSIVE, name, (), stats, why)
    if not keys:
        return Result(Verdict.INCONCLUSIVE, name, (), stats, "there is no operation to judge")
    searched = stats["keys_searched"]
    how = "by zones" if not searched else "by search" if searched == len(keys) else f"{searched:,} of them by search"
    why = f"{_count(stats['ops'], 'operation')} on {_count(len(keys), 'key')} are linearizable, decided {how}"
    return Result(Verdict.PASS, name, (), stats, why)


def _anomaly(key: _core.RegisterVerdict) -> Anomaly:
    details = {"method": key["method"]}
    return Anomaly(key.get("type", ""), key.get("message", ""), tuple(key.get("events", ())), key["key"], details)


def _told(anomaly: Anomaly) -> str:
    return anomaly.message if anomaly.key is None else f"key {anomaly.key}: {anomaly.message}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def json_text(owner: str, value: Any) -> str:
    """An option's value as canonical JSON text. Raises `UsageError`."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
    except (TypeError, ValueError) as problem:
        raise UsageError(f"{owner}: initial must be a JSON value, not {value!r}") from problem


def refusal(malformed: _core.MalformedHistory) -> HistoryError:
    """What the core says about a malformed history, for users."""
    message, line = malformed.args
    return HistoryError(message if line is None else f"line {line}: {message}")
