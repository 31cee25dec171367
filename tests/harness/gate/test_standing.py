"""What runs come to for one case: verdicts, and when enough is enough."""

from __future__ import annotations

from datetime import date
from typing import Any

from harness.claims import Expectation
from harness.gate.baseline import Accepted
from harness.gate.claims_file import Case
from harness.gate.standing import ERRORS_MAX, Standing
from harness.gate.trial import Judged, Sighting, Trial
from harness.plan import Plan
from harness.verdict import Verdict

TODAY = date(2027, 1, 15)
CLEAN = Judged("claim", False, Verdict.PASS, "no violation was found")
UNSURE = Judged("claim", False, Verdict.INCONCLUSIVE, "no partition was injected")
LOST = Judged(
    "claim", False, Verdict.FAIL, "a write was lost", (Sighting("lost-write", "7 was lost", ("write 7 -> ok",)),)
)
SEEN = Judged("claim", False, Verdict.PASS, "violated, as the claim says", LOST.sightings)


def standing(expect: Any = "linearizable", wanted: int = 3, accepted: tuple[Accepted, ...] = ()) -> Standing:
    plan = Plan.build({"target": "raft", "seed": 0})
    case = Case("a", "a", "claims.yaml", 2, plan, Expectation.parse(expect), wanted, 0.95)
    return Standing(case, accepted, TODAY)


def after(case: Standing, *each: Judged | None) -> Standing:
    for seed, judged in enumerate(each):
        problem = "" if judged else "a node never came up"
        case.note(Trial(seed, (judged,) if judged else (), problem, "", 100, 12.0, 0.5), judged)
    return case


def test_as_many_clean_runs_as_wanted_are_a_pass_that_says_how_sure_it_is() -> None:
    case = after(standing(), CLEAN, CLEAN)
    assert (case.verdict, case.wants) == (Verdict.INCONCLUSIVE, 1)
    after(case, CLEAN)
    assert (case.verdict, case.wants) == (Verdict.PASS, 0)
    assert case.why == "3 clean runs: under 64 % of runs violate it, at 95 % confidence"


def test_the_first_violation_ends_the_case_with_its_proof_and_the_command() -> None:
    case = after(standing(), CLEAN, LOST)
    assert (case.verdict, case.wants) == (Verdict.FAIL, 0)
    assert case.shown is not None
    assert case.shown.seed == 1
    assert case.shown.sighting.witness == ("write 7 -> ok",)
    assert case.shown.command == "splitbrain run raft --time 60s --seed 1 --expect linearizable"


def test_a_run_without_an_answer_is_made_up_for_and_told() -> None:
    case = after(standing(), UNSURE, CLEAN, CLEAN)
    assert case.wants == 1
    after(case, CLEAN)
    assert case.verdict is Verdict.PASS
    assert "1 run without an answer made up for" in case.why


def test_runs_that_never_have_an_answer_end_inconclusive_with_the_first_reason() -> None:
    case = after(standing(), *[UNSURE] * 6)
    assert (case.verdict, case.wants) == (Verdict.INCONCLUSIVE, 0)
    assert "seed 0: no partition was injected" in case.why
    assert "nothing is known" in case.why


def test_a_harness_that_fails_is_an_error_that_a_violation_beats() -> None:
    case = after(standing(), None, CLEAN, CLEAN, CLEAN)
    assert case.verdict is Verdict.ERROR
    assert "seed 0: a node never came up" in case.why
    assert after(standing(), None, LOST).verdict is Verdict.FAIL
    assert after(standing(wanted=50), *[None] * ERRORS_MAX).wants == 0


def test_a_violation_that_is_accepted_does_not_fail_and_does_not_hide_a_new_one() -> None:
    entry = Accepted("a", "lost-write", "LWW")
    case = after(standing(accepted=(entry,)), LOST, CLEAN, CLEAN)
    assert case.verdict is Verdict.PASS
    assert list(case.known) == [entry]
    assert "nothing but what is known (lost-write)" in case.why
    new = Judged("claim", False, Verdict.FAIL, "", (*LOST.sightings, Sighting("stale-read", "an old value", ())))
    case = after(standing(accepted=(entry,)), new)
    assert case.verdict is Verdict.FAIL
    assert case.shown is not None
    assert case.shown.sighting.anomaly == "stale-read"


def test_an_entry_that_expired_accepts_nothing() -> None:
    entry = Accepted("a", "lost-write", "LWW", expires=date(2027, 1, 14))
    assert after(standing(accepted=(entry,)), LOST).verdict is Verdict.FAIL


def test_a_known_limit_passes_when_it_shows_and_is_never_failed_by_its_absence() -> None:
    case = after(standing({"not": "linearizable"}), UNSURE, SEEN)
    assert (case.verdict, case.wants) == (Verdict.PASS, 0)
    assert case.shown is not None
    case = after(standing({"not": "linearizable"}), UNSURE, UNSURE, UNSURE)
    assert (case.verdict, case.wants) == (Verdict.INCONCLUSIVE, 0)
    assert case.why == "no violation of linearizable in 3 runs, as the claim expects: under 64 % of runs show one"


def test_a_budget_that_ran_out_is_told_with_what_is_known() -> None:
    case = after(standing(), CLEAN)
    case.given_up = "the budget of 60 s ended"
    assert case.verdict is Verdict.INCONCLUSIVE
    assert case.why == (
        "1 of 3 clean runs; the budget of 60 s ended; 1 clean run: under 95 % of runs violate it, at 95 % confidence"
    )
