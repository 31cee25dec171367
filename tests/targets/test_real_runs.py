"""Whole runs of etcd on the process cluster beyond its default plan: what it was asked to give up, its other workloads,
the loss of power. The main jobs, by their commands and on containers too, are in tests/cli/test_real_systems.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.clusters.process import ProcessCluster
from harness.experiment import resolve
from harness.plan import Plan
from harness.run import Outcome, attempt
from harness.runs import RunFolder
from harness.verdict import Verdict
from tests.targets.local import needs

pytestmark = [
    pytest.mark.process,
    needs("etcd", "redis-server", "redis-sentinel"),
    pytest.mark.timeout(180),
]


def run(tmp_path: Path, **fields: Any) -> Outcome:
    """A run that proves something, with one of three seeds; otherwise the last."""
    for seed in (5, 6, 7):
        plan = Plan.build({"cluster": "process", "nodes": 3, "time": 12, "seed": seed, **fields})
        outcome = attempt(resolve(plan), RunFolder.create(tmp_path, plan.target.name, plan.seed))
        if outcome.verdict is not Verdict.INCONCLUSIVE:
            break
    return outcome


def test_stale_reads_that_etcd_was_asked_for_are_caught(tmp_path: Path) -> None:
    """Half of the default load are writes, and each holds its worker on the cut-off side for the rest of a cut: few
    reads are made there once the others have a leader again, in one run out of four none of a key written since. Few
    keys, mostly reads and short deadlines let that side go on reading."""
    nemesis = {"name": "partition", "interval": "4s", "grudges": ["primaries"]}
    target = {"name": "etcd", "serializable": True}
    load = {"name": "register", "keys": 5, "mix": {"read": 8, "write": 2}}
    outcome = run(tmp_path, target=target, workload=load, timeout="500ms", nemeses=[nemesis], expect=["linearizable"])
    assert outcome.verdict is Verdict.FAIL, outcome
    assert "stale" in json.dumps([anomaly.type for anomaly in outcome.claims[0].anomalies])


@pytest.mark.parametrize("workload", ["append", "set", "lock"])
def test_etcd_keeps_its_other_promises(tmp_path: Path, workload: str) -> None:
    nemeses = [{"name": name, "interval": "5s"} for name in ("kill", "membership")]
    outcome = run(tmp_path, target="etcd", workload=workload, nemeses=nemeses, keep_quorum=True, nodes=5)
    assert outcome.verdict in (Verdict.PASS, Verdict.INCONCLUSIVE), outcome
    assert all(claim.verdict is not Verdict.FAIL for claim in outcome.claims)


def test_etcd_keeps_what_it_acknowledged_when_nodes_lose_power(tmp_path: Path) -> None:
    if reason := ProcessCluster.probe().get("power-loss"):
        pytest.skip(reason)
    outcome = run(tmp_path, target="etcd", nemeses=[{"name": "power", "interval": "4s"}], keep_quorum=True)
    assert outcome.verdict is Verdict.PASS, outcome
    started = [span for span in outcome.faults if span["family"] == "power" and span["status"] == "applied"]
    assert started and not outcome.problem
