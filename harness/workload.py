"""The workload contract: what the clients do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from harness.generators import Generator


class Workload(Protocol):
    """Entry-point group `splitbrain.workloads`; called with the options of the plan's `workload` entry and
    `concurrency`.

    `rate` (operations per second, over all workers) is common to all. Unknown or malformed options raise `UsageError`.
    """

    name: ClassVar[str]
    model: ClassVar[str]
    """The data type that checkers take the history for: `cas-register`, `list-append`, ..."""

    expectations: ClassVar[Sequence[str]]
    """What a claim may expect of this workload's history: names of checkers, and of its own invariants."""

    def generator(self) -> Generator:
        """The load, without end: the harness bounds it in time and adds the nemeses."""
        ...

    def final(self) -> Generator:
        """The reads after healing: every worker reads everything."""
        ...

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """What to add to a checker's options for this workload, e.g. `{"model": "cas-register"}`."""
        ...
