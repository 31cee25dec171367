"""The durable state of a Raft server against a plain list, and its conflict rules."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targets.toys.machine import REMEMBERED, Registers
from targets.toys.raft_log import RaftLog
from targets.toys.raft_peers import Peers
from targets.toys.raft_snapshot import Snapshot


class MemoryDisk:
    """A disk on which everything is durable at once."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def read(self, name: str) -> bytes:
        return self.files.get(name, b"")

    def append(self, name: str, data: bytes) -> None:
        self.files[name] = self.read(name) + data

    def write(self, name: str, data: bytes) -> None:
        self.files[name] = data

    def rename(self, name: str, new: str) -> None:
        self.files[new] = self.files.pop(name)

    async def sync(self, name: str) -> None:
        return


NODES = ("n1", "n2", "n3")


def recovered(disk: Any) -> RaftLog:
    log = RaftLog(disk, NODES)
    asyncio.run(log.recover())
    return log


def content(log: RaftLog) -> list[list[Any]]:
    return log.slice(log.snapshot.index + 1, 10_000)


def taken(log: RaftLog, index: int) -> Snapshot:
    """A snapshot whose state tells what it stands for."""
    return Snapshot(index, log.term_at(index), log.members.at(index), f"up to {index}")


TERMS = st.lists(st.integers(min_value=0, max_value=2), max_size=8)


def entries(steps: list[int]) -> list[list[Any]]:
    """Entries whose terms never fall, as in every log. The command tells term and place: equal ones are equal."""
    term, found = 1, []
    for step in steps:
        term += step
        found.append([term, f"{term}.{len(found)}"])
    return found


@given(TERMS, TERMS, st.data())
def test_storing_keeps_what_agrees_and_replaces_what_conflicts(ours, theirs, data) -> None:
    log = recovered(MemoryDisk())
    log.store(0, entries(ours))
    leader = entries(theirs)
    previous = data.draw(st.integers(min_value=0, max_value=len(leader)))
    if log.term_at(previous) != (leader[previous - 1][0] if previous else 0):
        return
    before = content(log)
    log.store(previous, leader[previous:])
    agreeing = previous
    while agreeing < len(leader) and agreeing < len(before) and before[agreeing][0] == leader[agreeing][0]:
        agreeing += 1
    if agreeing == len(leader):
        assert content(log) == before, "an old message takes nothing back"
    else:
        assert content(log)[agreeing:] == leader[agreeing:]


@given(TERMS, TERMS)
def test_backing_up_needs_at_most_one_exchange_per_term(ours, theirs) -> None:
    """A leader that follows the advice finds the place where both logs agree, in as many steps as there are terms."""
    log, leader = recovered(MemoryDisk()), entries(theirs)
    log.store(0, entries(ours))
    next, exchanges = len(leader) + 1, 0
    while log.term_at(next - 1) != (leader[next - 2][0] if next > 1 else 0):
        advised = log.back_up(next - 1)
        assert 1 <= advised < next, "always further back"
        next, exchanges = advised, exchanges + 1
    assert exchanges <= len({term for term, _ in entries(ours)}) + 1


def test_a_restart_finds_term_vote_and_log_as_they_were() -> None:
    disk = MemoryDisk()
    log = recovered(disk)
    log.enter(3, None)
    log.enter(3, "n2")
    log.append("a")
    log.append("b")
    log.enter(4, None)
    log.store(1, [[4, "c"]])
    asyncio.run(log.sync())
    again = recovered(disk)
    assert (again.term, again.voted_for, again.boots) == (4, None, 2)
    assert content(again) == [[3, "a"], [4, "c"]]
    assert again.last == (4, 2)
    assert recovered(disk).boots == 3


@given(TERMS, TERMS, st.data())
def test_a_log_that_begins_with_a_snapshot_takes_what_the_whole_one_takes(ours, theirs, data) -> None:
    """The same leader's messages, to a log that is whole and to one that has forgotten what is committed."""
    whole, short = recovered(MemoryDisk()), recovered(MemoryDisk())
    committed = data.draw(st.integers(min_value=0, max_value=len(ours)))
    leader = entries(ours)[:committed] + [[9 + term, command] for term, command in entries(theirs)]
    for log in (whole, short):
        log.store(0, entries(ours))
    asyncio.run(short.compact(taken(short, committed)))
    previous = data.draw(st.integers(min_value=0, max_value=len(leader)))
    term = leader[previous - 1][0] if previous else 0
    assert short.agrees(previous, term) == whole.agrees(previous, term)
    if whole.agrees(previous, term):
        for log in (whole, short):
            log.store(previous, leader[previous:])
    else:
        assert short.back_up(previous) == max(whole.back_up(previous), committed + 1)
    assert (short.last, content(short)) == (whole.last, content(whole)[committed:])


@given(TERMS, st.data())
def test_a_restart_finds_the_snapshot_and_what_follows_it_whoever_took_it(steps, data) -> None:
    disk = MemoryDisk()
    log = recovered(disk)
    log.enter(99, "n2")
    log.store(0, entries(steps))
    mine = data.draw(st.integers(min_value=0, max_value=len(steps)))
    asyncio.run(log.compact(taken(log, mine)))
    log.append("a")
    theirs = data.draw(st.integers(min_value=mine, max_value=len(steps) + 5))
    agreed = data.draw(st.booleans()) and theirs <= log.last_index
    before = content(log)
    log.install(Snapshot(theirs, log.term_at(theirs) if agreed else 77, NODES, "of a leader"))
    assert content(log) == (before[theirs - mine :] if agreed else []), "what conflicts goes, and all behind it"
    log.append("b")
    asyncio.run(log.sync())
    again = recovered(disk)
    assert (again.term, again.voted_for, again.boots) == (99, "n2", 2)
    assert (again.snapshot, again.last, content(again)) == (log.snapshot, log.last, content(log))


