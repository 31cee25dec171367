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
  The journal is never rewritten: what nobody else has heard of yet exists once, and a disk that fails in the middle of
  replacing a file may leave neither the old nor the new.
- *Replication* sends the entries that changed to all others once, and does not care whether they arrive, how often, or
  in which order.
- *Anti-entropy*: each server, again and again, compares checksums of groups of entries with one other, and they swap
  the groups that differ.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

from harness.node import Body, Host, Node, RpcError
from harness.node.errors import MALFORMED_REQUEST, NOT_SUPPORTED, PRECONDITION_FAILED
from targets.toys.boots import count_boot
from targets.toys.crdt_types import STEPS, TYPES, Entries, Entry
from targets.toys.journal import Journal
from targets.toys.requests import field, key_of
from targets.toys.values import Step, steps_of

Key = str | int

Record = list[Any]
"""`[key, type, name of the entry, entry]`."""

GROUPS = 64
"""Groups of entries with a checksum each."""

RECORDS_MAX = 1_000
"""Records in one message, unless a single group has more."""


class Crdt(Node):
    """One server. `batch_ms`: how long changes are collected before they go out together. `gossip_ms`: the mean time
    between two comparisons with another server."""

    def __init__(self, host: Host, *, batch_ms: float = 5, gossip_ms: int = 200) -> None:
        super().__init__(host)
        self._batch_s = batch_ms / 1000
        self._gossip_ns = gossip_ms * 1_000_000
        self._journal = Journal(host.disk, "entries.log")
        self._values: dict[Key, dict[str, Entries]] = {}
        self._groups: list[dict[str, tuple[int, Record]]] = [{} for _ in range(GROUPS)]
        self._sums = [0] * GROUPS
        self._stamp = 0
        self._replica = self.name
        self._outbox: list[Record] = []

    async def start(self) -> None:
        self._replica = f"{self.name}.{await count_boot(self.disk)}"
        for record in self._journal.recover():
            self._take(record)
        await self._journal.sync()
        self._gossip_later()

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
        results = [self._value(key) if what == "r" else self._change(what, key, it) for what, key, it in steps]
        await self._journal.sync()
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

    def _change(self, what: str, key: Key, argument: Any) -> Any:
        """One step, on this server. Its stamp is later than any that it gave or saw, even if its clock was set back."""
        kind = STEPS[what]
        entries = self._values.get(key, {}).get(kind, {})
        self._stamp = max(self.clock.wall(), self._stamp + 1) if kind == "register" else self._stamp + 1
        result, changed = TYPES[kind].change(entries, self._replica, self._stamp, what, argument)
        for name, entry in changed.items():
            record = [key, kind, name, entry]
            self._take(record)
            self._journal.append(record)
            if not self._outbox:
                self.after(self._batch_s, self._replicate)
            self._outbox.append(record)
        return result

    # Between servers --------------------------------------------------------------------------------------------------

    def _take(self, record: Record) -> bool:
        """Joins an entry with what is known of it; whether that was news."""
        key, kind, name, entry = record
        entries = self._values.setdefault(key, {}).setdefault(kind, {})
        known = entries.get(name)
        joined = entry if known is None else self._join(kind, known, entry)
        if joined == known:
            return False
        entries[name] = joined
        self._stamp = max(self._stamp, _stamp_in(kind, name, joined))
        self._note([key, kind, name, joined])
        return True

    def _join(self, kind: str, mine: Entry, theirs: Entry) -> Entry:
        return TYPES[kind].join(mine, theirs)

    def _note(self, record: Record) -> None:
        """Keeps the checksum of the record's group."""
        name = json.dumps(record[:3])
        group = _hash(name) % GROUPS
        checksum = _hash(json.dumps(record))
        before, _ = self._groups[group].get(name, (0, None))
        self._sums[group] ^= before ^ checksum
        self._groups[group][name] = (checksum, record)

    def _replicate(self) -> None:
        outbox, self._outbox = self._outbox, []
        for peer in self.peers:
            self.send(peer, {"type": "entries", "records": outbox})

    def on_entries(self, source: str, body: Body) -> None:
        """Joins what came. When asked to (`groups`), sends back what is news to the other side."""
        for record in body["records"]:
            if self._take(record):
                self._journal.append(record)  # durable soon enough: if it is lost here, it comes again
        if groups := body.get("groups"):
            theirs = {json.dumps(record) for record in body["records"]}
            ours = [record for record in self._of(groups) if json.dumps(record) not in theirs]
            if ours:
                self.send(source, {"type": "entries", "records": ours})

    def _gossip_later(self) -> None:
        pause_ns = self._gossip_ns // 2 + self.random.randrange(self._gossip_ns)
        self.after(pause_ns / 1e9, self._gossip)

    def _gossip(self) -> None:
        if not self._journal.clean:
            self.spawn(self._journal.sync())
        if self.peers:
            self.send(self.random.choice(self.peers), {"type": "digest", "sums": self._sums})
        self._gossip_later()

    def on_digest(self, source: str, body: Body) -> None:
        """Answers with the groups that differ, as many as fit; which of them come first is left to chance."""
        different = [group for group in range(GROUPS) if self._sums[group] != body["sums"][group]]
        self.random.shuffle(different)
        groups: list[int] = []
        size = 0
        for group in different:
            size += len(self._groups[group])
            if groups and size > RECORDS_MAX:
                break
            groups.append(group)
        if groups:
            self.send(source, {"type": "entries", "records": self._of(groups), "groups": groups})

    def _of(self, groups: list[int]) -> list[Record]:
        return [record for group in groups for _, record in self._groups[group].values()]


def _hash(text: str) -> int:
    """No CRC: those are linear, so that equal changes of two entries cancel each other out in a sum by XOR."""
    return int.from_bytes(blake2b(text.encode(), digest_size=6).digest(), "big")


def _stamp_in(kind: str, name: str, entry: Entry) -> int:
    """The stamp that an entry was made with; 0 for one of a counter, which has none."""
    if kind == "set":
        return int(name.partition(".")[0])
    return 0 if kind == "counter" else int(entry[0])


def _is_insertion(argument: Any) -> bool:
    return isinstance(argument, list) and len(argument) == 2 and type(argument[0]) is int and argument[0] >= 0
