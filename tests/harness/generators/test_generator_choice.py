"""mix, weighted, any, flip_flop."""

from collections import Counter

import pytest

from harness.errors import UsageError
from harness.generators import (
    any,
    clients,
    delay,
    flip_flop,
    limit,
    mix,
    nemesis,
    repeat,
    simulate,
    sleep,
    synchronize,
    time_limit,
    weighted,
)
from harness.operation import Operation, Type

A, B, C = Operation("a"), Operation("b"), Operation("c")
S = 1_000_000_000


def begun(events: list[Operation]) -> list[str]:
    return [event.f for event in events if event.type is Type.INVOKE]


def test_mix_plays_all_and_ends_when_all_have_ended() -> None:
    assert Counter(begun(simulate(mix([A] * 3, [B] * 5, None)))) == {"a": 3, "b": 5}
    assert simulate(mix()) == []


def test_mix_is_even() -> None:
    counts = Counter(begun(simulate(limit(3_000, mix(repeat(A), repeat(B), repeat(C))))))
    assert all(900 < count < 1_100 for count in counts.values()), counts


def test_weighted_keeps_the_proportions() -> None:
    counts = Counter(
        begun(simulate(limit(10_000, weighted((5, repeat(A)), (4, repeat(B)), (1, repeat(C)), (0, repeat(A))))))
    )
    assert abs(counts["a"] - 5_000) < 200 and abs(counts["b"] - 4_000) < 200 and abs(counts["c"] - 1_000) < 120


def test_weighted_keeps_the_proportions_of_the_rest_while_one_waits() -> None:
    waiting = [sleep(1e6), A]
    counts = Counter(begun(simulate(limit(9_000, weighted((5, waiting), (3, repeat(B)), (1, repeat(C)))))))
    assert abs(counts["b"] - 6_750) < 200 and counts["a"] == 0


@pytest.mark.parametrize("weight", [-1, 0.5])
def test_weights_are_whole_numbers(weight: float) -> None:
    with pytest.raises(UsageError, match="whole numbers"):
        weighted((weight, A))  # type: ignore[arg-type]


def test_a_waiting_child_never_stalls_a_mix() -> None:
    # One child waits for time, one for every thread to be free. The third goes on undisturbed.
    events = simulate(time_limit(1, mix([sleep(10), A], delay(0.001, repeat(B)), synchronize([C] * 3))))
    assert Counter(begun(events))["b"] == 1_000


def test_any_takes_what_is_due_first() -> None:
    events = simulate(any([sleep(3), A], [sleep(1), B], [sleep(2), C]))
    assert [(event.time, event.f) for event in events[::2]] == [(S, "b"), (2 * S, "c"), (3 * S, "a")]


def test_any_starves_nobody() -> None:
    counts = Counter(begun(simulate(limit(2_000, any(repeat(A), repeat(B))))))
    assert abs(counts["a"] - 1_000) < 150


def test_any_keeps_a_pause_going_while_another_child_is_busy() -> None:
    busy = clients(repeat(A))
    events = simulate(time_limit(1e-6, any(busy, nemesis(0, [sleep(5e-7), B]))), concurrency=1, nemeses=["x"])
    assert next(event.time for event in events if event.f == "b") == 500


def test_any_ends_when_all_have_ended() -> None:
    assert Counter(begun(simulate(any([A] * 3, None, [B] * 2)))) == {"a": 3, "b": 2}
    assert simulate(any()) == []


def test_flip_flop_alternates_and_ends_with_the_one_whose_turn_it_is() -> None:
    assert begun(simulate(flip_flop([A, A, A], [B]))) == ["a", "b", "a"]
    assert begun(simulate(flip_flop([sleep(1), A], repeat(B)))) == ["a", "b"]
    assert simulate(flip_flop(None, repeat(B))) == []
