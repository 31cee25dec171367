"""Links and connections that tell a `Tap` what they carry, for a run that is repeated to be looked at.

They are classes of their own, so a run that nobody looks at pays nothing; and they only listen: no draw, no event and
no copy is added or moved, so the history is the same to the byte. A message on its way is known by the identity of the
copy that travels, which nobody else holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from harness.clusters.sim.bodies import copy_body
from harness.clusters.sim.connection import SimConnection
from harness.clusters.sim.link import Link
from harness.clusters.sim.machine import PAUSED, STOPPED, Machine, Process
from harness.messages import Fate, Message, Tap

if TYPE_CHECKING:
    from harness.clusters.sim.network import SimNetwork

_TAKEN = {PAUSED: Fate.HELD, STOPPED: Fate.DOWN}
"""What becomes of a message that arrives at a machine that does not run."""


OPEN_MAX = 16
"""Requests of one connection that are remembered until they are answered; a client has one open, but may give up."""


class Surroundings(Protocol):
    """What a link has to ask: who cut it, and how its destination is."""

    network: SimNetwork

    def state(self, node: str) -> str:
        """`running`, `paused` or `killed`."""
        ...


class TappedLink(Link):
    """A link under observation."""

    __slots__ = ("_cluster", "_flying", "_noted", "_tap")

    def __init__(self, *args: Any, tap: Tap, cluster: Surroundings, **options: Any) -> None:
        super().__init__(*args, **options)
        self._tap = tap
        self._cluster = cluster
        self._flying: dict[int, Message] = {}
        self._noted = 0
        self._copy = self._copied

    def send(self, body: dict[str, Any]) -> None:
        noted = self._noted
        super().send(body)
        if self._noted == noted and (message := self._note(body)):
            self._gone(message)

    def _copied(self, body: dict[str, Any]) -> dict[str, Any]:
        copy = copy_body(body)
        if message := self._note(body):
            self._flying[id(copy)] = message
        return copy

    def _note(self, body: dict[str, Any]) -> Message | None:
        self._noted += 1
        return self._tap.sent(self.source, self.dest, body, self._loop.now_ns)

    def _transmit(self, body: dict[str, Any]) -> None:
        lost = self.lost
        super()._transmit(body)
        if self.lost > lost and (message := self._flying.pop(id(body), None)):
            self._gone(message)

    def _arrive(self, body: dict[str, Any]) -> None:
        message = self._flying.pop(id(body), None)
        if message is not None and self.cuts:
            self._gone(message)
        elif message is not None:
            state = self._cluster.state(self.dest)
            self._tap.ended(message, self._loop.now_ns, _TAKEN.get(state, Fate.ARRIVED))
        super()._arrive(body)

    def _gone(self, message: Message) -> None:
        network = self._cluster.network
        fate, faults = (Fate.CUT, network.cutting(self)) if self.cuts else (Fate.LOST, network.losing(self))
        self._tap.ended(message, self._loop.now_ns, fate, faults)


class TappedConnection(SimConnection):
    """A client's connection under observation. Requests are known by their `msg_id`; a reply, by which it answers."""

    def __init__(self, machine: Machine, name: str, *, tap: Tap, **options: Any) -> None:
        super().__init__(machine, name, **options)
        self._tap = tap
        self._open: dict[int, tuple[int | None, Mapping[str, Any]]] = {}
        self._asked: dict[int, Message] = {}
        self._answered: dict[int, Message] = {}

    async def call(self, body: Mapping[str, Any]) -> dict[str, Any]:
        number = self._last_id + 1
        reachable = self._process is not None or self._machine.state != STOPPED
        if reachable and not self._closed:
            process = self._tap.caller()
            self._open[number] = process, body
            if len(self._open) > OPEN_MAX:
                del self._open[next(iter(self._open))]
            if message := self._tap.sent(self.name, self._machine.name, body, self._root.now_ns, process):
                self._asked[number] = message
        return await super().call(body)

    def answer(self, body: dict[str, Any]) -> None:
        number = _number(body)
        process, request = self._open.pop(number, (None, None))
        message = self._tap.sent(self._machine.name, self.name, body, self._root.now_ns, process, request)
        if self._closed:
            if message:
                self._tap.ended(message, self._root.now_ns, Fate.LATE)
            return
        if message:
            self._answered[number] = message
        super().answer(body)

    async def close(self) -> None:
        """Hangs up, and stays on the line to hear what is still said to nobody."""
        attached = self.name in self._machine.connections
        await super().close()
        if attached:
            self._machine.connections[self.name] = self

    def _request(self, process: Process, body: dict[str, Any]) -> None:
        if message := self._asked.pop(body["msg_id"], None):
            taken = _TAKEN.get(self._machine.state, Fate.ARRIVED) if process is self._process else Fate.CLOSED
            self._tap.ended(message, self._root.now_ns, taken)
        super()._request(process, body)

    def _reply(self, body: dict[str, Any]) -> None:
        number = _number(body)
        if message := self._answered.pop(number, None):
            awaited = number in self._replies and not self._replies[number].done()
            self._tap.ended(message, self._root.now_ns, Fate.ARRIVED if awaited else Fate.LATE)
        super()._reply(body)


def _number(body: dict[str, Any]) -> int:
    number = body.get("in_reply_to")
    return number if type(number) is int else 0
