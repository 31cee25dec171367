"""The cluster contract, and the capabilities nemeses are written against.

A cluster owns time (`now`), the loop (`run`), the nodes and what can be done to them. It offers its powers as small
capability objects, or None where it lacks one, so a nemesis or a target never asks which cluster it has, only what it
can do. All times are integer nanoseconds since the cluster's epoch; durations that a person writes are seconds.

Every capability method that changes something returns evidence per node, read back after the change.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, runtime_checkable

from harness.faults import Evidence

if TYPE_CHECKING:
    from harness.target import Target

T = TypeVar("T")

PACKETS = ("delay", "loss", "duplicate", "reorder", "rate")
"""What a shape can do to packets; `delay` covers jitter."""

IMPAIRMENTS = ("full", "read-only", "hang", "slow", "error")
"""What can be wrong with a node's disk for a while, see `Impairment`."""

CAPABILITIES = (
    "partition",
    "reject",
    *PACKETS,
    "kill",
    "pause",
    "memory",
    "cpu",
    "clock",
    *(f"disk-{kind}" for kind in IMPAIRMENTS),
    "power-loss",
    "corrupt",
)
"""What a nemesis may need of a cluster. `probe` answers for each of them, one by one: a kernel may be able to lose
packets and not to delay them."""

Drops = Mapping[str, Iterable[str]]
"""A grudge: node -> the nodes whose messages it does not receive. One entry is one direction."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What happens to packets on a link, in one direction. Zero means untouched."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    rate_kbit: float = 0.0


def combine(shapes: Iterable[Shape]) -> Shape:
    """The union of shapes in force together: delays add up, a packet must survive every loss, the slowest rate
    counts."""
    delay = jitter = rate = 0.0
    kept = single = ordered = 1.0
    for shape in shapes:
        delay += shape.delay_ms
        jitter += shape.jitter_ms
        kept *= 1.0 - shape.loss
        single *= 1.0 - shape.duplicate
        ordered *= 1.0 - shape.reorder
        if shape.rate_kbit:
            rate = min(rate, shape.rate_kbit) if rate else shape.rate_kbit
    return Shape(delay, jitter, 1.0 - kept, 1.0 - single, 1.0 - ordered, rate)


@dataclass(frozen=True, slots=True)
class Impairment:
    """What is wrong with a disk: out of space (`full`), `read-only` after an error of the medium, every access waits
    for the end of the fault (`hang`), every sync takes `delay_ms` longer (`slow`), or syncs fail with `error` (`error`:
    an errno's name such as `EIO` or `ENOSPC`)."""

    kind: str
    delay_ms: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Corruption:
    """Damage to the files below a node's data directory whose path matches `files` (a glob such as `*.wal`).

    `flip`: single bits of some chunks, with `probability` per chunk. `truncate`: the last `chunk_bytes` of a file are
    gone. `snapshot` keeps some chunks aside, `restore` puts them back where they were, as a disk does that lost later
    writes. All choice comes from `seed`, and something is always hit (`harness.clusters.damage`)."""

    kind: str
    files: str = "*"
    probability: float = 0.01
    chunk_bytes: int = 4096
    seed: int = 0


class Network(Protocol):
    """Cuts and shapes links. Faults overlap: each is named by its id, and what is in force is the union."""

    async def cut(self, fault: str, drops: Drops) -> Mapping[str, Evidence]:
        """Every named direction stops at once (one atomic swap)."""
        ...

    async def reject(self, fault: str, drops: Drops) -> Mapping[str, Evidence]:
        """As `cut`, but the sender is told: connections are reset, instead of packets lost without a word."""
        ...

    async def shape(self, fault: str, nodes: Sequence[str], shape: Shape) -> Mapping[str, Evidence]:
        """Shapes everything these nodes send to other nodes."""
        ...

    async def mend(self, fault: str) -> Mapping[str, Evidence]:
        """Lifts one fault; evidence holds what it did meanwhile, as `{"dropped_packets": 12}`. Unknown ids are fine."""
        ...


class Processes(Protocol):
    """The service on each node. A killed node keeps its address, and in the simulator loses what was not synced."""

    async def kill(self, nodes: Sequence[str]) -> Mapping[str, Evidence]: ...

    async def start(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        """Starts what is not running; evidence once the node answers again. Raises `NodeError` for one that does not
        come up, unless its disk is impaired or was damaged: that one may refuse, which is `indeterminate`."""
        ...

    async def pause(self, nodes: Sequence[str]) -> Mapping[str, Evidence]: ...

    async def resume(self, nodes: Sequence[str]) -> Mapping[str, Evidence]: ...

    async def alive(self) -> Mapping[str, bool]:
        """Whether each node's service is there at all; one that is paused is. Cheap enough to ask often."""
        ...


class Clocks(Protocol):
    """The wall clock that each node's service sees. Monotonic clocks are left alone."""

    async def skew(self, node: str, offset_ms: float) -> Evidence:
        """Sets the node's offset from true time. Cheap enough to strobe with."""
        ...

    async def drift(self, node: str, ppm: int) -> Evidence:
        """From where it stands, the node's clock gains so many millionths on true time (100,000: a tenth too fast;
        negative: too slow), until `skew` sets it."""
        ...

    async def offsets(self) -> Mapping[str, float]:
        """Offset of every node's clock in milliseconds, as its service reads it."""
        ...


class Limits(Protocol):
    """How much of the machine each node's service may use. Faults overlap; the tightest limit is in force."""

    async def limit(
        self, fault: str, nodes: Sequence[str], *, memory_bytes: int | None = None, cpus: float | None = None
    ) -> Mapping[str, Evidence]:
        """Limits memory (beyond it the kernel kills), or processor time to so many processors' worth (0.1: a tenth)."""
        ...

    async def lift(self, fault: str) -> Mapping[str, Evidence]:
        """Lifts one fault; evidence holds what it did meanwhile, as `{"throttled_ms": 812}`. Unknown ids are fine."""
        ...


class Disks(Protocol):
    """Each node's data directory. Lasting faults are named by an id, one at a time per node; a second one is
    `skipped`."""

    async def impair(self, fault: str, nodes: Sequence[str], impairment: Impairment) -> Mapping[str, Evidence]:
        """Puts it in force, and proves it with an access of its own to the data directory."""
        ...

    async def repair(self, fault: str) -> Mapping[str, Evidence]:
        """Ends one fault. A service that died of it stays down. Unknown ids are fine."""
        ...

    async def lose_power(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        """The service ends and everything it had not synced is gone; evidence says what vanished. `Processes.start` is
        the power coming back."""
        ...

    async def corrupt(self, nodes: Sequence[str], corruption: Corruption) -> Mapping[str, Evidence]:
        """Damages files, whether or not the service runs; evidence lists each change: file, offset, length."""
        ...


class Files(Protocol):
    """Text files below each node's data directory, for a target whose configuration changes while it runs. `path` is
    relative to that directory; both raise `NodeError` for what is not there or cannot be."""

    async def get(self, node: str, path: str) -> str: ...

    async def put(self, node: str, path: str, text: str) -> None:
        """Writes it whole, in the place of what was there; its folder exists."""
        ...


class Connection(Protocol):
    """A request channel to one toy store's node: JSON bodies as in Maelstrom's protocol, `{"type": "read", ...}`."""

    async def call(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Sends one request, waits for its reply for as long as it takes (deadlines are the interpreter's). Raises
        `harness.node.RpcError` for a reply of type `error`, `ConnectionError` when the connection breaks."""
        ...

    async def close(self) -> None: ...


class Cluster(Protocol):
    """Entry-point group `splitbrain.clusters`; called with `nodes:

    Sequence[str]`, `streams: Streams`, `run_id: str` and the plan's options.
    """

    name: ClassVar[str]
    nodes: Sequence[str]
    network: Network | None
    processes: Processes | None
    clocks: Clocks | None
    limits: Limits | None
    disks: Disks | None
    files: Files | None

    @classmethod
    def probe(cls) -> Mapping[str, str | None]:
        """For "available" and each of `CAPABILITIES`: None when it works on this machine, else why not."""
        ...

    @classmethod
    def sweep(cls) -> list[str]:
        """Removes what dead runs of this kind left on the machine; says what it removed.

        Never touches a living run's things.
        """
        ...

    def run(self, main: Callable[[], Awaitable[T]]) -> T:
        """Runs a coroutine function to its end on this cluster's loop: virtual time, or uvloop."""
        ...

    def now(self) -> int:
        """Nanoseconds since the cluster's epoch, monotonic; virtual in the simulator."""
        ...

    async def create(self, target: Target, needs: frozenset[str] = frozenset()) -> None:
        """Provisions the nodes, deploys and starts the target's service on each, and waits until each listens.

        `needs` are the capabilities that will be asked for: some have to be prepared (a file system of a node's own
        that can lose power). Raises `ClusterError` or `NodeError`."""
        ...

    async def connect(self, node: str) -> Connection:
        """A request channel from the controller to a toy store's node.

        Raises `ConnectionError` at once when the node is down.
        """
        ...

    async def dial(self, node: str, port: int) -> socket.socket:
        """A connected TCP socket, not blocking, from the controller to a port of a node: what clients of real systems
        are built on. Its traffic is no part of what partitions cut. Raises `ConnectionError`; `Unsupported` where nodes
        are simulated."""
        ...

    async def collect_logs(self, directory: Path) -> None:
        """Writes each node's logs below `directory/<node>/`. Never raises for a node that cannot be reached."""

    async def destroy(self) -> None:
        """Removes everything this cluster made. Idempotent; safe after a half-done `create`."""


@runtime_checkable
class ChecksOptions(Protocol):
    """What a cluster's class offers whose options can be wrong, so that they are looked at before a run has a folder in
    which they would be kept."""

    def check_options(self, nodes: Sequence[str], options: Mapping[str, Any]) -> None:
        """Raises `UsageError`. A class method."""
        ...
