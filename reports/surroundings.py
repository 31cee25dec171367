"""What surrounds a violation beside its operations: what was said between the nodes, and what these wrote in their
logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.backdrop import Backdrop
from reports.counterexample import Counterexample
from reports.data import RunData
from reports.lamport import Lamport, lamport
from reports.logs import Excerpt


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Either may be missing: only the simulator's messages are known, and old runs have none."""

    lamport: Lamport | None
    logs: Sequence[Excerpt]


def surroundings(run: RunData, example: Counterexample, back: Backdrop) -> Surroundings:
    """Of one violation; nothing where its operations are not known, or have no times."""
    if not example.spans or not example.timed:
        return Surroundings(None, ())
    said = run.messages.about(example.anomaly)
    start_ns, end_ns = min(one.start_ns for one in example.spans), max(one.end_ns for one in example.spans)
    drawn = lamport(said, example.spans, example.faults or (), back, run.nodes, example.id) if said else None
    return Surroundings(drawn, run.logs.around(start_ns, end_ns))
