"""A queue of the kernel's (nfnetlink_queue): packets come by number, and wait in the kernel for a verdict."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.clusters.linux.delays.netlink import (
    ACK,
    HEADER_BYTES,
    RECEIVE_BYTES,
    ask,
    attribute,
    attributes,
    message,
    number,
    opened,
)

PACKETS_MAX = 20_000
"""How many packets may wait; what comes then is dropped, as in a router. 100 ms at 200 thousand packets a second."""

NUMBERS = range(23_000, 23_100)
"""Where a free queue is looked for."""

_PACKET, _VERDICT, _CONFIG = (3 << 8 | kind for kind in (0, 1, 2))
_BIND = 1
_COPY_PACKET = 2
_IP_HEADER_BYTES, _WHOLE_BYTES = 20, 0xFFFF
_WHOLE_SEGMENTS = 4
_PACKET_HEADER, _PAYLOAD = 1, 10
_ACCEPT = 1
_SOCKET_BYTES = 8 << 20
_NO_ENOBUFS = 5
_RECEIVE_BUFFER_FORCE = 33
_SOL_NETLINK = 270
_PACKETS_A_ROUND = 256


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet that waits: its number, and its first bytes, from the IPv4 header on."""

    id: int
    content: bytes

    @property
    def destination(self) -> bytes:
        """The four bytes of the address it goes to."""
        return self.content[16:20]


class Queue:
    """Takes what is sent to queue `number` in this network namespace."""

    def __init__(self) -> None:
        """Raises OSError when this kernel has no such queues, or they are not for us to use."""
        self.socket = opened()
        self.number = self._bind()
        self.socket.setsockopt(_SOL_NETLINK, _NO_ENOBUFS, 1)
        with suppress(OSError):  # more than root of a user namespace may have
            self.socket.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER_FORCE, _SOCKET_BYTES)
        self._configure(number(3, PACKETS_MAX))
        self.copy(whole=False)

    def copy(self, *, whole: bool) -> None:
        """Whether packets come whole, each as it goes over the wire; else with their headers only, and as large as TCP
        hands them down, which is cheaper."""
        length = _WHOLE_BYTES if whole else _IP_HEADER_BYTES
        flags = 0 if whole else _WHOLE_SEGMENTS
        self._configure(
            attribute(2, struct.pack("!IB", length, _COPY_PACKET)) + number(4, _WHOLE_SEGMENTS) + number(5, flags)
        )

    def packets(self) -> Iterator[Packet]:
        """What has come, without waiting, at most some hundreds at once."""
        for _ in range(_PACKETS_A_ROUND):
            try:
                data = self.socket.recv(RECEIVE_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            if struct.unpack_from("=H", data, 4)[0] == _PACKET:
                yield _packet(data)

    def let_go(self, ids: Sequence[int]) -> None:
        """Sends these packets on their way."""
        if ids:
            self.socket.send(b"".join(_verdict(self.number, packet) for packet in ids))

    def dropped(self) -> int:
        """How many packets the kernel dropped because too many waited."""
        for line in Path("/proc/net/netfilter/nfnetlink_queue").read_text(encoding="ascii").splitlines():
            fields = [int(one) for one in line.split()]
            if fields[0] == self.number:
                return fields[5] + fields[6]
        return 0

    def _bind(self) -> int:
        for candidate in NUMBERS:
            command = attribute(1, struct.pack("!BBH", _BIND, 0, socket.AF_INET))
            try:
                ask(self.socket, message(_CONFIG, ACK, 0, candidate, command), 1)
            except OSError as refused:
                if refused.errno not in (errno.EBUSY, errno.EPERM) or candidate == NUMBERS[-1]:
                    raise
            else:
                return candidate
        raise AssertionError("there is a last one")

    def _configure(self, body: bytes) -> None:
        # Not acknowledged: the answer would come between packets. Wrong parameters are a mistake of this program.
        self.socket.send(message(_CONFIG, 0, 0, self.number, body))


def _packet(data: bytes) -> Packet:
    found, content = 0, b""
    for kind, begin, end in attributes(data, HEADER_BYTES):
        if kind == _PACKET_HEADER:
            found = int.from_bytes(data[begin : begin + 4], "big")
        elif kind == _PAYLOAD:
            content = data[begin:end]
    return Packet(found, content)


def _verdict(queue: int, packet: int) -> bytes:
    return message(_VERDICT, 0, 0, queue, attribute(2, struct.pack("!II", _ACCEPT, packet)))
