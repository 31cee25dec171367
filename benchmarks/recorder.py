"""What recording costs: time per operation, and memory.

    python -m benchmarks.recorder [--ops 1000000]

An operation is an invocation and a completion with five distinct nodes, 20 keys and a value of its own. `file` records
to a file as well, flushed every 60,000 operations, as a run at full speed would; `read` reads that file back. Memory is
what the peak of the process grows by, the history itself included. What is aimed at: under 2 us per operation, and at
most 300 MB for 1,000,000 operations.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from harness._core import Recorder
from harness.history import History

FLUSH_OPS = 60_000
KEYS = [str(key) for key in range(20)]
NODES = [f"n{node}" for node in range(1, 6)]
MB = 1_000_000


def record(path: Path | None, ops: int) -> None:
    """Records and takes the history, as a run does."""
    recorder = Recorder(path)
    invoke, complete = recorder.invoke, recorder.complete
    for number in range(ops):
        at = number * 16_000
        write = invoke(at, number % 100, "write", KEYS[number % 20], number, NODES[number % 5])
        complete(write, at + 9_000, 1, number, None)
        if number % FLUSH_OPS == 0:
            recorder.flush()
    recorder.close()
    assert len(recorder.history()) == 2 * ops


def in_memory(path: Path, ops: int) -> None:
    record(None, ops)


def to_file(path: Path, ops: int) -> None:
    record(path, ops)


def read(path: Path, ops: int) -> None:
    assert len(History.read(path)) == 2 * ops


CASES: dict[str, Callable[[Path, int], None]] = {"memory": in_memory, "file": to_file, "read": read}


def peak_bytes() -> int:
    """The most memory this process ever had resident."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


def measure(case: str, path: Path, ops: int) -> None:
    """One case, in a process of its own: peaks do not go down again."""
    before = peak_bytes()
    wall, cpu = time.perf_counter(), time.process_time()
    CASES[case](path, ops)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    size = path.stat().st_size / MB if path.exists() else 0.0
    grown = (peak_bytes() - before) / MB
    print(f"{case:>8} {wall:>9.2f} {cpu / ops * 1e6:>10.2f} {grown:>9.0f} {size:>8.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ops", type=int, default=1_000_000)
    parser.add_argument("--case", nargs=2, metavar=("CASE", "PATH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        case, path = options.case
        measure(case, Path(path), options.ops)
        return
    print(f"{options.ops:,} operations")
    print(f"{'':>8} {'seconds':>9} {'cpu us/op':>10} {'peak MB':>9} {'file MB':>8}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.arrow"
        for case in CASES:
            subprocess.run([sys.executable, __file__, "--ops", str(options.ops), "--case", case, str(path)], check=True)


if __name__ == "__main__":
    main()
