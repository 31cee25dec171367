"""Transactions with known verdicts: every level asked, every anomaly, every level that falls."""

from __future__ import annotations

from typing import Any

import pytest

from checkers.list_append import ListAppend
from checkers.rw_register import RwRegister
from harness.checker import Budget, Result
from harness.history import History
from harness.verdict import Verdict
from tests import corpus

BUDGET = Budget(seconds=20.0, memory_bytes=1 << 28)

ASSUMED = {
    "strict+wfr": {"writes_follow_reads": True},
    "strict+seq": {"sequential_keys": True},
    "strict+lin": {"linearizable_keys": True},
}


def judged(case: corpus.Case, asked: str) -> Result:
    history = History.read(case.path)
    if case.expected["model"] == "list-append":
        return ListAppend(level=asked).check(history, budget=BUDGET)
    level = "strict-serializable" if asked in ASSUMED else asked
    return RwRegister(level=level, **ASSUMED.get(asked, {})).check(history, budget=BUDGET)


@pytest.mark.parametrize("case", corpus.cases("txn"))
def test_every_verdict_of_the_corpus(case: corpus.Case) -> None:
    checks: dict[str, dict[str, Any]] = case.expected["checks"]
    for asked, expected in checks.items():
        result = judged(case, asked)
        assert (result.verdict is Verdict.PASS) == expected["valid"], (asked, result.why)
        # An empty graph is a remark about the search, not an anomaly.
        known = {*expected["anomalies"]} - {"empty-transaction-graph"}
        assert {anomaly.type for anomaly in result.anomalies} == known, (asked, result.why)
        if not expected["valid"]:
            assert result.stats["not"] == expected["not"], asked
            assert result.stats["also_not"] == expected["also_not"], asked
