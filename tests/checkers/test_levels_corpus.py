"""Transactions with known verdicts: every level asked, every anomaly, every level that falls."""

from __future__ import annotations

from typing import Any

import pytest

from checkers import History, Result, Verdict, check
from tests import corpus

ASSUMED = {
    "strict+wfr": {"writes_follow_reads": True},
    "strict+seq": {"sequential_keys": True},
    "strict+lin": {"linearizable_keys": True},
}


def judged(case: corpus.Case, asked: str) -> Result:
    options = ASSUMED.get(asked, {})
    level = "strict-serializable" if options else asked
    return check(History.read(case.path), case.expected["model"], level=level, **options)


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
