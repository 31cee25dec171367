"""Replicated data types, each a map of entries and a way to join two versions of one entry.

A join that is associative, commutative and idempotent makes the order, the number and the grouping of messages
irrelevant: whoever has seen the same changes holds the same state (Shapiro, Preguica, Baquero, Zawirski, "Conflict-free
Replicated Data Types", SSS 2011). All five here are that, entry by entry, so what a change sends is only the entries it
touched (Almeida, Shoker, Baquero, "Delta State Replicated Data Types", JPDC 2018), and a server compares and repairs
entries without knowing what they mean.

What it costs: a counter has an entry for every incarnation of every server; a removed element leaves its tombstone for
ever, since dropping one needs to know that every server has it, and no late message can bring the element again.

A `replica` is a name that no other incarnation of any server has: one that forgot in a crash what it had told others
must not give the same number again. `stamp` is a number greater than all that the server has seen.
"""

from __future__ import annotations

import json
from typing import Any, Protocol

Entry = list[Any]
Entries = dict[str, Entry]


class Type(Protocol):
    """A replicated data type."""

    def join(self, mine: Entry, theirs: Entry) -> Entry:
        """The least version of an entry that is as new as both."""
        ...

    def value(self, entries: Entries) -> Any:
        """What a client reads."""
        ...

    def change(self, entries: Entries, replica: str, stamp: int, what: str, argument: Any) -> tuple[Any, Entries]:
        """What a step comes to, and the entries it changes. Changes nothing itself."""
        ...


class Counter:
    """A PN-counter: per replica, the sum of what it added and of what it took away. Without the latter, a G-counter."""

    def join(self, mine: Entry, theirs: Entry) -> Entry:
        return [max(mine[0], theirs[0]), max(mine[1], theirs[1])]

    def value(self, entries: Entries) -> int:
        total: int = sum(plus - minus for plus, minus in entries.values())
        return total

    def change(self, entries: Entries, replica: str, stamp: int, what: str, argument: Any) -> tuple[Any, Entries]:
        plus, minus = entries.get(replica, [0, 0])
        changed = {replica: [plus + max(argument, 0), minus + max(-argument, 0)]}
        return self.value(entries) + argument, changed


class Register:
    """Last writer wins: one entry `[time, replica, value]`."""

    def join(self, mine: Entry, theirs: Entry) -> Entry:
        return max(mine, theirs, key=lambda entry: (entry[0], entry[1], json.dumps(entry[2], sort_keys=True)))

    def value(self, entries: Entries) -> Any:
        return entries[""][2] if entries else None

    def change(self, entries: Entries, replica: str, stamp: int, what: str, argument: Any) -> tuple[Any, Entries]:
        return argument, {"": [stamp, replica, argument]}


class Set:
    """An observed-remove set: each addition is an entry `[element, removed]` under a tag of its own. A removal marks
    the tags that its server has seen, so an addition elsewhere at the same time wins."""

    def join(self, mine: Entry, theirs: Entry) -> Entry:
        return [mine[0], mine[1] or theirs[1]]

    def value(self, entries: Entries) -> list[Any]:
        there = {json.dumps(element): element for element, removed in entries.values() if not removed}
        return [there[text] for text in sorted(there)]

    def change(self, entries: Entries, replica: str, stamp: int, what: str, argument: Any) -> tuple[Any, Entries]:
        if what == "put":
            return argument, {f"{stamp}.{replica}": [argument, False]}
        gone = {
            tag: [element, True] for tag, (element, removed) in entries.items() if element == argument and not removed
        }
        return bool(gone), gone


class Sequence:
    """A replicated growable array (Roh et al., "Replicated abstract data types", JPDC 2011): each element is an entry
    `[stamp, the element it was put behind, value, removed]`. Of several behind the same one the latest comes first."""

    def join(self, mine: Entry, theirs: Entry) -> Entry:
        return [*mine[:3], mine[3] or theirs[3]]

    def value(self, entries: Entries) -> list[Any]:
        return [entries[name][2] for name in self._there(entries)]

    def change(self, entries: Entries, replica: str, stamp: int, what: str, argument: Any) -> tuple[Any, Entries]:
        there = self._there(entries)
        if what == "pop":
            return (entries[there[0]][2], {there[0]: [*entries[there[0]][:3], True]}) if there else (None, {})
        place, element = (len(there), argument) if what == "append" else argument
        behind = there[place - 1] if place else ""
        return element, {f"{stamp}.{replica}": [stamp, behind, element, False]}

    def _there(self, entries: Entries) -> list[str]:
        """The names of the elements in order, but for the removed ones, and those whose predecessor has not arrived."""
        behind: dict[str, list[str]] = {}
        for name in sorted(entries, key=lambda name: (entries[name][0], name)):
            behind.setdefault(entries[name][1], []).append(name)
        found: list[str] = []
        waiting = list(behind.get("", ()))
        while waiting:
            name = waiting.pop()
            if not entries[name][3]:
                found.append(name)
            waiting += behind.get(name, ())
        return found


TYPES: dict[str, Type] = {"counter": Counter(), "register": Register(), "set": Set(), "sequence": Sequence()}

STEPS = {
    "w": "register",
    "add": "counter",
    "put": "set",
    "drop": "set",
    "append": "sequence",
    "insert": "sequence",
    "pop": "sequence",
}
"""What a step of a transaction makes of its key. `["insert", key, [place, value]]` is a sequence's own."""
