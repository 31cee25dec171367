"""How stale reads got: the smallest Delta so that every read returned a value that was current at most Delta before it.

A register is Delta-atomic if it becomes linearizable when every read may have begun Delta earlier (Golab, Li and Shah,
"Analyzing consistency properties for fun and profit", PODC 2011). Some violations are not a matter of late reads: two
compare-and-sets from one value stay wrong whatever reads do. Then no Delta is enough, and what is told is by how much
the latest read came after a write over its value had been acknowledged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from checkers.linearizable import ANOMALIES_MAX, json_text, refusal
from harness import _core
from harness.checker import Anomaly, Budget, Result
from harness.errors import UsageError
from harness.units import duration_s, format_duration
from harness.verdict import Verdict

if TYPE_CHECKING:
    from harness.history import History


class Staleness:
    """`{staleness: {max, max_versions}}`: a duration, and how many of the last values a read may return (1: the last
    one alone). What is not given is not promised, only measured.
    """

    measures: ClassVar[Mapping[str, Sequence[str]]] = {"staleness_ms": ("worst_ms",)}

    def __init__(self, *, max: float | str | None = None, max_versions: int | None = None, initial: Any = None) -> None:
        try:
            self.max_ns = None if max is None else round(duration_s(max) * 1e9)
        except UsageError as problem:
            raise UsageError(f"staleness: max: {problem}") from None
        is_count = isinstance(max_versions, int) and not isinstance(max_versions, bool) and max_versions > 0
        if max_versions is not None and not is_count:
            raise UsageError(f"staleness: max_versions is a whole number of them, at least 1, not {max_versions!r}")
        self.max_versions = max_versions
        self.initial = json_text("staleness", initial)

    def check(self, history: History, *, budget: Budget) -> Result:
        """Measures every key. `stats`: `worst_ms, versions_at_least, versions_at_most, keys, keys_stale,
        keys_unbounded, keys_undecided`.

        The versions bound the smallest k so that each read returned one of the last k values (k-atomicity; 1 is
        linearizable); None where nothing is known. Compare-and-set must see the last value and allows no upper bound.
        They are told without times, too. Anomalies of `max_versions` come after those of `max`.

        Near-linear, so no budget is asked for. Raises `HistoryError` for what is not a history of registers.
        """
        try:
            keys = _core.register_staleness(history.core, initial=self.initial)
        except _core.MalformedHistory as malformed:
            raise refusal(malformed) from None
        worst = max(keys, key=lambda key: key["delta_ns"], default=None)
        worst_ns = worst["delta_ns"] if worst else 0
        stats: dict[str, Any] = {
            "worst_ms": round(worst_ns / 1e6, 6) if keys and history.has_times else None,
            "versions_at_least": max((key["versions_at_least"] or 1 for key in keys), default=None),
            "versions_at_most": _most([key["versions_at_most"] for key in keys]),
            "keys": len(keys),
            "keys_stale": sum(key["delta_ns"] > 0 for key in keys),
            "keys_unbounded": sum(key["answer"] == "unbounded" for key in keys),
            "keys_undecided": sum(key["answer"] == "undecided" for key in keys),
        }
        if not keys:
            return Result(Verdict.INCONCLUSIVE, "staleness", (), stats, "there is no operation to judge")
        late = sorted((self._anomaly(key) for key in keys if self._is_late(key)), key=_severity)
        behind = sorted((_behind(key) for key in keys if self._is_behind(key)), key=_age)
        parts: list[tuple[Verdict, str]] = []
        if self.max_ns is not None or self.max_versions is None:
            parts.append(self._in_time(history, keys, stats, late))
        if self.max_versions is not None or (stats["versions_at_least"] or 1) > 1:
            parts.append(self._in_versions(stats, behind, _unsure(keys)))
        verdict = next(one for one in (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS) if one in dict(parts))
        why = "; ".join(why for _, why in parts)
        return Result(verdict, "staleness", [*late, *behind][:ANOMALIES_MAX], stats, why)

    def _is_late(self, key: _core.RegisterStaleness) -> bool:
        """Whether a key breaks the promise; without any, whether it has something to tell."""
        if self.max_ns is None and self.max_versions is not None:
            return False
        return key["answer"] == "unbounded" or key["delta_ns"] > (self.max_ns or 0)

    def _is_behind(self, key: _core.RegisterStaleness) -> bool:
        return self.max_versions is not None and (key["versions_at_least"] or 1) > self.max_versions

    def _anomaly(self, key: _core.RegisterStaleness) -> Anomaly:
        details = {"delta_ms": round(key["delta_ns"] / 1e6, 6), "answer": key["answer"]}
        if key["delta_ns"] > (self.max_ns or 0):
            return Anomaly("stale-read", key.get("message", ""), tuple(key.get("events", ())), key["key"], details)
        message = f"Reading earlier would not mend this. {key.get('why', '')}"
        return Anomaly("unbounded-staleness", message, tuple(key.get("why_events", ())), key["key"], details)

    def _in_time(
        self,
        history: History,
        keys: Sequence[_core.RegisterStaleness],
        stats: dict[str, Any],
        anomalies: Sequence[Anomaly],
    ) -> tuple[Verdict, str]:
        if not history.has_times:
            return Verdict.INCONCLUSIVE, "the history has no times, so staleness cannot be told in milliseconds"
        unsure = stats["keys_undecided"] > 0
        told = f"the stalest read was {stats['worst_ms']:,.3f} ms late" if stats["worst_ms"] else "no read was stale"
        if self.max_ns is None:
            return (Verdict.INCONCLUSIVE, f"{_unsure(keys)}; {told}, at the least") if unsure else (Verdict.PASS, told)
        limit = format_duration(self.max_ns / 1e9)
        if anomalies:
            return Verdict.FAIL, f"more than {limit}: {told}; {_told(anomalies[0])}"
        if unsure:
            return Verdict.INCONCLUSIVE, f"{_unsure(keys)}; {told}, at the least"
        return Verdict.PASS, f"at most {limit}: {told}"

    def _in_versions(self, stats: dict[str, Any], anomalies: Sequence[Anomaly], unsure: str) -> tuple[Verdict, str]:
        least, most = stats["versions_at_least"], stats["versions_at_most"]
        if most is None:
            told = f"some read returned no better than one of the last {least:,} values"
        else:
            between = f"{least:,}" if least == most else f"{least:,} to {most:,}"
            told = f"every read returned one of the last {between} values"
        if self.max_versions is None:
            return Verdict.PASS, told
        if anomalies:
            return Verdict.FAIL, f"older than the last {self.max_versions:,}: {told}; {_told(anomalies[0])}"
        if unsure:
            return Verdict.INCONCLUSIVE, f"{unsure}; {told}"
        if most is None or most > self.max_versions:
            return Verdict.INCONCLUSIVE, f"whether the last {self.max_versions:,} are enough is not known: {told}"
        return Verdict.PASS, f"none older than the last {self.max_versions:,}: {told}"


def _unsure(keys: Sequence[_core.RegisterStaleness]) -> str:
    """Why some keys are undecided: of the first, which operation saw a value that was written twice. Empty if none."""
    undecided = [key for key in keys if key["answer"] == "undecided"]
    if not undecided:
        return ""
    where = "" if undecided[0]["key"] is None else f"key {undecided[0]['key']}: "
    more = f" (and {len(undecided) - 1:,} more keys)" if len(undecided) > 1 else ""
    return f"{where}{undecided[0].get('unsure', 'a value was written twice')}{more}"


def _behind(key: _core.RegisterStaleness) -> Anomaly:
    versions, events = key["versions_at_least"] or 1, tuple(key["versions_events"])
    message = (
        f"A read returned one of the last {versions:,} values at best: {versions - 1:,} others were written after its "
        "own had been, and before the read began."
    )
    return Anomaly("stale-read", message, events, key["key"], {"versions": versions})


def _told(anomaly: Anomaly) -> str:
    return anomaly.message if anomaly.key is None else f"key {anomaly.key}: {anomaly.message}"


def _age(anomaly: Anomaly) -> int:
    return -int(anomaly.details["versions"])


def _most(bounds: Sequence[int | None]) -> int | None:
    """The largest, if all are known."""
    known = [bound for bound in bounds if bound is not None]
    return max(known) if known and len(known) == len(bounds) else None


def _severity(anomaly: Anomaly) -> tuple[bool, float]:
    return anomaly.type != "stale-read", -anomaly.details["delta_ms"]
