"""What is held against an application: violations as they are found, and the result they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from checkers.collection import ANOMALIES_MAX
from checkers.requests import Request
from harness.checker import Anomaly, Result
from harness.verdict import Verdict


class Findings:
    """Violations of the kinds that a checker knows. Each is counted, the first `ANOMALIES_MAX` are kept."""

    def __init__(self, *kinds: str) -> None:
        self._counts = dict.fromkeys(kinds, 0)
        self._anomalies: list[Anomaly] = []

    def add(self, kind: str, message: str, proof: Iterable[Request], key: str | None = None) -> None:
        """One violation, the operations that prove it, and whose it is."""
        self._counts[kind] += 1
        if len(self._anomalies) < ANOMALIES_MAX:
            ops = sorted({op for request in proof for op in request.ops})
            self._anomalies.append(Anomaly(kind, message, tuple(ops), key))

    def result(self, name: str, stats: Mapping[str, Any], *, passed: str, unproven: str = "") -> Result:
        """The result of a checker of that name: `passed` says what was found in order, `unproven` why that proves
        nothing, if it does not. The numbers of each kind join the stats, with underscores."""
        told = {**stats, **{kind.replace("-", "_"): count for kind, count in self._counts.items()}}
        if self._anomalies:
            counts = ", ".join(f"{count:,} {kind}" for kind, count in self._counts.items() if count)
            return Result(Verdict.FAIL, name, self._anomalies, told, f"{counts}; {self._anomalies[0].message}")
        if unproven:
            return Result(Verdict.INCONCLUSIVE, name, (), told, unproven)
        return Result(Verdict.PASS, name, (), told, passed)


def at(time_ns: int) -> str:
    """A moment of a run in words: 1.204 s."""
    return f"{time_ns / 1e9:.3f} s"
