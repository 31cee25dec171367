"""Availability of hand-made histories with known answers, and of random ones against a naive count."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkers.availability import Availability
from harness.checker import Budget, Result
from harness.errors import UsageError
from harness.faults import spans
from harness.operation import Type
from harness.regimes import Side, cluster_nodes, regime_at, regimes
from harness.verdict import Verdict
from tests.histories import FAIL, INFO, OK, Script, applied, ns, skipped

NODES = ["n1", "n2", "n3", "n4", "n5"]


def check(script: Script, **options: Any) -> Result:
    return Availability(**options).check(script.history(), budget=Budget())


def minority_cut() -> Script:
    """n1 and n2 cut off from 10 s to 20 s; they answer nothing meanwhile, the others all."""
    script = Script().cut("partition-1", 10, 20, [["n1", "n2"], ["n3", "n4", "n5"]]).phase("heal", 30)
    script.steady(0, 10, NODES).steady(20, 30, NODES)
    return script.steady(10, 20, ["n1", "n2"], INFO, took=2).steady(10, 20, ["n3", "n4", "n5"])


def test_each_side_of_a_cut_is_judged_by_its_own_operations() -> None:
    # the operations invoked at 10.0 s came while the cut was still being made
    majority = check(minority_cut(), min=1, side="majority")
    assert majority.verdict is Verdict.PASS
    assert (majority.stats["judged"]["ops"], majority.stats["judged"]["share"]) == (297, 1)
    minority = check(minority_cut(), min=0.5, side="minority")
    assert minority.verdict is Verdict.FAIL
    assert (minority.stats["judged"]["ops"], minority.stats["judged"]["ok"]) == (198, 0)
    everybody = check(minority_cut(), min=0.6)
    assert everybody.verdict is Verdict.PASS
    assert everybody.stats["judged"]["share"] == 0.6
    assert check(minority_cut(), min=0.61).verdict is Verdict.FAIL


def test_one_kind_of_operation_can_be_judged_alone() -> None:
    script = minority_cut()
    for second in range(10, 20):
        script.op(second + 0.5, "n3", Type.FAIL, f="write", value=second)
    assert check(script, side="majority", of="read").stats["judged"]["ops"] == 297
    refused = check(script, side="majority", of="write")
    assert (refused.verdict, refused.stats["judged"]["ok"], refused.stats["judged"]["of"]) == (Verdict.FAIL, 0, "write")
    assert refused.why.startswith("0 % of 10 write operations invoked on the majority side")
    nothing = check(script, of="cas")
    assert nothing.verdict is Verdict.INCONCLUSIVE
    assert nothing.why.startswith("no client cas operation was invoked")
    with pytest.raises(UsageError, match="of names an operation"):
        Availability(of="")


def test_operations_in_flight_at_the_end_of_a_window_can_be_left_out() -> None:
    script = Script().cut("partition-1", 10, 20, [["n1"], ["n2", "n3"]]).phase("heal", 30)
    script.op(11, "n1", INFO, took=2).op(12, "n1", took=1).op(19.5, "n1", took=1).op(19.6, "n1", INFO, took=2)
    script.op(19.7, "n1", None).op(9, "n1", took=20)
    assert check(script, side="minority", min=0).stats["judged"]["ops"] == 5
    judged = check(script, side="minority", min=0, in_flight=False).stats["judged"]
    assert (judged["ops"], judged["ok"]) == (2, 1)


def test_a_failure_says_what_was_promised_and_names_operations_without_an_answer() -> None:
    result = check(minority_cut(), min=0.99, side="minority")
    [anomaly] = result.anomalies
    assert anomaly.type == "unavailable"
    assert anomaly.message == (
        "0 % of 198 operations invoked on the minority side in 1 partition window were answered, "
        "promised: at least 99 %"
    )
    history = minority_cut().history()
    assert len(anomaly.ops) == 8
    assert {history[index].node for index in anomaly.ops} == {"n1", "n2"}
    assert {history[index].type for index in anomaly.ops} == {Type.INVOKE}


def test_a_share_just_short_of_its_promise_does_not_look_like_it() -> None:
    script = Script().phase("heal", 100)
    for step in range(20_000):
        script.op(step / 1000, type=OK if step else FAIL)
    result = check(script, min=1)
    assert result.verdict is Verdict.FAIL
    assert result.why.startswith("99.99 % of 20,000 operations")


def test_of_several_windows_the_worst_is_named() -> None:
    script = Script().fault("clock-1", 10, 20, ["n1"]).fault("clock-2", 30, 40, ["n1"]).phase("heal", 50)
    script.steady(11, 20, ["n1"]).steady(31, 39, ["n1"]).steady(39, 40, ["n1"], FAIL)
    assert check(script, min=1).anomalies[0].message.endswith("; the worst was clock-2 (30.0 s to 40.0 s): 80 of 90")


def test_a_refused_compare_and_set_is_service_and_another_definite_failure_is_not() -> None:
    script = Script().phase("heal", 10)
    script.op(1, type=FAIL, f="cas", error={"current": 5}).op(2, type=FAIL, error={"code": 11}).op(3).op(4, type=None)
    assert check(script).stats["judged"]["ok"] == 2


def test_an_operation_counts_by_the_moment_it_was_invoked() -> None:
    script = Script().fault("clock-1", 10, 20, ["n1"]).phase("heal", 30)
    script.op(9.9, type=INFO, took=5).op(19.9, took=5).op(20, type=INFO)
    judged = check(script).stats["judged"]
    assert (judged["ops"], judged["ok"]) == (1, 1)


def test_during_limits_the_windows_to_a_family() -> None:
    script = Script().fault("kill-1", 10, 20, ["n5"]).fault("clock-1", 30, 40, ["n1"]).phase("heal", 50)
    script.steady(10, 20, ["n1"], FAIL).steady(30.1, 40, ["n1"])
    assert check(script, during="clock").verdict is Verdict.PASS
    assert check(script, during="kill").stats["judged"]["share"] == 0
    assert check(script).verdict is Verdict.FAIL


def test_the_first_seconds_of_a_window_are_left_out() -> None:
    script = Script().fault("kill-1", 10, 20, ["n1"]).phase("heal", 30)
    script.steady(0, 10, ["n2", "n3"]).steady(10, 12.2, ["n2", "n3"], INFO).steady(12.2, 20, ["n2", "n3"])
    for after in (2.2, "2.2s", "2200ms"):
        assert check(script, after=after).verdict is Verdict.PASS
    assert check(script, after=2).verdict is Verdict.FAIL
    assert check(script).verdict is Verdict.FAIL


def test_a_fault_of_another_family_inside_the_window_gets_its_first_seconds_too() -> None:
    script = Script().fault("clock-1", 10, 40, ["n1"]).fault("kill-1", 20, 30, ["n1"], worker=1).phase("heal", 50)
    script.steady(12.1, 20, ["n2"]).steady(20, 22, ["n2"], INFO).steady(22.1, 40, ["n2"])
    assert check(script, during="clock", after=2).verdict is Verdict.PASS
    assert check(script, during="clock").verdict is Verdict.FAIL


def test_operations_of_a_node_that_is_down_are_on_no_side_but_count_for_all() -> None:
    script = Script().fault("kill-1", 10, 20, ["n1"]).phase("heal", 30)
    script.steady(11, 20, ["n1"], FAIL).steady(11, 20, ["n2", "n3"])
    assert check(script, side="majority").stats["judged"]["ops"] == 180
    assert check(script).stats["judged"]["ops"] == 270
    assert check(script).stats["sides"]["down"]["share"] == 0


def test_periods_sides_and_windows_are_told_with_latencies() -> None:
    script = Script().fault("clock-1", 10, 20, ["n1"]).fault("clock-2", 30, 40, ["n1"]).phase("heal", 50)
    script.steady(0, 10, ["n1"], took=0.001).steady(11, 20, ["n1"], took=0.5).steady(21, 30, ["n1"], took=0.002)
    script.steady(31, 40, ["n1"], FAIL).steady(41, 50, ["n1"], took=0.003)
    stats = check(script).stats
    told = {name: (one["ops"], one["share"], one["latency_p50_ms"]) for name, one in stats["periods"].items()}
    assert told == {
        "before": (100, 1, 1),
        "during": (180, 0.5, 500),
        "between": (90, 1, 2),
        "after": (90, 1, 3),
    }
    assert stats["overall"]["ops"] == 460
    assert [(one["fault"], one["sides"]["majority"]["share"]) for one in stats["windows"]] == [
        ("clock-1", 1),
        ("clock-2", 0),
    ]
    assert stats["sides"]["majority"]["latency_p99_ms"] == 500


def test_a_run_without_faults_is_judged_on_its_load() -> None:
    script = Script().steady(0, 10, NODES).phase("heal", 10).op(15, type=INFO)
    result = check(script, side="majority")
    assert (result.verdict, result.stats["judged"]["ops"]) == (Verdict.PASS, 500)
    assert "in which no fault was injected" in result.why
    assert check(script, side="minority").verdict is Verdict.INCONCLUSIVE
    assert check(script, during="kill").verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("script", "options", "why"),
    [
        (
            Script().op(1).fault("kill-1", 10, 20, {"n1": skipped()}),
            {},
            "no fault is known to have been in force, so there is no window to judge",
        ),
        (
            Script().op(15).fault("kill-1", 10, 20, ["n1"]),
            {"during": "partition"},
            "no partition is known to have been in force, so there is no window to judge",
        ),
        (
            Script().op(15).cut("partition-1", 10, 20, [["n1"], ["n2"]], dropped=0),
            {},
            "no fault is known to have been in force, so there is no window to judge",
        ),
        (
            Script().op(5).fault("kill-1", 10, 20, ["n1"]),
            {},
            "no client operation was invoked on all sides in 1 kill window",
        ),
        (
            Script().op(11).fault("kill-1", 10, 20, ["n2"]),
            {"after": 5},
            "no client operation was invoked on all sides in 1 kill window, later than 5 s after a fault began",
        ),
        (
            Script().op(1, "n2").op(15, "n3").fault("kill-1", 10, 20, ["n1"]),
            {"side": "minority"},
            "no client operation was invoked on the minority side in 1 kill window",
        ),
    ],
)
def test_without_samples_it_is_inconclusive_with_the_reason(script: Script, options: dict[str, Any], why: str) -> None:
    result = check(script, **options)
    assert (result.verdict, result.why) == (Verdict.INCONCLUSIVE, why)


@pytest.mark.parametrize(
    "options",
    [
        {"min": 1.5},
        {"min": -1},
        {"min": "99%"},
        {"min": True},
        {"side": "left"},
        {"during": ""},
        {"during": 3},
        {"after": "soon"},
        {"in_flight": "no"},
        {"after": -1},
    ],
)
def test_malformed_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Availability(**options)


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    script = Script()
    for number in range(draw(st.integers(0, 4))):
        at, length, took = draw(st.integers(0, 30)), draw(st.integers(1, 15)), draw(st.integers(0, 3))
        kind = draw(st.sampled_from(["kill", "cut", "clock", "spared"]))
        if kind == "cut":
            division = draw(st.integers(1, 4))
            drops = dict.fromkeys(NODES[division:], NODES[:division])
            evidence = {node: applied() for node in drops}
            script.fault(f"partition-{number}", at, at + length, evidence, drops=drops, took=took, worker=number)
        elif kind == "spared":
            script.fault(f"kill-{number}", at, at + length, {"n1": skipped()}, took=took, worker=number)
        else:
            hit = draw(st.lists(st.sampled_from(NODES), unique=True, min_size=1))
            until = draw(st.sampled_from([at + length, None]))
            script.fault(f"{kind}-{number}", at, until, hit, took=took, worker=number)
    for _ in range(draw(st.integers(0, 30))):
        outcome = draw(st.sampled_from([OK, OK, FAIL, INFO, None]))
        error = draw(st.sampled_from([None, {"current": 1}])) if outcome is FAIL else None
        script.op(draw(st.integers(0, 50)), draw(st.sampled_from(NODES)), outcome, error=error, took=1)
    return script.phase("heal", 60)


@given(
    scripts(),
    st.sampled_from(["majority", "minority", "all"]),
    st.sampled_from([None, "kill", "partition"]),
    st.sampled_from([0, 1, 4]),
)
def test_availability_agrees_with_a_naive_count(script: Script, side: str, during: str | None, after: int) -> None:
    history = script.history()
    faults = spans(history)
    nodes = cluster_nodes(sorted({op.node for op in history if op.node}), faults)
    timeline = regimes(faults, nodes)
    ops = ok = 0
    for invoked, completed in script.events:
        at, node = invoked.time, invoked.node
        if node is None:
            continue
        windows = [span for span in faults if span.applied and during in (None, span.family)]
        inside = any(span.start_ns <= at < span.end_ns for span in windows)
        if not faults and during is None:
            inside = at < ns(60)
        tried = [span for span in faults if span.status != "skipped"]
        left_out = after and any(span.injected_at_ns <= at < span.start_ns + ns(after) for span in tried)
        if not inside or left_out or (side != "all" and regime_at(timeline, at).sides[node] is not Side(side)):
            continue
        ops += 1
        ok += completed is not None and (completed.type is OK or completed.error == {"current": 1})
    result = check(script, side=side, during=during, after=after, min=0.5)
    assert (result.stats["judged"]["ops"], result.stats["judged"]["ok"]) == (ops, ok)
    expected = Verdict.INCONCLUSIVE if not ops else Verdict.PASS if 2 * ok >= ops else Verdict.FAIL
    assert result.verdict is expected
    periods = result.stats["periods"].values()
    assert sum(one["ops"] for one in periods) == result.stats["overall"]["ops"]
