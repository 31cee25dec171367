"""Locks: who may hold a key together, and who gets it next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from targets.toys.locks import Locks

KEYS = (1, "1", "x")


def play(scene: Callable[[Locks], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scene(Locks()))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_readers_share_and_a_writer_waits_for_them_and_is_not_overtaken() -> None:
    async def scene(locks: Locks) -> None:
        assert await locks.acquire("r1", {"x": False})
        assert await locks.acquire("r2", {"x": False})
        writer = asyncio.ensure_future(locks.acquire("w", {"x": True}))
        await settle()
        late = asyncio.ensure_future(locks.acquire("r3", {"x": False}))
        locks.release("r1", ["x"])
        await settle()
        assert not writer.done() and not late.done()
        locks.release("r2", ["x"])
        assert await writer
        assert not late.done()
        locks.release("w", ["x"])
        assert await late

    play(scene)


def test_one_that_gives_up_waiting_is_told_and_holds_nothing() -> None:
    async def scene(locks: Locks) -> None:
        assert await locks.acquire("w", {"x": True})
        waiting = asyncio.ensure_future(locks.acquire("v", {"a": True, "x": True, "z": True}))
        await settle()
        locks.release("v", ["a", "x", "z"])
        assert not await waiting
        assert await locks.acquire("u", {"a": True, "z": True})
        locks.release("w", ["x"])
        assert await locks.acquire("t", {"x": True})

    play(scene)


def test_a_lock_granted_and_released_before_its_owner_woke_up_is_not_kept() -> None:
    async def scene(locks: Locks) -> None:
        assert await locks.acquire("w", {"x": True})
        waiting = asyncio.ensure_future(locks.acquire("v", {"x": True, "y": True}))
        await settle()
        locks.release("w", ["x"])
        locks.release("v", ["x", "y"])
        assert not await waiting
        assert await locks.acquire("u", {"x": True, "y": True})

    play(scene)


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), st.booleans(), min_size=1), max_size=12))
def test_all_get_their_turn_and_no_two_conflict(wanted: list[dict[str | int, bool]]) -> None:
    async def scene(locks: Locks) -> None:
        holding: dict[str, dict[str | int, bool]] = {}

        async def one(owner: str, keys: dict[str | int, bool]) -> None:
            assert await locks.acquire(owner, keys)
            for other in holding.values():
                assert not any(keys[key] or other[key] for key in keys.keys() & other.keys())
            holding[owner] = keys
            await settle()
            del holding[owner]
            locks.release(owner, keys)

        async with asyncio.timeout(5):
            await asyncio.gather(*(one(str(place), keys) for place, keys in enumerate(wanted)))

    play(scene)
