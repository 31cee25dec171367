"""clients, nemesis, on, reserve, each_thread, each_process, keyed."""

from collections import Counter, defaultdict

import pytest

from harness.errors import UsageError
from harness.generators import (
    Context,
    Generator,
    any,
    clients,
    cycle,
    delay,
    each_process,
    each_thread,
    imperfect,
    keyed,
    limit,
    log,
    mix,
    nemesis,
    on,
    perfect_info,
    phases,
    repeat,
    reserve,
    simulate,
    sleep,
    synchronize,
    time_limit,
    until_ok,
)
from harness.operation import Operation, Type

A, B, C = Operation("a"), Operation("b"), Operation("c")
S = 1_000_000_000


def invoked(events: list[Operation]) -> list[Operation]:
    return [event for event in events if event.type is Type.INVOKE]


def by_process(events: list[Operation]) -> dict[int | None, str]:
    found: dict[int | None, str] = defaultdict(str)
    for event in invoked(events):
        found[event.process] += event.f
    return dict(found)


def test_clients_and_nemeses_keep_apart() -> None:
    events = simulate(
        any(clients(limit(50, repeat(A))), nemesis(1, limit(5, repeat(B))), nemesis("first", limit(5, repeat(C)))),
        nemeses=["first", "second"],
    )
    assert {process for process, fs in by_process(events).items() if "a" in fs} == {0, 1, 2}
    assert by_process(events)[-2] == "bbbbb" and by_process(events)[-1] == "ccccc"


def test_nemesis_operations_always_end_as_info_under_the_same_process() -> None:
    events = simulate(nemesis(0, [A, B]), nemeses=["x"])
    assert [(event.process, event.type) for event in events] == [(-1, Type.INVOKE), (-1, Type.INFO)] * 2


def test_a_slow_nemesis_does_not_hold_up_another() -> None:
    def complete(op: Operation) -> Operation:
        return op._replace(type=Type.OK, time=op.time + (60 * S if op.f == "slow" else 10))

    events = simulate(
        time_limit(50, any(nemesis(0, repeat(Operation("slow"))), nemesis(1, delay(1, repeat(Operation("fast")))))),
        nemeses=["slow", "fast"],
        complete=complete,
    )
    assert Counter(event.f for event in invoked(events)) == {"slow": 1, "fast": 50}


@pytest.mark.parametrize("which", [2, -1, "third"])
def test_a_nemesis_that_is_not_there_is_an_error(which: int | str) -> None:
    with pytest.raises(UsageError, match="there are first, second"):
        simulate(nemesis(which, A), nemeses=["first", "second"])


def test_on_takes_threads_or_a_function_of_the_thread() -> None:
    assert set(by_process(simulate(on([0, 2, 2], [A] * 6)))) <= {0, 2}
    assert set(by_process(simulate(on(lambda thread: thread % 2 == 1, [A] * 6), concurrency=5))) == {1, 3}


@pytest.mark.parametrize(
    "wrong", [on([77], A), on([], A), on(lambda thread: False, A), clients(nemesis(0, A)), nemesis(0, clients(A))]
)
def test_a_generator_left_with_no_thread_is_an_error(wrong: Generator) -> None:
    with pytest.raises(UsageError, match="none of its threads"):
        simulate(wrong, nemeses=["x"])


def test_on_still_finds_the_thread_of_a_crashed_process() -> None:
    events = simulate(on([1], [A] * 3), complete=perfect_info)
    assert list(by_process(events)) == [1, 4, 7]


def test_reserve_sets_threads_apart() -> None:
    events = simulate(
        clients(reserve((2, limit(8, repeat(A))), (3, limit(8, repeat(B))), default=limit(8, repeat(C)))),
        concurrency=6,
        nemeses=["x"],
    )
    assert {p: {*fs} for p, fs in by_process(events).items()} == {
        0: {"a"},
        1: {"a"},
        2: {"b"},
        3: {"b"},
        4: {"b"},
        5: {"c"},
    }
    assert Counter(event.f for event in invoked(events)) == {"a": 8, "b": 8, "c": 8}


def test_reserve_without_default_leaves_the_rest_idle() -> None:
    assert set(by_process(simulate(reserve((1, limit(4, repeat(A)))), concurrency=4))) == {0}


def test_reserve_of_more_threads_than_there_are_is_an_error() -> None:
    with pytest.raises(UsageError, match="only 3"):
        simulate(reserve((4, A)))
    with pytest.raises(UsageError, match="at least one"):
        reserve((0, A))


def test_each_thread_has_a_copy_of_its_own() -> None:
    events = simulate(clients(each_thread([A, B, C])), concurrency=40, nemeses=["x"])
    assert by_process(events) == dict.fromkeys(range(40), "abc")


