"""When the two judges of a violation disagree, that is told as what it is: a defect of the harness."""

from __future__ import annotations

from typing import Any

import pytest

from checkers import collection, sessions, transactions
from checkers.linearizable import Linearizable
from harness import _core
from harness.checker import Budget
from harness.history import History
from harness.verdict import Verdict

ANOMALY = {"type": "G0", "key": "x", "message": "T1 and T2.", "events": [0, 2], "steps": []}


def report(**more: Any) -> Any:
    counted = dict.fromkeys(["txns", "ok", "info", "failed", "keys", "edges", "entangled"], 4)
    return {**counted, "counts": {}, "anomalies": [], "undecided": [], "unconfirmed": [], "stopped": None, **more}


def answer(report: Any) -> Any:
    return transactions.answer(report, model="list-append", level="serializable", seconds=1.0)


def test_an_anomaly_of_transactions_that_one_judge_alone_sees_is_an_error() -> None:
    assert answer(report()).verdict is Verdict.PASS
    result = answer(report(unconfirmed=["G1a", "G1a", "G1b"]))
    assert result.verdict is Verdict.ERROR
    assert "3 anomalies were found (G1a, G1b)" in result.why
    assert "a defect of splitbrain" in result.why


def test_beside_one_that_both_see_it_is_told_too() -> None:
    result = answer(report(counts={"G0": 1}, anomalies=[ANOMALY], unconfirmed=["G1a"]))
    assert result.verdict is Verdict.FAIL
    assert "a defect of splitbrain" in result.why


def test_a_violation_of_sessions_that_one_judge_alone_sees_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"verdict": "unconfirmed", "type": "", "message": "Process 0 read 1 of the register.", "events": [0]}
    monkeypatch.setattr(_core, "check_sessions", lambda *_, **__: {**told, "ops": 1, "sessions": 1, "keys": 1})
    recorder = _core.Recorder()
    recorder.close()
    budget = Budget(seconds=1.0, memory_bytes=1 << 20)
    result = sessions.causal().check(History(recorder.history()), budget=budget)
    assert result.verdict is Verdict.ERROR
    assert "a defect; please report it: Process 0 read 1" in result.why
    assert not result.anomalies


def collected(**more: Any) -> Any:
    report: Any = {"keys": 1, "ops": 4, "findings": [], "found": {}, "unconfirmed": [], "unproven": []}
    report |= {"counts": {}, "notes": {}, "durations_ms": {}, "worst": [], **more}
    return collection.collected("set-full", lambda: report, ("lost",), lambda _: "all is well")


def test_a_violation_of_collections_that_one_judge_alone_sees_is_an_error() -> None:
    assert collected().verdict is Verdict.PASS
    result = collected(unconfirmed=["lost"], found={"lost": 1})
    assert result.verdict is Verdict.ERROR
    assert "1 anomaly was found (lost)" in result.why
    assert "a defect of splitbrain" in result.why
    both = collected(unconfirmed=["lost"], found={"lost": 2}, findings=[("lost", None, "1 is gone.", [0, 1])])
    assert both.verdict is Verdict.FAIL
    assert "1 is gone.; 1 anomaly was found" in both.why


VIOLATION = {"verdict": "violation", "type": "stale-read", "message": "Process 0 read 1.", "events": [0, 1]}


@pytest.mark.parametrize(
    ("model", "judge"), [("register", "check_registers"), ("queue", "check_objects"), ("stack", "check_objects")]
)
def test_a_violation_of_an_object_that_one_judge_alone_sees_is_an_error(
    monkeypatch: pytest.MonkeyPatch, model: str, judge: str
) -> None:
    def told(*keys: dict[str, Any]) -> Any:
        method = {"ops": 2, "method": "search"}
        answers = [{**key, **method, "key": name} for name, key in zip("xyz", keys, strict=False)]
        monkeypatch.setattr(_core, judge, lambda *_, **__: answers)
        recorder = _core.Recorder()
        recorder.close()
        budget = Budget(seconds=1.0, memory_bytes=1 << 20)
        return Linearizable(model=model).check(History(recorder.history()), budget=budget)

    unconfirmed, unknown = {"verdict": "unconfirmed"}, {"verdict": "unknown", "message": "out of time"}
    result = told({"verdict": "linearizable"}, unconfirmed, unknown)
    assert result.verdict is Verdict.ERROR
    assert "key y: a violation was found that a second judge denies: a defect of splitbrain" in result.why
    assert not result.anomalies
    assert result.stats["keys_unconfirmed"] == 1
    beside = told(VIOLATION, unconfirmed)
    assert beside.verdict is Verdict.FAIL
    assert "key y: a violation was found that a second judge denies" in beside.why
