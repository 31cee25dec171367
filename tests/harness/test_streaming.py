"""Watching a recorder, and ending a load for what is seen."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from harness._core import Recorder
from harness.checker import Anomaly, Budget, Result
from harness.errors import HistoryError, UsageError
from harness.experiment import resolve
from harness.generators import clients, phases, repeat, simulate
from harness.history import History
from harness.operation import Operation
from harness.plan import Part, Plan
from harness.streaming import Stop, Watch, Watched, ending, until_violation, watchable
from harness.verdict import Verdict


def recorder_of(ops: int) -> Recorder:
    recorder = Recorder()
    for op in range(ops):
        record(recorder, op)
    return recorder


def record(recorder: Recorder, op: int) -> None:
    invoked = recorder.invoke(10 * op, op % 3, "write", "x", op, "n1")
    recorder.complete(invoked, 10 * op + 5, 1, op)


def rows(history: History) -> list[tuple[Any, ...]]:
    return [(op.index, op.process, op.type.label, op.f, op.key, op.value, op.time) for op in history]


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("taken", [False, True])
def test_the_tail_is_the_end_of_the_history(closed: bool, taken: bool) -> None:
    recorder = recorder_of(4)
    if closed:
        recorder.close()
    if taken:
        recorder.history()
    tail = History(recorder.tail(3))
    assert [op.index for op in tail] == [3, 4, 5, 6, 7]
    assert [tail.completion(row) for row in range(5)] == [None, 2, None, 4, None]
    assert [tail.invocation(row) for row in range(5)] == [None, None, 1, None, 3]
    assert rows(History(recorder.tail(0))) == rows(History(recorder.history()))
    assert len(History(recorder.tail(8))) == len(History(recorder.tail(100))) == 0


class Counting:
    """A checker whose streams break a promise at one event, or break themselves."""

    def __init__(self, *, at: int = -1, broken_at: int = -1) -> None:
        self.at, self.broken_at = at, broken_at
        self.fed: list[int] = []

    def stream(self, so_far: Callable[[], History]) -> Counting:
        self.so_far = so_far
        return self

    def feed(self, batch: History) -> Anomaly | None:
        self.fed += [op.index for op in batch]
        if self.broken_at in self.fed:
            raise HistoryError("broken")
        return Anomaly("late", "too late", (self.at,)) if self.at in [op.index for op in batch] else None

    def finish(self, *, budget: Budget | None = None) -> Result:
        return Result(Verdict.PASS, "counting")


def test_every_event_is_fed_once() -> None:
    recorder, checker = Recorder(), Counting()
    watch = Watch(recorder, {"one": Watched(checker)})
    assert watch.look() is None
    for op in range(5):
        record(recorder, op)
        if op % 2:
            assert watch.look() is None
    watch.look()
    assert checker.fed == list(range(10))
    assert len(checker.so_far()) == 10


def test_the_first_violation_stays_the_first() -> None:
    recorder = recorder_of(3)
    watch = Watch(recorder, {"one": Watched(Counting(at=8)), "two": Watched(Counting(at=4))})
    stop = watch.look()
    assert stop == Stop("two", Anomaly("late", "too late", (4,)), 6)
    assert stop is not None
    assert stop.to_json() == {"claim": "two", "key": None, "message": "too late", "event": 6}
    record(recorder, 3)
    record(recorder, 4)
    assert watch.look() is stop


def test_a_stream_that_breaks_is_told_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    broken, sound = Counting(broken_at=1), Counting(at=7)
    recorder = recorder_of(2)
    watch = Watch(recorder, {"broken": Watched(broken), "sound": Watched(sound)})
    with caplog.at_level(logging.WARNING, "harness.streaming"):
        assert watch.look() is None
    assert "broken cannot be judged while the run goes on: broken" in caplog.text
    record(recorder, 2)
    record(recorder, 3)
    stop = watch.look()
    assert stop is not None
    assert (stop.claim, broken.fed) == ("sound", [0, 1, 2, 3])


def test_after_the_load_nothing_is_found() -> None:
    watch = Watch(recorder_of(2), {"one": Watched(Counting(at=0))})
    watch.end()
    assert watch.look() is None


def test_the_load_ends_and_what_follows_is_played() -> None:
    recorder = recorder_of(1)
    watch = Watch(recorder, {"one": Watched(Counting(at=1))})
    load = until_violation(watch, clients(repeat(Operation("read"))))

    def complete(op: Operation) -> Operation:
        if op.time > 5_000_000:
            watch.look()
        return op.ok(None)._replace(time=op.time + 1_000_000)

    played = simulate(phases(load, clients(Operation("final"))), complete=complete, concurrency=2)
    invoked = [op for op in played if op.type.label == "invoke"]
    assert invoked[-1].f == "final"
    assert 5_000_000 < max(op.time for op in invoked if op.f == "read") < 10_000_000


def plan(*expect: Any) -> Plan:
    return Plan.build({"target": "multi-leader", "expect": list(expect), "seed": 1, "stop_on_violation": True})


def test_claims_that_can_be_watched_are() -> None:
    assert list(watchable(resolve(plan("linearizable", "converges", "availability")))) == ["linearizable"]
    assert not watchable(resolve(plan("converges")))


@pytest.mark.parametrize("expect", ["converges", {"not": "linearizable"}, {"linearizable": {"model": "kv"}}])
def test_nothing_to_watch_is_told_before_the_run(expect: Any) -> None:
    with pytest.raises(UsageError, match="none of the claims"):
        ending(resolve(plan(expect)))


def test_a_claim_of_one_flow_is_fed_that_flow_alone() -> None:
    """Events without a key are everybody's: what no client did may concern any flow."""
    recorder, checker = Recorder(), Counting()
    for op, key in enumerate(["cart/1", "browse/1", "cart/2", None]):
        process = op if key else -1
        invoked = recorder.invoke(10 * op, process, "write", key, op, "n1")
        recorder.complete(invoked, 10 * op + 5, 1, op)
    watch = Watch(recorder, {"cart": Watched(checker, "cart")})
    watch.look()
    assert checker.fed == [0, 1, 4, 5, 6, 7]
    assert len(checker.so_far()) == 6
    assert watch.claims == ("cart",)


def test_flows_that_workloads_have_are_watched() -> None:
    told = plan({"linearizable": {"flow": "checkout"}}).model_copy(update={"workload": Part(name="shop")})
    assert {name: each.flow for name, each in watchable(resolve(told)).items()} == {"linearizable": "checkout"}


def test_the_plan_is_written_and_read_with_it(tmp_path: Any) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(plan("linearizable").to_yaml())
    assert Plan.build({}, file).stop_on_violation
    assert not Plan.build({"target": "raft"}).stop_on_violation
