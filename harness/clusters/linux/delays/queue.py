"""A queue of the kernel's (nfnetlink_queue) that packets are taken out of, whole and one by one.

They are not left in the kernel until their time has come: a packet that waits there still counts against the socket
that sent it, and TCP sends no more than a few before the first has left (its small queues), as it would on a network
card that is stuck. So the kernel's own is dropped at once, which its sender takes for sent, and a copy goes later. For
the same reason netem orphans packets. It costs the copies, and that large segments are cut up beforehand.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
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
from harness.clusters.linux.delays.schedule import PACKETS_MAX

NUMBERS = range(23_000, 23_100)
"""Where a free queue is looked for."""

_PACKET, _CONFIG, _VERDICTS = (3 << 8 | kind for kind in (0, 2, 3))
_BIND = 1
_COPY_PACKET, _WHOLE_BYTES = 2, 0xFFFF
_PACKET_HEADER, _PAYLOAD = 1, 10
_DROP = 0
_SOCKET_BYTES = 8 << 20
_NO_ENOBUFS = 5
_RECEIVE_BUFFER_FORCE = 33
_SOL_NETLINK = 270
_PACKETS_A_ROUND = 256
_TYPE = struct.Struct("=4xH")


class Queue:
    """Takes what is sent to queue `number` in this network namespace."""

    def __init__(self) -> None:
        """Raises OSError when this kernel has no such queues, or they are not for us to use."""
        self.socket = opened()
        self.number = self._bind()
        self._buffer = bytearray(RECEIVE_BYTES)
        self.socket.setsockopt(_SOL_NETLINK, _NO_ENOBUFS, 1)
        with suppress(OSError):  # more than root of a user namespace may have
            self.socket.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER_FORCE, _SOCKET_BYTES)
        # Not acknowledged: the answer would come between packets. Wrong parameters are a mistake of this program.
        parameters = number(3, PACKETS_MAX) + attribute(2, struct.pack("!IB", _WHOLE_BYTES, _COPY_PACKET))
        self.socket.send(message(_CONFIG, 0, 0, self.number, parameters))

    def packets(self) -> Iterator[bytes]:
        """What has come, from the IPv4 header on, without waiting; at most some hundreds at once."""
        buffer, last = self._buffer, b""
        try:
            for _ in range(_PACKETS_A_ROUND):
                try:
                    size = self.socket.recv_into(buffer, 0, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    return
                if _TYPE.unpack_from(buffer)[0] != _PACKET:
                    continue
                for kind, begin, end in attributes(buffer, HEADER_BYTES, size):
                    if kind == _PACKET_HEADER:
                        last = bytes(buffer[begin : begin + 4])
                    elif kind == _PAYLOAD:
                        yield bytes(memoryview(buffer)[begin:end])
        finally:
            if last:
                self._drop_up_to(last)

    def overflowed(self) -> int:
        """How many packets the kernel dropped because too many waited to be taken."""
        for line in Path("/proc/net/netfilter/nfnetlink_queue").read_text(encoding="ascii").splitlines():
            fields = [int(one) for one in line.split()]
            if fields[0] == self.number:
                return fields[5] + fields[6]
        return 0

    def _drop_up_to(self, packet: bytes) -> None:
        verdict = attribute(2, _DROP.to_bytes(4, "big") + packet)
        self.socket.send(message(_VERDICTS, 0, 0, self.number, verdict))

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
