"""Progress of a campaign: how far it is, and what it found so far."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence

from harness.campaign.findings import findings
from harness.campaign.record import Run
from harness.cli.ticker import Ticker
from harness.plan import Plan
from harness.units import format_duration
from harness.verdict import Verdict


class CampaignProgress(Ticker):
    """A context manager whose `watch` a campaign reports to."""

    def __init__(self, name: str, runs_max: float, budget_s: float) -> None:
        super().__init__()
        self._name = name
        self._of_runs = "" if math.isinf(runs_max) else f" of {runs_max:g}"
        self._of_time = "" if math.isinf(budget_s) else f" of {format_duration(budget_s)}"
        self._began = time.monotonic()
        self._told = "starting"

    def watch(self, ended: Sequence[Run], plans: Sequence[Plan]) -> None:
        """Takes in what has ended, and what runs."""
        count = Counter(run.verdict for run in ended)
        verdicts = ", ".join(f"{count[verdict]} {verdict.value}" for verdict in reversed(Verdict) if count[verdict])
        distinct = len(findings(ended))
        failures = "" if not distinct else f" · {distinct} distinct failure" + ("s" if distinct > 1 else "")
        running = ", ".join(dict.fromkeys(f"{plan.target.name} {plan.workload.name}" for plan in plans))
        self._told = f"{len(ended)}{self._of_runs} runs{verdicts and ': '}{verdicts}{failures} · {running}"

    def line(self) -> str:
        elapsed_s = time.monotonic() - self._began
        return f"campaign {self._name}: {elapsed_s:.0f} s{self._of_time} · {self._told}"
