"""The plan: everything that decides a run, validated before anything starts.

A plan comes from a YAML file, from the command line, or from both (the command line wins). The one that is written into
a run's folder is complete, defaults included, so that the folder alone is enough to repeat the run.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    field_validator,
)

from harness import documents
from harness.claims import Expectation
from harness.errors import PlanError, UsageError
from harness.units import duration_s, format_duration, size_bytes

NODES_MAX = 100
CONCURRENCY_MAX = 10_000

_FAULT_ID = re.compile(r"[a-z][a-z-]*-[1-9][0-9]{0,5}")


def _seconds(value: object) -> float:
    try:
        return duration_s(value)
    except UsageError as problem:
        raise ValueError(str(problem)) from None


def _bytes(value: object) -> int:
    try:
        return size_bytes(value)
    except UsageError as problem:
        raise ValueError(str(problem)) from None


def _fault_id(text: str) -> str:
    if not _FAULT_ID.fullmatch(text):
        raise ValueError("write the family and the number of a fault, such as partition-2")
    return text


Duration = Annotated[float, BeforeValidator(_seconds), PlainSerializer(format_duration)]
Size = Annotated[int, BeforeValidator(_bytes)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Strict):
    """A named plugin with its options: `raft`, `{name: raft, ...}` or `{raft: {...}}`."""

    name: str
    options: dict[str, Any] = {}

    @classmethod
    def of(cls, raw: object) -> Part:
        """From any of the forms a plan may use. Raises ValueError."""
        if isinstance(raw, Part):
            return raw
        if isinstance(raw, str) and raw:
            return cls(name=raw)
        if isinstance(raw, Mapping) and isinstance(raw.get("name"), str):
            rest = {str(key): value for key, value in raw.items() if key not in ("name", "options")}
            return cls(name=raw["name"], options=dict(raw.get("options") or {}) | rest)
        if isinstance(raw, Mapping) and len(raw) == 1:
            [(name, options)] = raw.items()
            if isinstance(name, str) and (options is None or isinstance(options, Mapping)):
                return cls(name=name, options={str(key): value for key, value in (options or {}).items()})
        raise ValueError("write a name, or a name with options such as {name: partition, interval: 5s}")

    def plain(self) -> Any:
        """The shortest of those forms again."""
        return {"name": self.name} | self.options if self.options else self.name


NamedPart = Annotated[Part, BeforeValidator(Part.of), PlainSerializer(Part.plain)]


class CheckBudget(_Strict):
    """What checking may cost, in all."""

    check: Duration = 60.0
    memory: Size = 4 << 30


class Plan(_Strict):
    """See the module's text. Durations are seconds; `expect` empty means the target's own claims for this workload.

    `stop_on_violation` ends the load once a claim that can be judged while it runs is violated; the faults are then
    healed, and the final reads made, as ever. `keep_quorum` skips every fault after which, beside what is in force, no
    more than half of all nodes would be up and linked to a majority. `watchdog` starts again what crashed by itself.
    `faults`, if it names any (`partition-2`), are the only ones that come; the time of the others passes without them.
    """

    target: NamedPart
    cluster: NamedPart = Part(name="sim")
    nodes: int = Field(5, ge=1, le=NODES_MAX)
    workload: NamedPart = Part(name="register")
    concurrency: int = Field(10, ge=1, le=CONCURRENCY_MAX)
    nemeses: list[NamedPart] = []
    faults: list[Annotated[str, AfterValidator(_fault_id)]] = []
    time: Duration = 60.0
    timeout: Duration = Field(2.0, gt=0)
    settle: Duration = 5.0
    seed: int = Field(ge=0, lt=1 << 63)
    expect: list[Any] = []
    budget: CheckBudget = CheckBudget()
    stop_on_violation: bool = False
    keep_quorum: bool = False
    watchdog: bool = False

    @field_validator("nemeses")
    @classmethod
    def _each_family_once(cls, nemeses: list[Part]) -> list[Part]:
        names = [part.name for part in nemeses]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{doubled[0]} is named twice; give one entry all its options")
        return nemeses

    @field_validator("expect")
    @classmethod
    def _expectations(cls, raw: list[Any]) -> list[Any]:
        for item in raw:
            try:
                Expectation.parse(item)
            except UsageError as problem:
                raise ValueError(str(problem)) from None
        return raw

    @property
    def node_names(self) -> list[str]:
        """n1, n2, ..."""
        return [f"n{number}" for number in range(1, self.nodes + 1)]

    @property
    def families(self) -> list[str]:
        """The families of faults this plan injects, in its order."""
        return [part.name for part in self.nemeses]

    @classmethod
    def build(cls, overrides: Mapping[str, Any], file: Path | None = None) -> Plan:
        """A plan out of an optional YAML file and fields that override it. A missing seed is drawn. Raises
        `PlanError`."""
        document = documents.read(file) if file else None
        if document and not isinstance(document.value, dict):
            raise document.error("a plan is a mapping of fields, such as target: raft")
        fields = {**(document.value if document else {}), **overrides}
        fields.setdefault("seed", secrets.randbits(31))
        if machines := _machines(fields.get("cluster")):
            fields.setdefault("nodes", len(machines))
        try:
            return cls.model_validate(fields)
        except ValidationError as problem:
            raise documents.explain(problem, document, cls) from None

    def to_yaml(self) -> str:
        """The complete plan; `build` reads it back to an equal one."""
        return yaml.safe_dump(self.model_dump(), sort_keys=False, allow_unicode=True)


def _machines(cluster: object) -> list[Any]:
    """The machines that a plan's cluster names one by one: it has as many nodes, if nobody says otherwise."""
    try:
        hosts = Part.of(cluster).options.get("hosts")
    except ValueError:
        return []
    return hosts if isinstance(hosts, list) else []


def load(file: Path) -> Plan:
    """A complete plan from a run's folder. Raises `PlanError`."""
    plan = Plan.build({}, file)
    if "seed:" not in file.read_text(encoding="utf-8"):
        raise PlanError("has no seed, so the run cannot be repeated", file=str(file))
    return plan
