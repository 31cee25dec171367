"""What the clients of transactions make of answers that a store should not give."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from harness.client import Indeterminate
from harness.operation import Operation
from workloads.append import AppendClient, RegistersClient


class Answering:
    """A connection to a store that gives these results to every transaction."""

    def __init__(self, *results: Any) -> None:
        self.results = list(results)

    async def call(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {"type": f"{body['type']}_ok", "results": self.results}

    async def close(self) -> None:
        pass


def told(client: type[AppendClient], *results: Any) -> Any:
    async def asked() -> Any:
        async def connect() -> Any:
            return Answering(*results)

        one = client(connect)
        await one.open()
        return (await one.invoke(Operation("txn", value=[["r", 6, None], ["append", 6, 9]]))).value

    return asyncio.run(asked())


@pytest.mark.parametrize(
    ("client", "read"), [(AppendClient, [1, 2]), (AppendClient, []), (AppendClient, None), (RegistersClient, 7)]
)
def test_what_a_key_can_hold_is_read(client: type[AppendClient], read: Any) -> None:
    assert told(client, read, None) == [["r", 6, read], ["append", 6, 9]]


@pytest.mark.parametrize(
    ("client", "read"),
    [
        (AppendClient, 1528),
        (AppendClient, {"1": 2}),
        (AppendClient, [1, [2]]),
        (AppendClient, [True]),
        (AppendClient, "[1]"),
        (RegistersClient, [7]),
        (RegistersClient, True),
        (RegistersClient, "7"),
    ],
)
def test_what_it_cannot_hold_leaves_open_what_was_done(client: type[AppendClient], read: Any) -> None:
    with pytest.raises(Indeterminate) as caught:
        told(client, read, None)
    assert "can be read here" in str(caught.value)
