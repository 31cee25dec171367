"""What a Raft server says to its peers, message by message: no promise before it is durable, none taken back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from harness.node import Body
from targets.toys.raft import Raft
from tests.targets.broken import AnswersBeforeSync, VotesBeforeSync

Message = tuple[str, Body]


class Disk:
    """`sync` takes a while; a crash forgets what it had not covered."""

    def __init__(self) -> None:
        self.current: dict[str, bytes] = {}
        self.durable: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        return self.current.get(name)

    def append(self, name: str, data: bytes) -> None:
        self.current[name] = self.current.get(name, b"") + data

    def write(self, name: str, data: bytes) -> None:
        self.current[name] = data

    def truncate(self, name: str, size: int) -> None:
        self.current[name] = self.current[name][:size]

    def rename(self, name: str, new: str) -> None:
        self.current[new] = self.current.pop(name)

    async def sync(self, name: str) -> None:
        covered = self.current[name]
        for _ in range(3):
            await asyncio.sleep(0)
        self.durable[name] = covered

    def crash(self) -> None:
        self.current = dict(self.durable)


class Timer:
    def cancel(self) -> None:
        return


class Host:
    """Surroundings in which time stands still and every message is kept."""

    name = "n1"
    nodes = ("n1", "n2", "n3", "n4", "n5")

    def __init__(self, disk: Disk) -> None:
        self.disk: Any = disk
        self.clock: Any = self
        self.random = random.Random(0)
        self.sent: list[Message] = []
        self.spoke = asyncio.Event()
        self.now_ns = 0
        self.timers: list[Callable[[], object]] = []

    def monotonic(self) -> int:
        return self.now_ns

    def send(self, dest: str, body: Body) -> None:
        self.sent.append((dest, body))
        self.spoke.set()

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        self.timers.append(callback)
        return Timer()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return asyncio.get_running_loop().create_task(coroutine)

    def log(self, text: str) -> None:
        assert "Traceback" not in text, text


async def boot(disk: Disk, server: type[Raft] = Raft, **options: Any) -> tuple[Raft, Host]:
    host = Host(disk)
    node = server(host, **options)
    await node.boot()
    return node, host


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def asks_vote(term: int, last: tuple[int, int] = (0, 0)) -> Body:
    return {"type": "vote", "term": term, "last": [*last]}


def append(term: int, previous: int, previous_term: int, *terms: int, commit: int = 0, heard: bool = True) -> Body:
    entries = [[each, ["n9", place, "write", "x", place]] for place, each in enumerate(terms)]
    body = {"type": "append", "term": term, "round": 1, "commit": commit, "heard": heard}
    return body | {"previous": previous, "previous_term": previous_term, "entries": entries}


def replies(host: Host) -> list[Message]:
    found, host.sent = host.sent, []
    return found


async def votes_twice(server: type[Raft]) -> bool:
    """Whether a vote is given away again after a crash right behind the first answer."""
    disk = Disk()
    node, host = await boot(disk, server)
    node.receive("n2", asks_vote(1))
    await host.spoke.wait()
    [(dest, reply)] = replies(host)
    assert (dest, reply["granted"]) == ("n2", True)
    disk.crash()
    node, host = await boot(disk, server)
    node.receive("n3", asks_vote(1))
    await settle()
    [(dest, reply)] = replies(host)
    assert dest == "n3"
    return bool(reply["granted"])


def test_a_vote_survives_a_crash_right_after_the_answer() -> None:
    assert not asyncio.run(votes_twice(Raft))


@pytest.mark.parametrize("server", [VotesBeforeSync, AnswersBeforeSync])
def test_a_vote_that_was_answered_too_early_is_given_twice(server: type[Raft]) -> None:
    assert asyncio.run(votes_twice(server))


def test_entries_are_acknowledged_only_once_they_survive_a_crash() -> None:
    async def main() -> None:
        disk = Disk()
        node, host = await boot(disk)
        node.receive("n2", append(1, 0, 0, 1, 1))
        await host.spoke.wait()
        [(_, reply)] = replies(host)
        assert (reply["ok"], reply["next"]) == (True, 3)
        disk.crash()
        again, _ = await boot(disk)
        assert again.state.last == (1, 2)

    asyncio.run(main())


def snapshot(term: int, index: int, last_term: int, *values: tuple[str, int]) -> Body:
    state = {"values": values, "done": [["n9", [[1, {"type": "write_ok"}]]]], "forgotten": {}}
    body = {"type": "snapshot", "term": term, "round": 1, "heard": True, "previous": index}
    return body | {"snapshot": [index, last_term, Host.nodes, state]}


def test_a_snapshot_is_acknowledged_only_once_it_survives_a_crash() -> None:
    async def main() -> None:
        disk = Disk()
        node, host = await boot(disk)
        node.receive("n2", append(1, 0, 0, 1, 1, commit=1))
        await settle()
        replies(host)
        node.receive("n2", snapshot(2, 7, 2, ("x", 5)))
        assert replies(host) == [], "nothing before it is durable"
        await host.spoke.wait()
        await settle()
        [(_, reply)] = replies(host)
        assert (reply["ok"], reply["next"], node.commit) == (True, 8, 7)
        disk.crash()
        again, _ = await boot(disk)
        assert (again.state.last, again.commit) == ((2, 7), 7)
        assert again._registers.read("x")["value"] == 5
        again.receive("n2", append(2, 7, 2, 2, commit=8))
        await settle()
        assert again.commit == 8, "it goes on where the snapshot ends"

    asyncio.run(main())


def test_a_snapshot_of_what_is_committed_here_changes_nothing() -> None:
    async def main() -> None:
        node, host = await boot(Disk())
        node.receive("n2", append(1, 0, 0, 1, 1, 1, commit=3))
        node.receive("n2", snapshot(1, 2, 1, ("x", 99)))
        await settle()
        assert node._registers.read("x")["value"] == 2 and node.state.last == (1, 3)
        assert [reply["next"] for _, reply in replies(host)] == [4, 3]

    asyncio.run(main())


def test_a_snapshot_of_a_deposed_leader_is_refused() -> None:
    async def main() -> None:
        node, host = await boot(Disk())
        node.receive("n3", append(4, 0, 0, 4))
        node.receive("n2", snapshot(3, 9, 3))
        await settle()
        assert [(reply["ok"], reply["term"]) for _, reply in replies(host)] == [(True, 4), (False, 4)]
        assert node.commit == 0

    asyncio.run(main())


def test_whatever_moment_a_crash_comes_at_a_rewritten_journal_keeps_what_was_acknowledged() -> None:
    async def crashed(turns: int) -> int:
        disk = Disk()
        node, host = await boot(disk, snapshot_records=5)
        for place in range(12):
            node.receive("n2", append(1, place, min(place, 1), 1, commit=place))
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        acknowledged = max((reply["next"] - 1 for _, reply in replies(host)), default=0)
        disk.crash()
        again, _ = await boot(disk)
        assert again.state.last_index >= acknowledged
        return int(again.state.snapshot.index)

    snapshots = {asyncio.run(crashed(turns)) for turns in range(40)}
    assert len(snapshots) > 1, "some came before the new file counted, some after"


def test_an_acknowledgement_overtaken_by_a_later_term_is_never_sent() -> None:
    async def main() -> None:
        node, host = await boot(Disk())
        node.receive("n2", append(1, 0, 0, 1))
        node.receive("n3", append(2, 0, 0, 2))
        await settle()
        assert [(dest, reply["term"]) for dest, reply in replies(host)] == [("n3", 2)]

    asyncio.run(main())


def test_a_vote_needs_a_log_that_is_up_to_date() -> None:
    async def main() -> None:
        node, host = await boot(Disk())
        node.receive("n2", append(3, 0, 0, 1, 3))
        await settle()
        replies(host)
        for term, last, granted in [(4, (2, 9), False), (5, (3, 1), False), (6, (3, 2), True), (7, (4, 1), True)]:
            node.receive("n4", asks_vote(term, last))
            await settle()
            assert [reply["granted"] for _, reply in replies(host)] == [granted]

    asyncio.run(main())


def test_a_leader_of_an_earlier_term_is_told_the_later_one() -> None:
    async def main() -> None:
        node, host = await boot(Disk())
        node.receive("n2", asks_vote(5))
        node.receive("n3", append(4, 0, 0, 4))
        await settle()
        answers = {reply["type"]: reply for _, reply in replies(host)}
        assert (answers["append_reply"]["ok"], answers["append_reply"]["term"]) == (False, 5)
        assert node.state.last == (0, 0)

    asyncio.run(main())


def test_messages_that_come_again_or_late_change_nothing() -> None:
    async def main() -> None:
        node, host = await boot(Disk())
        first, second = append(1, 0, 0, 1), append(1, 1, 1, 1, commit=2)
        for message in (first, second, first, second, append(1, 0, 0)):
            node.receive("n2", message)
            await settle()
        assert node.state.last == (1, 2) and node.commit == 2
        assert all(reply["ok"] for _, reply in replies(host))

    asyncio.run(main())


def test_no_more_is_committed_than_is_known_to_agree() -> None:
    async def main() -> None:
        node, _ = await boot(Disk())
        node.receive("n2", append(1, 0, 0, 1, 1, 1))
        node.receive("n3", append(2, 1, 1, commit=3))
        await settle()
        assert node.commit == 1, "entries 2 and 3 may conflict with what the new leader has there"

    asyncio.run(main())


def test_who_hears_from_a_leader_denies_a_pre_vote_and_says_so() -> None:
    async def main() -> None:
        node, host = await boot(Disk())
        ask = {"type": "pre_vote", "term": 9, "last": [9, 9]}
        node.receive("n3", ask)
        node.receive("n2", append(1, 0, 0))
        node.receive("n3", ask)
        host.now_ns += 300_000_000
        node.receive("n3", ask)
        node.receive("n2", append(1, 0, 0, heard=False))
        node.receive("n3", ask)
        await settle()
        told = [(body["granted"], body["led"]) for _, body in replies(host) if body["type"] == "pre_vote_reply"]
        assert told == [(True, False), (False, True), (True, False), (True, False)]
        assert node.state.term == 1, "a question changes nothing"

    asyncio.run(main())


async def leading(term: int, host_terms: Body) -> tuple[Raft, Host]:
    """Leads that term, behind what one message brought; nothing of its own is committed yet."""
    node, host = await boot(Disk())
    node.receive("n2", host_terms)
    await settle()
    node._stand()
    await settle()
    for peer in ("n2", "n3"):
        node.receive(peer, {"type": "vote_reply", "term": term, "granted": True})
    await settle()
    assert node.role == "leader" and node.state.term == term
    replies(host)
    return node, host


def holds(term: int, upto: int) -> Body:
    return {"type": "append_reply", "term": term, "ok": True, "round": 1, "previous": 0, "next": upto + 1}


def test_members_change_one_at_a_time_and_only_once_an_entry_of_the_leader_s_term_is_committed() -> None:
    """Ongaro's bug in single-server changes: an earlier leader's change may be in force elsewhere."""

    async def main() -> None:
        node, host = await leading(3, append(2, 0, 0, 2))
        leave = {"type": "leave", "node": "n5", "msg_id": 1}
        node.receive("c1", leave)
        [(_, refused)] = [told for told in replies(host) if told[0] == "c1"]
        assert refused["code"] == 11
        for peer in ("n2", "n3"):
            node.receive(peer, holds(3, 2))
        assert node.commit == 2
        node.receive("c1", leave)
        assert node.state.members.latest == ("n1", "n2", "n3", "n4"), "in force at once"
        node.receive("c2", {"type": "leave", "node": "n4", "msg_id": 1})
        await settle()
        [(_, refused)] = [told for told in replies(host) if told[0] in ("c1", "c2")]
        assert refused["code"] == 11, "the first is not committed yet"
        node._flush()
        await settle()
        for peer in ("n2", "n5"):
            node.receive(peer, holds(3, 3))
        assert node.commit == 2, "n5 counts no more: two of four hold it"
        node.receive("n4", holds(3, 3))
        await settle()
        assert node.commit == 3
        assert [told["type"] for dest, told in replies(host) if dest == "c1"] == ["change_ok"]

    asyncio.run(main())


def test_a_change_that_is_overwritten_is_no_longer_in_force() -> None:
    async def main() -> None:
        disk = Disk()
        node, _ = await boot(disk)
        change = append(1, 0, 0, 1)
        change["entries"] = [[1, {"members": ["n1", "n2"]}]]
        node.receive("n2", change)
        assert node.state.members.latest == ("n1", "n2")
        await settle()
        node.receive("n3", append(2, 0, 0, 2))
        assert node.state.members.latest == Host.nodes
        await settle()
        disk.crash()
        again, _ = await boot(disk)
        assert again.state.members.latest == Host.nodes

    asyncio.run(main())


def test_a_leader_that_leaves_counts_others_only() -> None:
    async def main() -> None:
        node, _ = await leading(1, append(0, 0, 0))
        for peer in ("n2", "n3"):
            node.receive(peer, holds(1, 1))
        node.receive("c1", {"type": "leave", "node": "n1", "msg_id": 1})
        await settle()
        for peer in ("n2", "n3"):
            node.receive(peer, holds(1, 2))
        assert (node.commit, node.role) == (1, "leader"), "two of the four that stay hold it"
        node.receive("n4", holds(1, 2))
        assert (node.commit, node.role) == (2, "follower")

    asyncio.run(main())


def test_a_leader_commits_entries_of_earlier_terms_only_together_with_one_of_its_own() -> None:
    """Figure 8 of the paper."""

    async def main() -> None:
        node, _ = await boot(Disk())
        node.receive("n2", append(2, 0, 0, 2))
        await settle()
        node._stand()
        await settle()
        for peer in ("n2", "n3"):
            node.receive(peer, {"type": "vote_reply", "term": 3, "granted": True})
        await settle()
        assert node.role == "leader" and node.state.last == (3, 2)
        answer = {"type": "append_reply", "term": 3, "ok": True, "round": 1, "previous": 0}
        for peer in ("n2", "n3"):
            node.receive(peer, answer | {"next": 2})
        assert node.commit == 0, "a majority holds the entry of term 2, and it may still be overwritten"
        for peer in ("n2", "n3"):
            node.receive(peer, answer | {"next": 3})
        assert node.commit == 2

    asyncio.run(main())
