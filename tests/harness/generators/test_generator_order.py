"""concat, then, phases, synchronize; log, on_update, trace."""

from harness.generators import (
    Context,
    Generator,
    any,
    clients,
    concat,
    limit,
    log,
    nemesis,
    on_update,
    phases,
    repeat,
    simulate,
    sleep,
    synchronize,
    then,
    trace,
    until_ok,
)
from harness.operation import Operation, Type

A, B, C = Operation("a"), Operation("b"), Operation("c")
S = 1_000_000_000


def slow(op: Operation) -> Operation:
    """Thread i takes i + 1 seconds."""
    return op._replace(type=Type.OK, time=op.time + ((op.process or 0) % 3 + 1) * S)


def spans(events: list[Operation], f: str) -> tuple[int, int]:
    times = [event.time for event in events if event.f == f]
    return min(times), max(times)


def test_concat_may_begin_the_next_while_operations_are_open() -> None:
    events = simulate(concat([A] * 3, [B] * 3), complete=slow)
    assert spans(events, "b")[0] < spans(events, "a")[1]


def test_then_and_phases_never_overlap() -> None:
    for generator in (then([A] * 3, [B] * 3), phases([A] * 3, [B] * 3)):
        events = simulate(generator, complete=slow)
        assert spans(events, "b")[0] >= spans(events, "a")[1] == 3 * S


def test_phases_wait_only_for_threads_they_may_use() -> None:
    def complete(op: Operation) -> Operation:
        return op._replace(type=Type.OK, time=op.time + (100 * S if op.f == "slow fault" else 10))

    events = simulate(
        any(clients(phases([A] * 3, [B] * 3)), nemesis(0, Operation("slow fault"))), complete=complete, nemeses=["x"]
    )
    assert spans(events, "b")[1] < S


def test_synchronize_is_through_for_good_once_it_is_through() -> None:
    events = simulate(synchronize([A] * 6), complete=slow)
    assert len({event.time for event in events if event.type is Type.INVOKE}) > 1
    assert spans(events, "a")[1] == 4 * S


def test_a_phase_begins_with_its_pause() -> None:
    assert spans(simulate(phases([A] * 3, sleep(5), B), complete=slow), "b")[0] == 8 * S


def test_log_leaves_no_event_and_needs_no_thread() -> None:
    assert [event.f for event in simulate([log("begin"), A, log("end")], concurrency=1)] == ["a", "a"]
    assert simulate(log("nobody there"), concurrency=0) == []


def test_on_update_can_replace_the_generator() -> None:
    def react(generator: Generator, ctx: Context, event: Operation) -> Generator | Operation:
        return B if event.type is Type.FAIL else generator.update(ctx, event)

    def complete(op: Operation) -> Operation:
        return op._replace(type=Type.FAIL if op.index >= 8 and op.f == "a" else Type.OK, time=op.time + 10)

    events = simulate(on_update(react, repeat(A)), concurrency=1, complete=complete)
    assert [event.f for event in events][-4:] == ["a", "a", "b", "b"]


def test_on_update_can_keep_events_from_the_generator() -> None:
    assert len(simulate(on_update(lambda g, ctx, event: g, until_ok(limit(5, repeat(A)))), concurrency=1)) == 10


def test_trace_writes_answers_and_events_and_changes_nothing() -> None:
    lines: list[str] = []
    traced = simulate(trace("load", [A, sleep(1), B], lines.append), concurrency=1)
    assert traced == simulate([A, sleep(1), B], concurrency=1)
    assert lines[0].startswith("load at 0 ns, free 1: Operation(f='a'") and any_of(lines, "load sees") == 2
    assert any_of(lines, "Pending(until=1000000000)") >= 1


def any_of(lines: list[str], part: str) -> int:
    return sum(part in line for line in lines)
