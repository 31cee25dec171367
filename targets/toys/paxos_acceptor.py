"""The memory of Paxos: an acceptor promises, accepts, and forgets neither.

It promises not to accept under a lower ballot than one it was asked about, and tells what it has accepted so far.
Nothing is told before it is durable: not a promise, since whoever was promised relies on it, nor what was accepted,
since a reader may take three answers for a decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.node import Body, Host
from targets.toys.journal import Journal
from targets.toys.polling import Polling
from targets.toys.requests import key_of

Ballot = list[Any]
"""`[counter, name of the proposer, how often that one was started]`, ordered as lists are."""

NEVER: Ballot = [0, "", 0]
"""Below every ballot."""

State = list[Any]
"""`[value, {proposer: [its last request, what that came to]}]`; never changed in place."""


@dataclass(slots=True)
class Slot:
    """What an acceptor knows of one key."""

    promised: Ballot = field(default_factory=lambda: NEVER)
    accepted: Ballot = field(default_factory=lambda: NEVER)
    state: State = field(default_factory=lambda: [None, {}])


class Acceptor(Polling):
    """The acceptor's half of a server. `slots` holds what it promised and accepted, by key."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.slots: dict[str | int, Slot] = {}
        self._journal = Journal(host.disk, "slots.log", self._records)

    async def start(self) -> None:
        for key, promised, accepted, state in self._journal.recover():
            slot = self.slots.setdefault(key, Slot())
            slot.promised = promised
            if accepted is not None:
                slot.accepted, slot.state = accepted, state
        await self._journal.sync()

    def _records(self) -> list[list[Any]]:
        return [[key, slot.promised, slot.accepted, slot.state] for key, slot in self.slots.items()]

    async def on_prepare(self, source: str, body: Body) -> None:
        """Promises a ballot, unless a higher one was promised. A message that comes again is answered alike."""
        key, ballot = key_of(body), body["ballot"]
        slot = self.slots.setdefault(key, Slot())
        promises = self._may_promise(slot, ballot)
        if promises and ballot != slot.promised:
            slot.promised = ballot
            self._keep([key, ballot, None, None])
        answer = {"ok": promises, "promised": slot.promised, "accepted": slot.accepted, "state": slot.state}
        await self._make_durable()
        self.answer(source, body, answer)

    async def on_accept(self, source: str, body: Body) -> None:
        """Accepts a state, unless a higher ballot was promised."""
        key, ballot = key_of(body), body["ballot"]
        slot = self.slots.setdefault(key, Slot())
        accepts = self._may_accept(slot, ballot)
        if accepts and ballot != slot.accepted:
            slot.promised = slot.accepted = ballot
            slot.state = body["state"]
            self._keep([key, ballot, ballot, slot.state])
        answer = {"ok": accepts, "promised": slot.promised}
        await self._make_durable()
        self.answer(source, body, answer)

    async def on_query(self, source: str, body: Body) -> None:
        """Tells what is accepted, and promises nothing."""
        slot = self.slots.get(key_of(body)) or Slot()
        answer = {"accepted": slot.accepted, "state": slot.state}
        await self._make_durable()
        self.answer(source, body, answer)

    def _may_promise(self, slot: Slot, ballot: Ballot) -> bool:
        return ballot >= slot.promised

    def _may_accept(self, slot: Slot, ballot: Ballot) -> bool:
        return ballot >= slot.promised

    def _keep(self, record: list[Any]) -> None:
        self._journal.append(record)

    async def _make_durable(self) -> None:
        await self._journal.sync()
