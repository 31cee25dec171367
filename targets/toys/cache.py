"""A store of caches in front of a primary: near, fast, and never staler than it says.

The first of all servers is the primary, which holds the values and takes all writes. Every other one keeps copies of
what its clients read. A copy is used for a while (`ttl_ms`) without asking anybody; the primary also tells all caches
of each write, so that they drop what it changed (invalidation, Howard et al., "Scale and Performance in a Distributed
File System", TOCS 1988; with a limited life as in Gray and Cheriton, "Leases", SOSP 1989). Invalidation makes copies
fresh as long as messages arrive; the limit holds even when they do not.

When the primary cannot be reached, a cache degrades in steps. It goes on with copies that are too old for their life
but not too old to be shown (`stale_ms`; `stale-if-error` of RFC 5861), and then refuses. It never waits for longer
than `fetch_ms`. So the bound on staleness is what decides for how long a cut costs no answer: who wants both, more of
one for less of the other, turns this one number. Writes need the primary, and fail without it.

- *Age is counted from the moment of asking*, on the clock that is never set: what an answer shows was true then or
  later, however long the answer took.
- *An answer that was overtaken* by an invalidation is not kept: each key has a version, which only the primary counts.
- *Nothing is deleted*, so there are no tombstones. The primary's journal is cut down to the last write of each server
  to each key; a cache holds a copy of each key that its clients ask for.
- *At the primary* a write is durable before anybody can read it. Messages may come twice, and late: a write that comes
  after a later one of the same server to the same key was concurrent with that, and is taken as overwritten by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.node import Body, Host, Node, RpcError
from harness.node.errors import TEMPORARILY_UNAVAILABLE, TIMEOUT
from targets.toys.boots import count_boot
from targets.toys.journal import Journal
from targets.toys.requests import field as field_of
from targets.toys.requests import key_of

Key = str | int

Write = list[Any]
"""`[key, value, version, server, number]`: numbers of a server go up, versions of a key do."""


@dataclass(slots=True)
class Copy:
    """What a cache has of a key: the value and its version, and when it was asked for, in ns."""

    value: Any
    version: int
    asked_ns: int


@dataclass(slots=True)
class Original:
    """What the primary has of a key: `taken` is the latest version given to a write, which is of `coming` and may not
    be durable yet, `last` the last number of each server's writes."""

    value: Any = None
    version: int = 0
    taken: int = 0
    coming: Any = None
    last: dict[str, int] = field(default_factory=dict)


