"""How a run's promises stand while it goes on, and the end of its load at the first that is broken.

When to look is the caller's business, and in a simulated run it looks at fixed moments of virtual time. So the same
seed stops at the same event, and what was recorded until then is what the whole run would have recorded. Looking
changes nothing else: what is told here is news, and the verdict is that of the whole history.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from harness import flows
from harness.checker import Anomaly
from harness.generators import Generator
from harness.generators.context import Context
from harness.generators.protocol import Answer, node
from harness.history import History
from harness.operation import Operation
from harness.streaming import Stream, Watched

if TYPE_CHECKING:
    from harness import _core

_log = logging.getLogger(__name__)


class Recorded(Protocol):
    """What is recorded so far: a `_core.Recorder`, or whatever stands for one."""

    def history(self) -> _core.History:
        """All of it."""
        ...

    def tail(self, row: int) -> _core.History:
        """What came after so many events."""
        ...


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a load ended early: the claim that cannot be kept any more, and the violation.

    `event` is how many events had been recorded when it was found.
    """

    claim: str
    anomaly: Anomaly
    event: int

    def to_json(self) -> dict[str, Any]:
        """For the statistics of a run."""
        return {"claim": self.claim, "key": self.anomaly.key, "message": self.anomaly.message, "event": self.event}


@dataclass(frozen=True, slots=True)
class Standing:
    """How one claim stands: `ops` were judged, and `found` is the first violation, whose last event was at `at_ns` of
    the run. What is `later` is judged at the end only."""

    claim: str
    negated: bool = False
    later: bool = False
    ops: int = 0
    found: Anomaly | None = None
    at_ns: int = 0

    @property
    def broken(self) -> bool:
        """Whether the claim cannot be kept any more."""
        return self.found is not None and not self.negated

    def told(self) -> str:
        """In a few words, without anything that a target said: they go to a terminal."""
        if self.later:
            return "judged at the end"
        if self.found is None:
            return f"no violation in {self.ops:,} ops"
        where = f"{self.found.type} at {self.at_ns / 1e9:.1f} s"
        return f"violated as it says: {where}" if self.negated else f"VIOLATION: {where}"


class Watch:
    """Claims, watched while something records. `stop` is None until the first violation of any of them, and stays what
    it was when the load ended; `standings` tells of all claims, in their order."""

    def __init__(self, recorded: Recorded, watched: Mapping[str, Watched]) -> None:
        self._recorded = recorded
        self._fed = 0
        self._over = False
        self._streams: dict[str, tuple[str | None, Stream]] = {}
        self._standings = {claim: Standing(claim, each.negated, later=True) for claim, each in watched.items()}
        for claim, each in watched.items():
            if (stream := each.stream(self._so_far)) is not None:
                self._streams[claim] = each.flow, stream
                self._note(claim, later=False)
        self.stop: Stop | None = None

    @property
    def standings(self) -> Sequence[Standing]:
        """How all claims stand. May be asked for from another thread."""
        return list(self._standings.values())

    def look(self) -> Stop | None:
        """Feeds what was recorded since, and says whether there is a reason to stop: the first stays the first."""
        if not self._streams:
            return self.stop
        batch = History(self._recorded.tail(self._fed))
        self._fed += len(batch)
        for claim, (flow, stream) in list(self._streams.items()):
            try:
                anomaly = stream.feed(flows.select(batch, flow))
                self._note(claim, ops=stream.ops)
            except Exception as problem:
                # Nothing to watch here any more. A run must not fail by what only looks on: the check of the whole
                # history meets the same event, and its verdict tells it.
                _log.warning("%s cannot be judged while the run goes on: %s", claim, problem)
                self._note(claim, later=True)
                del self._streams[claim]
                continue
            if anomaly is not None:
                self._found(claim, anomaly)
        return self.stop

    def end(self) -> None:
        """The load is over: what is found from now on ends nothing, but it is told."""
        self._over = True

    def _found(self, claim: str, anomaly: Anomaly) -> None:
        del self._streams[claim]
        history = self._so_far()
        last = max((row for row in anomaly.ops if row < len(history)), default=len(history) - 1)
        self._note(claim, found=anomaly, at_ns=history[last].time)
        if self.stop is None and not self._over and self._standings[claim].broken:
            self.stop = Stop(claim, anomaly, self._fed)

    def _note(self, claim: str, **changes: Any) -> None:
        self._standings[claim] = replace(self._standings[claim], **changes)

    def _so_far(self) -> History:
        return History(self._recorded.history())


def told(standings: Sequence[Standing]) -> str:
    """All of them on one line: the broken ones first, the others that are judged now, and the names of those that are
    not."""
    now = sorted((one for one in standings if not one.later), key=lambda one: not one.broken)
    later = [one.claim for one in standings if one.later]
    words = [f"{one.claim}: {one.told()}" for one in now]
    return "; ".join(words + ([f"judged at the end: {', '.join(later)}"] if later else [])) or "judged at the end"


def until_violation(watch: Watch, load: Generator) -> Generator:
    """The load, until `watch` has found a violation."""
    return UntilViolation(watch, load)


@node
class UntilViolation(Generator):
    """State of `until_violation`."""

    watch: Watch
    child: Generator

    def op(self, ctx: Context) -> Answer:
        if self.watch.stop is not None:
            return None, None
        op, child = self.child.op(ctx)
        if child is None or child is self.child:
            return op, None if child is None else self
        return op, UntilViolation(self.watch, child)

    def update(self, ctx: Context, event: Operation) -> Generator:
        child = self.child.update(ctx, event)
        return self if child is self.child else UntilViolation(self.watch, child)
