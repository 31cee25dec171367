"""Faults as the history tells them: spans, evidence, and who could still talk to whom.

A nemesis leaves two op pairs per fault: `start-<family>` and `stop-<family>`, both completed as `info`. Their values
are JSON objects:

    start, invoked    {"fault": "partition-1", "draw": {"grudge": "majority"}}
    start, completed  {"fault": ..., "draw": ..., "resolved": {"drops": {"n3": ["n1", "n2"]}}, "nodes": {"n3":
    EVIDENCE}} stop, invoked     {"fault": "partition-1"} stop, completed   {"fault": ..., "nodes": {"n3": EVIDENCE}}

EVIDENCE is `{"status": "applied" | "skipped" | "indeterminate", "measured": {...}, "why": "..."}`. `resolved` says whom
it hit: partitions give `drops`, a directed map from a node to those whose messages it does not receive; all others give
`nodes`, a list of names. The span of a fault in force runs from the completion of `start` to the invocation of `stop`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How sure we are that a fault was in force on a node."""

    APPLIED = "applied"
    SKIPPED = "skipped"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read back from one node.

    `measured` is JSON with units in its names; `applied` without a measurement is refused.
    """

    status: Status
    measured: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""

    def __post_init__(self) -> None:
        if self.status is Status.APPLIED and not self.measured:
            raise ValueError("a fault counts as applied only with something measured on the node")

    def to_json(self) -> dict[str, Any]:
        """The form kept in the history."""
        return {"status": self.status.value, "measured": dict(self.measured)} | ({"why": self.why} if self.why else {})


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
