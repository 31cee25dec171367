"""Registers on majorities, after Attiya, Bar-Noy and Dolev: what was read is written back before it is returned."""

import asyncio

from harness.node import Body, Host, Node, RpcError
from harness.node.errors import TIMEOUT

ROUND_S = 0.5
NOTHING = [[0, ""], None]


class Shelf(Node):
    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.versions: dict[object, list[object]] = {}

    # What clients ask

    async def on_read(self, source: str, body: Body) -> Body:
        newest = max(await self.majority({"type": "fetch", "key": body["key"]}))
        await self.majority({"type": "store", "key": body["key"], "version": newest})  # the write-back
        return {"type": "read_ok", "value": newest[1]}

    async def on_write(self, source: str, body: Body) -> Body:
        [[counter, _], _] = max(await self.majority({"type": "fetch", "key": body["key"]}))
        version = [[counter + 1, f"{self.name}/{self.random.random()}"], body["value"]]
        await self.majority({"type": "store", "key": body["key"], "version": version})
        return {"type": "write_ok"}

    # What servers ask one another

    def on_fetch(self, source: str, body: Body) -> Body:
        return {"type": "fetch_ok", "version": self.versions.get(body["key"], NOTHING)}

    def on_store(self, source: str, body: Body) -> Body:
        self.versions[body["key"]] = max(self.versions.get(body["key"], NOTHING), body["version"])
        return {"type": "store_ok", "version": body["version"]}

    async def majority(self, question: Body) -> list[list[object]]:
        """The versions that a majority of all servers answer with, this one among them."""
        own = getattr(self, f"on_{question['type']}")(self.name, question)["version"]
        found, asked = [own], [self.spawn(self.ask(peer, question)) for peer in self.peers]
        for answer in asyncio.as_completed(asked):
            if (version := await answer) is not None:
                found.append(version)
            if 2 * len(found) > len(self.nodes):
                return found
        raise RpcError(TIMEOUT, "no majority answered, so nobody knows whether it happened")

    async def ask(self, peer: str, question: Body) -> list[object] | None:
        try:
            return (await self.rpc(peer, dict(question), ROUND_S))["version"]
        except (TimeoutError, RpcError):
            return None
