"""What a controller and an agent say to each other: one JSON object per line, each way.

    controller   {"id": 7, "do": "network.cut", "with": ["p1", {"n1": ["n2"]}], "named": {}}
                 {"cancel": 7}
    agent        {"id": 7, "ok": VALUE}
                 {"id": 7, "error": {"class": "NodeError", "message": "n1 crashed at start ..."}}

Requests run side by side, and replies come in whatever order they finish. A cancelled request is still answered, once
it has come to its end. Values are JSON; the few classes that capabilities take and give are objects with their name
under "!". Where both are on one machine the channel is a Unix socket, which carries file descriptors too.
"""

from __future__ import annotations

import asyncio
import builtins
import json
import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Protocol

from harness import errors
from harness.clusters.base import Corruption, Impairment, Shape
from harness.errors import ClusterError
from harness.faults import Evidence, Status

METHODS: Mapping[str, tuple[str, ...]] = {
    "network": ("cut", "reject", "shape", "mend"),
    "processes": ("kill", "start", "pause", "resume", "alive"),
    "clocks": ("skew", "drift", "offsets"),
    "limits": ("limit", "lift"),
    "disks": ("impair", "repair", "lose_power", "corrupt"),
    "files": ("get", "put"),
    "nodes": ("prepare", "dial", "logs", "read"),
}
"""What a controller may ask of an agent, and nothing else."""

LINE_BYTES_MAX = 64 * 1024 * 1024
_FDS_MAX = 16
_CHUNK = 65536

_CLASSES: Mapping[str, Any] = {cls.__name__: cls for cls in (Evidence, Shape, Impairment, Corruption)}

_BUILTIN_ERRORS = (
    "ConnectionRefusedError",
    "ConnectionResetError",
    "ConnectionAbortedError",
    "BrokenPipeError",
    "ConnectionError",
    "TimeoutError",
)


class Channel(Protocol):
    """One end of a conversation."""

    async def send(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Raises `ConnectionError` when the other side is gone."""
        ...

    async def receive(self) -> tuple[dict[str, Any], list[int]] | None:
        """The next message, with the descriptors that came with it, which the caller owns; None when the other side is
        gone, or says what is no message."""
        ...

    def close(self) -> None: ...


def pack(value: Any) -> Any:
    """A value as JSON can hold it. Raises TypeError for what no capability takes or gives."""
    if is_dataclass(value) and type(value).__name__ in _CLASSES:
        return {"!": type(value).__name__, **{field.name: pack(getattr(value, field.name)) for field in fields(value)}}
    if isinstance(value, Mapping):
        packed = {str(key): pack(item) for key, item in value.items()}
        return {"!": "mapping", "of": packed} if "!" in packed else packed
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, Iterable):
        return [pack(item) for item in value]
    raise TypeError(f"{type(value).__name__} cannot be sent to or by an agent")


def unpack(value: Any) -> Any:
    """The inverse of `pack`, but for the kinds of mappings and sequences. Raises ValueError or TypeError."""
    if isinstance(value, list):
        return [unpack(item) for item in value]
    if not isinstance(value, dict):
        return value
    name = value.get("!")
    if name == "mapping":
        return {key: unpack(item) for key, item in value["of"].items()}
    found = {key: unpack(item) for key, item in value.items() if key != "!"}
    if name is None:
        return found
    if name not in _CLASSES:
        raise ValueError(f"an agent's message speaks of {name!r}, which is not known here")
    if name == "Evidence":
        found["status"] = Status(found["status"])
    return _CLASSES[name](**found)


def pack_error(error: BaseException) -> dict[str, str]:
    """An exception as JSON: its class by name, and what it says."""
    name = type(error).__name__
    if isinstance(error, asyncio.CancelledError):
        return {"class": "ClusterError", "message": "the request was cancelled"}
    if isinstance(error, errors.SplitbrainError) or name in _BUILTIN_ERRORS:
        return {"class": name, "message": str(error)}
    if isinstance(error, OSError):
        return {"class": "ClusterError", "message": f"the nodes' agent: {error}"}
    return {"class": "ClusterError", "message": f"the nodes' agent failed: {name}: {error}"}


def unpack_error(raw: Mapping[str, str]) -> Exception:
    """The exception to raise in the place of one that was raised over there."""
    name, message = str(raw.get("class")), str(raw.get("message"))
    found = getattr(builtins, name, None) if name in _BUILTIN_ERRORS else getattr(errors, name, None)
    if isinstance(found, type) and issubclass(found, errors.SplitbrainError | OSError):
        return found(message)
    return ClusterError(message)


def encode(message: Mapping[str, Any]) -> bytes:
    """A message as a line."""
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Reads a line. Raises ValueError."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("a message is a JSON object")
    return message


class UnixChannel:
    """A `Channel` over a connected Unix stream socket, which it owns. One task may receive, any number may send."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self._socket = connected
        self._sending = asyncio.Lock()
        self._lines: deque[bytes] = deque()
        self._rest = bytearray()
        self._descriptors: deque[int] = deque()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def send(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """See `Channel`."""
        line = encode({**message, "fds": len(descriptors)} if descriptors else message)
        async with self._sending:
            if self._closed:
                raise ConnectionResetError("the channel is closed")
            if descriptors:
                # The kernel attaches them to the first byte it takes; the rest goes the usual way.
                sent = await self._when_ready(lambda: socket.send_fds(self._socket, [line], descriptors), write=True)
                line = line[sent:]
            if line:
                await asyncio.get_running_loop().sock_sendall(self._socket, line)

    async def receive(self) -> tuple[dict[str, Any], list[int]] | None:
        """See `Channel`."""
        try:
            while not self._lines:
                if self._closed:
                    return None
                data, descriptors, _, _ = await self._when_ready(
                    lambda: socket.recv_fds(self._socket, _CHUNK, _FDS_MAX, socket.MSG_CMSG_CLOEXEC), write=False
                )
                self._descriptors.extend(descriptors)
                if not data:
                    return None
                self._take(data)
            message = decode(self._lines.popleft())
            wanted = int(message.pop("fds", 0))
            return message, [self._descriptors.popleft() for _ in range(wanted)]
        except (ValueError, IndexError, ConnectionError):
            return None

    def close(self) -> None:
        """See `Channel`. Idempotent."""
        if not self._closed and self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        self._closed = True
        self._socket.close()
        while self._descriptors:
            os.close(self._descriptors.popleft())

    def _take(self, data: bytes) -> None:
        self._rest += data
        if b"\n" in data:
            *whole, rest = self._rest.split(b"\n")
            self._lines.extend(map(bytes, whole))
            self._rest = bytearray(rest)
        if len(self._rest) > LINE_BYTES_MAX:
            raise ValueError(f"a message is longer than {LINE_BYTES_MAX} bytes")

    async def _when_ready(self, act: Callable[[], Any], *, write: bool) -> Any:
        """Event loops know how to wait for a socket, but not how to pass descriptors through one."""
        self._loop = loop = asyncio.get_running_loop()
        while True:
            try:
                return act()
            except BlockingIOError:
                ready = loop.create_future()
                add, remove = (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
                add(self._socket, _settle, ready)
                try:
                    await ready
                finally:
                    if not self._closed:
                        remove(self._socket)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
