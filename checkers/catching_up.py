"""Catching up: how long after a heal do reads still lack what had been acknowledged before it?

`converges` looks at the end of a run, when nobody writes any more. Here every heal is looked at, with the load going
on: the two sides of a cut have gone different ways, and until each has heard of the other's updates, reads on it miss
some of them (`checkers.visibility` says what it is to miss one). The latest such read after a heal, counted from the
heal, is how long catching up took at the least; it is as fine as reads are dense. 0 says that no read missed anything.

A stretch begins when faults are known to be healed and ends where the next fault begins (`checkers.recovery`); the last
one ends with the history, final reads included. Of registers only those reads count that return something from before
the heal: what they disagree on afterwards is new, and no backlog. An update that no later read reflects is lost, which
is for other checkers to tell.

How stale reads got over the whole run is measured on the way, for collections and siblings; of registers `staleness`
tells it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from checkers.recovery import Stretch, stretches
from checkers.visibility import Kind, Miss, Thing, Unfit, misses, things
from harness.checker import Anomaly, Budget, Result
from harness.errors import UsageError
from harness.faults import Status, load_end_ns, spans
from harness.units import duration_s
from harness.verdict import Verdict

if TYPE_CHECKING:
    from harness.history import History


class CatchingUp:
    """`{catches_up: {within}}`: that long after each heal no read misses what was known before it; without `within` it
    is only measured. `read` is the `f` of the workload's reads."""

    measures: ClassVar[Mapping[str, Sequence[str]]] = {
        "convergence_s": ("worst_s",),
        "staleness_ms": ("stalest_ms",),
    }

    def __init__(self, *, within: float | str | None = None, read: str = "read") -> None:
        if not isinstance(read, str) or not read:
            raise UsageError(f"catches_up: read is the name of an operation, not {read!r}")
        self.within_s = None if within is None else duration_s(within)
        self.read = read

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `heals` (one object each), `worst_s`, and `stalest_ms`, which is None for registers.

        Inconclusive where updates cannot be told apart, and without a heal after which anything was read.
        """
        try:
            found = things(history, self.read)
        except Unfit as unfit:
            return Result(Verdict.INCONCLUSIVE, "catches_up", (), {"worst_s": None, "stalest_ms": None}, str(unfit))
        faults = [span for span in spans(history) if span.status is not Status.SKIPPED]
        backlogs = [_Backlog(stretch) for stretch in stretches(faults, load_end_ns(history))]
        read = [each.start_ns for thing in found for each in thing.reads]
        for backlog in backlogs:
            backlog.reads = sum(backlog.spans(start_ns) for start_ns in read)
        stalest_ns = None if any(thing.kind is Kind.REGISTER for thing in found) or not read else 0
        for miss in _every(found):
            if stalest_ns is not None:
                stalest_ns = max(stalest_ns, miss.read.start_ns - miss.update.known_ns)
            for backlog in backlogs:
                backlog.take(miss)
        return self._result(backlogs, stalest_ns)

    def _result(self, backlogs: Sequence[_Backlog], stalest_ns: int | None) -> Result:
        told = [one for one in backlogs if one.reads]
        worst = max(told, key=lambda one: one.seconds, default=None)
        stats: dict[str, Any] = {
            "heals": [one.to_json() for one in backlogs],
            "worst_s": None if worst is None else worst.seconds,
            "stalest_ms": None if stalest_ns is None else round(stalest_ns / 1e6, 6),
        }
        if worst is None:
            why = "nothing was read after a heal" if backlogs else "no fault was healed"
            return Result(Verdict.INCONCLUSIVE, "catches_up", (), stats, why)
        if worst.latest is None:
            why = f"no read after {len(told):,} heals missed what had been known before"
            return Result(Verdict.PASS, "catches_up", (), stats, why)
        message = worst.told(worst.latest)
        if self.within_s is not None and worst.seconds > self.within_s:
            proof = tuple(sorted({*worst.latest.update.ops, *worst.latest.read.ops}))
            key = worst.latest.thing.key
            anomaly = Anomaly("late-read", message, proof, None if key is None else str(key), worst.to_json())
            return Result(Verdict.FAIL, "catches_up", [anomaly], stats, message)
        return Result(Verdict.PASS, "catches_up", (), stats, f"the slowest of {len(told):,} heals: {message}")


@dataclass(slots=True)
class _Backlog:
    """What came to light after one heal: how many `reads` there were, and the `latest` that missed something."""

    stretch: Stretch
    reads: int = 0
    latest: Miss | None = None

    @property
    def seconds(self) -> float:
        """From the heal to the latest read that missed something; 0 when none did."""
        return 0.0 if self.latest is None else round((self.latest.read.start_ns - self.stretch.healed_ns) / 1e9, 6)

    def spans(self, time_ns: int) -> bool:
        """Whether a read invoked then tells of this heal."""
        return self.stretch.healed_ns <= time_ns and (self.stretch.last or time_ns < self.stretch.end_ns)

    def take(self, miss: Miss) -> None:
        """Keeps it if it is the latest so far of what was known before the heal."""
        healed_ns, read = self.stretch.healed_ns, miss.read
        if miss.update.known_ns > healed_ns or not self.spans(read.start_ns):
            return
        if miss.thing.kind is Kind.REGISTER and any(
            miss.thing.updates[value].known_ns > healed_ns for value in read.values
        ):
            return
        if self.latest is None or read.start_ns > self.latest.read.start_ns:
            self.latest = miss

    def told(self, miss: Miss) -> str:
        """The finding as a sentence."""
        where = "" if miss.thing.key is None else f"key {miss.thing.key}: "
        healed = f"{', '.join(self.stretch.faults)} was healed"
        return f"{where}{self.seconds:.3f} s after {healed}, a read on {miss.read.node} missed {miss.update.value!r}"

    def to_json(self) -> dict[str, Any]:
        return {
            "faults": list(self.stretch.faults),
            "healed_s": self.stretch.healed_ns / 1e9,
            "reads": self.reads,
            "seconds": self.seconds if self.reads else None,
        }


def _every(found: Sequence[Thing]) -> Iterator[Miss]:
    for thing in found:
        yield from misses(thing)
