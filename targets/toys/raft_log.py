"""What a Raft server must not forget: its term, its vote and its log.

All three go through one journal. Figure 2 of the paper asks for them to be durable before any answer, in no particular
file; one file gives them an order too, so a server that crashes wakes up exactly as it was at some earlier moment.
Truncation is not written: an entry at an index that is taken replaces that one and drops all behind it.

The log is kept whole, in memory and on disk: there are no snapshots, so a restart replays everything.
"""

from __future__ import annotations

from typing import Any

from harness.node import Disk
from targets.toys.journal import Journal

Entry = list[Any]
"""`[term, command]`, None being the command that does nothing."""


class RaftLog:
    """The durable state. Everything is in force at once and durable after the next `sync`. Indices begin at 1."""

    def __init__(self, disk: Disk) -> None:
        self.term = 0
        self.voted_for: str | None = None
        self.boots = 0
        """How often this server has started, this time included."""
        self._entries: list[Entry] = []
        self._journal = Journal(disk, "raft.log")

    async def recover(self) -> None:
        """Reads back what survived, and counts this start."""
        for kind, *rest in self._journal.recover():
            if kind == "term":
                self.term, self.voted_for = rest
            elif kind == "entry":
                index, term, command = rest
                del self._entries[index - 1 :]
                self._entries.append([term, command])
            else:
                [self.boots] = rest
        self.boots += 1
        self._journal.append(["boot", self.boots])
        await self.sync()

    async def sync(self) -> None:
        """Returns once everything up to now is durable. Raises SystemExit where it cannot be made so."""
        await self._journal.sync()

    @property
    def clean(self) -> bool:
        """Whether everything is durable already."""
        return self._journal.clean

    @property
    def last_index(self) -> int:
        """The index of the last entry, 0 for none."""
        return len(self._entries)

    @property
    def last(self) -> tuple[int, int]:
        """Term and index of the last entry: of two logs, the one with the greater pair is more up to date (5.4.1)."""
        return self.term_at(self.last_index), self.last_index

    def term_at(self, index: int) -> int:
        """The term of the entry there; 0 before the first, -1 behind the last."""
        if index > len(self._entries):
            return -1
        return int(self._entries[index - 1][0]) if index else 0

    def command_at(self, index: int) -> Any:
        """The command of an entry that is there."""
        return self._entries[index - 1][1]

    def slice(self, index: int, count_max: int) -> list[Entry]:
        """Entries from there on."""
        return self._entries[index - 1 : index - 1 + count_max]

    def enter(self, term: int, voted_for: str | None) -> None:
        """A later term, or the vote in this one."""
        assert term > self.term or (term == self.term and self.voted_for in (None, voted_for)), "a vote is for good"
        self.term, self.voted_for = term, voted_for
        self._journal.append(["term", term, voted_for])

    def append(self, command: Any) -> int:
        """Adds an entry of the current term; returns its index."""
        self._put(self.last_index + 1, [self.term, command])
        return self.last_index

    def store(self, previous: int, entries: list[Entry]) -> None:
        """Takes over a leader's entries behind an index where both logs agree.

        An entry that conflicts with one of them goes, with all that follow it; one that agrees stays, and so does what
        follows it, because this message may be an old one (5.3).
        """
        for index, entry in enumerate(entries, previous + 1):
            if self.term_at(index) != entry[0]:
                self._put(index, entry)

    def back_up(self, index: int) -> int:
        """From where on a leader had better send, whose entry there conflicts with this log or lies behind its end.

        Skips all entries of the conflicting term at once: one exchange per term, not one per entry (end of 5.3).
        """
        if index > self.last_index:
            return self.last_index + 1
        term = self.term_at(index)
        while index > 1 and self.term_at(index - 1) == term:
            index -= 1
        return index

    def _put(self, index: int, entry: Entry) -> None:
        del self._entries[index - 1 :]
        self._entries.append(entry)
        self._journal.append(["entry", index, *entry])
