"""Small stores for the simulator's own tests."""

from __future__ import annotations

import asyncio
from typing import Any

from harness.node import Body, Host, Node, RpcError


class Registers(Node):
    """Writes go to a file, and are copied to the other nodes before they are acknowledged."""

    def __init__(self, host: Host, *, copies: bool = True) -> None:
        super().__init__(host)
        self.copies = copies
        self.data: dict[str, Any] = {}
        self.beats = 0

    async def start(self) -> None:
        self.data = {"recovered": (self.disk.read("log") or b"").decode()}
        self.after(0.05, self.beat)

    def beat(self) -> None:
        self.beats += 1
        for peer in self.peers:
            self.send(peer, {"type": "beat", "luck": self.random.getrandbits(16)})
        self.after(0.05 + self.random.getrandbits(8) / 10_000, self.beat)

    def on_beat(self, source: str, body: Body) -> None:
        self.data[f"luck of {source}"] = body["luck"]

    async def on_write(self, source: str, body: Body) -> Body:
        self.data[body["key"]] = body["value"]
        self.disk.append("log", b"+")
        await self.disk.sync("log")
        if self.copies:
            await asyncio.gather(
                *(self.rpc(peer, {"type": "copy", "data": self.data}, 1.0) for peer in self.peers),
                return_exceptions=True,
            )
        return {"type": "write_ok"}

    async def on_copy(self, source: str, body: Body) -> Body:
        self.data |= body["data"]
        return {"type": "copy_ok"}

    def on_read(self, source: str, body: Body) -> Body:
        return {"type": "read_ok", "value": self.data.get(body["key"])}

    def on_beats(self, source: str, body: Body) -> Body:
        return {"type": "beats_ok", "beats": self.beats, "incarnation": self.data["recovered"]}

    def on_cas(self, source: str, body: Body) -> Body:
        raise RpcError(22, "no", current=self.data.get(body["key"]))

    async def on_clock(self, source: str, body: Body) -> Body:
        before = self.clock.monotonic()
        await asyncio.sleep(1)
        return {"type": "clock_ok", "wall": self.clock.wall(), "slept": self.clock.monotonic() - before}

    async def on_crash(self, source: str, body: Body) -> Body:
        raise KeyError(body["key"])

    async def on_exit(self, source: str, body: Body) -> Body:
        raise SystemExit(body["code"])

    async def on_silence(self, source: str, body: Body) -> None:
        await asyncio.Event().wait()


class BadAtBirth(Node):
    """Cannot be made."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.log("about to fail")
        raise ValueError("no such luck")


class BadAtStart(Node):
    """Fails, or never ends, while it starts on one of the nodes."""

    def __init__(self, host: Host, *, how: str) -> None:
        super().__init__(host)
        self.how = how

    async def start(self) -> None:
        if self.name != "n2":
            return
        await asyncio.sleep(0.1)
        if self.how == "exit":
            raise SystemExit(5)
        if self.how == "raise":
            raise OSError("the disk is on fire")
        await asyncio.Event().wait()


class SlowStart(Node):
    """Asks another node while it starts, and serves nobody before it has the answer."""

    async def start(self) -> None:
        self.log("asking")
        if self.name == "n1":
            await asyncio.sleep(0.5)
        else:
            reply = await self.rpc("n1", {"type": "hello"}, 5.0)
            self.log(f"got {reply['type']}")

    def on_hello(self, source: str, body: Body) -> Body:
        return {"type": "hello_ok", "at": self.clock.monotonic()}
