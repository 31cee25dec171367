"""How results add up, and what they are worth."""

from __future__ import annotations

from typing import Any

import pytest

from harness.parallel import Lost
from harness.scorecard import Scorecard
from harness.selftest import Clean, Found, Hunt
from harness.verdict import Verdict


def hunt(bug: str = "b", seeds: int | None = 1, first: int = 0, virtual_s: float = 12) -> Hunt:
    found = seeds and Found(seeds, first + seeds - 1, "register", ("kill",), "c", f"shown-by-{first}", "m")
    return Hunt("t", bug, "is wrong", found or None, 50, virtual_s, 0.5)


def clean(verdict: Verdict, seed: int = 0, trial: int = 0) -> Clean:
    return Clean("t", trial, "register", ("kill",), seed, verdict, "" if verdict is Verdict.PASS else "why", 0.2)


def card(*results: Any) -> Scorecard:
    return Scorecard.of(results, 1.23)


def test_a_bug_has_the_median_of_its_hunts_and_the_find_of_the_lowest_seed() -> None:
    [row] = card(hunt(seeds=9, first=2000), hunt(seeds=2, first=1000), hunt(seeds=4, first=0)).bugs
    assert (row.hunts, row.found, row.median_seeds) == (3, 3, 4)
    assert row.example is not None
    assert row.example.anomaly == "shown-by-0"


def test_the_median_is_over_the_hunts_that_found_it_and_the_miss_is_told() -> None:
    result = card(hunt(seeds=2), hunt(seeds=None, virtual_s=600), hunt(seeds=4))
    [row] = result.bugs
    assert (row.hunts, row.found, row.median_seeds, row.virtual_s) == (3, 2, 3, 12)
    assert result.missed == (row,)
    assert "2 of 3 hunts for 1 bugs found them" in result.told()


def test_runs_are_counted_by_trial_and_sorted_whatever_their_order() -> None:
    runs = [clean(Verdict.PASS, 1), clean(Verdict.PASS, 0, trial=1), clean(Verdict.INCONCLUSIVE, 0)]
    forth, back = card(*runs), card(*reversed(runs))
    assert forth == back
    assert [(row.trial, row.runs, row.verdicts[Verdict.PASS]) for row in forth.trials] == [(1, 2, 1), (2, 1, 1)]
    assert forth.trials[0].whys == ("seed 0: why",)


PASSES = [clean(Verdict.PASS, seed) for seed in range(49)]
UNSURE, BROKEN, BLAMED = clean(Verdict.INCONCLUSIVE), clean(Verdict.ERROR), clean(Verdict.FAIL)


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([hunt(), *PASSES], 0),
        ([*PASSES, UNSURE], 0),  # one of fifty
        ([*PASSES, UNSURE, UNSURE], 3),
        ([*PASSES, UNSURE, UNSURE, BROKEN], 4),
        ([hunt(), *PASSES, Lost("a task", "died")], 4),
        ([hunt(), *PASSES, BLAMED], 1),
        ([BROKEN, Lost("a task", "died"), BLAMED], 1),
        ([hunt(), hunt(seeds=None), *PASSES], 1),
        ([hunt(seeds=None), BROKEN], 1),
        ([], 0),
    ],
)
def test_the_exit_code_is_that_of_the_worst(results: list[Any], code: int) -> None:
    assert card(*results).verdict.exit_code == code
    assert card(*results).to_json()["exit_code"] == code


def test_what_broke_is_in_the_sentence_and_in_the_object() -> None:
    result = card(hunt(), BROKEN, Lost("a task", "died"))
    assert result.told().endswith("; 2 broke")
    assert result.to_json()["lost"] == [{"name": "a task", "why": "died", "traceback": ""}]
