"""Judging a history while it is recorded: a run can tell how it stands, and stop at its first violation.

A checker that can offers `stream`. What it gives is fed the new events, a batch at a time, as a `History` that keeps
their indices: columns in Rust, no Python object per event. Recording itself does nothing more than before; whoever
feeds copies what came since (`harness.watch`). Calling checkers for every event was rejected: it would put them on the
path between an answer and its time in the history.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from harness import flows
from harness.checker import Anomaly, Budget, Result
from harness.errors import UsageError
from harness.history import History

if TYPE_CHECKING:
    from harness.claims import Claim
    from harness.experiment import Experiment
    from harness.workload import Workload


class Stream(Protocol):
    """A check that goes on while the history grows."""

    @property
    def ops(self) -> int:
        """How many operations of what it was fed it has judged: fewer than there are where it looks now and then, or
        leaves some to the end."""
        ...

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
class Watched:
    """What judges a claim while the run goes on: its checker, None if that needs the whole history; the one flow that
    it is fed, None for all of them; and whether a violation is what the claim says will be found."""

    checker: Streaming | None
    flow: str | None = None
    negated: bool = False

    def stream(self, so_far: Callable[[], History]) -> Stream | None:
        """A stream that is to be fed the flow's events only; None if the claim is judged at the end."""
        return self.checker.stream(lambda: flows.select(so_far(), self.flow)) if self.checker else None


def watching(experiment: Experiment) -> dict[str, Watched]:
    """Every claim of an experiment, with what judges it while the run goes on."""
    return {claim.id: _watched(claim, experiment.workload) for claim in experiment.claims}


def _watched(claim: Claim, workload: Workload) -> Watched:
    from harness.experiment import checker_factory

    name = claim.expect.name
    flow, options = flows.separate({**workload.checker_options(name), **claim.expect.options}, workload)
    checker = checker_factory(name)(**options)
    able = isinstance(checker, Streaming) and checker.stream(_nothing) is not None
    return Watched(checker if able else None, flow, claim.expect.negated)


def ending(experiment: Experiment) -> dict[str, Watched]:
    """The same, where the load is to end at a violation: `{not: X}` cannot end it, for there a violation is what the
    run is for. Raises `UsageError` if there is no claim that can."""
    found = watching(experiment)
    if not any(each.checker and not each.negated for each in found.values()):
        raise UsageError(
            f"stop_on_violation: none of the claims ({', '.join(found)}) can be judged while the run goes on: "
            "expect one that can, such as linearizable of a register, a set or a mutex, or serializable of "
            "transactions, or leave it out; docs/checkers.md lists them, and says why the others need a whole history"
        )
    return found


def _nothing() -> History:
    raise AssertionError("a stream asks for the history when it has found something, not when it is made")
