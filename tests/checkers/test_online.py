"""Registers judged while they are recorded: the same answers as from the whole history, as early as may be."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkers.linearizable import Linearizable
from checkers.online import RegisterStream
from harness.checker import Anomaly, Budget, Result
from harness.errors import HistoryError
from harness.history import History
from harness.verdict import Verdict
from tests.checkers.registers import Op, is_linearizable, recorded

BUDGET = Budget(seconds=20.0, memory_bytes=1 << 28)


def stream_of(history: History, **options: Any) -> RegisterStream:
    """A stream over a history that is all recorded."""
    made = Linearizable(**options).stream(lambda: history)
    assert made is not None
    return made


def batches(history: History, size: int) -> Iterator[History]:
    """The history in pieces."""
    for start in range(0, len(history), size):
        yield history.select(range(start, min(len(history), start + size)))


def fed(history: History, size: int = 1, **options: Any) -> tuple[list[Anomaly], Result]:
    """What is told on the way, and at the end."""
    stream = stream_of(history, **options)
    found = [anomaly for batch in batches(history, size) if (anomaly := stream.feed(batch)) is not None]
    return found, stream.finish(budget=BUDGET)


def alike(result: Result) -> Result:
    """Without what it took."""
    stats = {name: value for name, value in result.stats.items() if name != "seconds"}
    return Result(result.verdict, result.model, tuple(result.anomalies), stats, result.why)


def random_ops(rng: random.Random, count: int, *, values: int | None = None) -> list[Op]:
    """Served at random moments, often seen wrongly; every value new, unless there are only so many."""
    ops, state, seen = [], dict.fromkeys("xy"), {"x": [None], "y": [None]}
    for index in range(count):
        key: Any = rng.choice("xy")
        at = index * 3
        call, ret = at - rng.randrange(6), at + rng.randrange(6)
        found = rng.choice(seen[key]) if rng.random() < 0.1 else state[key]
        f = rng.choice(["read", "read", "write", "write", "cas"])
        fresh: Any = index + 1 if values is None else rng.randrange(values)
        kind = rng.choice(["ok"] * 8 + ["info", "fail", None])
        if f == "read":
            ops.append(Op(f, found if kind == "ok" else None, call, ret, kind, key))
            continue
        ops.append(Op(f, fresh if f == "write" else [found, fresh], call, ret, kind, key))
        seen[key].append(fresh)
        if kind != "fail" and (kind == "ok" or rng.random() < 0.5):
            state[key] = fresh
    return ops


@settings(deadline=None, max_examples=300)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([1, 3, 1000]), values=st.sampled_from([None, None, None, 3]))
def test_the_end_is_that_of_the_whole_history(seed: int, size: int, values: int | None) -> None:
    rng = random.Random(seed)
    history = recorded(random_ops(rng, rng.choice([3, 8, 30]), values=values))
    found, result = fed(history, size)
    assert alike(result) == alike(Linearizable().check(history, budget=BUDGET))
    assert not found or result.verdict is Verdict.FAIL


@settings(deadline=None, max_examples=300)
@given(seed=st.integers(0, 2**32))
def test_what_is_told_is_told_in_time_and_proved(seed: int) -> None:
    rng = random.Random(seed)
    ops = [op._replace(key="x") for op in random_ops(rng, 6)]
    history = recorded(ops)
    stream = stream_of(history)
    told = None
    for row in range(len(history)):
        now = history[row].time
        anomaly = stream.feed(history.select([row]))
        told = told or anomaly
        # Operations that end now are still concurrent with what may be called now: nothing is known of them yet.
        settled = known(history, row + 1, before=now)
        assert (told is None) == is_linearizable(settled)
        if anomaly is not None:
            assert anomaly.ops and Linearizable().check(history.select(anomaly.ops), budget=BUDGET).anomalies
    assert stream.finish(budget=BUDGET).verdict is not Verdict.ERROR


def known(history: History, rows: int, *, before: int) -> list[Op]:
    """The operations among the first `rows` events; what did not end before that moment is open."""
    ops = []
    for invoked in history.select(range(rows)):
        if invoked.type.label != "invoke":
            continue
        row = history.completion(invoked.index)
        done = None if row is None or row >= rows else history[row]
        kind = None if done is None else done.type.label
        ends = done is not None and (done.time < before or kind != "ok")
        value = done.value if done is not None else invoked.value
        ops.append(Op(invoked.f, value, invoked.time, done.time if done and ends else 1 << 62, kind if ends else None))
    return ops


def test_the_first_violation_is_told_once_with_its_key_and_events() -> None:
    ops = [Op("write", 1, 0, 1, key="a"), Op("write", 2, 2, 3, key="a"), Op("read", 1, 4, 5, key="a")]
    later = [Op("read", 9, 10, 11, key="b"), Op("write", 3, 20, 21, key="a")]
    history = recorded(ops + later)
    found, result = fed(history)
    assert [(anomaly.key, anomaly.type, anomaly.ops) for anomaly in found] == [("a", "stale-read", (0, 1, 2, 3, 4, 5))]
    assert len(result.anomalies) == 2


def test_a_violation_by_the_last_event_is_in_the_end() -> None:
    found, result = fed(recorded([Op("read", 5, 0, 1)]))
    assert (found, result.verdict) == ([], Verdict.FAIL)


def test_values_written_twice_are_left_to_the_whole_check() -> None:
    ops = [Op("write", 1, 0, 1), Op("write", 1, 2, 3), Op("write", 2, 4, 5), Op("read", 1, 6, 7), Op("read", 2, 8, 9)]
    found, result = fed(recorded(ops))
    assert (found, result.verdict, result.stats["keys_searched"]) == ([], Verdict.FAIL, 1)


def test_nothing_is_no_pass() -> None:
    _, result = fed(recorded([]))
    assert result.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("bad", [Op("add", 1, 2, 3), Op("cas", 1, 2, 3)])
def test_what_is_no_register_is_refused_as_by_the_check(bad: Op) -> None:
    history = recorded([Op("write", 1, 0, 1), bad])
    with pytest.raises(HistoryError) as whole:
        Linearizable().check(history, budget=BUDGET)
    stream = stream_of(history)
    with pytest.raises(HistoryError) as streamed:
        feed_all(stream, batches(history, 1))
    assert str(streamed.value) == str(whole.value)
    with pytest.raises(HistoryError):
        stream.finish(budget=BUDGET)


def feed_all(stream: RegisterStream, pieces: Iterator[History]) -> Sequence[Anomaly | None]:
    return [stream.feed(piece) for piece in pieces]


def test_options_count() -> None:
    history = recorded([Op("read", 0, 0, 1), Op("cas", [3, 4], 2, 3, "fail"), Op("read", 0, 4, 5)])
    assert fed(history, initial=0)[1].verdict is Verdict.PASS
    assert fed(history)[1].verdict is Verdict.FAIL
    assert fed(history, initial=0, failed_cas="assert")[1].stats["keys_searched"] == 1


def test_types_that_only_a_search_decides_need_the_whole_history() -> None:
    assert Linearizable(model="kv").stream(lambda: recorded([])) is None
    assert Linearizable(model="queue").stream(lambda: recorded([])) is not None


def test_memory_is_bounded_by_what_can_matter() -> None:
    def memory(crashed: int, open_since: int | None) -> int:
        ops = [Op("write", -1 - i, i, i + 1, "info") for i in range(crashed)]
        ops += [Op("read", None, open_since, 0, None)] if open_since is not None else []
        for i in range(20_000):
            ops += [Op("write", i + 1, 4000 + 4 * i, 4001 + 4 * i), Op("read", i + 1, 4002 + 4 * i, 4003 + 4 * i)]
        stream = stream_of(recorded(ops))
        assert feed_all(stream, batches(recorded(ops), 10_000))[-1] is None
        return stream.remembered

    assert memory(0, None) < 500
    assert 300 < memory(300, None) < 2_000
    assert memory(0, 4000) > 20_000, "an operation that is open all the time may still have seen any of these values"
