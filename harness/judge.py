"""From claims to verdicts: each promise held against one history.

Three rules make a verdict worth trusting. A failure always stands: a violation that was recorded happened, whatever
else went wrong. A pass needs coverage: every family of faults of the run took hold at least once and the service was
used while it held; otherwise it is `inconclusive`, with the reason. And the absence of a violation proves nothing
about `{not: X}`: such a claim passes only when the violation was found, and is otherwise inconclusive, never failed.

A checker that breaks is an `error` of its claims alone; all others are judged.
"""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from harness import flows, options
from harness.answers import client_answers
from harness.checker import Anomaly, Budget, Checker, ReadsLogs, Result
from harness.claims import Claim, Expectation
from harness.coverage import Coverage, coverage
from harness.errors import SplitbrainError, UnknownName, UsageError
from harness.faults import spans
from harness.verdict import Verdict
from harness.workload import Workload

if TYPE_CHECKING:
    from harness.history import History

Lookup = Callable[[str], Callable[..., Checker]]
"""Finds the factory of a checker by name; raises `UnknownName`."""

RESERVED_SHARE = 0.05
"""The part of the whole time budget that is kept back for each check still to come (at most half of it for all)."""


@dataclass(frozen=True, slots=True)
class ClaimVerdict:
    """The judgement on one claim.

    `expect` has the form of a claims file; `coverage` is JSON (see `harness.coverage`); `anomalies` are the
    violations found, also those that make a `not` claim pass; `stats` are the checker's. `traceback` is empty unless
    the checker broke; it is for the log, not for users.
    """

    id: str
    expect: Any
    verdict: Verdict
    why: str
    coverage: Mapping[str, Any]
    anomalies: Sequence[Anomaly] = ()
    stats: Mapping[str, Any] = field(default_factory=dict)
    traceback: str = ""

    def to_json(self) -> dict[str, Any]:
        """One object of `claims[]` in verdict.json."""
        return {
            "id": self.id,
            "expect": self.expect,
            "verdict": self.verdict.value,
            "why": self.why,
            "coverage": dict(self.coverage),
            "anomalies": [anomaly.to_json() for anomaly in self.anomalies],
            "stats": dict(self.stats),
        }


class Judged(Protocol):
    """A claim's verdict, in whatever form."""

    @property
    def verdict(self) -> Verdict: ...

    @property
    def anomalies(self) -> Sequence[Anomaly]: ...


J = TypeVar("J", bound=Judged)


def violations(claims: Sequence[J]) -> list[tuple[J, Anomaly]]:
    """Every violation found, with the claim it belongs to: those of broken claims first, each once."""
    found: dict[tuple[str, str | None, tuple[int, ...]], tuple[J, Anomaly]] = {}
    for claim in sorted(claims, key=lambda claim: claim.verdict is not Verdict.FAIL):
        for anomaly in claim.anomalies:
            found.setdefault((anomaly.type, anomaly.key, anomaly.ops), (claim, anomaly))
    return list(found.values())


def validate(claims: Sequence[Claim], workload: Workload, lookup: Lookup) -> None:
    """Makes every checker once, so that whatever is wrong with a claim is said before anything starts.

    Raises `UnknownName` for an expectation that nobody can judge, listing those that exist, and `UsageError` for
    options its checker refuses.
    """
    for claim in claims:
        _checker(claim.expect, workload, lookup)


def judge(
    history: History,
    claims: Sequence[Claim],
    *,
    workload: Workload,
    families: Collection[str],
    checkers: Lookup,
    budget: Budget,
    logs: Path | None = None,
) -> list[ClaimVerdict]:
    """Judges every claim on one history, in their order. `families` are those of the run's plan; `budget` is for all
    checks together. `logs` is the folder of the nodes' logs, for checkers that read them.

    Claims that ask the same of the same checker (also one for and one against) share one check. Raises what
    `validate` raises, and `HistoryError` when the faults in the history cannot be read.
    """
    made = [
        (_key(claim.expect, workload), claim, *_checker(claim.expect, workload, checkers, logs)) for claim in claims
    ]
    scenes = {flow: _Scene.of(flows.select(history, flow), families) for flow in {flow for _, _, flow, _ in made}}
    waiting = {key: (flow, checker) for key, _, flow, checker in made}
    deadline = time.monotonic() + budget.seconds
    checks: dict[str, _Check] = {}
    for place, (key, (flow, checker)) in enumerate(waiting.items(), 1):
        reserved = budget.seconds * min(0.5, RESERVED_SHARE * (len(waiting) - place))
        checks[key] = _check(checker, scenes[flow].history, budget, deadline - time.monotonic() - reserved)
    verdicts = []
    for key, claim, flow, checker in made:
        answered = not getattr(checker, "covered_by_invocations", False)
        tested = scenes[flow].tested
        missing = tested.missing(answered=answered)
        verdicts.append(_verdict(claim, checks[key], missing, tested.to_json(answered=answered)))
    return verdicts


