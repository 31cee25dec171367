"""The linearizability checkers beside Porcupine: the same files, one after the other, each in a process of its own.

    python -m benchmarks.checkers [--quick] [--peer-seconds 20] [--only WORD]

The synthetic histories have verdicts known by construction; any other verdict ends the benchmark with exit code 1. The
published ones of etcd are judged where they are kept beside the repository. docs/benchmarks.md explains the columns.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.histories import Load, write_history
from benchmarks.peers.programs import OURSELVES, Answer, Limits, PeerMissing, answers, porcupine
from harness.history import History
from tests.corpus import load as published

QUICK_MAX = 10_000
ETCD_ROUNDS = 5
"""How often each program judges the published histories, in turns: no moment of a busy machine is one program's own."""
PEER_MAX = 1_000_000
"""No peer is asked about more operations."""


@dataclass(frozen=True, slots=True)
class Row:
    """One history, and what is aimed at: seconds and MB of the check, and how many times faster than the peer."""

    name: str
    load: Load
    seconds_max: float | None = None
    megabytes_max: float | None = None
    ratio_min: float | None = None


def unique(operations: int, *, violated: bool, seconds_max: float | None = None) -> Row:
    told = "one stale read" if violated else "valid"
    load = Load(operations, 50, crashed=100, violated=violated)
    return Row(f"unique values, c = 50, 100 crashed, {told}", load, seconds_max)


def few(operations: int, clients: int, *, violated: bool = False, crashed: int = 0, **aims: float) -> Row:
    told = "one impossible read" if violated else f"{crashed} crashed, valid" if crashed else "valid"
    load = Load(operations, clients, values=5, crashed=crashed, violated=violated)
    return Row(f"5 values, c = {clients}, {told}", load, **aims)


def many(operations: int, ratio_min: float | None = None) -> Row:
    return Row("unique values, 1,000 keys, c = 50, valid", Load(operations, 50, keys=1000), ratio_min=ratio_min)


ROWS = (
    unique(1_000, violated=False),
    unique(10_000, violated=False),
    unique(10_000, violated=True),
    unique(100_000, violated=False),
    unique(100_000, violated=True),
    unique(1_000_000, violated=False, seconds_max=1),
    unique(1_000_000, violated=True, seconds_max=1),
    unique(10_000_000, violated=False),
    few(10_000, 20),
    few(100_000, 20, seconds_max=3, megabytes_max=300),
    few(1_000_000, 20),
    few(10_000, 10, violated=True),
    few(100_000, 10, violated=True, seconds_max=3),
    few(1_000_000, 10, violated=True),
    few(100_000, 20, violated=True),
    few(10_000, 10, crashed=100),
    few(100_000, 10, crashed=100),
    many(10_000),
    many(100_000),
    many(1_000_000, ratio_min=3),
    Row("5 values, 1,000 keys, c = 50, valid", Load(1_000_000, 50, keys=1000, values=5)),
)


def time_of(answer: Answer) -> str:
    """Seconds, or why there are none."""
    if finished(answer):
        return f"{answer['seconds']:.4f} s"
    why = "out of memory" if answer["verdict"] == "out of memory" else "unfinished"
    return f"{why} {answer['seconds']:.0f} s"


def cpu_of(answer: Answer) -> str:
    """Processor time of all threads; none is known of who had to be ended."""
    return f"{answer['cpu_seconds']:.4f} s" if finished(answer) else "-"


def finished(answer: Answer) -> bool:
    return answer["verdict"] in ("ok", "illegal")


def ratio_of(ours: Answer, theirs: Answer) -> tuple[float, str]:
    """How many times as long the peer takes; at least that often if it gave up."""
    ratio = theirs["seconds"] / ours["seconds"]
    return ratio, f"{'' if finished(theirs) else '> '}{ratio:,.{0 if ratio >= 10 else 1}f}x"


def aims(row: Row, ours: Answer, theirs: Answer | None) -> str:
    """What was aimed at, and whether it was met."""
    told = []
    if row.seconds_max is not None:
        told.append((finished(ours) and ours["seconds"] <= row.seconds_max, f"{row.seconds_max:g} s"))
    if row.megabytes_max is not None:
        told.append((ours["added_bytes"] <= row.megabytes_max * 1e6, f"{row.megabytes_max:g} MB"))
    if row.ratio_min is not None and theirs is not None:
        told.append((ratio_of(ours, theirs)[0] >= row.ratio_min, f"{row.ratio_min:g}x"))
    return ", ".join(f"{aim} {'met' if met else 'MISSED'}" for met, aim in told)


HEAD = (
    f"{'history':<50} {'operations':>10} {'read':>7} {'check':>15} {'cpu':>9} {'adds':>7} {'peak':>7}"
    f" | {'Porcupine':>18} {'cpu':>9} {'peak':>7} {'ratio':>9}  aim"
)


def line_of(row: Row, ours: Answer, theirs: Answer | None) -> str:
    mine = (
        f"{row.name:<50} {ours['operations']:>10,} {ours['read_seconds']:>5.2f} s {time_of(ours):>15} {cpu_of(ours):>9}"
        f" {ours['added_bytes'] / 1e6:>4.0f} MB {ours['peak_bytes'] / 1e6:>4.0f} MB"
    )
    if theirs is None:
        return f"{mine} | {'-':>18} {'-':>9} {'-':>7} {'-':>9}  {aims(row, ours, None)}"
    ratio = ratio_of(ours, theirs)[1] if finished(ours) else "-"
    other = f"{time_of(theirs):>18} {cpu_of(theirs):>9} {theirs['peak_bytes'] / 1e6:>4.0f} MB {ratio:>9}"
    return f"{mine} | {other}  {aims(row, ours, theirs)}"


