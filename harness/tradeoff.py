"""What a target refused, and what went wrong instead: both sides of its choice, in the words of whoever asked.

A store that cannot reach the others refuses customers, or serves them and sells what it has not got. Which is worse
only a business can say, and it needs both numbers. How many were refused is the same count for every workload, which
says what its operations are to whoever asks for them (`AsksFor`); what went wrong is counted by its own checkers
(`harness.checker.HasFigures`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from harness import flows
from harness.answers import client_answers
from harness.faults import load_end_ns
from harness.operation import Type

if TYPE_CHECKING:
    from harness.history import History

_FIRST_PLURAL = re.compile(r"(?<=[a-z])s\b")

Refusals = Mapping[str, Mapping[str, int]]
"""By what was asked for ("orders"): how many were `asked`, `refused`, and `unanswered`."""


@runtime_checkable
class AsksFor(Protocol):
    """A workload that says what its operations are to whoever asks for them."""

    asks_for: Mapping[str, str]
    """By the `f` of an operation, or `flow/f` where there are flows: a plural ("orders")."""


def refusals(workload: Any, history: History) -> Refusals:
    """What of the load was not served. A refusal that tells what was found is service (sold out); one that was never
    answered may have been served without anybody knowing."""
    found: dict[str, dict[str, int]] = {}
    for name, noun in (workload.asks_for if isinstance(workload, AsksFor) else {}).items():
        flow, _, f = name.rpartition("/")
        answers = client_answers(flows.select(history, flow or None)).of(f)
        load = answers.between(0, load_end_ns(history))
        lacking = [answers.outcome[row] for row in load if not answers.served[row]]
        refused = lacking.count(Type.FAIL)
        found[noun] = {"asked": len(load), "refused": refused, "unanswered": len(lacking) - refused}
    return found


def sentence(target: str, column: Mapping[str, Any]) -> str:
    """Both sides in one sentence, from a column of `harness.comparison`; empty where the workload names none."""
    refused = [f"{turned_away(counts)} {noun}" for noun, counts in column["refusals"].items()]
    figures: Mapping[str, int | None] = column["figures"]
    harm = [_counted(words, number) for words, number in figures.items() if number]
    if late_ms := column["staleness_ms"]:
        harm.append(f"reads up to {late_ms:,.0f} ms late")
    spared = [words for words, number in figures.items() if number == 0]
    told = [_listed(harm, "and")] if harm else []
    told += [f"no {_listed(spared, 'or')}"] if spared else []
    if not refused:
        return f"{target}: {'; '.join(told)}" if told else ""
    return f"{target} refused or left unanswered {_listed(refused, 'and')}" + (f": {'; '.join(told)}" if told else "")


def turned_away(counts: Mapping[str, int]) -> str:
    """12 of 1,020: how many were refused or left unanswered."""
    number = counts["refused"] + counts["unanswered"]
    return f"{f'{number:,}' if number else 'none'} of {counts['asked']:,}"


def _counted(words: str, number: int) -> str:
    """12 units oversold, 1 unit oversold: of words that begin with a plural."""
    return f"{number:,} {words if number > 1 else _FIRST_PLURAL.sub('', words, count=1)}"


def _listed(parts: list[str], last_word: str) -> str:
    """a, b and c."""
    *most, last = parts
    return f"{', '.join(most)} {last_word} {last}" if most else last
