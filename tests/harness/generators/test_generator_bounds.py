"""once, limit, repeat, cycle, time_limit, until_ok, process_limit, and the plain values that stand for generators."""

import pytest

from harness.errors import HarnessError, UsageError
from harness.generators import (
    PENDING,
    Context,
    Pending,
    any,
    clients,
    cycle,
    imperfect,
    lift,
    limit,
    nemesis,
    once,
    perfect_info,
    process_limit,
    repeat,
    simulate,
    sleep,
    stagger,
    time_limit,
    until_ok,
)
from harness.operation import Operation, Type

READ = Operation("read")
A, B, C = Operation("a"), Operation("b"), Operation("c")
S = 1_000_000_000


def names(events: list[Operation]) -> str:
    return " ".join(event.f for event in events if event.type is Type.INVOKE)


def test_an_operation_is_itself_once() -> None:
    events = simulate(READ, concurrency=1)
    assert [(event.index, event.time, event.process, event.type) for event in events] == [
        (0, 0, 0, Type.INVOKE),
        (1, 10, 0, Type.OK),
    ]


def test_a_sequence_is_its_members_in_order_and_may_nest() -> None:
    assert names(simulate([A, [B, B], None, (), C])) == "a b b c"


def test_a_function_is_called_for_each_operation_until_it_returns_none() -> None:
    left = iter("abc")
    assert names(simulate(lambda ctx: (f := next(left, None)) and Operation(f))) == "a b c"


def test_what_a_function_returns_is_played_to_its_end_before_it_is_called_again() -> None:
    calls = []

    def function(ctx: Context) -> list[Operation] | None:
        calls.append(ctx.time)
        return [A, B] if len(calls) < 3 else None

    assert names(simulate(function, concurrency=1)) == "a b a b"
    assert calls == [0, 20, 40]


def test_a_function_that_returns_something_empty_ends_instead_of_spinning() -> None:
    assert simulate(lambda ctx: []) == []


def test_a_function_may_wait_and_is_not_called_without_a_free_thread() -> None:
    def function(ctx: Context) -> Operation | Pending:
        assert ctx.free
        return READ if ctx.time >= S else Pending(S)

    assert [event.time for event in simulate(limit(2, function), concurrency=1)] == [S, S + 10, S + 10, S + 20]


def test_an_operation_with_a_time_waits_for_it() -> None:
    assert simulate([A, Operation("b", time=5 * S)])[2].time == 5 * S


def test_an_operation_of_a_process_waits_for_that_process() -> None:
    events = simulate([Operation("a", process=1)] * 2, concurrency=3)
    assert [(event.process, event.time) for event in events] == [(1, 0), (1, 10), (1, 10), (1, 20)]


def test_an_operation_of_a_process_that_is_gone_is_an_error() -> None:
    with pytest.raises(UsageError, match="process 1"):
        simulate([Operation("a", process=1)] * 2, complete=perfect_info)


@pytest.mark.parametrize("value", ["read", b"read", 5, object()])
def test_nothing_else_is_a_generator(value: object) -> None:
    with pytest.raises(UsageError, match="not a generator"):
        lift(value)  # type: ignore[arg-type]


def test_limit_and_once_count_operations_not_waits() -> None:
    assert names(simulate(limit(3, stagger(1, repeat(READ))))) == "read read read"
    assert names(simulate(once([sleep(1), A, B]))) == "a"
    assert simulate(limit(0, A)) == []
    assert names(simulate(limit(5, [A, B]))) == "a b"


def test_repeat_plays_the_first_operation_and_never_moves_on() -> None:
    assert names(simulate(repeat([A, B], 3))) == "a a a"
    assert names(simulate(limit(4, repeat([sleep(1), A, B])))) == "a a a a"
    assert simulate(repeat(A, 0)) == []
    assert simulate(repeat(None)) == []


def test_repeat_waits_anew_each_time() -> None:
    assert [event.time for event in simulate(repeat([sleep(1), A], 2), concurrency=1)] == [
        S,
        S + 10,
        2 * S,
        2 * S + 10,
    ]


def test_cycle_starts_over() -> None:
    assert names(simulate(cycle([A, B], 2))) == "a b a b"
    assert names(simulate(limit(5, cycle([A, B])))) == "a b a b a"
    assert simulate(cycle([A], 0)) == []


def test_cycle_of_something_empty_ends() -> None:
    assert simulate(cycle([])) == []
    assert simulate(cycle(sleep(1))) == []


