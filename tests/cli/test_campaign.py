"""`splitbrain campaign` as a nightly job meets it: what it finds and keeps, and how it goes on after being killed."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

SHORT = ("--workload", "set", "--nemesis", "packet", "--time", "4s", "--jobs", "2")
FORGETFUL = ("campaign", "crdt", "--bug", "forgets-removals", "--workload", "cart", "--jobs", "2")
RECORD = Path("runs/campaigns/raft/campaign.jsonl")


@pytest.fixture
def folder(splitbrain: Any) -> Path:
    return splitbrain.folder


def test_a_clean_store_passes_leaves_a_line_a_run_and_goes_on(splitbrain: Any, folder: Path) -> None:
    done = splitbrain("campaign", "raft", "--seeds", "3", *SHORT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 clean runs: under 64 % of runs violate it, at 95 % confidence" in done.stdout
    assert "packet 3/3" in done.stdout
    assert not list(folder.glob("runs/raft/*"))
    found = splitbrain.json("campaign", "raft", "--seeds", "2", *SHORT)
    assert (found["verdict"], found["runs"], found["total"]["runs"], found["call"]) == ("pass", 2, 5, 1)
    lines = [json.loads(line) for line in (folder / RECORD).read_text().splitlines()]
    assert sorted(line["run"]["seed"] for line in lines if "run" in line) == [1, 2, 3, 4, 5]


def test_a_planted_bug_is_told_once_kept_and_repeated(splitbrain: Any, folder: Path) -> None:
    done = splitbrain(*FORGETFUL, "--seeds", "3")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("crdt: crdt-cart-keeps: came-back in cart: new, ") == 1
    again = next(line for line in done.stdout.splitlines() if "again:" in line).split("splitbrain ", 1)[1]
    assert splitbrain(*shlex.split(again)).returncode == 1
    found = splitbrain.json(*FORGETFUL, "--seeds", "2", "--from-seed", "100")
    [failure] = found["failures"]
    assert failure["new"] is False
    assert failure["times"] >= 2
    assert (folder / "runs" / failure["run"] / "report.html").exists()
    kept = {str(path.parent.relative_to(folder / "runs")) for path in folder.glob("runs/crdt/*/verdict.json")}
    assert failure["first_run"] in kept


def test_it_goes_on_after_being_killed_in_the_middle_of_a_line(splitbrain: Any, folder: Path) -> None:
    running = begun(splitbrain, "--budget", "10m")
    until_runs(folder, 2)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)
    record = folder / RECORD
    whole = record.read_bytes()
    last = max(whole.rstrip(b"\n").rfind(b"\n") + 1, 0)
    record.write_bytes(whole[: last + 20])  # as if it had been in the middle of writing
    lost = json.loads(whole[last:])["run"]["seed"]
    recorded = runs_in(record)
    found = splitbrain.json("campaign", "raft", "--seeds", "2", *SHORT)
    assert (found["verdict"], found["torn"]) == ("pass", 1)
    assert found["total"]["runs"] == len(recorded) + 2
    assert lost in set(runs_in(record)) - set(recorded)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_one_tells_what_it_has_and_leaves_its_record(
    splitbrain: Any, folder: Path, how: signal.Signals
) -> None:
    running = begun(splitbrain, "--budget", "10m", "--json")
    until_runs(folder, 2)
    running.send_signal(how)
    printed, told = running.communicate(timeout=60)
    assert (running.returncode, "Traceback" in told) == (130, False), told
    found = json.loads(printed)
    assert found["verdict"] == "pass"
    assert found["runs"] == len(runs_in(folder / RECORD)) >= 2
    assert not list(folder.glob("runs/raft/*"))


def begun(splitbrain: Any, *words: str) -> subprocess.Popen[str]:
    """A campaign that goes on."""
    return subprocess.Popen(
        splitbrain.command("campaign", "raft", *SHORT, *words),
        cwd=splitbrain.folder,
        env=splitbrain.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until_runs(folder: Path, number: int) -> None:
    deadline = time.monotonic() + 60
    while len(runs_in(folder / RECORD)) < number:
        assert time.monotonic() < deadline, "no run ends"
        time.sleep(0.02)


def runs_in(record: Path) -> list[int]:
    """The seeds of its whole lines."""
    if not record.exists():
        return []
    lines = [line for line in record.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    return [json.loads(line)["run"]["seed"] for line in lines if line.startswith(b'{"run"') and line.endswith(b"}}\n")]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "Missing argument 'TARGET...'"),
        (("rafft",), "did you mean raft?"),
        (("raft", "--seeds", "0"), "'--seeds': 0 is not in the range"),
        (("raft", "--seeds", "many"), "'many' is not a valid integer"),
        (("raft", "--budget", "soon"), "'soon' is not a duration"),
        (("raft", "--workload", "regster"), "no client for workload 'regster'"),
        (("raft", "--nemesis", "limits"), "cluster sim cannot do limits"),
        (("raft", "--time", "0s"), "has no room for faults"),
        (("raft", "--bug", "nonesuch"), "nonesuch"),
        (("raft", "paxos", "--bug", "votes-twice"), "--bug needs one TARGET"),
        (("raft", "--name", "../x"), "--name '../x'"),
        (("raft", "--cluster", "ssh"), "names no machines"),
        (("raft", "--keep", "some"), "'some' is not one of"),
    ],
)
def test_mistakes_are_a_two_and_nothing_is_run(
    splitbrain: Any, refused: Any, words: tuple[str, ...], told: str
) -> None:
    assert told in refused(splitbrain("campaign", *words), 2)
    assert not [*splitbrain.folder.iterdir()]
