"""The page about a history that somebody brought: `splitbrain check FILE --model MODEL --report out.html`.

What the report of a run shows, as far as a history alone can tell: the verdict, the proof of each violation, the
operations. There is no plan, and nothing is known of faults.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.verdict import Verdict
from reports import figures
from reports.backdrop import OUTCOME_LOOKS, Backdrop
from reports.counterexample import counterexample
from reports.data import ClaimRecord, installed_version
from reports.html import ANOMALIES_DRAWN_MAX, Tile
from reports.page import render, write
from reports.series import Series, series
from reports.text import flatten, percent, show

if TYPE_CHECKING:
    from harness.history import History


def write_check(path: Path, name: str, document: Mapping[str, Any], history: History) -> Path:
    """Writes the page to `path`. `document` is what `check --json` prints, `name` what the history is called.

    Raises `RecordingError` when the disk does not let it.
    """
    return write(path, page(name, document, history))


def page(name: str, document: Mapping[str, Any], history: History) -> str:
    """The page itself."""
    model = str(document["model"])
    claim = ClaimRecord.of({**document, "id": model, "expect": model})
    counted = series(history, [])
    back = Backdrop.of(counted, [])
    charts = [figures.throughput(counted, back), figures.latency(counted, back)] if history.has_times else []
    shown = [
        (claim, counterexample(history, anomaly, None, f"violation-{place}"))
        for place, anomaly in enumerate(claim.anomalies[:ANOMALIES_DRAWN_MAX], 1)
    ]
    return render(
        "check.html.j2",
        footer=f"splitbrain {installed_version()} - {name}",
        name=name,
        claim=claim,
        headline=headline(claim.verdict, model),
        tiles=tiles(document, counted),
        back=back,
        figures=charts,
        violations=shown,
        undrawn=len(claim.anomalies) - len(shown),
        given_up=document.get("lenient"),
        series=counted,
        outcomes=OUTCOME_LOOKS,
        events=len(history),
        timed=history.has_times,
        truncated=history.truncated,
        stats=flatten(document.get("stats") or {}),
        version=installed_version(),
        flatten=flatten,
    )


def headline(verdict: Verdict, model: str) -> str:
    """The verdict in a sentence."""
    told = show(model, 80)
    match verdict:
        case Verdict.PASS:
            return f"The history is {told}"
        case Verdict.FAIL:
            return f"The history is not {told}"
        case _:
            return f"Not proven: {told} could not be decided"


def tiles(document: Mapping[str, Any], counted: Series) -> list[Tile]:
    """The few numbers that say what this verdict rests on."""
    ok, refused, _, info = counted.total
    anomalies = len(document["anomalies"])
    return [
        Tile("violations told", f"{anomalies:,}" if anomalies else "none"),
        Tile(
            "operations",
            f"{document['ops']:,}",
            f"{percent((ok + refused) / counted.ops)} answered" if counted.ops else "",
        ),
        Tile("outcome unknown", f"{info:,}", "may or may not have happened" if info else "every answer is known"),
        Tile("decided in", f"{document['seconds']:,.3f} s"),
    ]
