"""Redis's protocol (RESP2) over one connection: commands, then their replies.

What is spoken is the protocol's five kinds of reply and nothing else, because a test needs exact control: the socket
the cluster dialled, no command that was not asked for, none sent twice. Rejected: redis-py, whose connections resolve
and dial by themselves, greet with commands of their own and come with retries to switch off; without its pools and
retries what is left of it is this codec.

Everything a node says is taken for hostile: replies are bounded in size, number and depth.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from targets.unanswered import LOST, Broken, Malformed, NotSent, Refusal, plain

LINE_BYTES_MAX = 1 << 16
REPLY_BYTES_MAX = 64 << 20
ITEMS_MAX = 4_000_000
DEPTH_MAX = 8


class ErrorReply(Refusal):
    """Redis's own error, as `READONLY You can't write against a read only replica.`; `code` is its first word."""

    def __init__(self, text: str) -> None:
        super().__init__(text.partition(" ")[0], text)


Reply = bytes | str | int | list["Reply"] | ErrorReply | None
"""Bulk strings are bytes, simple ones str, nil is None. Error replies inside of others are values, not raised."""

Word = str | int | bytes


class Line:
    """The connection, open from its making."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, dial: Callable[[], Awaitable[socket.socket]]) -> Line:
        """Connects. Raises `NotSent`."""
        try:
            return cls(*await asyncio.open_connection(sock=await dial(), limit=LINE_BYTES_MAX))
        except OSError as problem:
            raise NotSent(plain(str(problem))) from problem

    @property
    def ended(self) -> bool:
        """Whether the other side has hung up, or we have."""
        return self._reader.at_eof() or self._writer.is_closing()

    async def call(self, *command: Word) -> Reply:
        """Sends one command and returns its reply. Raises `Unanswered`."""
        [reply] = await self.calls([command])
        if isinstance(reply, ErrorReply):
            raise reply
        return reply

    async def calls(self, commands: Sequence[Sequence[Word]]) -> list[Reply]:
        """Sends commands at once and returns their replies, errors among them. Raises the other `Unanswered`."""
        whole = False
        try:
            self._writer.write(b"".join(map(encoded, commands)))
            budget = Budget()
            replies = [await _reply(self._reader, budget, 0) for _ in commands]
            whole = True
        except LOST as problem:
            raise Broken(plain(f"{type(problem).__name__}: {problem}")) from problem
        except (asyncio.LimitOverrunError, ValueError) as problem:
            raise Malformed(plain(str(problem))) from problem
        finally:
            if not whole:
                self.close()
        return replies

    def close(self) -> None:
        """Closes the connection without waiting."""
        with suppress(OSError, RuntimeError):
            self._writer.transport.abort()


def encoded(command: Sequence[Word]) -> bytes:
    """A command as it is sent: an array of bulk strings."""
    parts = [b"*%d\r\n" % len(command)]
    for word in command:
        raw = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(raw), raw))
    return b"".join(parts)


class Budget:
    """What the replies to come may still cost."""

    def __init__(self) -> None:
        self.bytes_left = REPLY_BYTES_MAX
        self.items_left = ITEMS_MAX

    def take(self, size: int, items: int) -> None:
        """Raises ValueError when it is too much."""
        self.bytes_left -= size
        self.items_left -= items
        if self.bytes_left < 0 or self.items_left < 0:
            raise ValueError(f"a reply of more than {REPLY_BYTES_MAX >> 20} MiB or {ITEMS_MAX:,} items")


async def _reply(reader: asyncio.StreamReader, budget: Budget, depth: int) -> Reply:
    line = await reader.readuntil(b"\r\n")
    budget.take(len(line), 1)
    kind, rest = line[:1], line[1:-2]
    if kind == b"$":
        size = _number(rest)
        if size < 0:
            return None
        budget.take(size, 0)
        bulk = await reader.readexactly(size + 2)
        if not bulk.endswith(b"\r\n"):
            raise ValueError("a bulk string that does not end where it says")
        return bulk[:-2]
    if kind == b":":
        return _number(rest)
    if kind == b"+":
        return plain(rest.decode("utf-8", "replace"))
    if kind == b"-":
        return ErrorReply(plain(rest.decode("utf-8", "replace")))
    if kind != b"*" or depth == DEPTH_MAX:
        raise ValueError(f"not a reply of Redis: {line[:60]!r}")
    count = _number(rest)
    if count < 0:
        return None
    budget.take(0, count)
    budget.items_left += count  # each takes its own place below; a huge count is refused before the first
    return [await _reply(reader, budget, depth + 1) for _ in range(count)]


def _number(digits: bytes) -> int:
    if not digits.removeprefix(b"-").isdigit() or len(digits) > 20:
        raise ValueError(f"not a number: {digits[:20]!r}")
    return int(digits)
