"""What is drawn of a claim's verdicts over time, and the numbers it is drawn from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.serve import trends
from reports.serve.facts import ClaimFacts, RunFacts
from reports.serve.store import RunName
from reports.serve.trends import LANES, Trend
from tests.reports.markup import parse


def run(number: int, verdict: str, share: float | None = None, target: str = "raft") -> RunFacts:
    claim = ClaimFacts("available", "x", verdict, share)
    return RunFacts(RunName(target, f"run{number}"), target, began_s=float(number), verdict=verdict, claims=(claim,))


RUNS = [run(3, "fail", 0.5), run(2, "pass", 0.995), run(2, "pass", None, "etcd"), run(1, "inconclusive")]


def test_trends_are_by_target_and_claim_oldest_first() -> None:
    etcd, raft = trends.trends(RUNS)
    assert (etcd.target, len(etcd.points)) == ("etcd", 1)
    assert [claim.verdict for _, claim in raft.points] == ["inconclusive", "pass", "fail"]
    assert (raft.last.verdict, raft.kept, raft.broken, raft.share) == ("fail", 1, 1, 0.5)
    assert not etcd.measured and raft.measured
    assert [one.target for one in trends.trends(RUNS, target="raft")] == ["raft"]
    assert trends.trends(RUNS, claim="other") == []


def test_each_verdict_is_a_mark_in_its_lane_that_leads_to_its_run() -> None:
    [_, raft] = trends.trends(RUNS)
    drawn = parse(str(trends.verdicts(raft)))
    links = drawn.all("a")
    assert [link.attributes["href"] for link in links] == ["/runs/raft/run1", "/runs/raft/run2", "/runs/raft/run3"]
    lanes = [(float(str(link.one("rect").attributes["y"])) - 4) / trends.LANE for link in links]
    assert lanes == [LANES.index(verdict) for verdict in ("inconclusive", "pass", "fail")]
    assert "1 pass, 1 inconclusive, 1 fail" in drawn.one("desc").text


@pytest.mark.parametrize(("worst", "lowest"), [(0.999, "99 %"), (0.985, "98 %"), (0.5, "50 %"), (0.1, "0 %")])
def test_the_axis_of_availability_begins_below_the_worst(worst: float, lowest: str) -> None:
    [trend] = trends.trends([run(2, "pass", 1.0), run(1, "pass", worst)])
    drawn = parse(str(trends.availability(trend)))
    assert drawn.all("text")[0].text == lowest
    heights = [float(str(dot.attributes["cy"])) for dot in drawn.all("circle")]
    assert trends.LINE_HEIGHT >= heights[0] > heights[1] == 4


POINTS = st.lists(
    st.tuples(st.sampled_from(LANES), st.none() | st.floats(0, 1), st.text(max_size=5)), min_size=1, max_size=250
)


@given(POINTS)
def test_any_runs_can_be_drawn(points: list[tuple[str, float | None, str]]) -> None:
    pairs = [
        (run(number, verdict, share, target or "x"), ClaimFacts("c", "x", verdict, share))
        for number, (verdict, share, target) in enumerate(points)
    ]
    trend = Trend("raft", "<c>", "x", pairs)
    assert len(parse(str(trends.verdicts(trend))).all("a")) == min(len(points), trends.RUNS_DRAWN_MAX)
    assert len(parse(str(trends.strip(trend))).all("rect")) == min(len(points), trends.RUNS_BRIEF_MAX)
    known = [share for _, share, _ in points[-trends.RUNS_DRAWN_MAX :] if share is not None]
    assert len(parse(str(trends.availability(trend))).all("circle")) == len(known)
