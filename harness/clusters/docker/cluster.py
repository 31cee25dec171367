"""The docker cluster: nodes in containers, broken from outside by root (`hands`), or by a sidecar of each (`sidecars`).

The run's things are made in an order that lets anyone take them away again: the record on disk names the network and
the packet filter before they exist, containers and network carry labels, and `destroy` (or the end of `run`, or a later
start) removes what is there. A bridge network of the run's own joins the nodes; it is internal, so a node reaches the
other nodes and the controller, and nothing else.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from harness.clusters.base import CAPABILITIES, Network
from harness.clusters.docker import engine, names, remove
from harness.clusters.docker import image as node_image
from harness.clusters.docker.hands import Hands
from harness.clusters.docker.launch import DATA
from harness.clusters.docker.node import DockerNode, Placement
from harness.clusters.docker.sidecars import Sidecars
from harness.clusters.docker.sidecars import ensure_image as ensure_sidecar_image
from harness.clusters.docker.warden import Warden
from harness.clusters.linux import addresses, cgroups, ledger, loop, naming, nft, packets, vdso_self_test
from harness.clusters.linux.agent.server import LEASE_S
from harness.clusters.linux.dialing import dial
from harness.clusters.linux.disks import capability as disks
from harness.clusters.linux.identity import Identity
from harness.clusters.linux.programs import PORT, programs
from harness.clusters.linux.work import to_its_end
from harness.errors import ClusterError, HarnessError, Unsupported, UsageError
from harness.node.connection import TcpConnection
from harness.target import CommandService, NodeService, Service

if TYPE_CHECKING:
    from docker import APIClient

    from harness.streams import Streams
    from harness.target import Target

T = TypeVar("T")


class DockerCluster:
    """Each node is a container; the service is started inside it, so a kill leaves the container's network and disk as
    they are.

    `image` names the nodes' base image, by default a slim Python, pulled or built. A store on the node runtime needs a
    `python3` of at least 3.11 in it; real programs are installed from Debian packages, unless it brings them.
    """

    name: ClassVar[str] = remove.CLUSTER
    lease_s: ClassVar[float] = LEASE_S
    """How long after the death of the controller its run is removed, if nobody does so before."""

    def __init__(self, nodes: Sequence[str], streams: Streams, run_id: str, image: str | None = None) -> None:
        naming.check_nodes(nodes, self.name)
        if image is not None and (not isinstance(image, str) or not image):
            raise UsageError(f"the docker cluster's option 'image' is the name of an image, not {image!r}")
        self.nodes = tuple(nodes)
        self.run_id = run_id
        self._base = image
        self._controller = Identity.own()
        run = naming.new_run()
        self._record = ledger.Record(run, self.name, str(self._controller))
        self._table = nft.Table(nft.PREFIX + run, str(self._controller))
        self._epoch_ns = time.monotonic_ns()
        self._stop = threading.Event()
        self._working = threading.Lock()
        """Held by whichever thread makes or removes things, so that removal begins when making has ended."""
        self._open = ExitStack()
        self._warden = Warden(lease_s=self.lease_s)
        self._members: dict[str, DockerNode] = {}
        self._clients_made = 0
        self._hands: Hands | Sidecars
        if os.geteuid() == 0:
            self._hands = Hands(self._members, self.nodes, self._table, self._stop.is_set)
        else:
            self._hands = Sidecars(self.nodes, lease_s=self.lease_s)
        self.processes = self._hands.processes
        self.clocks = self._hands.clocks
        self.limits = self._hands.limits
        self.disks = self._hands.disks
        self.files = self._hands.files

    @property
    def network(self) -> Network:
        """See `harness.clusters.base.Cluster`."""
        return self._hands.network

    @property
    def run_name(self) -> str:
        """The short name of this run, which everything it makes on the machine bears."""
        return self._record.run

    @property
    def members(self) -> Mapping[str, DockerNode]:
        """The nodes as the Linux faults see them; empty before `create`."""
        return self._members

    @classmethod
    def probe(cls) -> Mapping[str, str | None]:
        if reason := engine.problem():
            return dict.fromkeys(("available", *CAPABILITIES), reason)
        if os.geteuid() != 0:
            return cls._probe_sidecar()
        return {
            "available": None,
            "partition": nft.problem("bridge") and nft.problem("inet"),
            **packets.problems(),
            "kill": None,
            "pause": None,
            "memory": cgroups.problem("memory"),
            "cpu": cgroups.problem("cpu"),
            "clock": vdso_self_test.self_test(),
            **disks.problems(),
        }

    @classmethod
    def _probe_sidecar(cls) -> Mapping[str, str | None]:
        """Makes a cluster of one node, asks in its sidecar, and removes it."""
        trial = cls(["n1"], None, "probe")  # type: ignore[arg-type]  # it draws nothing

        async def ask() -> Mapping[str, str | None]:
            assert isinstance(trial._hands, Sidecars), "without root"
            await to_its_end(partial(trial._provision, None, with_volumes=False))
            await trial._begin(probe=True)
            return trial._hands.powers["n1"]

        try:
            return {"available": None, **asyncio.run(ask())}
        except HarnessError as problem:
            return dict.fromkeys(("available", *CAPABILITIES), str(problem))
        finally:
            trial._remove()

    @classmethod
    def sweep(cls) -> list[str]:
        """See `harness.clusters.base.Cluster`."""
        return remove.dead_runs()

    def now(self) -> int:
        return time.monotonic_ns() - self._epoch_ns

    def run(self, main: Callable[[], Awaitable[T]]) -> T:
        """See `harness.clusters.linux.loop.run`."""
        # Each node may have one blocking piece of work at a time, and a partition must not queue behind slow starts.
        return loop.run(main, self._remove, threads=len(self.nodes) + 8)

    async def create(self, target: Target, needs: frozenset[str] = frozenset()) -> None:
        service = getattr(target, "service", None)
        if not isinstance(service, NodeService | CommandService):
            raise Unsupported(f"{target.name} has nothing that a container could run")
        if reason := await to_its_end(engine.problem):
            raise ClusterError(reason)
        with_volumes = bool(needs & disks.OF_A_VOLUME)
        await to_its_end(partial(self._provision, service, with_volumes=with_volumes), hurry=self._stop.set)
        await self._begin()
        await self.processes.start(self.nodes)

    async def connect(self, node: str) -> TcpConnection:
        if node not in self._members:
            raise UsageError(f"there is no node {node!r} to connect to; nodes are {', '.join(self.nodes)}")
        connection = TcpConnection(self._members[node].address, PORT, source=f"c{self._clients_made}", dest=node)
        self._clients_made += 1
        await connection.dial()
        return connection

    async def dial(self, node: str, port: int) -> socket.socket:
        if node not in self._members:
            raise UsageError(f"there is no node {node!r} to connect to; nodes are {', '.join(self.nodes)}")
        return await dial(self._members[node].address, port)

    async def collect_logs(self, directory: Path) -> None:
        saving = [partial(_save_logs, node, directory / node.name) for node in self._members.values()]
        await asyncio.gather(*map(to_its_end, saving))

    async def destroy(self) -> None:
        await to_its_end(self._remove)

    def _provision(self, service: Service | None, *, with_volumes: bool) -> None:
        """Makes the image, the network, the packet filter, the containers and their volumes. Blocks for about a second,
        or a minute where a base image must be had first. Without a service, the nodes are made to look at.
        """
        with self._working:
            client = self._open.enter_context(engine.connected())
            if isinstance(self._hands, Hands):
                self._record = ledger.amend(self._record, tables=((self._table.family, self._table.name),))
                if with_volumes:
                    self._hands.give_volumes(self._record.scratch)
            else:
                ledger.write(self._record)
            self._record = ledger.amend(self._record, agent=str(self._warden.start(self._record)))
            self._go_on()
            if service is None:
                image = ensure_sidecar_image(client, self._record.scratch, self._stop)
            else:
                recipe = node_image.of_service(service)
                image = node_image.ensure(client, recipe, self._base, self._record.scratch, self._stop)
            self._go_on()
            subnet = self._make_network(client)
            by_node = {node: addresses.node_address(subnet, index) for index, node in enumerate(self.nodes)}
            self._go_on()
            placement = Placement(self._record.run, self._controller, image, names.network(self._record.run), by_node)
            self._hands.prepare(client, placement, self._stop)
            for node, address in by_node.items():
                daemons = programs(service, node, by_node, data=DATA, python="python3") if service else []
                speaks = isinstance(service, NodeService)
                self._members[node] = DockerNode(client, node, address, daemons, speaks)

            def make(node: DockerNode) -> None:
                self._go_on()
                node.create(placement)
                self._hands.take(client, node, placement)

            with ThreadPoolExecutor(max_workers=8) as pool:
                for made in [pool.submit(make, node) for node in self._members.values()]:
                    made.result()

    async def _begin(self, *, probe: bool = False) -> None:
        by_name = {name: node.address for name, node in self._members.items()}
        await self._hands.begin(
            {
                name: {
                    "run": self._record.run,
                    "controller": str(self._controller),
                    "node": name,
                    "addresses": by_name,
                    "daemons": [asdict(daemon) for daemon in node.daemons],
                    "speaks": node.speaks,
                    "probe": probe,
                }
                for name, node in self._members.items()
            }
        )

    def _make_network(self, client: APIClient) -> IPv4Network:
        from docker.types import IPAMConfig, IPAMPool

        with ledger.locked("subnets"), engine.explained("making the nodes' network"):
            taken = [IPv4Network(record.subnet) for record in ledger.records() if record.subnet]
            subnet = addresses.free([*taken, *addresses.routed(), *_docker_subnets(client)])
            self._record = ledger.amend(self._record, subnet=str(subnet))
            bridge = f"sb-{self._record.run}"
            client.create_network(
                names.network(self._record.run),
                driver="bridge",
                internal=True,
                ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet))]),
                options={"com.docker.network.bridge.name": bridge},
                labels=names.labels("network", self._record.run, self._controller),
            )
        if not Path("/sys/class/net", bridge).exists():
            raise ClusterError(f"the Docker engine at {engine.endpoint()} made a network that cannot be seen from here")
        return subnet

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise ClusterError("the run was stopped while its cluster was being made")

    def _remove(self) -> None:
        self._stop.set()
        with self._working:
            self._hands.close()
            self._open.close()
            if self._record.directory.exists():
                remove.run(self._record)
            self._warden.dismiss()


def _docker_subnets(client: APIClient) -> list[IPv4Network]:
    pools = [pool for network in client.networks() for pool in network["IPAM"].get("Config") or ()]
    return [IPv4Network(pool["Subnet"]) for pool in pools if "." in pool.get("Subnet", "")]


def _save_logs(node: DockerNode, directory: Path) -> None:
    try:
        node.save_logs(directory)
    except (ClusterError, OSError) as problem:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "node.log").write_text(f"splitbrain: this log could not be fetched: {problem}\n", encoding="utf-8")
