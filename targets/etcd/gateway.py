"""etcd's JSON gateway, over one connection to one node: a request, then its answer.

etcd serves its gRPC interface as JSON over HTTP/1.1 on the same port, so a client needs no generated code and no
package. What is spoken here is the little of HTTP that the gateway uses, because a test needs exact control: the
request goes out once, to this node, on the socket the cluster dialled, and nothing is ever tried again behind the
caller's back. Rejected: `http.client`, which blocks and would cost a change of thread per request (measured: three
times the processor time of this, per request), `httpcore` and `h11`, two dependencies for forty lines, and gRPC, whose
channels reconnect and retry by themselves.

Everything a node says is taken for hostile: answers are bounded, and their shape is checked before they are used.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, NoReturn

from targets.unanswered import LOST, Broken, Malformed, NotSent, Refusal, plain

HEAD_BYTES_MAX = 1 << 16
ANSWER_BYTES_MAX = 64 << 20


class Gateway:
    """The connection. It is dialled when it is needed, and dropped by whatever leaves it in doubt whose answer is
    next."""

    def __init__(self, dial: Callable[[], Awaitable[socket.socket]]) -> None:
        self._dial = dial
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Connects. Raises `NotSent`."""
        try:
            sock = await self._dial()
            self._reader, self._writer = await asyncio.open_connection(sock=sock, limit=HEAD_BYTES_MAX)
        except OSError as problem:
            raise NotSent(plain(str(problem))) from problem

    async def call(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Posts one request and returns the answer's object. Raises `Unanswered`."""
        if self._reader is None or self._reader.at_eof():
            self.drop()
            await self.open()
        reader, writer = self._reader, self._writer
        assert reader is not None and writer is not None, "open"
        text = json.dumps(body, separators=(",", ":")).encode()
        whole = False
        try:
            writer.write(b"POST %s HTTP/1.1\r\nHost: etcd\r\nContent-Length: %d\r\n\r\n" % (path.encode(), len(text)))
            writer.write(text)
            status, keep, answer = await _answer(reader)
            whole = keep
        except LOST as problem:
            raise Broken(plain(f"{type(problem).__name__}: {problem}")) from problem
        except (asyncio.LimitOverrunError, ValueError) as problem:
            raise Malformed(plain(str(problem))) from problem
        finally:
            if not whole:
                self.drop()
        return _told(status, answer)

    def drop(self) -> None:
        """Closes the connection, if there is one, without waiting."""
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            with suppress(OSError, RuntimeError):
                writer.transport.abort()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool, bytes]:
    """Status, whether the connection can be used again, and the body. Raises ValueError for what is not HTTP."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, _, rest = head.partition(b"\r\n")
    version, status, *_ = (*first.split(b" ", 2), b"")
    if version != b"HTTP/1.1" or len(status) != 3 or not status.isdigit():
        raise ValueError(f"not an answer in HTTP/1.1: {first[:60]!r}")
    fields = dict(_fields(rest))
    keep = fields.get(b"connection") != b"close"
    if fields.get(b"transfer-encoding") == b"chunked":
        return int(status), keep, await _chunked(reader)
    return int(status), keep, await reader.readexactly(_size(fields.get(b"content-length", b""), 10, 0))


def _fields(lines: bytes) -> list[tuple[bytes, bytes]]:
    pairs = (line.partition(b":") for line in lines.lower().split(b"\r\n"))
    return [(name.strip(), value.strip()) for name, _, value in pairs]


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    total = 0
    while size := _size((await reader.readuntil(b"\r\n")).partition(b";")[0].strip(), 16, total):
        parts.append(await reader.readexactly(size))
        total += size
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":  # trailers, each of which costs its sender as much as us
        total = _within(total + HEAD_BYTES_MAX)
    return b"".join(parts)


def _size(digits: bytes, base: int, before: int) -> int:
    if not digits.isalnum() or len(digits) > 16:
        raise ValueError(f"an answer without a length: {digits[:20]!r}")
    size = int(digits, base)
    _within(before + size)
    return size


def _within(total: int) -> int:
    if total > ANSWER_BYTES_MAX:
        raise ValueError(f"an answer of more than {ANSWER_BYTES_MAX >> 20} MiB")
    return total


def _told(status: int, answer: bytes) -> dict[str, Any]:
    try:
        said = json.loads(answer, parse_constant=_no_number)
    except (ValueError, RecursionError) as problem:
        raise Malformed(plain(f"HTTP {status}, and no JSON: {answer[:60]!r}")) from problem
    if not isinstance(said, dict):
        raise Malformed(f"HTTP {status}, and no object: {plain(repr(said))}")
    if status == 200 and isinstance(said.get("header"), dict):
        return said
    code, text = said.get("code"), said.get("error")
    if status == 200 or not isinstance(text, str):
        raise Malformed(f"HTTP {status}, neither an answer nor an error: {plain(repr(said))}")
    raise Refusal(code if isinstance(code, int) else -1, plain(text))


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