def test_time_limit_lets_nothing_begin_at_or_after_the_limit() -> None:
    events = simulate(time_limit(1, stagger(0.1, repeat(READ))))
    begun = [event.time for event in events if event.type is Type.INVOKE]
    assert 5 <= len(begun) <= 20 and max(begun) < S


def test_time_limit_counts_from_when_it_is_first_asked() -> None:
    events = simulate([sleep(3), time_limit(1, stagger(0.1, repeat(READ)))])
    assert min(event.time for event in events) >= 3 * S and max(event.time for event in events) < 4 * S + 100


def test_time_limit_ends_a_generator_that_waits() -> None:
    assert [event.time for event in simulate([time_limit(2, sleep(100)), A])] == [2 * S, 2 * S + 10]


def test_time_limit_is_not_ended_by_an_operation_planned_beyond_it() -> None:
    # The clients are busy at the moment the nemesis is asked, and its next operation lies beyond the limit. That must
    # not end the load.
    load = clients(repeat(READ))
    late = nemesis(0, [sleep(100), A])
    slow = simulate(
        time_limit(10, any(load, late)),
        concurrency=1,
        nemeses=["late"],
        complete=lambda op: op._replace(type=Type.OK, time=op.time + S),
    )
    assert len(slow) == 20


def test_until_ok_ends_with_the_first_own_success() -> None:
    outcomes = iter([Type.FAIL, Type.INFO, Type.OK, Type.OK])
    events = simulate(
        until_ok(repeat(A)), concurrency=1, complete=lambda op: op._replace(type=next(outcomes), time=op.time + 10)
    )
    assert [event.type.label for event in events] == ["invoke", "fail", "invoke", "info", "invoke", "ok"]


def test_until_ok_ignores_the_success_of_others() -> None:
    def outcome(op: Operation) -> Operation:
        return op._replace(type=Type.OK if op.f == "b" else Type.FAIL, time=op.time + 10)

    events = simulate(any(limit(5, repeat(B)), until_ok(limit(5, repeat(A)))), concurrency=2, complete=outcome)
    assert names(events).count("a") == 5


def test_until_ok_works_for_a_generator_that_leaves_the_process_open() -> None:
    assert names(simulate(clients(until_ok(repeat(A))), concurrency=1)) == "a"


def test_process_limit_bounds_the_processes_that_could_have_run_it() -> None:
    for concurrency, used in ((1, 5), (2, 4)):  # with two, the third pair of processes would make six
        crashing = simulate(process_limit(5, repeat(A)), concurrency=concurrency, complete=perfect_info)
        assert len({event.process for event in crashing}) == used
    assert simulate(process_limit(2, repeat(A)), concurrency=3) == []
    assert len(simulate(process_limit(3, limit(50, repeat(A))), concurrency=3)) == 100


def test_an_update_reaches_what_is_wrapped() -> None:
    for wrap in (
        lambda g: limit(100, g),
        lambda g: time_limit(100, g),
        lambda g: process_limit(100, g),
        lambda g: stagger(0.01, g),
        lambda g: [g],
        lambda g: repeat(g, 1),
        lambda g: cycle(g, 1),
        lambda g: any(g, None),
        lambda g: clients(g),
    ):
        events = simulate(wrap(until_ok(limit(50, repeat(A)))), concurrency=1, complete=imperfect)
        assert [event.type for event in events].count(Type.OK) == 1, wrap


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: limit(-1, A),
        lambda: repeat(A, -1),
        lambda: cycle(A, -1),
        lambda: time_limit(-1, A),
        lambda: time_limit(float("nan"), A),
        lambda: process_limit(-1, A),
        lambda: stagger(-1, A),
        lambda: sleep(-1),
    ],
)
def test_negative_bounds_are_refused(wrong: object) -> None:
    with pytest.raises(UsageError, match="must not be negative"):
        wrong()  # type: ignore[operator]


def test_a_generator_that_can_never_go_on_is_an_error_not_a_hang() -> None:
    with pytest.raises(HarnessError, match="waits for an event"):
        simulate(lambda ctx: PENDING)


def test_a_generator_that_waits_for_the_past_is_an_error_not_a_hang() -> None:
    with pytest.raises(HarnessError, match="waits for 0 ns"):
        simulate(lambda ctx: Pending(0))


def test_an_endless_generator_is_an_error_unless_only_its_first_events_are_asked_for() -> None:
    assert len(simulate(repeat(A), events=7)) == 7
