"""What is tried: one broken promise of a run, judged on whole runs in the simulator."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import plan as plans
from harness.errors import UsageError
from harness.experiment import resolve
from harness.faults import Status
from harness.plan import Plan
from harness.run import attempt
from harness.runs import RunFolder
from harness.shrink.smaller import Failing
from harness.verdict import Verdict
from harness.workers import Workers


def aim(folder: RunFolder, claim: str | None) -> Plan:
    """The plan of a failed run, with nothing to judge but that broken promise, or the first. Raises `UsageError` when
    there is none, and for a run that was not simulated: only there does a plan decide what happens."""
    plan = plans.load(folder.plan)
    if plan.cluster.name != "sim":
        raise UsageError(
            f"{folder.path} ran on {plan.cluster.name}, where no run is like another: shrink a run of the simulator"
        )
    broken = _broken(folder)
    if not broken:
        raise UsageError(f"{folder.path} broke no promise: there is nothing to shrink")
    if claim is not None and claim not in broken:
        raise UsageError(f"{folder.path} did not break {claim!r}: it broke {', '.join(broken)}")
    expect = broken[claim or next(iter(broken))]
    plan = plan.model_copy(update={"expect": [expect], "stop_on_violation": False})
    keys = getattr(resolve(plan).workload, "keys", None)
    if isinstance(keys, int):
        options = {**plan.workload.options, "keys": keys}
        plan = plan.model_copy(update={"workload": plan.workload.model_copy(update={"options": options})})
    return plan


def _broken(folder: RunFolder) -> Mapping[str, Any]:
    """What was expected and did not hold, by the ids of the claims."""
    try:
        claims = json.loads(folder.verdict.read_text(encoding="utf-8"))["claims"]
        return {claim["id"]: claim["expect"] for claim in claims if claim["verdict"] == Verdict.FAIL}
    except FileNotFoundError:
        raise UsageError(f"{folder.path} has no verdict yet: splitbrain check {folder.path}") from None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise UsageError(f"{folder.verdict} cannot be read: {type(problem).__name__}: {problem}") from problem


@contextmanager
def tries(tell: Callable[[Plan], object]) -> Iterator[Failing]:
    """Whole runs, in a process of their own that leaves nothing behind however it ends. `tell` is called before each
    with the plan that is tried. A try raises what ended it, `WorkerDied` among them."""
    with Workers(1) as workers:

        def failing(plan: Plan) -> Sequence[str] | None:
            tell(plan)
            workers.begin(plan, failed, plan)
            [done] = workers.done()
            if done.failure is not None:
                raise done.failure
            came: Sequence[str] | None = done.result
            return came

        yield failing


def failed(plan: Plan) -> Sequence[str] | None:
    """One try. What the run leaves is removed."""
    with tempfile.TemporaryDirectory(prefix="splitbrain-shrink-") as place:
        try:
            outcome = attempt(resolve(plan), RunFolder.create(Path(place), plan.target.name, plan.seed))
        except UsageError:  # a plan can become too small: more copies than nodes, nobody to cut off
            return None
    if outcome.problem or outcome.verdict is not Verdict.FAIL:
        return None
    return [span["id"] for span in outcome.faults if span["status"] != Status.SKIPPED]
