"""The bound that clean runs give, against the binomial it comes from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.gate.confidence import bound, percent, runs_for, sentence


def test_fifty_nine_clean_runs_bound_violations_below_a_twentieth() -> None:
    assert sentence(59) == "59 clean runs: under 5 % of runs violate it, at 95 % confidence"
    assert runs_for(0.95) == 59
    assert runs_for(0.99) == 90


def test_a_single_run_proves_next_to_nothing_and_none_proves_nothing() -> None:
    assert sentence(1) == "1 clean run: under 95 % of runs violate it, at 95 % confidence"
    assert "nothing is known" in sentence(0)
    assert bound(0) == 1


@given(st.integers(1, 5000), st.floats(0.5, 0.9999))
def test_at_the_bound_so_many_clean_runs_would_be_just_that_unlikely(clean: int, confidence: float) -> None:
    assert (1 - bound(clean, confidence)) ** clean == pytest.approx(1 - confidence)


@given(st.floats(0.5, 0.9999), st.floats(0.001, 0.9))
def test_the_runs_asked_for_are_enough_and_one_fewer_is_not(confidence: float, rate: float) -> None:
    runs = runs_for(confidence, rate)
    assert bound(runs, confidence) <= rate + 1e-9
    assert runs == 1 or bound(runs - 1, confidence) > rate


@given(st.floats(1e-6, 1))
def test_a_printed_share_is_never_below_the_share(share: float) -> None:
    assert float(percent(share).removesuffix(" %")) / 100 >= share * (1 - 1e-6)
