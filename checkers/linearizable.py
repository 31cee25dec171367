"""Linearizability: does each object behave as if every operation took effect at one moment while it was open?

Registers whose written values are all different are decided by zones, in near-linear time and however many clients
crashed; sets, queues, priority queues, stacks and counters of distinct elements, and locks, by monitors; the rest goes
to a search that is bounded in time and memory. Keys are independent of each other, so each is decided by itself, in
parallel. The algorithms are in `core/checkers`; docs/checkers.md tells how they decide.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from checkers.model import ILLEGAL, UNKNOWN, Model
from harness import _core
from harness.checker import Anomaly, Budget, Result
from harness.errors import HistoryError, UsageError
from harness.verdict import Verdict

if TYPE_CHECKING:
    from checkers.online import RegisterStream
    from checkers.prefixes import PrefixStream
    from harness.history import History

REGISTERS = ("register", "cas-register")

MONITORED = ("set", "counter", "mutex", "semaphore", "queue", "priority-queue", "stack")
"""Types that monitors decide, save for histories whose elements are not distinct."""

OBJECTS = ("kv", "set", "counter", "mutex", "semaphore", "queue", "priority-queue", "stack", "multi-register")

ANOMALIES_MAX = 100
"""Keys whose violation is told in full; all are counted."""

UNDECIDED_MAX = 3
"""Keys out of budget of which a sentence tells how far they got; `stats` tells of `ANOMALIES_MAX`."""

VERDICTS = {
    "linearizable": Verdict.PASS,
    "violation": Verdict.FAIL,
    "unknown": Verdict.INCONCLUSIVE,
    None: Verdict.INCONCLUSIVE,
}
"""Of a ruling on all keys; there is none on no key."""

UNCONFIRMED = "a violation was found that a second judge denies: a defect of splitbrain, please report it"

PERMITS_MAX = 1 << 31

MONITORS_ONLY = Budget(seconds=0.0)
"""Monitors do not look at the time; a search ends after its first few hundred configurations, on any machine."""

T = TypeVar("T")


class Linearizable:
    """`linearizable`. `model` is the data type: one of `REGISTERS` or `OBJECTS`, or a `checkers.model.Model`.

    For registers, `initial` (any JSON value) is held before the first write. A refused compare-and-set that reports
    the current value (`{"current": value}`) counts as a read of it. Any other says nothing (`failed_cas="drop"`), or
    that the register held something else than expected (`"assert"`, which is right only if every failure in the
    history means that). A semaphore has `permits`.
    """

    def __init__(
        self,
        *,
        model: str | Model = "cas-register",
        initial: Any = None,
        failed_cas: str = "drop",
        permits: int = 1,
    ) -> None:
        if isinstance(model, str) and model not in (*REGISTERS, *OBJECTS):
            known = ", ".join((*REGISTERS, *OBJECTS))
            raise UsageError(f"linearizable: there is no model {model!r}; choose one of {known}")
        if not isinstance(model, str) and not isinstance(model, Model):
            raise UsageError(f"linearizable: a model has initial, reads and step, but {model!r} lacks some of them")
        if failed_cas not in ("drop", "assert"):
            raise UsageError(f"linearizable: failed_cas is drop or assert, not {failed_cas!r}")
        if isinstance(permits, bool) or not isinstance(permits, int) or not 0 < permits < PERMITS_MAX:
            raise UsageError(f"linearizable: permits must be a whole number of them, not {permits!r}")
        self.model = model
        self.initial = json_text("linearizable", initial)
        self.failed_cas: Literal["drop", "assert"] = "assert" if failed_cas == "assert" else "drop"
        self.permits = permits

    def check(self, history: History, *, budget: Budget) -> Result:
        """Decides every key. `stats`: `keys, keys_failed, keys_unknown, keys_unconfirmed, keys_searched, ops, seconds`,
        and `undecided`: the keys that were out of budget, with how far each got.

        Each anomaly is the proof for one key: at least one operation too many for any order. Raises `HistoryError` for
        a history that breaks the rules or is not one of this model, and whatever a model of the user's raises.
        """
        began = time.monotonic()
        try:
            keys = self._ask(history, budget, _core.check_custom, _core.check_objects, _core.check_registers)
        except _core.MalformedHistory as malformed:
            raise refusal(malformed) from None
        stats = _stats(keys) | {"seconds": round(time.monotonic() - began, 6)}
        return _result(keys, self.model if isinstance(self.model, str) else type(self.model).__name__, stats)

    def decide(self, history: History, *, budget: Budget) -> Verdict:
        """The verdict alone, for callers that ask whether and not why: a search for a smaller history that still
        fails, say.

        There is no proof, so nothing was judged twice: a violation is the word of one procedure, and what `check` would
        tell as a defect of its own (`error`) is `fail` here, as is a violation that it could not confirm within its
        budget. The first key that is violated ends it. Whoever reports a violation to people uses `check`. Raises what
        `check` does.
        """
        try:
            ruling = self._ask(history, budget, _core.decide_custom, _core.decide_objects, _core.decide_registers)
        except _core.MalformedHistory as malformed:
            raise refusal(malformed) from None
        return VERDICTS[ruling]

    def stream(self, so_far: Callable[[], History]) -> RegisterStream | PrefixStream | None:
        """See `harness.streaming`. Registers are judged event by event; types with monitors by their beginnings, as
        far as monitors decide, for a search would begin anew each time; other types cannot be.

        A beginning that is not linearizable stays so, whatever follows.
        """
        from checkers.online import RegisterStream
        from checkers.prefixes import PrefixStream

        if self.model in REGISTERS:
            return RegisterStream(self, so_far)
        return PrefixStream(self, None, so_far, MONITORS_ONLY) if self.model in MONITORED else None

    def _ask(
        self,
        history: History,
        budget: Budget,
        custom: Callable[..., T],
        objects: Callable[..., T],
        registers: Callable[..., T],
    ) -> T:
        """What the core says to one of these questions, which depends on the kind of data type."""
        core, seconds, memory = history.core, budget.seconds, budget.memory_bytes
        if not isinstance(self.model, str):
            return custom(
                core, model=self.model, illegal=ILLEGAL, unknown=UNKNOWN, seconds=seconds, memory_bytes=memory
            )
        if self.model in OBJECTS:
            return objects(core, model=self.model, permits=self.permits, seconds=seconds, memory_bytes=memory)
        return registers(
            core,
            initial=self.initial,
            has_cas=self.model == "cas-register",
            failed_cas=self.failed_cas,
            seconds=seconds,
            memory_bytes=memory,
        )


def linearizable(ops: Mapping[str | None, int], model: str, *, seconds: float) -> Result:
    """The result for keys of so many operations that all were found linearizable by zones."""
    keys: list[_core.KeyVerdict] = [
        {"key": key, "ops": count, "method": "zones", "verdict": "linearizable"} for key, count in ops.items()
    ]
    return _result(keys, model, _stats(keys) | {"seconds": round(seconds, 6)})


def _stats(keys: Sequence[_core.KeyVerdict]) -> dict[str, Any]:
    unknown = [key for key in keys if key["verdict"] == "unknown"]
    undecided = [{"key": key["key"], "ops": key["ops"], "why": key.get("message", "")} for key in unknown]
    return {
        "keys": len(keys),
        "keys_failed": sum(key["verdict"] == "violation" for key in keys),
        "keys_unknown": len(unknown),
        "keys_unconfirmed": sum(key["verdict"] == "unconfirmed" for key in keys),
        "keys_searched": sum(key["method"] == "search" for key in keys),
        "ops": sum(key["ops"] for key in keys),
        "undecided": undecided[:ANOMALIES_MAX],
    }


def _result(keys: Sequence[_core.KeyVerdict], model: str, stats: dict[str, Any]) -> Result:
    name = f"linearizable {model}"
    failed = [key for key in keys if key["verdict"] == "violation"]
    unknown = [key for key in keys if key["verdict"] == "unknown"]
    doubted = [key for key in keys if key["verdict"] == "unconfirmed"]
    doubt = "; ".join(_where(key["key"], UNCONFIRMED) for key in doubted[:1])
    if failed:
        anomalies = sorted(map(_anomaly, failed), key=lambda anomaly: (len(anomaly.ops), anomaly.ops))
        why = f"{len(failed):,} of {_count(len(keys), 'key')} not linearizable; {_told(anomalies[0])}"
        return Result(Verdict.FAIL, name, anomalies[:ANOMALIES_MAX], stats, f"{why}; {doubt}" if doubt else why)
    if doubt:
        return Result(Verdict.ERROR, name, (), stats, doubt)
    if unknown:
        undecided = (_where(key["key"], key.get("message", "")) for key in unknown[:UNDECIDED_MAX])
        more = f" (and {len(unknown) - UNDECIDED_MAX:,} more)" if len(unknown) > UNDECIDED_MAX else ""
        others = ", the others linearizable" if len(unknown) < len(keys) else ""
        why = f"{len(unknown):,} of {_count(len(keys), 'key')} undecided{others}; {'; '.join(undecided)}{more}"
        return Result(Verdict.INCONCLUSIVE, name, (), stats, why)
    if not keys:
        return Result(Verdict.INCONCLUSIVE, name, (), stats, "there is no operation to judge")
    searched = stats["keys_searched"]
    methods = sorted({key["method"] for key in keys})
    how = f"by {methods[0]}" if len(methods) == 1 else f"{searched:,} keys by search"
    why = f"{_count(stats['ops'], 'operation')} on {_count(len(keys), 'key')} are linearizable, decided {how}"
    return Result(Verdict.PASS, name, (), stats, why)


def _anomaly(key: _core.KeyVerdict) -> Anomaly:
    details = {"method": key["method"]}
    return Anomaly(key.get("type", ""), key.get("message", ""), tuple(key.get("events", ())), key["key"], details)


def _told(anomaly: Anomaly) -> str:
    return _where(anomaly.key, anomaly.message)


def _where(key: str | None, message: str) -> str:
    return message if key is None else f"key {key}: {message}"


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
    message, line, event, unknown_f = malformed.args
    told = message if line is None else f"line {line}: {message}"
    return HistoryError(told, event=event, line=line, unknown_f=unknown_f)
