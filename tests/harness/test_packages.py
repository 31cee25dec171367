"""One word in a plan for several families; and that whom to hit is said in the same words in every one of them."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from harness import plugins
from harness.errors import PlanError, UsageError
from harness.experiment import make, resolve
from harness.plan import Part, Plan
from nemeses.victims import SPECS

NODES = ["n1", "n2", "n3", "n4", "n5"]


def families(*nemeses: Any, **fields: Any) -> list[Any]:
    plan = Plan.build({"target": "raft", "seed": 1, "nemeses": list(nemeses), **fields})
    return [part.plain() for part in resolve(plan).plan.nemeses]


def test_a_package_stands_for_its_members_in_its_place() -> None:
    assert families("standard") == ["partition", "kill", "pause", "clock"]
    assert families("packet", "process") == ["packet", "kill", "pause"]
    assert families("network", "process") == ["partition", "packet", "kill", "pause"]
    assert families("process", "standard") == ["kill", "pause", "partition", "clock"], "nobody comes twice"


def test_a_package_s_options_are_its_members_and_an_entry_of_one_s_own_wins() -> None:
    assert families({"name": "process", "interval": "5s"}, {"name": "kill", "targets": "majority"}) == [
        {"name": "kill", "targets": "majority"},
        {"name": "pause", "interval": "5s"},
    ]


def test_all_is_what_the_cluster_can_do_and_the_target_speaks_for() -> None:
    assert families("all") == ["clock", "disk", "kill", "membership", "packet", "partition", "pause", "power"]
    able = families("all", expect=["linearizable"])
    assert "corruption" in able, "who says what to expect gets what nobody promised anything under, too"
    assert "limits" not in able, "the simulator limits nothing"
    fixed = Plan.build({"target": "paxos", "seed": 1, "nemeses": ["all"], "expect": ["linearizable"]})
    assert "membership" not in resolve(fixed).plan.families, "the members of paxos are fixed"


def test_the_plan_of_a_run_names_the_families(tmp_path: Path) -> None:
    plan = resolve(Plan.build({"target": "raft", "seed": 1, "nemeses": [{"name": "all", "interval": 2}]})).plan
    file = tmp_path / "plan.yaml"
    file.write_text(plan.to_yaml())
    again = Plan.build({}, file)
    assert again == plan and "all" not in again.families
    assert resolve(again).plan is again, "and so it needs nothing of the machine to be judged again"


def test_what_no_member_takes_is_refused() -> None:
    with pytest.raises(UsageError, match="grudges"):
        families({"name": "standard", "grudges": "ring"})
    with pytest.raises(PlanError, match="standard is named twice"):
        families("standard", "standard")
    with pytest.raises(UsageError, match="no nemesis is called 'standrad'"):
        families("standrad")


BUNDLED = ("partition", "kill", "pause", "clock", "packet", "disk", "power", "corruption", "limits", "membership")


@pytest.mark.parametrize("name", BUNDLED)
@pytest.mark.parametrize("spec", [*SPECS, ["n2", "n4"]])
def test_every_family_is_told_whom_to_hit_in_the_same_words(name: str, spec: Any) -> None:
    assert name in plugins.names("nemeses")
    nemesis = make("nemeses", Part(name=name, options={"targets": spec, "interval": "3s"}))
    assert nemesis.interval_s == 3
    draw = {**nemesis.draw(Random(1)), "primaries": ["n3"]}
    assert draw["targets"] == spec
    toll = nemesis.toll(NODES, draw)
    assert toll.nodes <= set(NODES)


@pytest.mark.parametrize(
    ("spec", "cut_off"),
    [("one", 1), ("minority", 2), ("majority", 3), ("minority_third", 1), ("primaries", 1), (["n2", "n4"], 2)],
)
def test_a_partition_cuts_off_whom_its_targets_say(spec: Any, cut_off: int) -> None:
    partition = make("nemeses", Part(name="partition", options={"targets": spec}))
    drops = partition.toll(NODES, {**partition.draw(Random(4)), "primaries": ["n3"]}).drops
    sides = {frozenset(set(NODES) - set(senders)) for senders in drops.values()}
    assert sorted(len(side) for side in sides) == sorted([cut_off, 5 - cut_off])


def test_a_partition_of_all_leaves_everybody_alone_and_grudges_and_targets_add_up() -> None:
    partition = make("nemeses", Part(name="partition", options={"targets": "all", "grudges": ["ring"]}))
    draws = [partition.draw(Random(seed)) for seed in range(20)]
    assert {draw.get("grudge", draw.get("targets")) for draw in draws} == {"ring", "all"}
    drops = partition.toll(NODES, {"targets": "all", "seed": 1}).drops
    assert drops == {node: [other for other in NODES if other != node] for node in NODES}
