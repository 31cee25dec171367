"""Feeds: entries are added one by one, and a read finds all of them in some order. Chats and timelines are feeds.

Operations, on a feed by its key: an `add` (called `send` in a chat, `post` on a timeline) of an id, each once in the
whole history, and `read` returning the list of ids. Two things are judged alike of all feeds:

    {process 0, ok, send, key 3, 7}
    {process 1, ok, read, key 3, []}        in the end: 7 is lost

- *lost*: acknowledged, and in the end no read has it (`checkers.vanished`).
- *doubled* and *unwanted*: twice in one read; there although it was refused, or nobody had added it yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from checkers.collection import count
from checkers.findings import Findings, at
from checkers.requests import Request, requests
from checkers.vanished import vanished
from harness.checker import Budget, Result

if TYPE_CHECKING:
    from harness.history import History

Entry = str | int


class Feed:
    """A history of feeds: `all` its operations, `entries` by id, and `reads`, the answered ones, with what each found.

    Raises `HistoryError` for what is none.
    """

    def __init__(self, history: History, add: str) -> None:
        self.all = requests(history, add, "read")
        self.entries: dict[Entry, Request] = {}
        self.reads: list[tuple[Request, list[Entry]]] = []
        for request in self.all:
            if request.f == add:
                if not _is_entry(request.asked):
                    raise request.malformed(f"{add} needs an id, a text or a whole number")
                if request.asked in self.entries:
                    raise request.malformed(f"{request.asked!r} was added before")
                self.entries[request.asked] = request
            elif request.ok:
                if not isinstance(request.got, list) or not all(map(_is_entry, request.got)):
                    raise request.malformed("a read returns the list of ids")
                self.reads.append((request, request.got))


class NothingLost:
    """Every acknowledged entry is there in the end, none is there twice, and none that should not be.

    A subclass says what the checker is called, what an entry is, and how it is added.
    """

    name: ClassVar[str]
    noun: ClassVar[str]
    add: ClassVar[str]
    figures: ClassVar[Mapping[str, str]]
    measures: ClassVar[Mapping[str, Sequence[str]]]

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `entries, acknowledged, final_reads` and the kinds (`lost_message`, ...).

        Inconclusive if nothing was acknowledged, or a feed with something acknowledged was not read in the end. Raises
        `HistoryError`.
        """
        feed = Feed(history, self.add)
        findings = Findings(f"lost-{self.noun}", f"doubled-{self.noun}", f"unwanted-{self.noun}")
        final: dict[str | None, list[tuple[Request, set[Entry]]]] = defaultdict(list)
        for read, found in feed.reads:
            seen = set(found)
            self._look(feed, read, found, seen, findings)
            if read.final:
                final[read.key].append((read, seen))
        told = {id: entry for id, entry in feed.entries.items() if entry.ok}
        for id, entry in told.items():
            if lacking := vanished(id, final[entry.key]):
                message = (
                    f"{self.noun} {id} in {entry.key} was acknowledged at {at(entry.end_ns)}, but in the end it is "
                    f"gone (read on {lacking.node} at {at(lacking.end_ns)})"
                )
                findings.add(f"lost-{self.noun}", message, [entry, lacking], entry.key)
        reads = sum(map(len, final.values()))
        stats = {"entries": len(feed.entries), "acknowledged": len(told), "final_reads": reads}
        unread = {entry.key for entry in told.values() if not final[entry.key]}
        unproven = "" if told else f"no {self.noun} was acknowledged"
        if unread:
            unproven = f"{len(unread):,} with an acknowledged {self.noun} had no final read that was answered"
        passed = (
            f"each of {count(len(told), f'acknowledged {self.noun}')} is there once, by {count(reads, 'final read')}"
        )
        return findings.result(self.name, stats, passed=passed, unproven=unproven)

    def _look(self, feed: Feed, read: Request, found: list[Entry], seen: set[Entry], findings: Findings) -> None:
        """Judges what one read found."""
        when = f"in {read.key}, read on {read.node} at {at(read.end_ns)}"
        if len(seen) < len(found):
            for id in sorted({id for id in seen if found.count(id) > 1}, key=str):
                message = f"{self.noun} {id} is there {found.count(id)} times {when}"
                findings.add(f"doubled-{self.noun}", message, [read], read.key)
        for id in seen:
            entry = feed.entries.get(id)
            if entry is None or entry.key != read.key or entry.start > read.end:
                message = f"{self.noun} {id} is there {when}, but nobody had added it"
                findings.add(f"unwanted-{self.noun}", message, [read], read.key)
            elif entry.failed:
                message = f"{self.noun} {id} was refused at {at(entry.end_ns)}, but is there {when}"
                findings.add(f"unwanted-{self.noun}", message, [entry, read], read.key)


def _is_entry(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)
