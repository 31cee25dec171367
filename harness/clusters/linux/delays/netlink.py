"""As much of netlink as the queue needs: messages with attributes, out and in (linux/netlink.h, nfnetlink.h)."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

NETFILTER = 12
"""NETLINK_NETFILTER."""

REQUEST, ACK, CREATE = 0x1, 0x4, 0x400
NESTED = 0x8000

_ERROR = 2
_HEADER = struct.Struct("=IHHII")
_GENERIC = struct.Struct("!BBH")
_ATTRIBUTE = struct.Struct("=HH")

HEADER_BYTES = _HEADER.size + _GENERIC.size
RECEIVE_BYTES = 1 << 17


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded."""
    return _ATTRIBUTE.pack(4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def nested(kind: int, *inner: bytes) -> bytes:
    """An attribute made of attributes."""
    return attribute(kind | NESTED, b"".join(inner))


def text(kind: int, value: str) -> bytes:
    """An attribute with a string."""
    return attribute(kind, value.encode() + b"\0")


def number(kind: int, value: int) -> bytes:
    """An attribute with 32 bits in network order, negative ones as two's complement."""
    return attribute(kind, (value & 0xFFFFFFFF).to_bytes(4, "big"))


def message(kind: int, flags: int, family: int, resource: int, body: bytes = b"", sequence: int = 0) -> bytes:
    """One netfilter message: `kind` is subsystem << 8 | message."""
    head = _HEADER.pack(HEADER_BYTES + len(body), kind, flags | REQUEST, sequence, 0)
    return head + _GENERIC.pack(family, 0, resource) + body


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(type, sequence, what follows the netlink header) of each message in a datagram of the kernel's."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, _, sequence, _ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size:
            return
        yield kind, sequence, data[at + _HEADER.size : at + length]
        at += length + (-length % 4)


def attributes(data: bytes | bytearray, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(type, begin, end) of each attribute's value between these offsets."""
    while at + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < 4:
            return
        yield kind & 0x3FFF, at + 4, at + length
        at += length + (-length % 4)


def opened() -> socket.socket:
    """A netfilter socket of this network namespace."""
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETFILTER)
    made.bind((0, 0))
    return made


def ask(netlink: socket.socket, data: bytes, answers: int) -> None:
    """Sends messages and waits for so many acknowledgements. Raises OSError with the first refusal."""
    netlink.send(data)
    while answers:
        for kind, _, body in messages(netlink.recv(RECEIVE_BYTES)):
            if kind == _ERROR:
                (code,) = struct.unpack_from("=i", body)
                if code:
                    raise OSError(-code, os.strerror(-code))
                answers -= 1
