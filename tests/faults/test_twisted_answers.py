"""Answers that say nothing, and stores that never end: told as what they are, in bounded time and memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from twisted import ANSWERS, LAST_WORDS, MB

from harness.clusters.base import Cluster
from harness.clusters.linux.logs import FILE_BYTES_MAX
from harness.clusters.sim import machine, pulse
from harness.experiment import resolve
from harness.plan import Plan
from harness.run import Outcome, attempt
from harness.runs import RunFolder
from harness.target import NodeService
from harness.verdict import Verdict
from targets.toy import Toy


class AtOnce(Toy):
    """Ready without being asked."""

    async def ready(self, cluster: Cluster) -> None:
        return None


def run(directory: Path, *ways: str, cluster: str = "sim", noise: int = 0, **fields: Any) -> Outcome:
    """A store that answers in these ways, tried for a second."""
    plan = Plan.build(
        {
            "target": "raft",
            "cluster": cluster,
            "nodes": 3,
            "time": 1,
            "settle": 0,
            "timeout": "300ms",
            "workload": {"name": "register", "keys": 1, "rate": 40},
            "expect": ["linearizable"],
            "seed": 5,
            **fields,
        }
    )
    options = {"ways": list(ways), "noise": noise}
    target = AtOnce("twisted", NodeService("twisted:Twisted", packages=("twisted",), options=options), ())
    return attempt(replace(resolve(plan), target=target), RunFolder.create(directory, "twisted", 5))


def says_nothing(outcome: Outcome) -> None:
    assert outcome.problem is None
    assert outcome.verdict is Verdict.INCONCLUSIVE
    [claim] = outcome.claims
    ops = outcome.stats["ops"]
    assert f"no client operation ended ok: of {ops:,}, 0 failed, {ops:,} are indeterminate" in claim.why
    assert ops > 20


@pytest.mark.parametrize("way", ANSWERS)
def test_an_answer_that_says_nothing_leaves_open_what_happened(way: str, tmp_path: Path) -> None:
    says_nothing(run(tmp_path, way))


@pytest.mark.parametrize(
    "cluster", [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("process", "docker")]
)
def test_so_it_does_on_real_nodes_and_of_a_long_log_the_end_is_fetched(cluster: str, tmp_path: Path) -> None:
    outcome = run(tmp_path, *ANSWERS, cluster=cluster, noise=FILE_BYTES_MAX // MB + 8)
    says_nothing(outcome)
    log = outcome.folder.logs / "n1" / "node.log"
    assert log.stat().st_size == FILE_BYTES_MAX
    with log.open("rb") as file:
        file.seek(-MB - 500, 2)
        # Without memory, it goes before the controller does.
        assert f"{LAST_WORDS}, of one that goes at 500".encode() in file.read()


def test_a_log_without_end_is_kept_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LOG_BYTES_MAX", 4 * MB)
    outcome = run(tmp_path, "nothing", noise=1)
    log = (outcome.folder.logs / "n1" / "node.log").read_text(encoding="utf-8")
    assert MB < len(log) < 5 * MB
    assert any(LAST_WORDS in line for line in log.splitlines()[-3:])


def test_answers_without_bound_end_the_run_before_memory_does(tmp_path: Path) -> None:
    outcome = run(tmp_path, "megabytes", time=600, budget={"memory": "40MB"})
    assert outcome.verdict is Verdict.ERROR
    assert outcome.problem is not None and "the history outgrew a quarter" in outcome.problem
    assert outcome.folder.history.stat().st_size < 60 * MB
    assert outcome.claims, "what was recorded is judged all the same"


def test_a_simulated_node_that_computes_for_ever_is_told_with_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "STILL_S_MAX", 0.5)
    outcome = run(tmp_path, "a computation")
    assert outcome.verdict is Verdict.ERROR
    assert outcome.problem is not None
    assert "does not give way, in compute (" in outcome.problem
    assert "NodeLoop n" in outcome.problem
