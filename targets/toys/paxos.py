"""A key-value store on Paxos without a log and without a leader: each key is a register that all agree on by itself.

CASPaxos (Rystsov, "CASPaxos: Replicated State Machines without logs", 2018) is Paxos (Lamport, "The Part-Time
Parliament", 1998) that decides again and again on the same register: whoever takes a request proposes, in two rounds.
It asks a majority to *promise* a ballot, takes the value accepted under the highest ballot among their answers, changes
it, and has a majority *accept* the result under its own. Against Raft: no leader to elect, so nobody waits when one
dies, no log to replay or cut; but two rounds a write, keys that know nothing of each other, and proposers who may chase
each other's ballots away. Whoever cannot reach a majority gets no answer.

- *A promise outlives the server that gave it*: it is durable before it is told, like every acceptance.
- *Ballots are never given twice*: a ballot names its proposer and how often that one was started.
- *A proposal may live on in another's.* One that lost its ballot half way is unknown to its proposer, yet the next one
  may have adopted it. So each state remembers, for every proposer, its last change and what came of it; a second try
  that finds itself there is answered, not done again. One change per proposer and key is under way at a time.
- *A refusal is a decision*, too: what a compare-and-set found is accepted anew before it is told, since an earlier try
  of its own could otherwise still be brought back.
- *Reads ask first.* If a majority answers with the same ballot, its state is decided and current, and nothing needs to
  be written. Else something is half done, and the read finishes it in two rounds like a write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from harness.node import Body, Host, RpcError
from harness.node.errors import PRECONDITION_FAILED, TEMPORARILY_UNAVAILABLE, TIMEOUT
from targets.toys.boots import count_boot
from targets.toys.paxos_acceptor import Acceptor, Ballot, State
from targets.toys.polling import Answers
from targets.toys.requests import field, key_of

PATIENCE_NS = 1_500_000_000
"""How long a change is tried."""

BACKOFF_S = 0.005
"""The mean pause after the first ballot that was lost to another; it doubles each time."""

BACKOFF_S_MAX = 0.2

Change = Callable[[Any], tuple[Any, Body]]
"""From the value of a register to its next one, and the answer for the client. Raises `RpcError` to refuse."""


class Paxos(Acceptor):
    """One server: proposer for its clients, acceptor for all. `round_ms`: how long a majority is waited for."""

    def __init__(self, host: Host, *, round_ms: float = 400) -> None:
        super().__init__(host)
        self._round_s = round_ms / 1000
        self._majority = len(self.nodes) // 2 + 1
        self._boot = self._counter = self._serial = 0
        self._turns: dict[str | int, asyncio.Lock] = {}

    async def start(self) -> None:
        await super().start()
        self._boot = await count_boot(self.disk)

    # Requests ---------------------------------------------------------------------------------------------------------

    async def on_read(self, source: str, body: Body) -> Body:
        key = key_of(body)
        state = await self._decided(key)
        return _found(state[0]) if state else await self._change(key, lambda value: (value, _found(value)))

    def on_write(self, source: str, body: Body) -> Awaitable[Body]:
        value = field(body, "value")
        return self._change(key_of(body), lambda _: (value, {"type": "write_ok"}))

    def on_cas(self, source: str, body: Body) -> Awaitable[Body]:
        expected, value = field(body, "from"), field(body, "to")

        def swap(current: Any) -> tuple[Any, Body]:
            if current != expected:
                text = f"expected {expected!r:.80}, found {current!r:.80}"
                raise RpcError(PRECONDITION_FAILED, text, current=current)
            return value, {"type": "cas_ok"}

        return self._change(key_of(body), swap)

    def on_status(self, source: str, body: Body) -> Body:
        return {"type": "status_ok", "role": "peer", "keys": len(self.slots)}

    # Proposing --------------------------------------------------------------------------------------------------------

    async def _decided(self, key: str | int) -> State | None:
        """The state that a majority has accepted under one ballot; None if the first majority to answer disagrees."""
        answers = await self.poll(self.nodes, {"type": "query", "key": key}, self._is_majority, self._round_s)
        ballots = [answer["accepted"] for answer in answers.values()]
        if len(ballots) >= self._majority and all(ballot == ballots[0] for ballot in ballots):
            return self._newest(answers)
        return None

    async def _change(self, key: str | int, change: Change) -> Body:
        """Tries ballot after ballot until one is through. A time-out means that nobody knows; it is told as a refusal
        only if no acceptor was ever asked to accept the change."""
        deadline = self.clock.monotonic() + PATIENCE_NS
        turn = self._turns.setdefault(key, asyncio.Lock())
        async with turn:
            self._serial = serial = self._serial + 1
            request = [self._boot, serial]
            tries, proposed = 0, False
            while self.clock.monotonic() < deadline:
                ballot = self._next_ballot()
                promises = await self._acceptors({"type": "prepare", "key": key, "ballot": ballot})
                if promises is not None:
                    state, answer = self._changed(self._newest(promises), request, change)
                    proposed = True
                    if await self._acceptors({"type": "accept", "key": key, "ballot": ballot, "state": state}):
                        return answer
                tries += 1
                await asyncio.sleep(min(BACKOFF_S * 2**tries, BACKOFF_S_MAX) * self.random.random())
        code = TIMEOUT if proposed else TEMPORARILY_UNAVAILABLE
        raise RpcError(code, f"no majority of {len(self.nodes)} servers was won in time")

    def _changed(self, state: State, request: list[int], change: Change) -> tuple[State, Body]:
        """The state after a request, and its answer; the same state if it was done before, or is refused."""
        value, done = state
        if (before := self._done(state, request)) is not None:
            return state, before
        try:
            value, answer = change(value)
        except RpcError as refusal:
            return state, refusal.to_body()
        return [value, {**done, self.name: [request, answer]}], answer

    def _done(self, state: State, request: list[int]) -> Body | None:
        """What this server's request came to, if a state has seen it."""
        last, answer = state[1].get(self.name, (None, None))
        return answer if last == request else None

    def _next_ballot(self) -> Ballot:
        self._counter += 1
        return [self._counter, self.name, self._boot]

    def _newest(self, answers: Answers) -> State:
        """The state that was accepted under the highest ballot."""
        latest: Body = max(answers.values(), key=lambda answer: answer["accepted"])
        state: State = latest["state"]
        return state

    async def _acceptors(self, question: Body) -> Answers | None:
        """The answers of a majority that agreed. None if none answered in time, or one of the first ones refused: then
        a higher ballot is surer than waiting for others, who may be cut off."""
        answers = await self.poll(self.nodes, question, self._is_majority, self._round_s)
        for answer in answers.values():
            self._counter = max(self._counter, answer["promised"][0])
        agreed = {name: answer for name, answer in answers.items() if answer["ok"]}
        return agreed if len(agreed) >= self._majority else None

    def _is_majority(self, answers: Answers) -> bool:
        return len(answers) >= self._majority


def _found(value: Any) -> Body:
    return {"type": "read_ok", "value": value}
