"""The target contract: a system under test, how its nodes run, how to talk to it, and what it promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


class Target(Protocol):
    """Entry-point group `splitbrain.targets`; called with the options of the plan's `target` entry."""

    name: str
    claims: Sequence[Claim]
    workloads: Sequence[str]
    service: NodeService

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
