"""How soon `splitbrain serve` answers over ten thousand runs: `python -m benchmarks.serve`. The first page must come
in at most 0.2 s, cold or warm."""

from __future__ import annotations

import http.client
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

RUNS = 10_000
ASKED = 21
TARGETS = ("raft", "etcd", "redis", "paxos", "quorum", "dynamo", "crdt", "sharded")
FAMILIES = ("partition", "kill", "pause", "clock")


def make(root: Path) -> int:
    """Ten thousand runs as a year of nightly campaigns leaves them; the bytes of their verdicts."""
    chance, written = random.Random(1), 0
    for number in range(RUNS):
        began = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=3000 * number)
        target = TARGETS[number % len(TARGETS)]
        folder = root / target / f"{began:%Y%m%dT%H%M%S}-{number}"
        folder.mkdir(parents=True)
        text = json.dumps(verdict(chance, target, number), indent=1)
        (folder / "verdict.json").write_text(text, encoding="utf-8")
        (folder / "plan.yaml").write_text(f"target: {target}\nseed: {number}\n", encoding="utf-8")
        written += len(text)
    return written


def verdict(chance: random.Random, target: str, seed: int) -> dict[str, object]:
    """One verdict of the usual size: two claims, five faults with evidence from five nodes."""
    outcome = chance.choices(("pass", "fail", "inconclusive", "error"), (90, 6, 3, 1))[0]
    evidence = {"status": "applied", "measured": {"drops_from": ["n4"], "dropped_packets": 26, "healed_drops_from": []}}
    nodes = {f"n{node}": evidence for node in range(1, 6)}
    faults = [
        {
            "id": f"{family}-1",
            "family": family,
            "start_ns": 1,
            "end_ns": 2,
            "nodes": nodes,
            "resolved": {"nodes": list(nodes)},
        }
        for family in chance.sample(FAMILIES, 2)
        for _ in range(3)
    ]
    share = round(chance.uniform(0.98, 1), 4)
    claims = [
        {"id": f"{target}-linearizable", "expect": "linearizable", "verdict": outcome, "why": "decided by zones"},
        {
            "id": f"{target}-available",
            "expect": {"availability": {"min": 0.99, "side": "majority"}},
            "verdict": "pass" if share > 0.99 else "fail",
            "stats": {"judged": {"share": share, "ops": 1900}},
        },
    ]
    whole = {"verdict": outcome, "target": target, "workload": "register", "cluster": "sim", "seed": seed}
    return whole | {"claims": claims, "faults": faults, "stats": {"ops": chance.randrange(3000, 9000)}}


@contextmanager
def served(root: Path) -> Iterator[str]:
    """The address of a server over the folder."""
    command = [sys.executable, "-m", "harness.cli", "serve", "--runs", str(root), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield next(word for word in process.stdout.readline().split() if word.startswith("http://"))[7:].rstrip("/")
        process.terminate()


def seconds(host: str, path: str) -> tuple[float, str]:
    """How long one page takes, and its text."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request("GET", path)
    text = connection.getresponse().read().decode()
    connection.close()
    return time.perf_counter() - began, text


def tell(what: str, walls: list[float]) -> None:
    """The median and the slowest."""
    walls = sorted(walls)
    print(f"{what:<44} median {walls[len(walls) // 2] * 1e3:6.1f} ms, slowest {walls[-1] * 1e3:6.1f} ms")


def asked(host: str, path: str, pause_s: float = 0.0) -> list[float]:
    """The same page several times; with a pause, each finds that the folder may have changed."""
    walls = []
    for _ in range(ASKED):
        time.sleep(pause_s)
        walls.append(seconds(host, path)[0])
    return walls


def together(clients: int, ask: Callable[[], list[float]]) -> list[float]:
    """Several clients at once."""
    walls: list[float] = []
    threads = [threading.Thread(target=lambda: walls.extend(ask())) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return walls


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="splitbrain-bench-") as name:
        root = Path(name)
        bytes_written = make(root)
        print(f"{RUNS:,} runs, {bytes_written / RUNS:,.0f} bytes of verdict each")
        with served(root) as host:
            began = time.perf_counter()
            tell("first page of all, nothing read yet", [seconds(host, "/")[0]])
            while "to go" in seconds(host, "/")[1]:
                time.sleep(0.1)
            print(f"{'every run read after':<44} {time.perf_counter() - began:13.1f} s")
            tell("first page", asked(host, "/"))
            tell("first page, folder looked through again", asked(host, "/", pause_s=1.1))
            tell("search of two words", asked(host, "/?q=raft+fail"))
            tell("filter by a claim, ordered by verdict", asked(host, "/?claim=raft-linearizable&sort=verdict"))
            tell("last page", asked(host, "/?page=200"))
            tell("trends of every claim", asked(host, "/trends"))
            tell("trend of one claim", asked(host, "/trends?target=raft&claim=raft-available"))
            tell("two clients at once, searching", together(2, lambda: asked(host, "/?q=etcd+partition")))


if __name__ == "__main__":
    main()
