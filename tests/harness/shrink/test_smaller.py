"""A failing plan becomes as small as what its failure needs, and stays a plan that fails."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.plan import Plan
from harness.shrink import Limits, shrink

PLAN = Plan.build(
    {
        "target": "raft",
        "nemeses": ["kill", "partition", "clock"],
        "workload": {"name": "register", "keys": 20},
        "time": 60,
        "seed": 1,
    }
)
ALL = [f"{family}-{number}" for number in range(1, 6) for family in ("kill", "partition", "clock")]


class Needing:
    """Fails while the plan has at least that much."""

    def __init__(self, *faults: str, time: float = 0, nodes: int = 1, concurrency: int = 1, keys: int = 1) -> None:
        self.faults = set(faults)
        self.least = (time, nodes, concurrency, keys)
        self.tried: list[Plan] = []

    def __call__(self, plan: Plan) -> Sequence[str] | None:
        self.tried.append(plan)
        came = [id for id in ALL if id.rpartition("-")[0] in plan.families and (not plan.faults or id in plan.faults)]
        has = (plan.time, plan.nodes, plan.concurrency, plan.workload.options["keys"])
        return came if self.faults <= set(came) and all(map(float.__ge__, map(float, has), self.least)) else None


def limits(tries: int = 500) -> Limits:
    return Limits(tries, 60)


def test_only_what_the_failure_needs_is_left() -> None:
    needing = Needing("kill-2", "clock-5", time=7.3, nodes=3, concurrency=2, keys=2)
    smallest = shrink(PLAN, needing, limits())
    assert smallest.faults == ["kill-2", "clock-5"]
    assert smallest.families == ["kill", "clock"]
    assert 7.3 <= smallest.time < 9
    assert (smallest.nodes, smallest.concurrency, smallest.workload.options) == (3, 2, {"keys": 2})
    assert needing(smallest) is not None
    assert len(needing.tried) < 100


def test_a_failure_that_needs_no_fault_has_none() -> None:
    smallest = shrink(PLAN, Needing(), limits())
    assert (smallest.nemeses, smallest.faults, smallest.time, smallest.nodes) == ([], [], 1.0, 1)


def test_nothing_is_tried_twice_in_vain() -> None:
    needing = Needing("partition-1", "kill-4", time=30)
    shrink(PLAN, needing, limits())
    vain = [plan.to_yaml() for plan in tuple(needing.tried) if needing(plan) is None]
    assert len(vain) == len(set(vain))


@pytest.mark.parametrize("tries", [1, 5, 20])
def test_it_ends_with_its_tries_and_what_it_has_by_then_fails(tries: int) -> None:
    needing = Needing("kill-2", time=5)
    given = limits(tries)
    smallest = shrink(PLAN, needing, given)
    assert (given.made, given.reached) == (tries, True)
    assert needing(smallest) is not None


def test_without_time_nothing_is_tried() -> None:
    needing = Needing("kill-2")
    assert shrink(PLAN, needing, Limits(100, 0)) == PLAN
    assert needing.tried == []


def test_what_does_not_fail_again_stays_as_it_is() -> None:
    needing = Needing("none-such")
    assert shrink(PLAN, needing, limits()) == PLAN
    assert len(needing.tried) == 1