class Cache(Node):
    """One server. `ttl_ms`: how long a copy is used unasked. `stale_ms`: how old one may be that is shown when the
    primary does not answer. `fetch_ms`: how long the primary is waited for."""

    def __init__(self, host: Host, *, ttl_ms: int = 1_000, stale_ms: int = 3_000, fetch_ms: int = 200) -> None:
        super().__init__(host)
        self._ttl_ns, self._stale_ns = ttl_ms * 1_000_000, stale_ms * 1_000_000
        self._fetch_s = fetch_ms / 1000
        self._primary = self.nodes[0]
        self._copies: dict[Key, Copy] = {}
        self._known: dict[Key, int] = {}
        self._number = 0
        # At the primary:
        self._journal = Journal(host.disk, "values.log", self._records)
        self._originals: dict[Key, Original] = {}

    async def start(self) -> None:
        self._number = await count_boot(self.disk) << 32
        for write in self._journal.recover():
            self._note(write)
            self._apply(write)
        await self._journal.sync()

    # Requests ---------------------------------------------------------------------------------------------------------

    async def on_read(self, source: str, body: Body) -> Body:
        key = key_of(body)
        if self.name == self._primary:
            return {"type": "read_ok", "value": self._original(key).value}
        copy = self._copies.get(key)
        if copy is None or self._age(copy) > self._ttl_ns:
            copy = await self._fetch(key)
        return {"type": "read_ok", "value": copy.value}

    async def on_write(self, source: str, body: Body) -> Body:
        key, value = key_of(body), field_of(body, "value")
        self._number += 1
        question = {"type": "put", "key": key, "value": value, "server": self.name, "number": self._number}
        if self.name == self._primary:
            await self.on_put(self.name, question)
        else:
            try:
                answer = await self.rpc(self._primary, question, self._fetch_s)
            except TimeoutError:
                raise RpcError(TIMEOUT, "the primary did not say whether it took the write") from None
            self.on_changed(self._primary, {"key": key, "version": answer["version"]})
        return {"type": "write_ok"}

    def on_status(self, source: str, body: Body) -> Body:
        role = "leader" if self.name == self._primary else "cache"
        return {"type": "status_ok", "role": role, "copies": len(self._copies)}

    # The cache --------------------------------------------------------------------------------------------------------

    async def _fetch(self, key: Key) -> Copy:
        """A copy as new as this question, or else the one that is here, if it may be shown. Raises `RpcError`."""
        asked_ns = self._now()
        try:
            answer = await self.rpc(self._primary, {"type": "get", "key": key}, self._fetch_s)
        except (TimeoutError, RpcError):
            return self._fall_back(key)
        copy = Copy(answer["value"], answer["version"], asked_ns)
        self._keep(key, copy)
        return copy

    def _keep(self, key: Key, copy: Copy) -> None:
        """Keeps a copy unless something newer is known of."""
        if copy.version >= self._known.get(key, 0):
            self._known[key] = copy.version
            self._copies[key] = copy

    def _fall_back(self, key: Key) -> Copy:
        copy = self._copies.get(key)
        if copy is None or self._age(copy) > self._stale_ns:
            raise RpcError(TEMPORARILY_UNAVAILABLE, "the primary does not answer, and no copy here is new enough")
        return copy

    def _age(self, copy: Copy) -> int:
        return self._now() - copy.asked_ns

    def _now(self) -> int:
        return self.clock.monotonic()

    def on_changed(self, source: str, body: Body) -> None:
        """Drops a copy that the primary has changed."""
        key, version = key_of(body), body["version"]
        self._known[key] = max(version, self._known.get(key, 0))
        copy = self._copies.get(key)
        if copy is not None and copy.version < version:
            del self._copies[key]

    # The primary ------------------------------------------------------------------------------------------------------

    def on_get(self, source: str, body: Body) -> Body:
        original = self._original(key_of(body))
        return {"type": "get_ok", "value": original.value, "version": original.version}

    async def on_put(self, source: str, body: Body) -> Body:
        """Takes a write, once, and tells all caches before it answers."""
        key, server, number = key_of(body), body["server"], body["number"]
        original = self._original(key)
        version = original.taken
        if number > original.last.get(server, 0):
            version += 1
            write = [key, body["value"], version, server, number]
            self._note(write)
            self._journal.append(write)
            await self._journal.sync()
            self._apply(write)
            self._invalidate(key, version)
        else:
            await self._journal.sync()
        return {"type": "put_ok", "version": version}

    def _note(self, write: Write) -> None:
        """The write is the latest of its key, and of its server's to that."""
        key, value, version, server, number = write
        original = self._original(key)
        original.coming, original.taken = value, version
        original.last[server] = number

    def _apply(self, write: Write) -> None:
        """The write can be read, unless a later one already is."""
        key, value, version, _, _ = write
        original = self._original(key)
        if version > original.version:
            original.value, original.version = value, version

    def _records(self) -> list[Write]:
        """Of every server its last write to a key, all with the key's latest value and version."""
        return [
            [key, original.coming, original.taken, server, number]
            for key, original in self._originals.items()
            for server, number in original.last.items()
        ]

    def _invalidate(self, key: Key, version: int) -> None:
        for peer in self.peers:
            self.send(peer, {"type": "changed", "key": key, "version": version})

    def _original(self, key: Key) -> Original:
        return self._originals.setdefault(key, Original())
