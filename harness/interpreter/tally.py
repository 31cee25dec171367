"""What an interpretation came to, besides the history."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.operation import Operation


@dataclass(slots=True)
class Tally:
    """Counts and oddities, for the run's report. Filled while it runs, also when it ends early."""

    processes: tuple[int, ...] = ()
    """The process that each client thread runs at the end: what a next `interpret` on the same history has to go on
    with."""

    events: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    """How many events of each type there were, nemeses' included: `events[Type.OK]`."""

    nemesis_errors: list[tuple[Operation, BaseException]] = field(default_factory=list)
    """Invocations of nemeses that raised or ran out of time, and what they raised."""

    surprises: dict[str, BaseException] = field(default_factory=dict)
    """The first exception of each kind that a client raised other than `Failed` and `Indeterminate`, by class and
    exception: often a defect of the client, so worth a look."""

    timeouts: int = 0
    """How many operations of clients ran into their deadline."""

    stuck: int = 0
    """How many calls to clients were left behind at the end since they neither returned nor heeded cancellation."""
