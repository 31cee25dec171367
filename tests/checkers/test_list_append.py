"""Transactions on lists, as users of the Python class see them."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkers.list_append import ListAppend
from harness import _core
from harness.checker import Budget, Result
from harness.errors import HistoryError
from harness.history import History
from harness.verdict import Verdict
from tests.checkers.transactions import Txn, recorded

BUDGET = Budget(seconds=20.0, memory_bytes=1 << 28)


def check(txns: list[Txn], **options: Any) -> Result:
    return ListAppend(**options).check(recorded(txns), budget=BUDGET)


SKEWED = [
    Txn([["append", "x", 1], ["append", "y", 1]], 0, 3, 0),
    Txn([["r", "x", None], ["r", "y", [1]]], 1, 4, 1),
    Txn([["r", "x", [1]]], 2, 5, 2),
]


def test_a_cycle_is_told_edge_by_edge() -> None:
    result = check(SKEWED)
    assert result.verdict is Verdict.FAIL
    [anomaly] = result.anomalies
    assert anomaly.type == "G-single-item"
    assert anomaly.ops == (0, 1, 2, 3, 4, 5)
    steps = anomaly.details["cycle"]
    assert sorted((step["kind"], step["from"], step["to"], step["key"]) for step in steps) == [
        ("rw", 1, 0, "x"),
        ("wr", 0, 1, "y"),
    ]
    assert "read key y as [1], whose last element" in anomaly.message
    assert "a read by process 2 (event 5) shows in which order" in anomaly.message
    assert result.stats["not"] == ["consistent-view", "repeatable-read"]
    assert "strong-serializable" in result.stats["also_not"]
    assert "parallel-snapshot-isolation" in result.stats["strongest"]
    assert result.why.startswith("not strong-serializable: G-single-item in 3 transactions; the weakest level broken")


def test_a_weaker_level_passes_and_says_what_does_not() -> None:
    result = check(SKEWED, level="read-committed")
    assert result.verdict is Verdict.PASS
    assert not result.anomalies
    assert "the strongest level not refuted is" in result.why


def test_a_valid_history_passes() -> None:
    result = check([Txn([["append", 1, 1], ["r", 1, [1]]], 0, 1, 0), Txn([["r", 1, [1]]], 2, 3, 1)])
    assert result.verdict is Verdict.PASS
    assert result.why == "no anomaly that strong-serializable forbids in 2 transactions"
    assert {key: result.stats[key] for key in ("txns", "ok", "info", "failed", "keys")} == {
        "txns": 2,
        "ok": 2,
        "info": 0,
        "failed": 0,
        "keys": 1,
    }


@pytest.mark.parametrize(
    ("txns", "name", "ops"),
    [
        ([Txn([["r", 1, [5]]], 0, 1, 0)], "thin-air", (0, 1)),
        ([Txn([["append", 1, 1]], 0, 1, 0, "fail"), Txn([["r", 1, [1]]], 2, 3, 1)], "G1a", (0, 1, 2, 3)),
        ([Txn([["r", 1, [1]], ["append", 1, 1]], 0, 1, 0)], "future-read", (0, 1)),
        ([Txn([["append", 1, 1], ["r", 1, None]], 0, 1, 0)], "internal", (0, 1)),
        ([Txn([["append", 1, 1]], 0, 1, 0), Txn([["r", 1, [1, 1]]], 2, 3, 1)], "duplicate-elements", (2, 3)),
    ],
)
def test_anomalies_that_are_no_cycles(txns: list[Txn], name: str, ops: tuple[int, ...]) -> None:
    found = {anomaly.type: anomaly for anomaly in check(txns).anomalies}
    assert found[name].ops == ops


def test_an_append_that_was_acknowledged_and_never_seen_is_late() -> None:
    result = check(
        [
            Txn([["append", 1, 1]], 0, 1, 0),
            Txn([["append", 1, 2]], 2, 3, 1),
            Txn([["r", 1, [2]]], 4, 5, 2),
        ]
    )
    assert "G0-realtime" in {anomaly.type for anomaly in result.anomalies}


def test_order_within_a_process_is_real_time_where_real_time_counts() -> None:
    txns = [Txn([["append", 1, 1]], 0, 1, 0), Txn([["r", 1, None]], 2, 3, 0), Txn([["r", 1, [1]]], 4, 5, 1)]
    strict = check(txns)
    assert [anomaly.type for anomaly in strict.anomalies] == ["G-single-item-realtime"]
    assert strict.stats["strongest"] == ["serializable", "strong-read-committed"]
    session = check(txns, level="strong-session-snapshot-isolation")
    assert [anomaly.type for anomaly in session.anomalies] == ["G-single-item-process"]
    assert check(txns, level="serializable").verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([["append", 1]], "a transaction is a list of"),
        ([["r", 1, 7]], r"not \[\[\"r\",1,7\]\]"),
        ({"append": 1}, "a transaction is a list of"),
        ("x", "a transaction is a list of"),
    ],
)
def test_values_of_the_wrong_shape_are_named(value: Any, message: str) -> None:
    recorder = _core.Recorder()
    recorder.complete(recorder.invoke(0, 0, "txn", None, [], None), 1, 1, value, None)
    with pytest.raises(HistoryError, match=f"event 1: .*{message}"):
        ListAppend().check(History(recorder.history()), budget=BUDGET)


def test_unknown_functions_are_named() -> None:
    recorder = _core.Recorder()
    recorder.complete(recorder.invoke(0, 0, "read", None, 1, None), 1, 1, 1, None)
    with pytest.raises(HistoryError, match='the function "read" is not "txn"'):
        ListAppend().check(History(recorder.history()), budget=BUDGET)


def test_elements_appended_twice_are_refused() -> None:
    with pytest.raises(HistoryError, match=r"event 2: .*values must be unique"):
        check([Txn([["append", 1, 1]], 0, 1, 0), Txn([["append", 1, 1]], 2, 3, 1)])


def test_an_empty_history_proves_nothing() -> None:
    assert check([]).verdict is Verdict.INCONCLUSIVE


def test_out_of_budget_is_inconclusive() -> None:
    history = recorded(SKEWED)
    result = ListAppend().check(history, budget=Budget(seconds=20.0, memory_bytes=100))
    assert (result.verdict, "out of memory" in result.why) == (Verdict.INCONCLUSIVE, True)
    result = ListAppend().check(history, budget=Budget(seconds=0.0, memory_bytes=1 << 28))
    assert (result.verdict, "out of time" in result.why) == (Verdict.INCONCLUSIVE, True)


def serial(txns: list[list[list[Any]]], order: tuple[int, ...]) -> bool:
    state: dict[Any, list[Any]] = {}
    for number in order:
        for f, key, value in txns[number]:
            if f == "append":
                state.setdefault(key, []).append(value)
            elif state.get(key, []) != (value or []):
                return False
    return True


@st.composite
def transactions(draw: st.DrawFn) -> list[list[list[Any]]]:
    fresh = iter(range(1, 100))
    written: dict[Any, list[Any]] = {"a": [], 'b"': []}
    txns = []
    for _ in range(draw(st.integers(1, 4))):
        mops: list[list[Any]] = []
        for _ in range(draw(st.integers(1, 3))):
            key = draw(st.sampled_from(sorted(written)))
            if draw(st.booleans()):
                element = draw(st.sampled_from([next(fresh), f"é,]{next(fresh)}", [next(fresh), "x"]]))
                written[key].append(element)
                mops.append(["append", key, element])
            else:
                mops.append(["r", key, draw(st.permutations(written[key]))[: draw(st.integers(0, 3))]])
        txns.append(mops)
    return txns


@settings(max_examples=300, deadline=None)
@given(transactions())
def test_agrees_with_every_order_whatever_the_values(txns: list[list[list[Any]]]) -> None:
    expected = any(serial(txns, order) for order in permutations(range(len(txns))))
    result = check([Txn(mops, 0, 1, number) for number, mops in enumerate(txns)], level="serializable")
    assert (result.verdict is Verdict.PASS) == expected, result.why
