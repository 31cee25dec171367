"""Progress of a gate: one line on a terminal, gone at the end; where there is none, a line now and then."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.live import Live as RichLive
from rich.text import Text

from harness.gate.standing import Standing
from harness.plan import Plan

PLAIN_EVERY_S = 10.0


class GateProgress:
    """A context manager whose `watch` a campaign reports to."""

    def __init__(self, budget_s: float) -> None:
        self._budget_s = budget_s
        self._began = self._told = time.monotonic()
        self._line = "starting"
        self._terminal = sys.stderr.isatty()
        self._live = RichLive(
            console=Console(stderr=True), get_renderable=self._render, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> Self:
        if self._terminal:
            self._live.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        if self._terminal:
            self._live.stop()

    def watch(self, standings: Sequence[Standing], plans: Sequence[Plan]) -> None:
        """Takes in where the cases stand, and what runs."""
        count = Counter(standing.verdict.value for standing in standings if not standing.wants)
        settled = ", ".join(
            f"{count[name]} {name}" for name in ("pass", "fail", "error", "inconclusive") if count[name]
        )
        runs = sum(standing.tried for standing in standings)
        left = sum(max(0, standing.wants) for standing in standings)
        running = ", ".join(dict.fromkeys(f"{plan.target.name} {plan.workload.name}" for plan in plans))
        self._line = f"{settled or 'none settled yet'} · {runs} runs judged, at most {left} to go · {running}"
        now = time.monotonic()
        if not self._terminal and now - self._told >= PLAIN_EVERY_S:
            self._told = now
            click.echo(f"gate: {self._elapsed()} · {self._line}", err=True)

    def _elapsed(self) -> str:
        elapsed_s = time.monotonic() - self._began
        return f"{elapsed_s:.0f} s" + ("" if self._budget_s == float("inf") else f" of {self._budget_s:g} s")

    def _render(self) -> Text:
        return Text(f"{self._elapsed()} · {self._line}", no_wrap=True, overflow="ellipsis")
