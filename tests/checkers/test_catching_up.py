"""Catching up after heals, and staleness of what is no register, on hand-made histories and against a definition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkers.catching_up import CatchingUp
from checkers.set_full import SetFull
from checkers.visibility import misses, things
from harness.checker import Budget, Result
from harness.errors import UsageError
from harness.verdict import Verdict
from tests.histories import FAIL, INFO, OK, Script

SIDES = [["n1"], ["n2", "n3"]]


def check(script: Script, **options: Any) -> Result:
    return CatchingUp(**options).check(script.history(), budget=Budget())


def cut() -> Script:
    """A partition from 10 s to 20 s (healed 10 ms later), in a load that ends at 30 s."""
    return Script().phase("load", 0).cut("partition-1", 10, 20, SIDES).phase("heal", 30).phase("final", 35)


def test_a_register_has_caught_up_with_the_last_read_of_what_was_overwritten_before_the_heal() -> None:
    script = cut().op(12, "n1", f="write", value=1).op(15, "n2", f="write", value=2)
    script.op(20.2, "n1", value=1).op(20.5, "n1", value=1).op(20.6, "n1", value=2).op(20.7, "n2", value=2)
    result = check(script)
    assert result.verdict is Verdict.PASS
    assert result.stats["worst_s"] == pytest.approx(0.49)
    assert result.stats["stalest_ms"] is None, "of registers, another checker tells"
    assert "a read on n1 missed 2" in result.why


def test_which_of_two_concurrent_writes_wins_does_not_matter() -> None:
    for winner, loser in ((1, 2), (2, 1)):
        script = cut().op(12, "n1", f="write", value=1).op(12, "n2", f="write", value=2)
        script.op(20.3, "n1", value=loser).op(20.4, "n2", value=winner).op(20.5, "n1", value=winner)
        assert check(script).stats["worst_s"] == pytest.approx(0.29)


def test_what_was_written_after_the_heal_is_no_backlog() -> None:
    script = cut().op(12, "n2", f="write", value=1).op(21, "n2", f="write", value=2)
    script.op(22, "n2", value=2).op(23, "n1", value=1).op(24, "n1", value=2)
    assert check(script).stats["worst_s"] == 0


def test_a_store_that_was_never_behind_has_nothing_to_catch_up_with() -> None:
    script = cut().op(12, "n2", f="write", value=1).steady(20.5, 22, ["n2"], every=0.5)
    with_reads = cut().op(12, "n2", f="write", value=1).op(20.5, "n1", value=1).op(21, "n2", value=1)
    assert check(with_reads).stats["worst_s"] == 0
    assert "no read after 1 heals missed" in check(with_reads).why
    assert check(script).stats["worst_s"] == 0, "a value that is never read again is lost, not late"


def test_a_compare_and_set_writes_and_a_refused_one_does_not() -> None:
    script = cut().op(11, "n1", f="write", value=1)
    history = script.op(12, "n2", f="cas", value=[1, 2]).op(13, "n2", FAIL, f="cas", value=[1, 3])
    history.op(20.3, "n1", value=1).op(20.4, "n1", value=2)
    assert check(history).stats["worst_s"] == pytest.approx(0.29)


def test_a_collection_lacks_what_others_have() -> None:
    script = cut().op(12, "n2", f="add", value=1).op(13, "n1", f="add", value=2)
    script.op(14, "n1", value=[2]).op(20.2, "n1", value=[2]).op(20.4, "n2", value=[1]).op(20.5, "n2", value=[1, 2])
    result = check(script)
    assert result.stats["worst_s"] == pytest.approx(0.39)
    assert result.stats["stalest_ms"] == pytest.approx(8190), "at 20.2 s, 1 had been known since 12.01 s"


def test_a_lost_element_does_not_count_as_late() -> None:
    script = cut().op(12, "n2", f="add", value=1).op(13, "n2", value=[1]).op(21, "n1", value=[]).op(22, "n2", value=[])
    assert check(script).stats["worst_s"] == 0
    assert check(script).stats["stalest_ms"] == 0


def test_what_may_have_been_removed_is_not_missed() -> None:
    script = cut().op(12, "n2", f="add", value=1).op(13, "n1", INFO, f="remove", value=1)
    script.op(20.2, "n1", value=[]).op(20.4, "n2", value=[1])
    assert check(script).stats["worst_s"] == 0


def sibling(script: Script, at: float, node: str, value: int, over: Sequence[int] = ()) -> Script:
    return script.op(at, node, f="write", value={"value": value, "over": list(over), "context": {}})


def read(script: Script, at: float, node: str, *values: int) -> Script:
    return script.op(at, node, value={"values": list(values), "context": {}})


def test_siblings_reflect_what_they_replaced() -> None:
    script = sibling(cut(), 11, "n2", 1)
    sibling(script, 12, "n2", 2, [1])
    sibling(script, 13, "n2", 3, [2])
    read(script, 20.2, "n2", 3)
    assert check(read(script, 20.4, "n1", 3)).stats["worst_s"] == 0
    late = sibling(sibling(cut(), 11, "n2", 1), 12, "n2", 2, [1])
    read(late, 20.2, "n1", 1)
    read(late, 20.4, "n1", 2)
    result = check(late)
    assert result.stats["worst_s"] == pytest.approx(0.19)
    assert result.stats["stalest_ms"] == pytest.approx(8190)


def test_a_sibling_whose_successor_may_have_been_removed_is_not_missed() -> None:
    script = sibling(sibling(cut(), 11, "n2", 1), 12, "n2", 2, [1])
    script.op(13, "n2", f="remove", value={"over": [2], "context": {}})
    read(script, 20.2, "n1")
    assert check(read(script, 20.4, "n2", 2)).stats["worst_s"] == 0


def test_the_slowest_heal_counts_and_a_stretch_ends_with_the_next_fault() -> None:
    script = Script().phase("load", 0).cut("partition-1", 1, 2, SIDES).cut("partition-2", 5, 6, SIDES).phase("heal", 9)
    script.op(1.5, "n2", f="add", value=1).op(2.5, "n1", value=[]).op(5.5, "n1", value=[]).op(8, "n1", value=[1])
    stats = check(script).stats
    assert [heal["seconds"] for heal in stats["heals"]] == [pytest.approx(0.49), 0]
    assert stats["worst_s"] == pytest.approx(0.49)


def test_a_promise_is_broken_by_a_read_that_comes_too_late_to_miss_anything() -> None:
    script = (
        cut().op(12, "n2", f="add", value=1, key="k").op(21, "n1", value=[], key="k").op(22, "n1", value=[1], key="k")
    )
    assert check(script, within="1s").verdict is Verdict.PASS
    result = check(script, within="900ms")
    assert result.verdict is Verdict.FAIL
    [anomaly] = result.anomalies
    assert (anomaly.type, anomaly.key, len(anomaly.ops)) == ("late-read", "k", 4)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (Script().phase("load", 0).op(1, value=None).phase("heal", 9), "no fault was healed"),
        (cut().op(1, f="write", value=1), "nothing was read after a heal"),
        (cut().op(1, f="add", value=1).op(2, f="add", value=1), "updates of key x cannot be told apart"),
        (cut().op(1, f="write", value=1).op(2, value=7), "returned a value that nobody had put there"),
        (cut().op(1, f="write", value=1).op(2, value=1).op(3, value=[1]), "return no single value"),
        (cut().op(2, value={"a": 1}), "return no single value"),
    ],
)
def test_where_nothing_can_be_told_the_reason_is_given(script: Script, why: str) -> None:
    result = check(script)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert why in result.why
    assert result.stats["worst_s"] is None


@pytest.mark.parametrize("options", [{"within": "soon"}, {"within": -1}, {"read": ""}, {"read": 3}])
def test_malformed_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        CatchingUp(**options)


OPS = st.lists(
    st.tuples(st.sampled_from(["add", "read"]), st.integers(0, 40), st.integers(1, 9), st.sets(st.integers(1, 6))),
    max_size=24,
)


def _script(ops: Sequence[tuple[str, int, int, set[int]]]) -> Script:
    """Adds of 1, 2, ... in order, and reads of any of those that were added."""
    script, adds = Script(), sum(f == "add" for f, *_ in ops)
    fresh = iter(range(1, adds + 1))
    for f, at, took, values in ops:
        value = next(fresh) if f == "add" else sorted(one for one in values if one <= adds)
        script.op(at, f"n{took % 3}", OK, f=f, value=value, took=took / 2)
    return script


@given(OPS)
def test_misses_are_those_of_the_definition(ops: Sequence[tuple[str, int, int, set[int]]]) -> None:
    history = _script(ops).history()
    adds = [(a.value, b.time) for a, b in history.pairs() if b and a.f == "add"]
    reads = [(a.time, b.time, set(b.value), a.index) for a, b in history.pairs() if b and a.f == "read"]
    known = {value: min([at, *(end for _, end, seen, _ in reads if value in seen)]) for value, at in adds}
    expected = {
        (value, index)
        for value, at in known.items()
        for start, _, seen, index in reads
        if at <= start and value not in seen and any(value in after for _, end, after, _ in reads if end >= start)
    }
    found = {(miss.update.value, miss.read.ops[0]) for thing in things(history, "read") for miss in misses(thing)}
    assert found == expected


@given(OPS)
def test_how_stale_a_set_got_is_what_the_core_says(ops: Sequence[tuple[str, int, int, set[int]]]) -> None:
    history = _script(ops).history()
    stats = SetFull().check(history, budget=Budget()).stats
    ours = CatchingUp().check(history, budget=Budget()).stats["stalest_ms"]
    if stats.get("stable_latency_ms") and not stats["unexpected"] and not stats["lost"]:  # it leaves the lost ones out
        assert ours == pytest.approx(stats["stable_latency_ms"]["1"])
