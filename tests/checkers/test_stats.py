"""The counts, rates, latencies and errors of hand-made histories."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkers.stats import ERRORS_MAX, KINDS_MAX, Stats
from checkers.tally import quantiles_ms
from harness.checker import Budget, Result
from harness.operation import Type
from harness.verdict import Verdict
from tests.histories import FAIL, INFO, OK, Script, ns, skipped


def check(script: Script) -> Result:
    return Stats().check(script.history(), budget=Budget())


def test_operations_are_counted_by_f_and_outcome() -> None:
    script = Script().op(0).op(1, type=FAIL).op(2, type=INFO).op(3, type=None).op(4, f="write", took=1)
    result = check(script)
    assert (result.verdict, result.why) == (Verdict.PASS, "2 of 5 operations ended ok")
    stats = result.stats
    assert [stats[name] for name in ("ops", "ok", "fail", "info", "open")] == [5, 2, 1, 1, 1]
    assert (stats["seconds"], stats["ops_per_s"]) == (5, 0.8)
    assert [stats["by_f"]["read"][name] for name in ("ops", "ok", "fail", "info", "open")] == [4, 1, 1, 1, 1]
    assert stats["by_f"]["write"]["latency_ms"] == {"p50": 1000, "p90": 1000, "p99": 1000, "max": 1000}
    assert stats["latency_ms"] == {"p50": 10, "p90": 1000, "p99": 1000, "max": 1000}


def test_nemeses_and_phases_are_not_counted() -> None:
    script = Script().op(1).fault("kill-1", 2, 3, ["n1"]).phase("heal", 4)
    assert check(script).stats["ops"] == 1


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (Script(), "no client operation was invoked"),
        (Script().op(1).op(2, f="write", type=FAIL).op(3, f="cas", type=INFO), "no cas, write ever ended ok"),
    ],
)
def test_an_operation_that_never_ended_ok_is_inconclusive(script: Script, why: str) -> None:
    result = check(script)
    assert (result.verdict, result.why) == (Verdict.INCONCLUSIVE, why)
    assert result.stats["latency_ms"]["p50"] in (None, 10)


def test_errors_are_grouped_by_what_they_have_in_common() -> None:
    script = Script()
    for at in range(3):
        script.op(at, type=INFO, error={"type": "timeout", "after_ms": 2000 + at})
    script.op(3, type=FAIL, error={"code": 11, "text": "no leader: ask n3"})
    script.op(4, type=FAIL, error={"code": 11, "text": "no leader: ask n4"})
    script.op(5, type=FAIL, f="cas", error={"code": 22, "current": 4})
    script.op(6, type=INFO, error={"type": "exception", "class": "OSError", "message": "gone"})
    script.op(7, type=FAIL, error={"error": "ConnectionRefusedError", "text": "n1 refuses"})
    script.op(7, type=INFO, error=["conn-refused", "n1"]).op(8, type=INFO, error="odd").op(9, type=INFO)
    errors = check(script).stats["errors"]
    assert [(one["f"], one["type"], one["error"], one["count"]) for one in errors] == [
        ("read", "info", "timeout", 3),
        ("read", "fail", "code 11", 2),
        ("cas", "fail", "refused with the value found", 1),
        ("read", "fail", "ConnectionRefusedError", 1),
        ("read", "info", "conn-refused", 1),
        ("read", "info", "exception OSError", 1),
        ("read", "info", "none given", 1),
        ("read", "info", "odd", 1),
    ]
    history = script.history()
    assert history[errors[1]["example"]].error == {"code": 11, "text": "no leader: ask n3"}


def test_ever_new_errors_do_not_fill_the_memory() -> None:
    script = Script().op(0)
    for number in range(KINDS_MAX + 50):
        script.op(1 + number, type=INFO, error=f"transaction {number:05} aborted")
    errors = check(script).stats["errors"]
    assert len(errors) == ERRORS_MAX + 1
    assert errors[0]["error"] == "other errors"
    assert errors[0]["count"] == 50
    assert sum(one["count"] for one in errors) == KINDS_MAX + 50


@given(st.lists(st.integers(0, 10**12), min_size=1), st.floats(0, 1))
def test_quantiles_are_latencies_that_at_least_that_share_does_not_exceed(latencies: list[int], share: float) -> None:
    [quantile] = quantiles_ms([one * 1000 for one in latencies], [share])
    assert quantile is not None
    assert round(quantile * 1000) in latencies
    assert sum(one <= round(quantile * 1000) for one in latencies) >= share * len(latencies) - 1e-9


@given(st.lists(st.tuples(st.sampled_from(["read", "write"]), st.sampled_from([OK, FAIL, INFO, None])), max_size=20))
def test_counts_agree_with_a_naive_count(ops: list[tuple[str, Type | None]]) -> None:
    script = Script()
    for at, (f, type) in enumerate(ops):
        script.op(at, f=f, type=type)
    result = check(script)
    for f, one in result.stats["by_f"].items():
        assert one["ok"] == ops.count((f, OK))
        assert one["open"] == ops.count((f, None))
    assert {f for f, _ in ops} == set(result.stats["by_f"])
    assert ns(result.stats["seconds"]) >= 0


def test_latency_is_told_apart_by_whether_a_fault_was_in_force() -> None:
    script = Script().fault("kill-1", 10, 20, ["n1"]).fault("pause-1", 15, 25, ["n2"]).phase("heal", 40)
    script.op(1, took=0.01).op(30, took=0.03).op(31, type=INFO, took=2)
    script.op(12, took=0.2).op(16, took=0.4).op(24, took=0.6).op(18, type=FAIL)
    script.op(10.005, took=9).op(20.005, took=0.8).op(45, took=9)  # while it is being made; by another; final reads
    stats = check(script).stats
    assert stats["calm"]["latency_ms"] == {"p50": 10, "p90": 30, "p99": 30, "max": 30}
    assert [stats["calm"][name] for name in ("ops", "ok", "info")] == [3, 2, 1]
    assert stats["faults"]["latency_ms"] == {"p50": 400, "p90": 800, "p99": 800, "max": 800}
    assert [stats["faults"][name] for name in ("ops", "ok", "fail")] == [5, 4, 1]


def test_a_fault_that_was_skipped_is_none() -> None:
    stats = check(Script().fault("kill-1", 10, 20, {"n1": skipped()}).op(12).phase("heal", 30)).stats
    assert (stats["calm"]["ops"], stats["faults"]["ops"]) == (1, 0)
    assert stats["faults"]["latency_ms"]["p50"] is None
