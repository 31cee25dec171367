"""What a log sees of a selftest that goes on."""

from __future__ import annotations

import pytest

from harness.cli.progress import Progress
from harness.parallel import Lost, Task
from harness.selftest import Clean, Found, Hunt, clean, hunt
from harness.target import Bug
from harness.verdict import Verdict

BUG = Bug("b", "is wrong", ("stale-read",))
TASKS = [
    *(Task("hunt", hunt, ("t", BUG, first, 50)) for first in (0, 1000)),
    *(Task("clean", clean, ("t", 0, seed)) for seed in (0, 1)),
    Task("clean", clean, ("t", 1, 1)),  # a trial whose turn comes every other seed
    Task("clean", clean, ("t", 2, 0)),
]


def hunted(seeds: int) -> Hunt:
    return Hunt("t", "b", "is wrong", Found(seeds, seeds, "set", (), "c", "stale-read", "m"), 50, 12, 0.5)


def run(trial: int, seed: int, verdict: Verdict = Verdict.PASS) -> Clean:
    return Clean("t", trial, "set", (), seed, verdict, "" if verdict is Verdict.PASS else "it was\x1b[31m late", 0.25)


def test_a_line_comes_when_all_of_a_bug_or_a_trial_is_in_and_at_once_for_what_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = Progress(TASKS)
    results = [hunted(3), run(0, 1), run(1, 1), hunted(4), run(0, 0, Verdict.FAIL), Lost("clean t", "died", "a\nb")]
    with progress.shown():
        for result in results:
            progress.take(result)
    assert capsys.readouterr().err.splitlines() == [
        "[3/6] t trial 2 (set): 1 of 1 passed (0.2 s)",
        "[4/6] t b: found 2 of 2 in 3 4 seeds, as stale-read (1.0 s)",
        "BLAMED t trial 1 (set) seed 0: it was\\x1b[31m late",
        "[5/6] t trial 1 (set): 1 of 2 passed (0.5 s)",
        "BROKEN clean t: died",
        "  a",
        "  b",
    ]
