"""The simulated cluster: nodes on virtual time, in one thread, with every choice drawn from the run's seed."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, TypeVar

from harness.clusters.base import CAPABILITIES, IMPAIRMENTS, PACKETS, Shape
from harness.clusters.sim.clock import SimClocks
from harness.clusters.sim.connection import SimConnection
from harness.clusters.sim.disks import SimDisks
from harness.clusters.sim.link import MS_NS, Link
from harness.clusters.sim.loop import SimLoop
from harness.clusters.sim.machine import STOPPED, Machine
from harness.clusters.sim.network import SimNetwork
from harness.clusters.sim.processes import SimProcesses
from harness.clusters.sim.pulse import Pulse, Stuck
from harness.clusters.sim.tapped import TappedConnection, TappedLink
from harness.errors import ClusterError, Unsupported, UsageError
from harness.messages import Tap
from harness.options import number
from harness.streams import Streams
from harness.target import NodeService, Target

T = TypeVar("T")

_DISK = (*(f"disk-{kind}" for kind in IMPAIRMENTS), "power-loss", "corrupt")
_POWERS = ("partition", *PACKETS, "kill", "pause", "clock", *_DISK)

RANGE_MS_MAX = 3_600_000.0


class SimCluster:
    """Implements `harness.clusters.base.Cluster`.

    Options, all of which describe the network and disks when nothing is wrong: the range of a message's delay between
    nodes (`latency_ms_min`, `latency_ms_max`) and between clients and nodes (`client_latency_ms_min`,
    `client_latency_ms_max`), the chances `loss`, `duplicate` and `reorder` of messages between nodes, and the range of
    a disk's sync (`sync_ms_min`, `sync_ms_max`).
    """

    name: ClassVar[str] = "sim"

    def __init__(
        self,
        *,
        nodes: Sequence[str],
        streams: Streams,
        run_id: str,
        latency_ms_min: float = 0.2,
        latency_ms_max: float = 2.0,
        client_latency_ms_min: float = 0.1,
        client_latency_ms_max: float = 0.5,
        loss: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        sync_ms_min: float = 0.1,
        sync_ms_max: float = 1.0,
    ) -> None:
        chances = {"loss": loss, "duplicate": duplicate, "reorder": reorder}
        for chance, value in chances.items():
            number(self.name, chance, value, min=0, max=1)
        self.nodes = tuple(nodes)
        self.run_id = run_id
        self._loop = SimLoop()  # type: ignore[abstract]  # as in `harness.clusters.sim.machine`
        self._client_ns = _range_ns("client_latency", client_latency_ms_min, client_latency_ms_max)
        self._clients = streams.stream("clients")
        self._clients_made = 0
        sync_ns = _range_ns("sync", sync_ms_min, sync_ms_max)
        self._machines = {name: Machine(self._loop, name, self.nodes, streams, sync_ns=sync_ns) for name in self.nodes}
        self._connection: Callable[..., SimConnection] = SimConnection
        self._network = partial(
            SimNetwork,
            self._loop,
            {name: machine.deliver for name, machine in self._machines.items()},
            latency_ns=_range_ns("latency", latency_ms_min, latency_ms_max),
            base=Shape(**chances),
            stream=streams.stream("net"),
        )
        self._wire(Link)
        self.limits = None
        self.files = None
        self.disks = SimDisks(self._machines)
        self.processes = SimProcesses(self._machines, self.disks.excuse)
        self.clocks = SimClocks({name: machine.clock for name, machine in self._machines.items()}, self._loop)

    @classmethod
    def probe(cls) -> Mapping[str, str | None]:
        missing = dict.fromkeys(CAPABILITIES, "the simulator has no such fault")
        missing |= dict.fromkeys(("memory", "cpu"), "simulated nodes compute in no time and share one memory")
        missing["reject"] = "messages in the simulator have no connections that could be reset"
        return {**missing, **dict.fromkeys(("available", *_POWERS))}

    @classmethod
    def sweep(cls) -> list[str]:
        """A simulation leaves nothing on the machine."""
        return []

    def tap(self, tap: Tap) -> None:
        """See `harness.messages.Tapped`."""
        self._wire(partial(TappedLink, tap=tap, cluster=self))
        self._connection = partial(TappedConnection, tap=tap)

    def state(self, node: str) -> str:
        """`running`, `paused` or `killed`."""
        return self._machines[node].state

    def now(self) -> int:
        return self._loop.now_ns

    def run(self, main: Callable[[], Awaitable[T]]) -> T:
        """Runs `main` on virtual time; a cluster runs once. Ctrl-C cancels it, lets it clean up, and is raised again
        afterwards. Raises `ClusterError` when a node computes for ever."""
        loop = self._loop
        if loop.is_closed() or asyncio.events._get_running_loop() is not None:
            raise RuntimeError("a simulated cluster runs once, and not from inside another event loop")
        task = asyncio.Task(_await(main), loop=loop, name="main")
        with _Interrupt(task):
            try:
                with Pulse(loop):
                    return loop.run_until_complete(task)
            except Stuck as stuck:
                self._kill_all()
                raise ClusterError(str(stuck)) from None
            finally:
                try:
                    self._wind_up(task)
                finally:
                    loop.close()

    async def create(self, target: Target, needs: frozenset[str] = frozenset()) -> None:
        service = getattr(target, "service", None)
        if not isinstance(service, NodeService):
            raise Unsupported(f"{target.name} runs real programs, which the simulator cannot; use --cluster docker")
        try:
            node_class = service.load()
        except (ImportError, AttributeError) as error:
            raise ClusterError(
                f"the node class {service.node_class!r} of {target.name} cannot be loaded: {error}"
            ) from error
        self.processes.service = (node_class, service.options)
        await self.processes.start(self.nodes)

    async def connect(self, node: str) -> SimConnection:
        if node not in self._machines:
            raise UsageError(f"there is no node {node!r} to connect to; nodes are {', '.join(self.nodes)}")
        name = f"c{self._clients_made}"
        self._clients_made += 1
        connection = self._connection(self._machines[node], name, latency_ns=self._client_ns, stream=self._clients)
        await connection.dial()
        return connection

    async def dial(self, node: str, port: int) -> socket.socket:
        raise Unsupported(f"a simulated node has no port {port}: its clients speak to it by `connect`")

    async def collect_logs(self, directory: Path) -> None:
        for name, machine in self._machines.items():
            folder = directory / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "node.log").write_text("".join(f"{line}\n" for line in machine.lines), encoding="utf-8")

    async def destroy(self) -> None:
        self._kill_all()

    def _wire(self, make: Callable[..., Link]) -> None:
        """Lays the links between the machines."""
        self.network = self._network(make=make)
        for name, machine in self._machines.items():
            machine.links = self.network.links(name)

    def _kill_all(self) -> None:
        for machine in self._machines.values():
            if machine.state != STOPPED:
                machine.kill("the cluster is gone")

    def _wind_up(self, main: asyncio.Task[Any]) -> None:
        """Ends what the controller still has running: first the main task, so that it may use the cluster to clean up,
        then the rest."""
        loop = self._loop
        if not main.done():
            main.cancel()
            loop.run_until_complete(asyncio.wait([main]))
        self._kill_all()
        rest = sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name())
        for task in rest:
            task.cancel()
        if rest:
            loop.run_until_complete(asyncio.wait(rest))
        loop.run_until_complete(loop.shutdown_asyncgens())


async def _await(main: Callable[[], Awaitable[T]]) -> T:
    return await main()


def _range_ns(what: str, min_ms: float, max_ms: float) -> tuple[int, int]:
    low = number(SimCluster.name, f"{what}_ms_min", min_ms, min=0, max=RANGE_MS_MAX)
    high = number(SimCluster.name, f"{what}_ms_max", max_ms, min=low, max=RANGE_MS_MAX)
    return round(low * MS_NS), round(high * MS_NS)


class _Interrupt:
    """While entered, the first Ctrl-C cancels the task, and a second one interrupts at once; on the way out it becomes
    KeyboardInterrupt.

    The same manners as `asyncio.Runner`; nothing is touched outside the main thread or when somebody else handles the
    signal. The winding up belongs inside: there an exception raised wherever the signal finds the thread would end in
    some task that nobody waits for, which is reported as a defect.
    """

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task = task
        self._count = 0
        self._installed = False

    def __enter__(self) -> None:
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            signal.signal(signal.SIGINT, self._interrupt)
            self._installed = True

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._count and (kind is None or issubclass(kind, asyncio.CancelledError)):
            raise KeyboardInterrupt

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1
        if self._count > 1:
            raise KeyboardInterrupt
        self._task.cancel()
