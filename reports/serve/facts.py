"""The few facts of one run that lists, filters and trends are made of, read from its `verdict.json`.

Nothing in that file is believed but its form, and where the form is wrong the run is listed with what is wrong. Every
text is bounded here, so that ten thousand runs stay a few megabytes whatever is in them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml

from harness.verdict import Verdict
from reports.serve.store import Missing, RunName, regular, whole
from reports.text import show

VERDICT_BYTES_MAX = 8 << 20
PLAN_BYTES_MAX = 64 << 10
CLAIMS_MAX = 64
FAMILIES_MAX = 16
GOING_S_MAX = 15.0
"""A run without a verdict whose files changed this recently is taken to be going on: a recorder flushes every second,
checkers may take longer and write nothing."""

_STAMP = re.compile(r"(\d{8}T\d{6})-")
STATES = (*(verdict.value for verdict in Verdict), "running", "unfinished", "unreadable")
"""What a run can be in: its verdict, or why it has none."""

Signature = tuple[int, int, int, bool]
"""When a file was written, its size and number, and whether it is the verdict: equal signatures, equal facts."""


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """One promise of one run. `why` is what the verdict rests on; `share` the availability that was measured for it
    (0..1), None of other claims."""

    id: str
    expect: str
    verdict: str
    share: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run. `began_s` is seconds since the epoch; `touched_s` when its files last changed; `ops` the operations of
    its clients; `problem` is what failed in the harness, or what is wrong with its files."""

    name: RunName
    target: str
    workload: str = ""
    cluster: str = ""
    seed: str = ""
    began_s: float = 0.0
    touched_s: float = 0.0
    verdict: str = ""
    claims: tuple[ClaimFacts, ...] = ()
    families: tuple[str, ...] = ()
    ops: int | None = None
    problem: str = ""
    text: str = ""

    def state(self, now_s: float) -> str:
        """One of `STATES`: without a verdict, whether it is going on depends on the time."""
        return self.verdict or ("running" if now_s - self.touched_s < GOING_S_MAX else "unfinished")

    @property
    def broken(self) -> int:
        """How many promises were broken."""
        return sum(claim.verdict == "fail" for claim in self.claims)

    @property
    def kept(self) -> int:
        """How many were kept."""
        return sum(claim.verdict == "pass" for claim in self.claims)

    def claim(self, id: str) -> ClaimFacts | None:
        """The promise of that id."""
        return next((claim for claim in self.claims if claim.id == id), None)


def signature(path: str) -> Signature | None:
    """What tells whether a run's facts have changed; None of a folder that is no run. `path` is the folder's."""
    for name in ("verdict.json", "history.arrow", "plan.yaml"):
        try:
            found = os.lstat(f"{path}/{name}")
        except OSError:
            continue
        return found.st_mtime_ns, found.st_size, found.st_ino, name == "verdict.json"
    return None


def read(folder: int, name: RunName, sign: Signature) -> RunFacts:
    """The facts of the run in an open folder."""
    touched_s = sign[0] / 1e9
    bare = RunFacts(
        name, show(name.target, 120), seed=_seed(name), began_s=_began(name, touched_s), touched_s=touched_s
    )
    try:
        facts = _judged(_json(folder), bare) if sign[3] else _planned(folder, bare)
    except (Missing, ValueError, RecursionError, yaml.YAMLError) as problem:
        facts = _replace(bare, verdict="unreadable", problem=show(str(problem), 240))
    words = [str(name), facts.target, facts.workload, facts.cluster, facts.seed, facts.verdict, facts.problem]
    words += [*facts.families, *(f"{claim.id} {claim.expect}" for claim in facts.claims)]
    return _replace(facts, text=" ".join(words).casefold())


def _replace(facts: RunFacts, **changes: Any) -> RunFacts:
    fields: dict[str, Any] = {name: getattr(facts, name) for name in RunFacts.__slots__}
    return RunFacts(**fields | changes)