def test_the_journal_is_cut_down_to_what_matters() -> None:
    disk = MemoryDisk()
    log = recovered(disk)
    for term in range(1, 200):
        log.enter(term, None)
        log.append("x" * 100)
    asyncio.run(log.sync())
    before = len(disk.read("raft.log"))
    assert log.grown == 1 + 2 * 199
    asyncio.run(log.compact(taken(log, 198)))
    assert (log.grown, content(log)) == (0, [[199, "x" * 100]])
    assert len(disk.read("raft.log")) < before / 50
    assert recovered(disk).last == (199, 199)


def test_a_vote_is_for_good() -> None:
    log = recovered(MemoryDisk())
    log.enter(1, "n1")
    with pytest.raises(AssertionError, match="a vote is for good"):
        log.enter(1, "n2")


def test_a_command_seen_before_is_answered_and_not_done_again() -> None:
    registers = Registers()
    first = ["n1", 1, "cas", "x", None, 5]
    assert registers.apply(first) == {"type": "cas_ok"}
    assert registers.apply(["n2", 1, "write", "x", 6]) == {"type": "write_ok"}
    assert registers.apply(first) == {"type": "cas_ok"}
    assert registers.read("x") == {"type": "read_ok", "value": 6}


def test_a_refused_command_tells_what_it_found_also_the_second_time() -> None:
    registers = Registers()
    refused = registers.apply(["n1", 1, "cas", "x", 4, 5])
    assert (refused["code"], refused["current"]) == (22, None)
    registers.apply(["n1", 2, "write", "x", 4])
    assert registers.apply(["n1", 1, "cas", "x", 4, 5]) == refused
    assert registers.read("x")["value"] == 4


def test_what_is_too_old_to_remember_is_not_done_and_leaves_its_fate_open() -> None:
    registers = Registers()
    for number in range(1, REMEMBERED + 2):
        registers.apply(["n1", number, "write", "x", number])
    late = registers.apply(["n1", 1, "write", "x", -1])
    assert (late["type"], late["code"]) == ("error", 0)
    assert registers.read("x")["value"] == REMEMBERED + 1


def test_what_was_remembered_is_remembered_by_who_begins_with_its_state() -> None:
    first, second = Registers(), Registers()
    for number in range(1, REMEMBERED + 3):
        first.apply(["n1", number, "write", number % 2 or "x", number])
    refused = first.apply(["n2", 1, "cas", "x", 4, 5])
    kept = first.state()
    state = json.dumps(kept)
    first.apply(["n1", REMEMBERED + 3, "write", "x", -1])
    second.restore(json.loads(state))
    assert json.dumps(kept) == json.dumps(second.state()) == state, "a state stays as it is, and is all there is"
    assert second.read(1)["value"] == REMEMBERED + 1 and second.read("x")["value"] == REMEMBERED + 2
    assert second.apply(["n2", 1, "cas", "x", REMEMBERED + 2, 5]) == refused
    assert second.apply(["n1", 1, "write", "x", 0])["code"] == 0
    assert second.apply(["n1", REMEMBERED, "write", "x", 0]) == {"type": "write_ok"}
    assert second.read("x")["value"] == REMEMBERED + 2, "nothing was done twice"


def reply(ok: bool, next: int, previous: int = 0, round: int = 1) -> dict[str, Any]:
    return {"ok": ok, "next": next, "previous": previous, "round": round}


def test_a_majority_is_counted_with_the_leader() -> None:
    peers = Peers("n1")
    peers.restart(["n1", "n2", "n3", "n4", "n5"], 1, 0)
    peers.round = 3
    peers.hear("n2", reply(True, 8, round=3), 5)
    assert peers.held_by_majority(7) == 0 and peers.confirmed_round() == 0
    peers.hear("n3", reply(True, 5, round=2), 5)
    assert peers.held_by_majority(7) == 4 and peers.confirmed_round() == 2
    assert peers.held_by_majority(2) == 2, "the leader's own copy counts once it is durable, not before"
    assert peers.quorum_since(5) and not peers.quorum_since(6)


def test_replies_that_come_late_or_twice_take_nothing_back() -> None:
    peers = Peers("n1")
    peers.restart(NODES, 10, 0)
    assert peers.hear("n2", reply(False, 4, previous=9), 1), "it is sent more at once"
    assert (peers.all["n2"].next, peers.all["n2"].probing) == (4, True)
    peers.hear("n2", reply(True, 8), 2)
    for old in (reply(False, 4, previous=9), reply(False, 2, previous=3), reply(True, 5)):
        peers.hear("n2", old, 3)
        assert (peers.all["n2"].match, peers.all["n2"].next) == (7, 8)
    peers.all["n2"].next = 12
    assert not peers.hear("n2", reply(False, 3, previous=6), 4), "it has said before that it holds these"


def test_what_is_not_acknowledged_by_the_second_heartbeat_counts_as_lost() -> None:
    peers = Peers("n1")
    peers.restart(NODES, 1, 0)
    peers.all["n2"].next = 5
    peers.retreat()
    assert (peers.all["n2"].next, peers.all["n2"].probing) == (5, False)
    peers.retreat()
    assert (peers.all["n2"].next, peers.all["n2"].probing) == (1, True)
    assert not peers.all["n3"].probing, "nothing was on its way to that one"
