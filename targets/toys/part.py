"""A node inside a node: what lets one system be made of two that exist.

A part is a whole node. It has the machine's clocks, disk and chance, and talks to the same part of the other machines:
what it sends there travels as `{"type": "part", "part": its name, "body": ...}`, and the node around it hands that in.
Parts share one disk, so their files must differ in name. Requests of clients are for the node around them, which asks
its parts by calling their handlers.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from harness.node import Body, Clock, Disk, Host, TimerHandle

T = TypeVar("T")


class PartHost:
    """What a part takes for its machine; a `harness.node.Host`."""

    def __init__(self, host: Host, part: str) -> None:
        self.name: str = host.name
        self.nodes: tuple[str, ...] = host.nodes
        self.clock: Clock = host.clock
        self.disk: Disk = host.disk
        self.random: random.Random = host.random
        self._host = host
        self._part = part

    def send(self, dest: str, body: Body) -> None:
        self._host.send(dest, {"type": "part", "part": self._part, "body": body})

    def call_later(self, seconds: float, callback: Callable[[], object]) -> TimerHandle:
        return self._host.call_later(seconds, callback)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        return self._host.run(coroutine)

    def log(self, text: str) -> None:
        self._host.log(f"{self._part}: {text}")
