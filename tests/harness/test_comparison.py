"""What a comparison measures of a history whose answers are known, and of stores of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.comparison import best_workload, columns, everybody, rank
from harness.experiment import Experiment, resolve
from harness.history import History
from harness.plan import Plan
from harness.run import Outcome
from harness.runs import RunFolder
from tests.histories import FAIL, INFO, Script

SIDES = [["n1", "n2"], ["n3", "n4", "n5"]]


def experiment(target: str = "raft", workload: str = "register") -> Experiment:
    fields: dict[str, Any] = {"target": target, "workload": workload, "seed": 1, "nemeses": ["partition"]}
    return resolve(Plan.build({**fields, "expect": [{"availability": {"min": 0}}]}))


def column(history: History | None, tmp_path: Path, problem: str | None = None, **which: str) -> dict[str, Any]:
    folder = RunFolder.create(tmp_path, "made-up", 1)
    return columns(Outcome(experiment(**which), folder, [], [], {}, history, problem))


def finals(script: Script, value: Any, nodes: Sequence[str] = ("n1", "n3")) -> Script:
    for node in nodes:
        script.op(36, node, value=value)
    return script


def load() -> Script:
    """A partition from 10 s to 20 s; reads take 10 ms in calm, 40 ms during it."""
    script = Script().phase("load", 0).cut("partition-1", 10, 20, SIDES).phase("heal", 30).phase("final", 35)
    script.op(1, "n1", f="write", value=1, took=0.01).op(12, "n3", f="write", value=2, took=0.04)
    script.op(13, "n1", INFO, f="write", value=3, took=2).op(13, "n3", value=2, took=0.04)
    return script


def test_every_cell_of_a_history_with_known_answers(tmp_path: Path) -> None:
    script = load().op(14, "n1", value=1, took=0.04).op(20.5, "n1", value=1).op(20.7, "n1", value=2)
    for node in ("n2", "n3", "n4", "n5"):
        script.op(21, node, value=2)
    found = column(finals(script, 2).history(), tmp_path)
    assert found["strongest_model"] == "sequential"
    assert found["workload"] == "register"
    assert found["violation"]["model"] == "linearizable"
    assert found["availability"] == {"majority": 1, "minority": 0.5}
    assert found["asked"] == {"majority": 2, "minority": 2}
    assert found["availability_by_f"] == {"majority": {"write": 1, "read": 1}, "minority": {"write": 0, "read": 1}}
    assert found["latency_ms"] == {"calm": {"p50": 10, "p99": 10}, "faults": {"p50": 40, "p99": 40}}
    assert found["convergence_s"] == pytest.approx(0.49)
    assert found["converged"] is True
    assert found["staleness_ms"] == pytest.approx(8460), "at 20.5 s, 2 had been acknowledged since 12.04 s"
    assert found["recovery_s"] == pytest.approx(1.0)
    assert found["lost_writes"] == 0
    assert found["unmeasured"] == {}
    assert found["problem"] is None


def test_a_lost_write_and_nodes_that_never_agree(tmp_path: Path) -> None:
    lost = column(finals(load(), 1).history(), tmp_path)
    assert lost["lost_writes"] == 1
    apart = load().op(36, "n1", value=1).op(36, "n3", value=2)
    assert column(apart.history(), tmp_path)["converged"] is False


def test_what_cannot_be_measured_says_why(tmp_path: Path) -> None:
    script = Script().phase("load", 0).op(1, "n1", FAIL, f="write", value=1).phase("heal", 30).phase("final", 35)
    found = column(script.history(), tmp_path)
    assert set(found["unmeasured"]) == {
        "availability.majority",
        "availability.minority",
        "latency_ms.calm",
        "latency_ms.faults",
        "convergence_s",
        "recovery_s",
    }
    assert found["unmeasured"]["convergence_s"] == "no fault was healed"
    assert all(found["unmeasured"].values())


def test_a_workload_without_such_a_checker_says_so(tmp_path: Path) -> None:
    script = Script().phase("load", 0).cut("partition-1", 10, 20, SIDES).phase("heal", 30).phase("final", 35)
    script.op(1, "n1", f="acquire", value=None)
    found = column(script.history(), tmp_path, workload="lock")
    assert found["unmeasured"]["lost_writes"] == "no checker of the workload lock measures it"


def test_a_run_that_recorded_nothing_is_told_as_a_problem(tmp_path: Path) -> None:
    found = column(None, tmp_path, problem="no node came up")
    assert (found["verdict"], found["problem"]) == ("error", "no node came up")
    assert found["strongest_model"] is None


def test_a_set_that_keeps_all_is_strong_eventual_and_one_that_loses_is_eventual(tmp_path: Path) -> None:
    def model(final: list[int]) -> str:
        script = Script().phase("load", 0).cut("partition-1", 10, 20, SIDES).phase("heal", 30).phase("final", 35)
        script.op(1, "n1", f="add", value=1).op(12, "n3", f="add", value=2).op(13, "n1", value=[1])
        found: str = column(finals(script, final).history(), tmp_path, target="crdt", workload="set")["strongest_model"]
        return found

    assert model([1, 2]) == "strong eventual"
    assert model([1]) == "eventual"


def test_everybody_runs_in_the_simulator_with_the_workload_it_names_first() -> None:
    names = everybody()
    assert {"raft", "crdt", "outbox"} <= set(names)
    assert not {"etcd", "redis"} & set(names)
    assert [best_workload(name) for name in ("raft", "quorum", "crdt")] == ["register", "read-write", "set"]


def test_columns_are_ranked_by_model_and_then_by_availability() -> None:
    def made(model: str | None, minority: float | None) -> dict[str, Any]:
        return {"strongest_model": model, "availability": {"minority": minority}}

    ranked = [
        made("linearizable", None), made("linearizable", 0.5), made("causal", 0.1), made("eventual", 1), made(None, 1),
    ]  # fmt: skip
    ranked.reverse()
    backwards = list(ranked)
    ranked.sort(key=rank)
    assert ranked == backwards[::-1]
