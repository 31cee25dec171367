"""The simulated disk against a model: what a power cut may leave, and what it must."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clusters.base import Impairment
from harness.clusters.sim.disk import MountedDisk, SimDisk
from harness.clusters.sim.loop import SimLoop

MS = 1_000_000


class Bench:
    def __init__(self, seed: int = 1) -> None:
        self.loop = SimLoop()
        self.disk = SimDisk(self.loop, random.Random(seed), sync_ns=(MS // 10, MS))
        self.mounted = MountedDisk(self.disk, self.loop)

    def run(self, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.loop.run_until_complete(story())


def test_a_process_sees_its_own_writes_at_once() -> None:
    disk = Bench().mounted
    assert disk.read("log") is None
    disk.append("log", b"one")
    disk.append("log", b"two")
    assert disk.read("log") == b"onetwo"
    disk.truncate("log", 4)
    assert disk.read("log") == b"onet"
    disk.write("log", b"new")
    disk.write("other", b"")
    assert (disk.read("log"), disk.names()) == (b"new", ["log", "other"])
    disk.delete("log")
    disk.delete("absent")
    assert (disk.read("log"), disk.names()) == (None, ["other"])


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "../up", "a b", "a\n", "ü"])
def test_names_that_a_real_disk_refuses_are_refused(name: str) -> None:
    with pytest.raises(OSError, match="a file's name"):
        Bench().mounted.write(name, b"")
    with pytest.raises(OSError, match="a file's name"):
        Bench().mounted.read(name)


def test_truncating_nothing_is_an_error_as_on_a_real_disk() -> None:
    with pytest.raises(FileNotFoundError):
        Bench().mounted.truncate("absent", 0)


def test_a_sync_takes_time_and_covers_what_came_before_it() -> None:
    bench = Bench()
    disk = bench.mounted

    async def story() -> None:
        disk.append("log", b"before")
        sync = disk.sync("log")
        disk.append("log", b" after")
        await sync
        assert MS // 10 <= bench.loop.now_ns <= MS
        disk.unmount()
        bench.disk.cut_power()
        assert (bench.disk.read("log") or b"").startswith(b"before")

    bench.run(story)


def test_a_sync_that_was_under_way_promises_nothing_and_never_ends() -> None:
    survivors = set()
    for seed in range(50):
        bench = Bench(seed)

        async def story(bench: Bench = bench) -> None:
            bench.mounted.append("log", b"x")
            sync = bench.mounted.sync("log")
            bench.mounted.unmount()
            bench.disk.cut_power()
            await asyncio.sleep(1)
            assert not sync.done()
            survivors.add(bench.disk.read("log"))

        bench.run(story)
    assert survivors == {None, b"x"}


def test_luck_is_seeded_and_unsynced_data_is_usually_lost_in_part() -> None:
    def outcome(seed: int) -> tuple[dict[str, int], bytes | None]:
        bench = Bench(seed)
        for _ in range(10):
            bench.mounted.append("log", b"0123456789")
        return bench.disk.cut_power(), bench.disk.read("log")

    outcomes = [outcome(seed) for seed in range(200)]
    assert outcomes == [outcome(seed) for seed in range(200)]
    whole, torn = [c["lost_writes"] == 10 for c, _ in outcomes], [c["torn_writes"] == 1 for c, _ in outcomes]
    assert 60 < sum(whole) < 140
    assert sum(torn) > 20
    for counts, content in outcomes:
        kept = 10 - counts["lost_writes"]
        size = len(content or b"")
        assert kept * 10 <= size <= kept * 10 + 10
        assert (size > kept * 10 and size < kept * 10 + 10) == (counts["torn_writes"] == 1)
        assert (content or b"") == (b"0123456789" * 10)[:size]


def test_a_dead_process_neither_reads_nor_writes() -> None:
    bench = Bench()
    disk = bench.mounted
    disk.write("file", b"x")
    disk.unmount()
    disk.write("file", b"y")
    disk.append("new", b"z")
    assert bench.disk.read("file") == b"x"
    assert bench.disk.names() == ["file"]
    assert (disk.read("file"), disk.names()) == (None, [])
    assert not disk.sync("file").done()


def test_a_sync_that_failed_loses_its_data_though_the_next_one_succeeds() -> None:
    bench = Bench()
    disk = bench.mounted

    async def story() -> None:
        disk.append("log", b"kept ")
        await disk.sync("log")
        disk.append("log", b"lost ")
        bench.disk.impair(Impairment("error", error="EIO"))
        with pytest.raises(OSError, match="Input/output error"):
            await disk.sync("log")
        bench.disk.impair(None)
        disk.append("log", b"new")
        await disk.sync("log")
        assert disk.read("log") == b"kept lost new", "the cache does not know"
        bench.disk.cut_power()
        assert bench.disk.read("log") == b"kept \0\0\0\0\0new"

    bench.run(story)


def test_a_hanging_disk_takes_writes_and_finishes_no_sync_until_it_goes_on() -> None:
    bench = Bench()
    disk = bench.mounted

    async def story() -> None:
        bench.disk.impair(Impairment("hang"))
        disk.append("log", b"x")
        sync = disk.sync("log")
        await asyncio.sleep(60)
        assert not sync.done() and disk.read("log") == b"x"
        bench.disk.impair(None)
        await sync
        bench.disk.cut_power()
        assert bench.disk.read("log") == b"x"

    bench.run(story)


def test_a_full_disk_can_be_read_and_emptied_and_a_read_only_one_only_read() -> None:
    bench = Bench()
    disk = bench.mounted
    disk.append("log", b"xyz")
    bench.disk.impair(Impairment("full"))
    for write in (disk.append, disk.write):
        with pytest.raises(OSError, match="No space left"):
            write("log", b"more")
    disk.truncate("log", 1)
    bench.disk.impair(Impairment("read-only"))
    for change in (
        lambda: disk.append("log", b"more"),
        lambda: disk.truncate("log", 0),
        lambda: disk.delete("log"),
        lambda: disk.rename("log", "new"),
    ):
        with pytest.raises(OSError, match="Read-only file system"):
            change()
    assert disk.read("log") == b"x"


def test_a_rename_moves_a_file_as_the_process_sees_it() -> None:
    disk = Bench().mounted
    disk.append("new", b"new")
    disk.append("old", b"old")
    disk.rename("new", "old")
    assert (disk.names(), disk.read("old"), disk.read("new")) == (["old"], b"new", None)
    disk.rename("old", "old")
    assert disk.read("old") == b"new"
    with pytest.raises(FileNotFoundError):
        disk.rename("new", "old")


@pytest.mark.parametrize(
    ("synced_before", "synced_after", "possible"),
    [
        (True, None, {(b"new", None), (b"old", b"new")}),
        (True, "old", {(b"new", None)}),
        (True, "new", {(b"new", None)}),
        # The name may last longer than the content that was to have it: the whole, a part, or nothing.
        (False, None, {(b"old", None), (None, None)} | {(p, None) for p in (b"", b"n", b"ne", b"new")}),
        (False, "old", {(b"new", None)}),
    ],
)
def test_a_power_cut_takes_back_or_keeps_a_rename_that_no_sync_has_covered(
    synced_before: bool, synced_after: str | None, possible: set[tuple[bytes | None, bytes | None]]
) -> None:
    found = set()
    for seed in range(100):
        bench = Bench(seed)

        async def story(bench: Bench = bench) -> None:
            disk = bench.mounted
            disk.append("old", b"old")
            await disk.sync("old")
            disk.write("new", b"new")
            if synced_before:
                await disk.sync("new")
            disk.rename("new", "old")
            if synced_after:
                await disk.sync(synced_after)
            bench.disk.cut_power()
            found.add((bench.disk.read("old"), bench.disk.read("new")))

        bench.run(story)
    if not synced_before and synced_after is None:
        assert (
            {(b"old", None), (None, None), (b"new", None)}
            <= found
            <= possible | {(b"old", part) for part in (b"", b"n", b"ne", b"new")}
        )
    else:
        assert found == possible


def test_renames_survive_in_their_order() -> None:
    found = set()
    for seed in range(100):
        bench = Bench(seed)

        async def story(bench: Bench = bench) -> None:
            disk = bench.mounted
            for name in ("a", "b"):
                disk.append(name, name.encode())
                await disk.sync(name)
            disk.rename("a", "c")
            disk.rename("b", "a")
            disk.rename("c", "b")
            bench.disk.cut_power()
            found.add(tuple(bench.disk.read(name) for name in "abc"))

        bench.run(story)
    assert found == {(b"a", b"b", None), (None, b"b", b"a"), (b"b", None, b"a"), (b"b", b"a", None)}


operations = st.one_of(
    st.tuples(st.just("append"), st.binary(max_size=4)),
    st.tuples(st.just("write"), st.binary(max_size=4)),
    st.tuples(st.just("truncate"), st.integers(0, 6)),
    st.tuples(st.just("delete"), st.just(0)),
    st.tuples(st.just("sync"), st.just(0)),
)


@given(st.lists(operations, max_size=20), st.integers(0, 2**32))
def test_after_a_power_cut_the_file_is_in_a_state_it_had_since_the_last_sync(
    steps: list[tuple[str, Any]], seed: int
) -> None:
    bench = Bench(seed)
    disk = bench.mounted
    content: bytes | None = None
    possible: list[bytes | None] = [None]

    async def story() -> None:
        nonlocal content, possible
        for kind, argument in steps:
            if kind == "sync":
                await disk.sync("file")
                possible = [content]
                continue
            if kind == "truncate":
                if content is None:
                    continue
                disk.truncate("file", argument)
                content = content[:argument]
            elif kind == "append":
                disk.append("file", argument)
                grown = (content or b"") + argument
                possible += [grown[:size] for size in range(len(content or b"") + 1, len(grown))]
                content = grown
            elif kind == "write":
                disk.write("file", argument)
                possible += [argument[:size] for size in range(len(argument))]
                content = argument
            else:
                disk.delete("file")
                content = None
            possible.append(content)
        assert disk.read("file") == content
        disk.unmount()
        bench.disk.cut_power()
        assert bench.disk.read("file") in possible
        after = MountedDisk(bench.disk, bench.loop)
        after.append("file", b"!")
        await after.sync("file")
        left = after.read("file")
        bench.disk.cut_power()
        assert bench.disk.read("file") == left

    bench.run(story)
