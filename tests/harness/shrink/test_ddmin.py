"""Delta debugging finds what is needed, and nothing that could be left out alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from harness.shrink.ddmin import fewest


@given(st.integers(0, 24).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, max(n - 1, 0)), max_size=n))))
def test_what_is_needed_together_is_all_that_is_kept(of: tuple[int, set[int]]) -> None:
    count, needed = of
    needed &= set(range(count))
    assert fewest(range(count), lambda some: needed <= set(some)) == sorted(needed)


@given(st.integers(1, 8), st.randoms(use_true_random=False))
def test_of_any_question_the_answer_needs_each_of_its_items(count: int, chance: Random) -> None:
    whole = tuple(range(count))
    every = [some for size in range(count + 1) for some in combinations(whole, size)]
    yes = {some for some in every if chance.random() < 0.3} | {whole}
    asked: list[Sequence[int]] = []

    def needed(some: Sequence[int]) -> bool:
        asked.append(some)
        return tuple(some) in yes

    found = fewest(whole, needed)
    assert tuple(found) in yes
    assert not any(tuple(one for one in found if one != left_out) in yes for left_out in found)
    assert len(asked) <= 4 * count * count + 4
