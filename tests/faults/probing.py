"""The store whose nodes look at themselves: what a fault does to a node is asked of the node that suffers it.

It runs on every cluster. Packets are datagrams of its own on real nodes, and the messages of the node runtime in the
simulator, which carries nothing else.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import sys
import time
from typing import Any

from harness.node import Body, Host, Node

PORT = 7999
TICK_S = 0.01
WAIT_S = 1.0
"""How long an answer to a packet, or a connection, is waited for."""


class Probing(Node):
    """`simulated`: there are no sockets, only messages."""

    def __init__(self, host: Host, *, simulated: bool = False) -> None:
        super().__init__(host)
        self.simulated = simulated
        self.incarnation = host.random.getrandbits(48)
        self.arrivals: dict[int, list[tuple[int, int]]] = {}
        self.pongs: dict[int, asyncio.Future[None]] = {}
        self.stored = b""
        self.longest_gap_ns = 0
        self.addresses: dict[str, str] = {}
        self.datagrams: asyncio.DatagramTransport | None = None

    async def start(self) -> None:
        self.stored = self.disk.read("log") or b""
        self.tick(self.clock.monotonic())
        if not self.simulated:
            given = dict(zip(sys.argv[1:], sys.argv[2:], strict=False))
            self.addresses = {
                name: address.rpartition(":")[0]
                for name, _, address in (entry.partition("=") for entry in given["--peers"].split(","))
            }
            loop = asyncio.get_running_loop()
            address = (self.addresses[self.name], PORT)
            self.datagrams, _ = await loop.create_datagram_endpoint(lambda: Datagrams(self), local_addr=address)

    def tick(self, before_ns: int) -> None:
        now = self.clock.monotonic()
        self.longest_gap_ns = max(self.longest_gap_ns, now - before_ns)
        self.after(TICK_S, lambda: self.tick(now))

    def on_who(self, source: str, body: Body) -> Body:
        """Which incarnation this is, and for how long it once stood still since it forgot."""
        return {"type": "who_ok", "incarnation": self.incarnation, "gap_ms": self.longest_gap_ns / 1e6}

    def on_forget(self, source: str, body: Body) -> Body:
        self.longest_gap_ns = 0
        return {"type": "forget_ok"}

    # Packets

    def emit(self, dest: str, packet: dict[str, Any]) -> None:
        if self.datagrams is None:
            self.send(dest, {"type": "packet", **packet})
        else:
            self.datagrams.sendto(json.dumps({"from": self.name, **packet}).encode(), (self.addresses[dest], PORT))

    def on_packet(self, source: str, packet: Body) -> None:
        if "ping" in packet:
            self.emit(source, {"pong": packet["ping"]})
        elif "pong" in packet:
            waiting = self.pongs.pop(packet["pong"], None)
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
        else:
            self.arrivals.setdefault(packet["burst"], []).append((packet["number"], self.clock.monotonic()))

    async def on_send(self, source: str, body: Body) -> Body:
        """Sends numbered packets to another node."""
        for number in range(body["count"]):
            self.emit(body["to"], {"burst": body["burst"], "number": number, "filling": "x" * body["bytes"]})
            await asyncio.sleep(0.001)
        return {"type": "send_ok"}

    def on_arrived(self, source: str, body: Body) -> Body:
        """Which packets of a burst came, in their order, and how long that took."""
        came = self.arrivals.get(body["burst"], [])
        span_ns = came[-1][1] - came[0][1] if came else 0
        return {"type": "arrived_ok", "numbers": [number for number, _ in came], "span_ms": span_ns / 1e6}

    async def on_ping(self, source: str, body: Body) -> Body:
        """Milliseconds of a round trip to another node, by this node's own clock; None: no answer."""
        number = self.random.getrandbits(48)
        self.pongs[number] = answer = asyncio.get_running_loop().create_future()
        began = self.clock.monotonic()
        self.emit(body["to"], {"ping": number})
        done, _ = await asyncio.wait([answer], timeout=WAIT_S)
        self.pongs.pop(number, None)
        return {"type": "ping_ok", "ms": (self.clock.monotonic() - began) / 1e6 if done else None}

    async def on_dial(self, source: str, body: Body) -> Body:
        """How a connection to another node's service goes: `connected`, an errno's name, or `silence`."""
        try:
            async with asyncio.timeout(WAIT_S):
                _, writer = await asyncio.open_connection(self.addresses[body["to"]], body["port"])
        except TimeoutError:
            return {"type": "dial_ok", "how": "silence"}
        except OSError as problem:
            return {"type": "dial_ok", "how": errno.errorcode[problem.errno or 0]}
        writer.close()
        return {"type": "dial_ok", "how": "connected"}

    # Clocks

    async def on_clock(self, source: str, body: Body) -> Body:
        """By how much the wall clock is ahead of the monotonic one, in milliseconds, again and again for a while."""
        ahead = []
        for _ in range(body["samples"]):
            ahead.append((self.clock.wall() - self.clock.monotonic()) / 1e6)
            await asyncio.sleep(0.005)
        return {"type": "clock_ok", "ahead_ms": ahead}

    # The machine

    def on_burn(self, source: str, body: Body) -> Body:
        """Uses so much processor time, and says how long it took to get it."""
        began, spent = time.monotonic(), time.process_time()
        while (time.process_time() - spent) * 1000 < body["ms"]:
            pass
        return {"type": "burn_ok", "took_ms": (time.monotonic() - began) * 1000}

    def on_eat(self, source: str, body: Body) -> Body:
        """Uses so much memory, for a moment."""
        held = bytearray(body["bytes"])
        held[:: os.sysconf("SC_PAGE_SIZE")] = b"x" * len(range(0, len(held), os.sysconf("SC_PAGE_SIZE")))
        return {"type": "eat_ok", "bytes": len(held)}

    # The disk

    async def on_store(self, source: str, body: Body) -> Body:
        """Appends and syncs; says how long the sync took, or which error was met."""
        began = self.clock.monotonic()
        data = body["text"].encode()
        try:
            self.disk.append("log", data)
            await self.disk.sync("log")
        except OSError as refused:
            self.stored = self.disk.read("log") or b""
            return {"type": "store_ok", "errno": errno.errorcode[refused.errno or 0]}
        self.stored += data
        return {"type": "store_ok", "took_ms": (self.clock.monotonic() - began) / 1e6}

    def on_hoard(self, source: str, body: Body) -> Body:
        """Appends a piece ten times, and does not sync."""
        for _ in range(10):
            self.disk.append("log", body["text"].encode())
        return {"type": "hoard_ok"}

    def on_look(self, source: str, body: Body) -> Body:
        """How much is on disk, and how it differs from what this incarnation found there and stored."""
        found = self.disk.read("log") or b""
        flipped = sum((one ^ other).bit_count() for one, other in zip(found, self.stored, strict=False))
        return {
            "type": "look_ok",
            "bytes": len(found),
            "flipped_bits": flipped,
            "missing_bytes": len(self.stored) - len(found),
        }

    async def on_overwrite(self, source: str, body: Body) -> Body:
        """Turns every bit of what is stored over."""
        self.stored = bytes(255 - byte for byte in self.stored)
        return await self.on_renew(source, body)

    async def on_renew(self, source: str, body: Body) -> Body:
        """Writes anew what ought to be there."""
        self.disk.write("log", self.stored)
        await self.disk.sync("log")
        return {"type": "renew_ok"}


class Datagrams(asyncio.DatagramProtocol):
    """Hands packets to the node."""

    def __init__(self, node: Probing) -> None:
        self.node = node

    def datagram_received(self, data: bytes, addr: Any) -> None:
        packet = json.loads(data)
        self.node.on_packet(packet["from"], packet)
