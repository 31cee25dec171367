"""Our checker as a program like its peers: judges files and prints one JSON line for each.

    python -m benchmarks.peers.splitbrain --model cas-register FILE...

`seconds` is the call of the checker alone, from a history that was read to its verdict with proof: conversion from the
history's columns is in it, reading is not. With `--verdict-alone` it is the call that gives no proof, which is what the
peers are asked for. It is the best of a few where it is short, and `cpu_seconds` is the
processor time of all threads in that one. `peak_bytes` is what this process ever had resident, reading included, and
`added_bytes` how much of that the check added.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from checkers.linearizable import Linearizable
from harness.checker import Budget
from harness.history import History
from harness.verdict import Verdict

REPEATS_MAX = 200
REPEATS_FOR_S = 0.5

VERDICTS = {Verdict.PASS: "ok", Verdict.FAIL: "illegal", Verdict.INCONCLUSIVE: "unknown"}
"""In the peers' words."""


def status_bytes(name: str) -> int:
    """`VmRSS` or `VmHWM` of this process. Not from `getrusage`: its peak begins with that of the parent process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024


T = TypeVar("T")


def best(judge: Callable[[], T]) -> tuple[T, float, float]:
    """Judges a few times while that is cheap; the least time it took, and the processor time of that."""
    least, began = (float("inf"), 0.0), time.perf_counter()
    for _ in range(REPEATS_MAX):
        start, cpu = time.perf_counter(), time.process_time()
        answer = judge()
        least = min(least, (time.perf_counter() - start, time.process_time() - cpu))
        if time.perf_counter() - began > REPEATS_FOR_S:
            break
    return answer, *least


def judged(path: str, checker: Linearizable, budget: Budget, *, verdict_alone: bool) -> dict[str, Any]:
    """The answer for one file."""
    began = time.perf_counter()
    history = History.read(path)
    read_seconds = time.perf_counter() - began
    peak = status_bytes("VmHWM")
    Path("/proc/self/clear_refs").write_text("5")
    before = status_bytes("VmRSS")
    told: dict[str, Any] = {}
    if verdict_alone:
        verdict, seconds, cpu_seconds = best(lambda: checker.decide(history, budget=budget))
    else:
        result, seconds, cpu_seconds = best(lambda: checker.check(history, budget=budget))
        verdict, told = result.verdict, {"why": result.why, "operations": result.stats["ops"]}
    checked = status_bytes("VmHWM")
    return {
        "file": path,
        "verdict": VERDICTS[verdict],
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "read_seconds": read_seconds,
        "added_bytes": checked - before,
        "peak_bytes": max(peak, checked),
        **told,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="cas-register")
    parser.add_argument("--failed-cas", default="drop", choices=("drop", "assert"))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--megabytes", type=int, default=4000)
    parser.add_argument("--verdict-alone", action="store_true", help="no proof, no second judge")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    checker = Linearizable(model=options.model, failed_cas=options.failed_cas)
    budget = Budget(options.seconds, options.megabytes * 1_000_000)
    for path in options.files:
        print(json.dumps(judged(path, checker, budget, verdict_alone=options.verdict_alone)), flush=True)


if __name__ == "__main__":
    main()
