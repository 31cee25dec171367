"""Files of nodes: what a target reads and writes below a data directory while it runs, such as a configuration that a
member needs who comes back.

What a node's programs left in the way is not followed: each step of a path is opened from the one before it, as a
directory and not as a link, so no path leads out of the data directory.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import PurePosixPath

from harness.clusters.linux.node import ServiceNode
from harness.clusters.linux.programs import check_path
from harness.clusters.linux.work import to_its_end
from harness.errors import NodeError, UsageError

SIZE_MAX = 1 << 20

_INTO = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class DataFiles:
    """`harness.clusters.base.Files`, of nodes whose data directories this machine sees."""

    def __init__(self, nodes: Mapping[str, ServiceNode]) -> None:
        self._nodes = nodes

    async def get(self, node: str, path: str) -> str:
        """See `harness.clusters.base.Files`."""
        return await to_its_end(partial(_get, self._node(node), path))

    async def put(self, node: str, path: str, text: str) -> None:
        """See `harness.clusters.base.Files`."""
        await to_its_end(partial(_put, self._node(node), path, text))

    def _node(self, name: str) -> ServiceNode:
        if name not in self._nodes:
            raise UsageError(f"there is no node {name!r}; nodes are {', '.join(self._nodes)}")
        return self._nodes[name]


def _get(node: ServiceNode, path: str) -> str:
    with _folder(node, path) as (folder, name):
        with os.fdopen(os.open(name, _READ, dir_fd=folder), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise NodeError(f"{node.name}: {path} is no plain file")
            content = file.read(SIZE_MAX + 1)
        if len(content) > SIZE_MAX:
            raise NodeError(f"{node.name}: {path} has more than {SIZE_MAX >> 20} MiB")
        return content.decode("utf-8", "replace")


def _put(node: ServiceNode, path: str, text: str) -> None:
    with _folder(node, path) as (folder, name):
        beside = f".{name}.new"
        with suppress(FileNotFoundError):
            os.unlink(beside, dir_fd=folder)
        with os.fdopen(os.open(beside, _WRITE, 0o644, dir_fd=folder), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)


@contextmanager
def _folder(node: ServiceNode, path: str) -> Iterator[tuple[int, str]]:
    """The directory that a path ends in, open, and the last name. Raises `NodeError` for what the node makes of it."""
    check_path(path)
    *steps, name = PurePosixPath(path).parts
    folder = -1
    try:
        folder = os.open(node.data, _INTO)
        for step in steps:
            parent, folder = folder, os.open(step, _INTO, dir_fd=folder)
            os.close(parent)
        yield folder, name
    except OSError as problem:
        raise NodeError(f"{node.name}: {path}: {problem.strerror}") from problem
    finally:
        if folder >= 0:
            os.close(folder)
