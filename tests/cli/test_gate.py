"""`splitbrain gate` as a CI job meets it: exit codes, what is printed, what is left behind."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

DEFAULTS = "defaults: {time: 6s, settle: 1s, seeds: 2, nemeses: [{name: partition, interval: 1s}]}\nclaims:\n"
HOLDS = "  - {id: holds, target: multi-leader, expect: {converges: {within: 5s}}}\n"
BROKEN = "  - {id: broken, target: multi-leader, expect: linearizable, seeds: 9}\n"
LIMIT = "  - {id: limit, target: multi-leader, expect: {not: linearizable}, seeds: 9}\n"
NEVER = "  - {id: never, target: raft, nemeses: [{name: kill, interval: 1h}], expect: linearizable, seeds: 1}\n"
"""No fault comes in time, so nothing is tested."""


@pytest.fixture
def folder(splitbrain: Any) -> Path:
    return splitbrain.folder


def claims(folder: Path, *each: str) -> str:
    (folder / "claims.yaml").write_text(DEFAULTS + "".join(each))
    return "claims.yaml"


def test_claims_that_hold_are_a_zero_and_leave_no_run(splitbrain: Any, folder: Path) -> None:
    done = splitbrain("gate", claims(folder, HOLDS, LIMIT))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 clean runs: under 78 % of runs violate it, at 95 % confidence" in done.stdout
    assert "linearizable was violated, as the claim says" in done.stdout


def test_a_broken_claim_is_a_one_with_its_line_its_proof_and_its_command(splitbrain: Any, folder: Path) -> None:
    done = splitbrain("gate", claims(folder, HOLDS, BROKEN))
    assert done.returncode == 1
    assert "claims.yaml:4: broken is broken: stale-read" in done.stdout
    assert "again:  splitbrain run multi-leader" in done.stdout
    again = next(line for line in done.stdout.splitlines() if "again:" in line).split("splitbrain ", 1)[1]
    assert splitbrain(*shlex.split(again)).returncode == 1


def test_a_failure_wins_over_what_has_no_answer_and_that_over_a_pass(splitbrain: Any, folder: Path) -> None:
    assert splitbrain("gate", claims(folder, HOLDS, NEVER)).returncode == 3
    assert splitbrain("gate", "claims.yaml", "--inconclusive", "warn").returncode == 0
    assert splitbrain("gate", claims(folder, NEVER, BROKEN)).returncode == 1


def test_mistakes_are_a_two_and_nothing_is_run(splitbrain: Any, folder: Path) -> None:
    done = splitbrain("gate", claims(folder, "  - {id: a, target: rafft, expect: linearizable}\n"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "claims.yaml:3: a: no target is called 'rafft': did you mean raft?" in done.stderr
    assert splitbrain("gate", "nowhere.yaml").returncode == 2
    assert splitbrain("gate", claims(folder, HOLDS), "--only", "hodls").returncode == 2
    assert not (folder / "runs").exists()


def test_the_answer_is_one_json_document_and_is_kept(splitbrain: Any, folder: Path) -> None:
    found = splitbrain.json("gate", claims(folder, HOLDS, BROKEN))
    assert (found["verdict"], found["exit_code"]) == ("fail", 1)
    holds, broken = found["cases"]
    assert (holds["verdict"], holds["clean"], holds["line"], holds["shown"]) == ("pass", 2, 3, None)
    assert broken["shown"]["anomaly"] == "stale-read"
    assert broken["shown"]["witness"]
    assert (folder / broken["shown"]["run"] / "report.html").exists()
    assert json.loads((folder / "runs/gates/claims.json").read_text()) == found
    again = splitbrain.json("gate", "claims.yaml", "--only", "broken", "--jobs", "1")
    assert again["cases"][0]["shown"]["fingerprint"] == broken["shown"]["fingerprint"]
    assert again["cases"][0]["runs"] == 1  # the seed that broke it came first


def test_a_baseline_accepts_what_is_known_and_tells_what_is_gone(splitbrain: Any, folder: Path) -> None:
    claims(folder, HOLDS, BROKEN.replace("seeds: 9", "seeds: 2"))
    for _ in range(4):  # one kind of anomaly is accepted at a time
        if splitbrain("gate", "claims.yaml", "--baseline", "known.yaml", "--update-baseline").returncode == 0:
            break
    done = splitbrain("gate", "claims.yaml", "--baseline", "known.yaml")
    assert done.returncode == 0, done.stdout
    assert "nothing but what is known" in done.stdout
    (folder / "known.yaml").write_text(
        (folder / "known.yaml").read_text() + "- {claim: holds, anomaly: diverged, reason: old}\n"
        "- {claim: gone, anomaly: x, reason: y}\n"
    )
    done = splitbrain("gate", "claims.yaml", "--baseline", "known.yaml")
    assert done.returncode == 0
    assert "holds, diverged: it did not show in 2 runs" in done.stdout
    assert "no case is called 'gone'" in done.stdout
    assert splitbrain("gate", "claims.yaml", "--baseline", "known.yaml", "--strict-baseline").returncode == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_gate_leaves_nothing_running(splitbrain: Any, folder: Path, how: signal.Signals) -> None:
    claims(folder, "  - {id: long, target: raft, expect: linearizable, time: 600s, seeds: 50}\n")
    gate = subprocess.Popen(
        splitbrain.command("gate", "claims.yaml", "--jobs", "2"),
        cwd=folder,
        env=splitbrain.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list((folder / "runs").glob("raft/*/history.arrow")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list((folder / "runs").glob("raft/*"))
    gate.send_signal(how)
    _, told = gate.communicate(timeout=60)
    assert gate.returncode == 130
    assert "Traceback" not in told
    assert list((folder / "runs").glob("raft/*")) == []
    assert os.path.realpath(folder) not in running_in()


def running_in() -> set[str]:
    """The working directories of this machine's processes."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.add(str((process / "cwd").readlink()))
        except OSError:
            continue
    return found
