"""Verdicts on random small histories, compared with those of Porcupine, which shares no code with us."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from benchmarks.peers.programs import Limits, PeerMissing, answers, porcupine
from harness import _core
from harness.history import History
from tests.checkers.registers import Op, recorded

HISTORIES = 5000
OPS_MAX = 12
SPAN_MS = 24
LIMITS = Limits(seconds=20, megabytes=1000)
VERDICTS = {"linearizable": "ok", "violation": "illegal"}
KINDS = ("ok", "info", "fail", None)

Make = Callable[[Random, Any], tuple[str, Any, Any, Any]]
"""From a key's state: f, the value asked with, the value answered, the next state."""


@pytest.fixture(scope="module")
def peer() -> Iterator[tuple[str, ...]]:
    try:
        with porcupine() as program:
            yield program
    except PeerMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


def register(values: int, *, has_cas: bool) -> Make:
    """A register of so many values: with few, most are written more than once, with very many, none is."""

    def make(random: Random, state: Any) -> tuple[str, Any, Any, Any]:
        value = random.randrange(values)
        kind = random.choice(("read", "read", "write", "cas") if has_cas else ("read", "write"))
        if kind == "read":
            return kind, None, state, state
        if kind == "write":
            return kind, value, value, value
        pair = [state if random.random() < 0.6 else random.choice((None, random.randrange(values))), value]
        return kind, pair, pair, value if pair[0] == state else state

    return make


def store(random: Random, state: Any) -> tuple[str, Any, Any, Any]:
    """A store of texts."""
    state, text = state or "", random.choice("ab")
    kind = random.choice(("get", "get", "put", "append"))
    after = {"get": state, "put": text, "append": state + text}[kind]
    return kind, None if kind == "get" else text, state if kind == "get" else text, after


def span(random: Random, longest: int) -> tuple[int, int, int]:
    """When an operation is called, served and answered."""
    start = random.randrange(SPAN_MS)
    call, served, ret = sorted(start + random.randrange(longest) for _ in range(3))
    return call, served, ret


def history_of(random: Random, make: Make, key: str) -> list[Op]:
    """Operations served at random moments while they are open; then some are given another outcome, result or span."""
    ops = []
    state: Any = None
    written: list[Any] = []
    longest = random.choice((5, SPAN_MS))
    spans = sorted((span(random, longest) for _ in range(random.randint(0, OPS_MAX))), key=itemgetter(1))
    corrupt = random.choice((0.0, 0.2, 0.5))
    for call, _, ret in spans:
        f, asked, answered, after = make(random, state)
        written.append(after)
        refused = f == "cas" and asked[0] != state
        kind = "fail" if refused else random.choices(KINDS, (80, 10, 5, 5))[0]
        error = {"current": state} if refused and random.random() < 0.5 else None
        if kind == "ok" or (kind != "fail" and random.random() < 0.5):
            state = after
        if f in ("read", "get") and random.random() < corrupt:
            answered = random.choice(("", "a", "b", "ab")) if f == "get" else random.choice([0, 1, *written])
        if random.random() < corrupt:
            ret = call + (ret - call) // 2
        ops.append(Op(f, answered, call, ret, kind, key, error, asked))
    return ops


def ours(history: History, model: str, failed_cas: str) -> dict[str, str]:
    """Our verdict for every key, in Porcupine's words."""
    limits: dict[str, Any] = {"seconds": 60.0, "memory_bytes": 1 << 30}
    if model == "kv":
        keys = _core.check_objects(history.core, model=model, permits=1, **limits)
    else:
        options: dict[str, Any] = {"has_cas": model == "cas-register", "failed_cas": failed_cas}
        keys = _core.check_registers(history.core, initial="null", **options, **limits)
    return {str(key["key"]): VERDICTS[key["verdict"]] for key in keys}


FAMILIES = [
    pytest.param("register", "drop", register(3, has_cas=False), id="register"),
    pytest.param("cas-register", "drop", register(3, has_cas=True), id="cas-register"),
    pytest.param("cas-register", "assert", register(2, has_cas=True), id="refused-cas-asserted"),
    pytest.param("cas-register", "drop", register(1 << 30, has_cas=True), id="unique-values"),
    pytest.param("kv", "drop", store, id="kv"),
]


@pytest.mark.parametrize(("model", "failed_cas", "make"), FAMILIES)
def test_verdicts_are_those_of_porcupine(
    peer: tuple[str, ...], tmp_path: Path, model: str, failed_cas: str, make: Make
) -> None:
    random = Random(f"{model} {failed_cas}")
    parts = {f"k{number}": history_of(random, make, f"k{number}") for number in range(HISTORIES)}
    history = recorded([op for part in parts.values() for op in part])
    path = tmp_path / "history.jsonl"
    history.write(path, "jsonl")
    (told,) = answers(peer, LIMITS, [path], f"--model={model}", f"--failed-cas={failed_cas}", "--each-key")
    theirs: dict[str, str] = told["keys"]
    mine = ours(history, model, failed_cas)
    # A key of which nothing counts has no verdict, and nothing there can be wrong.
    different = [key for key in parts if mine.get(key, "ok") != theirs.get(key, "ok")]
    assert not different, f"{mine.get(different[0])} or {theirs.get(different[0])}: {parts[different[0]]}"
    counted = Counter(theirs.values())
    assert min(counted["ok"], counted["illegal"]) > HISTORIES // 10, f"one-sided: {counted}"
