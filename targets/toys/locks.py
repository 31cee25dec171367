"""Locks on keys, shared by readers and exclusive to a writer: the half of two-phase locking that one server keeps.

An owner asks for its keys one after the other, in one order for all, so of those who wait here for each other somebody
can always go on (Havender, "Avoiding Deadlock in Multitasking Systems", IBM Systems Journal 1968). Who came first is
served first: a writer is not kept waiting by readers who came after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

Key = str | int

_Wait = tuple[str, bool, "asyncio.Future[None]"]


class Locks:
    """A table of locks. Owners are named by texts."""

    def __init__(self) -> None:
        self._held: dict[Key, dict[str, bool]] = {}
        self._waiting: dict[Key, list[_Wait]] = {}

    async def acquire(self, owner: str, wanted: Mapping[Key, bool]) -> bool:
        """Takes all of these keys, True standing for an exclusive lock. Returns False if they were released while the
        owner still waited for one."""
        for key in sorted(wanted, key=repr):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(key, []).append((owner, wanted[key], turn))
            self._pass_on(key)
            await turn
            if owner not in self._held.get(key, ()):
                return False
        return True

    def release(self, owner: str, keys: Iterable[Key]) -> None:
        """Lets go of these keys, or gives up waiting for them; those that follow get their turn."""
        for key in keys:
            self._held.get(key, {}).pop(owner, None)
            waiting = self._waiting.get(key, [])
            self._waiting[key] = [wait for wait in waiting if wait[0] != owner]
            for waiter, _, turn in waiting:
                if waiter == owner:
                    turn.set_result(None)
            self._pass_on(key)

    def _pass_on(self, key: Key) -> None:
        held, waiting = self._held.setdefault(key, {}), self._waiting[key]
        while waiting and (not held or not (waiting[0][1] or any(held.values()))):
            owner, exclusive, turn = waiting.pop(0)
            held[owner] = exclusive
            turn.set_result(None)
        if not waiting:
            del self._waiting[key]
        if not held:
            del self._held[key]
