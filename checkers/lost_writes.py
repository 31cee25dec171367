"""Acknowledged writes that were lost.

A write counts as lost when an operation that decides, invoked after its acknowledgement, still saw a value older than
it: a successful compare-and-set, or a final read (one after the phase mark `final`, when everything was healed and had
time to settle). Of several compare-and-sets that succeeded on the same value, written once, all but one are lost.
A stale read during the run loses nothing: a replica may only have been behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from checkers.linearizable import json_text, refusal
from harness import _core
from harness.checker import Anomaly, Budget, Result
from harness.errors import UsageError
from harness.verdict import Verdict

if TYPE_CHECKING:
    from harness.history import History

WITNESSES_MAX = 20
"""Lost writes told in full, per key; all are counted."""


class LostWrites:
    """`{lost_writes: 0}`: at most `max` acknowledged writes may be lost."""

    measures: ClassVar[Mapping[str, Sequence[str]]] = {"lost_writes": ("lost",)}

    def __init__(self, *, max: int = 0, initial: Any = None) -> None:
        if isinstance(max, bool) or not isinstance(max, int) or max < 0:
            raise UsageError(f"lost_writes: max must be a whole number of writes, not {max!r}")
        self.max = max
        self.initial = json_text("lost_writes", initial)

    def check(self, history: History, *, budget: Budget) -> Result:
        """Counts over all keys. `stats`: `lost, acknowledged, keys, keys_failed, keys_undecided`.

        Where an operation that decides saw a value which was written twice, nobody can tell which of the two writes it
        saw. What is counted was lost all the same, but more may have been: such a key is undecided, and if no more than
        `max` are known, so is the answer.

        Near-linear, so no budget is asked for. Raises `HistoryError` for what is not a history of registers.
        """
        try:
            keys = _core.lost_register_writes(history.core, initial=self.initial, witnesses_max=WITNESSES_MAX)
        except _core.MalformedHistory as malformed:
            raise refusal(malformed) from None
        lost = sum(key["lost"] for key in keys)
        acknowledged = sum(key["acknowledged"] for key in keys)
        stats = {
            "lost": lost,
            "acknowledged": acknowledged,
            "keys": len(keys),
            "keys_failed": sum(key["lost"] > 0 for key in keys),
            "keys_undecided": sum(key["unsure"] is not None for key in keys),
        }
        anomalies = [
            Anomaly("lost-write", message, tuple(events), key["key"])
            for key in keys
            for message, events in key["witnesses"]
        ]
        if lost > self.max:
            why = f"{lost:,} of {acknowledged:,} acknowledged writes were lost; {anomalies[0].message}"
            return Result(Verdict.FAIL, "lost_writes", anomalies, stats, why)
        if acknowledged == 0:
            return Result(Verdict.INCONCLUSIVE, "lost_writes", (), stats, "no write was acknowledged")
        for key in keys:
            if key["unsure"] is not None:
                where = "" if key["key"] is None else f"key {key['key']}: "
                known = f"; {lost:,} of {acknowledged:,} acknowledged writes were lost for sure"
                return Result(Verdict.INCONCLUSIVE, "lost_writes", anomalies, stats, f"{where}{key['unsure']}{known}")
        told = f"{lost:,} of {acknowledged:,} acknowledged writes were lost, {self.max:,} are allowed" if lost else ""
        return Result(
            Verdict.PASS,
            "lost_writes",
            anomalies,
            stats,
            told or f"none of {acknowledged:,} acknowledged writes was lost",
        )
