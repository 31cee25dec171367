"""A simulated machine: address, disk, clock and log, which stay, and the process of the store, which comes and goes."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from harness.clusters.sim.clock import SimClock
from harness.clusters.sim.disk import MountedDisk, SimDisk
from harness.clusters.sim.gate import NodeLoop
from harness.clusters.sim.loop import SECOND_NS, SimLoop
from harness.clusters.sim.timer import Timer
from harness.node import Body, Node
from harness.streams import Streams

if TYPE_CHECKING:
    from harness.clusters.sim.connection import SimConnection
    from harness.clusters.sim.link import Link

T = TypeVar("T")

LOG_LINES_MAX = 10_000
"""Lines kept of a node's log; older ones go first."""

LOG_BYTES_MAX = 64 << 20
"""What is kept of them all; of a longer one, its last `LOG_LINE_MAX` characters."""

LOG_LINE_MAX = 1 << 20

HELD_MAX = 10_000
"""What may wait for a paused node, as in the buffers of its sockets; messages beyond it are lost."""

RUNNING, PAUSED, STOPPED = "running", "paused", "killed"

KILLED, LOST_POWER = "it was killed", "it lost power"
"""Why a process ended when somebody else ended it."""


class Process:
    """One incarnation of a node, and its host: once killed, nothing it does reaches anything."""

    def __init__(self, machine: Machine, incarnation: int, stream: random.Random) -> None:
        self.name = machine.name
        self.nodes = machine.nodes
        self.clock = machine.clock
        self.random = stream
        self.incarnation = incarnation
        self.started: asyncio.Future[str | None] = machine.root.create_future()
        """Done with None once the node serves requests, or with what went wrong."""
        self.alive = True
        self.node: Node | None = None
        name = f"{machine.name}#{incarnation}"
        # Abstract to a type checker only: sockets and child processes raise NotImplementedError, and are meant to.
        self.loop = NodeLoop(machine.root, name, log=self.log, exited=self._exited)  # type: ignore[abstract]
        self.disk = MountedDisk(machine.disk, self.loop)
        self._machine = machine
        self._links = machine.links
        self._connections = machine.connections

    # The host's part

    def send(self, dest: str, body: Body) -> None:
        link = self._links.get(dest)
        if link is not None:
            link.send(body)
            return
        connection = self._connections.get(dest)
        if connection is not None:
            connection.answer(body)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        return self.loop.call_at_ns(self.loop.root.now_ns + round(seconds * SECOND_NS), callback)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        return self.loop.run_now(coroutine)

    def log(self, text: str) -> None:
        if self.alive:
            self._machine.log(text)

    # The machine's part

    def start(self, node_class: Callable[..., Node], options: Mapping[str, Any]) -> None:
        """Makes the node and boots it, on its own loop."""
        self.loop.call_soon(self._boot, node_class, options)

    def deliver(self, source: str, body: Body) -> None:
        """A message has arrived: it is taken now, or when the node resumes, or never."""
        loop = self.loop
        held = loop.held
        if held is None:
            if self.node is not None:
                loop.enter(self.node.receive, source, body)
        elif len(held) < HELD_MAX:
            held.append(Timer(self.deliver, (source, body), loop, loop.context.copy()))

    def kill(self, why: str) -> None:
        """Ends it between two instructions, with no last words."""
        self._cut_off()
        self.loop.kill()
        if not self.started.done():
            self.started.set_result(why)

    def _boot(self, node_class: Callable[..., Node], options: Mapping[str, Any]) -> None:
        try:
            self.node = node_class(self, **options)
        except Exception as error:
            self._crashed(error)
        else:
            self.loop.create_task(self._start(self.node))

    async def _start(self, node: Node) -> None:
        try:
            await node.boot()
        except Exception as error:
            self._crashed(error)
        else:
            self.started.set_result(None)

    def _crashed(self, error: Exception) -> None:
        self.log("".join(traceback.format_exception(error)).rstrip())
        self._exited(f"the node crashed at start: {type(error).__name__}: {error}")

    def _exited(self, why: str) -> None:
        if not self.alive:
            return
        self.log(why)
        # Its own code is still on the stack: it ends here and now, and the machine cleans up in a moment.
        self._cut_off()
        self.loop.shut()
        self.loop.root.call_soon(self._machine.reap, self, why)

    def _cut_off(self) -> None:
        """From now on nothing that code of this incarnation does has any effect."""
        self.alive = False
        self._links = {}
        self._connections = {}
        self.disk.unmount()


