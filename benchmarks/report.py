"""What a report of many operations costs: to make, to keep, and to open.

    python -m benchmarks.report [--ops 1000000]

A hundred workers on five nodes and a hundred keys; one operation in ten thousand times out; twenty violations. `opened`
is the time from the navigation to a local file until the timeline can be used, in headless Chromium, the median of
three. What is aimed at for 1,000,000 operations: at most 8 MB, and 2 s.
"""

from __future__ import annotations

import argparse
import dataclasses
import heapq
import random
import tempfile
import time
from pathlib import Path
from statistics import median

from harness._core import Recorder
from harness.answers import client_answers
from harness.checker import Anomaly
from harness.history import History
from harness.operation import Type
from reports.backdrop import Backdrop
from reports.data import RunData
from reports.html import save
from reports.operations import operations
from reports.series import series
from tests.reports.chromium import EXECUTABLE, Chromium
from tests.reports.synthetic import failing

WORKERS, KEYS, NODES, VIOLATIONS = 100, 100, 5, 20
TIMEOUT_NS = 2_000_000_000
THINK_S = 0.003
MB = 1_000_000

USABLE = """new Promise((done) => { const look = () => document.querySelector("#timeline").dataset.ready
    ? done(performance.now()) : setTimeout(look, 5); look(); })"""


def history(ops: int) -> History:
    """Reads and writes of distinct numbers, latencies lognormal round 4 ms."""
    chance, recorder = random.Random(7), Recorder(None)
    free = [(worker * 10_000, worker, worker) for worker in range(WORKERS)]  # (at, worker, process)
    open_ops: list[tuple[int, int, int, int, bool]] = []  # (until, row, worker, process, lost)
    values: dict[int, int | None] = {}
    asked = 0
    while asked < ops or open_ops:
        if asked < ops and (not open_ops or (free and free[0][0] <= open_ops[0][0])):
            at, worker, process = heapq.heappop(free)
            asked += 1
            value = asked if chance.random() < 0.5 else None
            node, f = f"n{worker % NODES + 1}", "read" if value is None else "write"
            row = recorder.invoke(at, process, f, f"k{chance.randrange(KEYS)}", value, node)
            lost = chance.random() < 1e-4
            spent = TIMEOUT_NS if lost else int(chance.lognormvariate(15.2, 0.5))
            values[row] = value
            heapq.heappush(open_ops, (at + spent, row, worker, process, lost))
        else:
            until, row, worker, process, lost = heapq.heappop(open_ops)
            value = values.pop(row) or max(asked - chance.randrange(1, 50), 1)
            if lost:
                recorder.complete(row, until, Type.INFO, None, "timeout")
            else:
                recorder.complete(row, until, Type.OK, value, None)
            heapq.heappush(free, (until + int(chance.expovariate(1 / THINK_S) * 1e9), worker, process + WORKERS * lost))
    return History(recorder.history())


def run_of(made: History) -> RunData:
    """A failed run around it, with violations spread over it."""
    run = failing()
    step = len(made) // (VIOLATIONS + 1)
    places = range(step, len(made) - 200, step)
    found = tuple(Anomaly("stale-read", "An old value was read.", (at, at + 40, at + 100), "k1") for at in places)
    claims = [dataclasses.replace(run.claims[0], anomalies=found), *run.claims[1:]]
    return dataclasses.replace(run, history=made, claims=claims)


def opened_s(page: Path) -> float:
    """From the navigation until the timeline is there, the median of three."""
    with Chromium() as browser:
        spent = []
        for _ in range(3):
            browser.open(page)
            spent.append(float(browser.evaluate(USABLE)) / 1000)
            assert browser.messages == []
    return median(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ops", type=int, default=1_000_000)
    options = parser.parse_args()
    run = run_of(history(options.ops))
    answers = client_answers(run.history)
    back = Backdrop.of(series(run.history, run.faults, answers=answers), run.faults)
    began = time.perf_counter()
    block = operations(run.history, answers, back)
    packed = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        began = time.perf_counter()
        save(run, page)
        made = time.perf_counter() - began
        size, packed_size = page.stat().st_size / MB, len(block.text) / MB
        print(f"{options.ops:,} operations: {size:.2f} MB, of which operations {packed_size:.2f} MB")
        print(f"made in {made:.2f} s, of which operations {packed:.2f} s")
        print(f"opened in {opened_s(page):.2f} s" if EXECUTABLE else "not opened: Chromium is not installed")


if __name__ == "__main__":
    main()
