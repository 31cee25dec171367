"""What judging transactions costs: seconds and memory from an EDN file, reading included.

    python -m benchmarks.transactions [--txns 10000 100000 1000000 10000000] [--only WORD] [--folder DIR]

The histories are those of a simulated database with 20 clients, 1 % of transactions with unknown outcome; stale ones
read a state up to eight versions old. Each row is the faster of two processes of their own (one from ten million on);
`cpu` is the processor time of reading and judging, which other work on the machine changes less, and `peak` the most
memory either had resident. Histories are kept in the folder if one is named. A verdict other than the one known by
construction, or none, ends the benchmark with exit code 1. docs/benchmarks.md has the results.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

CLIENTS = 20
KEYS = 10


@dataclass(frozen=True, slots=True)
class Load:
    """A history to make. `writes` is how many writes a key gets before another takes its place."""

    model: str
    txns: int
    writes: int
    stale: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.model}-{self.txns}-{self.writes}-{self.stale}.edn"


def lines(load: Load) -> Iterator[str]:
    """The events of a run, as EDN maps. A transaction takes effect at once when it completes."""
    source = random.Random(load.txns * 7 + load.writes)
    chance, pick = source.random, source.randrange
    keys = list(range(KEYS))
    state: dict[int, list[str]] = {key: [] for key in keys}
    counts = dict.fromkeys(keys, 0)
    next_key, index = KEYS, 0
    write = ":append" if load.model == "list-append" else ":w"
    open_: list[list[tuple[int, int]] | None] = [None] * CLIENTS
    process = list(range(CLIENTS))
    begun = 0
    ended = 0
    while ended < load.txns:
        client = pick(CLIENTS)
        mops = open_[client]
        if mops is None:
            if begun == load.txns:
                continue
            begun += 1
            mops = []
            for _ in range(1 + pick(4)):
                place = pick(KEYS)
                key = keys[place]
                if chance() < 0.5:
                    counts[key] += 1
                    mops.append((key, counts[key]))
                    if counts[key] == load.writes:
                        keys[place] = next_key
                        state[next_key], counts[next_key] = [], 0
                        next_key += 1
                else:
                    mops.append((key, 0))
            open_[client] = mops
            told = " ".join(f"[{write} {k} {v}]" if v else f"[:r {k} nil]" for k, v in mops)
            yield _line(index, "invoke", process[client], told)
        else:
            open_[client] = None
            ended += 1
            is_known = chance() >= 0.01
            back = 1 + pick(8) if chance() < load.stale else 0
            happens = is_known or chance() < 0.5
            done = []
            own: dict[int, int] = {}
            for key, value in mops:
                versions = state[key]
                if value:
                    done.append(f"[{write} {key} {value}]")
                    if happens:
                        versions.append(str(value))
                        own[key] = own.get(key, 0) + 1
                else:
                    seen = versions
                    if back and key not in own:
                        seen = versions[: max(0, len(versions) - back)]
                    shown = "nil"
                    if seen:
                        shown = f"[{' '.join(seen)}]" if write == ":append" else seen[-1]
                    done.append(f"[:r {key} {shown}]")
            if is_known:
                yield _line(index, "ok", process[client], " ".join(done))
            else:
                told = " ".join(f"[{write} {k} {v}]" if v else f"[:r {k} nil]" for k, v in mops)
                yield _line(index, "info", process[client], told)
                process[client] += CLIENTS
        index += 1


def _line(index: int, kind: str, process: int, value: str) -> str:
    return f"{{:index {index}, :time {index * 1000}, :type :{kind}, :process {process}, :f :txn, :value [{value}]}}\n"


_MEASURE = """
import json, sys, time
from benchmarks.peers.splitbrain import status_bytes
from checkers.list_append import ListAppend
from checkers.rw_register import RwRegister
from harness.checker import Budget
from harness.history import History
path, model, options = sys.argv[1:]
checker = (ListAppend if model == "list-append" else RwRegister)(**json.loads(options))
began, begun = time.monotonic(), time.process_time()
history = History.read(path)
read = time.monotonic()
result = checker.check(history, budget=Budget(seconds=600.0, memory_bytes=16 << 30))
done, cpu = time.monotonic(), time.process_time() - begun
kinds = sorted(result.stats["anomalies"])
answer = [result.verdict.value, read - began, done - read, cpu, status_bytes("VmHWM"), result.stats["entangled"]]
print(json.dumps([*answer, kinds]))
"""

QUIET_TXNS = 10_000_000
"""From so many transactions on a row is measured once, and of the lists of 32 writes alone."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What one check took: seconds, those of processors, bytes at the most, transactions on cycles, anomalies."""

    verdict: str
    reading: float
    judging: float
    cpu: float
    peak: int
    entangled: int
    kinds: list[str]

    @property
    def total(self) -> float:
        return self.reading + self.judging


