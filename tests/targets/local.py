"""A cluster of real programs on loopback, each node with an address of its own: enough to test clients and targets
where no network has to be cut."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest

from harness.clusters.linux.dialing import dial
from harness.target import CommandService, Daemon, Target

T = TypeVar("T")

START_S_MAX = 20.0

_made = count(1)


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skips where a program is not installed; tools/provide.sh installs them all, and CI leaves nothing out."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing) and not os.environ.get("CI"), reason=f"not installed: {', '.join(missing)}")


class LocalCluster:
    """The part of a cluster that clients and targets see. Daemons die with the test process at the latest."""

    def __init__(self, directory: Path, nodes: Sequence[str] = ("n1", "n2", "n3")) -> None:
        self.nodes = tuple(nodes)
        self.directory = directory
        net = f"127.{os.getpid() % 200 + 20}.{next(_made) % 250}"
        self.addresses = {node: f"{net}.{place}" for place, node in enumerate(nodes, 1)}
        self.processes = self
        self.files = self
        self._service: CommandService | None = None
        self._running: dict[str, list[subprocess.Popen[bytes]]] = {}

    async def create(self, target: Target | Any) -> None:
        self._service = target.service
        await self.start(self.nodes)

    def data(self, node: str) -> Path:
        made = self.directory / node
        made.mkdir(parents=True, exist_ok=True)
        return made

    def daemons(self, node: str) -> Sequence[Daemon]:
        assert self._service is not None, "created"
        return self._service.daemons(node, self.addresses, str(self.data(node)))

    async def start(self, nodes: Sequence[str]) -> Mapping[str, Any]:
        await asyncio.gather(*(self._start(node, self.daemons(node)) for node in nodes))
        return {}

    async def _start(self, node: str, daemons: Sequence[Daemon]) -> None:
        running = self._running.setdefault(node, [])
        for daemon in daemons:
            for path, text in daemon.files.items():
                file = self.data(node) / path
                file.parent.mkdir(parents=True, exist_ok=True)
                if not file.exists():
                    file.write_text(text)
            running.append(self._launch(node, daemon))
            await self._until_open(node, daemon, running[-1])

    def _launch(self, node: str, daemon: Daemon) -> subprocess.Popen[bytes]:
        with (self.directory / f"{node}-{daemon.name}.log").open("ab") as log:
            return subprocess.Popen(
                ("setpriv", "--pdeathsig", "KILL", *daemon.argv),
                env={"PATH": os.environ["PATH"], **daemon.env},
                cwd=self.data(node),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def _until_open(self, node: str, daemon: Daemon, process: subprocess.Popen[bytes]) -> None:
        async with asyncio.timeout(START_S_MAX):
            while process.poll() is None:
                with suppress(ConnectionError):
                    (await self.dial(node, daemon.port)).close()
                    return
                await asyncio.sleep(0.02)
        log = (self.directory / f"{node}-{daemon.name}.log").read_text(errors="replace")
        raise AssertionError(f"{daemon.name} of {node} ended: {log[-2000:]}")

    async def kill(self, nodes: Sequence[str]) -> Mapping[str, Any]:
        for node in nodes:
            for process in self._running.pop(node, []):
                process.kill()
                process.wait(5)
        return {}

    async def pause(self, nodes: Sequence[str], daemon: int | None = None) -> Mapping[str, Any]:
        """Returns once they stand still: a busy machine may let a thread of theirs run on for a while."""
        for process in self._signal(nodes, signal.SIGSTOP, daemon):
            await until(partial(_stands_still, process.pid))
        return {}

    async def resume(self, nodes: Sequence[str]) -> Mapping[str, Any]:
        self._signal(nodes, signal.SIGCONT, None)
        return {}

    def _signal(self, nodes: Sequence[str], number: int, daemon: int | None) -> Sequence[subprocess.Popen[bytes]]:
        hit = [
            process
            for node in nodes
            for process in (self._running[node] if daemon is None else [self._running[node][daemon]])
        ]
        for process in hit:
            process.send_signal(number)
        return hit

    async def get(self, node: str, path: str) -> str:
        return (self.data(node) / path).read_text()

    async def put(self, node: str, path: str, text: str) -> None:
        (self.data(node) / path).write_text(text)

    async def dial(self, node: str, port: int) -> socket.socket:
        return await dial(self.addresses[node], port)


async def _stands_still(pid: int) -> bool:
    """Whether all threads of a process are stopped (proc(5), the state behind the name in parentheses)."""
    stats = [(task / "stat").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return all(stat.rpartition(")")[2].split()[0] in "Tt" for stat in stats)


async def until(check: Callable[[], Awaitable[T]], seconds: float = 20.0) -> T:
    """What `check` returns once that is true. Raises TimeoutError."""
    for _ in range(round(seconds / 0.1)):
        if found := await check():
            return found
        await asyncio.sleep(0.1)
    raise TimeoutError


@asynccontextmanager
async def running(
    target: Target | Any, directory: Path, nodes: Sequence[str] = ("n1", "n2", "n3")
) -> AsyncIterator[LocalCluster]:
    """A cluster of that target, ready, and gone afterwards."""
    cluster = LocalCluster(directory, nodes)
    try:
        await cluster.create(target)
        await target.ready(cluster)
        yield cluster
    finally:
        await cluster.kill(cluster.nodes)
