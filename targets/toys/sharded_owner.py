"""What an owner of shards does: it keeps their values, locks keys for transactions, votes, and hands shards over.

A shard has one copy, with its owner. The owner of an epoch has it from the owner of the epoch before, and from nobody
else; that server lets go of it durably before it hands it over. So a shard passes from hand to hand like a baton: no
two servers serve it at a time, and neither clocks nor leases are needed for that. The price is that a move waits for
the old owner to be there, and for the transactions under way to let go of the shard's keys.

A transaction takes all its locks here with one message and is answered with the values. What it *holds* is forgotten
after a while, or in a crash, until it is *prepared*: from then on only the decision ends it (strict two-phase locking).
While a decision is not known the transaction is *in doubt* and keeps its locks: that is where two-phase commit blocks
(Gray, "Notes on Data Base Operating Systems", 1978). Here it blocks as long as this server hears no majority, and not
for as long as one coordinator is away, because the decision is in the log of all (Gray and Lamport, "Consensus on
Transaction Commit", TODS 2006).

Messages may be repeated or late. Each hold has a ticket, a number never given twice: a request that names another
one speaks of something that is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from harness.node import Body, Host, RpcError, TimerHandle
from harness.node.errors import TEMPORARILY_UNAVAILABLE, TIMEOUT, TXN_CONFLICT
from targets.toys.journal import Journal
from targets.toys.locks import Key, Locks
from targets.toys.ring import shard_of
from targets.toys.sharded_directory import Directory

HOLD_S = 0.5
"""How long a transaction may take from its first lock here until it is prepared."""

DOUBT_S = 0.25
"""How long a prepared one waits for its decision before it asks, and asks again."""

PULL_S = 0.03
"""How long a new owner waits before it asks again for its shard."""

ANSWER_S = 0.3
"""How long one server waits for another's answer."""

ENDED_MAX = 1024
"""How many transactions that are over are remembered."""

Pairs = list[list[Any]]
"""Values by key, as `[key, value]`."""


@dataclass(slots=True)
class Shard:
    """A shard that is here, or was: what was handed over is kept until it comes back, as the answer may get lost."""

    epoch: int
    values: dict[Key, Any] = field(default_factory=dict)
    serving: bool = True
    gone: bool = False


@dataclass(slots=True)
class Hold:
    """What one transaction holds here. `writes` is None until it is prepared, which leaves it to the log, or commits
    here alone."""

    ticket: int
    keys: dict[Key, bool]
    writes: Pairs | None = None
    prepared: bool = False
    timer: TimerHandle | None = None


