"""The lattice of verdicts."""

from itertools import permutations

from harness.verdict import Verdict


def test_a_failure_wins_over_everything_else_that_happened() -> None:
    for order in permutations(Verdict):
        assert Verdict.worst(order) is Verdict.FAIL
    assert Verdict.worst([Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.PASS]) is Verdict.ERROR
    assert Verdict.worst([Verdict.PASS, Verdict.INCONCLUSIVE]) is Verdict.INCONCLUSIVE
    assert Verdict.worst([Verdict.PASS]) is Verdict.PASS


def test_nothing_judged_is_not_a_pass() -> None:
    assert Verdict.worst([]) is Verdict.INCONCLUSIVE


def test_exit_codes_are_those_of_the_contract() -> None:
    assert {v.value: v.exit_code for v in Verdict} == {"pass": 0, "fail": 1, "inconclusive": 3, "error": 4}
