"""Messages as lines: one JSON object `{"src", "dest", "body"}` each, UTF-8, ended by a newline. Nothing read here is
trusted."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, NoReturn

LINE_BYTES_MAX = 16 * 1024 * 1024
"""Longest line that is taken; whoever sends more is cut off."""


class Malformed(ValueError):
    """A line that is not a message. The text says what is wrong with it."""


class Message(NamedTuple):
    """One message. `body["type"]` is a string; `msg_id` and `in_reply_to`, where present, are integers."""

    source: str
    dest: str
    body: dict[str, Any]


_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _refuse(constant: str) -> NoReturn:
    raise Malformed(f"{constant} is not JSON")


_decode = json.JSONDecoder(parse_constant=_refuse).decode


def encode(source: str, dest: str, body: dict[str, Any]) -> bytes:
    """A message as a line. Raises TypeError or ValueError for what JSON cannot hold."""
    return _encode({"src": source, "dest": dest, "body": body}).encode("ascii") + b"\n"


def decode(line: bytes) -> Message:
    """Reads a line. Raises `Malformed`."""
    try:
        value = _decode(line.decode())
    except Malformed:
        raise
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not a line of JSON: {error}") from error
    if not isinstance(value, dict):
        raise Malformed("a message is a JSON object")
    source, dest, body = value.get("src"), value.get("dest"), value.get("body")
    if not isinstance(source, str) or not isinstance(dest, str) or not isinstance(body, dict):
        raise Malformed("a message needs the strings src and dest, and an object as body")
    if not isinstance(body.get("type"), str):
        raise Malformed("a body needs a type, which is a string")
    for field in ("msg_id", "in_reply_to"):
        number = body.get(field)
        if number is not None and type(number) is not int:
            raise Malformed(f"{field} is an integer")
    return Message(source, dest, body)


class Lines:
    """Cuts a stream of bytes into lines, without their ends."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes. Raises `Malformed` once one is longer than `LINE_BYTES_MAX`."""
        *whole, rest = data.split(b"\n")
        if whole:
            whole[0] = b"".join((*self._parts, whole[0]))
            self._parts.clear()
            self._size = 0
        if rest:
            self._parts.append(rest)
            self._size += len(rest)
        if self._size > LINE_BYTES_MAX or any(len(line) > LINE_BYTES_MAX for line in whole):
            raise Malformed(f"a line is longer than {LINE_BYTES_MAX} bytes")
        return [line for line in whole if line.strip()]
