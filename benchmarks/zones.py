"""The zone checker on one key: 50 clients, unique values, 100 crashed writers, valid and with one stale read.

Prints seconds (the best of three) and what a check adds to the peak of resident memory, for 10,000, 100,000 and
1,000,000 operations. Conversion from the history's columns is included. What is aimed at: 1,000,000 operations in at
most 1 s.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkers.linearizable import Linearizable
from harness import _core
from harness.checker import Budget
from harness.history import History
from harness.verdict import Verdict

CLIENTS = 50
CRASHED = 100
SIZES = (10_000, 100_000, 1_000_000)
DURATION_NS_MAX = 1000
STALE_OPS = 20 * CLIENTS
"""How many operations the stale read is behind: far more than are open at once."""


@dataclass(slots=True)
class Op:
    """One operation: called, served and answered (None: never) at these moments."""

    call: int
    served: int
    ret: int | None
    process: int
    f: str
    value: Any = None


def register_ops(count: int, *, stale: bool, seed: int = 1) -> list[Op]:
    """Operations of a register that is served at a random moment between call and return; in the order of service."""
    rng = random.Random(seed)
    crashes = {count * (2 * i + 1) // (2 * CRASHED) for i in range(CRASHED)}
    free = [(0, worker) for worker in range(CLIENTS)]
    ops = []
    for index in range(count):
        at, process = free[index % CLIENTS]
        call = at + 1 + rng.randrange(DURATION_NS_MAX)
        served = call + 1 + rng.randrange(DURATION_NS_MAX)
        answered = served + 1 + rng.randrange(DURATION_NS_MAX)
        crashed = index in crashes
        f = "write" if crashed else rng.choices(("read", "write", "cas"), (5, 4, 1))[0]
        ops.append(Op(call, served, None if crashed else answered, process, f))
        free[index % CLIENTS] = (answered, process + CLIENTS if crashed else process)
    ops.sort(key=lambda op: op.served)
    state: int | None = None
    past = []
    for fresh, op in enumerate(ops):
        past.append(state)
        op.value = state if op.f == "read" else fresh if op.f == "write" else [state, fresh]
        if op.f != "read":
            state = fresh
    if stale:
        index = next(i for i in range(count * 9 // 10, count) if ops[i].f == "read")
        ops[index].value = past[index - STALE_OPS]
    return ops


def recorded(ops: list[Op]) -> History:
    """Their history."""
    events = [(op.call, True, op) for op in ops]
    events += [(op.ret, False, op) for op in ops if op.ret is not None]
    events.sort(key=lambda event: event[:2])
    recorder = _core.Recorder()
    invoked: dict[int, int] = {}
    for moment, is_call, op in events:
        if is_call:
            invoked[op.process] = recorder.invoke(moment, op.process, op.f, "x", None if op.f == "read" else op.value)
        else:
            recorder.complete(invoked[op.process], moment, 1, op.value)
    return History(recorder.history())


def resident_bytes(name: str) -> int:
    """`VmRSS` or `VmHWM` of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024


def measure(path: str) -> None:
    """Prints seconds, MB added at the peak, verdict. Alone in a process, so that there is no memory to reuse."""
    history = History.read(path)
    Path("/proc/self/clear_refs").write_text("5")
    before, times = resident_bytes("VmRSS"), []
    for _ in range(3):
        began = time.perf_counter()
        result = Linearizable().check(history, budget=Budget())
        times.append(time.perf_counter() - began)
    print(min(times), (resident_bytes("VmHWM") - before) / 1e6, result.verdict)


def main() -> None:
    print(f"{'operations':>12} {'history':<16} {'seconds':>8} {'MB':>6}  verdict")
    with tempfile.TemporaryDirectory() as folder:
        for count in SIZES:
            for stale in (False, True):
                path = f"{folder}/{count}-{stale}.arrow"
                recorded(register_ops(count, stale=stale)).write(path, "arrow")
                command = [sys.executable, __file__, path]
                answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
                seconds, megabytes, verdict = float(answer[0]), float(answer[1]), answer[2]
                wrong = "" if verdict == (Verdict.FAIL if stale else Verdict.PASS) else " (WRONG)"
                kind = "one stale read" if stale else "valid"
                print(f"{count:>12,} {kind:<16} {seconds:>8.3f} {megabytes:>6.0f}  {verdict}{wrong}")


if __name__ == "__main__":
    measure(sys.argv[1]) if len(sys.argv) > 1 else main()
