"""A store of replicated data types: it always answers, and forgets nothing that it acknowledged.

Every server takes reads and changes alone and tells the others later, as in `targets.toys.multi_leader`. But what it
holds are counters, sets, sequences and registers whose versions join (`targets.toys.crdt_types`) instead of replacing
one another: two additions at the same time both count, and an element removed stays removed. That is strong eventual
consistency: servers that have heard the same agree, without ever having waited for each other.

What it cannot promise is what needs agreement before the answer: reads are stale, a counter can fall below zero though
everybody looked first, the first element of a sequence can be taken twice, and of two writes to a register, the one
data type whose join has to choose, one is lost.

- *Durable before acknowledged*, on the disk of the server that took the change. Others may have heard of it before
  that: a crash then costs its server a memory, not the change, and it comes back under the name of an incarnation that
  is gone.
- *Replication and anti-entropy* as in `epidemic`: the entries that changed are sent to all others once, and compared
  later.
- *Tombstones stay for ever*, of elements of sets and of sequences. To drop one takes to know that every server has it,
  those included that are down or cut off, and that no message about the element is still on its way; one server that is
  away for a day holds up all. So what a set or a sequence costs grows with the changes that were ever made to it.
"""

from __future__ import annotations

import json
from typing import Any

from harness.node import Body, Host, RpcError
from harness.node.errors import MALFORMED_REQUEST, NOT_SUPPORTED, PRECONDITION_FAILED
from targets.toys.boots import count_boot
from targets.toys.crdt_types import STEPS, TYPES, Entries, Entry
from targets.toys.epidemic import Epidemic
from targets.toys.groups import Record
from targets.toys.requests import field, key_of
from targets.toys.values import Step, steps_of

Key = str | int


class Crdt(Epidemic):
    """One server. Options as for `Epidemic`."""

    def __init__(self, host: Host, *, batch_ms: float = 5, gossip_ms: int = 200) -> None:
        super().__init__(host, batch_ms=batch_ms, gossip_ms=gossip_ms)
        self._values: dict[Key, dict[str, Entries]] = {}
        self._stamp = 0
        self._replica = self.name

    async def start(self) -> None:
        self._replica = f"{self.name}.{await count_boot(self.disk)}"
        await super().start()

    # Requests ---------------------------------------------------------------------------------------------------------

    def on_read(self, source: str, body: Body) -> Body:
        return {"type": "read_ok", "value": self._value(key_of(body))}

    async def on_write(self, source: str, body: Body) -> Body:
        await self._transact([["w", key_of(body), field(body, "value")]])
        return {"type": "write_ok"}

    async def on_cas(self, source: str, body: Body) -> Body:
        """Compares with what this server knows, and nobody else: both sides of a cut may succeed."""
        key, expected, value = key_of(body), field(body, "from"), field(body, "to")
        current = self._value(key)
        if current != expected:
            text = f"expected {expected!r:.80}, found {current!r:.80}"
            raise RpcError(PRECONDITION_FAILED, text, current=current)
        await self._transact([["w", key, value]])
        return {"type": "cas_ok"}

    async def on_txn(self, source: str, body: Body) -> Body:
        """All at once on this server; elsewhere what it changed arrives entry by entry."""
        return {"type": "txn_ok", "results": await self._transact(steps_of(body))}

    def on_status(self, source: str, body: Body) -> Body:
        return {"type": "status_ok", "role": "peer", "keys": len(self._values)}

    def _value(self, key: Key) -> Any:
        """What a key holds. Servers that made different things of a key at the same time all show the same one."""
        held = self._values.get(key, {})
        return next((TYPES[kind].value(held[kind]) for kind in TYPES if kind in held), None)

    async def _transact(self, steps: list[Step]) -> list[Any]:
        self._refuse(steps)
        results = [self._value(key) if what == "r" else self._step(what, key, it) for what, key, it in steps]
        await self.harden()
        return results

    def _refuse(self, steps: list[Step]) -> None:
        """Refuses what no data type does, before anything is done."""
        kinds: dict[Key, str] = {}
        for place, (what, key, argument) in enumerate(steps):
            if what == "r":
                continue
            if (kind := STEPS.get(what)) is None:
                raise RpcError(NOT_SUPPORTED, f"step {place}: no data type does {what!r:.80} without agreement")
            held = kinds.setdefault(key, next(iter(self._values.get(key, {})), kind))
            if held != kind:
                raise RpcError(MALFORMED_REQUEST, f"step {place}: {key!r:.80} is a {held}, not a {kind}")
            if what == "add" and (isinstance(argument, bool) or not isinstance(argument, int)):
                raise RpcError(MALFORMED_REQUEST, f"step {place}: a counter adds whole numbers, not {argument!r:.80}")
            if what == "insert" and not _is_insertion(argument):
                raise RpcError(MALFORMED_REQUEST, f"step {place}: insert takes [place, value], not {argument!r:.80}")

    def _step(self, what: str, key: Key, argument: Any) -> Any:
        """One step, on this server. Its stamp is later than any that it gave or saw, even if its clock was set back."""
        kind = STEPS[what]
        entries = self._values.get(key, {}).get(kind, {})
        self._stamp = max(self.clock.wall(), self._stamp + 1) if kind == "register" else self._stamp + 1
        result, changed = TYPES[kind].change(entries, self._replica, self._stamp, what, argument)
        for name, entry in changed.items():
            self.change([key, kind, name, entry])
        return result

    # Between servers --------------------------------------------------------------------------------------------------

    def take(self, record: Record) -> bool:
        """Joins an entry with what is known of it; whether that was news."""
        key, kind, name, entry = record
        entries = self._values.setdefault(key, {}).setdefault(kind, {})
        known = entries.get(name)
        joined = entry if known is None else self._join(kind, known, entry)
        if joined == known:
            return False
        entries[name] = joined
        self._stamp = max(self._stamp, _stamp_in(kind, name, joined))
        self.held.put(record_name(record), [key, kind, name, joined])
        return True

    def _join(self, kind: str, mine: Entry, theirs: Entry) -> Entry:
        return TYPES[kind].join(mine, theirs)


def record_name(record: Record) -> str:
    """What it has in common with all other versions of its entry."""
    return json.dumps(record[:3])


def _stamp_in(kind: str, name: str, entry: Entry) -> int:
    """The stamp that an entry was made with; 0 for one of a counter, which has none."""
    if kind == "set":
        return int(name.partition(".")[0])
    return 0 if kind == "counter" else int(entry[0])


def _is_insertion(argument: Any) -> bool:
    return isinstance(argument, list) and len(argument) == 2 and type(argument[0]) is int and argument[0] >= 0
