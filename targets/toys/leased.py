"""Who leads, by a lease that a majority grants: the coordination service of the stores with a single leader.

Every server is a small lease store beside its data: it grants the office to one claimant at a time, for a while (Gray
and Cheriton, "Leases: An Efficient Fault-Tolerant Mechanism for Distributed File Cache Consistency", SOSP 1989). The
office is held by whom a majority has granted it to. Two majorities have a member in common, so as long as that one's
promise runs nobody else can hold it: the service is as available as a majority of its servers, and needs no other
machines.

- *A grant is durable, and names a term.* A server grants each term once, only to a claimant whose log is as up to date
  as its own, and refuses messages of earlier terms from then on. That alone keeps two leaders from both writing,
  whatever their clocks do; time decides when another may be chosen, and whether the leader may answer reads alone.
- *Its length is measured by monotonic clocks on both sides*, never by the time of day, and no moment is compared with
  another machine's. A server counts from when it grants, the holder from when it asked, which was earlier; and the
  holder stops early by `drift`, the most by which two clocks may differ in rate.
- *A restart forgets when a grant ends*, so a server that starts grants nothing for the length of one.
- *Each message of the leader asks for renewal*, each answer grants it. A claimant asks first who would agree, so one
  that nobody can hear disturbs nobody.
"""

from __future__ import annotations

import asyncio
from typing import Any

from harness.node import Body, Host, RpcError
from targets.toys.machine import Command
from targets.toys.ordered import Ordered

ANSWER_S = 0.2
"""How long a claimant waits for answers."""


class Leased(Ordered):
    """One server. `lease_ms`: how long a grant lasts. `drift`: by which part of it two clocks may come to differ
    meanwhile. Other options as for `Ordered`."""

    def __init__(self, host: Host, *, lease_ms: int = 600, drift: float = 0.1, **options: Any) -> None:
        super().__init__(host, **options)
        self.lease_ns = lease_ms * 1_000_000
        self.usable_ns = round(self.lease_ns * (1 - drift))
        self.granted_until_ns = 0
        self._oriented = asyncio.Event()
        self._asked_ns: dict[int, int] = {}

    async def start(self) -> None:
        await super().start()
        self.after(self.lease_ns / 1e9, self._oriented.set)
        self.granted_until_ns = self.now_ns() + self.lease_ns  # whatever was granted before is over then
        self._watch()

    def now_ns(self) -> int:
        """The clock that leases are measured by."""
        return self.clock.monotonic()

    async def _answer(self, command: Command) -> Body:
        """A server that has just started will hear from the leader with the next beat: requests wait for that, or for
        the length of a lease."""
        await self._oriented.wait()
        return await super()._answer(command)

    # Holding the office -----------------------------------------------------------------------------------------------

    def holds_lease(self) -> bool:
        """Whether nobody else can lead now."""
        asked = self._asked_ns.get(self.progress.confirmed_round())
        return self.leads and asked is not None and self.now_ns() < asked + self.usable_ns

    def ship(self, beat: bool = False) -> None:
        """Each round asks everybody, this server included, to renew."""
        if self.leads:
            known = self.progress.confirmed_round()
            self._asked_ns = {round: asked for round, asked in self._asked_ns.items() if round >= known}
            self._asked_ns[self.progress.round + 1] = self.now_ns()
            self.granted_until_ns = self.now_ns() + self.lease_ns
        super().ship(beat)

    def led_by(self, leader: str, term: int) -> None:
        super().led_by(leader, term)
        self._oriented.set()
        self.granted_until_ns = self.now_ns() + self.lease_ns

    # Granting it ------------------------------------------------------------------------------------------------------

    def may_grant(self, term: int, last: list[int]) -> bool:
        """Whether the office is free here, and the claimant's log as up to date as this one."""
        return self.now_ns() >= self.granted_until_ns and term > self.state.term and tuple(last) >= self.state.last

    def on_canvass(self, source: str, body: Body) -> Body:
        return {"type": "canvass_ok", "yes": self.may_grant(body["term"], body["last"]), "term": self.state.term}

    async def on_claim(self, source: str, body: Body) -> Body:
        """Durable before it is answered."""
        term = body["term"]
        granted = self.may_grant(term, body["last"])
        if granted:
            self.grant(term, source)
            await self.state.sync()
        return {"type": "claim_ok", "yes": granted and self.state.term == term, "term": self.state.term}

    def grant(self, term: int, claimant: str) -> None:
        """Gives that term to a claimant, and nothing to anybody else for the length of a lease."""
        self.follow(term, None)
        self.state.enter(term, claimant)
        self.granted_until_ns = self.now_ns() + self.lease_ns

    # Claiming it ------------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Claims the office when it is free; at times of its own, so that seldom two do so together."""
        if not self.leads and self.now_ns() >= self.granted_until_ns:
            self.leader = None
            self.spawn(self._stand(self.state.term + 1))
        self.after((0.05 + self.random.random() / 4) * self.lease_ns / 1e9, self._watch)

    async def _stand(self, term: int) -> None:
        if not await self._majority_agrees({"type": "canvass", "term": term, "last": self.state.last}):
            return
        if not self.may_grant(term, list(self.state.last)):
            return
        asked = self.now_ns()
        self.grant(term, self.name)
        await self.state.sync()
        agreed = await self._majority_agrees({"type": "claim", "term": term, "last": self.state.last})
        if agreed and self.state.term == term:
            self._asked_ns = {self.progress.round: asked}
            self.lead()

    async def _majority_agrees(self, question: Body) -> bool:
        answers = await asyncio.gather(*(self._agrees(peer, question) for peer in self.peers))
        return 1 + sum(answers) > len(self.nodes) // 2

    async def _agrees(self, peer: str, question: Body) -> bool:
        try:
            answer = await self.rpc(peer, question, ANSWER_S)
        except (TimeoutError, RpcError):
            return False
        if answer["term"] > self.state.term:
            self.follow(answer["term"], None)
        return bool(answer["yes"])
