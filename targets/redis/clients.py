"""The clients of each workload: they follow the sentinel of the node they are bound to, as users' clients do.

A client asks that sentinel for the primary, connects there, and sees for itself that it is one; it asks again every
second, and after any error that says the server is not the one to ask. An operation is one command, one script or one
MULTI/EXEC, sent once. All reads are of the primary.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

from harness.client import Failed
from harness.clusters.base import Cluster
from harness.operation import Operation
from targets.redis.errors import STALE, failure
from targets.redis.resp import Line, Reply, Word
from targets.redis.sentinel import open_primary, primary_of
from targets.unanswered import Broken, Malformed, Refusal, Unanswered

FOLLOW_S = 1.0
"""How old the sentinel's word may be."""

FOLLOW_S_MAX = 2.0
"""How long a client looks for the primary before it gives up."""

DIGITS_MAX = 19

CAS = """
local found = redis.call('GET', KEYS[1])
if found == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]); return 1 end
return {found}
"""
"""1 where the value was as expected, else the value found (or nil) in a list."""

RELEASE = """
local found = redis.call('GET', KEYS[1])
if found == ARGV[1] then redis.call('DEL', KEYS[1]); return 1 end
return {found}
"""


class RedisClient:
    """What all have in common: a connection to the primary, and the functions the workload may ask for.

    `lock_ms` is how long a lock is held at most.
    """

    does: ClassVar[dict[str, Callable[[Any, Operation], Awaitable[Any]]]]

    def __init__(self, cluster: Cluster, node: str, *, lock_ms: int = 10_000) -> None:
        self.lock_ms = lock_ms
        self._cluster = cluster
        self._node = node
        self._line: Line | None = None
        self._primary = ""
        self._asked_at = 0.0

    async def open(self) -> None:
        """Finds the primary and connects. Raises `NotSent` or another `Unanswered`."""
        await self._follow()

    async def invoke(self, op: Operation) -> Operation:
        """One operation of the workload. Raises `Failed` or `Indeterminate`."""
        function = self.does.get(op.f)
        if function is None:
            raise Failed({"type": "unknown", "text": f"there is no operation {op.f!r} here"})
        try:
            async with asyncio.timeout(FOLLOW_S_MAX):
                await self._follow()
        except (Unanswered, TimeoutError) as problem:  # nothing that changes anything was asked yet
            told = str(problem) or f"no primary was found within {FOLLOW_S_MAX:g} s"
            raise Failed({"type": "not-sent", "text": told}) from problem
        try:
            return op.ok(await function(self, op))
        except Unanswered as problem:
            if isinstance(problem, Broken | Malformed) or (isinstance(problem, Refusal) and problem.code in STALE):
                self._drop()
            raise failure(problem, harmless=_only_reads(op)) from problem

    async def close(self) -> None:
        """Lets go of the connection."""
        self._drop()

    async def call(self, *command: Word) -> Reply:
        """One command to the primary. Raises `Unanswered`."""
        assert self._line is not None, "followed"
        return await self._line.call(*command)

    async def calls(self, commands: Sequence[Sequence[Word]]) -> list[Reply]:
        """Several at once. Raises `Unanswered`."""
        assert self._line is not None, "followed"
        return await self._line.calls(commands)

    async def _follow(self) -> None:
        """Sees to it that the connection is to whom the sentinel calls the primary."""
        now = asyncio.get_running_loop().time()
        if self._line is not None and self._line.ended:
            self._drop()
        if self._line is not None and now - self._asked_at < FOLLOW_S:
            return
        try:
            primary = await primary_of(self._cluster, self._node)
            if self._line is None or primary != self._primary:
                self._drop()
                self._line = await open_primary(self._cluster, primary)
                self._primary = primary
            self._asked_at = now
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()


