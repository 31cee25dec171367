"""How far a shrinking is."""

from __future__ import annotations

from harness.cli.ticker import Ticker
from harness.plan import Plan
from harness.shrink import Limits


class ShrinkProgress(Ticker):
    """A context manager that is told of each try."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._limits = limits
        self._plan: Plan | None = None

    def tell(self, plan: Plan) -> None:
        """This is tried now."""
        self._plan = plan

    def line(self) -> str:
        if self._plan is None:
            return "shrinking: starting"
        plan = self._plan
        faults = len(plan.faults) if plan.faults or not plan.nemeses else "all"
        return (
            f"shrinking: try {self._limits.made} of {self._limits.tries} at most: faults {faults}, {plan.time:g} s, "
            f"nodes {plan.nodes}, clients {plan.concurrency}"
        )
