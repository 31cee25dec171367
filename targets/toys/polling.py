"""A question put to many servers at once, of which some answers are enough.

Every store without a leader lives by it: a coordinator asks all, goes on with the first answers that make a quorum, and
lets the rest come late or never. One timer and one future serve a whole poll, not one of each per server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from harness.node import Body, Host, Node

Answers = dict[str, Body]
"""The first answer of each server that gave one, in the order they came."""


class Polling(Node):
    """A node that polls others, and itself, in the same way: its own answer is one among many."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        # An answer to an earlier incarnation must not count in a poll of this one: ids start at a random place.
        self._poll_id = host.random.getrandbits(32) << 16
        self._polls: dict[int, tuple[Answers, Callable[[Answers], bool], asyncio.Future[None]]] = {}

    async def poll(
        self, names: Iterable[str], body: Body, enough: Callable[[Answers], bool], timeout_s: float
    ) -> Answers:
        """Asks these servers, and returns what was answered as soon as it is enough, or the time is up."""
        self._poll_id = number = self._poll_id + 1
        answers: Answers = {}
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._polls[number] = (answers, enough, done)
        timer = self.after(timeout_s, lambda: _finish(done))
        for name in names:
            self._tell(name, {**body, "poll": number})
        try:
            await done
        finally:
            timer.cancel()
            del self._polls[number]
        return answers

    def answer(self, source: str, question: Body, body: Body) -> None:
        """Answers a poll."""
        self._tell(source, {**body, "type": "answer", "poll": question["poll"]})

    def on_answer(self, source: str, body: Body) -> None:
        """Counts an answer, unless its poll is over. A repeated message counts once."""
        if (poll := self._polls.get(body["poll"])) is None:
            return
        answers, enough, done = poll
        if answers.setdefault(source, body) is body and enough(answers):
            _finish(done)

    def _tell(self, name: str, body: Body) -> None:
        if name == self.name:
            asyncio.get_running_loop().call_soon(self.receive, name, body)
        else:
            self.send(name, body)


def _finish(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
