"""The stores' journal: what was synced survives, whatever becomes of the rest."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targets.toys.journal import Journal


class MemoryDisk:
    """A disk whose syncs wait until they are let go, so that a test decides what happens meanwhile."""

    def __init__(self, data: bytes | None = None) -> None:
        self.data = data
        self.syncs = 0
        self.failure: OSError | None = None

    def read(self, name: str) -> bytes | None:
        return self.data

    def append(self, name: str, data: bytes) -> None:
        self.data = (self.data or b"") + data

    def write(self, name: str, data: bytes) -> None:
        self.data = data

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


def test_rewriting_replaces_everything() -> None:
    disk = MemoryDisk(written([1, 2, 3]))

    async def main() -> None:
        journal = Journal(disk, "j")
        journal.recover()
        await journal.rewrite([3])
        assert journal.clean

    asyncio.run(main())
    assert Journal(disk, "j").recover() == [3]
