"""How sure we are that a fault was in force on a node, and by what measurement."""

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
