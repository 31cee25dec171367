"""Bugs to plant in the shop, each an override of the one method it spoils."""

from __future__ import annotations

import asyncio
from typing import Any

from harness.node import Body, Host, RpcError
from harness.node.errors import PRECONDITION_FAILED, TIMEOUT
from targets.toys.shop import Shop
from targets.toys.values import Step, steps_of


class SellsFromPages(Shop):
    """Whether there is enough left is read off the page, which is at hand, and not where it is sold: a page that is
    late sells what is gone (a stock count served from a cache or a read replica)."""

    async def on_txn(self, source: str, body: Body) -> Body:
        steps = steps_of(body)
        for place, (what, key, argument) in enumerate(steps):
            shown = self._shown(key) if what == "least" else 0
            if what == "least" and shown < argument:
                raise RpcError(PRECONDITION_FAILED, f"step {place}: the page says {shown}", step=place, current=shown)
        asked = [step for step in steps if step[0] != "least"]
        answer = await self.checkout.on_txn(source, {**body, "steps": asked})
        results: list[Any] = [*answer["results"]]
        for place, (what, key, _) in enumerate(steps):
            if what == "least":
                results.insert(place, self._shown(key))
            elif what == "add":
                await self.pages.on_write(source, {"type": "write", "key": key, "value": results[place]})
        return {**answer, "results": results}

    def _shown(self, key: str | int) -> int:
        return self.pages.on_read(self.name, {"type": "read", "key": key})["value"] or 0


class BrowsesThroughCheckout(Shop):
    """A page is shown when the checkout has answered too, of which it shows the state: where one cannot order, one
    cannot look (a page that calls every service it has something of)."""

    async def on_read(self, source: str, body: Body) -> Body:
        await self.checkout.on_read(source, {"type": "read", "key": "open"})
        return self.pages.on_read(source, body)


class OrdersAgain(Shop):
    """An order that was not answered in time is placed again, though it may have been taken (retries without a
    request's
    identity)."""

    async def on_txn(self, source: str, body: Body) -> Body:
        try:
            return await self.checkout.on_txn(source, body)
        except RpcError as problem:
            if problem.code != TIMEOUT or _only_reads(steps_of(body)):
                raise
            await asyncio.sleep(0.1)
            return await self.checkout.on_txn(source, body)


def _only_reads(steps: list[Step]) -> bool:
    return all(what == "r" for what, _, _ in steps)


class NeverRefreshed(Shop):
    """A server keeps the page that it showed once, until a seller changes it there: what is changed elsewhere, it never
    shows (a cache that nobody invalidates)."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._shown: dict[str | int, Body] = {}

    def on_read(self, source: str, body: Body) -> Body:
        return self._shown.setdefault(body["key"], self.pages.on_read(source, body))

    async def on_write(self, source: str, body: Body) -> Body:
        done = await self.pages.on_write(source, body)
        self._shown.pop(body["key"], None)
        return done
