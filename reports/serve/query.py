"""What a visitor asks of the list of runs: search, filter, order and page, as the fields of a form sent by GET.

So it works without script, an address can be kept and sent on, and a link that changes one field keeps the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from reports.serve.facts import STATES, RunFacts

PAGE_RUNS = 50
FIELD_CHARS_MAX = 200
WORST = ("fail", "error", "inconclusive", "unreadable", "unfinished", "running", "pass")
"""States by how much they want to be looked at."""

ORDERS: Mapping[str, bool] = {"time": True, "target": False, "verdict": False, "claim": False}
"""What runs are ordered by, and whether most is first."""


@dataclass(frozen=True, slots=True)
class Query:
    """Empty texts ask for nothing. With a claim, `verdict` is that of the claim, and so is the order by it."""

    q: str = ""
    target: str = ""
    workload: str = ""
    claim: str = ""
    verdict: str = ""
    sort: str = "time"
    order: str = ""
    page: int = 1

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Query:
        """From the fields of a form. What makes no sense counts as not given."""
        texts: dict[str, Any] = {
            one.name: str(given.get(one.name, ""))[:FIELD_CHARS_MAX] for one in fields(cls) if one.name != "page"
        }
        texts["sort"] = texts["sort"] if texts["sort"] in ORDERS else "time"
        texts["order"] = texts["order"] if texts["order"] in ("up", "down") else ""
        texts["verdict"] = texts["verdict"] if texts["verdict"] in STATES else ""
        page = str(given.get("page", ""))
        return cls(**texts, page=int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 7 else 1)

    @property
    def down(self) -> bool:
        """Whether most is first."""
        return ORDERS[self.sort] if not self.order else self.order == "down"

    @property
    def narrow(self) -> bool:
        """Whether anything is left out."""
        return any((self.q.strip(), self.target, self.workload, self.claim, self.verdict))

    def address(self, **changes: Any) -> str:
        """The address that asks for the same but for `changes`; the first page, unless they name one."""
        asked = replace(self, **{"page": 1} | changes)
        default = Query()
        pairs = [
            (one.name, getattr(asked, one.name))
            for one in fields(Query)
            if getattr(asked, one.name) != getattr(default, one.name)
        ]
        return "/?" + urlencode(pairs, errors="replace")

    def sorting(self, by: str) -> str:
        """The address that orders by a column; asked twice, the other way round."""
        down = not self.down if by == self.sort else ORDERS[by]
        return self.address(sort=by, order="" if down == ORDERS[by] else "down" if down else "up")

    def select(self, runs: Iterable[RunFacts], now_s: float) -> list[RunFacts]:
        """The runs that are asked for, in order; `runs` come newest first, which decides between equals."""
        words = self.q.casefold().split()
        found = [
            run
            for run in runs
            if (not self.target or run.target == self.target)
            and (not self.workload or run.workload == self.workload)
            and (not self.claim or run.claim(self.claim) is not None)
            and (not self.verdict or self.shown(run, now_s) == self.verdict)
            and all(word in run.text for word in words)
        ]
        if self.sort == "time":
            return found if self.down else found[::-1]
        keys: dict[str, Callable[[RunFacts], Any]] = {
            "target": lambda run: run.target.casefold(),
            "verdict": lambda run: WORST.index(self.shown(run, now_s)),
            "claim": lambda run: (-run.broken, run.kept - len(run.claims)),
        }
        return sorted(found, key=keys[self.sort], reverse=self.down)

    def shown(self, run: RunFacts, now_s: float) -> str:
        """The state that is asked about: the claim's where one is named, else the run's."""
        claim = run.claim(self.claim) if self.claim else None
        return claim.verdict if claim else run.state(now_s)


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what was found. `number` counts from 1; `last` is the number of the last page."""

    runs: Sequence[RunFacts]
    number: int
    last: int
    found: int

    @classmethod
    def of(cls, found: Sequence[RunFacts], number: int) -> Page:
        """The page of that number, or the last one."""
        last = max(1, -(-len(found) // PAGE_RUNS))
        number = min(number, last)
        return cls(found[(number - 1) * PAGE_RUNS : number * PAGE_RUNS], number, last, len(found))

    @property
    def first_shown(self) -> int:
        """The place of its first run among all that were found, from 1."""
        return (self.number - 1) * PAGE_RUNS + 1


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be filtered by: every value there is, with how many runs have it."""

    targets: Mapping[str, int]
    workloads: Mapping[str, int]
    claims: Mapping[str, int]
    states: Mapping[str, int]

    @classmethod
    def of(cls, runs: Iterable[RunFacts], now_s: float) -> Choices:
        """Counts over all runs."""
        counts: tuple[dict[str, int], ...] = ({}, {}, {}, {})
        targets, workloads, claims, states = counts
        for run in runs:
            targets[run.target] = targets.get(run.target, 0) + 1
            if run.workload:
                workloads[run.workload] = workloads.get(run.workload, 0) + 1
            for claim in run.claims:
                claims[claim.id] = claims.get(claim.id, 0) + 1
            state = run.state(now_s)
            states[state] = states.get(state, 0) + 1
        return cls(*(dict(sorted(one.items())[:500]) for one in counts))
