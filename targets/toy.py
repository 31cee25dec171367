"""The target that a bundled store is: a class on the node runtime, which answers the toys' requests in every cluster.

A store of your own needs no more than this: a subclass of `harness.node.Node` that answers `read`, `write` and `cas`,
and a function that returns a `Toy` with its claims.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.claims import Claim
from harness.client import Client
from harness.clusters.base import Cluster
from harness.errors import NodeError, UnknownName
from harness.node import RpcError
from harness.target import Bug, Membership, NodeService, Trial
from workloads.append import AppendClient, RegistersClient
from workloads.bank import BankClient
from workloads.cart import CartClient
from workloads.checkout import CheckoutClient
from workloads.counter import CounterClient
from workloads.feed import FeedClient
from workloads.lock import LockClient
from workloads.log import LogClient
from workloads.queue import QueueClient
from workloads.register import RegisterClient
from workloads.set import SetClient
from workloads.shop import ShopClient
from workloads.siblings import SiblingsClient
from workloads.unique_ids import UniqueIdsClient

CLIENTS: dict[str, Callable[[Callable[[], Any]], Client]] = {
    "register": RegisterClient,
    "read-write": RegisterClient,
    "siblings": SiblingsClient,
    "lock": LockClient,
    "append": AppendClient,
    "txn": RegistersClient,
    "long-fork": RegistersClient,
    "set": SetClient,
    "broadcast": SetClient,
    "counter": CounterClient,
    "queue": QueueClient,
    "log": LogClient,
    "unique-ids": UniqueIdsClient,
    "bank": BankClient,
    "checkout": CheckoutClient,
    "catalog": RegisterClient,
    "dns": RegisterClient,
    "chat": FeedClient,
    "timeline": FeedClient,
    "orders": FeedClient,
    "cart": CartClient,
    "shop": ShopClient,
}
"""The client of each workload that a toy can serve."""

REGISTERS = ("register", "read-write", "lock", "catalog", "dns")
"""The workloads whose clients read, write, and compare and set."""

TRANSACTIONS = tuple(name for name in CLIENTS if name not in (*REGISTERS, "siblings", "shop"))
"""The workloads whose clients send transactions (`targets.toys.values`)."""

EVERYTHING = (*REGISTERS, *TRANSACTIONS, "shop")
"""The workloads of a store that serves both."""

READY_S_MAX = 30.0
ASK_S_MAX = 1.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Planted(Bug):
    """A bug of a bundled store: `node_class` is a subclass of the store's that overrides what it spoils, as
    `module:Class`; `options` are what it needs to be set."""

    node_class: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Toy:
    """A bundled store: its name in plans, the class its nodes run, and what it claims."""

    name: str
    service: NodeService
    claims: Sequence[Claim]
    workloads: Sequence[str] = ("register",)
    trials: Sequence[Trial] = ()
    bugs: Sequence[Planted] = ()
    membership: Membership | None = None

    def with_bug(self, name: str | None) -> Toy:
        """The same store with one of its bugs planted, or as it is for None. Raises `UnknownName`."""
        if name is None:
            return self
        found = next((bug for bug in self.bugs if bug.name == name), None)
        if found is None:
            has = ", ".join(bug.name for bug in self.bugs) or "none to plant"
            raise UnknownName(f"{self.name} has no bug called {name!r}: it has {has}")
        options = {**self.service.options, **found.options}
        return replace(self, service=replace(self.service, node_class=found.node_class, options=options))

    def client(self, workload: str, cluster: Cluster, node: str) -> Client:
        """The workload's own client, on a connection to that node."""
        if workload not in self.workloads or workload not in CLIENTS:
            raise UnknownName(
                f"{self.name} has no client for workload {workload!r}: it has {', '.join(self.workloads)}"
            )
        return CLIENTS[workload](lambda: cluster.connect(node))

    async def ready(self, cluster: Cluster) -> None:
        """Returns once every node has answered a read, and names a leader if it knows of such an office: until then one
        may be missing, or unknown to some."""
        try:
            async with asyncio.timeout(READY_S_MAX):
                await asyncio.gather(*(_answers(cluster, node) for node in cluster.nodes))
        except TimeoutError:
            raise NodeError(
                f"{self.name} did not become ready: not every node answered a read within {READY_S_MAX:g} s"
            ) from None

    async def primaries(self, cluster: Cluster) -> Sequence[str]:
        """The nodes that say that they lead, in the latest term that any of those speaks of."""
        return await leaders(cluster)


async def leaders(cluster: Cluster) -> list[str]:
    """The nodes that say that they lead, in the latest term that any of those speaks of."""
    answers = await asyncio.gather(*(_ask(cluster, node, {"type": "status"}) for node in cluster.nodes))
    terms = {
        node: term
        for node, answer in zip(cluster.nodes, answers, strict=True)
        if answer is not None and answer.get("role") == "leader" and isinstance(term := answer.get("term", 0), int)
    }
    latest = max(terms.values(), default=0)
    return [node for node, term in terms.items() if term == latest]


async def _answers(cluster: Cluster, node: str) -> None:
    for _ in range(round(READY_S_MAX / POLL_S)):
        if await _ask(cluster, node, {"type": "read", "key": "ready"}) is not None:
            status = await _ask(cluster, node, {"type": "status"}) or {}
            if status.get("leader", "nobody, here") is not None:
                return
        await asyncio.sleep(POLL_S)
    raise TimeoutError


async def _ask(cluster: Cluster, node: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """One request on a connection of its own; None when it was refused or not answered in time."""
    try:
        async with asyncio.timeout(ASK_S_MAX):
            connection = await cluster.connect(node)
            try:
                return await connection.call(body)
            finally:
                await connection.close()
    except (TimeoutError, OSError, RpcError):
        return None
