"""Small stores for the node runtime's own tests; standard library only, as they run in processes of their own."""

from __future__ import annotations

import asyncio
from typing import Any

from harness.node import Body, Host, Node, RpcError


class Store(Node):
    """Keeps what it is told, alone or with the others."""

    def __init__(self, host: Host, *, greeting: str = "hello") -> None:
        super().__init__(host)
        self.greeting = greeting
        self.data: dict[str, Any] = {}
        self.seen: list[Any] = []

    async def start(self) -> None:
        self.log(f"starts with {self.disk.names()}")

    async def on_write(self, source: str, body: Body) -> Body:
        self.data[body["key"]] = body["value"]
        self.disk.append("log", b"+")
        await self.disk.sync("log")
        for peer in self.peers:
            self.send(peer, {"type": "copy", "key": body["key"], "value": body["value"]})
        return {"type": "write_ok"}

    def on_copy(self, source: str, body: Body) -> None:
        self.data[body["key"]] = body["value"]

    def on_read(self, source: str, body: Body) -> Body:
        return {"type": "read_ok", "value": self.data.get(body["key"])}

    def on_cas(self, source: str, body: Body) -> Body:
        raise RpcError(22, "no", current=self.data.get(body["key"]))

    async def on_ask(self, source: str, body: Body) -> Body:
        reply = await self.rpc(body["whom"], body["body"], body.get("timeout_s", 1.0))
        return {"type": "ask_ok", "reply": reply}

    async def on_slow(self, source: str, body: Body) -> Body:
        await asyncio.sleep(body["seconds"])
        return {"type": "slow_ok"}

    def on_large(self, source: str, body: Body) -> Body:
        return {"type": "large_ok", "text": "x" * body["size"]}

    def on_greet(self, source: str, body: Body) -> Body:
        return {"type": "greet_ok", "greeting": self.greeting, "nodes": list(self.nodes)}

    async def on_crash(self, source: str, body: Body) -> Body:
        raise KeyError("nowhere")

    async def on_exit(self, source: str, body: Body) -> Body:
        raise SystemExit(7)

    def on_unsendable(self, source: str, body: Body) -> Body:
        return {"type": "unsendable_ok", "value": float("nan")}

    def on_self(self, source: str, body: Body) -> None:
        self.send(self.name, {"type": "copy", "key": "self", "value": [1]})


class Failing(Node):
    """Crashes at start."""

    async def start(self) -> None:
        raise OSError("the disk is on fire")


class Everything(Node):
    """Takes all messages itself."""

    async def on_message(self, source: str, body: Body) -> None:
        if body["type"] == "refuse":
            raise RpcError(11, "not now")
        if body["type"] == "default":
            await super().on_message(source, body)
        self.reply(source, body, {"type": "anything", "source": source})


class Chatter(Node):
    """Says something to the others all the time, and knows when it last heard from one."""

    async def start(self) -> None:
        self.heard_ns = 0
        self.theirs = 1e9
        self.chat()

    def silence_ms(self) -> float:
        return (self.clock.monotonic() - self.heard_ns) / 1e6

    def chat(self) -> None:
        for peer in self.peers:
            self.send(peer, {"type": "word", "silence": self.silence_ms()})
        self.after(0.05, self.chat)

    def on_word(self, source: str, body: Body) -> None:
        self.heard_ns = self.clock.monotonic()
        self.theirs = body["silence"]

    def on_silences(self, source: str, body: Body) -> Body:
        return {"type": "silences_ok", "mine": self.silence_ms(), "theirs": self.theirs}
