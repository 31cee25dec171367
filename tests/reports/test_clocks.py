"""The plot of the clocks is drawn from what was read back, and from nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from reports.backdrop import Backdrop
from reports.clocks import clock_offsets, wrongs
from reports.data import FaultRecord, NodeEvidence
from reports.html import report
from reports.series import series
from tests.reports.markup import parse
from tests.reports.synthetic import failing, fault, passing


def clock(kind: str, number: int = 1, hit: str = "n2", **measured: Any) -> FaultRecord:
    nodes = {hit: NodeEvidence("applied", measured)}
    return fault(number, "clock", 10.0 * number, 10.0 * number + 4, [hit], draw={"kind": kind}, nodes=nodes)


def drawn(*faults: FaultRecord) -> Any:
    run = failing()
    return clock_offsets(Backdrop.of(series(run.history, faults), faults))


def test_what_was_measured_is_in_the_table() -> None:
    made = drawn(
        clock("bump", offset_ms=1800.5), clock("drift", 2, "n10", offset_ms=0.0, ppm=-50_000, drifted_to_ms=-200.0)
    )
    assert [row[1:3] + row[5:] for row in made.table.rows] == [
        ["n2", "bump", "+1,800.500 ms", "+1,800.500 ms"],
        ["n10", "drift", "+0.000 ms", "-200.000 ms"],
    ]
    assert [one.text for one in parse(str(made.svg)).all("text", class_="lane")] == ["n2", "n10"]


def test_a_clock_that_is_ahead_is_above_the_line_and_one_behind_below() -> None:
    made = parse(str(drawn(clock("bump", offset_ms=500.0), clock("bump", 2, "n3", offset_ms=-500.0)).svg))
    ahead, behind = (one.attributes["d"] or "" for one in made.all("path", class_="wrong"))
    heights = [[float(point.split(",")[1]) for point in path[1:].split("L")] for path in (ahead, behind)]
    assert max(heights[0]) < 23 < min(heights[1])


@pytest.mark.parametrize("offset", [float("nan"), float("inf"), "1800", None, [1]])
def test_what_is_no_measurement_is_not_drawn(offset: Any) -> None:
    assert drawn(clock("bump", offset_ms=offset)) is None
    assert drawn(fault(1, "clock", 1, 2, ["n2"], status="skipped")) is None


def test_the_plot_is_there_when_a_clock_was_wrong_and_only_then() -> None:
    assert len(parse(report(passing())).all("figure", id="figure-clocks")) == 1
    assert not parse(report(failing())).all("figure", id="figure-clocks")


def test_hostile_names_stay_text_and_a_thousand_faults_are_bounded() -> None:
    nasty = "</script><b>\u202e" * 20
    many = [clock("bump", number, nasty, offset_ms=1e308) for number in range(1, 1_001)]
    assert len(list(wrongs(many))) == 400
    text = str(drawn(*many).svg)
    assert "<b>" not in text and "\u202e" not in text
