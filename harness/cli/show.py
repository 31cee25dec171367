"""What commands print for people: verdicts, claims, faults, and where to look next. Colour only on a terminal (rich
sees to NO_COLOR)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.watchdog import crashes

if TYPE_CHECKING:
    from harness.run import Outcome

_STYLES = {"pass": "bold green", "fail": "bold red", "inconclusive": "bold yellow", "error": "bold magenta"}
SHOWN_MAX = 1_500
"""Characters shown of one sentence. A target may answer a megabyte, which a violation then quotes; the report has all
of it."""

TAIL = 300
"""How many of these come from its end."""

_MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?", "error": "!"}


def console() -> Console:
    """Standard output; text that came from a target is never taken for markup."""
    return Console(highlight=False, soft_wrap=True)


def verdict(name: str) -> str:
    """A verdict with its mark, as rich markup."""
    return f"[{_STYLES[name]}]{_MARKS[name]} {name}[/]"


def plain(text: object) -> str:
    """Text from outside: no markup, no control characters, and no more of it than a reader would scroll past."""
    return escape(bare(text))


def bare(text: object) -> str:
    """The same for where markup means nothing anyway."""
    whole = str(text)
    if len(whole) > SHOWN_MAX:
        left_out = len(whole) - SHOWN_MAX
        whole = f"{whole[: SHOWN_MAX - TAIL]} ... {left_out:,} characters left out ... {whole[-TAIL:]}"
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in whole)


def outcome(result: Outcome) -> None:
    """The end of a run: verdict first, then each claim with its reason, the faults, and the files."""
    out = console()
    plan = result.experiment.plan
    counted = "1 node" if plan.nodes == 1 else f"{plan.nodes} nodes"
    out.print(
        f"{verdict(result.verdict.value)}  {plain(plan.target.name)} · {plain(plan.workload.name)} · "
        f"{plan.cluster.name} · {counted} · seed {plan.seed}"
    )
    if result.problem:
        out.print(f"  [bold magenta]harness:[/] {plain(result.problem)}")
    for claim in result.claims:
        out.print(f"  {verdict(claim.verdict.value)}  {plain(claim.id)}: {plain(claim.why)}")
        for anomaly in claim.anomalies[:3]:
            where = f" (key {plain(anomaly.key)})" if anomaly.key is not None else ""
            out.print(f"      {plain(anomaly.type)}{where}: {plain(anomaly.message)}")
        if len(claim.anomalies) > 3:
            out.print(f"      and {len(claim.anomalies) - 3} more in the report")
    if result.faults:
        out.print(f"  faults: {faults(result.faults)}")
    for crash in crashes(result.history) if result.history else ():
        out.print(f"  [bold yellow]crash:[/] {plain(crash)}")
    stats = result.stats
    if "ops" in stats:
        out.print(f"  {stats['ops']} ops: {counts(stats)}; {stats.get('wall_s', 0):.1f} s of real time")
    out.print(f"  {plain(result.folder.report if result.folder.report.exists() else result.folder.path)}", style="dim")


def faults(spans: Any) -> str:
    """`partition 4 applied, kill 3 applied 1 skipped`."""
    tally: dict[str, Counter[str]] = {}
    for span in spans:
        tally.setdefault(span["family"], Counter())[span["status"]] += 1
    return ", ".join(
        f"{plain(family)} " + " ".join(f"{n} {status}" for status, n in each.items()) for family, each in tally.items()
    )


def counts(stats: Any) -> str:
    """`4000 ok, 3 fail, 12 info`."""
    return ", ".join(f"{stats.get(kind, 0)} {kind}" for kind in ("ok", "fail", "info"))


def table(*columns: str) -> Table:
    """A table in the house's style."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made
