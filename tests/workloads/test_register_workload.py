"""The register workload: what it asks, what it learns from answers, and how it speaks to a store."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from harness.client import Client, Failed, Indeterminate
from harness.errors import UsageError
from harness.generators import clients, limit, simulate
from harness.node import RpcError
from harness.operation import Operation, Type
from workloads.ending import FINAL_TRIES
from workloads.register import Register, RegisterClient


class Store:
    """Registers that answer at once; `complete` is a completion function for `simulate`."""

    def __init__(self) -> None:
        self.values: dict[Any, Any] = {}

    def complete(self, op: Operation) -> Operation:
        done = op._replace(type=Type.OK, time=op.time + 10)
        if op.f == "read":
            return done._replace(value=self.values.get(op.key))
        if op.f == "write":
            self.values[op.key] = op.value
            return done
        old, new = op.value
        current = self.values.get(op.key)
        if current != old:
            return done._replace(type=Type.FAIL, error={"code": 22, "current": current})
        self.values[op.key] = new
        return done


def played(count: int = 5_000, concurrency: int = 5, **options: Any) -> list[Operation]:
    workload = Register(concurrency=concurrency, **options)
    return simulate(
        clients(limit(count, workload.generator())), concurrency=concurrency, complete=Store().complete, seed=3
    )


def invocations(events: list[Operation]) -> list[Operation]:
    return [event for event in events if event.type is Type.INVOKE]


def test_it_reads_writes_and_swaps_in_the_shares_asked_for() -> None:
    counts = Counter(op.f for op in invocations(played(mix={"read": 2, "write": 2, "cas": 4}, keys=3)))
    assert 0.2 < counts["read"] / 5000 < 0.3
    assert 0.45 < counts["cas"] / 5000 < 0.55


def test_every_key_is_used() -> None:
    assert {op.key for op in played(keys=7)} == set(range(7))


def test_no_value_is_ever_written_twice() -> None:
    written = [op.value if op.f == "write" else op.value[1] for op in invocations(played()) if op.f != "read"]
    assert len(written) == len(set(written)) > 2000
    assert all(isinstance(value, int) for value in written)


def test_a_swap_starts_from_what_its_own_worker_saw_last() -> None:
    seen: dict[tuple[int, Any], Any] = {}
    swaps = 0
    for event in played(mix={"read": 1, "write": 1, "cas": 3}, keys=4):
        where = ((event.process or 0) % 5, event.key)
        if event.type is Type.INVOKE:
            if event.f == "cas":
                assert event.value[0] == seen[where]
                swaps += 1
        elif event.f == "cas":
            seen[where] = event.value[1] if event.type is Type.OK else event.error["current"]
        elif event.value is not None:
            seen[where] = event.value
    assert swaps > 1000


def test_a_worker_that_has_seen_nothing_reads_first() -> None:
    first: dict[tuple[Any, Any], str] = {}
    for op in invocations(played(mix={"cas": 1}, keys=3, count=60)):
        first.setdefault((op.process, op.key), op.f)
    assert set(first.values()) == {"read"}


def test_what_was_not_answered_for_sure_teaches_nothing() -> None:
    load = Register(mix={"cas": 1}, keys=1, concurrency=1)
    events = simulate(
        clients(limit(20, load.generator())),
        concurrency=1,
        complete=lambda op: op._replace(type=Type.INFO, time=op.time + 10, value=7),
    )
    assert {op.f for op in events} == {"read"}


def test_the_rate_is_that_of_all_workers_together() -> None:
    for concurrency in (1, 50):
        ops = invocations(played(2_000, concurrency, rate=100))
        assert 18 < ops[-1].time / 1e9 < 22


def test_equal_seeds_give_equal_loads() -> None:
    assert played(500) == played(500)


def test_a_generator_can_be_asked_twice() -> None:
    load = clients(limit(300, Register(concurrency=3, keys=2).generator()))
    runs = [simulate(load, concurrency=3, complete=Store().complete) for _ in range(2)]
    assert runs[0] == runs[1]


def test_in_the_end_every_worker_reads_every_key() -> None:
    ops = invocations(simulate(clients(Register(keys=6).final()), concurrency=4))
    assert Counter((op.process, op.key, op.f) for op in ops) == {
        (process, key, "read"): 1 for process in range(4) for key in range(6)
    }


def test_a_final_read_that_fails_is_tried_again_but_not_for_ever() -> None:
    refused = simulate(
        clients(Register(keys=2).final()),
        concurrency=1,
        complete=lambda op: op._replace(type=Type.FAIL, time=op.time + 10),
    )
    assert Counter(op.key for op in invocations(refused)) == {0: FINAL_TRIES, 1: FINAL_TRIES}
    assert refused[-1].time > 4e9, "with pauses, since a store may need a moment"
    answers = iter([Type.FAIL, Type.INFO, Type.OK, Type.OK])
    healed = simulate(
        clients(Register(keys=2).final()),
        concurrency=1,
        complete=lambda op: op._replace(type=next(answers), time=op.time + 10),
    )
    assert [op.key for op in invocations(healed)] == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"keys": 0}, "keys must be a whole number from 1 to 100,000, not 0"),
        ({"keys": 2.5}, "keys must be a whole number"),
        ({"keys": True}, "keys must be a whole number"),
        ({"rate": 0}, "rate must be a number from 0.001"),
        ({"rate": float("nan")}, "rate must be a number"),
        ({"rate": "fast"}, "rate must be a number from 0.001 to 1e"),
        ({"mix": {"raed": 1}}, "mix must give shares to one or several of read, write, cas"),
        ({"mix": {"read": -1}}, "mix.read must be a whole number"),
        ({"mix": {"read": 0}}, "mix must give a share above zero"),
        ({"mix": "read"}, "mix must give shares"),
    ],
)
def test_options_are_checked(options: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        Register(**options)


class Line:
    """A connection that answers as it is told, and remembers what it was asked."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer = answer
        self.asked: list[Mapping[str, Any]] = []
        self.closed = 0

    async def call(self, body: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(body)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def close(self) -> None:
        self.closed += 1


def asked(answer: dict[str, Any] | Exception, op: Operation) -> tuple[Operation, Mapping[str, Any]]:
    line = Line(answer)

    async def main() -> Operation:
        async def connect() -> Line:
            return line

        client = RegisterClient(connect)
        assert isinstance(client, Client)
        await client.open()
        try:
            return await client.invoke(op)
        finally:
            await client.close()
            assert line.closed == 1

    return asyncio.run(main()), line.asked[0]


def test_requests_are_those_of_the_bundled_protocol() -> None:
    done, body = asked({"type": "read_ok", "value": 4}, Operation("read", 3))
    assert (done.type, done.value, body) == (Type.OK, 4, {"type": "read", "key": 3})
    done, body = asked({"type": "write_ok"}, Operation("write", 3, 5))
    assert (done.type, done.value, body) == (Type.OK, 5, {"type": "write", "key": 3, "value": 5})
    done, body = asked({"type": "cas_ok"}, Operation("cas", 3, [5, 6]))
    assert (done.type, done.value) == (Type.OK, [5, 6])
    assert body == {"type": "cas", "key": 3, "from": 5, "to": 6}


def test_a_refused_swap_tells_the_value_found() -> None:
    with pytest.raises(Failed) as refused:
        asked(RpcError(22, "no", current=9), Operation("cas", 3, [5, 6]))
    assert refused.value.error["current"] == 9


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (RpcError(11, "no leader"), Failed),
        (RpcError(0, "timeout"), Indeterminate),
        (RpcError(13, "crash"), Indeterminate),
        (RpcError(1234, "whatever"), Indeterminate),
        (ConnectionResetError("broken"), Indeterminate),
        (ConnectionRefusedError("down"), Failed),
    ],
)
def test_errors_say_what_they_say_about_the_operation(answer: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        asked(answer, Operation("write", 3, 5))