class Machine:
    """One node of the simulated cluster. All methods are called by the controller, between two wake-ups of node
    code."""

    def __init__(
        self, root: SimLoop, name: str, nodes: tuple[str, ...], streams: Streams, *, sync_ns: tuple[int, int]
    ) -> None:
        self.root = root
        self.name = name
        self.nodes = nodes
        self.clock = SimClock(root)
        self.disk = SimDisk(root, streams.stream(f"disk/{name}"), sync_ns=sync_ns)
        self.links: Mapping[str, Link] = {}
        self.connections: dict[str, SimConnection] = {}
        self.lines: deque[str] = deque()
        self._logged = 0
        self.process: Process | None = None
        self.incarnation = 0
        self._streams = streams
        self._paused_at_ns = 0

    @property
    def state(self) -> str:
        """`running`, `paused` or `killed`, read off the process itself."""
        if self.process is None or not self.process.alive:
            return STOPPED
        return RUNNING if self.process.loop.held is None else PAUSED

    def start(self, node_class: Callable[..., Node], options: Mapping[str, Any]) -> Process:
        """Starts a new incarnation; wait for its `started`. The machine must be without one."""
        assert self.state == STOPPED, f"{self.name} runs already"
        if self.process is not None:
            self.reap(self.process, "it ended")
        self.incarnation += 1
        stream = self._streams.stream(f"node/{self.name}/{self.incarnation}")
        self.process = Process(self, self.incarnation, stream)
        self.log(f"-- start, incarnation {self.incarnation}")
        self.process.start(node_class, options)
        return self.process

    def kill(self, why: str = KILLED) -> dict[str, int]:
        """Takes the process away, breaks its connections, and forgets what was not synced; returns what that cost.
        Needs a process."""
        process, self.process = self.process, None
        assert process is not None, f"{self.name} does not run"
        process.kill(why)
        for connection in list(self.connections.values()):
            connection.reset()
        self.connections.clear()
        self.log(f"-- end of incarnation {process.incarnation}: {why}")
        return self.disk.cut_power()

    def reap(self, process: Process, why: str) -> None:
        """Cleans up after a process that ended by itself, unless a kill already did."""
        if self.process is process:
            self.kill(why)

    def pause(self) -> None:
        """Stops the process where it stands."""
        assert self.process is not None and self.state == RUNNING
        self.log("-- paused")
        self._paused_at_ns = self.root.now_ns
        self.process.loop.pause()

    def resume(self) -> dict[str, float]:
        """Lets it go on; returns for how long it stood and how many wake-ups had queued."""
        assert self.process is not None and self.state == PAUSED
        woken = self.process.loop.resume()
        paused_ns = self.root.now_ns - self._paused_at_ns
        self.log(f"-- resumed after {paused_ns / 1e9:.3f} s")
        return {"paused_ms": paused_ns / 1e6, "queued_wakeups": woken}

    def deliver(self, source: str, body: Body) -> None:
        """A message for whoever listens at this address now; nobody, if the node is down."""
        process = self.process
        if process is not None:
            process.deliver(source, body)

    def log(self, text: str) -> None:
        """Adds to the log, under virtual time in seconds."""
        line = f"{self.root.now_ns / SECOND_NS:.6f} {text[-LOG_LINE_MAX:]}"
        self.lines.append(line)
        self._logged += len(line)
        while self._logged > LOG_BYTES_MAX or len(self.lines) > LOG_LINES_MAX:
            self._logged -= len(self.lines.popleft())
