"""Campaigns of a runs folder, `campaigns/<name>/campaign.jsonl`, told as `splitbrain campaign` tells them.

A record is read again only when it changed: that of a year of nights has a hundred thousand lines. Its form is checked
where it is read (`harness.campaign.record`); what is no record says so on its page.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from harness.campaign.findings import document, findings, verdict
from harness.campaign.record import FILE, FOLDER, Record, Run, lines
from harness.errors import UsageError
from reports.serve.store import Missing, RunName, Store, entries, named
from reports.text import show

CAMPAIGNS_MAX = 200
BYTES_MAX = 256 << 20
CALLS_MAX, FAILURES_MAX, KEPT_MAX, TARGETS_MAX = 60, 100, 12, 4


@dataclass(frozen=True, slots=True)
class CallFacts:
    """One call of the command: when it began, its runs by verdict, and how many distinct failures it was the first to
    show."""

    began_s: float
    verdict: str
    runs: int
    count: Mapping[str, int]
    distinct: int
    new: int


@dataclass(frozen=True, slots=True)
class FailureFacts:
    """One distinct failure as the document tells it, with the runs that show it and are kept in this folder, the
    latest first; `smallest` is the easiest of them to read."""

    told: Mapping[str, Any]
    smallest: RunName | None
    kept: Sequence[RunName]
    more: int


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """One campaign. `problem` says what is wrong with its record; the rest is empty then."""

    name: str
    written_s: float
    problem: str = ""
    record: Record = field(default_factory=Record)
    told: Mapping[str, Any] | None = None
    calls: Sequence[CallFacts] = ()

    @property
    def verdict(self) -> str:
        """Of the latest call."""
        return str(self.told["verdict"]) if self.told else "unreadable"

    @property
    def targets(self) -> str:
        """Whom it tried, the first few by name."""
        names = sorted({run.target for run in self.record.runs})
        more = f" and {len(names) - TARGETS_MAX} more" if len(names) > TARGETS_MAX else ""
        return ", ".join(names[:TARGETS_MAX]) + more

    @property
    def open(self) -> int:
        """How many distinct failures the latest call saw."""
        return sum(failure["here"] > 0 for failure in self.told["failures"]) if self.told else 0

    @property
    def distinct(self) -> int:
        """How many there are in all."""
        return len(self.told["failures"]) if self.told else 0


class Campaigns:
    """Those of a store, in memory as long as their records do not change."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[tuple[int, ...], CampaignFacts]] = {}

    def every(self) -> list[CampaignFacts]:
        """All, the latest first."""
        names: list[str] = []
        with suppress(Missing), self._store.folder(FOLDER) as folder:
            names = entries(folder)[:CAMPAIGNS_MAX]
        found = []
        for name in names:
            with suppress(Missing):
                found.append(self.one(name))
        return sorted(found, key=lambda campaign: campaign.written_s, reverse=True)

    def one(self, name: str) -> CampaignFacts:
        """The campaign of that name. Raises `Missing` if there is none."""
        with self._store.file(FOLDER, named(name), FILE) as descriptor:
            status = os.fstat(descriptor)
            sign = (status.st_ino, status.st_size, status.st_mtime_ns)
            known = self._known.get(name)
            if known is None or known[0] != sign:
                known = sign, _read(name, descriptor, status)
                self._known[name] = known
            return known[1]

    def failures(self, campaign: CampaignFacts) -> list[FailureFacts]:
        """Its distinct failures in the order of the document, with what is kept of them now."""
        runs = {finding.failure.fingerprint: finding for finding in findings(campaign.record.runs)}
        told = campaign.told["failures"][:FAILURES_MAX] if campaign.told else ()
        return [self._failure(one, runs[one["fingerprint"]].runs) for one in told]

    def _failure(self, told: Mapping[str, Any], runs: Sequence[Run]) -> FailureFacts:
        folders = list(dict.fromkeys(run.folder for run in reversed(runs) if run.folder))
        kept = [name for folder in folders[:KEPT_MAX] if (name := self._kept(folder))]
        return FailureFacts(told, self._kept(told["run"]), kept, max(len(folders) - KEPT_MAX, 0))

    def _kept(self, folder: str) -> RunName | None:
        with suppress(Missing):
            name = RunName.of(folder)
            with self._store.folder(name.target, name.run):
                return name
        return None


def _read(name: str, descriptor: int, status: os.stat_result) -> CampaignFacts:
    if status.st_size > BYTES_MAX:
        problem = f"its record has {status.st_size:,} bytes, and no more than {BYTES_MAX:,} are read"
        return CampaignFacts(name, status.st_mtime, problem)
    try:
        with os.fdopen(os.dup(descriptor), "rb") as file:
            file.seek(0)
            record = Record.read(lines(file), FILE)
    except UsageError as refusal:
        return CampaignFacts(name, status.st_mtime, show(str(refusal), 400))
    call = max(len(record.calls) - 1, 0)
    return CampaignFacts(name, status.st_mtime, "", record, document(name, record, call, 0.0), _calls(record))


def _calls(record: Record) -> list[CallFacts]:
    """The latest, the latest first."""
    runs: dict[int, list[Run]] = {}
    seen: dict[int, set[str]] = {}
    first: dict[str, int] = {}
    for run in record.runs:
        runs.setdefault(run.call, []).append(run)
        for failure in run.failures:
            first.setdefault(failure.fingerprint, run.call)
            seen.setdefault(run.call, set()).add(failure.fingerprint)
    found = []
    for place in reversed(range(max(0, len(record.calls) - CALLS_MAX), len(record.calls))):
        mine = runs.get(place, [])
        count = Counter(run.verdict.value for run in mine)
        new = sum(call == place for call in first.values())
        facts = CallFacts(
            record.calls[place].at_s, verdict(mine, place).value, len(mine), count, len(seen.get(place, ())), new
        )
        found.append(facts)
    return found
