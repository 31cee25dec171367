"""The clients of each workload, as users of etcd write them: ranges, puts and transactions with comparisons.

One operation is one request, but for `append`, which reads before it writes (etcd's transactions compare, they do not
compute), and for a lock with a lease, which asks for the lease first. A transaction that meets a change in between
fails; retries would hide how often that happens, and are for the workload to do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from socket import socket
from typing import Any, ClassVar

from harness.client import Failed, Indeterminate
from harness.operation import Operation
from targets.etcd import keys
from targets.etcd.errors import failure
from targets.etcd.gateway import Gateway
from targets.etcd.keys import Entry, Keys
from targets.unanswered import Malformed


class EtcdClient:
    """What all have in common: a connection to one node, and the functions the workload may ask for.

    `serializable` reads are answered by the node alone, from what it has: fast, always there, and perhaps stale.
    `lease_s` is how long a lock is held at most, None for as long as its holder likes.
    """

    does: ClassVar[dict[str, Callable[[Any, Operation], Awaitable[Any]]]]

    def __init__(
        self, dial: Callable[[], Awaitable[socket]], *, serializable: bool = False, lease_s: int | None = None
    ) -> None:
        self.gateway = Gateway(dial)
        self.keys = Keys(self.gateway)
        self.serializable = serializable
        self.lease_s = lease_s

    async def open(self) -> None:
        """Connects. Raises `NotSent` when the node is down."""
        await self.gateway.open()

    async def invoke(self, op: Operation) -> Operation:
        """One operation of the workload. Raises `Failed` or `Indeterminate`."""
        function = self.does.get(op.f)
        if function is None:
            raise Failed({"type": "unknown", "text": f"there is no operation {op.f!r} here"})
        try:
            return op.ok(await function(self, op))
        except Malformed as problem:
            raise failure(problem, harmless=False) from problem

    async def close(self) -> None:
        """Lets go of the connection."""
        self.gateway.drop()


class RegisterClient(EtcdClient):
    """A register is a key. A compare-and-set compares its value, and reads it in the same transaction if it differs."""

    async def read(self, op: Operation) -> int | None:
        return _value(await self.keys.range(keys.get(f"register/{op.key}", serializable=self.serializable)))

    async def write(self, op: Operation) -> Any:
        await self.keys.put(keys.put(f"register/{op.key}", op.value))
        return op.value

    async def cas(self, op: Operation) -> Any:
        key, (old, new) = f"register/{op.key}", op.value
        held, found = await self.keys.txn(
            [keys.has_value(key, old)], [{"request_put": keys.put(key, new)}], [{"request_range": keys.get(key)}]
        )
        if not held:
            raise Failed({"current": _found(found)})
        return op.value

    does: ClassVar = {"read": read, "write": write, "cas": cas}


class AppendClient(EtcdClient):
    """A list is a key, its value the whole list. All keys of a transaction are read at one moment; what it appends is
    written if none of them has changed since then."""

    async def txn(self, op: Operation) -> Any:
        names = list(dict.fromkeys(key for _, key, _ in op.value))
        writes = any(f == "append" for f, _, _ in op.value)
        stale = self.serializable and not writes
        found = await self.keys.snapshot([keys.get(f"append/{key}", serializable=stale) for key in names])
        try:
            lists = {key: keys.integers(one[0]) if one else [] for key, one in zip(names, found, strict=True)}
        except Malformed as problem:  # nothing was written yet
            raise Indeterminate({"type": "malformed", "text": str(problem)}) from problem
        done = [_step(lists, *step) for step in op.value]
        if not writes:
            return done
        appended = dict.fromkeys(key for f, key, _ in op.value if f == "append")
        held, _ = await self.keys.txn(
            [keys.is_at(f"append/{key}", _revision(one)) for key, one in zip(names, found, strict=True)],
            [{"request_put": keys.put(f"append/{key}", lists[key])} for key in appended],
            [],
        )
        if not held:
            raise Failed({"type": "conflict", "text": "a key has changed since it was read"})
        return done

    does: ClassVar = {"txn": txn}


class SetClient(EtcdClient):
    """A set is the keys below a prefix."""

    async def add(self, op: Operation) -> Any:
        await self.keys.put(keys.put(f"set/{op.key}/{op.value}", 1))
        return op.value

    async def read(self, op: Operation) -> list[int]:
        prefix = f"set/{op.key}/"
        found = await self.keys.range(keys.under(prefix, serializable=self.serializable))
        return [_element(entry, prefix) for entry in found]

    does: ClassVar = {"add": add, "read": read}


class LockClient(EtcdClient):
    """A lock is a key that is there while the lock is held, with the token of its holder. With `lease_s` it goes by
    itself after that time, holder or not: what users do who fear locks that nobody releases."""

    async def acquire(self, op: Operation) -> Any:
        key = f"lock/{op.key}"
        lease = None if self.lease_s is None else await self.keys.grant(self.lease_s)
        held, found = await self.keys.txn(
            [keys.is_at(key, 0)],
            [{"request_put": keys.put(key, op.value, lease=lease)}],
            [{"request_range": keys.get(key)}],
        )
        if not held:
            raise Failed({"current": _found(found)})
        return op.value

    async def release(self, op: Operation) -> Any:
        key = f"lock/{op.key}"
        held, found = await self.keys.txn(
            [keys.has_value(key, op.value)],
            [{"request_delete_range": keys.get(key)}],
            [{"request_range": keys.get(key)}],
        )
        if not held:
            raise Failed({"current": _found(found)})
        return op.value

    does: ClassVar = {"acquire": acquire, "release": release}


CLIENTS: dict[str, type[EtcdClient]] = {
    "register": RegisterClient,
    "append": AppendClient,
    "set": SetClient,
    "lock": LockClient,
}


def _value(found: list[Entry]) -> int | None:
    return keys.integer(found[0]) if found else None


def _found(ranges: list[list[Entry]]) -> int | None:
    """What the one range of a refused transaction found."""
    if len(ranges) != 1:
        raise Malformed(f"one range, and {len(ranges)} answers")
    return _value(ranges[0])


def _revision(found: list[Entry]) -> int:
    return found[0].revision if found else 0


def _element(entry: Entry, prefix: str) -> int:
    name = entry.key.removeprefix(prefix)
    if name == entry.key or not name.isascii() or not name.isdigit() or len(name) > 18:
        raise Malformed(f"a set holds {entry.key[:60]!r}")
    return int(name)


def _step(lists: dict[Any, list[int]], f: str, key: Any, element: Any) -> list[Any]:
    """One step of a transaction, carried out on what was read."""
    if f == "append":
        lists[key].append(element)
        return [f, key, element]
    return [f, key, list(lists[key])]
