"""What the fixtures give: runs that are judged, and clusters that stand while a story is told on them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from harness import repeat
from harness.claims import Expectation
from harness.clusters.base import Cluster
from harness.errors import HarnessError
from harness.experiment import Experiment, admit, claims_of, resolve
from harness.gate import trial
from harness.gate.trial import Keep, Trial
from harness.plan import Plan
from harness.verdict import Verdict
from harness.workers import Workers

T = TypeVar("T")


class RunTest:
    """Called with fields of a plan, on top of the marker's: makes the run in a process of its own, as `splitbrain run`
    would, and returns what came of it if every expectation held; without `expect`, the target's own claims are judged.
    """

    def __init__(self, fields: Mapping[str, Any], runs_root: Path, node: pytest.Item) -> None:
        self._fields = fields
        self._runs_root = runs_root
        self._node = node

    def __call__(self, **fields: Any) -> Trial:
        """Fails the test, with the operations that prove it, unless the verdict is a pass. Raises `UsageError` for a
        plan that is none, `HarnessError` when the harness failed."""
        __tracebackhide__ = True
        experiment = _admitted({**self._fields, **fields})
        plan = experiment.plan
        expects = [claim.expect.to_json() for claim in claims_of(plan, experiment.target)]
        with Workers(1) as workers:
            workers.begin(None, trial.conduct, plan, expects, self._runs_root, Keep.TELLING)
            [done] = workers.done()
        if done.failure is not None:
            raise done.failure
        found: Trial = done.result
        self._node.user_properties += [("seed", found.seed), ("operations", found.ops)]
        if found.problem:
            raise HarnessError(found.problem)
        if told := _told(plan, expects, found):
            pytest.fail(told, pytrace=False)
        return found


class StartCluster:
    """Called with a coroutine function: starts the marker's target, calls it with the cluster (`harness.clusters.base`)
    and returns what it returns. The cluster is taken down however it ends; simulated ones live in virtual time.

    Faults need what they act with to be prepared: `nemeses` in the marker says which families the story will use.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def __call__(self, story: Callable[[Cluster], Awaitable[T]], **fields: Any) -> T:
        """Raises what the story raises."""
        # A plan is refused where nothing is expected; every workload can be asked for this, and nobody judges it.
        experiment = _admitted({**self._fields, "expect": ["availability"], **fields})
        cluster = experiment.cluster(f"pytest-{experiment.plan.seed}")
        needs = frozenset().union(*(nemesis.needs for nemesis in experiment.nemeses))

        async def live() -> T:
            try:
                await cluster.create(experiment.target, needs)
                await experiment.target.ready(cluster)
                return await story(cluster)
            finally:
                await cluster.destroy()

        return cluster.run(live)


def _admitted(fields: Mapping[str, Any]) -> Experiment:
    experiment = resolve(Plan.build(fields))
    admit(experiment)
    return experiment


def _told(plan: Plan, expects: list[Any], found: Trial) -> str:
    """What is to be said of each expectation that did not hold; empty when all did."""
    lines: list[str] = []
    for expect, judged in zip(expects, found.judged, strict=True):
        if judged.verdict is Verdict.PASS:
            continue
        lines.append(f"{Expectation.parse(expect).to_json()}: {judged.verdict.value}: {judged.why}")
        lines += [f"    {line}" for sighting in judged.sightings[:1] for line in sighting.witness]
    if lines:
        lines.append(f"again:  {repeat.command(plan)}")
        lines.append(f"report: {found.folder}/report.html")
    return "\n".join(lines)
