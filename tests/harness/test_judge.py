"""From claims to verdicts: what passes, what fails, and above all what is neither."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from checkers.availability import Availability
from harness.checker import Anomaly, Budget, Result
from harness.claims import Claim
from harness.errors import HistoryError, UnknownName, UsageError
from harness.history import History
from harness.judge import ClaimVerdict, judge, validate
from harness.verdict import Verdict
from tests.histories import FAIL, Script, skipped


@dataclass
class Verbatim:
    """A checker that finds what it was told to find."""

    result: Result | Exception
    budgets: list[Budget] = field(default_factory=list)

    def check(self, history: History, *, budget: Budget) -> Result:
        self.budgets.append(budget)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


VIOLATION = Anomaly("stale-read", "n1 read what was overwritten", (1, 2), "x", {"ms": 3})

RESULTS: dict[str, Result | Exception] = {
    "holds": Result(Verdict.PASS, "holds", stats={"states": 3}, why="all is well"),
    "broken": Result(Verdict.FAIL, "broken", [VIOLATION, VIOLATION]),
    "unsure": Result(Verdict.INCONCLUSIVE, "unsure", why="out of time"),
    "mute": Result(Verdict.INCONCLUSIVE, "mute"),
    "crashes": ZeroDivisionError("by zero"),
    "refuses": HistoryError("event 3: no such operation"),
}


class Shelf:
    """A lookup over the checkers above, which remembers what it made."""

    def __init__(self) -> None:
        self.made: list[tuple[str, Mapping[str, Any], Verbatim]] = []

    def __call__(self, name: str) -> Callable[..., Any]:
        if name == "availability":
            return Availability
        if name not in RESULTS:
            raise UnknownName(f"no checker is called {name!r}")

        def factory(*, depth: int = 1, model: str = "") -> Verbatim:
            checker = Verbatim(RESULTS[name])
            self.made.append((name, {"depth": depth, "model": model}, checker))
            return checker

        return factory


class Nothing:
    """A workload without operations of its own."""

    name = "nothing"
    model = "none"
    expectations: Sequence[str] = ("holds", "broken", "availability")

    def generator(self) -> Any:
        raise AssertionError("nobody runs it")

    final = generator

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        return {"model": self.model} if expectation == "holds" else {}


def claim(expect: Any, id: str = "c") -> Claim:
    return Claim.of(id, expect, workload="nothing")


TESTED = Script().op(15).fault("kill-1", 10, 20, ["n1"]).phase("heal", 30)
UNTESTED = Script().op(15).fault("kill-1", 10, 20, {"n1": skipped()}).phase("heal", 30)


def verdict(expect: Any, script: Script = TESTED, families: Sequence[str] = ("kill",)) -> ClaimVerdict:
    [one] = judge(
        script.history(), [claim(expect)], workload=Nothing(), families=families, checkers=Shelf(), budget=Budget()
    )
    return one


def test_a_pass_with_coverage_is_a_pass() -> None:
    one = verdict("holds")
    assert (one.verdict, one.why, one.stats) == (Verdict.PASS, "all is well", {"states": 3})
    assert one.coverage["complete"]
    assert one.coverage["families"]["kill"] == {"applied": 1, "skipped": 0, "indeterminate": 0, "ops": 1, "ok_ops": 1}


def test_a_pass_without_coverage_is_inconclusive_with_the_reason() -> None:
    one = verdict("holds", UNTESTED)
    assert one.verdict is Verdict.INCONCLUSIVE
    assert one.why == (
        "too little was tested for a pass: none of 1 kill faults is known to have been applied (n1: not running)"
    )
    assert not one.coverage["complete"]
    assert verdict("holds", TESTED, ["kill", "clock"]).why.endswith("no clock was injected")
    assert verdict("holds", Script().op(1, type=FAIL), []).why.endswith(": of 1, 1 failed, 0 are indeterminate")
    assert verdict("holds", Script().op(1), []).verdict is Verdict.PASS


def test_a_failure_stands_without_coverage() -> None:
    one = verdict("broken", UNTESTED)
    assert (one.verdict, list(one.anomalies)) == (Verdict.FAIL, [VIOLATION, VIOLATION])
    assert one.why == "n1 read what was overwritten (and 1 more)"


def test_what_a_checker_could_not_decide_stays_inconclusive() -> None:
    assert (verdict("unsure").verdict, verdict("unsure").why) == (Verdict.INCONCLUSIVE, "out of time")
    assert verdict("mute").why == "the checker gave no reason"


@pytest.mark.parametrize(
    ("expect", "expected", "why"),
    [
        ({"not": "broken"}, Verdict.PASS, "broken was violated, as the claim says: n1 read what was overwritten"),
        (
            {"not": "holds"},
            Verdict.INCONCLUSIVE,
            "no violation of holds was found in this run: absence in one run proves nothing",
        ),
        ({"not": "unsure"}, Verdict.INCONCLUSIVE, "out of time"),
        ({"not": "crashes"}, Verdict.ERROR, "the checker broke: ZeroDivisionError: by zero"),
        ({"not": {"not": "holds"}}, Verdict.PASS, "all is well"),
    ],
)
def test_the_opposite_passes_only_when_the_violation_was_found(expect: Any, expected: Verdict, why: str) -> None:
    one = verdict(expect)
    assert one.verdict is expected
    assert one.why.startswith(why)
    assert one.expect == (expect if expect != {"not": {"not": "holds"}} else "holds")


def test_the_opposite_needs_coverage_too_and_keeps_the_proof() -> None:
    one = verdict({"not": "broken"}, UNTESTED)
    assert one.verdict is Verdict.INCONCLUSIVE
    assert list(one.anomalies) == [VIOLATION, VIOLATION]


def test_a_checker_that_breaks_is_an_error_of_its_claim_alone() -> None:
    claims = [claim("crashes", "a"), claim("refuses", "b"), claim("holds", "c"), claim("broken", "d")]
    verdicts = judge(TESTED.history(), claims, workload=Nothing(), families=["kill"], checkers=Shelf(), budget=Budget())
    assert [one.verdict for one in verdicts] == [Verdict.ERROR, Verdict.ERROR, Verdict.PASS, Verdict.FAIL]
    assert "ZeroDivisionError: by zero" in verdicts[0].why
    assert "Traceback" in verdicts[0].traceback and "in check" in verdicts[0].traceback
    assert verdicts[1].why == "event 3: no such operation"
    assert verdicts[2].traceback == ""
    assert "Traceback" not in json.dumps([one.to_json() for one in verdicts])


def test_availability_is_judged_on_what_was_asked_not_on_what_was_answered() -> None:
    silent = Script().op(1).fault("kill-1", 10, 20, ["n1"]).op(15, type=FAIL).phase("heal", 30)
    assert verdict({"availability": {"min": 0}}, silent).verdict is Verdict.PASS
    assert verdict("holds", silent).verdict is Verdict.INCONCLUSIVE


def test_claims_that_ask_the_same_share_one_check() -> None:
    shelf = Shelf()
    claims = [claim(expect) for expect in ("holds", {"not": "holds"}, {"holds": {"depth": 2}}, {"holds": {"depth": 2}})]
    judge(TESTED.history(), claims, workload=Nothing(), families=[], checkers=shelf, budget=Budget())
    checked = [options for _, options, checker in shelf.made if checker.budgets]
    assert checked == [{"depth": 1, "model": "none"}, {"depth": 2, "model": "none"}]


def test_the_time_budget_is_for_all_checks_together() -> None:
    shelf = Shelf()
    claims = [claim(name) for name in ("holds", "broken", "unsure")]
    judge(TESTED.history(), claims, workload=Nothing(), families=[], checkers=shelf, budget=Budget(100, 1 << 20))
    budgets = [budget for _, _, checker in shelf.made for budget in checker.budgets]
    assert [round(budget.seconds) for budget in budgets] == [90, 95, 100]
    assert {budget.memory_bytes for budget in budgets} == {1 << 20}
    spent = judge(TESTED.history(), claims, workload=Nothing(), families=[], checkers=shelf, budget=Budget(0))
    assert {one.verdict for one in spent} == {Verdict.INCONCLUSIVE}
    assert spent[0].why == "the budget of 0 s was spent by the checks before this one"


def test_the_verdict_in_json_has_the_documented_fields() -> None:
    told = json.loads(json.dumps(verdict({"not": "broken"}).to_json()))
    assert set(told) == {"id", "expect", "verdict", "why", "coverage", "anomalies", "stats"}
    assert (told["id"], told["expect"], told["verdict"]) == ("c", {"not": "broken"}, "pass")
    assert told["anomalies"][0] == {
        "type": "stale-read",
        "message": "n1 read what was overwritten",
        "ops": [1, 2],
        "key": "x",
        "details": {"ms": 3},
    }


def test_no_claims_give_no_verdicts() -> None:
    assert judge(TESTED.history(), [], workload=Nothing(), families=[], checkers=Shelf(), budget=Budget()) == []


def test_an_unknown_expectation_is_refused_before_anything_starts_and_lists_what_exists() -> None:
    with pytest.raises(UnknownName) as caught:
        validate([claim("holds"), claim({"not": "linearisable"})], Nothing(), Shelf())
    assert str(caught.value) == (
        "nothing called 'linearisable' can be expected of workload nothing: expect one of availability, broken, holds"
    )


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ({"holds": {"width": 3}}, "holds has no option 'width': it has"),
        ({"availability": {"min": 2}}, "min is a share between 0 and 1"),
        ({"availability": 3}, "availability has no option 'max': it has min"),
        ({"holds": {1: 2}}, "holds has no option 1"),
    ],
)
def test_options_a_checker_does_not_take_are_refused_before_anything_starts(expect: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        validate([claim(expect)], Nothing(), Shelf())
    assert message in str(caught.value)


def test_what_can_be_judged_is_let_through() -> None:
    validate([claim("holds"), claim({"not": {"availability": {"min": 0.5, "after": "2s"}}})], Nothing(), Shelf())
