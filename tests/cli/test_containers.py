"""The main job on real containers: the same verdicts, evidence for every fault, and nothing left behind."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from cli.conftest import Splitbrain

pytestmark = [pytest.mark.docker, pytest.mark.timeout(400)]

SECONDS = "20s"


def machine() -> dict[str, list[str]]:
    """What a run could leave on this machine: containers, networks, rules, mounts, processes of nodes."""
    asked = {
        "containers": ["docker", "ps", "-a", "--format", "{{.Names}}"],
        "networks": ["docker", "network", "ls", "--format", "{{.Name}}"],
        "tables": ["nft", "list", "tables"],
        "mounts": ["findmnt", "-rno", "TARGET"],
        "processes": ["ps", "-eo", "args"],
    }
    found = {
        name: sorted(subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines())
        for name, words in asked.items()
    }
    found["processes"] = [line for line in found["processes"] if re.search(r"harness\.node|sleep infinity", line)]
    return found


@pytest.mark.alone
def test_raft_passes_under_all_faults_on_containers(splitbrain: Splitbrain) -> None:
    before = machine()
    words = ("run", "raft", "--cluster", "docker", "--nemesis", "partition,kill,pause,clock", "--interval", "4s")
    verdict = splitbrain.decided(*words, "--time", SECONDS)
    assert verdict["verdict"] == "pass", (verdict.get("problem"), verdict["claims"])
    applied = [fault for fault in verdict["faults"] if fault["status"] == "applied"]
    assert {fault["family"] for fault in applied} == {"partition", "kill", "pause", "clock"}
    for fault in applied:
        assert any(evidence["measured"] for evidence in fault["nodes"].values())
    assert verdict["stats"]["ok"] > 500
    assert machine() == before


def test_multi_leader_is_not_linearizable_on_containers(splitbrain: Splitbrain) -> None:
    words = ("run", "multi-leader", "--cluster", "docker", "--nemesis", "partition", "--interval", "4s")
    verdict = splitbrain.decided(*words, "--time", SECONDS, "--expect", "linearizable")
    assert verdict["verdict"] == "fail", (verdict.get("problem"), verdict["claims"])
    assert verdict["claims"][0]["anomalies"]


def test_multi_leader_keeps_its_own_claims_on_containers(splitbrain: Splitbrain) -> None:
    words = ("run", "multi-leader", "--cluster", "docker", "--nemesis", "partition", "--interval", "4s")
    verdict = splitbrain.decided(*words, "--time", SECONDS)
    assert verdict["verdict"] == "pass", (verdict.get("problem"), verdict["claims"])


def started(splitbrain: Splitbrain) -> subprocess.Popen[bytes]:
    """A run in containers, once it has recorded something under faults."""
    words = (
        "run",
        "raft",
        "--cluster",
        "docker",
        "--nemesis",
        "partition,clock,kill",
        "--interval",
        "1s",
        "--time",
        "600s",
    )
    running = subprocess.Popen(splitbrain.command(*words), cwd=splitbrain.folder, env=splitbrain.environment())
    until = time.monotonic() + 120
    while not any(path.stat().st_size > 60_000 for path in histories(splitbrain.folder)):
        assert running.poll() is None, "the run ended by itself"
        assert time.monotonic() < until, "nothing was recorded within two minutes"
        time.sleep(0.1)
    return running


def histories(folder: Path) -> list[Path]:
    return list(folder.glob("runs/raft/*/history.arrow"))


@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(splitbrain: Splitbrain, number: signal.Signals) -> None:
    before = machine()
    running = started(splitbrain)
    running.send_signal(number)
    assert running.wait(timeout=90) == 130
    assert machine() == before


@pytest.mark.alone
def test_what_a_killed_controller_left_is_cleaned(splitbrain: Splitbrain) -> None:
    before = machine()
    running = started(splitbrain)
    running.kill()
    running.wait(timeout=30)
    assert machine() != before
    cleaned = splitbrain("clean")
    assert cleaned.returncode == 0, cleaned.stderr
    assert "removed" in cleaned.stdout
    assert machine() == before
    [history] = histories(splitbrain.folder)
    assert splitbrain.json("check", str(history), "--model", "cas-register")["ops"] > 100
