"""The checker contract: a checker judges a history, and proves what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from harness.verdict import Verdict

if TYPE_CHECKING:
    from harness.history import History


@dataclass(frozen=True, slots=True)
class Budget:
    """What a check may cost. Out of budget is `inconclusive`, with what was established until then."""

    seconds: float = 60.0
    memory_bytes: int = 4 << 30


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One violation, with its proof.

    `type` is the field's name for it (`non-linearizable`, `stale-read`, `lost-write`, `G-single`); `message` explains
    it in a sentence or a few; `ops` are the indices of the events that prove it (minimal); `key` is the object it is
    about, if any; `details` is JSON for reports.
    """

    type: str
    message: str
    ops: tuple[int, ...] = ()
    key: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """One object of `anomalies[]`, in a verdict and of `check --json`."""
        return {
            "type": self.type,
            "message": self.message,
            "ops": list(self.ops),
            "key": self.key,
            "details": dict(self.details),
        }


@dataclass(frozen=True, slots=True)
class Result:
    """What a checker found.

    `why` says in one sentence how it came to the verdict; `stats` is JSON (counts, seconds, units in the names).
    """

    verdict: Verdict
    model: str
    anomalies: Sequence[Anomaly] = ()
    stats: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""


class Checker(Protocol):
    """A named way to judge. Entry-point group `splitbrain.checkers`; the object is called to make a checker.

    `options` come from the claim (`{availability: {min: 0.99}}` gives `min=0.99`); unknown or malformed ones raise
    `UsageError`.
    """

    def check(self, history: History, *, budget: Budget) -> Result: ...


@runtime_checkable
class HasFigures(Protocol):
    """A checker some of whose numbers are harm that targets can be compared by: the fewer, the better."""

    figures: Mapping[str, str]
    """By words for a reader ("units oversold"): the name of the number in its result's `stats`."""


@runtime_checkable
class HasMeasures(Protocol):
    """A checker some of whose numbers answer a question that is asked of every target that is compared."""

    measures: Mapping[str, Sequence[str]]
    """By measure (`staleness_ms`, `convergence_s`, `lost_writes`, `recovery_s`, see `harness.comparison`): the way to
    the number in its result's `stats`, a name for each level."""


@runtime_checkable
class ReadsLogs(Protocol):
    """A checker that also looks at what the nodes logged."""

    def with_logs(self, folder: Path) -> Checker:
        """The same check of the logs in `folder`, which has a folder for each node and may be missing; as it is if its
        options named logs already."""
        ...
