"""What the clients of bundled stores share: one connection to one node, opened and closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from harness.client import Indeterminate
from harness.clusters.base import Connection
from harness.rpc import call


class Connected:
    """A `harness.client.Client` but for `invoke`."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]]) -> None:
        self._connect = connect
        self._connection: Connection | None = None

    async def open(self) -> None:
        """Connects. Raises `ConnectionError` when the node is down."""
        self._connection = await self._connect()

    async def close(self) -> None:
        """Lets go of the connection."""
        if self._connection is not None:
            await self._connection.close()

    async def ask(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """One request. Raises `Failed` or `Indeterminate`, as the error says, and `Indeterminate` for an answer to
        something else."""
        assert self._connection is not None, "not open"
        answer = await call(self._connection, body)
        if answer["type"] != f"{body['type']}_ok":
            raise Indeterminate({"type": "malformed answer", "text": f"it is no {body['type']}_ok"})
        return answer

    async def transact(self, *steps: list[Any]) -> list[Any]:
        """One transaction of the steps that `targets.toys.values` describes; what each came to. Raises as `ask`."""
        results = part(await self.ask({"type": "txn", "steps": list(steps)}), "results")
        if not isinstance(results, list) or len(results) != len(steps):
            raise Indeterminate({"type": "malformed answer", "text": f"it has no list of {len(steps)} results"})
        return results


def part(answer: Mapping[str, Any], name: str) -> Any:
    """What an answer says under that name. Raises `Indeterminate` when it says nothing: a store that answers so may
    have done anything."""
    if name not in answer:
        raise Indeterminate({"type": "malformed answer", "text": f"it has no {name!r}"})
    return answer[name]
