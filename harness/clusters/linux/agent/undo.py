"""What an agent has to put back when its controller is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

FAULTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "network": (("cut", "reject", "shape"), "mend"),
    "limits": (("limit",), "lift"),
    "disks": (("impair",), "repair"),
}
"""Capability -> what puts a fault in force under an id, and what lifts the fault of that id."""

STEP_S_MAX = 20.0


class Undo:
    """Remembers what was asked for, before it is done, and undoes it in the reverse order.

    Every undoing is idempotent, so what was healed in time does no harm here. Services end last, and first go on: a
    stopped one would not notice that it is to end."""

    def __init__(self, capabilities: Mapping[str, Any]) -> None:
        self._capabilities = capabilities
        self._faults: dict[tuple[str, str], None] = {}
        self._skewed: dict[str, None] = {}
        self._touched: dict[str, None] = {}

    def note(self, capability: str, method: str, arguments: list[Any]) -> None:
        """Notes a request that is about to be carried out."""
        if not arguments:
            return
        inject, heal = FAULTS.get(capability, ((), ""))
        if method in inject:
            self._faults[capability, str(arguments[0])] = None
        elif method == heal:
            return
        elif capability == "clocks":
            self._skewed[str(arguments[0])] = None
        elif capability == "processes":
            self._touched.update(dict.fromkeys(map(str, arguments[0])))

    async def everything(self) -> None:
        """Undoes all of it. One step that fails does not keep the others from being taken."""
        for capability, fault in reversed(self._faults):
            await _try(getattr(self._capabilities[capability], FAULTS[capability][1]), fault)
        for node in self._skewed:
            await _try(self._capabilities["clocks"].skew, node, 0.0)
        if self._touched:
            await _try(self._capabilities["processes"].resume, list(self._touched))
            await _try(self._capabilities["processes"].kill, list(self._touched))


async def _try(step: Callable[..., Awaitable[Any]], *arguments: Any) -> None:
    with suppress(Exception):
        async with asyncio.timeout(STEP_S_MAX):
            await step(*arguments)
