"""What errors say about operations."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from harness import rpc
from harness.client import Failed, Indeterminate
from harness.node import RpcError


class Raising:
    """A connection that fails in one way."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    async def call(self, body: Mapping[str, Any]) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        return dict(body)

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("code", [1, 10, 11, 12, 14, 20, 21, 22, 30])
def test_a_definite_code_means_it_did_not_happen(code: int) -> None:
    with pytest.raises(Failed) as caught:
        asyncio.run(rpc.call(Raising(RpcError(code, "no", current=3)), {"type": "cas"}))
    assert caught.value.error == {"code": code, "text": "no", "current": 3}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RpcError(0, "timeout"), {"code": 0, "text": "timeout"}),
        (RpcError(13, "crash"), {"code": 13, "text": "crash"}),
        (RpcError(15, "?"), {"code": 15, "text": "?"}),
        (RpcError(1000, "own"), {"code": 1000, "text": "own"}),
        (RpcError(-1, "?"), {"code": -1, "text": "?"}),
        (ConnectionResetError("broke"), {"error": "ConnectionResetError", "text": "broke"}),
        (TimeoutError(), {"error": "TimeoutError", "text": ""}),
        (ValueError("anything"), {"error": "ValueError", "text": "anything"}),
    ],
)
def test_everything_else_leaves_it_open(error: Exception, told: dict[str, Any]) -> None:
    with pytest.raises(Indeterminate) as caught:
        asyncio.run(rpc.call(Raising(error), {"type": "write"}))
    assert caught.value.error == told


def test_a_refused_connection_carried_nothing_and_success_passes() -> None:
    with pytest.raises(Failed):
        asyncio.run(rpc.call(Raising(ConnectionRefusedError("down")), {"type": "write"}))
    assert asyncio.run(rpc.call(Raising(None), {"type": "write"})) == {"type": "write"}
