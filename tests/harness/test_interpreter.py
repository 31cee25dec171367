"""The interpreter when all goes well, and when operations fail in the ways they may."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from interpreter_fakes import Fake, Notebook, Stage, nap, play, succeed

from harness.client import Failed, Indeterminate
from harness.errors import HarnessError, RecordingError, UsageError
from harness.generators import (
    PENDING,
    Context,
    Generator,
    Pending,
    any,
    clients,
    concat,
    each_thread,
    limit,
    log,
    nemesis,
    on,
    on_update,
    phases,
    repeat,
    sleep,
    stagger,
    until_ok,
)
from harness.operation import Operation, Type

READ = Operation("read", key="x", value=5)


def only(events: list[Operation], type: Type) -> list[Operation]:
    return [event for event in events if event.type is type]


def test_an_operation_is_journalled_before_it_is_sent_and_after_it_returns() -> None:
    stage = Stage()
    seen: list[int] = []

    async def invoke(client: Fake, op: Operation) -> Operation:
        seen.append(len(stage.events))
        assert stage.events[op.index] == op
        await asyncio.sleep(0)
        return op.ok(op.value)

    asyncio.run(stage.interpret([READ, READ], invoke, concurrency=1))
    assert seen == [1, 3]
    assert [event.index for event in stage.events] == [0, 1, 2, 3]
    assert stage.tally.events == [2, 2, 0, 0]


def test_times_never_go_back_and_no_process_has_two_operations_open() -> None:
    stage = play(limit(2_000, repeat(READ)), nap, concurrency=50)
    assert len(stage.events) == 4_000 and stage.notebook.open == 0
    assert all(before.time <= after.time for before, after in pairwise(stage.events))
    busy: set[int | None] = set()
    for event in stage.events:
        if event.type is Type.INVOKE:
            assert event.process not in busy
            busy.add(event.process)
        else:
            busy.remove(event.process)


def test_completions_that_are_in_are_taken_before_the_next_invocation() -> None:
    """Whoever is asked for an operation has seen every completion that is in the history."""
    stage = Stage()
    seen = 0

    def count(generator: Generator, ctx: Context, event: Operation) -> Generator:
        nonlocal seen
        seen += 1
        return generator

    def read(ctx: Context) -> Operation:
        assert seen == len(stage.events)
        return READ

    asyncio.run(stage.interpret(limit(500, on_update(count, limit(500, read))), concurrency=20))
    assert len(stage.events) == 1_000


def test_workers_are_bound_to_nodes_in_turn() -> None:
    stage = play(each_thread([READ] * 2), nodes=["n1", "n2", "n3"], concurrency=5)
    assert {event.process: event.node for event in stage.events} == {0: "n1", 1: "n2", 2: "n3", 3: "n1", 4: "n2"}
    assert sorted(line for line in stage.log if line.startswith("open")) == [
        "open n1",
        "open n1",
        "open n2",
        "open n2",
        "open n3",
    ]


def test_ok_carries_the_clients_value_and_keeps_the_client() -> None:
    async def invoke(client: Fake, op: Operation) -> Operation:
        return op.ok([1, {"a": None}])

    stage = play([READ] * 3, invoke, concurrency=1)
    assert [event.value for event in only(stage.events, Type.OK)] == [[1, {"a": None}]] * 3
    assert stage.opened() == 1


def test_failed_is_fail_and_keeps_process_and_client() -> None:
    async def invoke(client: Fake, op: Operation) -> Operation:
        raise Failed({"current": 3})

    stage = play([READ] * 2, invoke, concurrency=1)
    assert stage.summary == [(0, "invoke", "read"), (0, "fail", "read")] * 2
    assert stage.events[1].error == {"current": 3} and stage.events[1].value == 5
    assert stage.opened() == 1 and stage.tally.surprises == {}


def test_indeterminate_is_info_and_brings_a_new_process_and_a_new_client() -> None:
    async def invoke(client: Fake, op: Operation) -> Operation:
        raise Indeterminate("gone")

    stage = play(on([1], [READ] * 3), invoke, concurrency=3)
    assert [(event.process, event.error, event.node) for event in only(stage.events, Type.INFO)] == [
        (1, "gone", "n2"),
        (4, "gone", "n2"),
        (7, "gone", "n2"),
    ]
    assert stage.log.count("open n2") == stage.log.count("close n2") == 3
    assert stage.tally.processes == (0, 10, 2)


def test_a_client_may_also_return_its_operation_as_failed_or_unknown() -> None:
    async def invoke(client: Fake, op: Operation) -> Operation:
        return op._replace(type=Type.FAIL if op.process == 0 else Type.INFO, error="so it is")

    stage = play(each_thread(READ), invoke, concurrency=2)
    assert {(e.process, e.type, e.error) for e in stage.events if e.type is not Type.INVOKE} == {
        (0, Type.FAIL, "so it is"),
        (1, Type.INFO, "so it is"),
    }


def test_any_other_exception_is_info_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async def invoke(client: Fake, op: Operation) -> Operation:
        raise ConnectionResetError("by peer")

    stage = play([READ] * 3, invoke, concurrency=1)
    assert [event.error for event in only(stage.events, Type.INFO)] == [
        {"type": "exception", "class": "ConnectionResetError", "message": "by peer"}
    ] * 3
    assert list(stage.tally.surprises) == ["client Fake: ConnectionResetError"]
    assert len([record for record in caplog.records if "by peer" in record.message]) == 1


def test_a_client_whose_own_task_was_cancelled_is_info_not_the_end() -> None:
    async def invoke(client: Fake, op: Operation) -> Operation:
        raise asyncio.CancelledError

    stage = play([READ] * 2, invoke, concurrency=1)
    assert [event.type.label for event in stage.events] == ["invoke", "info"] * 2


def test_a_client_that_does_not_open_makes_the_operation_fail_and_the_next_one_try_again() -> None:
    attempts = 0

    class Reluctant(Fake):
        async def open(self) -> None:
            nonlocal attempts
            attempts += 1
            if attempts < 3:
                raise ConnectionRefusedError("not yet")
            await super().open()

    stage = Stage()
    asyncio.run(
        stage.interpret(until_ok(repeat(READ)), clients=lambda node: Reluctant(node, succeed, stage.log), concurrency=1)
    )
    assert stage.summary == [(0, "invoke", "read"), (0, "fail", "read")] * 2 + [
        (0, "invoke", "read"),
        (0, "ok", "read"),
    ]
    assert stage.events[1].error == {"type": "no-client", "class": "ConnectionRefusedError", "message": "not yet"}
    assert stage.opened() == stage.closed() == 1  # a client that never opened is never closed


def test_a_client_that_cannot_even_be_made_counts_as_one_that_does_not_open() -> None:
    def make(node: str) -> Fake:
        raise ValueError(f"what is {node}?")

    stage = play(READ, clients=make, concurrency=1)
    assert stage.events[1].type is Type.FAIL and stage.events[1].error["message"] == "what is n1?"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda op: None, "is not an Operation"),
        (lambda op: tuple(op), "is not an Operation"),
        (lambda op: op, "is not completed"),
        (lambda op: op._replace(type=2), "is not completed"),
        (lambda op: op.ok()._replace(process=77), "is of another process"),
        (lambda op: op.ok()._replace(f="write"), "is of another process, f"),
        (lambda op: op.ok()._replace(key="y"), "is of another process, f or key"),
        (lambda op: op.ok(object()), "cannot be recorded"),
    ],
)
def test_an_answer_that_makes_no_sense_is_the_harness_failing(answer: Any, problem: str) -> None:
    async def invoke(client: Fake, op: Operation) -> Any:
        return answer(op)

    stage = Stage()
    with pytest.raises(HarnessError, match=problem) as caught:
        asyncio.run(stage.interpret(repeat(READ), invoke))
    assert "read" in str(caught.value) and "client Fake" in str(caught.value)
    assert stage.opened() == stage.closed()


def test_a_history_that_cannot_be_written_ends_the_run() -> None:
    class Full(Notebook):
        def complete(self, invocation: int, time: int, type: int, value: Any, error: Any) -> int:
            if len(self.events) > 20:
                raise OSError(28, "No space left on device")
            return super().complete(invocation, time, type, value, error)

    class FullAtOnce(Notebook):
        def invoke(self, *args: Any) -> int:
            raise OSError(28, "No space left on device")

    for journal in (Full(), FullAtOnce()):
        stage = Stage()
        with pytest.raises(RecordingError, match="No space left"):
            asyncio.run(stage.interpret(repeat(READ), nap, recorder=journal))
        assert stage.opened() == stage.closed()


def test_nemeses_run_beside_one_another_and_beside_the_load() -> None:
    async def slow(op: Operation) -> Any:
        await asyncio.sleep(0.2)
        return {"fault": op.value, "slow": True}

    async def fast(op: Operation) -> Any:
        await asyncio.sleep(0.001)
        return {"fault": op.value}

    stage = play(
        any(
            clients(limit(20, stagger(0.002, repeat(READ)))),
            nemesis("slow", Operation("start-slow", value=1)),
            nemesis("fast", [Operation("start-fast", value=2), sleep(0.01)] * 5),
        ),
        nemeses={"slow": slow, "fast": fast},
    )
    faults = [event for event in stage.events if event.process is not None and event.process < 0]
    assert [event.f for event in faults].count("start-fast") == 10
    assert faults[0].node is None
    assert (
        faults[-1].f == "start-slow" and faults[-1].value == {"fault": 1, "slow": True} and faults[-1].type is Type.INFO
    )
    assert stage.tally.processes == (0, 1, 2)


def test_a_nemesis_that_raises_is_told_in_the_history_and_the_tally() -> None:
    async def broken(op: Operation) -> Any:
        raise OSError("no such node")

    stage = play(nemesis(0, [Operation("start", value={"fault": 1})] * 2), nemeses={"broken": broken})
    assert [(e.process, e.value, e.error) for e in only(stage.events, Type.INFO)] == [
        (-1, {"fault": 1}, {"type": "exception", "class": "OSError", "message": "no such node"})
    ] * 2
    assert [(op.f, str(error)) for op, error in stage.tally.nemesis_errors] == [("start", "no such node")] * 2


def test_a_next_interpretation_goes_on_where_the_last_one_ended() -> None:
    async def crash(client: Fake, op: Operation) -> Operation:
        raise Indeterminate(None)

    async def both() -> Stage:
        stage = Stage()
        load = await stage.interpret(each_thread(READ), crash)
        await stage.interpret(each_thread(READ), succeed, processes=load.processes)
        return stage

    assert sorted({event.process for event in asyncio.run(both()).events if event.process is not None}) == list(
        range(6)
    )


@pytest.mark.parametrize("processes", [[0, 1], [1, 0, 2], [0, 1, 2, 3], [-1, 1, 2]])
def test_processes_that_do_not_fit_the_threads_are_refused(processes: list[int]) -> None:
    with pytest.raises(UsageError, match="client thread i"):
        play(READ, processes=processes)


def test_clients_without_nodes_are_refused() -> None:
    with pytest.raises(UsageError, match="at least one node"):
        play(READ, nodes=[])


def test_time_is_kept() -> None:
    stage = play(phases([READ] * 3, sleep(0.05), [READ] * 3))
    assert 0.05 <= (stage.events[6].time - stage.events[5].time) / 1e9 < 1


def test_an_event_hook_sees_everything_in_order() -> None:
    events: list[Operation] = []
    stage = play(limit(50, repeat(READ)), nap, on_event=events.append)
    assert events == stage.events


def test_an_event_hook_that_raises_ends_the_run() -> None:
    def hook(event: Operation) -> None:
        if event.index == 20:
            raise RuntimeError("the terminal is gone")

    with pytest.raises(RuntimeError, match="the terminal is gone"):
        play(repeat(READ), nap, on_event=hook)


def test_remarks_are_logged_and_not_recorded(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "splitbrain")
    stage = play(concat(log("so far, so good"), READ))
    assert [event.f for event in stage.events] == ["read", "read"]
    assert "so far, so good" in caplog.text


@pytest.mark.parametrize(
    ("generator", "problem"),
    [
        (lambda ctx: PENDING, "no operation is open"),
        (lambda ctx: Pending(0), "which is over"),
        ([Operation("a", process=2), lambda ctx: 1], "not a generator"),
        (repeat(Operation("a", value=object())), "cannot be recorded"),
    ],
)
def test_a_generator_that_breaks_the_protocol_is_told_apart_from_the_target(generator: Any, problem: str) -> None:
    with pytest.raises((HarnessError, UsageError), match=problem):
        play(generator)


def test_a_generator_that_uses_a_busy_thread_is_an_error() -> None:
    class Careless:
        def op(self, ctx: Context) -> Any:
            return Operation("a", process=0), self

        def update(self, ctx: Context, event: Operation) -> Any:
            return self

    with pytest.raises(HarnessError, match="no thread is free for it"):
        play(Careless(), nap)


def test_an_endless_burst_leaves_the_loop_its_turns() -> None:
    async def main() -> float:
        stage = Stage()
        loop = asyncio.get_running_loop()
        late = []
        ticking = True

        async def tick() -> None:
            while ticking:
                before = loop.time()
                await asyncio.sleep(0.001)
                late.append(loop.time() - before)

        ticker = asyncio.create_task(tick())
        await stage.interpret(limit(20_000, repeat(READ)), concurrency=500)
        ticking = False
        await ticker
        return sorted(late)[len(late) // 2]

    assert asyncio.run(main()) < 0.05


def test_operations_that_are_open_when_the_generator_ends_are_waited_for() -> None:
    stage = play([READ] * 3, nap)
    assert stage.notebook.open == 0 and len(stage.events) == 6
