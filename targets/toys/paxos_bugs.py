"""Bugs to plant in the store on Paxos, each an override of the one method it spoils."""

from __future__ import annotations

from typing import Any

from harness.node import Body
from targets.toys.paxos import Paxos
from targets.toys.paxos_acceptor import Ballot, Slot, State
from targets.toys.polling import Answers

FLUSH_S = 1.0


class AcceptsLowerBallots(Paxos):
    """An acceptor takes whatever it is asked to accept, though it has promised not to: two proposers both succeed
    (implementations that keep the promise in the prepare handler alone)."""

    def _may_accept(self, slot: Slot, ballot: Ballot) -> bool:
        return True


class TakesAnyAccepted(Paxos):
    """A proposer goes on from the first state it is told, not from the one of the highest ballot: decided writes are
    undone (the classic misreading of phase 1)."""

    def _newest(self, answers: Answers) -> State:
        state: State = next(iter(answers.values()))["state"]
        return state


class SharedBallots(Paxos):
    """A ballot is a number, and nothing says whose: two proposers win the same one, and each its own majority
    (round numbers from a counter or a clock that servers share only in name)."""

    def _next_ballot(self) -> Ballot:
        return [super()._next_ballot()[0], "", 0]


class ForgetsInRestart(Paxos):
    """An acceptor keeps its state in memory alone, and votes again after a restart as if it had never promised or
    accepted anything (a member that comes back under its old name with an empty disk)."""

    def _keep(self, record: list[Any]) -> None:
        return


class FlushesLater(Paxos):
    """An acceptor answers at once and syncs once a second (an append-only file with `everysec`): a majority that loses
    power forgets what was acknowledged."""

    async def start(self) -> None:
        await super().start()
        self.after(FLUSH_S, self._flush)

    def _flush(self) -> None:
        self.spawn(self._journal.sync())
        self.after(FLUSH_S, self._flush)

    async def _make_durable(self) -> None:
        return


class ReadsUnfinished(Paxos):
    """A read returns the newest state of a majority, decided or not, and leaves it unfinished: the next read may miss
    it again (quorum reads without a second round)."""

    async def _decided(self, key: str | int) -> State | None:
        answers = await self.poll(self.nodes, {"type": "query", "key": key}, self._is_majority, self._round_s)
        return self._newest(answers) if self._is_majority(answers) else None


class TriesAgainBlindly(Paxos):
    """A change that lost its ballot is done again, though another proposer may have finished it: an overwritten value
    returns (retries of what is not idempotent)."""

    def _done(self, state: State, request: list[int]) -> Body | None:
        return None