class Owner(Directory):
    """One server. Options as for `Directory`; `snapshot_records` goes for its own journal, too."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self.shards = {shard: Shard(1) for shard, [owner] in enumerate(self.owners) if owner == self.name}
        self.locks = Locks()
        self.holds: dict[str, Hold] = {}
        self._ended: dict[str, bool] = {}
        self._tickets = 0
        self._grown = 0
        self._journal = Journal(host.disk, "shards.log")

    async def start(self) -> None:
        """Its own past comes first: the log, which is learnt anew, decides what was in doubt."""
        prepared: dict[str, Pairs] = {}
        for kind, *rest in self._journal.recover():
            self._grown += 1
            match kind:
                case "took":
                    shard, epoch, pairs = rest
                    self.shards[shard] = Shard(epoch, dict(pairs))
                case "gave":
                    [shard] = rest
                    self.shards[shard].gone = True
                case "wrote":
                    self._put(rest[0])
                case "prepared":
                    transaction, prepared[transaction] = rest
                case "ended":
                    transaction, committed = rest
                    pairs = prepared.pop(transaction, [])
                    self._put(pairs if committed else [])
        for transaction, pairs in prepared.items():
            hold = self.holds[transaction] = Hold(0, {key: True for key, _ in pairs}, pairs, True)
            await self.locks.acquire(transaction, hold.keys)
            self._in_doubt(transaction)
        await super().start()
        self._tickets = self.state.boots << 32

    # Locks and votes --------------------------------------------------------------------------------------------------

    async def on_lock(self, source: str, body: Body) -> Body | None:
        """Takes locks on `keys`, pairs of a key and whether it is to be written, and reads them. Keeps the locks if
        `hold`."""
        transaction = body["transaction"]
        if transaction in self.holds:
            return None  # a repeated message: the first is being answered
        if transaction in self._ended:
            raise conflict("the transaction is over")
        keys = dict(body["keys"])
        if not all(map(self._serves, keys)):
            raise conflict("the shard is not here")
        self._tickets += 1
        hold = self.holds[transaction] = Hold(self._tickets, keys)
        hold.timer = self.after(HOLD_S, lambda: self._give_up(transaction, hold))
        if not await self.locks.acquire(transaction, self._wanted(keys)):
            raise conflict("waited for a lock for too long")
        values = [[key, self._read(key)] for key in keys]
        if not body["hold"]:
            self._end(transaction, False)
        return {"type": "lock_ok", "ticket": hold.ticket, "values": values}

    def on_check(self, source: str, body: Body) -> Body:
        """Whether what a transaction has read here was locked until now; it writes nothing here, and lets go."""
        self._held(body)
        self._end(body["transaction"], False)
        return {"type": "check_ok"}

    async def on_prepare(self, source: str, body: Body) -> Body:
        """The vote: a yes is durable, and leaves the decision to the log."""
        transaction, hold = body["transaction"], self._held(body)
        if transaction in self.decisions:
            raise conflict("the transaction was aborted")
        if hold.writes is None:
            hold.writes, hold.prepared = body["writes"], True
            self._keep(["prepared", transaction, hold.writes])
            self._in_doubt_later(transaction)
        await self._journal.sync()
        return {"type": "prepare_ok"}

    async def on_commit(self, source: str, body: Body) -> Body:
        """A transaction that writes here alone needs no vote: it is committed once it is durable here."""
        transaction = body["transaction"]
        if not self._ended.get(transaction):
            hold = self._held(body)
            if hold.writes is None:
                hold.writes = body["writes"]
                self._put(hold.writes)
                self._keep(["wrote", hold.writes])
            await self._journal.sync()  # until then nobody sees it: it is locked
            if self.holds.get(transaction) is hold:
                self._end(transaction, True)
        return {"type": "commit_ok"}

    def on_release(self, source: str, body: Body) -> None:
        """The coordinator has given a transaction up, and will never ask for its commit."""
        transaction = body["transaction"]
        hold = self.holds.get(transaction)
        if hold is None:
            self._remember(transaction, False)
        elif hold.prepared or hold.writes is None:
            self._settle(transaction, False)

    def decided(self, transaction: str) -> None:
        if transaction in self.holds:
            self._settle(transaction, self.decisions[transaction])

    def _settle(self, transaction: str, committed: bool) -> None:
        """Need not be durable at once: what was prepared is, and so is the decision, elsewhere."""
        hold = self.holds[transaction]
        if hold.prepared:
            self._put((hold.writes or []) if committed else [])
            self._keep(["ended", transaction, committed])
        self._end(transaction, committed)

    def _in_doubt_later(self, transaction: str) -> None:
        self.after(DOUBT_S, lambda: self._in_doubt(transaction))

    def _in_doubt(self, transaction: str) -> None:
        """Has the log say how a prepared transaction ends, by asking for an abort."""
        if transaction in self.holds:
            self.suggest(["abort", transaction])
            self._in_doubt_later(transaction)

    def _give_up(self, transaction: str, hold: Hold) -> None:
        if hold.writes is None and self.holds.get(transaction) is hold:
            self._end(transaction, False)

    def _held(self, body: Body) -> Hold:
        """What the request's transaction holds. Raises `RpcError` if that is over."""
        hold = self.holds.get(body["transaction"])
        if hold is None or hold.ticket != body["ticket"]:
            known = body["transaction"] in self._ended
            raise conflict("the locks were let go") if known else RpcError(TIMEOUT, "too long ago to tell")
        return hold

    def _end(self, transaction: str, committed: bool) -> None:
        hold = self.holds.pop(transaction)
        if hold.timer:
            hold.timer.cancel()
        self._remember(transaction, committed)
        self.locks.release(transaction, hold.keys)

    def _remember(self, transaction: str, committed: bool) -> None:
        self._ended[transaction] = committed
        if len(self._ended) > ENDED_MAX:
            del self._ended[next(iter(self._ended))]

    def _wanted(self, keys: dict[Key, bool]) -> dict[Key, bool]:
        """The locks that a transaction on these keys needs."""
        return keys

    def _keep(self, record: list[Any]) -> None:
        """Writes down what is in force already. A journal that has grown much is rewritten."""
        self._journal.append(record)
        self._grown += 1
        if self._grown >= self._snapshot_records:
            self._grown = 0
            self.spawn(self._journal.rewrite(self._records))

    def _records(self) -> Iterator[list[Any]]:
        for number, shard in self.shards.items():
            yield ["took", number, shard.epoch, [[key, value] for key, value in shard.values.items()]]
            if shard.gone:
                yield ["gave", number]
        for transaction, hold in self.holds.items():
            if hold.prepared:
                yield ["prepared", transaction, hold.writes]

    # Values -----------------------------------------------------------------------------------------------------------

    def shard_of(self, key: Key) -> int:
        """The shard that a key belongs to."""
        return shard_of(key, len(self.owners))

    def _serves(self, key: Key) -> bool:
        shard = self.shards.get(self.shard_of(key))
        return shard is not None and shard.serving and not shard.gone

    def _read(self, key: Key) -> Any:
        return self.shards[self.shard_of(key)].values.get(key)

    def _put(self, pairs: Iterable[list[Any]]) -> None:
        for key, value in pairs:
            self.shards[self.shard_of(key)].values[key] = value

    # Moving shards ----------------------------------------------------------------------------------------------------

    def moved(self, shard: int) -> None:
        if self.epoch_at(self.name, shard, self._epoch_here(shard)) is not None:
            self.spawn(self._fetch(shard))

    async def _fetch(self, number: int) -> None:
        """Gets a shard from its owner before, until this server has had it as often as the log says. It is served here
        once it is durable here."""
        while (epoch := self.epoch_at(self.name, number, self._epoch_here(number))) is not None:
            source = self.owners[number][epoch - 2]
            try:
                answer = await self.rpc(source, {"type": "pull", "shard": number, "epoch": epoch}, ANSWER_S)
            except (TimeoutError, RpcError):
                await asyncio.sleep(PULL_S)
                continue
            if self._epoch_here(number) < epoch:
                shard = self.shards[number] = Shard(epoch, dict(answer["values"]), serving=False)
                self._keep(["took", number, epoch, answer["values"]])
                await self._journal.sync()
                shard.serving = True

    def _epoch_here(self, number: int) -> int:
        return self.shards[number].epoch if number in self.shards else 0

    async def on_pull(self, source: str, body: Body) -> Body:
        """Hands a shard over to the owner of the next epoch, which has seen in the log that it is that. Nothing is
        served here from then on, whatever this server has seen of the log."""
        shard = self.shards.get(body["shard"])
        if shard is None or shard.epoch != body["epoch"] - 1:
            raise RpcError(TEMPORARILY_UNAVAILABLE, "the shard is not here in the epoch before")
        shard.serving = False
        if self._in_use(body["shard"]):
            raise RpcError(TEMPORARILY_UNAVAILABLE, "transactions still hold keys of the shard")
        if not shard.gone:
            shard.gone = True
            self._keep(["gave", body["shard"]])
        await self._journal.sync()
        return {"type": "pull_ok", "values": [[key, value] for key, value in shard.values.items()]}

    def _in_use(self, number: int) -> bool:
        return any(self.shard_of(key) == number for hold in self.holds.values() for key in hold.keys)


def conflict(why: str) -> RpcError:
    """A refusal: the transaction did nothing here, and another try may succeed."""
    return RpcError(TXN_CONFLICT, why)
