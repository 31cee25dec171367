"""Bugs to plant in the store on Raft, each an override of the one method it spoils."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from harness.node import Body, Host
from targets.toys.machine import Command, Registers
from targets.toys.raft import Raft
from targets.toys.raft_election import FOLLOWER
from targets.toys.raft_log import Entry, RaftLog
from targets.toys.raft_peers import Peers, Progress


class StaleLeaderReads(Raft):
    """A leader answers reads from its own state, without asking whether it still leads (etcd and Consul, 2014)."""

    def _read(self, key: str | int) -> Awaitable[Body]:
        answer: asyncio.Future[Body] = asyncio.get_running_loop().create_future()
        answer.set_result(self._registers.read(key))
        return answer


class UnsyncedPromises(Raft):
    """Votes and acknowledges entries before they are durable, as every store does whose fsync is switched off."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self.state = _UnsyncedLog(host.disk, host.nodes)


class _UnsyncedLog(RaftLog):
    async def sync(self) -> None:
        asyncio.get_running_loop().create_task(super().sync()).add_done_callback(lambda task: task.cancelled())

    @property
    def clean(self) -> bool:
        return True


class CommitsOldTerms(Raft):
    """A follower takes its whole log, up to the leader's commit index, for committed, though it is only known to agree
    with the leader's up to the message at hand: entries of a deposed leader's term are done (figure 2 of the Raft paper
    says "index of last new entry", and many a first implementation overlooked it)."""

    def _learn_commit(self, commit: int, agreed: int) -> None:
        self._commit(min(commit, self.state.last_index))


class TruncatesForOldMessages(Raft):
    """Drops everything behind the entries of whatever message comes, also of one that was overtaken by a later one, and
    with it entries that it has acknowledged (section 5.3 asks for a conflict first)."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self.state = _EagerlyTruncated(host.disk, host.nodes)


class _EagerlyTruncated(RaftLog):
    def store(self, previous: int, entries: list[Entry]) -> None:
        self._cut(max(previous, self.snapshot.index) + 1)
        super().store(previous, entries)


class AppliesRepeats(Raft):
    """Does a command as often as the log has it: one that the network delivered twice brings back an overwritten
    value."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._registers = _NoMemory()


class _NoMemory(Registers):
    def apply(self, command: Command) -> Body:
        return self._do(*command[2:])


class VotesTwice(Raft):
    """A follower gives its vote to whoever asks for it, also a second time in a term, which then has two leaders (5.2:
    at most one vote in a term)."""

    def on_vote(self, source: str, body: Body) -> Awaitable[None]:
        if self.role == FOLLOWER:
            self.state.voted_for = None
        return super().on_vote(source, body)


class ForgetsVotes(Raft):
    """Keeps its log on disk, its term and its vote in memory alone. Restarted it is in the term of its last entry, and
    so votes once more in a term in which it has voted, or helps a leader to commit whom its vote has deposed (figure 2:
    both are persistent state)."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self.state = _TermInMemory(host.disk, host.nodes)


class _TermInMemory(RaftLog):
    async def recover(self) -> None:
        await super().recover()
        self.term, self.voted_for = self.last[0], None


class SnapshotsWithoutMemory(Raft):
    """Leaves out of its snapshots what was done for whom: behind one, a command that comes a second time is done a
    second time, by some servers and not by others."""

    def outcome(self) -> Any:
        return {**super().outcome(), "done": [], "forgotten": {}}


class SnapshotsWithoutTail(Raft):
    """Rewrites its journal to the snapshot alone: the entries behind it, which it has acknowledged, are gone after a
    restart."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self.state = _CutTooFar(host.disk, host.nodes)


class _CutTooFar(RaftLog):
    def _state(self) -> Iterator[list[Any]]:
        return (record for record in super()._state() if record[0] != "entry")


class CountsWhoLeft(Raft):
    """Asks for a majority of the new members and takes anybody's word for it, also that of a server that has left: with
    a leader it makes a majority beside that of those who stay."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._peers = _WhoeverAnswers(host.name)


class _WhoeverAnswers(Peers):
    def count(self, members: Sequence[str]) -> None:
        self._members = members

    def _of_majority(self, of: Callable[[Progress], int], own: int) -> int:
        return sorted((own, *map(of, self.all.values())))[-(len(self._members) // 2 + 1)]


class DeafLeader(Raft):
    """Assumes that whoever it can talk to can talk to it: a leader that hears nobody goes on, and keeps all others from
    electing one that would (etcd at Cloudflare, November 2020)."""

    def _send_append(self, peer: str) -> None:
        self._peers.all[peer].heard_ns = self.clock.monotonic()
        super()._send_append(peer)
