"""A key-value store cut into shards: each key has one owner, and transactions span as many as they like.

Keys are dealt to shards by their hash, and shards to servers. That spreads load and data, which no store does whose
every server has everything; and what a server that is lost takes with it is its own shards, and nothing else. Here a
shard has one copy, so its keys are away until its owner is back (a store for production would make each shard a
replicated group, as Spanner does: Corbett et al., OSDI 2012). Three things then have to be coordinated:

- *Who owns what*, while shards move (`sharded_directory`): in a log that all servers agree on, by epochs.
- *The move itself* (`sharded_owner`): the old owner stops, durably, before the new one can begin.
- *A transaction on several shards*, by strict two-phase locking and two-phase commit. The server that took the request
  coordinates. It locks and reads all keys, works out what is to be written, and has each owner prepare its part. The
  transaction is committed at the moment its commit is in the log, and nobody is answered before. Owners learn it from
  the log, too, and hold their locks until then.

Why it is strictly serializable: at the moment the last lock is granted a transaction holds all its locks, and it takes
effect then. What it writes is locked until it is committed; what it only reads is locked until after that moment, which
`check` makes sure of, because a server that crashes forgets the locks of what was not prepared.

What that costs, and when:

- A transaction on one shard touches no log but its owner's own journal. It needs no majority.
- One that writes with several owners pays two more rounds, and a majority. If its coordinator dies, those who have
  prepared ask the log, which decides for abort unless the commit is there. With the decision on the coordinator's disk
  alone they would stay locked until it is back.
- Keys are known beforehand, so locks are taken in one order, server by server, and nobody waits in a circle. Where they
  become known only on the way, a store has to break deadlocks (wound-wait, or giving up when told to wait).

Nothing is tried twice whose fate is unknown. What is known to have done nothing, because a shard was on its way or a
lock took too long, is tried again for a while, then refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.node import Body, Host, RpcError
from harness.node.errors import CRASH, TEMPORARILY_UNAVAILABLE, TIMEOUT, TXN_CONFLICT
from targets.toys.locks import Key
from targets.toys.requests import field, key_of
from targets.toys.sharded_owner import ANSWER_S, Owner, Pairs, conflict
from targets.toys.values import Step, is_read_only, steps_of, transact

PATIENCE_NS = 1_000_000_000
"""How long a transaction is tried again."""

PAUSE_S = 0.02
"""The mean time between two tries."""


@dataclass(slots=True)
class Work:
    """One try of a transaction. `places`: the keys at each owner, and whether they are written."""

    name: str
    places: dict[str, dict[Key, bool]]
    tickets: dict[str, int]
    values: dict[Key, Any]


class Sharded(Owner):
    """One server of the store. Options as for `Directory`."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._taken = 0

    # Requests ---------------------------------------------------------------------------------------------------------

    async def on_read(self, source: str, body: Body) -> Body:
        [value] = await self._transact([["r", key_of(body), None]])
        return {"type": "read_ok", "value": value}

    async def on_write(self, source: str, body: Body) -> Body:
        await self._transact([["w", key_of(body), field(body, "value")]])
        return {"type": "write_ok"}

    async def on_cas(self, source: str, body: Body) -> Body:
        key = key_of(body)
        await self._transact([["is", key, field(body, "from")], ["w", key, field(body, "to")]])
        return {"type": "cas_ok"}

    async def on_txn(self, source: str, body: Body) -> Body:
        return {"type": "txn_ok", "results": await self._transact(steps_of(body))}

    def on_status(self, source: str, body: Body) -> Body:
        status = {"role": self.role, "leader": self.leader, "term": self.state.term}
        here = sorted(number for number, shard in self.shards.items() if not shard.gone)
        return {"type": "status_ok", "shards": here, "commit": self.commit, "last": self.state.last_index} | status

    # Coordinating -----------------------------------------------------------------------------------------------------

    async def _transact(self, steps: list[Step]) -> list[Any]:
        """Does a transaction and returns what its steps came to. Raises `RpcError`, of which `TIMEOUT` means that
        nobody knows whether it happened."""
        deadline = self.clock.monotonic() + PATIENCE_NS
        while True:
            try:
                return await self._attempt(steps)
            except RpcError as error:
                if error.code != TXN_CONFLICT or self.clock.monotonic() >= deadline:
                    raise
            await asyncio.sleep(PAUSE_S * (0.5 + self.random.random()))

    async def _attempt(self, steps: list[Step]) -> list[Any]:
        work = self._plan(steps)
        try:
            await self._lock(work, hold=len(work.places) > 1 or not is_read_only(steps))
            refusal: RpcError | None = None
            results: list[Any] = []
            written: dict[Key, Any] = {}
            try:
                results, written = transact(work.values.get, steps)
            except RpcError as error:
                refusal = error  # is told like a result, because it shows what was read
            await self._finish(work, written)
        except RpcError as error:
            if error.code not in (TIMEOUT, CRASH):
                self._tell(work.places, {"type": "release", "transaction": work.name})
            raise
        if refusal:
            raise refusal
        return results

    def _plan(self, steps: list[Step]) -> Work:
        self._taken += 1
        work = Work(f"{self.name}-{self.state.boots}-{self._taken}", {}, {}, {})
        for step in steps:
            key = step[1]
            keys = work.places.setdefault(self.owners[self.shard_of(key)][-1], {})
            keys[key] = keys.get(key, False) or not is_read_only([step])
        return work

    async def _lock(self, work: Work, *, hold: bool) -> None:
        """Locks and reads everything, in the one order that all keep to."""
        for node in sorted(work.places):
            request = {"keys": [[key, exclusive] for key, exclusive in work.places[node].items()], "hold": hold}
            answer = await self._consult(node, {"type": "lock", "transaction": work.name, **request})
            work.values |= dict(answer["values"])
            if hold:
                work.tickets[node] = answer["ticket"]

    async def _finish(self, work: Work, written: dict[Key, Any]) -> None:
        """Who only read says that the locks held, and is done. Of those who write, one decides alone, several by way of
        the log."""
        writes = {node: [[key, written[key]] for key in keys if key in written] for node, keys in work.places.items()}
        writers = [node for node in work.tickets if writes[node]]
        await asyncio.gather(*(self._say("check", work, node) for node in work.tickets if not writes[node]))
        if len(writers) == 1:
            await self._say("commit", work, writers[0], writes[writers[0]], lost=TIMEOUT)
        elif writers:
            await asyncio.gather(*(self._say("prepare", work, node, writes[node]) for node in writers))
            committed = await self.decide(work.name)
            if committed is None:
                raise RpcError(TIMEOUT, "prepared everywhere, but the decision is not known")
            if not committed:
                raise conflict("an owner in doubt had the transaction aborted")

    async def _say(
        self, what: str, work: Work, node: str, writes: Pairs | None = None, lost: int = TEMPORARILY_UNAVAILABLE
    ) -> None:
        request = {"transaction": work.name, "ticket": work.tickets[node], "writes": writes}
        await self._consult(node, {"type": what, **request}, lost)

    async def _consult(self, node: str, body: Body, lost: int = TEMPORARILY_UNAVAILABLE) -> Body:
        """Asks an owner, or this server itself. `lost` is what a missing answer means: unless it was to commit, that
        nothing happened, because nothing happens before this server asks for a commit."""
        try:
            if node != self.name:
                return await self.rpc(node, body, ANSWER_S)
            answer: Body = await self._own(body)
            return answer
        except TimeoutError:
            raise RpcError(lost, f"{node} did not answer") from None
        except RpcError as error:
            if lost == TIMEOUT or error.code == TXN_CONFLICT:
                raise
            raise RpcError(lost, error.text) from None

    async def _own(self, body: Body) -> Body:
        answer: Any = getattr(self, "on_" + body["type"])(self.name, body)
        return answer if isinstance(answer, dict) else await answer

    def _tell(self, nodes: Iterable[str], body: Body) -> None:
        for node in nodes:
            if node == self.name:
                self.receive(node, body)
            else:
                self.send(node, body)
