"""Published verdicts on histories of real systems."""

from __future__ import annotations

import pytest

from checkers.linearizable import Linearizable
from harness.checker import Budget
from harness.history import History
from harness.verdict import Verdict
from tests.corpus import Case, cases

BUDGET = Budget(seconds=30.0, memory_bytes=1 << 30)


def verdict(case: Case, model: str, failed_cas: str = "drop") -> Verdict:
    history = History.read(case.path)
    checker = Linearizable(model=model, failed_cas=failed_cas)
    result = checker.check(history, budget=BUDGET)
    for anomaly in result.anomalies:
        part = history.select(anomaly.ops)
        assert checker.check(part, budget=BUDGET).verdict is Verdict.FAIL
    return result.verdict


def expected(case: Case) -> Verdict:
    return Verdict.PASS if case.expected["linearizable"] else Verdict.FAIL


@pytest.mark.parametrize("case", cases("etcd-register", "knossos-cas-register"))
def test_registers(case: Case) -> None:
    assert verdict(case, "cas-register") is expected(case)


@pytest.mark.parametrize("case", cases("etcd-register"))
def test_registers_with_refused_cas_asserted(case: Case) -> None:
    assert verdict(case, "cas-register", failed_cas="assert") is expected(case)


@pytest.mark.parametrize("case", cases("kv"))
def test_stores_of_texts(case: Case) -> None:
    assert verdict(case, "kv") is expected(case)
