"""The main job: one command, one verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import Splitbrain

from harness.history import History

RAFT = ("run", "raft", "--nemesis", "partition,kill,pause,clock", "--time", "60s", "--seed", "7")
LWW = ("run", "multi-leader", "--nemesis", "partition", "--time", "60s", "--seed", "7")


@pytest.fixture(scope="module")
def raft(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """One run of raft under everything."""
    folder = tmp_path_factory.mktemp("raft")
    return folder, Splitbrain(folder).json(*RAFT)


def test_raft_passes_under_all_faults(raft: tuple[Path, Any]) -> None:
    _, verdict = raft
    assert (verdict["verdict"], verdict["exit_code"]) == ("pass", 0)
    assert verdict["stats"]["ops"] >= 5000
    applied = {fault["family"] for fault in verdict["faults"] if fault["status"] == "applied"}
    assert applied == {"partition", "kill", "pause", "clock"}
    assert "raft-register-linearizable" in [claim["id"] for claim in verdict["claims"]]


def test_the_object_has_the_fields_of_the_contract(raft: tuple[Path, Any]) -> None:
    folder, verdict = raft
    promised = ["verdict", "exit_code", "target", "workload", "cluster", "seed", "run", "claims", "faults", "stats"]
    assert set(promised) <= set(verdict)
    for claim in verdict["claims"]:
        assert {"id", "expect", "verdict", "why", "coverage", "anomalies"} <= set(claim)
    assert (verdict["target"], verdict["workload"], verdict["cluster"], verdict["seed"]) == (
        "raft",
        "register",
        "sim",
        7,
    )
    run = folder / verdict["run"]
    names = {entry.name for entry in run.iterdir()}
    assert {"plan.yaml", "history.arrow", "faults.jsonl", "verdict.json", "report.html", "logs"} <= names
    assert json.loads((run / "verdict.json").read_text()) == verdict
    assert {entry.name for entry in (run / "logs").iterdir()} == {"n1", "n2", "n3", "n4", "n5"}


def test_every_fault_carries_evidence_from_each_node_it_hit(raft: tuple[Path, Any]) -> None:
    _, verdict = raft
    for fault in verdict["faults"]:
        assert fault["end_ns"] > fault["start_ns"]
        for evidence in fault["nodes"].values():
            assert evidence["status"] != "applied" or evidence["measured"]


def test_replay_gives_the_same_history(raft: tuple[Path, Any]) -> None:
    folder, verdict = raft
    again = Splitbrain(folder).json("replay", verdict["run"])
    assert again["identical"] is True
    assert again["exit_code"] == 0


def test_a_run_is_judged_again_from_its_folder(raft: tuple[Path, Any]) -> None:
    folder, verdict = raft
    again = Splitbrain(folder).json("check", verdict["run"])
    assert [claim["verdict"] for claim in again["claims"]] == [claim["verdict"] for claim in verdict["claims"]]


def test_equal_seeds_print_equal_bytes_whatever_the_hash_seed(splitbrain: Splitbrain) -> None:
    words = ("run", "raft", "--nemesis", "partition,kill", "--time", "10s", "--seed", "11", "--json")
    printed = []
    for hash_seed in ("1", "2", "random"):
        run = json.loads(splitbrain(*words, PYTHONHASHSEED=hash_seed).stdout)["run"]
        printed.append(splitbrain("history", run, PYTHONHASHSEED=hash_seed).stdout)
    assert printed[0].count("\n") > 1000
    assert printed[0] == printed[1] == printed[2]


def test_another_seed_is_another_history(splitbrain: Splitbrain) -> None:
    words = ("run", "raft", "--time", "2s", "--json")
    runs = [json.loads(splitbrain(*words, "--seed", seed).stdout)["run"] for seed in ("1", "2")]
    assert splitbrain("history", runs[0]).stdout != splitbrain("history", runs[1]).stdout


def test_multi_leader_is_not_linearizable_and_the_proof_is_small(splitbrain: Splitbrain, tmp_path: Path) -> None:
    verdict = splitbrain.json(*LWW, "--expect", "linearizable")
    assert (verdict["verdict"], verdict["exit_code"]) == ("fail", 1)
    [claim] = verdict["claims"]
    history = History.read(tmp_path / verdict["run"] / "history.arrow")
    for anomaly in claim["anomalies"]:
        invocations = [index for index in anomaly["ops"] if history[index].type == 0]
        assert 1 <= len(invocations) <= 6
        assert _refuted_alone(splitbrain, tmp_path, history, anomaly["ops"])


def test_multi_leader_keeps_its_own_claims(splitbrain: Splitbrain) -> None:
    verdict = splitbrain.json(*LWW)
    assert verdict["verdict"] == "pass", verdict["claims"]
    assert {claim["id"] for claim in verdict["claims"]} >= {"multi-leader-converges", "multi-leader-available"}


@pytest.mark.parametrize(("target", "workload"), [("quorum", "register"), ("shop", "shop")])
def test_a_target_without_a_client_for_registers_has_its_first_workload(
    splitbrain: Splitbrain, target: str, workload: str
) -> None:
    done = splitbrain("run", target, "--time", "1s", "--seed", "1")
    assert f"{target} · {workload} · " in done.stdout, done.stderr


@pytest.mark.parametrize("format", ["jsonl", "edn", "csv"])
def test_a_printed_history_is_whole_and_reads_back(splitbrain: Splitbrain, tmp_path: Path, format: str) -> None:
    run = splitbrain.json("run", "raft", "--time", "3s", "--seed", "3")["run"]
    text = splitbrain("history", run, "--format", format).stdout
    original = History.read(tmp_path / run / "history.arrow")
    assert len(text.splitlines()) == len(original) + (format == "csv")
    if format != "csv":
        (tmp_path / "history").write_text(text)
        assert splitbrain.json("check", "history", "--model", "cas-register")["verdict"] == "pass"


def _refuted_alone(splitbrain: Splitbrain, folder: Path, history: History, ops: list[int]) -> bool:
    """Whether the operations of a counterexample are, by themselves, not linearizable."""
    part = folder / "part.jsonl"
    history.select(ops).write(part, "jsonl")
    return bool(splitbrain.json("check", str(part), "--model", "cas-register")["verdict"] == "fail")


def test_a_verdict_is_for_people_too(splitbrain: Splitbrain) -> None:
    done = splitbrain("run", "raft", "--nemesis", "partition", "--time", "10s", "--seed", "5")
    assert done.returncode == 0
    assert "pass" in done.stdout
    assert "raft-register-linearizable" in done.stdout
    assert "\x1b[" not in done.stdout, "no colour where there is no terminal"
    assert done.stderr == ""


def test_the_logs_of_a_run_are_searched_when_it_is_judged_and_judged_again(
    splitbrain: Splitbrain, tmp_path: Path
) -> None:
    def claims(verdict: Any) -> list[tuple[str, str]]:
        return [(claim["id"], claim["verdict"]) for claim in verdict["claims"]]

    (tmp_path / "plan.yaml").write_text(
        "{target: raft, time: 5s, seed: 7, expect: [{log-files: {patterns: '.'}}, {not: {log-files: {patterns: '.'}}}, "
        "{log-files: {patterns: ['no node says this']}}]}"
    )
    verdict = splitbrain.json("run", "--plan", "plan.yaml")
    found = [("log-files", "fail"), ("not-log-files", "pass"), ("log-files-2", "pass")]
    assert claims(verdict) == found
    node = verdict["claims"][0]["anomalies"][0]["details"]["node"]
    assert f"{node}/node.log:" in verdict["claims"][0]["why"]

    assert claims(splitbrain.json("check", verdict["run"])) == found
    log = tmp_path / verdict["run"] / "logs" / "n2" / "node.log"
    log.write_text(log.read_text() + "no node says this\n")
    assert claims(splitbrain.json("check", verdict["run"]))[2] == ("log-files-2", "fail")


def test_why_a_cluster_never_stood_is_not_hidden_by_its_nemeses(splitbrain: Splitbrain) -> None:
    done = splitbrain("run", "etcd", "--nemesis", "kill,power,disk", "--time", "1s", "--expect", "linearizable")
    assert "runs real programs, which the simulator cannot" in done.stderr
    assert "could not clean up" not in done.stderr
