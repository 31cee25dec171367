"""A history in numbers, held against counting it the slow way."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.operation import PHASE, Operation, Type
from reports.series import BUCKETS_MAX, KINDS_MAX, OUTCOMES, Latency, regime_changes, series
from tests.reports.synthetic import SECOND, consistent, fault, history, load, passing, schedule


def slow_counts(events: Any) -> Counter[str]:
    """The outcomes of client operations, by pairing events one by one."""
    found: Counter[str] = Counter()
    for op in events:
        if op.process is None or op.process < 0 or op.type is not Type.INVOKE:
            continue
        done = next((one for one in events if one.process == op.process and one.index > op.index), None)
        if done is None or done.type is Type.INFO:
            found["info"] += 1
        elif done.type is Type.FAIL:
            found["refused" if isinstance(done.error, dict) and "current" in done.error else "fail"] += 1
        else:
            found["ok"] += 1
    return found


OPS = st.lists(
    st.tuples(
        st.integers(0, 3 * SECOND),
        st.integers(1, SECOND),
        st.sampled_from([Type.OK, Type.FAIL, Type.INFO, None]),
        st.sampled_from([None, "timeout", {"current": 4}]),
        st.sampled_from(["n1", "n2", None]),
    ),
    max_size=30,
)


@settings(max_examples=60)
@given(OPS)
def test_everything_is_counted_once(rows: list[tuple[int, int, Type | None, Any, str | None]]) -> None:
    events = []
    for process, (at, spent, type_, error, node) in enumerate(rows):
        events.append(Operation("read", "x", None, process, Type.INVOKE, at, node))
        if type_ is not None:
            events.append(Operation("read", "x", 1, process, type_, at + spent, node, error))
    made = history(events)
    counted = series(made)
    expected = slow_counts(made)
    assert dict(zip(OUTCOMES, counted.total, strict=True)) == {name: expected[name] for name in OUTCOMES}
    assert [sum(counted.outcomes[name]) for name in OUTCOMES] == list(counted.total)
    assert sum(sum(kind.counts) for kind in counted.kinds) == counted.ops == len(rows)
    assert sum(error.count for error in counted.errors) == counted.ops - counted.total[0]
    served = counted.total[0] + counted.total[1]
    bound = [use.overall for use in counted.nodes]
    assert sum(asked for _, asked in bound) == sum(node is not None for *_, node in rows)
    assert sum(got for got, _ in bound) <= served
    assert (counted.overall is None) == (served == 0)


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=300))
def test_a_percentile_is_the_least_that_so_many_do_not_exceed(latencies: list[int]) -> None:
    from array import array

    found = Latency.of(array("q", latencies))
    assert found is not None and found.max == max(latencies)
    for percent, value in ((50, found.p50), (95, found.p95), (99, found.p99)):
        assert value in latencies
        assert sum(one <= value for one in latencies) >= len(latencies) * percent / 100
        assert sum(one < value for one in latencies) < len(latencies) * percent / 100


@pytest.mark.parametrize(("ops", "span_s"), [(1, 0.001), (100, 10), (50_000, 10), (50_000, 5000)])
def test_buckets_are_round_and_never_too_many(ops: int, span_s: float) -> None:
    events = []
    for index in range(ops):
        at = int(index * span_s * SECOND / ops)
        events.append(Operation("read", "x", None, index, Type.INVOKE, at, "n1"))
        events.append(Operation("read", "x", 1, index, Type.OK, at + 1000, "n1"))
    counted = series(history(events))
    assert 1 <= counted.buckets <= BUCKETS_MAX
    assert counted.span_ns >= events[-1].time - 1000
    mantissa = counted.width_ns / 10 ** math.floor(math.log10(counted.width_ns))
    assert round(mantissa, 9) in (1, 2, 5)
    assert len(counted.nodes[0].total) == math.ceil(counted.span_ns / counted.cell_ns) <= 300


def test_an_empty_history_has_one_empty_bucket() -> None:
    counted = series(history([]))
    assert counted.ops == 0 and counted.overall is None and not counted.nodes and not counted.errors


def test_operations_are_counted_when_they_were_invoked() -> None:
    events = [
        Operation("read", "x", None, 0, Type.INVOKE, 0, "n1"),
        Operation("read", "x", 5, 0, Type.OK, 9 * SECOND, "n1"),
        Operation(PHASE, None, "end", -1, Type.INFO, 10 * SECOND),
    ]
    counted = series(history(events), width_ns=SECOND)
    assert list(counted.outcomes["ok"]) == [1] + [0] * 10
    assert counted.latency[0] == Latency(9 * SECOND, 9 * SECOND, 9 * SECOND, 9 * SECOND)


def test_regimes_cut_the_load_where_families_come_and_go() -> None:
    faults = [fault(1, "kill", 1, 4, ["n1"]), fault(1, "pause", 3, None, ["n2"]), fault(2, "kill", 3.5, 5, ["n3"])]
    faults.append(fault(2, "pause", 0, 9, ["n1"], status="skipped"))
    seconds = [(start / SECOND, end / SECOND, families) for start, end, families in regime_changes(faults, 8 * SECOND)]
    assert seconds == [
        (0, 1, ()),
        (1, 3, ("kill",)),
        (3, 3.5, ("kill", "pause")),
        (3.5, 4, ("kill", "pause")),
        (4, 5, ("kill", "pause")),
        (5, 8, ("pause",)),
    ]


@given(st.integers(0, 2**32))
@settings(max_examples=20)
def test_regimes_cover_the_load_without_gap_or_overlap(seed: int) -> None:
    chance = random.Random(seed)
    faults = schedule(("kill", "pause", "clock"), seed, chance.uniform(5, 40))
    end = chance.randrange(1, 50 * SECOND)
    spans = regime_changes(faults, end)
    assert [spans[0][0], *(stop for _, stop, _ in spans)] == [*(start for start, _, _ in spans), end]
    middle, stop, families = chance.choice(spans)[0], *chance.choice(spans)[1:]
    for start, stop, families in spans:
        middle = (start + stop) // 2
        assert set(families) == {one.family for one in faults if one.start_ns <= middle < (one.end_ns or end)}


def test_nodes_that_are_cut_off_show_it() -> None:
    faults = [fault(1, "partition", 10, 40, ["n1", "n2"])]
    counted = series(history(load(consistent(faults))), faults)
    shares = {use.node: use.regimes["partition"][0] / use.regimes["partition"][1] for use in counted.nodes}
    assert shares["n1"] == shares["n2"] == 0
    assert min(shares[node] for node in ("n3", "n4", "n5")) > 0.9
    assert [use.node for use in counted.nodes] == ["n1", "n2", "n3", "n4", "n5"]


def test_errors_beyond_the_limit_are_counted_together() -> None:
    events = []
    for index in range(KINDS_MAX + 50):
        word = "".join(chr(97 + int(digit)) for digit in str(index))
        events.append(Operation("read", "x", None, index, Type.INVOKE, index * 10, "n1"))
        events.append(Operation("read", "x", None, index, Type.FAIL, index * 10 + 1, "n1", f"error {word}"))
    counted = series(history(events))
    assert len(counted.errors) == KINDS_MAX + 1
    assert counted.errors[0].count == 50 and counted.errors[0].kind == "other kinds of errors"


def test_an_error_keeps_an_example_one_can_look_up() -> None:
    run = passing()
    for error in series(run.history, run.faults).errors:
        assert run.history[error.index].type in (Type.FAIL, Type.INFO)
