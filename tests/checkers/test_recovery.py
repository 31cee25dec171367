"""Recovery times of hand-made histories."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkers.recovery import Recovery, stretches
from harness.checker import Budget, Result
from harness.errors import UsageError
from harness.faults import spans
from harness.verdict import Verdict
from tests.histories import FAIL, INFO, Script, ns, skipped

NODES = ["n1", "n2", "n3"]


def check(script: Script, **options: Any) -> Result:
    return Recovery(**options).check(script.history(), budget=Budget())


def slow_recovery() -> Script:
    """n1 is killed from 10 s to 20 s and answers again from 23 s on; the others answer all the time."""
    script = Script().fault("kill-1", 10, 20, ["n1"]).phase("heal", 40)
    script.steady(0, 40, ["n2", "n3"]).steady(0, 10, ["n1"]).steady(10, 23, ["n1"], FAIL).steady(23, 40, ["n1"])
    return script


def test_recovery_is_when_the_last_node_answered_again() -> None:
    result = check(slow_recovery())
    assert (result.verdict, result.stats["worst_s"], result.stats["worst_node"]) == (Verdict.PASS, 3.0, "n1")
    assert result.stats["worst_faults"] == ["kill-1"]
    assert result.why == "1 of 1 heals were measured, the slowest took 3.000 s (node n1)"


def test_a_promise_holds_to_the_moment_and_not_beyond() -> None:
    assert check(slow_recovery(), within="3s").verdict is Verdict.PASS
    result = check(slow_recovery(), within=2.9)
    assert result.verdict is Verdict.FAIL
    [anomaly] = result.anomalies
    assert anomaly.message == "after kill-1 was healed, node n1 answered only after 3.000 s, promised: within 2.9 s"
    history = slow_recovery().history()
    assert {(history[index].node, history[index].time >= ns(20)) for index in anomaly.ops} == {("n1", True)}


def test_an_answer_to_what_was_asked_before_the_heal_is_no_recovery() -> None:
    script = Script().fault("pause-1", 10, 20, ["n1"]).phase("heal", 40)
    script.op(19, "n1", took=1.5).op(24, "n1")
    assert check(script).stats["worst_s"] == 4.0


def test_a_refused_compare_and_set_is_an_answer() -> None:
    script = Script().fault("pause-1", 10, 20, ["n1"]).phase("heal", 40)
    script.op(21, "n1", FAIL, error={"code": 11}).op(22, "n1", FAIL, f="cas", error={"current": 1}).op(30, "n1")
    assert check(script).stats["worst_s"] == 2.0


def test_faults_that_overlap_are_measured_from_the_last_heal() -> None:
    script = Script().fault("kill-1", 10, 20, ["n1"], worker=0).fault("clock-1", 15, 25, ["n2"], worker=1)
    script.phase("heal", 40).steady(0, 26, NODES, FAIL).steady(26, 40, NODES)
    [heal] = check(script).stats["heals"]
    assert (heal["faults"], heal["healed_s"], heal["seconds"]) == (["kill-1", "clock-1"], 25.01, 1.0)


def test_every_heal_is_measured_and_the_worst_told() -> None:
    script = Script().fault("kill-1", 10, 12, ["n1"]).fault("kill-2", 20, 22, ["n1"]).phase("heal", 40)
    script.steady(12.51, 20, NODES, every=0.5).steady(23.01, 40, NODES, every=0.5)
    result = check(script)
    assert [heal["seconds"] for heal in result.stats["heals"]] == [0.51, 1.01]
    assert result.stats["worst_faults"] == ["kill-2"]


def test_a_node_that_never_answers_again_breaks_the_promise_to_recover_at_all() -> None:
    script = Script().fault("kill-1", 10, 20, ["n1"]).phase("heal", 30).steady(0, 30, ["n2", "n3"])
    script.steady(20, 30, ["n1"], INFO, every=1, took=2).phase("final", 35).op(36, "n1", INFO, took=2)
    result = check(script)
    assert result.verdict is Verdict.FAIL
    assert result.why == "after kill-1 was healed, node n1 was not seen to answer again"
    script.op(39, "n1")
    assert check(script).verdict is Verdict.INCONCLUSIVE, "the final read was answered, and the load does not say when"


def test_a_skipped_fault_is_neither_measured_nor_in_the_way() -> None:
    script = Script().fault("kill-1", 10, 20, ["n1"]).fault("pause-1", 20.5, 30, {"n1": skipped()}, worker=1)
    script.phase("heal", 40).steady(22, 40, NODES)
    assert check(script).stats["worst_s"] == 2.0


@pytest.mark.parametrize(
    ("script", "options", "why"),
    [
        (Script().op(1), {}, "no fault was healed in a way that left a time without faults"),
        (
            Script().op(1).fault("kill-1", 10, None, ["n1"]).phase("heal", 20),
            {},
            "no fault was healed in a way that left a time without faults",
        ),
        (
            Script().op(25).fault("kill-1", 10, 20, ["n1"]).phase("heal", 20),
            {"within": 1},
            "none of 1 heals could be measured: n1 was healed when the load had ended",
        ),
        (
            Script().op(1).fault("kill-1", 10, 20, ["n1"]).phase("heal", 30),
            {"within": 5},
            "none of 1 heals could be measured: n1 was not asked before the next fault",
        ),
        (
            Script().op(24.5).fault("kill-1", 10, 20, ["n1"]).phase("heal", 30),
            {"within": 4},
            "none of 1 heals could be measured: n1 was asked too late to tell",
        ),
        (
            Script().op(20.5, type=FAIL).op(25).fault("kill-1", 10, 20, ["n1"]).fault("kill-2", 21, None, ["n1"]),
            {"within": 4},
            "none of 1 heals could be measured: n1 had not answered when the next fault struck or the load ended",
        ),
        (
            Script().op(21, None).fault("kill-1", 10, 20, ["n1"]).phase("heal", 30),
            {},
            "none of 1 heals could be measured: no client is bound to a node",
        ),
    ],
)
def test_what_cannot_be_told_is_inconclusive_with_the_reason(script: Script, options: dict[str, Any], why: str) -> None:
    result = check(script, **options)
    assert (result.verdict, result.why) == (Verdict.INCONCLUSIVE, why)


@pytest.mark.parametrize("options", [{"within": 0}, {"within": "soon"}, {"within": -1}])
def test_malformed_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Recovery(**options)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8)), max_size=6))
def test_stretches_are_the_moments_without_faults_after_the_first(faults: list[tuple[int, int]]) -> None:
    script = Script()
    for number, (at, length) in enumerate(faults):
        script.fault(f"kill-{number}", at, at + length + 1, ["n1"], took=0.5, worker=number)
    free = stretches(spans(script.history()), ns(60))
    for half in range(120):
        at = half / 2 + 0.25
        held = any(one <= at < one + length + 1.5 for one, length in faults)
        later = any(one <= at for one, _ in faults)
        inside = [stretch for stretch in free if stretch.healed_ns <= ns(at) < stretch.end_ns]
        assert len(inside) == (later and not held)
