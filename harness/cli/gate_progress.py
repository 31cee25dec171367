"""Progress of a gate: what is settled, what runs, how much there is to go."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from harness.cli.ticker import Ticker
from harness.gate.standing import Standing
from harness.plan import Plan
from harness.verdict import Verdict


class GateProgress(Ticker):
    """A context manager whose `watch` a gate reports to."""

    def __init__(self, budget_s: float) -> None:
        super().__init__()
        self._budget_s = budget_s
        self._began = time.monotonic()
        self._told = "starting"

    def watch(self, standings: Sequence[Standing], plans: Sequence[Plan]) -> None:
        """Takes in where the cases stand, and what runs."""
        count = Counter(standing.verdict for standing in standings if not standing.wants)
        settled = ", ".join(f"{count[verdict]} {verdict.value}" for verdict in reversed(Verdict) if count[verdict])
        runs = sum(standing.tried for standing in standings)
        left = sum(max(0, standing.wants) for standing in standings)
        running = ", ".join(dict.fromkeys(f"{plan.target.name} {plan.workload.name}" for plan in plans))
        self._told = f"{settled or 'none settled yet'} · {runs} runs judged, at most {left} to go · {running}"

    def line(self) -> str:
        elapsed_s = time.monotonic() - self._began
        of = "" if self._budget_s == float("inf") else f" of {self._budget_s:g} s"
        return f"gate: {elapsed_s:.0f} s{of} · {self._told}"