@dataclass(frozen=True, slots=True)
class _Scene:
    """What a claim is judged on: the whole history or one flow of it, and what was tested there."""

    history: History
    tested: Coverage

    @classmethod
    def of(cls, history: History, families: Collection[str]) -> _Scene:
        return cls(history, coverage(client_answers(history), spans(history), families))


@dataclass(frozen=True, slots=True)
class _Check:
    result: Result
    traceback: str = ""


def _key(expect: Expectation, workload: Workload) -> str:
    return json.dumps([expect.name, _options(expect, workload)], sort_keys=True, default=repr)


def _options(expect: Expectation, workload: Workload) -> dict[str, Any]:
    return {**workload.checker_options(expect.name), **expect.options}


def _checker(
    expect: Expectation, workload: Workload, lookup: Lookup, logs: Path | None = None
) -> tuple[str | None, Checker]:
    """The flow to be judged, None for all, and the checker."""
    try:
        factory = lookup(expect.name)
    except UnknownName as problem:
        raise UnknownName(
            f"nothing called {expect.name!r} can be expected of workload {workload.name}: expect one of "
            + ", ".join(sorted(workload.expectations))
        ) from problem
    flow, given = flows.separate(_options(expect, workload), workload)
    if why := options.misfit(expect.name, factory, (), given):
        raise UsageError(why)
    checker = factory(**given)
    return flow, checker.with_logs(logs) if logs is not None and isinstance(checker, ReadsLogs) else checker


def _check(checker: Checker, history: History, budget: Budget, seconds: float) -> _Check:
    if seconds <= 0:
        why = f"the budget of {budget.seconds:g} s was spent by the checks before this one"
        return _Check(Result(Verdict.INCONCLUSIVE, "", why=why))
    try:
        return _Check(checker.check(history, budget=Budget(seconds, budget.memory_bytes)))
    except SplitbrainError as problem:
        return _Check(Result(Verdict.ERROR, "", why=str(problem)), traceback.format_exc())
    except Exception as problem:
        why = f"the checker broke: {type(problem).__name__}: {problem}"
        return _Check(Result(Verdict.ERROR, "", why=why), traceback.format_exc())


def _verdict(claim: Claim, check: _Check, missing: str, tested: Mapping[str, Any]) -> ClaimVerdict:
    result = check.result
    verdict, why = result.verdict, result.why or _told(result)
    if claim.expect.negated:
        verdict, why = _opposite(claim.expect.name, verdict, why)
    if verdict is Verdict.PASS and missing:
        verdict, why = Verdict.INCONCLUSIVE, f"too little was tested for a pass: {missing}"
    if flow := claim.expect.options.get(flows.OPTION):
        why = f"{flow}: {why}"
    return ClaimVerdict(
        claim.id, claim.expect.to_json(), verdict, why, tested, result.anomalies, result.stats, check.traceback
    )


def _opposite(name: str, verdict: Verdict, why: str) -> tuple[Verdict, str]:
    if verdict is Verdict.FAIL:
        return Verdict.PASS, f"{name} was violated, as the claim says: {why}"
    if verdict is Verdict.PASS:
        return Verdict.INCONCLUSIVE, f"no violation of {name} was found in this run: absence in one run proves nothing"
    return verdict, why


def _told(result: Result) -> str:
    if result.anomalies:
        more = len(result.anomalies) - 1
        return result.anomalies[0].message + (f" (and {more} more)" if more else "")
    return "no violation was found" if result.verdict is Verdict.PASS else "the checker gave no reason"
