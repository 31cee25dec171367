"""A folder as a disk: the same answers as the simulated one, and the right calls to the kernel."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.clusters.sim.disk import MountedDisk, SimDisk
from harness.clusters.sim.loop import SimLoop
from harness.node.disk import FolderDisk

names = st.sampled_from(["a", "b", "snapshot-1.json"])
steps = st.one_of(
    st.tuples(st.just("write"), names, st.binary(max_size=5)),
    st.tuples(st.just("append"), names, st.binary(max_size=5)),
    st.tuples(st.just("truncate"), names, st.integers(0, 8)),
    st.tuples(st.just("delete"), names),
    st.tuples(st.just("rename"), names, names),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(steps, max_size=15))
def test_it_behaves_as_the_simulated_disk_does(sequence: list[tuple[Any, ...]]) -> None:
    loop = SimLoop()
    simulated = MountedDisk(SimDisk(loop, random.Random(1), sync_ns=(1, 2)), loop)
    with tempfile.TemporaryDirectory() as folder:
        real = FolderDisk(Path(folder) / "new" / "disk")
        for operation, *arguments in sequence:
            assert _outcome(real, operation, arguments) == _outcome(simulated, operation, arguments)
            assert real.names() == simulated.names()
            assert [real.read(name) for name in real.names()] == [simulated.read(name) for name in real.names()]
        real.close()
        again = FolderDisk(Path(folder) / "new" / "disk")
        assert [again.read(name) for name in again.names()] == [simulated.read(name) for name in simulated.names()]
        again.close()


def _outcome(disk: Any, operation: str, arguments: list[Any]) -> type[BaseException] | None:
    try:
        getattr(disk, operation)(*arguments)
    except OSError as error:
        return type(error)
    return None


def test_sync_reaches_the_file_and_the_folder_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    disk = FolderDisk(tmp_path)
    disk.write("file", b"x")
    asyncio.run(disk.sync("file"))
    assert synced == [str(tmp_path / "file"), str(tmp_path)]
    disk.delete("file")
    asyncio.run(disk.sync("file"))
    assert synced[2:] == [str(tmp_path)]
    disk.close()


def test_a_failing_sync_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    disk = FolderDisk(tmp_path)
    disk.append("file", b"x")
    with pytest.raises(OSError, match="Input/output error"):
        asyncio.run(disk.sync("file"))
    disk.close()


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "../up", "a b", "/etc/passwd"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    disk = FolderDisk(tmp_path / "disk")
    for operation in (
        lambda: disk.write(name, b""),
        lambda: disk.read(name),
        lambda: disk.delete(name),
        lambda: disk.rename("a", name),
    ):
        with pytest.raises(OSError, match="a file's name"):
            operation()
    disk.close()
