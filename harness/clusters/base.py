"""The cluster contract, and the capabilities nemeses are written against.

A cluster owns time (`now`), the loop (`run`), the nodes and what can be done to them. It offers its powers as small
capability objects, or None where it lacks one, so a nemesis or a target never asks which cluster it has, only what it
can do. All times are integer nanoseconds since the cluster's epoch; durations that a person writes are seconds.

Every capability method that changes something returns evidence per node, read back after the change.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from harness.faults import Evidence

if TYPE_CHECKING:
    from harness.target import Target

T = TypeVar("T")

CAPABILITIES = ("partition", "packet", "kill", "pause", "clock")
"""What a nemesis may need of a cluster. `probe` answers for each of them."""

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


class Network(Protocol):
    """Cuts and shapes links. Faults overlap: each is named by its id, and what is in force is the union."""

    async def cut(self, fault: str, drops: Drops) -> Mapping[str, Evidence]:
        """Every named direction stops at once (one atomic swap)."""
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
        """Starts what is not running; evidence once the node answers again."""
        ...

    async def pause(self, nodes: Sequence[str]) -> Mapping[str, Evidence]: ...

    async def resume(self, nodes: Sequence[str]) -> Mapping[str, Evidence]: ...


class Clocks(Protocol):
    """The wall clock that each node's service sees. Monotonic clocks are left alone."""

    async def skew(self, node: str, offset_ms: float) -> Evidence:
        """Sets the node's offset from true time. Cheap enough to strobe with."""
        ...

    async def offsets(self) -> Mapping[str, float]:
        """Offset of every node's clock in milliseconds, as its service reads it."""
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

    async def create(self, target: Target) -> None:
        """Provisions the nodes, deploys and starts the target's service on each, and waits until each listens.

        Raises `ClusterError` or `NodeError`.
        """
        ...

    async def connect(self, node: str) -> Connection:
        """A request channel from the controller to a toy store's node.

        Raises `ConnectionError` at once when the node is down.
        """
        ...

    async def collect_logs(self, directory: Path) -> None:
        """Writes each node's logs below `directory/<node>/`. Never raises for a node that cannot be reached."""

    async def destroy(self) -> None:
        """Removes everything this cluster made. Idempotent; safe after a half-done `create`."""
