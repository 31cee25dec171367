"""A store that takes writes where they are made and delivers them later: a transactional outbox with back-pressure.

Every server is a branch that accepts entries on its own: an entry is put into a durable queue, acknowledged, and
delivered to the head office, the first of all servers, as soon as that can be reached (Helland, "Life beyond
Distributed Transactions", CIDR 2007; the outbox pattern of message brokers). So no cut costs an acceptance, unless it
lasts until the queue is full: then the branch refuses, clearly, which is what keeps its memory and disk bounded. The
books at the head office are behind by whatever is on its way; a branch that cannot reach it shows the copy it saw last.

*Exactly once* is made of two halves, since no network delivers so. The branch tries again until it is told that an
entry is durable at the head office (at least once). The head office remembers, in the same record as the entry itself,
the last number it has of each branch, and skips what it has (at most once); a branch sends in order and starts with the
oldest entry that it has no answer for, so the last number is memory enough.

- *Durable before acknowledged*, and before it is sent: a number may be given again to another entry only if nobody has
  seen it.
- What was delivered is struck off the branch's journal without waiting for its disk: forgotten in a crash, it is sent
  again, and skipped. The journal is cut down to what waits.
- The books are what clients write and read, and grow with every entry; nothing else does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from harness.node import Body, Host, Node, RpcError
from harness.node.errors import NOT_SUPPORTED, TEMPORARILY_UNAVAILABLE
from targets.toys.journal import Journal
from targets.toys.requests import key_of
from targets.toys.values import Step, steps_of

Key = str | int

Entry = list[Any]
"""`[number, key, value]`; numbers of a branch go up by one."""

BATCH = 100
"""Entries delivered together."""

TRY_S = 0.3
"""How long the head office is waited for."""

PAUSE_S = 0.1
"""Between two attempts to deliver."""


class Outbox(Node):
    """One server. `limit`: how many entries may wait for their delivery."""

    def __init__(self, host: Host, *, limit: int = 200) -> None:
        super().__init__(host)
        self._limit = limit
        self._office = self.nodes[0]
        self._sent = Journal(host.disk, "outbox.log", self._to_keep)
        self._waiting: deque[Entry] = deque()
        self._number = 0
        self._durable = 0
        self._news = asyncio.Event()
        self._copies: dict[Key, list[Any]] = {}
        # At the head office:
        self._received = Journal(host.disk, "books.log")
        self._books: dict[Key, list[Any]] = {}
        self._last: dict[str, int] = {}

    async def start(self) -> None:
        self._recover(self._sent.recover())
        for branch, entry in self._received.recover():
            self._book(branch, entry)
        await asyncio.gather(self._sent.sync(), self._received.sync())
        self._durable = self._number
        self.spawn(self._deliver_for_ever())

    def _recover(self, records: list[Any]) -> None:
        """Reads the queue off its journal: entries in order, and how far they were delivered."""
        for record in records:
            if record[0] == "delivered":
                self._strike(record[1])
                self._number = max(self._number, record[1])
            else:
                self._waiting.append(record)
                self._number = record[0]

    def _to_keep(self) -> list[list[Any]]:
        """What `_recover` needs: all numbers before the oldest entry that waits are delivered."""
        delivered = self._waiting[0][0] - 1 if self._waiting else self._number
        return [["delivered", delivered], *self._waiting]

    # Requests ---------------------------------------------------------------------------------------------------------

    async def on_txn(self, source: str, body: Body) -> Body:
        """One step: `append` is accepted here, `r` asks for the books of the head office."""
        steps = steps_of(body)
        if len(steps) != 1 or steps[0][0] not in ("append", "r"):
            raise RpcError(NOT_SUPPORTED, "an outbox takes one step at a time: append or r")
        return {"type": "txn_ok", "results": [await self._do(steps[0])]}

    async def on_read(self, source: str, body: Body) -> Body:
        return {"type": "read_ok", "value": await self._look_up(key_of(body))}

    def on_status(self, source: str, body: Body) -> Body:
        role = "leader" if self.name == self._office else "branch"
        return {"type": "status_ok", "role": role, "waiting": len(self._waiting)}

    async def _do(self, step: Step) -> Any:
        what, key, value = step
        if what == "r":
            return await self._look_up(key)
        await self._accept(key, value)
        return value

    async def _look_up(self, key: Key) -> list[Any]:
        """What the head office has of a key, or had when this branch last heard from it."""
        question = {"type": "books", "key": key}
        try:
            answer = await self._ask_office(question)
        except (TimeoutError, RpcError):
            return self._copies.get(key, [])
        books: list[Any] = answer["values"]
        if len(books) >= len(self._copies.get(key, ())):
            self._copies[key] = books
        return books

    # The branch -------------------------------------------------------------------------------------------------------

    async def _accept(self, key: Key, value: Any) -> None:
        self._make_room()
        self._number += 1
        entry = [self._number, key, value]
        self._waiting.append(entry)
        self._sent.append(entry)
        await self._make_durable(entry[0])
        self._news.set()

    def _make_room(self) -> None:
        """Refuses when the queue is full: nothing was accepted, and whoever asked may come again."""
        if len(self._waiting) >= self._limit:
            text = f"{self._limit} entries wait for the head office, and no more can: try again later"
            raise RpcError(TEMPORARILY_UNAVAILABLE, text)

    async def _make_durable(self, number: int) -> None:
        await self._sent.sync()
        self._durable = max(self._durable, number)

    async def _deliver_for_ever(self) -> None:
        while True:
            if not (batch := self._due()):
                self._news.clear()
                await self._news.wait()
                continue
            try:
                answer = await self._ask_office({"type": "deliver", "branch": self.name, "entries": batch})
            except (TimeoutError, RpcError):
                await asyncio.sleep(PAUSE_S)
                continue
            self._strike(answer["last"])
            self._sent.append(["delivered", answer["last"]])

    def _due(self) -> list[Entry]:
        """The oldest entries that wait, as far as they are durable."""
        return [entry for entry in list(self._waiting)[:BATCH] if entry[0] <= self._durable]

    def _strike(self, last: int) -> None:
        while self._waiting and self._waiting[0][0] <= last:
            self._waiting.popleft()

    async def _ask_office(self, question: Body) -> Body:
        """Raises `TimeoutError` or `RpcError`."""
        if self.name != self._office:
            return await self.rpc(self._office, question, TRY_S)
        if question["type"] == "deliver":
            return await self.on_deliver(self.name, question)
        return self.on_books(self.name, question)

    # The head office --------------------------------------------------------------------------------------------------

    async def on_deliver(self, source: str, body: Body) -> Body:
        """Enters into the books what is new, and answers once it is durable."""
        branch = body["branch"]
        for entry in body["entries"]:
            if self._is_new(branch, entry):
                self._book(branch, entry)
                self._received.append([branch, entry])
        last = self._last.get(branch, 0)
        await self._received.sync()
        return {"type": "deliver_ok", "last": last}

    def on_books(self, source: str, body: Body) -> Body:
        return {"type": "books_ok", "values": self._books.get(key_of(body), [])}

    def _is_new(self, branch: str, entry: Entry) -> bool:
        return bool(entry[0] > self._last.get(branch, 0))

    def _book(self, branch: str, entry: Entry) -> None:
        number, key, value = entry
        self._last[branch] = number
        self._books.setdefault(key, []).append(value)
