"""Bugs to plant in the store on quorums, each an override of the one method it spoils."""

from __future__ import annotations

from typing import Any

from harness.node import Body, Host
from targets.toys.quorum import Key, Quorum, Version
from targets.toys.requests import key_of

FLUSH_S = 1.0


class ReadsWithoutWriteBack(Quorum):
    """A read returns the latest of R versions and leaves it where it is, so the next read may miss it (Cassandra when
    a quorum read does not repair)."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **{**options, "write_back": False})


class QuorumsThatMiss(Quorum):
    """A write needs one replica less than a majority, so W + R = N and a read may meet none that has it."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._w = self._n - self._r


class TimestampsByClock(Quorum):
    """A write takes its timestamp from the coordinator's clock and asks nobody: where that is behind, the write is
    acknowledged and never seen (Cassandra with drifting clocks)."""

    async def _next_timestamp(self, key: Key) -> list[Any]:
        self._serial += 1
        return [self.clock.wall(), self.name, self._serial]


class AcknowledgesBeforeW(Quorum):
    """A write is acknowledged by the first replica that has it, and the others are left to themselves."""

    async def _store(self, key: Key, version: Version) -> bool:
        return bool(await self._ask(key, {"type": "store", "key": key, "version": version}, 1))


class TakesWhatComesLast(Quorum):
    """A replica keeps the version that came last, not the latest: messages that overtake each other undo writes."""

    def _take(self, key: Key, version: Version) -> None:
        self._versions[key] = version
        self._journal.append([key, version])


class FlushesLater(Quorum):
    """A replica answers at once and syncs once a second: a loss of power takes what it had acknowledged."""

    async def start(self) -> None:
        await super().start()
        self.after(FLUSH_S, self._flush)

    def _flush(self) -> None:
        self.spawn(self._journal.sync())
        self.after(FLUSH_S, self._flush)

    async def on_store(self, source: str, body: Body) -> None:
        self._take(key_of(body), body["version"])
        self.answer(source, body, {})

    async def on_fetch(self, source: str, body: Body) -> None:
        self.answer(source, body, {"version": self._held(key_of(body))})
