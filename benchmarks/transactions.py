"""What judging transactions costs: seconds and memory from an EDN file, reading included.

    python -m benchmarks.transactions [--txns 100000,1000000] [--folder DIR]

The histories are those of a simulated database with 20 clients, 1 % of transactions with unknown outcome; stale ones
read a state up to eight versions old. Each figure is taken in a process of its own; histories are kept in the folder.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
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
import json, resource, sys, time
from checkers.list_append import ListAppend
from checkers.rw_register import RwRegister
from harness.checker import Budget
from harness.history import History
path, model, options = sys.argv[1:]
checker = (ListAppend if model == "list-append" else RwRegister)(**json.loads(options))
began = time.monotonic()
history = History.read(path)
read = time.monotonic()
result = checker.check(history, budget=Budget(seconds=600.0))
done = time.monotonic()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
kinds = sorted(result.stats["anomalies"])
print(json.dumps([read - began, done - read, peak, result.verdict.value, result.stats["entangled"], kinds]))
"""


def measure(path: Path, model: str, options: dict[str, object]) -> tuple[float, float, float, str, int, list[str]]:
    """Seconds of reading and of judging, MiB at the most, verdict, transactions on cycles, anomalies."""
    command = [sys.executable, "-c", _MEASURE, str(path), model, json.dumps(options)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    read, judged, peak, verdict, entangled, kinds = json.loads(answer)
    return read, judged, peak, verdict, entangled, kinds


def rows(txns: int) -> Iterator[tuple[Load, dict[str, object]]]:
    """What is measured for a number of transactions."""
    for writes in (32, 128):
        yield Load("list-append", txns, writes), {}
    yield Load("list-append", txns, 32, 0.01), {}
    yield Load("list-append", txns, 32, 0.2), {}
    yield Load("rw-register", txns, 32), {}
    yield Load("rw-register", txns, 32), {"linearizable_keys": True}
    for level in ("read-committed", "read-atomic", "causal"):
        yield Load("rw-register", txns, 32), {"level": level}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--txns", default="10000,100000,1000000")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "splitbrain-transactions")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    print(f"{'history':44} {'reading':>8} {'judging':>8} {'total':>8} {'MiB':>7}  verdict")
    for txns in map(int, chosen.txns.split(",")):
        for load, options in rows(txns):
            path = chosen.folder / load.name
            if not path.exists():
                part = path.with_suffix(".part")
                with part.open("w") as file:
                    file.writelines(lines(load))
                part.rename(path)
            read, judged, peak, verdict, entangled, kinds = measure(path, load.model, options)
            extra = f" {','.join(f'{value}' if key == 'level' else key for key, value in options.items())}"
            stale = f" {load.stale:.0%} stale" if load.stale else ""
            name = f"{load.model} {txns:,} x{load.writes}{stale}{extra}"
            told = f"{verdict} {entangled:,} on cycles: {', '.join(kinds)}" if kinds else verdict
            print(f"{name:44} {read:8.3f} {judged:8.3f} {read + judged:8.3f} {peak:7.0f}  {told}", flush=True)


if __name__ == "__main__":
    main()
