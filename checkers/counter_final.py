"""A counter that is read in the end: every acknowledged addition counts, once.

Operations as for `counter-bounds`, but only the final reads are judged, those invoked after the mark "final": a store
that answers on its own and joins later is late until then, and must not be afterwards.

    {process 0, ok, add, 5}   {process 1, info, add, 2}   {process 2, ok, read, 8}     above 7: something counted twice

What is of unknown outcome may count, so a read lies between the acknowledged sum with all that such additions could
take away, and with all that they could add.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from checkers.collection import count
from checkers.findings import Findings, at
from checkers.requests import Request, requests
from harness.checker import Budget, Result

if TYPE_CHECKING:
    from harness.history import History


class CounterFinal:
    """`counter-final`. The kinds are those of `counter-bounds`: `below-bounds`, `above-bounds`."""

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `adds, final_reads`, and the kinds. Inconclusive if nothing was added, or a counter was not read in
        the end. Raises `HistoryError`."""
        adds: dict[str | None, list[Request]] = defaultdict(list)
        reads: dict[str | None, list[Request]] = defaultdict(list)
        for request in requests(history, "add", "read"):
            number = request.asked if request.f == "add" else request.got if request.ok else 0
            if isinstance(number, bool) or not isinstance(number, int):
                raise request.malformed("a counter adds and returns whole numbers")
            if request.f == "add" and not request.failed:
                adds[request.key].append(request)
            elif request.f == "read" and request.ok and request.final:
                reads[request.key].append(request)
        findings = Findings("below-bounds", "above-bounds")
        for key, final in reads.items():
            _judge(key, adds[key], final, findings)
        read = sum(map(len, reads.values()))
        stats = {"adds": sum(map(len, adds.values())), "final_reads": read}
        unread = [key for key, added in adds.items() if added and key not in reads]
        unproven = "" if stats["adds"] else "nothing was added"
        if unread:
            unproven = f"no final read was answered of {count(len(unread), 'counter')}"
        passed = f"{count(read, 'final read')} found what {count(stats['adds'], 'addition')} come to"
        return findings.result("counter-final", stats, passed=passed, unproven=unproven)


def _judge(key: str | None, adds: list[Request], final: list[Request], findings: Findings) -> None:
    sure = sum(add.asked for add in adds if add.ok)
    unsure = [add.asked for add in adds if not add.ok]
    least, most = sure + sum(min(0, n) for n in unsure), sure + sum(max(0, n) for n in unsure)
    for read in final:
        if least <= read.got <= most:
            continue
        kind, bound = (
            ("below-bounds", f"at least {least:,}") if read.got < least else ("above-bounds", f"at most {most:,}")
        )
        message = f"counter {key} is {read.got:,} on {read.node} at {at(read.end_ns)}, but must be {bound} in the end"
        findings.add(kind, message, [read], key)
