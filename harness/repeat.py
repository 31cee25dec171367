"""The command that repeats a run: what a report says, so that a reader can try it without the run's folder."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

from harness.plan import Part, Plan
from harness.units import format_duration

_SIMPLE = ("nodes", "concurrency")
_DURATIONS = ("time", "timeout", "settle")


def command(plan: Plan) -> str:
    """The shortest command line that gives this plan again; with options no flag can say, a plan file is named
    instead."""
    words = list(_words(plan))
    repeated = shlex.join(["splitbrain", "run", *words])
    return (
        repeated if _said_by_flags(plan) else "splitbrain run --plan plan.yaml   # the plan.yaml of this run's folder"
    )


def _words(plan: Plan) -> Iterator[str]:
    yield plan.target.name
    if bug := plan.target.options.get("bug"):
        yield from ("--bug", str(bug))
    if plan.cluster.name != "sim":
        yield from ("--cluster", plan.cluster.name)
    if plan.workload.name != "register":
        yield from ("--workload", plan.workload.name)
    for name, value in plan.workload.options.items():
        yield from (f"--{name}", str(value))
    if plan.nemeses:
        yield from ("--nemesis", ",".join(plan.families))
        if interval := plan.nemeses[0].options.get("interval"):
            yield from ("--interval", str(interval))
    defaults = Plan.model_fields
    for name in _SIMPLE:
        if getattr(plan, name) != defaults[name].default:
            yield from (f"--{name}", str(getattr(plan, name)))
    for name in _DURATIONS:
        if name == "time" or getattr(plan, name) != defaults[name].default:
            yield from (f"--{name}", format_duration(getattr(plan, name)))
    if plan.keep_quorum:
        yield "--keep-quorum"
    if plan.watchdog:
        yield "--watchdog"
    if plan.stop_on_violation:
        yield "--stop-on-violation"
    yield from ("--seed", str(plan.seed))
    for raw in plan.expect:
        yield from ("--expect", raw if isinstance(raw, str) else json.dumps(raw))


def _said_by_flags(plan: Plan) -> bool:
    def only(part: Part, *names: str) -> dict[str, Any]:
        return {name: value for name, value in part.options.items() if name not in names}

    intervals = {json.dumps(part.options.get("interval")) for part in plan.nemeses}
    unsaid = [only(plan.target, "bug"), only(plan.cluster), only(plan.workload, "rate", "keys")]
    unsaid += [only(part, "interval") for part in plan.nemeses]
    return not any(unsaid) and not plan.faults and len(intervals) <= 1
