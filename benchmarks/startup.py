"""How soon the command line answers: `python -m benchmarks.startup`. Help must come in at most 0.3 s; every run pays
this, too."""

from __future__ import annotations

import subprocess
import sys
import time

RUNS = 11


def seconds(*words: str) -> list[float]:
    """Wall time of a command, several times, ascending; the first one, which warms the disk's cache, is left out."""
    walls = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "harness.cli", *words], stdout=subprocess.DEVNULL, check=True)
        walls.append(time.perf_counter() - began)
    return sorted(walls[1:])


def main() -> None:
    for words in (["--help"], ["run", "--help"], ["list"]):
        walls = seconds(*words)
        print(f"splitbrain {' '.join(words):<12} median {walls[RUNS // 2]:.3f} s, slowest {walls[-1]:.3f} s")


if __name__ == "__main__":
    main()
