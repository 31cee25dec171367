"""An agent and its controller, joined by a socket pair in one process, with capabilities that only take notes."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from harness.clusters.base import Corruption, Impairment, Shape
from harness.clusters.linux.agent.protocol import UnixChannel, pack, unpack
from harness.clusters.linux.agent.proxies import (
    RemoteClocks,
    RemoteDisks,
    RemoteLimits,
    RemoteNetwork,
    RemoteProcesses,
)
from harness.clusters.linux.agent.remote import Agent
from harness.clusters.linux.agent.server import Server
from harness.errors import ClusterError, NodeError, Unsupported, UsageError
from harness.faults import Evidence, Status

SEEN = Evidence(Status.APPLIED, {"pid": 7, "nested": {"!": 1}}, "why")


class Notes:
    """A capability of every kind: writes down what it was asked, gives evidence, fails or waits when told to."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.failure: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.finished: list[str] = []
        self.arrived = asyncio.Event()

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def act(*arguments: Any, **named: Any) -> Any:
            self.asked.append((name, *arguments, *([named] if named else [])))
            self.arrived.set()
            if self.failure is not None:
                raise self.failure
            if self.gate is not None:
                try:
                    await self.gate.wait()
                finally:
                    self.finished.append(name)
            if name == "offsets":
                return {"n1": 1.5}
            return SEEN if name == "skew" else {"n1": SEEN}

        return act


class Nodes:
    async def dial(self, node: str, port: int) -> socket.socket:
        if node != "n1":
            raise ConnectionRefusedError(f"{node}:{port}: refused")
        ours, theirs = socket.socketpair()
        theirs.send(b"hello")
        theirs.close()
        return ours


def converse(main: Callable[[Agent, Notes], Awaitable[None]], *, lease_s: float = 5.0, put_back: bool = False) -> str:
    """Runs a test on an agent; returns why the agent ended."""
    notes = Notes()

    async def both() -> str:
        ours, theirs = socket.socketpair()
        capabilities: Mapping[str, Any] = {
            **dict.fromkeys(("network", "processes", "clocks", "limits"), notes),
            "disks": notes,
            "nodes": Nodes(),
        }
        server = Server(UnixChannel(theirs), capabilities, lease_s=lease_s)
        serving = asyncio.create_task(server.serve())
        agent = Agent(lease_s=lease_s)
        agent.attach(UnixChannel(ours))
        try:
            async with asyncio.timeout(10):
                await main(agent, notes)
                agent.close()
                why = await serving
                if put_back:
                    await server.put_back()
                return why
        finally:
            agent.close()
            theirs.close()

    return asyncio.run(both())


def test_what_a_capability_is_asked_and_answers_arrives_as_it_was() -> None:
    async def main(agent: Agent, notes: Notes) -> None:
        network, processes, disks = RemoteNetwork(agent), RemoteProcesses(agent), RemoteDisks(agent)
        assert await network.cut("p1", {"n1": {"n3", "n2"}}) == {"n1": SEEN}
        assert await network.shape("s1", ("n1",), Shape(delay_ms=3)) == {"n1": SEEN}
        assert await processes.kill(["n1"]) == {"n1": SEEN}
        assert await disks.impair("d1", ["n1"], Impairment("slow", 2.5)) == {"n1": SEEN}
        assert await disks.corrupt(["n1"], Corruption("flip", seed=9)) == {"n1": SEEN}
        assert await RemoteLimits(agent).limit("l1", ["n1"], cpus=0.5) == {"n1": SEEN}
        assert await RemoteClocks(agent).skew("n1", 5) == SEEN
        assert await RemoteClocks(agent).offsets() == {"n1": 1.5}
        assert notes.asked == [
            ("cut", "p1", {"n1": ["n2", "n3"]}),
            ("shape", "s1", ["n1"], Shape(delay_ms=3)),
            ("kill", ["n1"]),
            ("impair", "d1", ["n1"], Impairment("slow", 2.5)),
            ("corrupt", ["n1"], Corruption("flip", seed=9)),
            ("limit", "l1", ["n1"], {"memory_bytes": None, "cpus": 0.5}),
            ("skew", "n1", 5),
            ("offsets",),
        ]

    assert converse(main) == "the controller is gone"


@pytest.mark.parametrize(
    ("raised", "expected", "message"),
    [
        (NodeError("n1 crashed"), NodeError, "^n1 crashed$"),
        (Unsupported("no such thing"), Unsupported, "no such thing"),
        (ConnectionResetError("cut off"), ConnectionResetError, "cut off"),
        (ZeroDivisionError("by zero"), ClusterError, "agent failed: ZeroDivisionError: by zero"),
        (FileNotFoundError(2, "No such file", "nft"), ClusterError, "No such file"),
    ],
)
def test_errors_travel_by_class(raised: Exception, expected: type[Exception], message: str) -> None:
    async def main(agent: Agent, notes: Notes) -> None:
        notes.failure = raised
        with pytest.raises(expected, match=message) as caught:
            await RemoteProcesses(agent).kill(["n1"])
        assert type(caught.value) is expected

    converse(main)


@pytest.mark.parametrize("do", ["network.open", "processes.__init__", "nothing.at_all", "network", "", "nodes._nodes"])
def test_only_what_capabilities_offer_can_be_asked_for(do: str) -> None:
    async def main(agent: Agent, notes: Notes) -> None:
        with pytest.raises(UsageError, match="does not know how to do"):
            await agent.call(do)
        assert notes.asked == []

    converse(main)


