"""What a Raft server must not forget: its term, its vote, its log, and the snapshot that the log begins with.

All go through one journal. Figure 2 of the paper asks for them to be durable before any answer, in no particular file;
one file gives them an order too, so a server that crashes wakes up exactly as it was at some earlier moment. Truncation
is not written: an entry at an index that is taken replaces that one and drops all behind it. Nor is a snapshot put
elsewhere: one that came from a leader is a record like any other, and replaces all entries up to its index.

The journal would grow without bound, and not by entries alone: elections that nobody wins leave terms behind, and
entries that were replaced stay. So it is rewritten whenever it has grown by a number of records, whatever they are
(`RaftServer`), to the snapshot and what follows it. Until that is durable the old file stands, and says the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from harness.node import Disk
from targets.toys.journal import Journal
from targets.toys.raft_members import Members, named_by
from targets.toys.raft_snapshot import Snapshot

Entry = list[Any]
"""`[term, command]`, None being the command that does nothing. `raft_members` says which one names the members."""


class RaftLog:
    """The durable state. Everything is in force at once and durable after the next `sync`. Indices begin at 1; entries
    up to the snapshot's index are there no more."""

    def __init__(self, disk: Disk, nodes: Sequence[str]) -> None:
        """`nodes` are the members before any entry names others."""
        self.term = 0
        self.voted_for: str | None = None
        self.boots = 0
        """How often this server has started, this time included."""
        self.members = Members(tuple(nodes))
        self.snapshot = Snapshot(0, 0, self.members.latest, None)
        self.grown = 0
        """Records in the journal that came since it was rewritten."""
        self._entries: list[Entry] = []
        self._journal = Journal(disk, "raft.log")

    async def recover(self) -> None:
        """Reads back what survived, and counts this start."""
        for kind, *rest in self._journal.recover():
            self.grown += 1
            if kind == "term":
                self.term, self.voted_for = rest
            elif kind == "entry":
                index, *entry = rest
                self._replace(index, entry)
            elif kind == "snapshot":
                self._begin_with(Snapshot.from_json(rest))
            else:
                [self.boots] = rest
        self.boots += 1
        self._record("boot", self.boots)
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
        return self.snapshot.index + len(self._entries)

    @property
    def last(self) -> tuple[int, int]:
        """Term and index of the last entry: of two logs, the one with the greater pair is more up to date (5.4.1)."""
        return self.term_at(self.last_index), self.last_index

    def term_at(self, index: int) -> int:
        """The term of an entry that is not before the snapshot's last; 0 before the first, -1 behind the last."""
        if index > self.last_index:
            return -1
        place = index - self.snapshot.index
        assert place >= 0, "what is in the snapshot is forgotten"
        return int(self._entries[place - 1][0]) if place else self.snapshot.term

    def command_at(self, index: int) -> Any:
        """The command of an entry that is there."""
        return self._entries[index - self.snapshot.index - 1][1]

    def slice(self, index: int, count_max: int) -> list[Entry]:
        """Entries from there on."""
        place = index - self.snapshot.index - 1
        return self._entries[place : place + count_max]

    def agrees(self, index: int, term: int) -> bool:
        """Whether this log is like a leader's up to there, whose entry there is of that term. What is in the snapshot
        is committed, and so it is in every later leader's log."""
        return index < self.snapshot.index or self.term_at(index) == term

    def enter(self, term: int, voted_for: str | None) -> None:
        """A later term, or the vote in this one."""
        assert term > self.term or (term == self.term and self.voted_for in (None, voted_for)), "a vote is for good"
        self.term, self.voted_for = term, voted_for
        self._record("term", term, voted_for)

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
            if not self.agrees(index, entry[0]):
                self._put(index, entry)

    def back_up(self, index: int) -> int:
        """From where on a leader had better send, whose entry there conflicts with this log or lies behind its end.

        Skips all entries of the conflicting term at once: one exchange per term, not one per entry (end of 5.3).
        """
        if index > self.last_index:
            return self.last_index + 1
        term = self.term_at(index)
        while index > self.snapshot.index + 1 and self.term_at(index - 1) == term:
            index -= 1
        return index

    def install(self, snapshot: Snapshot) -> None:
        """Takes over a leader's snapshot. Entries behind it stay if the log agrees with it (7)."""
        self._begin_with(snapshot)
        self._record("snapshot", *snapshot.to_json())

    async def compact(self, snapshot: Snapshot) -> None:
        """Forgets the entries that a snapshot of this server's own stands for, and rewrites the journal without them,
        unless a leader's was further by now. Raises SystemExit where that cannot be made durable."""
        if snapshot.index < self.snapshot.index:
            return
        self._begin_with(snapshot)
        self.grown = 0
        await self._journal.rewrite(self._state)

    def _state(self) -> Iterator[list[Any]]:
        """All there is to remember now."""
        yield ["boot", self.boots]
        yield ["term", self.term, self.voted_for]
        yield ["snapshot", *self.snapshot.to_json()]
        for index, entry in enumerate(self._entries, self.snapshot.index + 1):
            yield ["entry", index, *entry]

    def _begin_with(self, snapshot: Snapshot) -> None:
        agreed = self.last_index >= snapshot.index and self.agrees(snapshot.index, snapshot.term)
        if not agreed:
            self._cut(self.snapshot.index + 1)
        self._entries = self.slice(snapshot.index + 1, len(self._entries))
        self.members.begin(snapshot.index, snapshot.members)
        self.snapshot = snapshot

    def _put(self, index: int, entry: Entry) -> None:
        self._replace(index, entry)
        self._record("entry", index, *entry)

    def _replace(self, index: int, entry: Entry) -> None:
        self._cut(index)
        self._entries.append(entry)
        if (members := named_by(entry[1])) is not None:
            self.members.add(index, members)

    def _cut(self, index: int) -> None:
        del self._entries[index - self.snapshot.index - 1 :]
        self.members.cut(index)

    def _record(self, *record: Any) -> None:
        self._journal.append([*record])
        self.grown += 1
