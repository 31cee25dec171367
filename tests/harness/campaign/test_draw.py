"""Plans drawn from seeds: the same for everybody, and each one that can be run and has something to be judged on."""

from __future__ import annotations

from typing import Any

import pytest

from harness import plugins
from harness.campaign.draw import FAMILIES_MAX, draw
from harness.campaign.menu import Bounds, Menu, menu
from harness.clusters.sim import SimCluster
from harness.errors import UsageError
from harness.experiment import resolve
from harness.plan import Part
from harness.selftest import subjects

SEEDS = range(25)


def of(target: str, **bounds: Any) -> Menu:
    return menu(Part(name=target), Bounds(**bounds))


@pytest.mark.parametrize("target", sorted(subjects()))
def test_every_plan_can_be_run_and_is_judged_on_a_promise(target: str) -> None:
    offered = of(target)
    for seed in SEEDS:
        plan = draw(offered, seed)
        experiment = resolve(plan)
        assert plan.seed == seed
        assert any(not claim.expect.negated for claim in experiment.claims)
        assert any(set(plan.families) <= set(regime) for regime in offered.regimes[plan.workload.name])
        assert all(need_met(need) for nemesis in experiment.nemeses for need in nemesis.needs)
        assert plan.nodes > 3 or "membership" not in plan.families


def need_met(need: str) -> bool:
    return plugins.load("clusters", "sim").probe()[need] is None


def test_a_seed_is_a_plan_and_another_seed_another() -> None:
    first, second = ([draw(of("raft"), seed).to_yaml() for seed in SEEDS] for _ in range(2))
    assert first == second
    assert len(set(first)) == len(first)
    # What seed 7 means is written in records: a change here is a change for whoever repeats one.
    plan = draw(of("raft"), 7)
    assert (plan.workload.name, plan.families, plan.nodes) == ("lock", ["partition", "kill", "packet"], 5)


def test_a_load_that_overruns_queues_is_not_judged_on_availability() -> None:
    offered = of("outbox")
    crowded = [plan for plan in (draw(offered, seed) for seed in range(200)) if plan.time == 6]
    assert crowded
    for plan in crowded:
        assert all(claim.expect.name != "availability" for claim in resolve(plan).claims)


def test_draws_go_through_all_that_there_is() -> None:
    plans = [draw(of("raft"), seed) for seed in range(400)]
    assert {plan.workload.name for plan in plans} == set(of("raft").regimes)
    assert {family for plan in plans for family in plan.families} >= {"membership", "power", "clock", "packet"}
    assert {plan.nodes for plan in plans} >= {3, 5}
    assert {len(plan.families) for plan in plans} == set(range(1, FAMILIES_MAX + 1))
    assert len({part.options["interval"] for plan in plans for part in plan.nemeses}) >= 3


def test_what_is_said_is_kept_to() -> None:
    offered = of("raft", workloads=("register", "set"), families=("process",), nodes=7, time_s=3.0)
    plans = [draw(offered, seed) for seed in SEEDS]
    assert {plan.workload.name for plan in plans} == {"register", "set"}
    assert {family for plan in plans for family in plan.families} == {"kill", "pause"}
    assert {(plan.nodes, plan.time) for plan in plans} == {(7, 3.0)}
    assert all(part.options["interval"] == "500ms" for plan in plans for part in plan.nemeses)


def test_a_planted_bug_stays_planted_and_no_faults_are_none() -> None:
    offered = menu(Part(name="raft", options={"bug": "votes-twice"}), Bounds(families=()))
    plans = [draw(offered, seed) for seed in SEEDS]
    assert {plan.target.options["bug"] for plan in plans} == {"votes-twice"}
    assert all(plan.families == [] for plan in plans)


@pytest.mark.parametrize(
    ("target", "bounds", "told"),
    [
        ("rafft", {}, "did you mean raft?"),
        ("raft", {"workloads": ("regster",)}, "no client for workload 'regster'"),
        ("raft", {"families": ("parttion",)}, "did you mean partition?"),
        ("raft", {"families": ("limits",)}, "cluster sim cannot do limits: simulated nodes"),
        ("paxos", {"families": ("membership",)}, "its members are fixed"),
        ("paxos", {"families": ("corruption",)}, "promises nothing of any workload under corruption"),
        ("raft", {"cluster": "moon"}, "no cluster is called 'moon'"),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(target: str, bounds: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError) as refusal:
        of(target, **bounds)
    assert told in str(refusal.value)


def test_a_promised_fault_that_this_cluster_lacks_is_told_of() -> None:
    class Lame(SimCluster):
        @classmethod
        def probe(cls) -> dict[str, str | None]:
            return {**super().probe(), "clock": "no clocks here"}

    with pytest.MonkeyPatch.context() as patch:
        load = plugins.load
        patch.setattr(plugins, "load", lambda kind, name: Lame if kind == "clusters" else load(kind, name))
        offered = of("raft")
    assert offered.missing == {"clock": "no clocks here"}
    assert all("clock" not in families for sets in offered.regimes.values() for families in sets)