class RegisterClient(RedisClient):
    """A register is a string; a compare-and-set is a script."""

    async def read(self, op: Operation) -> int | None:
        return _integer(await self.call("GET", f"register/{op.key}"))

    async def write(self, op: Operation) -> Any:
        _is_ok(await self.call("SET", f"register/{op.key}", op.value))
        return op.value

    async def cas(self, op: Operation) -> Any:
        old, new = op.value
        return _swapped(await self.call("EVAL", CAS, 1, f"register/{op.key}", old, new), op.value)

    does: ClassVar = {"read": read, "write": write, "cas": cas}


class AppendClient(RedisClient):
    """A list is a list; a transaction is MULTI, its steps and EXEC, sent at once."""

    async def txn(self, op: Operation) -> Any:
        steps: list[Sequence[Word]] = [
            ("RPUSH", f"append/{key}", element) if f == "append" else ("LRANGE", f"append/{key}", 0, -1)
            for f, key, element in op.value
        ]
        *_, done = await self.calls([("MULTI",), *steps, ("EXEC",)])
        if isinstance(done, Refusal):
            raise done
        if not isinstance(done, list) or len(done) != len(steps):
            raise Malformed("not the answer to EXEC")
        return [_step(reply, *step) for reply, step in zip(done, op.value, strict=True)]

    does: ClassVar = {"txn": txn}


class SetClient(RedisClient):
    """A set is a set."""

    async def add(self, op: Operation) -> Any:
        if await self.call("SADD", f"set/{op.key}", op.value) != 1:
            raise Malformed("not the answer to SADD of a new element")
        return op.value

    async def read(self, op: Operation) -> list[int]:
        return _integers(await self.call("SMEMBERS", f"set/{op.key}"))

    does: ClassVar = {"add": add, "read": read}


class LockClient(RedisClient):
    """A lock is a key with its holder's token, which expires: `SET NX PX`, and a script that deletes one's own. It is
    what Redis's manual shows first, and known to be unsafe when a primary fails."""

    async def acquire(self, op: Operation) -> Any:
        found = await self.call("SET", f"lock/{op.key}", op.value, "NX", "GET", "PX", self.lock_ms)
        if found is not None:
            raise Failed({"current": _integer(found)})
        return op.value

    async def release(self, op: Operation) -> Any:
        return _swapped(await self.call("EVAL", RELEASE, 1, f"lock/{op.key}", op.value), op.value)

    does: ClassVar = {"acquire": acquire, "release": release}


CLIENTS: dict[str, type[RedisClient]] = {
    "register": RegisterClient,
    "append": AppendClient,
    "set": SetClient,
    "lock": LockClient,
}


def _only_reads(op: Operation) -> bool:
    return op.f == "read" or (op.f == "txn" and all(f == "r" for f, _, _ in op.value))


def _is_ok(reply: Reply) -> None:
    if reply != "OK":
        raise Malformed("not the answer to SET")


def _swapped(reply: Reply, value: Any) -> Any:
    """The value where a script says that it did its work. Raises `Failed` with what it found, or `Malformed`."""
    if reply == 1:
        return value
    if isinstance(reply, list) and len(reply) <= 1:  # a nil in a table ends it
        raise Failed({"current": _integer(reply[0]) if reply else None})
    raise Malformed("not the answer of the script")


def _integer(reply: Reply) -> int | None:
    if reply is None:
        return None
    if not isinstance(reply, bytes) or not reply.isdigit() or len(reply) > DIGITS_MAX:
        raise Malformed("not a whole number")
    return int(reply)


def _integers(reply: Reply) -> list[int]:
    if not isinstance(reply, list):
        raise Malformed("not a list")
    found = [_integer(one) for one in reply]
    whole = [one for one in found if one is not None]
    if len(whole) != len(found):
        raise Malformed("not a list of whole numbers")
    return whole


def _step(reply: Reply, f: str, key: Any, element: Any) -> list[Any]:
    if isinstance(reply, Refusal):
        raise Malformed(f"a step that failed inside of EXEC: {reply}")
    if f != "append":
        return [f, key, _integers(reply)]
    if not isinstance(reply, int):
        raise Malformed("not the answer to RPUSH")
    return [f, key, element]
