"""A plan with its names resolved: the plugins it speaks of, made and found fit for one another before anything is
started.

Whatever the user can have got wrong is found here: unknown names, options nobody takes, a fault the cluster cannot do,
an expectation nobody can judge. `resolve` looks at the plan alone (but for the package `all`, which a run's own plan
does not name any more), so it also serves to judge an old run on another machine; `admit` looks at this machine. Past
both, a failure is the harness's or the target's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import judge, options, packages, plugins
from harness.checker import Budget
from harness.claims import Claim
from harness.clusters.base import ChecksOptions, Cluster
from harness.confidential import Confidential
from harness.errors import Unsupported, UsageError
from harness.nemesis import MeetsTarget, Nemesis
from harness.plan import Part, Plan
from harness.streams import Streams
from harness.target import Target
from harness.workload import Workload


@dataclass(frozen=True, slots=True)
class Experiment:
    """The parts of one run. The cluster is not made yet: `cluster(run_id)` makes the object, its `create` the nodes."""

    plan: Plan
    target: Target
    workload: Workload
    nemeses: Sequence[Nemesis]
    claims: Sequence[Claim]
    streams: Streams
    cluster: Callable[[str], Cluster]
    cluster_class: type[Cluster]

    @property
    def budget(self) -> Budget:
        """What checking may cost."""
        return Budget(self.plan.budget.check, self.plan.budget.memory)

    @property
    def confidential(self) -> Confidential:
        """What must not be written down."""
        return Confidential.of(_options(self.plan))

    def judge(self, history: Any, logs: Path | None = None) -> list[judge.ClaimVerdict]:
        """Every claim of this experiment, judged from that history and the nodes' logs."""
        return judge.judge(
            history,
            self.claims,
            workload=self.workload,
            families=self.plan.families,
            checkers=checker_factory,
            budget=self.budget,
            logs=logs,
        )


def checker_factory(name: str) -> Callable[..., Any]:
    """The factory of a checker, by its entry point. Raises `UnknownName`."""
    factory: Callable[..., Any] = plugins.load("checkers", name)
    return factory


def resolve(plan: Plan) -> Experiment:
    """Finds and makes every part of a plan. Raises `UsageError` or one of its kinds."""
    target: Target = make("targets", plan.target)
    loaded: Any = plugins.load("clusters", plan.cluster.name)
    if isinstance(loaded, ChecksOptions):
        loaded.check_options(plan.node_names, plan.cluster.options)
    cluster_class: type[Cluster] = loaded
    plan = packages.expand(plan, target, cluster_class, make)
    for fault in plan.faults:
        if fault.rpartition("-")[0] not in plan.families:
            raise UsageError(f"faults: {fault} is none of a nemesis of this plan: it has {_or_none(plan.families)}")
    workload: Workload = make("workloads", plan.workload, concurrency=plan.concurrency)
    if plan.workload.name not in target.workloads:
        raise Unsupported(
            f"target {plan.target.name!r} has no client for workload {plan.workload.name!r}: "
            f"it has {', '.join(target.workloads)}"
        )
    nemeses: list[Nemesis] = [make("nemeses", part) for part in plan.nemeses]
    for nemesis in nemeses:
        if isinstance(nemesis, MeetsTarget):
            nemesis.meet(target)
    claims = claims_of(plan, target)
    judge.validate(claims, workload, checker_factory)
    streams = Streams(plan.seed)

    def cluster(run_id: str) -> Cluster:
        made: Cluster = make("clusters", plan.cluster, nodes=plan.node_names, streams=streams, run_id=run_id)
        return made

    return Experiment(plan, target, workload, nemeses, claims, streams, cluster, cluster_class)


def make(kind: str, part: Part, **given: Any) -> Any:
    """Calls a plugin with its plan's options. An option it does not take is a `UsageError` that says so."""
    factory = plugins.load(kind, part.name)
    confidential = Confidential.of(part.options)
    if why := options.misfit(part.name, factory, given, part.options):
        raise UsageError(why)
    try:
        return factory(**given, **confidential.reveal(part.options))
    except UsageError as problem:
        if not confidential.values:
            raise
        raise UsageError(confidential.hide(str(problem))) from None
    except TypeError as problem:  # a value of a kind that the plugin did not expect, and did not check
        raise UsageError(f"{part.name}: {problem}: its options were {part.options}") from problem


def claims_of(plan: Plan, target: Target) -> list[Claim]:
    """What the run is judged on: the plan's expectations, or else the target's own claims that speak for these
    faults."""
    if plan.expect:
        named = zip(_claim_ids(plan.expect), plan.expect, strict=True)
        return [Claim.of(id, raw, workload=plan.workload.name, nemeses=plan.families) for id, raw in named]
    claims = [claim for claim in target.claims if claim.speaks_for(plan.workload.name, plan.families)]
    if not claims:
        raise UsageError(
            f"{plan.target.name} claims nothing for workload {plan.workload.name!r} under "
            f"{', '.join(plan.families) or 'no faults'}: say what to expect, for example --expect linearizable"
        )
    return claims


def _claim_ids(expect: Sequence[Any]) -> list[str]:
    """What is expected, by name; of the second expectation with a name, and of those after it, also which it is."""
    names = [_claim_id(raw) for raw in expect]
    before = [names[:place].count(name) for place, name in enumerate(names)]
    return [f"{name}-{count + 1}" if count else name for name, count in zip(names, before, strict=True)]


def _claim_id(raw: Any) -> str:
    if isinstance(raw, str):
        return raw
    [(name, inner)] = raw.items()
    return f"not-{_claim_id(inner)}" if name == "not" else str(name)


def _or_none(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _options(plan: Plan) -> list[Mapping[str, Any]]:
    return [part.options for part in (plan.target, plan.cluster, plan.workload, *plan.nemeses)]


def admit(experiment: Experiment) -> None:
    """Refuses, before anything is started, what this machine cannot do. Raises `Unsupported` naming what is missing, or
    `UsageError` for what the environment lacks."""
    if missing := experiment.confidential.missing(_options(experiment.plan)):
        raise UsageError(f"the plan refers to {', '.join(missing)}: not set in the environment")
    cluster, powers = experiment.plan.cluster.name, experiment.cluster_class.probe()
    if reason := powers.get("available"):
        raise Unsupported(f"cluster {cluster} cannot be used here: {reason}")
    for nemesis in experiment.nemeses:
        for need in sorted(nemesis.needs):
            if reason := powers.get(need, "it does not know this fault"):
                raise Unsupported(f"cluster {cluster} cannot do {nemesis.family}: {reason}")
