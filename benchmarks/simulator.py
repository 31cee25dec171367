"""How much faster than real time the simulator runs five Raft nodes under 200 operations per second.

    python -m benchmarks.simulator [--time 60] [--rate 200] [--runs 3] [--faults] [--profile]

The whole harness is in it: interpreter, workload, deadlines, recording to a file, and with `--faults` partitions,
kills, pauses and skewed clocks. Only the checkers are not. Virtual seconds are those of the load, the settling and the
final reads alike. The factor is by CPU time, for the simulator keeps one core busy and never waits: what an otherwise
idle machine reaches by wall time if others are using it too.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import statistics
import tempfile
import time
from pathlib import Path

from harness.experiment import resolve
from harness.history import History
from harness.load import conduct
from harness.operation import Type
from harness.plan import Plan
from harness.runs import RunFolder

FAULTS = ("partition", "kill", "pause", "clock")
GOAL = 20.0


def run(seed: int, seconds: float, rate: float, *, faults: bool) -> tuple[float, float, float, int]:
    """One run. Returns virtual seconds, seconds of wall time and of CPU time, and operations that ended `ok`."""
    plan = {
        "target": "raft",
        "workload": {"name": "register", "rate": rate},
        "nemeses": list(FAULTS) if faults else [],
        "expect": [{"availability": {"min": 0}}],
        "time": seconds,
        "seed": seed,
    }
    experiment = resolve(Plan.build(plan))
    with tempfile.TemporaryDirectory() as root:
        folder = RunFolder.create(Path(root), "raft", seed)
        wall, cpu = time.perf_counter(), time.process_time()
        conduct(experiment, folder, None)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        history = History.read(folder.history)
        done = sum(operation.type is Type.OK for operation in history)
        return history[len(history) - 1].time / 1e9, wall, cpu, done


def main() -> None:
    """Prints one line per run and the median."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--time", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    profile = cProfile.Profile()
    factors = []
    for seed in range(1, options.runs + 1):
        if options.profile:
            profile.enable()
        virtual, wall, cpu, done = run(seed, options.time, options.rate, faults=options.faults)
        profile.disable()
        factors.append(virtual / cpu)
        times = f"{virtual:6.1f} virtual s in {wall:5.2f} s ({cpu:5.2f} s of CPU)"
        print(f"seed {seed}: {times}, {done} ok ops: {factors[-1]:.1f}x")
    print(f"median {statistics.median(factors):.1f}x real time; the goal is {GOAL:.0f}x")
    if options.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)


if __name__ == "__main__":
    main()
