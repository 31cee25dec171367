"""Every bundled store on real nodes, under all the standard faults that it claims to be safe under: what the simulator
says of it hundreds of times an hour must hold where time, processes and networks are real.

Stores are found as `selftest` finds them, so a new one is tested here as soon as it is declared. A run takes half a
minute, most of which is waiting; so several go on at once, and every store is a test of its own that waits for its run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import SEEDS, Splitbrain

from harness import packages
from harness.clusters.linux import ledger
from harness.selftest import subjects
from harness.target import Target

pytestmark = [pytest.mark.alone, pytest.mark.timeout(400)]

STORES = subjects()
AT_ONCE = 5
RATE_MAX = 60
"""Operations per second: more says little more, and two processors have sixty nodes to serve."""

CLUSTERS = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("process", "docker")]


def families(target: Target) -> list[str]:
    """The standard faults under which it promises anything at once, of what it is tried with first."""
    standard = set(packages.PACKAGES["standard"])
    promised = [claim for claim in target.claims if claim.workload == target.trials[0].workload]
    return sorted(max((claim.nemeses & standard for claim in promised if not claim.expect.negated), key=len))


def plan(name: str, target: Target, cluster: str, seed: int) -> dict[str, Any]:
    """The store's first trial, but for its faults and a load that real nodes can share two processors with."""
    fields = target.trials[0].plan(name, seed)
    load = {**fields["workload"], "rate": min(RATE_MAX, fields["workload"]["rate"])}
    faults = [{"name": family, "interval": "4s"} for family in families(target)]
    return {**fields, "cluster": cluster, "workload": load, "nemeses": faults, "time": "15s", "settle": "5s"}


def limit(claim: Mapping[str, Any]) -> bool:
    """Whether it says what does not hold: that this shows in one run is likely, not certain."""
    return isinstance(claim["expect"], dict) and "not" in claim["expect"]


def dead() -> set[str]:
    """Runs on this machine that nobody will remove any more."""
    return {record.run for record in ledger.records() if not record.identity.alive()}


@pytest.fixture(scope="module", params=CLUSTERS)
def verdicts(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[Any]]]:
    """The verdict of every store on one kind of cluster, as it comes in."""
    splitbrain = Splitbrain(tmp_path_factory.mktemp(request.param))
    before = dead()

    def run(name: str, target: Target) -> Any:
        file: Path = splitbrain.folder / f"{name}.yaml"
        for seed in SEEDS:
            file.write_text(json.dumps(plan(name, target, request.param, seed)), encoding="utf-8")
            verdict = splitbrain.json("run", "--plan", str(file))
            if not any(claim["verdict"] == "inconclusive" and not limit(claim) for claim in verdict["claims"]):
                break
        return verdict

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(run, name, target) for name, target in STORES.items()}
        pool.shutdown(cancel_futures=True)
    assert dead() <= before, "a run left something behind"


@pytest.mark.parametrize("store", STORES)
def test_a_store_keeps_its_promises_on_real_nodes(store: str, verdicts: Mapping[str, Future[Any]]) -> None:
    verdict = verdicts[store].result()
    told = (verdict.get("problem"), verdict["claims"], verdict["faults"], verdict["run"])
    assert "problem" not in verdict, told
    assert not verdict["stats"]["crashes"], told
    for claim in verdict["claims"]:
        assert claim["verdict"] in (("pass", "inconclusive") if limit(claim) else ("pass",)), told
        assert set(claim["coverage"]["families"]) == set(families(STORES[store]))
    assert any(claim["verdict"] == "pass" for claim in verdict["claims"]), told
    assert verdict["stats"]["ok"] > 100, told