def test_a_connection_is_handed_over_as_a_descriptor() -> None:
    async def main(agent: Agent, notes: Notes) -> None:
        connections = await asyncio.gather(*(agent.call("nodes.dial", "n1", 80) for _ in range(5)))
        for connection in connections:
            with connection:
                assert connection.recv(10) == b"hello"
        with pytest.raises(ConnectionRefusedError, match="n2:80: refused"):
            await agent.call("nodes.dial", "n2", 80)

    converse(main)


def test_who_is_cancelled_learns_it_when_the_agent_has_come_to_an_end() -> None:
    async def main(agent: Agent, notes: Notes) -> None:
        notes.gate = asyncio.Event()
        waiting = asyncio.create_task(RemoteProcesses(agent).kill(["n1"]))
        await notes.arrived.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert notes.finished == ["kill"]
        notes.gate = None
        assert await RemoteProcesses(agent).start(["n1"]) == {"n1": SEEN}

    converse(main)


def test_an_agent_that_hangs_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.clusters.linux.agent.remote.PATIENCE_S", 0.1)

    async def main() -> None:
        ours, theirs = socket.socketpair()  # at the other end, nobody reads
        agent = Agent()
        agent.attach(UnixChannel(ours))
        waiting = asyncio.create_task(agent.call("clocks.offsets"))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        agent.close()
        theirs.close()

    asyncio.run(main())


def test_a_slow_request_keeps_no_other_waiting() -> None:
    async def main(agent: Agent, notes: Notes) -> None:
        notes.gate = asyncio.Event()
        slow = asyncio.create_task(RemoteProcesses(agent).start(["n1"]))
        await notes.arrived.wait()
        gate, notes.gate = notes.gate, None
        assert await RemoteNetwork(agent).mend("p1") == {"n1": SEEN}
        assert not slow.done()
        gate.set()
        assert await slow == {"n1": SEEN}

    converse(main)


def test_when_the_controller_is_gone_everything_is_put_back() -> None:
    kept: list[Notes] = []

    async def main(agent: Agent, notes: Notes) -> None:
        kept.append(notes)
        await RemoteProcesses(agent).start(["n1", "n2"])
        await RemoteNetwork(agent).cut("p1", {"n1": ["n2"]})
        await RemoteLimits(agent).limit("l1", ["n1"], cpus=0.5)
        await RemoteClocks(agent).skew("n2", 500)
        notes.asked.clear()
        notes.failure = None

    assert converse(main, put_back=True) == "the controller is gone"
    assert kept[0].asked == [
        ("lift", "l1"),
        ("mend", "p1"),
        ("skew", "n2", 0.0),
        ("resume", ["n1", "n2"]),
        ("kill", ["n1", "n2"]),
    ]


def test_a_silent_controller_loses_its_lease() -> None:
    async def both() -> str:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            return await Server(UnixChannel(theirs), {}, lease_s=0.1).serve()

    assert "nothing was heard of the controller for 0.1 s" in asyncio.run(both())


def test_a_controller_that_has_nothing_to_ask_keeps_its_lease() -> None:
    async def main(agent: Agent, notes: Notes) -> None:
        await asyncio.sleep(0.7)
        assert await RemoteClocks(agent).offsets() == {"n1": 1.5}

    assert converse(main, lease_s=0.3) == "the controller is gone"


def test_calls_under_way_fail_when_the_agent_dies_and_so_do_later_ones() -> None:
    async def main() -> None:
        ours, theirs = socket.socketpair()
        agent = Agent()
        agent.attach(UnixChannel(ours))
        waiting = asyncio.create_task(agent.call("clocks.offsets"))
        await asyncio.sleep(0.01)
        theirs.close()
        for call in (waiting, agent.call("clocks.offsets")):
            with pytest.raises(ClusterError, match="agent is gone"):
                await call
        agent.close()

    asyncio.run(main())


@pytest.mark.parametrize("line", [b"not json\n", b"[]\n", b'{"id": 1, "do": "nodes.dial", "fds": 3}\n', b"\xff\n"])
def test_what_is_no_message_ends_the_conversation(line: bytes) -> None:
    async def main() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.send(line)
            assert await Server(UnixChannel(theirs), {}).serve() == "the controller is gone"

    asyncio.run(main())


def test_a_message_larger_than_any_buffer_arrives_whole() -> None:
    async def main() -> None:
        ours, theirs = socket.socketpair()
        sender, receiver = UnixChannel(ours), UnixChannel(theirs)
        text = "x" * 3_000_000
        _, received = await asyncio.gather(sender.send({"text": text}, [0]), receiver.receive())
        assert received is not None and received[0] == {"text": text}
        [descriptor] = received[1]
        os.close(descriptor)
        sender.close()
        receiver.close()

    asyncio.run(main())


@pytest.mark.parametrize("value", [None, 1, "a", [1, [2]], {"a": {"b": [Shape(1.0)]}}, SEEN, Impairment("full")])
def test_values_survive_the_way(value: Any) -> None:
    assert unpack(pack(value)) == value


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(TypeError, match="object cannot be sent"):
        pack(object())
    with pytest.raises(ValueError, match="'Popen', which is not known"):
        unpack({"!": "Popen", "args": ["true"]})
