"""The clusters of the matrix: one of each kind, of three probing nodes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import Any

import ssh_rig

from harness.clusters.base import CAPABILITIES, Cluster
from harness.clusters.docker import DockerCluster
from harness.clusters.process import ProcessCluster
from harness.clusters.sim import SimCluster
from harness.clusters.ssh.cluster import SshCluster
from harness.streams import Streams
from harness.target import NodeService

NODES = ("n1", "n2", "n3")
SCENE_S = 120.0

Scene = Callable[[Cluster], Awaitable[None]]


class Target:
    """As much of a target as a cluster looks at."""

    name = "probing"

    def __init__(self, *, simulated: bool) -> None:
        self.service = NodeService("probing:Probing", packages=("probing",), options={"simulated": simulated})


class Stage:
    """Where faults are played on one kind of cluster."""

    def __init__(self, kind: type[Any]) -> None:
        self.name: str = kind.name
        self.powers: Mapping[str, str | None] = kind.probe()
        self._kind = kind

    def play(self, scene: Scene) -> None:
        """Plays a scene on a cluster that is whole. Raises what it raises."""
        raise NotImplementedError

    def close(self) -> None:
        """Takes down what is up."""

    def make(self) -> Any:
        return self._kind(nodes=NODES, streams=Streams(7), run_id="matrix")

    @property
    def needs(self) -> frozenset[str]:
        return frozenset(power for power in CAPABILITIES if self.powers[power] is None)


class Simulated(Stage):
    """A cluster of its own for each scene: it costs nothing, and virtual time cannot wait for anybody outside."""

    def play(self, scene: Scene) -> None:
        made = self.make()

        async def main() -> None:
            await made.create(Target(simulated=True), self.needs)
            await scene(made)
            await made.destroy()

        made.run(main)


class Real(Stage):
    """One cluster for all scenes, whose loop runs in a thread of its own."""

    def __init__(self, kind: type[Any]) -> None:
        super().__init__(kind)
        self._up: Future[tuple[Cluster, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread: threading.Thread | None = None

    def play(self, scene: Scene) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run)
            self._thread.start()
        cluster, loop, _ = self._up.result(SCENE_S)

        async def scene_in_time() -> None:
            async with asyncio.timeout(SCENE_S):
                await scene(cluster)

        asyncio.run_coroutine_threadsafe(scene_in_time(), loop).result()

    def close(self) -> None:
        if self._thread is not None:
            if not self._up.exception():
                _, loop, over = self._up.result()
                loop.call_soon_threadsafe(over.set)
            self._thread.join()

    def _run(self) -> None:
        try:
            made = self.make()
            made.run(lambda: self._live(made))
        except BaseException as problem:
            if self._up.done():
                raise
            self._up.set_exception(problem)

    async def _live(self, made: Any) -> None:
        over = asyncio.Event()
        try:
            await made.create(Target(simulated=False), self.needs)
            self._up.set_result((made, asyncio.get_running_loop(), over))
            await over.wait()
        finally:
            await made.destroy()


class OverSsh(Real):
    """Machines of its own beside: what they can do is asked of them."""

    def __init__(self) -> None:
        super().__init__(SshCluster)
        self._machines = ExitStack()
        self._options = self._machines.enter_context(options("ssh", len(NODES)))
        answers = SshCluster.probe_hosts(self._options).values()
        self.powers = {power: next(filter(None, (one[power] for one in answers)), None) for power in self.powers}

    def make(self) -> Any:
        return SshCluster(NODES, streams=Streams(7), run_id="matrix", **self._options)

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._machines.close()


@contextmanager
def options(name: str, nodes: int) -> Iterator[dict[str, Any]]:
    """What a kind of cluster needs to be told; machines to log in to are made for it."""
    if name != "ssh":
        yield {}
        return
    with ssh_rig.rig(nodes) as made:
        yield made.options()


STAGES: Mapping[str, Callable[[], Stage]] = {
    "sim": lambda: Simulated(SimCluster),
    "process": lambda: Real(ProcessCluster),
    "docker": lambda: Real(DockerCluster),
    "ssh": OverSsh,
}
