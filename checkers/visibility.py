"""What reads lacked although it was there: the common ground of staleness and of catching up after a heal.

Three kinds of objects are told apart by what their reads return. A *collection* (a list) has all that was ever added, a
*register* (one value) the last write alone, *siblings* (`{"values": [...]}`) whatever was not yet replaced. A read
reflects an update when it returns its value or, of siblings, something that replaced it, directly or by way of others;
what was removed may have left no trace, so any removal that had begun excuses its absence.

An update is known from its acknowledgement on, or from the end of the first read that returns it. A read *misses* an
update when it was invoked after the update was known, does not reflect it, and one that may have come later (it had not
ended before) does. Without that last condition a lost update would make every read from then on look late; losses are
counted elsewhere (`checkers.lost_writes`, `checkers.set_full`, ...).

Of registers, "does not reflect" must not be read as "is behind": a read that returns a later value reflects none of the
earlier ones, and a server that lags may show such a one afterwards. So what reads miss of registers says that two
servers disagreed, not which of them was late, and their staleness is for `checkers.staleness` to tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from checkers.requests import NEVER_NS
from harness.operation import Type

if TYPE_CHECKING:
    from harness.history import History

Value = int | str


class Kind(Enum):
    """What an object's reads return; see the module's text."""

    REGISTER = "register"
    COLLECTION = "collection"
    SIBLINGS = "siblings"


@dataclass(slots=True)
class Update:
    """A value that was put somewhere. `known_ns` is `NEVER_NS` while nobody knows of it; `ops` are its events."""

    value: Value
    known_ns: int
    over: frozenset[Value]
    ops: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """An answered read."""

    start_ns: int
    end_ns: int
    values: frozenset[Value]
    node: str | None
    ops: tuple[int, ...]


@dataclass(slots=True)
class Thing:
    """One object: its `updates` by value and its `reads`, both in the order of invocation; `removals` says of each
    value that somebody tried to remove when the first attempt began."""

    key: str | int | None
    updates: dict[Value, Update] = field(default_factory=dict)
    reads: list[Read] = field(default_factory=list)
    removals: dict[Value, int] = field(default_factory=dict)
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Miss:
    """A read that lacked an update, of which object."""

    thing: Thing
    update: Update
    read: Read


class Unfit(Exception):
    """This history's updates cannot be told apart, or its reads do not return them. The text says why."""


def things(history: History, read: str) -> list[Thing]:
    """The objects of a history whose reads are called `read`; every other operation of a client is an update or a
    removal. Raises `Unfit`."""
    found: dict[Any, Thing] = {}
    for invoked, completed in history.pairs():
        if invoked.process is None or invoked.process < 0:
            continue
        thing = found.get(invoked.key)
        if thing is None:
            thing = found[invoked.key] = Thing(invoked.key)
        ops = (invoked.index,) if completed is None else (invoked.index, completed.index)
        if invoked.f == read:
            if completed is not None and completed.type is Type.OK:
                values = _returned(thing, completed.value)
                thing.reads.append(Read(invoked.time, completed.time, values, invoked.node, ops))
        elif completed is None or completed.type is not Type.FAIL:
            known_ns = completed.time if completed is not None and completed.type is Type.OK else NEVER_NS
            _changed(thing, invoked.f, invoked.value, invoked.time, known_ns, ops)
    for thing in found.values():
        _learn(thing)
    return list(found.values())


def misses(thing: Thing) -> Iterator[Miss]:
    """Every read of the object that missed an update, latest reads first."""
    reflected = [_reflected(thing, read) for read in thing.reads]
    by_end = sorted(zip(thing.reads, reflected, strict=True), key=lambda each: each[0].end_ns)
    later: set[Value] = set()
    for read, values in zip(reversed(thing.reads), reversed(reflected), strict=True):
        while by_end and by_end[-1][0].end_ns >= read.start_ns:
            later |= by_end.pop()[1]
        for value in later - values:
            update = thing.updates.get(value)
            if update is not None and update.known_ns <= read.start_ns and not _removed(thing, value, read):
                yield Miss(thing, update, read)


def _returned(thing: Thing, value: Any) -> frozenset[Value]:
    if isinstance(value, Mapping) and isinstance(value.get("values"), list):
        kind, values = Kind.SIBLINGS, value["values"]
    elif isinstance(value, list):
        kind, values = Kind.COLLECTION, value
    elif value is None:
        return frozenset()
    else:
        kind, values = Kind.REGISTER, [value]
    if thing.kind not in (None, kind) or not all(map(_is_value, values)):
        raise Unfit(f"reads of key {thing.key} return no single value, no list and no siblings")
    thing.kind = kind
    return frozenset(values)


def _changed(thing: Thing, f: str, asked: Any, start_ns: int, known_ns: int, ops: tuple[int, ...]) -> None:
    over: Sequence[Value] = ()
    value = asked
    if isinstance(asked, Mapping):
        over, value = asked.get("over") or (), asked.get("value")
    elif f == "cas" and isinstance(asked, list) and len(asked) == 2:
        value = asked[1]
    elif f == "remove":
        over, value = (asked,), None
    if value is None:
        for gone in over:
            thing.removals.setdefault(gone, start_ns)
        return
    if not _is_value(value) or value in thing.updates:
        raise Unfit(f"updates of key {thing.key} cannot be told apart: not each puts a value of its own")
    thing.updates[value] = Update(value, known_ns, frozenset(over), ops)


def _is_value(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _learn(thing: Thing) -> None:
    """Whatever a read returned is known once it has returned, also if its writer never heard."""
    for read in thing.reads:
        for value in read.values:
            update = thing.updates.get(value)
            if update is None:
                raise Unfit(f"a read of key {thing.key} returned a value that nobody had put there")
            update.known_ns = min(update.known_ns, read.end_ns)


def _reflected(thing: Thing, read: Read) -> frozenset[Value] | set[Value]:
    if thing.kind is not Kind.SIBLINGS:
        return read.values
    reflected = set(read.values)
    # Who writes over a value has read it, so going from the last update to the first meets replacements first.
    for update in reversed(thing.updates.values()):
        if update.value in reflected:
            reflected |= update.over
    return reflected


def _removed(thing: Thing, value: Value, read: Read) -> bool:
    """Whether the value, or one that replaced it by way of others, may have been removed before the read ended."""
    if not thing.removals:
        return False
    if thing.removals.get(value, NEVER_NS) < read.end_ns:
        return True
    if thing.kind is not Kind.SIBLINGS:
        return False
    gone = _descendants(thing, value)
    return any(thing.removals.get(one, NEVER_NS) < read.end_ns for one in gone)


def _descendants(thing: Thing, value: Value) -> set[Value]:
    found = {value}
    for update in thing.updates.values():
        if not update.over.isdisjoint(found):
            found.add(update.value)
    return found
