"""A register store on quorums: as many answers as it takes for any read to meet any write, and no consensus at all.

Each key has N replicas. A write is done when W of them have it, a read asks R; with R + W > N the two have a replica in
common, and the later timestamp wins. That is the register of Attiya, Bar-Noy and Dolev ("Sharing Memory Robustly in
Message-Passing Systems", JACM 1995), with many writers (Lynch and Shvartsman, FTCS 1997): nobody leads, nothing is
agreed on, and clocks are not asked. Its limit is the limit of registers: without consensus there is no atomic
compare-and-set (Herlihy, "Wait-Free Synchronization", TOPLAS 1991), so `cas` is refused as not supported.

- *A write asks first.* It takes R timestamps and adds one to the highest, so it is later than every write that was done
  when it began. Ties go by the name of the coordinator, and by a number that it never gives twice.
- *A read writes back.* What it is about to return may be on fewer than W replicas, of a write that is under way or died
  half way, and the next read could miss it: time would run backwards between two readers. So the read first brings it
  to W replicas. `write_back=False` spares that round, and gives up atomicity for regularity (Lamport 1986).
- *R + W <= N* is faster still, and a read may miss the last write altogether.
- *Trying again is safe*: a version that comes twice is the same version.
- *Nothing is deleted*, so there are no tombstones; a replica holds one version a key, in memory and on disk.

Whoever reaches fewer than R or W replicas of a key gets no answer for it; `sloppy_quorum` is the store that answers.
"""

from __future__ import annotations

from typing import Any

from harness.node import Body, Host, RpcError
from harness.node.errors import NOT_SUPPORTED, TEMPORARILY_UNAVAILABLE, TIMEOUT
from targets.toys.boots import count_boot
from targets.toys.journal import Journal
from targets.toys.polling import Answers, Polling
from targets.toys.requests import field, key_of
from targets.toys.ring import replicas_of

Key = str | int

Version = list[Any]
"""`[timestamp, value]`; a timestamp is `[counter, name of the coordinator, a number it never gives twice]`."""

NOTHING: Version = [[0, "", 0], None]
"""What a replica holds of a key that it knows nothing of."""

PATIENCE_NS = 1_500_000_000
"""How long a request is tried."""


class Quorum(Polling):
    """One server: coordinator for its clients, replica for its keys. `n`: replicas of a key, all servers by default;
    `r`, `w`: answers to a read, to a write, majorities of those by default. `round_ms`: the time between two tries."""

    def __init__(
        self,
        host: Host,
        *,
        n: int | None = None,
        r: int | None = None,
        w: int | None = None,
        write_back: bool = True,
        round_ms: float = 300,
    ) -> None:
        super().__init__(host)
        self._n = min(n or len(self.nodes), len(self.nodes))
        self._r = min(r or self._n // 2 + 1, self._n)
        self._w = min(w or self._n // 2 + 1, self._n)
        self._write_back = write_back
        self._round_s = round_ms / 1000
        self._serial = 0
        self._versions: dict[Key, Version] = {}
        self._journal = Journal(host.disk, "versions.log", self._records)

    async def start(self) -> None:
        for record in self._journal.recover():
            self._recover(record)
        await self._journal.sync()
        self._serial = await count_boot(self.disk) << 32

    # Requests ---------------------------------------------------------------------------------------------------------

    async def on_read(self, source: str, body: Body) -> Body:
        key = key_of(body)
        versions = await self._fetch(key)
        newest = max(versions)
        if self._write_back and versions.count(newest) < self._w and not await self._store(key, newest):
            raise RpcError(TEMPORARILY_UNAVAILABLE, f"fewer than {self._w} replicas took what was read")
        return {"type": "read_ok", "value": newest[1]}

    async def on_write(self, source: str, body: Body) -> Body:
        key, value = key_of(body), field(body, "value")
        timestamp = await self._next_timestamp(key)
        if not await self._store(key, [timestamp, value]):
            raise RpcError(TIMEOUT, f"fewer than {self._w} replicas are known to have the write")
        return {"type": "write_ok"}

    def on_cas(self, source: str, body: Body) -> Body:
        raise RpcError(NOT_SUPPORTED, "registers on quorums have no atomic compare-and-set")

    def on_status(self, source: str, body: Body) -> Body:
        return {"type": "status_ok", "role": "peer", "keys": len(self._versions)}

    # As coordinator ---------------------------------------------------------------------------------------------------

    async def _next_timestamp(self, key: Key) -> list[Any]:
        [counter, _, _], _ = max(await self._fetch(key))
        self._serial += 1
        return [counter + 1, self.name, self._serial]

    async def _fetch(self, key: Key) -> list[Version]:
        """The versions of R replicas. Raises `RpcError` if there are not so many in time."""
        answers = await self._ask(key, {"type": "fetch", "key": key}, self._r)
        if len(answers) < self._r:
            raise RpcError(TEMPORARILY_UNAVAILABLE, f"fewer than {self._r} replicas answered")
        return [answer["version"] for answer in answers.values()]

    async def _store(self, key: Key, version: Version) -> bool:
        """Whether W replicas have taken a version, or hold a later one."""
        return len(await self._ask(key, {"type": "store", "key": key, "version": version}, self._w)) >= self._w

    async def _ask(self, key: Key, question: Body, needed: int) -> Answers:
        """What a key's replicas answer, `needed` of them if possible: asked again until the time is up."""
        deadline = self.clock.monotonic() + PATIENCE_NS
        replicas = replicas_of(key, self.nodes)[: self._n]
        answers: Answers = {}
        while len(answers) < needed and self.clock.monotonic() < deadline:
            answers |= await self.poll(replicas, question, lambda found: len(found) >= needed, self._round_s)
        return answers

    # As replica -------------------------------------------------------------------------------------------------------

    async def on_fetch(self, source: str, body: Body) -> None:
        """Tells what is held of a key. It is durable before it is told: the coordinator may count on it."""
        version = self._held(key_of(body))
        await self._journal.sync()
        self.answer(source, body, {"version": version})

    async def on_store(self, source: str, body: Body) -> None:
        """Takes a version, unless a later one is held; either way W can count on this replica."""
        self._take(key_of(body), body["version"])
        await self._journal.sync()
        self.answer(source, body, {})

    def _held(self, key: Key) -> Version:
        return self._versions.get(key, NOTHING)

    def _take(self, key: Key, version: Version) -> None:
        if version > self._held(key):
            self._versions[key] = version
            self._journal.append([key, version])

    def _recover(self, record: list[Any]) -> None:
        key, version = record
        self._versions[key] = version

    def _records(self) -> list[list[Any]]:
        """What the journal has to hold, so that `_recover` brings everything back."""
        return [[key, version] for key, version in self._versions.items()]
