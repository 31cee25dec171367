"""A failing run shrinks to one that fails for less, and can be repeated."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from cli.conftest import Splitbrain

LOSES = ("run", "multi-leader", "--nemesis", "partition,kill", "--interval", "2s", "--time", "12s", "--seed", "7")
DONE = Callable[[subprocess.CompletedProcess[str], int], str]


def failed(splitbrain: Splitbrain, *expect: str) -> str:
    words = (word for name in expect for word in ("--expect", name))
    verdict = splitbrain.json(*LOSES, *words)
    assert verdict["verdict"] == "fail", verdict["claims"]
    return str(verdict["run"])


def test_what_is_left_fails_by_itself_and_says_what_it_takes(splitbrain: Splitbrain) -> None:
    run = failed(splitbrain, "linearizable", "{lost_writes: 0}")
    shrunk = splitbrain.json("shrink", run, "--claim", "lost_writes")
    assert (shrunk["verdict"], shrunk["exit_code"]) == ("fail", 1)
    assert [claim["id"] for claim in shrunk["claims"]] == ["lost_writes"]
    was, now = shrunk["shrunk"]["from"], shrunk["shrunk"]["to"]
    assert (was["faults"], was["time_s"], was["nodes"], was["keys"]) == ("all", 12, 5, 20)
    assert now["time_s"] < 12 and now["nodes"] <= 5 and now["keys"] < 20
    assert len(now["faults"]) <= 1, "it takes a cut at most"
    assert shrunk["stats"]["ops"] < 1000
    plan = yaml.safe_load(Path(splitbrain.folder, shrunk["run"], "plan.yaml").read_text())
    assert plan["faults"] == now["faults"] and plan["expect"] == [{"lost_writes": {"max": 0}}]
    again = splitbrain("replay", shrunk["run"])
    assert again.returncode == 1 and "the history is identical" in again.stdout
    told = splitbrain("shrink", run, "--tries", "3")
    assert told.returncode == 1 and "linearizable" in told.stdout
    assert "smallest of 3 tries; more tries or time may find a smaller one" in told.stdout


def test_mistakes_are_told_in_a_sentence(splitbrain: Splitbrain, refused: DONE) -> None:
    run = failed(splitbrain, "linearizable")
    assert "it broke linearizable" in refused(splitbrain("shrink", run, "--claim", "bank"), 2)
    passed = splitbrain.json("run", "raft", "--time", "2s", "--seed", "1", "--expect", "linearizable")["run"]
    assert "broke no promise: there is nothing to shrink" in refused(splitbrain("shrink", passed), 2)
    plan, verdict = (Path(splitbrain.folder, run, name) for name in ("plan.yaml", "verdict.json"))
    whole = plan.read_text()
    plan.write_text(whole.replace("cluster: sim", "cluster: docker"))
    assert "shrink a run of the simulator" in refused(splitbrain("shrink", run), 2)
    plan.write_text(whole.replace("faults: []", "faults: [clock-1]"))
    assert "clock-1 is none of a nemesis of this plan: it has partition, kill" in refused(splitbrain("shrink", run), 2)
    plan.write_text(whole.replace("faults: []", "faults: [../x]"))
    told = refused(splitbrain("shrink", run), 2)
    assert f"{run}/plan.yaml:" in told and "such as partition-2" in told
    plan.write_text(whole)
    verdict.write_text("{")
    assert "verdict.json cannot be read" in refused(splitbrain("shrink", run), 2)
    verdict.unlink()
    assert f"splitbrain check {run}" in refused(splitbrain("shrink", run), 2)
    assert "is not a run" in refused(splitbrain("shrink", str(splitbrain.folder)), 2)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_one_that_is_ended_leaves_no_process_and_no_file(
    splitbrain: Splitbrain, tmp_path: Path, how: signal.Signals
) -> None:
    run = failed(splitbrain, "linearizable")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    runs = sorted(splitbrain.folder.glob("runs/*/*"))
    running = subprocess.Popen(
        splitbrain.command("shrink", run),
        cwd=splitbrain.folder,
        env=splitbrain.environment(TMPDIR=str(scratch)),
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: any(scratch.glob("*/splitbrain-shrink-*")))
    running.send_signal(how)
    _, told = running.communicate(timeout=60)
    assert running.returncode == (130 if how == signal.SIGTERM else -how), told
    assert "Traceback" not in told, told
    until(lambda: not any(scratch.iterdir()))
    assert sorted(splitbrain.folder.glob("runs/*/*")) == runs


def until(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.02)