def measure(path: Path, model: str, options: dict[str, object], times: int = 1) -> Figure:
    """The fastest of so many processes, with the highest peak of all."""
    command = [sys.executable, "-c", _MEASURE, str(path), model, json.dumps(options)]
    told = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(times)]
    figures = [Figure(*json.loads(answer)) for answer in told]
    best = min(figures, key=lambda figure: figure.total)
    return replace(best, peak=max(figure.peak for figure in figures))


@dataclass(frozen=True, slots=True)
class Row:
    """A load, options of the checker, and aims: seconds in all, and MB."""

    load: Load
    options: dict[str, object] = field(default_factory=dict)
    seconds_max: float | None = None
    megabytes_max: float | None = None

    @property
    def name(self) -> str:
        stale = f", {self.load.stale:.0%} stale" if self.load.stale else ""
        extra = "".join(
            f", {value if key == 'level' else key.replace('_', ' ')}" for key, value in self.options.items()
        )
        return f"{self.load.model} x{self.load.writes}{stale}{extra}"


LEVELS = ("read-committed", "read-atomic", "causal")


def rows(txns: int) -> Iterator[Row]:
    """What is measured for a number of transactions."""
    seconds = {100_000: 0.3, 1_000_000: 3.0}.get(txns)
    megabytes = 1500 if txns == 1_000_000 else None
    yield Row(Load("list-append", txns, 32), {}, seconds, megabytes)
    if txns >= QUIET_TXNS:
        return
    yield Row(Load("list-append", txns, 128), {}, seconds, megabytes)
    for stale in (0.01, 0.2):
        yield Row(Load("list-append", txns, 32, stale), {}, seconds and 2 * seconds, megabytes)
    registers = Load("rw-register", txns, 32)
    is_large = txns == 1_000_000
    yield Row(registers, {}, 3.0 if is_large else None)
    yield Row(registers, {"linearizable_keys": True}, 6.0 if is_large else None)
    for level in LEVELS:
        yield Row(registers, {"level": level}, 6.0 if is_large else None)


def aims(row: Row, figure: Figure, valid: Figure | None) -> str:
    """What was aimed at, and whether it was met."""
    told = []
    if row.seconds_max is not None:
        is_in_time = figure.total <= row.seconds_max
        was_waiting = not is_in_time and figure.cpu <= row.seconds_max
        told.append((is_in_time, f"{row.seconds_max:g} s{' (processor time is within it)' if was_waiting else ''}"))
    if row.megabytes_max is not None:
        told.append((figure.peak <= row.megabytes_max * 1e6, f"{row.megabytes_max:g} MB"))
    verdicts = [f"{aim} {'met' if met else 'MISSED'}" for met, aim in told]
    if row.load.stale and valid is not None:
        verdicts.append(f"{figure.cpu / valid.cpu:.1f}x the cpu of the valid one")
    return ", ".join(verdicts)


HEAD = (
    f"{'history':<40} {'txns':>10} {'reading':>9} {'judging':>9} {'total':>9} {'cpu':>9} {'peak':>8}  verdict and aims"
)


def line_of(row: Row, figure: Figure, valid: Figure | None) -> str:
    cycles = f", {figure.entangled:,} on cycles, {len(figure.kinds)} kinds of anomalies" if figure.kinds else ""
    times = "".join(f" {seconds:7.3f} s" for seconds in (figure.reading, figure.judging, figure.total, figure.cpu))
    told = "; ".join(filter(None, (f"{figure.verdict}{cycles}", aims(row, figure, valid))))
    return f"{row.name:<40} {row.load.txns:>10,}{times} {figure.peak / 1e6:>5.0f} MB  {told}"


def made(load: Load, folder: Path) -> Path:
    """The file of a load, made unless it is there."""
    path = folder / load.name
    if not path.exists():
        part = path.with_suffix(".part")
        with part.open("w") as file:
            file.writelines(lines(load))
        part.rename(path)
    return path


def table(txns: int, folder: Path, only: str) -> list[str]:
    """Prints the rows for a number of transactions; returns complaints."""
    valid: Figure | None = None
    complaints = []
    for row in rows(txns):
        if only not in row.name:
            continue
        path = made(row.load, folder)
        figure = measure(path, row.load.model, row.options, 1 if txns >= QUIET_TXNS else 2)
        if row.load == Load("list-append", txns, 32):
            valid = figure
        print(line_of(row, figure, valid), flush=True)
        expected = "fail" if row.load.stale else "pass"
        if figure.verdict != expected:
            complaints.append(f"{row.name}, {txns:,} transactions: {figure.verdict} instead of {expected}")
    return complaints


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--txns", type=int, nargs="+", default=[10_000, 100_000, 1_000_000, 10_000_000])
    parser.add_argument("--only", default="", help="only rows whose name contains this")
    parser.add_argument("--folder", type=Path, help="where histories are kept from one run to the next")
    chosen = parser.parse_args()
    complaints: list[str] = []
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(HEAD)
    for txns in chosen.txns:
        with tempfile.TemporaryDirectory() as temporary:
            folder = chosen.folder or Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            complaints += table(txns, folder, chosen.only)
    if complaints:
        sys.exit("\n".join(complaints))


if __name__ == "__main__":
    main()
