"""How many reads were stale: how often a visitor saw what was no longer so. How old it was is told by `staleness`.

A read is stale if it returned a value over which another had been written before the read began: that write was
acknowledged, and began after the one of the value returned had been.

    {ok, write, 1}   {ok, write, 2}   {ok, read, 1}       stale
    {ok, write, 1}   {invoke, write, 2}   {ok, read, 1}   not: who knows whether 2 was there yet

So every read that is counted is wrong for certain; one that returned a value whose write has no outcome, that was
written twice, or that nobody wrote, is not counted. The share of stale reads is what probabilistically bounded
staleness promises (Bailis et al., "Probabilistically Bounded Staleness for Practical Partial Quorums", VLDB 2012).
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar

from checkers.collection import ANOMALIES_MAX
from checkers.findings import at
from checkers.requests import Request, requests
from harness.checker import Anomaly, Budget, Result
from harness.errors import UsageError
from harness.verdict import Verdict

if TYPE_CHECKING:
    from harness.history import History


class StaleReads:
    """`{stale_reads: {max}}`: the share of reads that may be stale, 0 (default) to 1."""

    figures: ClassVar[Mapping[str, str]] = {"stale reads": "stale"}

    def __init__(self, *, max: float = 0) -> None:
        if isinstance(max, bool) or not isinstance(max, int | float) or not 0 <= max <= 1:
            raise UsageError(f"stale_reads: max is a share between 0 and 1, such as 0.01, not {max!r}")
        self.max = float(max)

    def check(self, history: History, *, budget: Budget) -> Result:
        """Near-linear. `stats`: `reads` that were answered, `stale` of them, `share`. Raises `HistoryError` for what
        is not a history of registers."""
        registers: dict[str | None, _Register] = defaultdict(_Register)
        reads = [
            request for request in requests(history, "read", "write", "cas") if registers[request.key].take(request)
        ]
        for register in registers.values():
            register.settle()
        anomalies: list[Anomaly] = []
        stale = 0
        for read in reads:
            if (overwritten := registers[read.key].overwritten(read)) is not None:
                stale += 1
                if len(anomalies) < ANOMALIES_MAX:
                    anomalies.append(_told(read, *overwritten))
        stats = {"reads": len(reads), "stale": stale, "share": round(stale / len(reads), 6) if reads else None}
        if not reads:
            return Result(Verdict.INCONCLUSIVE, "stale_reads", (), stats, "no read was answered")
        told = f"{stale:,} of {len(reads):,} reads were stale, promised: at most {self.max * 100:g} %"
        if stale > self.max * len(reads):
            return Result(Verdict.FAIL, "stale_reads", anomalies, stats, f"{told}; {anomalies[0].message}")
        return Result(Verdict.PASS, "stale_reads", (), stats, told)


class _Register:
    """The writes of one key: by value, and the acknowledged ones by their ends, with the latest so far to begin."""

    def __init__(self) -> None:
        self._writers: dict[str, Request | None] = {}
        self._acknowledged: list[Request] = []
        self._ends: list[int] = []
        self._latest: list[Request] = []

    def take(self, request: Request) -> bool:
        """Notes a write; says whether this is a read that was answered."""
        if request.f == "read":
            return request.ok
        if request.failed:
            return False
        value = request.asked
        if request.f == "cas":
            if not isinstance(value, list) or len(value) != 2:
                raise request.malformed("a cas needs the value [from, to]")
            value = value[1]
        text = _text(value)
        self._writers[text] = None if text in self._writers else request
        if request.ok:
            self._acknowledged.append(request)
        return False

    def settle(self) -> None:
        """All writes are known."""
        self._acknowledged.sort(key=lambda write: write.end)
        self._ends = [write.end for write in self._acknowledged]
        self._latest = [*accumulate(self._acknowledged, _later)]

    def overwritten(self, read: Request) -> tuple[Request | None, Request] | None:
        """The write of what was read, None for what was there before any, and one over it; None if it is not stale for
        certain."""
        text = _text(read.got)
        writer = self._writers.get(text)
        if writer is None and (text in self._writers or text != "null"):
            return None
        if writer is not None and not writer.ok:
            return None
        before = bisect_left(self._ends, read.start)
        if not before:
            return None
        over = self._latest[before - 1]
        return (writer, over) if writer is None or over.start > writer.end else None


def _later(one: Request, other: Request) -> Request:
    return other if other.start > one.start else one


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _told(read: Request, writer: Request | None, over: Request) -> Anomaly:
    where = "" if read.key is None else f" of {read.key}"
    message = (
        f"the read{where} on {read.node} at {at(read.start_ns)} returned what had been overwritten: a later write was "
        f"acknowledged at {at(over.end_ns)}"
    )
    proof = [request for request in (writer, over, read) if request is not None]
    return Anomaly("stale-read", message, tuple(sorted({op for each in proof for op in each.ops})), read.key)
