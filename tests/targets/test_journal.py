"""The stores' journal: what was synced survives, whatever becomes of the rest."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clusters.sim.disk import MountedDisk, SimDisk
from harness.clusters.sim.loop import SimLoop
from targets.toys import journal
from targets.toys.journal import Journal, _line


class MemoryDisk:
    """A disk whose syncs wait until they are let go, so that a test decides what happens meanwhile."""

    def __init__(self, data: bytes | None = None) -> None:
        self.data = data
        self.beside = b""
        self.syncs = 0
        self.failure: OSError | None = None

    def read(self, name: str) -> bytes | None:
        return self.data

    def append(self, name: str, data: bytes) -> None:
        self.data = (self.data or b"") + data

    def write(self, name: str, data: bytes) -> None:
        self.beside = data

    def rename(self, name: str, new: str) -> None:
        self.data = self.beside

    def truncate(self, name: str, size: int) -> None:
        assert self.data is not None
        self.data = self.data[:size]

    async def sync(self, name: str) -> None:
        self.syncs += 1
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure

    def delete(self, name: str) -> None:
        raise NotImplementedError

    def names(self) -> list[str]:
        raise NotImplementedError


def written(records: list[Any]) -> bytes:
    disk = MemoryDisk()

    async def main() -> None:
        journal = Journal(disk, "j")
        for record in records:
            journal.append(record)
        await journal.sync()

    asyncio.run(main())
    return disk.data or b""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(JSON, max_size=6), st.data())
def test_a_torn_tail_is_cut_off_and_all_before_it_kept(records, data) -> None:
    whole = written(records)
    size = data.draw(st.integers(min_value=0, max_value=len(whole)))
    disk = MemoryDisk(whole[:size])
    journal = Journal(disk, "j")
    found = journal.recover()
    assert found == records[: len(found)]
    assert disk.data == written(found), "what is left on disk is what was found"
    assert journal.clean == (size == 0), "neither the cut nor what was found need be durable"


def test_nothing_on_disk_is_an_empty_journal() -> None:
    assert Journal(MemoryDisk(), "j").recover() == []


@given(st.lists(JSON, min_size=1, max_size=4), st.data())
def test_no_flipped_bit_is_passed_over(records, data) -> None:
    damaged = bytearray(written(records))
    bit = data.draw(st.integers(0, len(damaged) * 8 - 1))
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ValueError, match="j is damaged: what was once durable is lost"):
        Journal(MemoryDisk(bytes(damaged)), "j").recover()


def test_what_waits_together_is_synced_together() -> None:
    disk = MemoryDisk()

    async def main() -> None:
        journal = Journal(disk, "j")

        async def add(number: int) -> None:
            journal.append(number)
            await journal.sync()
            assert number in Journal(disk, "j").recover()

        await asyncio.gather(*(add(number) for number in range(50)))
        assert journal.clean

    asyncio.run(main())
    assert disk.syncs <= 2
    assert sorted(Journal(disk, "j").recover()) == list(range(50))


def test_a_failed_sync_ends_the_server() -> None:
    disk = MemoryDisk()

    async def main() -> None:
        journal = Journal(disk, "j")
        journal.append(1)
        disk.failure = OSError("the disk is gone")
        with pytest.raises(SystemExit, match="j cannot be made durable: the disk is gone"):
            await journal.sync()
        disk.failure = None
        with pytest.raises(SystemExit, match="could not be made durable before"):
            await journal.sync()
        assert not journal.clean

    asyncio.run(main())


def test_what_a_full_disk_refused_is_never_taken_for_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = MemoryDisk()

    def full(name: str, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    async def main() -> None:
        journal = Journal(disk, "j")
        journal.append(1)
        monkeypatch.setattr(disk, "append", full)
        with pytest.raises(SystemExit, match="No space left"):
            await journal.sync()
        monkeypatch.undo()
        with pytest.raises(SystemExit):
            await journal.sync()
        assert not journal.clean and disk.data is None

    asyncio.run(main())


class PowerCut(BaseException):
    """The machine is gone between two calls to the disk, or in the middle of a sync."""


class FailingPower(MountedDisk):
    """A simulated disk whose machine loses power at the call of this number, counted from 0."""

    def __init__(self, disk: SimDisk, loop: SimLoop, at: int) -> None:
        super().__init__(disk, loop)
        self.calls = 0
        self._at = at

    def _count(self) -> None:
        self.calls += 1
        if self.calls > self._at:
            raise PowerCut

    def _change(self, name: str, change: Any) -> None:
        self._count()
        super()._change(name, change)

    def rename(self, name: str, new: str) -> None:
        self._count()
        super().rename(name, new)

    def sync(self, name: str) -> Any:
        self._count()
        return super().sync(name)


class InPlace(Journal):
    """Gives up the only copy before there is another."""

    async def _replace(self, state: Any) -> None:
        self._lines.clear()
        self._disk.write(self._name, b"".join(_line(record) for record in state()))
        self._written += 1
        await self._write_out()


class Unsynced(Journal):
    """Renames what may not be on the disk yet."""

    async def _replace(self, state: Any) -> None:
        covered = self._written
        self._lines.clear()
        self._disk.write("new", b"".join(_line(record) for record in state()))
        self._disk.rename("new", self._name)
        await self._disk.sync(self._name)
        self._durable = covered


def left_by_a_cut(journal_class: type[Journal], at: int, seed: int) -> tuple[set[int], list[int] | None]:
    """What was known to be durable when the power failed, and what was there afterwards; None for damage."""
    loop = SimLoop()
    disk = SimDisk(loop, random.Random(seed), sync_ns=(1_000, 1_000_000))
    mounted = FailingPower(disk, loop, at)
    known: set[int] = set()

    async def append(journal: Journal, number: int) -> None:
        journal.append(number)
        await journal.sync()
        known.add(number)

    async def story() -> None:
        journal = journal_class(mounted, "j")
        for number in range(3):
            await append(journal, number)
        # A record that is not written out yet, the new file, and records that come while that is made.
        state = [0, 1, 2, 3]
        journal.append(3)
        others = [asyncio.ensure_future(journal.rewrite(lambda: [-1, *state]))]
        for number in (4, 5):
            await asyncio.sleep(0.0002)
            state.append(number)
            others.append(asyncio.ensure_future(append(journal, number)))
        await asyncio.gather(*others)
        known.add(-1)

    with contextlib.suppress(PowerCut):
        loop.run_until_complete(story())
    disk.cut_power()
    try:
        return known, Journal(MountedDisk(disk, loop), "j").recover()
    except ValueError:
        return known, None


def faults_of(journal_class: type[Journal]) -> list[Any]:
    """Every way in which a power cut leaves neither the old nor the new, over all moments and several fates."""
    outcomes = [left_by_a_cut(journal_class, at, seed) for at in range(16) for seed in range(40)]
    assert {-1} <= outcomes[-1][0], "the last cut comes when all is done"
    return [
        (known, found)
        for known, found in outcomes
        if found is None
        or not known <= set(found)
        or [n for n in found if n >= 0] != list(range(len(found) - (-1 in found)))
    ]


def test_a_power_cut_while_rewriting_leaves_the_old_or_the_new_and_all_that_was_known_durable() -> None:
    assert faults_of(Journal) == []


@pytest.mark.parametrize("broken", [InPlace, Unsynced])
def test_it_is_noticed_when_the_only_copy_is_given_up(broken: type[Journal]) -> None:
    assert faults_of(broken)


def test_a_rewrite_that_fails_ends_the_server_and_leaves_the_old() -> None:
    disk = MemoryDisk(written([1, 2]))

    async def main() -> None:
        journal = Journal(disk, "j")
        journal.recover()
        disk.failure = OSError("the disk is gone")
        with pytest.raises(SystemExit, match="j cannot be made durable: the disk is gone"):
            await journal.rewrite(lambda: [3])
        disk.failure = None
        with pytest.raises(SystemExit, match="could not be made durable before"):
            await journal.rewrite(lambda: [3])

    asyncio.run(main())
    assert Journal(disk, "j").recover() == [1, 2]


def test_rewriting_replaces_everything() -> None:
    disk = MemoryDisk(written([1, 2, 3]))

    async def main() -> None:
        journal = Journal(disk, "j")
        journal.recover()
        await journal.rewrite(lambda: [3])
        assert journal.clean
        journal.append(4)
        await journal.sync()

    asyncio.run(main())
    assert Journal(disk, "j").recover() == [3, 4]


def kept_by_compacting(at: int, seed: int, largest: list[int]) -> tuple[dict[str, int], dict[str, int]]:
    """Counts known to be durable when the power failed, and those that were there afterwards."""
    loop = SimLoop()
    disk = SimDisk(loop, random.Random(seed), sync_ns=(1_000, 1_000_000))
    counts: dict[str, int] = {}
    known: dict[str, int] = {}
    kept = Journal(FailingPower(disk, loop, at), "j", lambda: map(list, counts.items()))

    async def raise_count(key: str) -> None:
        counts[key] = number = counts.get(key, 0) + 1
        kept.append([key, number])
        await kept.sync()
        known[key] = max(known.get(key, 0), number)
        largest.append(len(disk.read("j") or b""))

    async def story() -> None:
        for number in range(40):
            await asyncio.gather(*(raise_count(key) for key in "abc"[: 1 + number % 3]))

    with contextlib.suppress(PowerCut):
        loop.run_until_complete(story())
    disk.cut_power()
    return known, dict(Journal(MountedDisk(disk, loop), "j").recover())


def test_a_journal_that_knows_its_state_stays_small_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "COMPACT_BYTES_MIN", 200)
    largest: list[int] = []
    for at in range(100):
        for seed in range(3):
            known, found = kept_by_compacting(at, seed, largest)
            assert all(found[key] >= number for key, number in known.items())
    assert 150 < max(largest) <= 200


def test_a_journal_that_was_left_large_is_cut_down_at_the_next_start() -> None:
    disk = MemoryDisk(written([["x", number] for number in range(2000)]))
    latest: dict[str, int] = {}

    async def main() -> None:
        found = Journal(disk, "j", lambda: map(list, latest.items()))
        latest.update(found.recover())
        await found.sync()

    asyncio.run(main())
    assert Journal(disk, "j").recover() == [["x", 1999]]
