"""Files of nodes: read, replaced whole, and never outside of the data directory, whatever the node left there."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.clusters.linux.files import SIZE_MAX, DataFiles
from harness.errors import NodeError, UsageError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    made = tmp_path / "data"
    (made / "conf").mkdir(parents=True)
    return made


def files(data: Path) -> DataFiles:
    node: Any = SimpleNamespace(name="n1", data=data)
    return DataFiles({"n1": node})


def test_what_was_put_is_read_again_whole(data: Path) -> None:
    asyncio.run(files(data).put("n1", "conf/a.conf", "a long text ü\n"))
    asyncio.run(files(data).put("n1", "conf/a.conf", "short\n"))
    assert asyncio.run(files(data).get("n1", "conf/a.conf")) == "short\n"
    assert sorted(path.name for path in (data / "conf").iterdir()) == ["a.conf"]


def test_a_link_is_replaced_and_not_written_through(data: Path) -> None:
    secret = data.parent / "outside" / "secret"
    (data / "a.conf").symlink_to(secret)
    (data / ".a.conf.new").symlink_to(secret)
    asyncio.run(files(data).put("n1", "a.conf", "mine"))
    assert secret.read_text() == "secret"
    assert (data / "a.conf").read_text() == "mine"


def test_no_link_is_read_or_passed_through(data: Path) -> None:
    (data / "file").symlink_to(data.parent / "outside" / "secret")
    (data / "folder").symlink_to(data.parent / "outside")
    os.mkfifo(data / "pipe")
    (data / "large").write_bytes(bytes(SIZE_MAX + 1))
    for path in ("file", "folder/secret", "pipe", "large", "conf", "missing", "missing/file"):
        with pytest.raises(NodeError, match=f"n1: {path}"):
            asyncio.run(files(data).get("n1", path))
    with pytest.raises(NodeError, match="n1: folder/new"):
        asyncio.run(files(data).put("n1", "folder/new", "x"))
    assert sorted(path.name for path in (data.parent / "outside").iterdir()) == ["secret"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside/secret", "conf/../../outside/secret", "", "a\0b"])
def test_a_path_lies_below_the_data_directory(data: Path, path: str) -> None:
    with pytest.raises(UsageError, match="no path below a node's data directory"):
        asyncio.run(files(data).get("n1", path))


def test_an_unknown_node_is_refused(data: Path) -> None:
    with pytest.raises(UsageError, match="there is no node 'n9'"):
        asyncio.run(files(data).get("n9", "a.conf"))