def wrong(expected: str, name: str, *told: Answer | None) -> list[str]:
    """Complaints about answers that are not the expected one. Giving up is no answer."""
    return [
        f"{name}: {answer['verdict']} instead of {expected}, says {who}"
        for who, answer in zip(("splitbrain", "Porcupine"), told, strict=False)
        if answer is not None and finished(answer) and answer["verdict"] != expected
    ]


def synthetic(rows: Sequence[Row], peer: Sequence[str] | None, limits: Limits, folder: Path) -> list[str]:
    """Prints the rows' lines; returns complaints."""
    print(HEAD, flush=True)
    complaints = []
    for row in rows:
        path = folder / "history.jsonl"
        write_history(row.load, path)
        (ours,) = answers(OURSELVES, limits, [path])
        theirs = None
        if peer is not None and row.load.operations <= PEER_MAX:
            (theirs,) = answers(peer, limits, [path])
        path.unlink()
        print(line_of(row, ours, theirs), flush=True)
        complaints += wrong("illegal" if row.load.violated else "ok", row.name, ours, theirs)
    return complaints


def etcd(peer: Sequence[str] | None, limits: Limits, folder: Path, failed_cas: str) -> list[str]:
    """Prints a line for each published history, and the sums; returns complaints.

    Porcupine gives a verdict, so it stands beside our verdict alone; what the proof costs is told for itself.
    """
    cases = published("etcd-register")
    paths = [folder / f"{case.path.stem}.jsonl" for case in cases]
    for case, path in zip(cases, paths, strict=True):
        History.read(case.path).write(path, "jsonl")
    programs = [[*OURSELVES, "--verdict-alone"], OURSELVES, *([] if peer is None else [peer])]
    alone, proved, *peers = in_turns(programs, limits, paths, f"--failed-cas={failed_cas}")
    theirs: list[Answer] | list[None] = peers[0] if peers else [None] * len(cases)
    complaints = []
    print(f"\netcd, {len(cases)} published histories, failed CAS: {failed_cas}")
    print(
        f"{'file':<10} {'operations':>10} {'verdict':<8} {'alone':>12} {'proved':>12} | {'Porcupine':>12} {'ratio':>9}"
    )
    for case, mine, full, other in zip(cases, alone, proved, theirs, strict=True):
        told = "" if other is None else f"{micros(other)} {ratio_of(mine, other)[1]:>9}"
        facts = f"{case.path.stem:<10} {full['operations']:>10} {mine['verdict']:<8}"
        print(f"{facts} {micros(mine)} {micros(full)} | {told}")
        expected = "ok" if case.expected["linearizable"] else "illegal"
        complaints += wrong(expected, case.path.name, mine, other) + wrong(expected, case.path.name, full)
    print(summary(alone, proved, *peers))
    return complaints


def in_turns(
    programs: Sequence[Sequence[str]], limits: Limits, paths: Sequence[Path], option: str
) -> list[list[Answer]]:
    """Every program's answers about the files, each the fastest of several rounds."""
    rounds = [[answers(program, limits, paths, option) for program in programs] for _ in range(ETCD_ROUNDS)]
    by_program = (zip(*told, strict=True) for told in zip(*rounds, strict=True))
    return [[min(of_file, key=itemgetter("seconds")) for of_file in of_files] for of_files in by_program]


def micros(answer: Answer) -> str:
    return f"{answer['seconds'] * 1e6:>9,.1f} us"


def summary(alone: Sequence[Answer], proved: Sequence[Answer], theirs: Sequence[Answer] = ()) -> str:
    """Sums, and where a peer is the faster one."""
    total, full = (sum(answer["seconds"] for answer in told) for told in (alone, proved))
    ours = f"sum: {total * 1e3:,.2f} ms alone, {full * 1e3:,.2f} ms with proof"
    if not theirs:
        return ours
    peers = sum(answer["seconds"] for answer in theirs)
    ratios = [ratio_of(*pair)[0] for pair in zip(alone, theirs, strict=True)]
    with_proof = [ratio_of(*pair)[0] for pair in zip(proved, theirs, strict=True)]
    slower = sum(ratio < 1 for ratio in ratios)
    verdict = "met" if not slower else f"MISSED by {slower}"
    return (
        f"{ours}, Porcupine {peers * 1e3:,.1f} ms, {peers / total:,.1f}x; least ratio {min(ratios):.2f}x; "
        f"aim: no file slower than Porcupine: {verdict} (with proof {sum(ratio < 1 for ratio in with_proof)} are, "
        f"least ratio {min(with_proof):.2f}x)"
    )


def chosen(options: argparse.Namespace) -> list[Row]:
    most = QUICK_MAX if options.quick else max(row.load.operations for row in ROWS)
    return [row for row in ROWS if row.load.operations <= most and options.only in row.name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"only up to {QUICK_MAX:,} operations")
    parser.add_argument("--only", default="", help="only rows whose name contains this; `etcd` for the published ones")
    parser.add_argument("--peer-seconds", type=float, default=20, help="time for each check, ours and Porcupine's")
    parser.add_argument("--megabytes", type=int, default=4000, help="memory for each check, ours and Porcupine's")
    options = parser.parse_args()
    limits = Limits(options.peer_seconds, options.megabytes)
    complaints: list[str] = []
    peer: Sequence[str] | None = None
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        try:
            peer = stack.enter_context(porcupine())
        except PeerMissing as missing:
            print(f"Porcupine is left out: {missing}")
        if rows := chosen(options):
            complaints += synthetic(rows, peer, limits, folder)
        if published("etcd-register") and options.only in ("", "etcd"):
            for failed_cas in ("drop", "assert"):
                complaints += etcd(peer, limits, folder, failed_cas)
    if complaints:
        sys.exit("\n".join(complaints))


if __name__ == "__main__":
    main()
