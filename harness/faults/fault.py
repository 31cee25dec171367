"""One fault: what to inject, what came of it, and what the history tells of it in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.faults.evidence import Evidence, Status


@dataclass(frozen=True, slots=True)
class Fault:
    """One instance of a fault: what to inject.

    `draw` is what the schedule chose, e.g. `{"grudge": "ring"}` or `{"targets": "minority"}`.
    """

    id: str
    family: str
    draw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Injection:
    """What an injection came to: whom it hit (`resolved`, see the module's text) and the evidence per node."""

    resolved: Mapping[str, Any]
    nodes: Mapping[str, Evidence]


@dataclass(frozen=True, slots=True)
class FaultSpan:
    """One fault as the history tells it. All times are ns since the run began; `ops` are the indices of its events.

    `[start_ns, end_ns)` is the window: the fault was surely in force. It ends with the load for a fault that nobody
    stopped. `[injected_at_ns, healed_at_ns)` is the outer bound: outside it the fault was surely not in force;
    `healed_at_ns` is None when no healing is known to have succeeded. An injection that never came to an end has an
    empty window.

    `nodes` holds per node the evidence of start and stop together: the status is that of start; what stop measured is
    added, with the prefix `healed_` where both measured a thing of the same name.
    """

    id: str
    family: str
    injected_at_ns: int
    start_ns: int
    end_ns: int
    healed_at_ns: int | None
    draw: Mapping[str, Any]
    resolved: Mapping[str, Any]
    nodes: Mapping[str, Evidence]
    status: Status
    why: str
    ops: tuple[int, ...]

    @property
    def applied(self) -> bool:
        """Whether claims about this family may rest on this fault."""
        return self.status is Status.APPLIED

    def may_hold_at(self, time_ns: int) -> bool:
        """Whether the fault, as far as anybody knows, could have been in force then."""
        return self.injected_at_ns <= time_ns and (self.healed_at_ns is None or time_ns < self.healed_at_ns)

    def to_json(self) -> dict[str, Any]:
        """One line of faults.jsonl."""
        return {
            "id": self.id,
            "family": self.family,
            "status": self.status.value,
            "why": self.why,
            "injected_at_ns": self.injected_at_ns,
            "start_ns": self.start_ns,
            "end_ns": self.end_ns,
            "healed_at_ns": self.healed_at_ns,
            "draw": dict(self.draw),
            "resolved": dict(self.resolved),
            "nodes": {node: evidence.to_json() for node, evidence in sorted(self.nodes.items())},
            "ops": list(self.ops),
        }
