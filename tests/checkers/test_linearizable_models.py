"""Linearizability of other types than registers, and of models of one's own."""

from __future__ import annotations

from typing import Any

import pytest

from checkers.linearizable import OBJECTS, Linearizable
from checkers.model import ILLEGAL, UNKNOWN, Model, Table
from harness.checker import Budget, Result
from harness.errors import HistoryError, UsageError
from harness.verdict import Verdict
from tests.checkers.registers import Op, recorded

BUDGET = Budget(seconds=20.0, memory_bytes=1 << 28)


def check(ops: list[Op], model: str | Model, **options: Any) -> Result:
    """The answer, once the verdict alone is seen to be the same."""
    checker, history = Linearizable(model=model, **options), recorded(ops)
    result = checker.check(history, budget=BUDGET)
    assert checker.decide(history, budget=BUDGET) is result.verdict
    return result


def done(f: str, asked: Any, answer: Any, at: int, took: int = 5) -> Op:
    """An operation whose answer differs from what was asked."""
    return Op(f, answer, at, at + took, asked=asked)


GOOD = {
    "kv": [done("put", "a", "a", 0), done("append", "b", "b", 10), done("get", None, "ab", 20)],
    "set": [done("add", 1, 1, 0), done("add", 2, 2, 10), done("read", None, [2, 1], 20)],
    "counter": [done("add", 2, 2, 0), done("add", -1, -1, 10), done("read", None, 1, 20)],
    "mutex": [done("acquire", None, None, 0), done("release", None, None, 10), done("acquire", None, None, 20)],
    "semaphore": [done("acquire", 2, 2, 0), done("release", 1, 1, 10), done("acquire", 2, 2, 20)],
    "queue": [done("enqueue", 1, 1, 0), done("enqueue", 2, 2, 10), done("dequeue", None, 1, 20)],
    "priority-queue": [done("enqueue", 2, 2, 0), done("enqueue", 1, 1, 10), done("dequeue", None, 1, 20)],
    "stack": [done("push", 1, 1, 0), done("push", 2, 2, 10), done("pop", None, 2, 20)],
    "multi-register": [
        done("txn", [["w", "x", 1], ["w", "y", 2]], [["w", "x", 1], ["w", "y", 2]], 0),
        done("txn", [["r", "x", None], ["r", "y", None]], [["r", "x", 1], ["r", "y", 2]], 10),
    ],
}
LAST_WRONG: dict[str, Op] = {
    "kv": done("get", None, "ba", 30),
    "set": done("read", None, [1], 30),
    "counter": done("read", None, 3, 30),
    "mutex": done("acquire", None, None, 30),
    "semaphore": done("acquire", 1, 1, 30),
    "queue": done("dequeue", None, None, 30),
    "priority-queue": done("dequeue", None, 1, 30),
    "stack": done("pop", None, 2, 30),
    "multi-register": done("txn", [["r", "y", None]], [["r", "y", 1]], 30),
}


@pytest.mark.parametrize("model", OBJECTS)
def test_every_type_tells_right_from_wrong(model: str) -> None:
    good, wrong = GOOD[model], [*GOOD[model], LAST_WRONG[model]]
    permits = 3 if model == "semaphore" else 1
    assert check(good, model, permits=permits).verdict is Verdict.PASS
    result = check(wrong, model, permits=permits)
    assert result.verdict is Verdict.FAIL
    [anomaly] = result.anomalies
    assert anomaly.message.endswith(".") and "process" in anomaly.message
    history = recorded(wrong)
    part = history.select(anomaly.ops)
    assert Linearizable(model=model, permits=permits).check(part, budget=BUDGET).verdict is Verdict.FAIL


def test_a_monitor_tells_what_a_queue_did_wrong() -> None:
    ops = [done("enqueue", 1, 1, 0), done("enqueue", 2, 2, 10), done("dequeue", None, 2, 20)]
    [anomaly] = check([*ops, done("dequeue", None, 1, 30)], "queue").anomalies
    assert anomaly.type == "out-of-order"
    assert anomaly.message == (
        "The enqueue 1 of process 0 (open from 0 ms to 5 ms) came before the enqueue 2 of process 1 "
        "(open from 10 ms to 15 ms), but their elements left in the other order, by the dequeue of process 3 "
        "(returned 1, open from 30 ms to 35 ms) and the dequeue of process 2 (returned 2, open from 20 ms to 25 ms)."
    )


def test_a_monitor_tells_what_a_stack_did_wrong() -> None:
    ops = [done("push", 1, 1, 0), done("push", 2, 2, 10), done("pop", None, 1, 20)]
    [anomaly] = check([*ops, done("pop", None, 2, 30)], "stack").anomalies
    assert (anomaly.type, len(anomaly.ops)) == ("out-of-order", 8)
    assert anomaly.message.startswith(
        "The stack was never empty from the return of the push 1 of process 0 (open from 0 ms to 5 ms) on until all "
    )


def test_a_monitor_tells_what_a_priority_queue_did_wrong() -> None:
    ops = [done("enqueue", 1, 1, 0), done("enqueue", 2, 2, 10), done("dequeue", None, 2, 20)]
    [anomaly] = check([*ops, done("dequeue", None, 1, 30)], "priority-queue").anomalies
    assert anomaly.type == "out-of-order"
    assert anomaly.message.endswith("but at no moment while it could have was there nothing smaller.")


