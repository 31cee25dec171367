"""Judging a history while it is recorded: a run can tell how it stands, and stop at its first violation.

A checker that can offers `stream`. What it gives is fed the new events, a batch at a time, as a `History` that keeps
their indices: columns in Rust, no Python object per event. Recording itself does nothing more than before; whoever
feeds copies what came since (`_core.Recorder.tail`). Calling checkers for every event was rejected: it would put them
on the path between an answer and its time in the history.

When to look is the caller's business, and in a simulated run it looks at fixed moments of virtual time. So the same
seed stops at the same event, and what was recorded until then is what the whole run would have recorded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from harness import flows
from harness.checker import Anomaly, Budget, Result
from harness.errors import UsageError
from harness.generators import Generator
from harness.generators.context import Context
from harness.generators.protocol import Answer, node
from harness.history import History
from harness.operation import Operation

if TYPE_CHECKING:
    from harness._core import Recorder
    from harness.experiment import Experiment

_log = logging.getLogger(__name__)


class Stream(Protocol):
    """A check that goes on while the history grows."""

    def feed(self, batch: History) -> Anomaly | None:
        """Judges the events that follow those fed before. The first violation, once, with its proof.

        A violation is told only when no continuation of the history could mend it: operations that are open may still
        take effect or not. How soon after that is the checker's to say. Raises `HistoryError` for events that are no
        history of this model.
        """
        ...

    def finish(self, *, budget: Budget | None = None) -> Result:
        """The history is complete: what `check` says of it, at less cost where nothing was found."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """A checker that can judge a history while it grows."""

    def stream(self, so_far: Callable[[], History]) -> Stream | None:
        """A stream at the beginning of a history; None if these options need the whole history.

        `so_far` gives everything recorded until now, also what was not fed yet. It is asked when a violation has to be
        proved, so a stream itself need not keep what it was fed.
        """
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
class Watched:
    """What judges a claim while the run goes on: its checker, and the one flow that it is fed, None for all of them."""

    checker: Streaming
    flow: str | None = None

    def stream(self, so_far: Callable[[], History]) -> Stream | None:
        """A stream that is fed the flow's events only."""
        return self.checker.stream(lambda: flows.select(so_far(), self.flow))


class Watch:
    """Claims, watched while a recorder records. `stop` is None until the first violation of any of them; `claims` are
    those that it could tell of."""

    def __init__(self, recorder: Recorder, watched: Mapping[str, Watched]) -> None:
        self._recorder = recorder
        self._fed = 0
        self.stop: Stop | None = None
        self._streams: dict[str, tuple[str | None, Stream]] = {}
        for claim, each in watched.items():
            if (stream := each.stream(lambda: History(recorder.history()))) is not None:
                self._streams[claim] = each.flow, stream
        self.claims = tuple(self._streams)

    def look(self) -> Stop | None:
        """Feeds what was recorded since, and says whether there is a reason to stop: the first stays the first."""
        if self.stop is not None or not self._streams:
            return self.stop
        batch = History(self._recorder.tail(self._fed))
        self._fed += len(batch)
        for claim, (flow, stream) in list(self._streams.items()):
            try:
                anomaly = stream.feed(flows.select(batch, flow))
            except Exception as problem:
                # Nothing to watch here any more. A run must not fail by what only looks on: the check of the whole
                # history meets the same event, and its verdict tells it.
                _log.warning("%s cannot be judged while the run goes on: %s", claim, problem)
                del self._streams[claim]
                continue
            if anomaly is not None and self.stop is None:
                self.stop = Stop(claim, anomaly, self._fed)
        return self.stop

    def end(self) -> None:
        """The load is over: what is found from now on ends nothing."""
        self._streams.clear()


def watchable(experiment: Experiment) -> dict[str, Watched]:
    """The claims of which a violation can be told while the experiment runs; perhaps none.

    `{not: X}` is left out: there a violation is what the run is for, no news and no reason to end it.
    """
    from harness.experiment import checker_factory

    found: dict[str, Watched] = {}
    for claim in experiment.claims:
        name, workload = claim.expect.name, experiment.workload
        flow, options = flows.separate({**workload.checker_options(name), **claim.expect.options}, workload)
        checker = None if claim.expect.negated else checker_factory(name)(**options)
        if isinstance(checker, Streaming) and checker.stream(_nothing) is not None:
            found[claim.id] = Watched(checker, flow)
    return found


def ending(experiment: Experiment) -> dict[str, Watched]:
    """The claims at whose violation the load of this experiment ends. Raises `UsageError` if there is none."""
    found = watchable(experiment)
    if not found:
        told = ", ".join(claim.id for claim in experiment.claims)
        raise UsageError(
            f"stop_on_violation: none of the claims ({told}) can be judged while the run goes on: "
            "expect one that can, such as linearizable of a register, a set or a mutex, or serializable of "
            "transactions, or leave it out; docs/checkers.md lists them, and says why the others need a whole history"
        )
    return found


def _nothing() -> History:
    raise AssertionError("a stream asks for the history when it has found something, not when it is made")


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
