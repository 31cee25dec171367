"""What it costs to judge a register while it is recorded: one key, 50 clients, unique values, some 50 crashed writers.

    python -m benchmarks.streaming [--ops 1000000 5000000]

A history is recorded and followed as a run does it, in batches of 10,000 events. Microseconds of processor time per
event (an operation is two): recording, copying the new events out of the recorder (`tail`), and judging them (`feed`).
`remembered` is the most operations, values and groups of values that the stream held after any batch. `MB` is what the
process grows by from its tenth batch on when nothing but the stream outlives a batch. What is aimed at: less than 0.3
us to judge an event, and memory that does not grow with the history.

Then what it costs to judge the beginnings of a history (`checkers.prefixes`), of lists, sets and locks: `looks` are how
many were judged, `feed` is all of that per event, `check` the one check of the whole, and `times` how many of it the
looks came to together.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from checkers.linearizable import Linearizable
from checkers.list_append import ListAppend
from checkers.online import RegisterStream
from harness._core import Recorder
from harness.checker import Budget
from harness.history import History
from harness.verdict import Verdict

CLIENTS = 50
CRASHED = 100
BATCH = 10_000
PREFIX_OPS = 100_000
KEYS = 100
OPS_PER_KEY = 64
WARM_BATCHES = 10
INVOKE, OK, FAIL, INFO = range(4)


class Event(NamedTuple):
    """One row of the history; `client` is who has the operation, `process` under which number."""

    time: int
    client: int
    process: int
    type: int
    f: str
    value: Any


def events(count: int, seed: int = 1) -> Iterator[Event]:
    """The events of so many operations on a register that serves each at the moment of its answer."""
    rng = Random(seed)
    crashes = {count * (2 * i + 1) // (2 * CRASHED) for i in range(CRASHED)}
    running: list[tuple[str, Any] | None] = [None] * CLIENTS
    processes = list(range(CLIENTS))
    state: int | None = None
    done = fresh = 0
    for now in itertools.count():
        if done == count:
            return
        client = rng.randrange(CLIENTS)
        operation, process = running[client], processes[client]
        if operation is None:
            fresh += 1
            f = rng.choices(("read", "write", "cas"), (5, 4, 1))[0]
            value: Any = None if f == "read" else fresh if f == "write" else [state, fresh]
            running[client] = (f, value)
            yield Event(now, client, process, INVOKE, f, value)
            continue
        f, value = operation
        running[client] = None
        if f != "read" and done in crashes:
            type = INFO
            processes[client] += CLIENTS
        else:
            type = FAIL if f == "cas" and value[0] != state else OK
        if type == OK and f != "read":
            state = value if f == "write" else value[1]
        done += 1
        yield Event(now, client, process, type, f, state if f == "read" else value)


def batches(count: int) -> Iterator[list[Event]]:
    """Them, ten thousand at a time."""
    left = events(count)
    while batch := list(itertools.islice(left, BATCH)):
        yield batch


def stream_of(recorder: Recorder) -> RegisterStream:
    """The stream of what is measured."""
    stream = Linearizable().stream(lambda: History(recorder.history()))
    assert stream is not None
    return stream


def follow(count: int) -> str:
    """Times, as a run would have them."""
    recorder = Recorder()
    stream = stream_of(recorder)
    invoked = [0] * CLIENTS
    spent, fed, most = [0.0, 0.0, 0.0], 0, 0
    for batch in batches(count):
        moments = [time.process_time()]
        for moment, client, process, type, f, value in batch:
            if type == INVOKE:
                invoked[client] = recorder.invoke(moment, process, f, "x", value, "n1")
            else:
                recorder.complete(invoked[client], moment, type, value)
        moments.append(time.process_time())
        new = History(recorder.tail(fed))
        moments.append(time.process_time())
        assert stream.feed(new) is None
        moments.append(time.process_time())
        spent = [total + after - before for total, before, after in zip(spent, moments, moments[1:], strict=False)]
        fed += len(new)
        most = max(most, stream.remembered)
    verdict = stream.finish(budget=Budget()).verdict
    assert verdict is Verdict.PASS, verdict
    return " ".join(f"{1e6 * total / fed:>9.3f}" for total in spent) + f" {most:>11,}"


def alone(count: int) -> str:
    """Memory of the stream: every batch has a recorder of its own, which is gone before the next."""
    stream = stream_of(Recorder())
    before = 0
    for place, batch in enumerate(batches(count)):
        recorder = Recorder()
        for moment, _, process, type, f, value in batch:
            recorder.event(moment, process, type, f, "x", value, "n1")
        assert stream.feed(History(recorder.history())) is None
        if place == WARM_BATCHES:
            before = resident_bytes()
    return f"{(resident_bytes() - before) / 1e6:>6.1f}"


def resident_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024


CASES = {"follow": follow, "alone": alone}


def answers_of(kind: str, rng: Random) -> Iterator[tuple[str, str, Any, Any]]:
    """Operations that take effect at once, without end: function, key, what is asked and what is answered. Keys are
    left for new ones after a while, so lists and sets stay short."""
    states: dict[str, list[int]] = {}
    for number in itertools.count():
        key = f"{number // (KEYS * OPS_PER_KEY)}-{rng.randrange(KEYS)}"
        held = states.setdefault(key, [])
        if kind == "lock":
            f = "release" if held else "acquire"
            states[key] = [] if held else [number]
            yield f, key, None, None
            continue
        reads = rng.random() < 0.5
        if not reads:
            held.append(number)
        if kind == "set":
            yield ("read", key, None, list(held)) if reads else ("add", key, number, number)
        else:
            asked = [["r", key, None]] if reads else [["append", key, number]]
            yield "txn", "", asked, [["r", key, list(held)]] if reads else asked


def beginnings(kind: str, count: int) -> str:
    """Feeds a history of so many operations, a batch at a time, and checks it once."""
    checker = PREFIXED[kind]()
    recorder = Recorder()
    looked: list[int] = []

    def so_far() -> History:
        looked.append(len(looked))
        return History(recorder.history())

    stream = checker.stream(so_far)
    assert stream is not None
    spent, fed = 0.0, 0
    answers = answers_of(kind, Random(1))
    for number, (f, key, asked, answered) in zip(range(count), answers, strict=False):
        invoked = recorder.invoke(10 * number, number % CLIENTS, f, key or None, asked, "n1")
        recorder.complete(invoked, 10 * number + 5, OK, answered)
        if number % (BATCH // 2) == 0:
            batch = History(recorder.tail(fed))
            fed += len(batch)
            began = time.process_time()
            assert stream.feed(batch) is None
            spent += time.process_time() - began
    began = time.process_time()
    verdict = checker.check(History(recorder.history()), budget=Budget()).verdict
    whole = time.process_time() - began
    assert verdict is Verdict.PASS, verdict
    return f"{len(looked):>6} {1e6 * spent / fed:>9.3f} {1e6 * whole / fed:>9.3f} {spent / whole:>6.1f}"


PREFIXED: dict[str, Callable[[], Any]] = {
    "append": lambda: ListAppend(level="serializable"),
    "set": lambda: Linearizable(model="set"),
    "lock": lambda: Linearizable(model="mutex"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ops", type=int, nargs="+", default=[1_000_000, 5_000_000])
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(CASES[options.case](options.ops[0]))
        return
    print(f"{'operations':>11} {'record us':>9} {'tail us':>9} {'feed us':>9} {'remembered':>11} {'MB':>6}")
    for count in options.ops:
        command = [sys.executable, "-m", "benchmarks.streaming", "--ops", str(count), "--case"]
        shown = [
            subprocess.run([*command, case], check=True, stdout=subprocess.PIPE, text=True).stdout.rstrip("\n")
            for case in CASES
        ]
        print(f"{count:>11,} {' '.join(shown)}", flush=True)
    print(f"\n{'operations':>11} {'of':<8} {'looks':>6} {'feed us':>9} {'check us':>9} {'times':>6}")
    for kind in PREFIXED:
        print(f"{PREFIX_OPS:>11,} {kind:<8} {beginnings(kind, PREFIX_OPS)}", flush=True)


if __name__ == "__main__":
    main()
