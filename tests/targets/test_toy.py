"""The bundled stores as targets: what they claim, when they are ready, who leads."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness import plugins
from harness.clusters.sim import SimCluster
from harness.errors import NodeError, UnknownName, UsageError
from harness.node import Host, Node
from harness.streams import Streams
from harness.target import NodeService
from targets import toy
from targets.bundled.multi_leader import multi_leader
from targets.bundled.paxos import paxos
from targets.bundled.raft import raft
from targets.toy import Toy
from workloads.register import RegisterClient

TARGETS = [plugins.load("targets", name)() for name in plugins.names("targets")]
ROOT = Path(__file__).parents[2]
STORES = [target for target in TARGETS if isinstance(target, Toy)]


class Mute(Node):
    """Takes requests and never answers."""

    async def on_read(self, source: str, body: Any) -> None:
        await asyncio.sleep(1e6)


class Claimant(Node):
    """Says that it leads in the term that its name ends in, but for the second, which is behind."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.number = int(host.name[1:])

    def on_status(self, source: str, body: Any) -> Any:
        role = "leader" if self.number != 3 else "follower"
        return {"type": "status_ok", "role": role, "term": min(self.number, 4)}


def in_sim(target: Toy, scene: Any) -> None:
    cluster = SimCluster(nodes=["n1", "n2", "n3", "n4", "n5"], streams=Streams(1), run_id="lab")

    async def main() -> None:
        await cluster.create(target)
        await scene(cluster)

    cluster.run(main)


@pytest.mark.parametrize(
    "target", [target for target in STORES if "register" in target.workloads], ids=lambda target: target.name
)
def test_ready_means_that_every_node_serves(target: Toy) -> None:
    async def scene(cluster: SimCluster) -> None:
        await target.ready(cluster)
        for node in cluster.nodes:
            connection = await cluster.connect(node)
            assert (await connection.call({"type": "write", "key": "x", "value": 1}))["type"] == "write_ok"

    in_sim(target, scene)


def test_one_that_never_answers_is_told_after_a_while() -> None:
    target = Toy("mute", NodeService("tests.targets.test_toy:Mute"), ())

    async def scene(cluster: SimCluster) -> None:
        with pytest.raises(NodeError, match="mute did not become ready"):
            await target.ready(cluster)
        assert cluster.now() <= (toy.READY_S_MAX + 5) * 1e9

    in_sim(target, scene)


def test_raft_has_one_primary_and_the_multi_leader_none() -> None:
    async def one(cluster: SimCluster) -> None:
        await raft().ready(cluster)
        [leader] = await raft().primaries(cluster)
        await cluster.processes.kill([leader])
        await asyncio.sleep(2)
        [successor] = await raft().primaries(cluster)
        assert successor != leader
        await cluster.processes.pause([successor])
        began = cluster.now()
        assert successor not in await raft().primaries(cluster)
        assert cluster.now() - began <= toy.ASK_S_MAX * 1.1e9, "all nodes are asked at once"

    async def none(cluster: SimCluster) -> None:
        assert await multi_leader().primaries(cluster) == []

    in_sim(raft(), one)
    in_sim(multi_leader(), none)


def test_of_those_who_say_that_they_lead_the_latest_term_counts() -> None:
    target = Toy("claimants", NodeService("tests.targets.test_toy:Claimant"), ())

    async def scene(cluster: SimCluster) -> None:
        assert await target.primaries(cluster) == ["n4", "n5"]

    in_sim(target, scene)


def test_clients_are_those_of_the_workload() -> None:
    async def scene(cluster: SimCluster) -> None:
        assert isinstance(raft().client("register", cluster, "n1"), RegisterClient)
        with pytest.raises(UnknownName, match="no client for workload 'poetry'"):
            raft().client("poetry", cluster, "n1")

    in_sim(raft(), scene)


@pytest.mark.parametrize("target", STORES, ids=lambda target: target.name)
def test_claims_speak_of_expectations_the_workload_knows(target: Toy) -> None:
    assert target.claims
    for claim in target.claims:
        assert claim.expect.name in plugins.load("workloads", claim.workload).expectations
        assert claim.speaks_for(claim.workload, claim.nemeses)
        assert claim.speaks_for(claim.workload, []) is not claim.expect.negated, "a limit shows only under faults"
    for trial in target.trials:
        assert any(claim.speaks_for(trial.workload, trial.nemeses) for claim in target.claims)


@pytest.mark.parametrize("target", STORES, ids=lambda target: target.name)
def test_trials_take_turns_one_of_a_group_a_seed(target: Toy) -> None:
    sizes = Counter(trial.turns for trial in target.trials)
    assert all(count % turns == 0 for turns, count in sizes.items()), "whole groups"
    groups = sum(count // turns for turns, count in sizes.items())
    for seed in range(40):
        assert sum(trial.has(seed) for trial in target.trials) == groups
    assert all(any(trial.has(seed) for seed in range(40)) for trial in target.trials)


@pytest.mark.parametrize("target", STORES, ids=lambda target: target.name)
def test_every_bug_can_be_planted_and_spoils_a_subclass(target: Toy) -> None:
    whole = target.service.load()
    for bug in target.bugs:
        spoiled = target.with_bug(bug.name).service.load()
        assert issubclass(spoiled, whole) and spoiled is not whole
    with pytest.raises(UnknownName, match="has no bug called 'none-such'"):
        target.with_bug("none-such")


@pytest.mark.parametrize(
    ("make", "options", "why"),
    [
        (raft, {"election_ms": 0}, "election_ms must be a number from 10 to 60000, not 0"),
        (raft, {"election_ms": True}, "election_ms must be a number"),
        (raft, {"election_ms": 100, "heartbeat_ms": 60}, "at least three times heartbeat_ms"),
        (paxos, {"round_ms": 1}, "round_ms must be a number from 10 to 10000, not 1"),
        (multi_leader, {"gossip_ms": "often"}, "gossip_ms must be a number from 10 to 60000, not 'often'"),
    ],
)
def test_options_are_checked(make: Any, options: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        make(**options)


def test_options_reach_the_node() -> None:
    service = raft(election_ms=150, heartbeat_ms=30, batch_ms=1, snapshot_records=100).service
    assert service.options == {"election_ms": 150, "heartbeat_ms": 30, "batch_ms": 1.0, "snapshot_records": 100}
    assert service.load().__name__ == "Raft"


@pytest.mark.parametrize("module", sorted({target.service.node_class.partition(":")[0] for target in STORES}))
def test_a_store_imports_nothing_but_the_node_runtime_and_the_standard_library(module: str) -> None:
    script = (
        f"import sys, {module}\n"
        "own = ('harness', 'harness.node', 'targets', 'targets.toys')\n"
        "std = sys.stdlib_module_names | {'__main__'}\n"
        "foreign = sorted(name for name in sys.modules if name.split('.')[0] not in std\n"
        "    and name not in own and not name.startswith(('harness.node.', 'targets.toys.')))\n"
        "print(foreign)\n"
    )
    isolated = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, text=True, check=True)
    assert isolated.stdout.strip() == "[]"


def test_what_a_bug_may_show_as_is_a_checker_or_a_type_that_checkers_have() -> None:
    sources = [*(ROOT / "checkers").rglob("*.py"), *(ROOT / "core/checkers/src").rglob("*.rs")]
    told = {name for path in sources for name in re.findall(r'"([\w:-]+)"', path.read_text(encoding="utf-8"))}
    known = told | set(plugins.names("checkers"))
    assert {name for store in STORES for bug in store.bugs for name in bug.shows_as} - known == set()