def test_each_thread_sees_only_its_own_events_and_threads() -> None:
    events = simulate(each_thread(until_ok(limit(9, repeat(A)))), concurrency=5, complete=imperfect)
    oks = Counter(event.process % 5 for event in events if event.type is Type.OK and event.process is not None)
    assert oks == dict.fromkeys(range(5), 1)
    assert by_process(simulate(each_thread(phases(A, B)), concurrency=3)) == dict.fromkeys(range(3), "ab")


def test_each_thread_goes_on_with_the_next_process() -> None:
    events = simulate(each_thread([A, B]), concurrency=2, complete=perfect_info)
    assert by_process(events) == {0: "a", 1: "a", 2: "b", 3: "b"}


def test_each_thread_wakes_each_thread_at_its_time() -> None:
    def child(ctx: Context) -> list[object]:
        return [sleep(0.25 * (ctx.threads.bit_length())), A]

    events = simulate(limit(800, each_thread(child)), concurrency=100)
    times = Counter(event.process for event in invoked(events))
    assert times[0] == max(times.values()) > times[1] > times[3] > times[99] >= 1
    first = {event.process: event.time for event in reversed(invoked(events))}
    assert first[0] == S // 4 and first[7] == 2 * S


def test_each_process_starts_anew_after_a_crash() -> None:
    crashed = iter([Type.INFO, Type.INFO])
    events = simulate(
        each_process([A, B]),
        concurrency=1,
        complete=lambda op: op._replace(type=next(crashed, Type.OK), time=op.time + 10),
    )
    assert by_process(events) == {0: "a", 1: "a", 2: "ab"}


def test_keyed_gives_every_key_its_own_generator_on_one_group_of_threads() -> None:
    events = simulate(
        clients(keyed(range(10), lambda key: limit(7, mix(repeat(A), repeat(B))), 3)), concurrency=9, nemeses=["x"]
    )
    threads = defaultdict(set)
    for event in invoked(events):
        threads[event.key].add((event.process or 0) // 3)
    assert Counter(event.key for event in invoked(events)) == dict.fromkeys(range(10), 7)
    assert all(len(groups) == 1 for groups in threads.values())
    assert {group for groups in threads.values() for group in groups} == {0, 1, 2}


def test_keyed_by_default_works_on_one_key_at_a_time() -> None:
    events = simulate(keyed(["x", "y"], lambda key: [A, B]), concurrency=4)
    assert [event.key for event in invoked(events)] == ["x", "x", "y", "y"]


def test_keyed_takes_keys_without_end() -> None:
    events = simulate(limit(100, keyed(range(10**12), lambda key: [A, B], 1)), concurrency=4)
    keys = {event.key for event in events}
    assert keys == set(range(len(keys))) and 50 <= len(keys) <= 53


def test_keyed_skips_keys_with_nothing_to_do_and_ends() -> None:
    events = simulate(keyed(range(6), lambda key: A if key % 2 else None, 2), concurrency=4)
    assert {event.key for event in invoked(events)} == {1, 3, 5}


def test_keyed_shows_a_generator_only_events_of_its_key() -> None:
    events = simulate(keyed(range(4), lambda key: until_ok(repeat(A)), 1), concurrency=2, complete=imperfect)
    assert Counter(event.key for event in events if event.type is Type.OK) == dict.fromkeys(range(4), 1)


def test_keyed_refuses_threads_that_cannot_be_divided() -> None:
    with pytest.raises(UsageError, match="groups of 3"):
        simulate(keyed(range(3), lambda key: A, 3), concurrency=4)
    with pytest.raises(UsageError, match="at least one thread"):
        keyed(range(3), lambda key: A, 0)


def test_a_group_that_waits_for_its_threads_is_woken_by_their_events() -> None:
    events = simulate(keyed(range(2), lambda key: [A, synchronize(B)], 2), concurrency=4)
    assert [(event.f, event.time) for event in invoked(events)] == [("a", 0), ("a", 0), ("b", 10), ("b", 10)]


def test_remarks_pass_through_routing_without_a_process() -> None:
    events = simulate(clients(each_thread([log("here"), A])), concurrency=2, nemeses=["x"])
    assert by_process(events) == {0: "a", 1: "a"}


def test_a_thousand_threads_with_pauses_of_their_own_stay_cheap() -> None:
    # Asking every thread for every operation would take a million questions here; each thread is asked about three
    # times per operation.
    asked = Counter[int]()

    def child(ctx: Context) -> list[object]:
        asked[ctx.threads] += 1
        return [A, sleep(1)]

    simulate(time_limit(3.5, each_thread(cycle([child]))), concurrency=1_000)
    assert max(asked.values()) <= 6
