"""Clocks as programs read them that know nothing of it: etcd, which is in Go, and Redis, which is in C, on one node
with one wrong clock. How a Python program reads it is in the matrix."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from stages import STAGES, options

from harness import plugins
from harness.faults import Status
from harness.streams import Streams
from harness.target import CommandService, Daemon
from targets.etcd.daemons import CLIENT_PORT, etcd_daemon
from targets.redis.daemons import FIRST_PORT, server

HOUR_MS = 3_600_000.0


class Programs:
    """Every node runs both, each by itself."""

    name = "programs"
    service = CommandService(
        lambda node, addresses, data: _alone(node, addresses[node], data),
        packages=("etcd-server", "redis-server"),
        programs=("etcd", "redis-server"),
    )


def _alone(node: str, address: str, data: str) -> list[Daemon]:
    alone = {node: address}
    return [etcd_daemon(node, alone, data, election_ms=1000, heartbeat_ms=100), server(node, alone, data)]


async def told(cluster: Any, node: str, port: int, question: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    with await cluster.dial(node, port) as connection:
        await loop.sock_sendall(connection, question)
        answer = b""
        while data := await loop.sock_recv(connection, 65536):
            answer += data
            if port == FIRST_PORT and answer.count(b"\r\n") == 5:  # *2 $10 SECONDS $6 MICROSECONDS
                break
        return answer


async def off_s(cluster: Any, node: str) -> dict[str, float]:
    """By how many seconds each program's clock differs from this one's; etcd tells whole ones."""
    http = await told(cluster, node, CLIENT_PORT, b"GET /version HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n")
    [date] = [line[6:].decode() for line in http.split(b"\r\n") if line.lower().startswith(b"date: ")]
    seconds = (await told(cluster, node, FIRST_PORT, b"TIME\r\n")).split(b"\r\n")[2]
    now = time.time()
    return {"go": parsedate_to_datetime(date).timestamp() - now, "c": int(seconds) - now}


def near(seen: Mapping[str, float], wanted_s: float) -> bool:
    return all(abs(off - wanted_s) < 5 for off in seen.values())


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=getattr(pytest.mark, name)) for name in STAGES if name != "sim"]
)
def test_programs_in_go_and_c_believe_a_wrong_clock(name: str) -> None:
    with options(name, 2) as given:
        _believe(plugins.load("clusters", name)(("n1", "n2"), streams=Streams(7), run_id="clocks", **given))


def _believe(made: Any) -> None:
    async def main() -> None:
        try:
            await made.create(Programs())
            await act()
        finally:
            await made.destroy()

    async def act() -> None:
        assert near(await off_s(made, "n1"), 0)
        for offset_ms in (HOUR_MS, -HOUR_MS):
            skewed = await made.clocks.skew("n1", offset_ms)
            assert skewed.status is Status.APPLIED and skewed.measured["processes"] == 2
            assert near(await off_s(made, "n1"), offset_ms / 1000)
            assert near(await off_s(made, "n2"), 0)
        await made.clocks.skew("n1", 0.0)
        assert near(await off_s(made, "n1"), 0)
        await made.clocks.drift("n1", 900_000)
        await asyncio.sleep(4)
        drifted = await off_s(made, "n1")
        assert all(off > 1.5 for off in drifted.values()), drifted
        await made.clocks.skew("n1", 0.0)
        assert near(await off_s(made, "n1"), 0)

    made.run(main)
