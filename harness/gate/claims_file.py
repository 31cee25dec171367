"""The claims file: what systems promise, written down where a CI job can hold them to it.

    defaults: {time: 20s, seeds: 20}
    claims:
      - {id: raft-linearizable, target: raft, nemeses: [partition, kill], expect: linearizable, confidence: 0.99}
      - {id: sets-keep, target: [crdt, outbox], workload: set, nemeses: [[partition], [kill]], expect: set-full}
      - {id: lww-loses-updates, target: multi-leader, nemeses: [partition], expect: {not: linearizable}}

A claim has an `id`, an `expect` (a claim's form, see `harness.claims`) and the fields of a plan; what it leaves out
comes from `defaults`, else from the plan's own. Several targets, or several lists of nemeses, make a case of each
combination. `seeds` is how many clean runs it takes to pass; `confidence` (with `rate`) says instead how sure to be,
and the number follows (`harness.gate.confidence`).

Everything that can be wrong is said before anything runs, each mistake with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from harness import documents
from harness.claims import Expectation
from harness.documents import Document, Location
from harness.errors import PlanError, UsageError
from harness.experiment import resolve
from harness.gate.confidence import CONFIDENCE, RATE, runs_for
from harness.plan import CheckBudget, Duration, NamedPart, Part, Plan

CASES_MAX = 10_000
SEEDS = 5

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OWN = ("id", "expect", "target", "nemeses", "seeds", "confidence", "rate", "seed")
"""The fields of a claim that are not passed on to its plans as they stand."""


def _listed(raw: object) -> object:
    return raw if isinstance(raw, list) else [raw]


def _regimes(raw: object) -> object:
    if isinstance(raw, list) and any(isinstance(item, list) for item in raw):
        return raw
    return [raw]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Settings(_Strict):
    """What a claim may leave to `defaults`."""

    target: Annotated[list[NamedPart], BeforeValidator(_listed)] = Field([], min_length=1)
    nemeses: Annotated[list[list[NamedPart]], BeforeValidator(_regimes)] = Field([[]], min_length=1)
    workload: NamedPart = Part(name="register")
    cluster: NamedPart = Part(name="sim")
    nodes: int = 5
    concurrency: int = 10
    time: Duration = 60.0
    timeout: Duration = 2.0
    settle: Duration = 5.0
    budget: CheckBudget = CheckBudget()
    keep_quorum: bool = False
    watchdog: bool = False
    seed: int = Field(0, ge=0, lt=1 << 62)
    seeds: int = Field(SEEDS, ge=1, le=100_000)
    confidence: float = Field(CONFIDENCE, ge=0.5, le=0.9999)
    rate: float = Field(RATE, ge=0.001, le=0.9)


class Entry(Settings):
    """One claim as it is written."""

    id: str
    expect: Any

    @field_validator("id")
    @classmethod
    def _names(cls, raw: str) -> str:
        if not _ID.fullmatch(raw):
            raise ValueError("an id is letters, digits, dots, dashes and underscores, such as raft-linearizable")
        return raw

    @field_validator("expect")
    @classmethod
    def _expects(cls, raw: Any) -> Any:
        try:
            Expectation.parse(raw)
        except UsageError as problem:
            raise ValueError(str(problem)) from None
        return raw


class _File(_Strict):
    defaults: Settings | None = None
    claims: list[Entry] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Case:
    """A claim for one target under one list of nemeses.

    `name` is unique in the file; `line` is the claim's (1-based). `plan` has its first seed and expects nothing yet.
    `wanted` is how many clean runs make a pass; `confidence` goes into what they are said to prove.
    """

    name: str
    claim: str
    file: str
    line: int
    plan: Plan
    expect: Expectation
    wanted: int
    confidence: float

    @property
    def where(self) -> str:
        """`claims.yaml:12`."""
        return f"{self.file}:{self.line}"


def load(path: Path) -> list[Case]:
    """The cases of a claims file, in its order. Raises `PlanError`, one line for each mistake found."""
    document = documents.read(path)
    if not isinstance(document.value, dict):
        raise document.error("a claims file is a mapping with a list of claims, such as {id: ..., target: raft, ...}")
    try:
        parsed = _File.model_validate(document.value)
    except ValidationError as problem:
        raise documents.explain(problem, document, _File) from None
    mistakes: list[PlanError] = []
    cases: list[Case] = []
    for place, entry in enumerate(parsed.claims):
        try:
            cases += _cases(_Claim(document, place, parsed.defaults, entry))
        except PlanError as mistake:
            mistakes.append(mistake)
    mistakes += _doubled(document, parsed.claims)
    if mistakes:
        raise _all(mistakes)
    if len(cases) > CASES_MAX:
        raise document.error(f"makes {len(cases)} cases; at most {CASES_MAX} are run", ("claims",))
    return cases


@dataclass(frozen=True, slots=True)
class _Claim:
    """A claim with what it inherits, and where all of it is written."""

    document: Document
    place: int
    defaults: Settings | None
    entry: Entry

    def error(self, message: str, field: str) -> PlanError:
        """A mistake in that field, wherever it is written."""
        return self.document.error(f"{self.entry.id}: {message}", self._location(field))

    def _location(self, field: str) -> Location:
        if field not in self.entry.model_fields_set and self.defaults and field in self.defaults.model_fields_set:
            return ("defaults", field)
        return ("claims", self.place, field)

    def value(self, field: str) -> Any:
        source = self.entry if self._location(field)[0] == "claims" else self.defaults
        return getattr(source, field)

    def said(self, field: str) -> bool:
        return field in self.entry.model_fields_set or bool(self.defaults and field in self.defaults.model_fields_set)


def _cases(claim: _Claim) -> Iterator[Case]:
    targets: list[Part] = claim.value("target")
    regimes: list[list[Part]] = claim.value("nemeses")
    if not targets:
        raise claim.error("names no target: write target: raft, or a list of targets", "id")
    passed_on = {name: claim.value(name) for name in Settings.model_fields if name not in _OWN and claim.said(name)}
    for target in targets:
        for regime in regimes:
            fields = passed_on | {"target": target, "nemeses": regime, "seed": claim.value("seed")}
            words = [claim.entry.id]
            words += [target.name] if len(targets) > 1 else []
            words += ["+".join(part.name for part in regime) or "no-faults"] if len(regimes) > 1 else []
            yield _case(claim, "/".join(words), fields)


def _case(claim: _Claim, name: str, fields: Mapping[str, Any]) -> Case:
    try:
        plan = Plan.model_validate(dict(fields))
    except ValidationError as problem:
        error = problem.errors(include_url=False)[0]
        field = str(error["loc"][0]) if error["loc"] else "id"
        raise claim.error(f"{field}: {error['msg'].removeprefix('Value error, ')}", field) from None
    expect = Expectation.parse(claim.entry.expect)
    try:
        resolved = resolve(plan.model_copy(update={"expect": [claim.entry.expect]})).plan
    except UsageError as problem:
        raise claim.error(str(problem), _field(plan, str(problem))) from None
    exact = not claim.said("confidence") or "seeds" in claim.entry.model_fields_set
    wanted = claim.value("seeds") if exact else runs_for(claim.value("confidence"), claim.value("rate"))
    return Case(
        name,
        claim.entry.id,
        claim.document.file,
        claim.document.line(("claims", claim.place)),
        resolved.model_copy(update={"expect": []}),
        expect,
        wanted,
        claim.value("confidence"),
    )


_KINDS = {"target": "target", "cluster": "cluster", "workload": "workload", "nemeses": "nemesis"}


def _field(plan: Plan, problem: str) -> str:
    """The field of a plan that a message of `resolve` is about."""
    parts = {"target": [plan.target], "cluster": [plan.cluster], "workload": [plan.workload], "nemeses": plan.nemeses}
    for field, kind in _KINDS.items():
        if problem.startswith((f"no {kind} is called", *(f"{part.name}:" for part in parts[field]))):
            return field
    return "workload" if "has no client for workload" in problem else "expect"


def _doubled(document: Document, entries: list[Entry]) -> Iterator[PlanError]:
    seen: dict[str, int] = {}
    for place, entry in enumerate(entries):
        if entry.id in seen:
            first = document.line(("claims", seen[entry.id]))
            yield document.error(f"the id {entry.id!r} is taken by the claim in line {first}", ("claims", place, "id"))
        seen.setdefault(entry.id, place)


def _all(mistakes: list[PlanError]) -> PlanError:
    mistakes = sorted(mistakes, key=lambda mistake: mistake.line or 0)
    joined = PlanError("\n".join(str(mistake) for mistake in mistakes))
    joined.file, joined.line = mistakes[0].file, mistakes[0].line
    return joined
