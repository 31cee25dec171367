"""What judging applications costs: processor time per operation of the checkers that are written in Python.

    python -m benchmarks.applications [--ops 100000]

Half of the operations add (an order, a message, a post), half read; feeds have 50 operations each, so that reads have
25 entries in the mean of all. Nothing is violated: that is what costs most, for all has to be looked at.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence

from checkers.chat import CausalOrder, NoLostMessage
from checkers.checkout import NoLostOrder, NoOversell
from checkers.requests import requests
from checkers.stale_reads import StaleReads
from checkers.timeline import OwnPostsSeen, PostsInOrder
from harness._core import Recorder
from harness.checker import Budget, Checker
from harness.history import History
from harness.verdict import Verdict

WORKERS = 10
PER_KEY = 50


def shop(ops: int) -> History:
    """Orders of one unit, and reads of an item's books."""
    return _recorded(ops, "order", lambda id: {"id": id, "units": 1}, lambda ids: {"orders": [[id, 1] for id in ids]})


def feed(ops: int, add: str) -> History:
    """Entries, and reads of a whole feed."""
    return _recorded(ops, add, lambda id: id, list)


def catalog(ops: int) -> History:
    """Updates, and reads of the latest."""
    return _recorded(ops, "write", lambda id: id, lambda ids: ids[-1] if ids else None)


def _recorded(ops: int, add: str, entry, found) -> History:  # type: ignore[no-untyped-def]
    recorder, chance = Recorder(), random.Random(ops)
    held: dict[int, list[int]] = {}
    for id in range(ops):
        key, now = id // PER_KEY, 1_000 * id
        ids = held.setdefault(key, [])
        f, asked = (add, entry(id)) if chance.random() < 0.5 else ("read", None)
        event = recorder.invoke(now, id % WORKERS, f, str(key), asked, "n1")
        if asked is not None:
            ids.append(id)
        recorder.complete(event, now + 500, 1, found(ids) if asked is None else asked, None)
    return History(recorder.history())


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a row for each checker."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ops", type=int, default=100_000)
    ops = parser.parse_args(arguments).ops
    store, chat, timeline = shop(ops), feed(ops, "send"), feed(ops, "post")
    judged: list[tuple[Checker, History]] = [
        (NoOversell(stock=ops), store),
        (NoLostOrder(), store),
        (NoLostMessage(), chat),
        (CausalOrder(), chat),
        (OwnPostsSeen(), timeline),
        (PostsInOrder(), timeline),
        (StaleReads(), catalog(ops)),
    ]
    began = time.process_time()
    requests(store, "order", "read")
    print(f"{'reading alone':20} {(time.process_time() - began) / ops * 1e6:7.1f} us per operation")
    for checker, history in judged:
        began = time.process_time()
        result = checker.check(history, budget=Budget())
        each_us = (time.process_time() - began) / ops * 1e6
        print(f"{type(checker).__name__:20} {each_us:7.1f} us per operation, {result.verdict}")
        if result.verdict is Verdict.FAIL:
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
