"""Whole runs of real systems in containers, from Debian packages: the same verdicts as on the process cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.verdict import Verdict
from tests.targets.test_real_runs import run

pytestmark = [pytest.mark.docker, pytest.mark.beside, pytest.mark.timeout(300)]

PRIMARIES = {"name": "partition", "interval": "6s", "grudges": ["primaries"]}


def test_etcd_is_linearizable_in_containers_under_all_faults(tmp_path: Path) -> None:
    others = [{"name": name, "interval": "6s"} for name in ("kill", "pause", "clock")]
    outcome = run(tmp_path, cluster="docker", nodes=5, target="etcd", time=18, nemeses=[PRIMARIES, *others])
    assert outcome.verdict is Verdict.PASS, outcome
    applied = {span["family"] for span in outcome.faults if span["status"] == "applied"}
    assert applied == {"partition", "kill", "pause", "clock"}


def test_redis_is_seen_to_lose_acknowledged_writes_in_containers(tmp_path: Path) -> None:
    expect = ["linearizable", {"lost_writes": 0}]
    outcome = run(tmp_path, cluster="docker", target="redis", time=20, nemeses=[PRIMARIES], expect=expect)
    linearizable, lost = outcome.claims
    assert (linearizable.verdict, lost.verdict) == (Verdict.FAIL, Verdict.FAIL), outcome
    assert lost.stats["lost"] > 0
    assert "was acknowledged at" in linearizable.anomalies[0].message
    assert "was lost" in lost.anomalies[0].message
