"""The command line with machines: a whole run over SSH, and what becomes of the password that opened them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import ssh_rig
from cli.conftest import SEEDS
from ssh_rig import Rig

pytestmark = pytest.mark.ssh


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with ssh_rig.rig() as made:
        yield made


def splitbrain(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness.cli", *words],
        capture_output=True,
        text=True,
        timeout=150,
        env={**os.environ, **environment},
        check=False,
    )


def machines(rig: Rig, user: str = "tester") -> list[str]:
    hosts = ",".join(rig.hosts(user))
    return ["--hosts", hosts, "--ssh-key", str(rig.key), "--known-hosts", str(rig.known_hosts)]


def test_raft_keeps_its_promise_over_ssh_under_faults_that_happened(rig: Rig, tmp_path: Path) -> None:
    before = {name: machine.traces() for name, machine in rig.machines.items()}
    words = ["run", "raft", *machines(rig), "--nemesis", "partition,kill,pause,clock", "--interval", "3s"]
    words += ["--time", "15s", "--settle", "2s", "--runs", str(tmp_path), "--json"]
    for seed in SEEDS:
        done = splitbrain(*words, "--seed", str(seed))
        if done.returncode != 3:
            break
    assert done.returncode == 0, done.stdout + done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["verdict"] == "pass" and outcome["cluster"] == "ssh"
    applied = {
        fault["family"]
        for fault in outcome["faults"]
        if any(node["status"] == "applied" for node in fault["nodes"].values())
    }
    assert applied == {"partition", "kill", "pause", "clock"}
    logs = [Path(outcome["run"], "logs", node, "node.log") for node in rig.machines]
    assert all(log.exists() for log in logs)
    assert {name: machine.traces() for name, machine in rig.machines.items()} == before


def test_a_password_opens_machines_and_is_written_nowhere(rig: Rig, tmp_path: Path) -> None:
    secret = "hunter2-hunter2"
    for machine in rig.machines.values():
        machine.set_password(secret)
    words = ["run", "raft", "--hosts", ",".join(rig.hosts()), "--known-hosts", str(rig.known_hosts), "--time", "1s"]
    words += ["--settle", "1s", "--runs", str(tmp_path), "--expect", "linearizable"]
    nobody = {"HOME": str(tmp_path / "nobody"), "SSH_AUTH_SOCK": ""}
    done = splitbrain(*words, SPLITBRAIN_SSH_PASSWORD=secret, **nobody)
    assert done.returncode in (0, 3), done.stdout + done.stderr
    assert secret not in done.stdout + done.stderr
    kept = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any(file.name == "plan.yaml" for file in kept) and any(file.name == "report.html" for file in kept)
    assert not [file for file in kept if secret.encode() in file.read_bytes()]
    refused = splitbrain(*words, SPLITBRAIN_SSH_PASSWORD=secret + "x", **nobody)
    assert refused.returncode == 4 and secret not in refused.stdout + refused.stderr
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]


def test_doctor_and_clean_ask_the_machines(rig: Rig) -> None:
    found = json.loads(splitbrain("doctor", *machines(rig), "--json").stdout)
    assert set(found) == set(rig.hosts("tester"))
    assert all(answers["available"] is None and answers["partition"] is None for answers in found.values())
    here = json.loads(splitbrain("doctor", "--json").stdout)["ssh"]
    assert here["available"] is None and "--hosts" in here["partition"]
    done = splitbrain("clean", *machines(rig))
    assert (done.returncode, done.stdout.strip()) == (0, "nothing to remove")


def test_an_unknown_host_key_is_refused_in_one_sentence(rig: Rig, tmp_path: Path) -> None:
    empty = tmp_path / "known_hosts"
    empty.touch()
    done = splitbrain("clean", "--hosts", rig.hosts()[0], "--ssh-key", str(rig.key), "--known-hosts", str(empty))
    assert done.returncode == 4
    assert rig.fingerprint("n1") in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--hosts", "a,b", "--cluster", "docker"], "are for the ssh cluster, not for docker"),
        (["--hosts", "a,b", "--hosts-file", "x"], "give one of them"),
        (["--hosts", "a,b", "--nodes", "3"], "2 machines are named for 3 nodes"),
        (["--hosts-file", "/nonexistent/hosts"], "cannot be read"),
        (["--cluster", "ssh"], "needs machines"),
    ],
)
def test_a_mistake_about_machines_is_a_usage_error(tmp_path: Path, words: list[str], says: str) -> None:
    done = splitbrain("run", "raft", *words, "--runs", str(tmp_path / "runs"))
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert not (tmp_path / "runs").exists()
