"""Watching a recorder, telling what is seen, and ending a load for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness._core import Recorder
from harness.checker import Anomaly, Budget, Result
from harness.errors import HistoryError
from harness.experiment import resolve
from harness.generators import clients, phases, repeat, simulate
from harness.history import History
from harness.operation import Operation
from harness.plan import Plan
from harness.run import execute
from harness.streaming import Watched
from harness.verdict import Verdict
from harness.watch import Standing, Stop, Watch, told, until_violation


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

    @property
    def ops(self) -> int:
        return len(self.fed) // 2

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
    with caplog.at_level(logging.WARNING, "harness.watch"):
        assert watch.look() is None
    assert "broken cannot be judged while the run goes on: broken" in caplog.text
    assert told(watch.standings) == "sound: no violation in 2 ops; judged at the end: broken"
    record(recorder, 2)
    record(recorder, 3)
    stop = watch.look()
    assert stop is not None
    assert (stop.claim, broken.fed) == ("sound", [0, 1, 2, 3])


def test_what_is_found_after_the_load_is_told_and_is_no_reason_to_have_stopped() -> None:
    watch = Watch(recorder_of(2), {"one": Watched(Counting(at=0))})
    watch.end()
    assert watch.look() is None
    assert [one.told() for one in watch.standings] == ["VIOLATION: late at 0.0 s"]


def test_what_is_found_says_when_it_was_and_the_others_are_judged_on() -> None:
    recorder = Recorder()
    for op in range(4):
        invoked = recorder.invoke(op * 10**9, op, "write", "x", op, "n1")
        recorder.complete(invoked, op * 10**9 + 3 * 10**8, 1, op)
    other = Counting()
    watch = Watch(recorder, {"sound": Watched(other), "broken": Watched(Counting(at=5)), "converges": Watched(None)})
    watch.look()
    record(recorder, 4)
    watch.look()
    assert other.fed == list(range(10))
    assert told(watch.standings) == (
        "broken: VIOLATION: late at 2.3 s; sound: no violation in 5 ops; judged at the end: converges"
    )


def test_what_a_limit_says_is_told_when_it_is_found_and_ends_nothing() -> None:
    watch = Watch(recorder_of(2), {"not-sound": Watched(Counting(at=3), negated=True)})
    assert watch.look() is None
    [standing] = watch.standings
    assert not standing.broken
    assert standing.told() == "violated as it says: late at 0.0 s"


class Unasked:
    """What is recorded, of which nobody must take any."""

    def history(self) -> Any:
        pytest.fail("all of it was copied")

    def tail(self, row: int) -> Any:
        pytest.fail("what is new was copied")


def test_without_a_claim_that_can_be_judged_nothing_is_copied() -> None:
    watch = Watch(Unasked(), {"converges": Watched(None)})
    assert watch.look() is None
    assert watch.standings == [Standing("converges", later=True)]


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


class Looking:
    """Somebody who watches a run (`harness.load.Progress`)."""

    def __init__(self) -> None:
        self.event: Callable[[Operation], None] | None = lambda _: None

    def phase(self, name: str) -> None:
        pass

    def watch(self, watch: Watch) -> None:
        self.seen = watch


@pytest.mark.parametrize(
    ("expect", "found"), [("linearizable", "VIOLATION: "), ({"not": "linearizable"}, "violated as")]
)
def test_looking_on_changes_neither_the_history_nor_the_verdict(tmp_path: Path, expect: Any, found: str) -> None:
    fields = {"target": "multi-leader", "seed": 4, "time": 4, "settle": 1, "nodes": 3, "expect": [expect]}
    experiment = resolve(Plan.build(fields | {"nemeses": [{"partition": {"interval": 1}}]}))
    looking = Looking()
    seen, unseen = execute(experiment, tmp_path, looking), execute(experiment, tmp_path)
    [standing] = looking.seen.standings
    assert standing.told().startswith(found)
    assert standing.found and standing.found.type in [one.type for one in seen.claims[0].anomalies]
    assert seen.folder.history.read_bytes() == unseen.folder.history.read_bytes()
    told_of = [[(one.verdict, one.why, one.anomalies) for one in outcome.claims] for outcome in (seen, unseen)]
    assert told_of[0] == told_of[1]
