"""The main jobs on real systems, by their commands: etcd keeps its promise while its leaders are cut off, Redis loses
writes that it acknowledged."""

from __future__ import annotations

from typing import Any

import pytest
from cli.conftest import Splitbrain

from tests.targets.local import needs

pytestmark = pytest.mark.timeout(400)

CLUSTERS = [
    pytest.param("process", marks=[pytest.mark.process, needs("etcd", "redis-server", "redis-sentinel")]),
    pytest.param("docker", marks=pytest.mark.docker),
]


def isolated(fault: dict[str, Any]) -> bool:
    """Whether a partition cut somebody off who led, both ways, and the filter was read back."""
    if fault["family"] != "partition" or fault["draw"].get("grudge") != "primaries" or fault["status"] != "applied":
        return False
    drops = fault["resolved"]["drops"]
    return any(
        all(node in drops.get(other, []) for other in others) and all(fault["nodes"][node]["measured"]["drops_from"])
        for node, others in drops.items()
        if len(others) == len(drops) - 1
    )


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_etcd_passes_while_its_leaders_are_cut_off(splitbrain: Splitbrain, cluster: str) -> None:
    words = ("run", "etcd", "--cluster", cluster, "--nemesis", "partition,kill,pause,clock", "--time", "30s")
    verdict = splitbrain.decided(*words)
    assert verdict["verdict"] == "pass", (verdict.get("problem"), verdict["claims"])
    assert any(map(isolated, verdict["faults"])), verdict["faults"]
    applied = {fault["family"] for fault in verdict["faults"] if fault["status"] == "applied"}
    assert applied == {"partition", "kill", "pause", "clock"}
    assert verdict["stats"]["ok"] > 500


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_redis_fails_and_the_writes_it_lost_are_named(splitbrain: Splitbrain, cluster: str) -> None:
    words = ("run", "redis", "--cluster", cluster, "--nemesis", "partition", "--time", "25s")
    verdict = splitbrain.decided(*words, "--expect", "linearizable", "--expect", "{lost_writes: 0}")
    assert verdict["verdict"] == "fail", (verdict.get("problem"), verdict["claims"])
    assert any(map(isolated, verdict["faults"])), verdict["faults"]
    stale, lost = verdict["claims"]
    assert (stale["verdict"], lost["verdict"]) == ("fail", "fail"), verdict["claims"]
    assert all("rocess " in anomaly["message"] and anomaly["ops"] for anomaly in stale["anomalies"]), stale
    assert lost["stats"]["lost"] > 0
    assert all("was lost" in anomaly["message"] for anomaly in lost["anomalies"]), lost
