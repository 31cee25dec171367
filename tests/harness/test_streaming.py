"""Which claims can be watched while a run goes on, and which of them can end it."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import UsageError
from harness.experiment import Experiment, resolve
from harness.plan import Part, Plan
from harness.streaming import ending, watching


def plan(*expect: Any) -> Plan:
    return Plan.build({"target": "multi-leader", "expect": list(expect), "seed": 1, "stop_on_violation": True})


def judged(experiment: Experiment) -> list[str]:
    return [claim for claim, each in watching(experiment).items() if each.checker]


def test_claims_that_can_be_watched_are() -> None:
    experiment = resolve(plan("linearizable", "converges", "availability", {"not": "linearizable"}))
    assert judged(experiment) == ["linearizable", "not-linearizable"]
    assert list(watching(experiment)) == ["linearizable", "converges", "availability", "not-linearizable"]
    assert list(ending(experiment)) == list(watching(experiment))
    assert not judged(resolve(plan("converges")))


@pytest.mark.parametrize("expect", ["converges", {"not": "linearizable"}, {"linearizable": {"model": "kv"}}])
def test_nothing_to_watch_is_told_before_the_run(expect: Any) -> None:
    with pytest.raises(UsageError, match="none of the claims"):
        ending(resolve(plan(expect)))


def test_flows_that_workloads_have_are_watched() -> None:
    told = plan({"linearizable": {"flow": "checkout"}}).model_copy(update={"workload": Part(name="shop")})
    assert {name: each.flow for name, each in watching(resolve(told)).items()} == {"linearizable": "checkout"}


def test_the_plan_is_written_and_read_with_it(tmp_path: Any) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(plan("linearizable").to_yaml())
    assert Plan.build({}, file).stop_on_violation
    assert not Plan.build({"target": "raft"}).stop_on_violation
