"""The baseline: violations that are known and accepted for a time, so that a gate can go green and still tell what is
new.

    accepted:
      - {claim: lww-keeps-writes, anomaly: lost-write, reason: last write wins, issue: "#12", expires: 2027-03-31}

An entry needs a reason, and speaks for one anomaly of one case (its full name). Past its expiry it accepts nothing. One
that does not show any more is told, so that the file shrinks as the system gets better.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness import documents

TERM = timedelta(days=90)
"""How long an entry holds that nobody gave another expiry."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    claim: str
    anomaly: str
    reason: str = Field(min_length=1)
    issue: str = ""
    expires: date | None = None


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    accepted: list[_Entry] = []


@dataclass(frozen=True, slots=True)
class Accepted:
    """One known violation; `line` is its line in the file (1-based), 0 for one that was never written."""

    claim: str
    anomaly: str
    reason: str
    issue: str = ""
    expires: date | None = None
    file: str = ""
    line: int = 0

    def expired(self, today: date) -> bool:
        """Whether it accepts nothing any more: it does on the day of its expiry."""
        return self.expires is not None and today > self.expires

    def covers(self, claim: str, anomaly: str, today: date) -> bool:
        """Whether it speaks for that anomaly of that case."""
        return (self.claim, self.anomaly) == (claim, anomaly) and not self.expired(today)


def load(path: Path) -> list[Accepted]:
    """The entries of a baseline file, in its order. Raises `PlanError` with file and line."""
    document = documents.read(path)
    try:
        parsed = _File.model_validate({} if document.value is None else document.value)
    except ValidationError as problem:
        raise documents.explain(problem, document, _File) from None
    return [
        Accepted(**entry.model_dump(), file=document.file, line=document.line(("accepted", place)))
        for place, entry in enumerate(parsed.accepted)
    ]


def renewed(
    standing: Sequence[Accepted], found: Iterable[tuple[str, str]], gone: Iterable[Accepted], today: date
) -> str:
    """The text of a baseline that accepts what was `found` (case and anomaly) and keeps what stands but for what is
    `gone`. What is new holds for a term, and asks for its reason."""
    dropped = set(gone)
    kept = [entry for entry in standing if entry not in dropped and not entry.expired(today)]
    known = {(entry.claim, entry.anomaly) for entry in kept}
    reason = f"accepted on {today}; say why"
    new = [Accepted(*pair, reason, expires=today + TERM) for pair in dict.fromkeys(found) if pair not in known]
    return yaml.safe_dump({"accepted": [_plain(entry) for entry in [*kept, *new]]}, sort_keys=False, allow_unicode=True)


def _plain(entry: Accepted) -> dict[str, Any]:
    fields = {name: getattr(entry, name) for name in _Entry.model_fields}
    return {name: value for name, value in fields.items() if value}
