"""etcd's keys and values as the workloads use them: text keys, JSON values, and requests as plain values.

Each function below builds a part of a request or reads a part of an answer; `Keys` sends them. What is read is checked:
a value that no workload can have written is `Malformed`.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from targets.etcd.errors import failure
from targets.etcd.gateway import Gateway
from targets.unanswered import Malformed, Unanswered, plain

Request = Mapping[str, Any]
T = TypeVar("T")

INTEGER_MAX = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One key as it was found; `revision` is that of its last change, 0 where there is none."""

    key: str
    value: bytes
    revision: int


def encoded(text: str) -> str:
    """A key or value for a request."""
    return b64encode(text.encode()).decode()


def get(key: str, *, serializable: bool = False) -> Request:
    """A range of one key."""
    return {"key": encoded(key), "serializable": True} if serializable else {"key": encoded(key)}


def under(prefix: str, *, serializable: bool = False) -> Request:
    """A range of all keys that begin with `prefix`, which ends in a slash; values are left out."""
    end = encoded(prefix[:-1] + "0")  # the character after the slash
    return {**get(prefix, serializable=serializable), "range_end": end, "keys_only": True}


def put(key: str, value: Any, *, lease: str | None = None) -> Request:
    """A put of a JSON value, under a lease if one is given."""
    request = {"key": encoded(key), "value": encoded(json.dumps(value, separators=(",", ":")))}
    return request if lease is None else {**request, "lease": lease}


def has_value(key: str, value: Any) -> Request:
    """A comparison: the key's value is this."""
    return {"target": "VALUE", "result": "EQUAL", **put(key, value)}


def is_at(key: str, revision: int) -> Request:
    """A comparison: the key was last changed at this revision; 0 says that there is none."""
    return {"key": encoded(key), "target": "MOD", "result": "EQUAL", "mod_revision": str(revision)}


class Keys:
    """Requests to one node, whose errors are told as `Failed` or `Indeterminate`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def range(self, request: Request) -> list[Entry]:
        """The keys found. Changes nothing."""
        return await self._asked("/v3/kv/range", request, harmless=True, read=entries)

    async def put(self, request: Request) -> None:
        """Writes one key."""
        await self._asked("/v3/kv/put", request, harmless=False, read=lambda answer: None)

    async def snapshot(self, ranges: Sequence[Request]) -> list[list[Entry]]:
        """The keys found by each range, all at one moment. Changes nothing."""
        request = {"success": [{"request_range": one} for one in ranges]}
        _, found = await self._asked("/v3/kv/txn", request, harmless=True, read=outcome)
        if len(found) != len(ranges):
            raise failure(Malformed(f"{len(ranges)} ranges, and {len(found)} answers"), harmless=True)
        return found

    async def txn(
        self, compare: Sequence[Request], success: Sequence[Request], failing: Sequence[Request]
    ) -> tuple[bool, list[list[Entry]]]:
        """Whether all comparisons held, and what the ranges among the operations done found."""
        request = {"compare": compare, "success": success, "failure": failing}
        return await self._asked("/v3/kv/txn", request, harmless=False, read=outcome)

    async def grant(self, seconds: int) -> str:
        """A new lease. As far as the workloads are concerned it changes nothing."""
        return await self._asked("/v3/lease/grant", {"TTL": str(seconds)}, harmless=True, read=_lease)

    async def _asked(self, path: str, request: Request, *, harmless: bool, read: Callable[[Mapping[str, Any]], T]) -> T:
        try:
            return read(await self._gateway.call(path, request))
        except Unanswered as problem:
            raise failure(problem, harmless=harmless) from problem


def entries(answer: Mapping[str, Any]) -> list[Entry]:
    """The keys of a range's answer. Raises `Malformed`."""
    try:
        return [
            Entry(
                b64decode(one["key"], validate=True).decode(),
                b64decode(one.get("value", ""), validate=True),
                int(one["mod_revision"]),
            )
            for one in answer.get("kvs", ())
        ]
    except (LookupError, TypeError, ValueError, AttributeError) as problem:
        raise Malformed(plain(f"not the keys of a range: {type(problem).__name__}: {problem}")) from problem


def outcome(answer: Mapping[str, Any]) -> tuple[bool, list[list[Entry]]]:
    """Whether a transaction's comparisons held, and what its ranges found. Raises `Malformed`."""
    held, responses = answer.get("succeeded", False), answer.get("responses", [])
    if not isinstance(held, bool) or not isinstance(responses, list):
        raise Malformed("not the answer of a transaction")
    parts = [one.get("response_range") if isinstance(one, dict) else None for one in responses]
    return held, [entries(part) for part in parts if isinstance(part, dict)]


def integer(entry: Entry) -> int:
    """The value, a whole number. Raises `Malformed`."""
    value = _json(entry)
    if not _is_integer(value):
        raise Malformed(f"{plain(entry.key)} holds no whole number")
    return int(value)


def integers(entry: Entry) -> list[int]:
    """The value, a list of whole numbers. Raises `Malformed`."""
    value = _json(entry)
    if not isinstance(value, list) or not all(map(_is_integer, value)):
        raise Malformed(f"{plain(entry.key)} holds no list of whole numbers")
    return value


def _json(entry: Entry) -> Any:
    try:
        return json.loads(entry.value)
    except (ValueError, RecursionError) as problem:
        raise Malformed(f"{plain(entry.key)} holds no JSON") from problem


def _is_integer(value: Any) -> bool:
    return type(value) is int and abs(value) <= INTEGER_MAX


def _lease(answer: Mapping[str, Any]) -> str:
    lease = answer.get("ID")
    if not isinstance(lease, str) or not lease.isdigit():
        raise Malformed("a lease without an ID")
    return lease
