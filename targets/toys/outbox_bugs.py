"""Bugs to plant in the outbox, each an override of the one method it spoils."""

from __future__ import annotations

from typing import Any

from targets.toys.outbox import Entry, Outbox


class AcceptsBeforeDurable(Outbox):
    """An entry is acknowledged while it is in memory alone, so a crash takes it along (producers that buffer and answer
    at once; brokers that flush once in a while)."""

    async def _make_durable(self, number: int) -> None:
        self.after(1, lambda: self.spawn(super(AcceptsBeforeDurable, self)._make_durable(number)))


class BooksAgain(Outbox):
    """The head office books whatever is delivered: an entry whose answer was lost is delivered again and counted again
    (consumers that rely on a broker's at-least-once as if it were exactly once)."""

    def _is_new(self, branch: str, entry: Entry) -> bool:
        return True


class DropsOldest(Outbox):
    """A full queue drops its oldest entry to make room, and tells nobody (ring buffers of log shippers and agents)."""

    def _make_room(self) -> None:
        if len(self._waiting) >= self._limit:
            self._waiting.popleft()


class ForgetsQueue(Outbox):
    """A restarted branch goes on with its numbers, but what had waited is not queued again (retries that live in memory
    though the journal is on disk)."""

    def _recover(self, records: list[Any]) -> None:
        super()._recover(records)
        self._waiting.clear()
