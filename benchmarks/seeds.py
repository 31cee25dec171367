"""Runs a target under all faults for many seeds, in the simulator, and prints how each ended: `python
benchmarks/seeds.py [target] [seeds]`.

A store that keeps its promises must not be blamed once; one inconclusive run in a hundred is worth a look, too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

FAULTS = "partition,kill,pause,clock"
SECONDS = "60s"


def one(target: str, seed: int, folder: str) -> tuple[int, str, float, int]:
    """Seed, verdict, wall seconds and operations of one run."""
    words = ["run", target, "--nemesis", FAULTS, "--time", SECONDS, "--seed", str(seed), "--json"]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    wall_s = time.perf_counter() - began
    verdict = json.loads(done.stdout) if done.stdout else {"verdict": done.stderr.strip(), "stats": {}}
    return seed, verdict["verdict"], wall_s, verdict["stats"].get("ops", 0)


def main() -> None:
    target = sys.argv[1] if len(sys.argv) > 1 else "raft"
    seeds = range(1, 1 + (int(sys.argv[2]) if len(sys.argv) > 2 else 100))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = list(pool.map(lambda seed: one(target, seed, folder), seeds))
    verdicts = Counter(verdict for _, verdict, _, _ in runs)
    walls = sorted(wall_s for _, _, wall_s, _ in runs)
    ops = sorted(count for _, _, _, count in runs)
    print(f"{target} under {FAULTS}, {SECONDS} of virtual time, {len(runs)} seeds, {os.cpu_count()} at once")
    print(f"  verdicts: {dict(verdicts)}")
    print(f"  operations: {ops[0]:,} to {ops[-1]:,}, median {ops[len(ops) // 2]:,}")
    print(f"  wall: median {walls[len(walls) // 2]:.2f} s, slowest {walls[-1]:.2f} s")
    for seed, verdict, _, _ in runs:
        if verdict != "pass":
            print(f"  seed {seed}: {verdict}")


if __name__ == "__main__":
    main()
