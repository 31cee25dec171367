"""Transactions on registers, as users of the Python class see them."""

from __future__ import annotations

from typing import Any

import pytest

from checkers.rw_register import RwRegister
from harness.checker import Budget, Result
from harness.errors import HistoryError, UsageError
from harness.history import History
from harness.verdict import Verdict
from tests import corpus
from tests.checkers.transactions import Txn, recorded

BUDGET = Budget(seconds=20.0, memory_bytes=1 << 28)


def check(txns: list[Txn], **options: Any) -> Result:
    return RwRegister(**options).check(recorded(txns), budget=BUDGET)


@pytest.mark.parametrize("case", corpus.cases("awdit"))
def test_the_strongest_weak_level_of_the_corpus(case: corpus.Case) -> None:
    strongest = case.expected["strongest of none, read-committed, read-atomic, causal"]
    history = History.read(case.path)
    levels = ["read-committed", "read-atomic", "causal"]
    held = ["none", *levels].index(strongest)
    for place, level in enumerate(levels, start=1):
        result = RwRegister(level=level).check(history, budget=BUDGET)
        assert (result.verdict is Verdict.PASS) == (place <= held), (level, result.why)
        for anomaly in result.anomalies:
            assert anomaly.ops and anomaly.message


def test_a_fractured_read_is_told() -> None:
    result = check(
        [
            Txn([["w", "x", 1], ["w", "y", 1]], 0, 1, 0),
            Txn([["w", "x", 2], ["w", "y", 2]], 2, 3, 1),
            Txn([["r", "x", 2], ["r", "y", 1]], 4, 5, 2),
            Txn([["r", "x", 1], ["r", "y", 2]], 4, 5, 3),
        ],
        level="read-atomic",
    )
    assert result.verdict is Verdict.FAIL
    assert {anomaly.type for anomaly in result.anomalies} == {"fractured-read"}
    assert result.stats["not"] == ["read-atomic"]
    assert "although it had seen or followed" in result.anomalies[0].message


def test_a_value_from_nowhere_breaks_every_level() -> None:
    for level in ("read-uncommitted", "causal", "snapshot-isolation", "strict-serializable"):
        result = check([Txn([["r", "x", 7]], 0, 1, 0)], level=level)
        assert [(anomaly.type, anomaly.ops, anomaly.key) for anomaly in result.anomalies] == [("thin-air", (0, 1), "x")]
        assert result.stats["strongest"] == []


def test_assumptions_find_what_values_alone_do_not() -> None:
    stale = [
        Txn([["w", "x", 1]], 0, 1, 0),
        Txn([["w", "x", 2]], 2, 3, 1),
        Txn([["r", "x", 1]], 4, 5, 2),
    ]
    assert check(stale).verdict is Verdict.PASS
    result = check(stale, linearizable_keys=True)
    assert [anomaly.type for anomaly in result.anomalies] == ["cyclic-versions"]
    assert result.anomalies[0].ops == (0, 1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("txns", "message"),
    [
        ([Txn([["w", "x", 1]], 0, 1, 0), Txn([["w", "x", 1]], 2, 3, 1)], "event 2: a value is written to key"),
        ([Txn([["w", "x", None]], 0, 1, 0)], "event 1: null is written"),
        ([Txn([["append", "x", 1]], 0, 1, 0)], "event 1: a transaction is a list of"),
    ],
)
def test_what_is_no_history_of_registers_is_refused(txns: list[Txn], message: str) -> None:
    with pytest.raises(HistoryError, match=message):
        check(txns)


def test_a_value_may_be_tried_again_after_it_failed() -> None:
    result = check(
        [
            Txn([["w", "x", 1]], 0, 1, 0, "fail"),
            Txn([["w", "x", 1]], 2, 3, 0),
            Txn([["r", "x", 1]], 4, 5, 1),
        ]
    )
    assert result.verdict is Verdict.PASS


def test_an_unknown_level_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"there is no level 'linearizable'; choose one of .*read-atomic"):
        RwRegister(level="linearizable")
