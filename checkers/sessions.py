"""Promises weaker than linearizability, about registers with unique values.

    linearizable -> sequential -> causal -> PRAM -> monotonic reads, monotonic writes, read your writes
                                  causal -> writes follow reads

A session is a process: one client, until an operation whose outcome nobody knows. None of these promises speaks of
real time, so a store may keep them all and still return old values. Compare-and-set counts as a read and a write.

All but one are decided. Sequential consistency is NP-complete: it is refuted by orders that the reads force, proven by
an order of all operations that was found, and otherwise left undecided.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from checkers.linearizable import json_text, refusal
from harness import _core
from harness.checker import Anomaly, Budget, Result
from harness.verdict import Verdict

if TYPE_CHECKING:
    from harness.history import History

Guarantee = Literal[
    "sequential",
    "causal",
    "pram",
    "monotonic-reads",
    "monotonic-writes",
    "read-your-writes",
    "writes-follow-reads",
]

_PROMISES: dict[Guarantee, str] = {
    "sequential": "no one order of all operations that keeps each session's own explains this",
    "causal": "no order of the writes that agrees with what caused what explains what one session saw",
    "pram": "no order of the writes that keeps each session's own explains what one session saw",
    "monotonic-reads": "a session went back behind what it had read",
    "monotonic-writes": "a session saw another one's writes out of their order",
    "read-your-writes": "a session did not see its own write",
    "writes-follow-reads": "a session saw a write, but not what its writer had read before",
}


UNCONFIRMED = "a violation was found that a second judge did not see in its operations, a defect; please report it"


class Sessions:
    """A checker for one of these promises. `initial` is what every register holds before the first write."""

    def __init__(self, guarantee: Guarantee, *, initial: Any = None) -> None:
        self.guarantee = guarantee
        self.initial = json_text(guarantee, initial)

    def check(self, history: History, *, budget: Budget) -> Result:
        """Judges all keys together. `stats`: `ops, sessions, keys, seconds`.

        The anomaly's operations violate the promise by themselves. Raises `HistoryError` for what is not a history of
        registers.
        """
        began = time.monotonic()
        try:
            answer = _core.check_sessions(
                history.core,
                guarantee=self.guarantee,
                initial=self.initial,
                seconds=budget.seconds,
                memory_bytes=budget.memory_bytes,
            )
        except _core.MalformedHistory as malformed:
            raise refusal(malformed) from None
        stats = {name: answer[name] for name in ("ops", "sessions", "keys")}
        return self._result(answer, stats | {"seconds": round(time.monotonic() - began, 6)})

    def _result(self, answer: _core.SessionsVerdict, stats: dict[str, Any]) -> Result:
        if answer["verdict"] == "violation":
            kind = self.guarantee if answer["type"] == "session-order" else answer["type"]
            promise = _PROMISES[self.guarantee]
            told = answer["message"] if kind != self.guarantee else f"{_capitalized(promise)}: {answer['message']}"
            anomaly = Anomaly(kind, told, tuple(answer["events"]))
            return Result(Verdict.FAIL, self.guarantee, [anomaly], stats, told)
        if answer["verdict"] == "unconfirmed":
            return Result(Verdict.ERROR, self.guarantee, (), stats, f"{UNCONFIRMED}: {answer['message']}")
        if answer["verdict"] == "unknown":
            return Result(Verdict.INCONCLUSIVE, self.guarantee, (), stats, answer["message"])
        if not stats["keys"]:
            return Result(Verdict.INCONCLUSIVE, self.guarantee, (), stats, "there is no operation to judge")
        why = f"{stats['ops']:,} operations of {stats['sessions']:,} sessions on {stats['keys']:,} keys keep it"
        return Result(Verdict.PASS, self.guarantee, (), stats, why)


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


Factory = Callable[..., Sessions]

sequential: Factory = partial(Sessions, "sequential")
causal: Factory = partial(Sessions, "causal")
pram: Factory = partial(Sessions, "pram")
monotonic_reads: Factory = partial(Sessions, "monotonic-reads")
monotonic_writes: Factory = partial(Sessions, "monotonic-writes")
read_your_writes: Factory = partial(Sessions, "read-your-writes")
writes_follow_reads: Factory = partial(Sessions, "writes-follow-reads")
