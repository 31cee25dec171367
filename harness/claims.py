"""Claims: what a target promises, under which faults.

A claim names what is expected of a history: a checker (`linearizable`), a checker with options (`{availability: {min:
0.99, side: majority}}`), an invariant of the workload, or the opposite of one (`{not: linearizable}`). It speaks for a
run when the run's nemeses are among its own: a promise made under partitions and kills is a promise under partitions,
and under no faults at all. Of a limit (`not`) the reverse is true: it takes faults to show it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import UsageError


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing expected of a history: a checker's or invariant's name, its options, and whether it must *not* hold."""

    name: str
    options: Mapping[str, Any]
    negated: bool = False

    @classmethod
    def parse(cls, raw: Any) -> Expectation:
        """From the form of a claims file. Raises `UsageError` naming what was read and what was expected."""
        if isinstance(raw, str) and raw:
            return cls(raw, {})
        if isinstance(raw, Mapping) and len(raw) == 1:
            [(name, options)] = raw.items()
            if name == "not":
                inner = cls.parse(options)
                return cls(inner.name, inner.options, not inner.negated)
            if isinstance(name, str) and isinstance(options, Mapping):
                return cls(name, dict(options))
            if isinstance(name, str) and isinstance(options, int | float) and not isinstance(options, bool):
                return cls(name, {"max": options})
        raise UsageError(
            f"cannot expect {raw!r}: write a name such as linearizable, or one name with options such as "
            "{availability: {min: 0.99}}, {not: linearizable} or {lost_writes: 0}"
        )

    def to_json(self) -> Any:
        """The form of a claims file again."""
        plain: Any = {self.name: dict(self.options)} if self.options else self.name
        return {"not": plain} if self.negated else plain


@dataclass(frozen=True, slots=True)
class Claim:
    """One promise: `expect` holds for `workload` while faults of the families in `nemeses` are injected."""

    id: str
    expect: Expectation
    workload: str
    nemeses: frozenset[str]

    @classmethod
    def of(cls, id: str, expect: Any, *, workload: str, nemeses: Collection[str] = ()) -> Claim:
        """From the plain form targets use to declare their claims. Raises `UsageError`."""
        return cls(id, Expectation.parse(expect), workload, frozenset(nemeses))

    def speaks_for(self, workload: str, nemeses: Collection[str]) -> bool:
        """Whether this claim is judged on a run of that workload under those nemeses."""
        tried = self.nemeses.issuperset(nemeses) and not (self.expect.negated and self.nemeses and not nemeses)
        return self.workload == workload and tried