@pytest.mark.parametrize("model", ["stack", "priority-queue"])
def test_many_clients_of_a_stack_need_no_search(model: str) -> None:
    put, take = ("push", "pop") if model == "stack" else ("enqueue", "dequeue")
    names = [10_000 - number for number in range(10_000)]
    rounds = [(names[at : at + 50], names[at : at + 50][::-1]) for at in range(0, 10_000, 50)]
    order = [(f, name) for puts, takes in rounds for f, part in ((put, puts), (take, takes)) for name in part]
    ops = [done(f, name if f == put else None, name, 10 * at, 80) for at, (f, name) in enumerate(order)]
    result = check(ops, model)
    assert (result.verdict, result.stats["keys_searched"]) == (Verdict.PASS, 0)
    assert result.stats["seconds"] < 5


def test_large_collections_need_no_search() -> None:
    writes = [done("add", i, i, 3 * i, 10) for i in range(20_000)]
    reads = [done("read", None, list(range(i)), 3 * i + 7, 2) for i in range(100, 20_000, 100)]
    result = check([*writes, *reads], "set")
    assert (result.verdict, result.stats["keys_searched"]) == (Verdict.PASS, 0)
    assert result.stats["seconds"] < 5


def test_locks_need_no_search_whoever_waits_crashes_or_is_refused() -> None:
    rounds = [
        op
        for at in range(0, 50_000, 10)
        for op in (Op("acquire", None, max(0, at - 95), at + 2), Op("release", None, at + 5, at + 8))
    ]
    waits, refused = Op("acquire", None, 20, 20, None), Op("acquire", None, 25, 30, "fail")
    ops = [*rounds, waits, refused]
    for model in ("mutex", "semaphore"):
        result = check(ops, model)
        assert (result.verdict, result.stats["keys_searched"]) == (Verdict.PASS, 0)
    late = next(place for place, op in enumerate(ops) if op.f == "release" and op.call == 40_005)
    result = check([*ops[:late], Op("release", None, 40_013, 40_018), *ops[late + 1 :]], "mutex")
    assert (result.verdict, result.stats["keys_searched"]) == (Verdict.FAIL, 0)
    [anomaly] = result.anomalies
    assert anomaly.type == "double-grant"
    assert anomaly.message == (
        "By the return of the acquire of process 8002 (returned null, open from 39,915 ms to 40,012 ms), at least 1 "
        "release must have taken effect among these, but none had been invoked."
    )
    assert len(anomaly.ops) == 4


def test_a_release_of_what_nobody_holds() -> None:
    [anomaly] = check([*GOOD["mutex"][:2], done("release", None, None, 20)], "mutex").anomalies
    assert anomaly.type == "release-unheld"


@pytest.mark.parametrize("model", OBJECTS)
def test_unknown_operations_are_refused(model: str) -> None:
    with pytest.raises(HistoryError, match=r"event [01]: "):
        check([done("frobnicate", 1, 1, 0)], model)


class Parity:
    """A bit that `flip` turns over and `read` shows, for as long as it is switched on."""

    initial = 0
    reads = ("read",)

    def step(self, state: int, f: str, argument: Any, result: Any) -> Any:
        if f == "flip":
            return 1 - state
        return state if result in (state, UNKNOWN) else ILLEGAL


def test_a_model_of_ones_own_as_a_step_function() -> None:
    flips = [done("flip", None, None, 10 * i) for i in range(3)]
    assert check([*flips, done("read", None, 1, 40)], Parity()).verdict is Verdict.PASS
    result = check([*flips, done("read", None, 0, 40)], Parity())
    assert (result.verdict, result.model) == (Verdict.FAIL, "linearizable Parity")
    crashed = Op("flip", None, 30, 30, None)
    assert check([*flips, crashed, done("read", None, 0, 40)], Parity()).verdict is Verdict.PASS


def test_a_model_of_ones_own_as_a_table() -> None:
    door = Table(
        initial="open",
        steps={"open": {("close", None, "done"): "shut"}, "shut": {("open", None, "done"): "open"}},
    )
    cycle = [done("close", None, "done", 0), done("open", None, "done", 10)]
    assert check(cycle, door).verdict is Verdict.PASS
    assert check([*cycle, done("open", None, "done", 20)], door).verdict is Verdict.FAIL


def test_what_a_model_raises_is_raised() -> None:
    class Broken(Parity):
        def step(self, state: int, f: str, argument: Any, result: Any) -> Any:
            raise ZeroDivisionError("of all things")

    with pytest.raises(ZeroDivisionError, match="of all things"):
        check([done("flip", None, None, 0)], Broken())


def test_a_model_lacks_nothing() -> None:
    class Half:
        initial = 0

    with pytest.raises(UsageError, match="lacks some of them"):
        Linearizable(model=Half())  # type: ignore[arg-type]  # what the test is about
    with pytest.raises(UsageError, match="permits"):
        Linearizable(model="semaphore", permits=0)
