"""The target contract: a system under test, how its nodes run, how to talk to it, and what it promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from harness.claims import Claim
    from harness.client import Client, SyncClient
    from harness.clusters.base import Cluster
    from harness.node import Node


@dataclass(frozen=True, slots=True)
class NodeService:
    """A node that is a Python class on the node runtime: it runs in every cluster, the simulator included.

    `node_class` is `module:Class`; `packages` are the folders its image needs beside `harness.node`; `options` are JSON
    keyword arguments of the class.
    """

    node_class: str
    packages: tuple[str, ...] = ("targets/toys",)
    options: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> type[Node]:
        """The class itself. Raises ImportError or AttributeError as Python does."""
        module, _, name = self.node_class.partition(":")
        loaded: type[Node] = getattr(import_module(module), name)
        return loaded


@dataclass(frozen=True, slots=True)
class Daemon:
    """One program that runs on a node, in the foreground.

    `argv` is run as it stands, never by a shell. `files` are written before each start where they are not there yet, by
    their path below the node's data directory. It is up once it accepts connections on `port` of the node's address.
    """

    name: str
    argv: tuple[str, ...]
    port: int
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CommandService:
    """A node that runs real programs, which every cluster but the simulator can.

    `daemons(node, addresses, data)` gives what runs on a node, in the order of starting: `addresses` are all nodes' by
    name, `data` is the node's data directory. `packages` are the Debian packages that bring the programs: a container's
    image is built from them, elsewhere `programs` must be found on the machine."""

    daemons: Callable[[str, Mapping[str, str], str], Sequence[Daemon]]
    packages: tuple[str, ...]
    programs: tuple[str, ...]


Service = NodeService | CommandService


class Membership(Protocol):
    """What a target offers whose cluster can shrink and grow while it runs. Nodes stay where they are; who belongs
    changes."""

    async def members(self, cluster: Cluster) -> Sequence[str]:
        """The nodes that belong, as a majority of them sees it. Raises `NodeError` when nobody answers."""
        ...

    async def leave(self, cluster: Cluster, node: str) -> None:
        """Takes a node out. Raises `Failed` or `Indeterminate` (`harness.client`)."""
        ...

    async def join(self, cluster: Cluster, node: str) -> None:
        """Takes a node in again, with an empty data directory if the target needs that. Raises as `leave`."""
        ...


@dataclass(frozen=True, slots=True)
class Bug:
    """A defect planted in a target on purpose, to prove that the harness finds its kind.

    `story` says what is wrong and what it does to whom, in a sentence. `shows_as` are the types of anomalies, or the
    names of checkers, by which it may be found: another finding is a finding of something else."""

    name: str
    story: str
    shows_as: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a target is tried with when nobody says otherwise: a workload by name, families of faults, any other fields
    of a plan, and options of the target's own, for what its usual ones seldom bring about.

    Some trials take turns, so that a target can be tried with many and no seed costs more: one of `turns` has each seed
    whose rest by that number is its `turn`."""

    workload: str
    nemeses: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    turn: int = 0
    turns: int = 1

    def has(self, seed: int) -> bool:
        """Whether it is this trial's turn at that seed."""
        return seed % self.turns == self.turn

    def plan(self, target: str, seed: int, **options: Any) -> dict[str, Any]:
        """The fields of a plan for one seed. `options` are the target's, beside the trial's own."""
        options = {**self.options, **options}
        asked: Any = {"name": target, **options} if options else target
        return {
            "target": asked,
            "workload": self.workload,
            "nemeses": list(self.nemeses),
            "seed": seed,
            **self.fields,
        }


class Target(Protocol):
    """Entry-point group `splitbrain.targets`; called with the options of the plan's `target` entry.

    `workloads` are those that it has a client for, the one that shows best what it is for at the head: by it the target
    is compared with others when nobody names one.
    """

    name: str
    claims: Sequence[Claim]
    workloads: Sequence[str]

    @property
    def service(self) -> Service:
        """What runs on each node."""
        ...

    @property
    def trials(self) -> Sequence[Trial]:
        """How the target is tried by default, by `selftest` for one: its claims must speak for each."""
        ...

    @property
    def bugs(self) -> Sequence[Bug]:
        """The bugs that can be planted in it with the option `bug`; empty for a target that has none to plant."""
        ...

    @property
    def membership(self) -> Membership | None:
        """None for a target whose members are fixed."""
        ...

    def client(self, workload: str, cluster: Cluster, node: str) -> Client | SyncClient:
        """A client of that workload, bound to that node, not yet open."""
        ...

    async def ready(self, cluster: Cluster) -> None:
        """Returns once the target as a whole serves requests (a leader is elected, ...).

        Raises `NodeError` after its own limit.
        """

    async def primaries(self, cluster: Cluster) -> Sequence[str]:
        """The nodes that hold a special role now; empty when the target has none or nobody knows."""
        ...
