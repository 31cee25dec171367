"""Checkers that judge a growing history by its beginnings: what they tell early stays true to the end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from checkers import prefixes
from checkers.adya import AdyaG2
from checkers.bank import Bank
from checkers.causal_reverse import CausalReverse
from checkers.counter_bounds import CounterBounds
from checkers.linearizable import Linearizable
from checkers.list_append import ListAppend
from checkers.long_fork import LongFork
from checkers.prefixes import PrefixStream
from checkers.rw_register import RwRegister
from checkers.unique_ids import UniqueIds
from harness._core import Recorder
from harness.checker import Budget, Checker
from harness.history import History
from harness.streaming import Streaming
from harness.verdict import Verdict
from tests.checkers.databases import lists
from tests.checkers.transactions import Txn, recorded

BUDGET = Budget()
HISTORIES = 200

Ask = Callable[[random.Random, int], tuple[str, Any]]


def asked_id(chance: random.Random, number: int) -> tuple[str, Any]:
    return "generate", None


def asked_counter(chance: random.Random, number: int) -> tuple[str, Any]:
    return ("add", chance.choice((1, 2, -1))) if chance.random() < 0.5 else ("read", None)


def asked_element(chance: random.Random, number: int) -> tuple[str, Any]:
    return ("add", number) if chance.random() < 0.5 else ("read", None)


def asked_lock(chance: random.Random, number: int) -> tuple[str, Any]:
    return ("release" if number % 2 else "acquire"), None


def asked_bank(chance: random.Random, number: int) -> tuple[str, Any]:
    transfer = {"from": 0, "to": 1, "amount": chance.randrange(1, 4)}
    return ("transfer", transfer) if chance.random() < 0.5 else ("read", None)


def asked_insert(chance: random.Random, number: int) -> tuple[str, Any]:
    return "insert", [chance.randrange(800), [number, None] if chance.random() < 0.5 else [None, number]]


def asked_fork(chance: random.Random, number: int) -> tuple[str, Any]:
    if chance.random() < 0.4:
        return "write", [["w", number, 1]]
    first = max(number - chance.randrange(1, 6), 0)
    return "read", [["r", first, None], ["r", first + 1, None]]


def asked_reverse(chance: random.Random, number: int) -> tuple[str, Any]:
    return ("write", number) if chance.random() < 0.6 else ("read", None)


def asked_append(chance: random.Random, number: int) -> tuple[str, Any]:
    keys = [chance.choice("xyz") for _ in range(chance.randrange(1, 4))]
    return "txn", [
        ["append", key, number * 10 + at] if chance.random() < 0.5 else ["r", key, None] for at, key in enumerate(keys)
    ]


def asked_write(chance: random.Random, number: int) -> tuple[str, Any]:
    return "txn", [
        ["w", key, value] if f == "append" else ["r", key, None] for f, key, value in asked_append(chance, number)[1]
    ]


def answered(chance: random.Random, f: str, value: Any, asked: list[tuple[str, Any]]) -> Any:
    """What a careless store says, which now and then is wrong: mostly it did everything in the order it was asked."""
    wrong = chance.random() < 0.04
    done = asked[: len(asked) - chance.randrange(3)] if wrong else asked
    match f:
        case "generate":
            return chance.randrange(2) if wrong else chance.randrange(10**9)
        case "balances":
            return {"0": 5, "1": 5 + (chance.random() < 0.02)}
        case "value":
            return sum(one for name, one in done if name == "add")
        case "elements":
            return [one for name, one in done if name == "add"]
        case "list":
            return [one for name, one in done if name == "write"]
        case "read":
            written = {one[0][1] for name, one in done if name == "write"}
            return [["r", key, 1 if key in written else None] for _, key, _ in value]
        case "txn":
            return [_micro(one, done, len(asked) * 10 if chance.random() < 0.02 else None) for one in value]
        case _:
            return value


def _micro(one: list[Any], done: list[tuple[str, Any]], coming: int | None) -> list[Any]:
    """`coming` is a value that is written next, if at all: whoever reads it now reads a value of nobody."""
    f, key, _ = one
    if f != "r":
        return one
    writes = [(name, value) for _, txn in done for name, where, value in txn if where == key and name != "r"]
    if coming is not None:
        writes.append((writes[-1][0] if writes else "append", coming))
    if any(name == "w" for name, _ in writes):
        return ["r", key, writes[-1][1]]
    return ["r", key, [value for _, value in writes]]


TRANSACTIONS = (asked_append, asked_write)
"""Of these a few operations are enough to go wrong."""

READS = {asked_element: "elements", asked_counter: "value", asked_bank: "balances", asked_reverse: "list"}
"""What a read without a value returns."""


def history(ask: Ask, seed: int, ops: int = 40) -> History:
    """Operations of a few processes that overlap; some fail, some are never heard of again."""
    chance = random.Random(seed)
    recorder, free, busy = Recorder(), list(range(4)), {}
    asked: list[tuple[str, Any]] = []
    time, number, process = 0, 0, 4
    while number < ops or busy:
        time += chance.randrange(1, 5)
        if free and number < ops and (not busy or chance.random() < 0.5):
            who = free.pop(chance.randrange(len(free)))
            f, value = ask(chance, number)
            asked.append((f, value))
            busy[who] = (recorder.invoke(time, who, f, None, value), f, value, list(asked[:-1]))
            number += 1
            continue
        who = chance.choice(list(busy))
        row, f, value, before = busy.pop(who)
        kind = chance.choices((1, 2, 3), (10, 1, 1))[0]
        answer = value
        if kind == 1:
            what = READS.get(ask, f) if f == "read" else f
            answer = answered(chance, what, value, asked if chance.random() < 0.5 else before)
        recorder.complete(row, time, kind, answer)
        free.append(who if kind != 3 else process)
        process += kind == 3
    return History(recorder.history())


LEVELS = ("read-committed", "snapshot-isolation", "serializable", "strict-serializable")
CHECKERS: list[tuple[str, Callable[[], Checker], Ask]] = [
    ("unique-ids", UniqueIds, asked_id),
    ("counter-bounds", CounterBounds, asked_counter),
    ("bank", lambda: Bank(accounts=[0, 1], total=10), asked_bank),
    ("adya-g2", AdyaG2, asked_insert),
    ("linearizable-set", lambda: Linearizable(model="set"), asked_element),
    ("linearizable-mutex", lambda: Linearizable(model="mutex"), asked_lock),
    ("long-fork", LongFork, asked_fork),
    ("causal-reverse", CausalReverse, asked_reverse),
    *((f"list-append-{level}", lambda level=level: ListAppend(level=level), asked_append) for level in LEVELS),  # type: ignore[misc]
    *((f"rw-register-{level}", lambda level=level: RwRegister(level=level), asked_write) for level in LEVELS),  # type: ignore[misc]
    (
        "rw-register-assuming",
        lambda: RwRegister(writes_follow_reads=True, sequential_keys=True, linearizable_keys=True),
        asked_write,
    ),
]


def beginnings(whole: History) -> Iterator[History]:
    for length in range(0, len(whole) + 1, 3):
        yield whole.select(range(length))


def stream_of(checker: Checker, so_far: Callable[[], History]) -> PrefixStream:
    assert isinstance(checker, Streaming)
    stream = checker.stream(so_far)
    assert isinstance(stream, PrefixStream)
    return stream


@pytest.mark.parametrize(("name", "make", "ask"), CHECKERS, ids=[name for name, _, _ in CHECKERS])
def test_what_a_beginning_shows_the_whole_shows(
    name: str, make: Callable[[], Checker], ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefixes, "EVENTS_MIN", 1)
    early = late = sound = 0
    for seed in range(HISTORIES):
        whole = history(ask, seed, 8 if ask in TRANSACTIONS else 40)
        seen = [whole.select([])]
        stream = stream_of(make(), partial(seen.__getitem__, -1))
        told = None
        for beginning in beginnings(whole):
            batch = whole.select(range(len(seen[-1]), len(beginning)))
            seen.append(beginning)
            told = told or stream.feed(batch)
        seen.append(whole)
        result = make().check(whole, budget=BUDGET)
        assert stream.finish(budget=BUDGET).verdict is result.verdict
        if told is not None:
            assert result.verdict is Verdict.FAIL, f"seed {seed}: {told} is no violation of the whole"
            early += 1
        late += told is None and result.verdict is Verdict.FAIL
        sound += result.verdict is not Verdict.FAIL
    assert early > HISTORIES // 20, "violations are told early"
    assert sound > HISTORIES // 20, "and not everything is one"


@pytest.mark.parametrize("level", ["read-committed", "snapshot-isolation", "serializable"])
def test_a_value_that_is_written_only_later_is_no_violation_yet(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A serializable database whose transactions are recorded in any order: no level without real time minds, but the
    beginnings are full of reads of values that nobody has written yet."""
    monkeypatch.setattr(prefixes, "EVENTS_MIN", 1)
    premature = 0
    for seed in range(4):
        txns = lists("serializable", txns=40, seed=seed)
        order = random.Random(seed).sample(range(len(txns)), len(txns))
        moved = zip(txns, order, strict=True)
        whole = recorded([Txn(txn.mops, 10 * at, 10 * at + 5, at) for txn, at in moved])
        checker = ListAppend(level=level)
        assert checker.check(whole, budget=BUDGET).verdict is Verdict.PASS
        seen = [whole.select([])]
        stream = stream_of(checker, partial(seen.__getitem__, -1))
        for beginning in beginnings(whole):
            batch = whole.select(range(len(seen[-1]), len(beginning)))
            seen.append(beginning)
            assert stream.feed(batch) is None
            early = checker.check(beginning, budget=BUDGET).anomalies
            premature += any(anomaly.type == "thin-air" for anomaly in early)
    assert premature > 40, "the exclusion of values from nowhere is put to use"


def test_what_is_called_at_the_moment_of_a_return_may_still_explain_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefixes, "EVENTS_MIN", 1)
    recorder, checker = Recorder(), Linearizable(model="set")
    stream = stream_of(checker, lambda: History(recorder.history()))
    recorder.complete(recorder.invoke(1, 0, "read", None, None), 5, 1, [7])
    assert checker.check(History(recorder.history()), budget=BUDGET).verdict is Verdict.FAIL
    assert stream.feed(History(recorder.history())) is None
    recorder.complete(recorder.invoke(5, 1, "add", None, 7), 9, 1, 7)
    assert stream.feed(History(recorder.tail(2))) is None
    assert stream.finish(budget=BUDGET).verdict is Verdict.PASS
