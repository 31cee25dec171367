"""stagger, delay, sleep."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.generators import Context, Crew, delay, limit, nemesis, repeat, simulate, sleep, stagger, time_limit
from harness.generators.protocol import Generator, Pending
from harness.operation import Operation, Type
from harness.streams import Streams

READ = Operation("read")
S = 1_000_000_000


def begun(events: list[Operation]) -> list[int]:
    return [event.time for event in events if event.type is Type.INVOKE]


@given(rate=st.integers(1, 2_000), threads=st.sampled_from([1, 3, 100]), seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_stagger_is_a_rate_over_all_threads(rate: int, threads: int, seed: int) -> None:
    times = begun(simulate(limit(1_000, stagger(1 / rate, repeat(READ))), concurrency=threads, seed=seed))
    mean_s = (times[-1] - times[0]) / 999 / S
    assert abs(mean_s * rate - 1) < 0.12
    assert times[0] == 0 and max(b - a for a, b in pairwise(times)) <= 2 * S / rate + 1


def test_stagger_draws_from_the_seed() -> None:
    schedule = [begun(simulate(limit(20, stagger(1, repeat(READ))), seed=seed)) for seed in (1, 1, 2)]
    assert schedule[0] == schedule[1] != schedule[2]


def test_delay_is_exact() -> None:
    assert begun(simulate(limit(4, delay(0.5, repeat(READ))))) == [0, S // 2, S, 3 * S // 2]


def test_sleep_pauses_a_sequence_and_takes_no_thread() -> None:
    assert begun(simulate([READ, sleep(2), READ, sleep(0), READ], concurrency=1)) == [0, 2 * S, 2 * S + 10]
    assert simulate(sleep(5), concurrency=0) == []


def test_on_a_thread_of_its_own_a_sleep_begins_when_the_operation_before_is_complete() -> None:
    faults = nemesis(0, [READ, sleep(2), READ])
    slow = simulate(faults, nemeses=["slow"], complete=lambda op: op._replace(type=Type.INFO, time=op.time + 5 * S))
    assert begun(slow) == [0, 7 * S]


def asked(generator: Generator, times: list[int]) -> list[int]:
    """Those of `times` at which it has an operation when asked at these times alone, as by a slow interpreter."""
    crew = Crew.of(1)
    due = []
    for time in times:
        op, after = generator.op(Context.of(crew, Streams(1).stream("ops"), time))
        assert after is not None
        generator = after
        if not isinstance(op, Pending):
            due.append(time)
    return due


def test_lateness_of_the_loop_does_not_lower_the_rate() -> None:
    # Asked only at multiples of 1 ms + something, a generator of 300 per second still makes 300.
    times = [i * S // 1_000 + i % 7 * 100_000 for i in range(1_000)]
    assert abs(len(asked(delay(1 / 300, repeat(READ)), times)) - 300) <= 1


def test_a_stall_is_not_followed_by_a_burst() -> None:
    # Nothing is asked for 2 s. Of the 2,000 operations that would have been due, only those of the last 10 ms are
    # made up for.
    times = [0, *(2 * S + i * 1_000 for i in range(1_000))]
    assert len(asked(delay(0.001, repeat(READ)), times)) <= 12


def test_a_busy_crew_slows_a_stagger_down_and_nothing_else() -> None:
    slow = simulate(
        time_limit(10, stagger(0.001, repeat(READ))),
        concurrency=2,
        complete=lambda op: op._replace(type=Type.OK, time=op.time + S),
    )
    assert len(begun(slow)) == 20