def _json(folder: int) -> Mapping[str, Any]:
    with regular(folder, "verdict.json", "verdict.json") as descriptor:
        raw = whole(descriptor, "verdict.json", VERDICT_BYTES_MAX)
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"verdict.json is not JSON: {problem}") from problem
    if not isinstance(found, dict):
        raise ValueError("verdict.json is JSON, but no object as splitbrain writes it")
    return found


def _judged(found: Mapping[str, Any], bare: RunFacts) -> RunFacts:
    verdict = found.get("verdict")
    if verdict not in STATES[:4]:
        raise ValueError("verdict.json has no verdict as splitbrain writes it")
    stats = found.get("stats")
    ops = stats.get("ops") if isinstance(stats, dict) else None
    return _replace(
        bare,
        verdict=verdict,
        target=_text(found.get("target")) or bare.target,
        workload=_text(found.get("workload")),
        cluster=_text(found.get("cluster")),
        seed=_text(found.get("seed")) or bare.seed,
        claims=tuple(_claim(one) for one in _list(found.get("claims"))[:CLAIMS_MAX] if isinstance(one, dict)),
        families=_families(_list(found.get("faults"))),
        ops=ops if isinstance(ops, int) and 0 <= ops < 1 << 53 else None,
        problem=_text(found.get("problem"), 240),
    )


def _claim(raw: Mapping[str, Any]) -> ClaimFacts:
    verdict, stats = raw.get("verdict"), raw.get("stats")
    judged = stats.get("judged") if isinstance(stats, dict) else None
    share = judged.get("share") if isinstance(judged, dict) else None
    known = isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1
    return ClaimFacts(
        _text(raw.get("id")) or "?",
        show(raw["expect"], 120) if raw.get("expect") else "",
        verdict if verdict in STATES[:4] else "error",
        float(share) if known and share is not None else None,
        _text(raw.get("why"), 300),
    )


def _families(faults: list[Any]) -> tuple[str, ...]:
    found = {_text(one.get("family"), 40): None for one in faults[:10_000] if isinstance(one, dict)}
    return tuple(name for name in list(found)[:FAMILIES_MAX] if name)


def _planned(folder: int, bare: RunFacts) -> RunFacts:
    """A run that has no verdict yet: what it was to be."""
    with regular(folder, "plan.yaml", "plan.yaml") as descriptor:
        plan = yaml.safe_load(whole(descriptor, "plan.yaml", PLAN_BYTES_MAX))
    if not isinstance(plan, dict):
        raise ValueError("plan.yaml is no plan as splitbrain writes it")
    named = {field: _named(plan.get(field)) for field in ("target", "workload", "cluster")}
    families = tuple(filter(None, (_named(one)[:40] for one in _list(plan.get("nemeses"))[:FAMILIES_MAX])))
    seed = _text(plan.get("seed")) or bare.seed
    return _replace(bare, **named | {"target": named["target"] or bare.target, "families": families, "seed": seed})


def _named(value: Any) -> str:
    """The name of a part of a plan, which is written as a name, as an object with one, or as one field of that name."""
    if isinstance(value, dict):
        return _text(value["name"] if "name" in value else next(iter(value), None))
    return _text(value)


def _text(value: Any, chars_max: int = 120) -> str:
    """A bounded text of a text or a number; nothing of anything else: written out, what a YAML file holds may be far
    larger than the file."""
    return "" if isinstance(value, bool) or not isinstance(value, str | int | float) else show(value, chars_max)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _seed(name: RunName) -> str:
    found = re.fullmatch(r"\d{8}T\d{6}-(\d{1,20})(?:-\d+)?", name.run)
    return found[1] if found else ""


def _began(name: RunName, otherwise_s: float) -> float:
    """When a run began, by the name of its folder."""
    try:
        found = _STAMP.match(name.run)
        return datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp() if found else otherwise_s
    except (ValueError, OverflowError):
        return otherwise_s
