"""Coverage: every reason why a run has not tested enough."""

from collections.abc import Collection

from harness.answers import client_answers
from harness.coverage import TRIED, Coverage, coverage
from harness.faults import spans
from tests.histories import FAIL, INFO, Script, applied, indeterminate, skipped


def covered(script: Script, families: Collection[str]) -> Coverage:
    history = script.history()
    return coverage(client_answers(history), spans(history), families)


def test_a_run_without_nemeses_needs_one_ok_operation() -> None:
    assert covered(Script().op(1), []).missing() == ""
    assert covered(Script(), []).missing() == "no client operation was invoked"
    assert covered(Script(), []).missing(answered=False) == "no client operation was invoked"
    failed = covered(Script().op(1, type=FAIL).op(2, type=INFO).op(3, type=None), [])
    assert failed.missing() == "no client operation ended ok: of 3, 1 failed, 2 are indeterminate"
    assert failed.missing(answered=False) == ""


def test_operations_count_inside_the_windows_of_applied_faults_only() -> None:
    script = Script().fault("kill-1", 10, 20, ["n1"]).fault("kill-2", 30, 40, {"n1": skipped()}).phase("heal", 50)
    script.op(9.99, took=1)  # invoked before the fault was in force
    script.op(10.02).op(12, type=FAIL).op(13, type=INFO, took=2)
    script.op(19.9, took=0.2)  # answered after it had ended
    script.op(20).op(35)
    found = covered(script, ["kill"])
    assert found.to_json() == {
        "complete": True,
        "why": "",
        "ops": 7,
        "ok_ops": 5,
        "families": {"kill": {"applied": 1, "skipped": 1, "indeterminate": 0, "ops": 4, "ok_ops": 1}},
    }


def test_an_operation_in_two_windows_of_a_family_counts_once() -> None:
    script = Script().fault("kill-1", 10, 20, ["n1"]).fault("kill-2", 12, 18, ["n2"], worker=1).op(15).op(11)
    assert covered(script, ["kill"]).families["kill"].ok_ops == 2


def test_a_family_that_was_never_injected_is_missing() -> None:
    found = covered(Script().op(1).fault("kill-1", 0, 5, ["n1"]), ["kill", "partition"])
    assert found.missing() == "no partition was injected"
    assert not found.to_json()["complete"]


def test_a_family_that_never_bit_is_missing_with_the_reason() -> None:
    script = Script().op(15).fault("pause-1", 10, 20, {"n1": skipped("already down")})
    script.fault("pause-2", 30, 40, {"n2": indeterminate("no answer")})
    reason = "none of 2 pause faults is known to have been applied (n1: already down; n2: no answer)"
    assert covered(script, ["pause"]).missing() == reason
    assert covered(script, ["pause"]).missing(answered=False) == reason


def test_windows_in_which_nobody_was_served_are_missing_unless_availability_is_judged() -> None:
    script = Script().op(1).fault("kill-1", 10, 20, ["n1"]).op(15, type=FAIL)
    assert (
        covered(script, ["kill"]).missing() == "none of 1 client operations invoked inside kill windows ended ok there"
    )
    assert covered(script, ["kill"]).missing(answered=False) == ""
    idle = Script().op(1).fault("kill-1", 10, 20, ["n1"])
    assert covered(idle, ["kill"]).missing() == "no client operation was invoked inside a kill window"
    assert covered(idle, ["kill"]).missing(answered=False) == "no client operation was invoked inside a kill window"


def test_all_that_is_missing_is_named() -> None:
    script = Script().op(1).fault("kill-1", 10, 20, {"n1": applied()})
    told = "no client operation was invoked inside a kill window; no clock was injected"
    assert covered(script, ["kill", "clock"]).missing() == told


def test_families_outside_the_plan_do_not_count() -> None:
    assert covered(Script().op(1).fault("kill-1", 10, 20, {"n1": skipped()}), []).missing() == ""


def test_a_kind_of_operation_that_was_tried_often_and_never_succeeded_is_missing() -> None:
    script = Script()
    for at in range(TRIED):
        script.op(at, f="write", value=at).op(at, f="read", type=INFO)
    assert covered(script, []).missing() == f"none of {TRIED} read operations ended ok"
    assert covered(script, []).missing(answered=False) == ""
    assert covered(script.op(99, f="read"), []).missing() == ""


def test_a_kind_that_was_tried_a_few_times_may_have_had_bad_luck() -> None:
    script = Script().op(1, f="write", value=1)
    for at in range(TRIED - 1):
        script.op(at, f="read", type=FAIL)
    assert covered(script, []).missing() == ""
