"""Published verdicts on histories of real systems."""

from __future__ import annotations

import pytest

from checkers import Budget, History, Verdict, check
from checkers.linearizable import Linearizable
from tests.corpus import Case, cases


def verdict(case: Case, model: str, **options: str) -> Verdict:
    history = History.read(case.path)
    result = check(history, model, **options)
    assert Linearizable(model=model, **options).decide(history, budget=Budget()) is result.verdict
    for anomaly in result.anomalies:
        part = history.select(anomaly.ops)
        assert check(part, model, **options).verdict is Verdict.FAIL
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
