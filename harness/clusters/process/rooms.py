"""The nodes' machine room, made from within its namespaces: a bridge, and for each node namespaces that are joined to
it.

The bridge has a namespace of its own, the agent's, because in the machine's own one a Docker engine's rules may drop
what it forwards. The controller's traffic comes from the bridge's own address, so that it is local there and never met
by rules for what nodes send one another.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from harness.clusters.linux import addresses
from harness.clusters.linux.disks import volume
from harness.clusters.linux.disks.volume import Volume
from harness.clusters.process import init
from harness.clusters.process.node import RoomNode, answer_of
from harness.errors import ClusterError
from harness.target import Daemon

BRIDGE = "nodes"
PREFIX = 24
NETWORK = next(addresses.RANGE.subnets(new_prefix=PREFIX))
"""The same for every run: nobody else can see it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make. `directory` is the run's scratch directory, `environment` what the nodes' programs inherit."""

    nodes: Mapping[str, list[Daemon]]
    directory: Path
    environment: Mapping[str, str]
    speaks: bool


def by_name(nodes: list[str], network: IPv4Network = NETWORK) -> dict[str, str]:
    """Every node's address."""
    return {node: addresses.node_address(network, index) for index, node in enumerate(nodes)}


def home(directory: Path, node: str) -> Path:
    """A node's data directory."""
    return directory / node / "data"


def logs(directory: Path, node: str) -> Path:
    """Where a node's programs log to, one file each."""
    return directory / node / "logs"


def build(plan: Plan) -> dict[str, RoomNode]:
    """Makes all of it; nothing runs on the nodes yet. The caller is single-threaded and in namespaces of its own.
    Raises `ClusterError`. What was made ends with the caller's namespaces."""
    found = by_name(list(plan.nodes))
    hosts = plan.directory / "hosts"
    names = "".join(f"{address} {node}\n" for node, address in found.items())
    made: dict[str, RoomNode] = {}
    try:
        hosts.write_text(f"127.0.0.1 localhost\n{names}", encoding="ascii")
        for node, daemons in plan.nodes.items():
            home(plan.directory, node).mkdir(parents=True, exist_ok=True)
            logs(plan.directory, node).mkdir(parents=True, exist_ok=True)
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            pid = init.start(init.Setting(node, str(hosts), _inside(found[node])), theirs)
            theirs.close()
            made[node] = RoomNode(
                name=node,
                address=found[node],
                daemons=daemons,
                home=home(plan.directory, node),
                logs=logs(plan.directory, node),
                speaks=plan.speaks,
                environment=dict(plan.environment),
                init=pid,
                requests=ours,
            )
        _ip(_bridge() + "".join(_joined(index, node.init) for index, node in enumerate(made.values())))
        for room in made.values():
            room.requests.send(b"!")
        for room in made.values():
            answer_of(room.requests, room.name)
    except OSError as problem:
        raise ClusterError(f"the nodes' namespaces cannot be made: {problem.strerror}") from problem
    return made


def give_volume(node: RoomNode, images: Path) -> Volume:
    """Puts a file system of the node's own over its data directory, before its programs start: in a file below `images`
    where we are root, else in memory. Raises `ClusterError`."""
    image = images / f"{node.name}.ext4" if volume.problem() is None else None
    made = Volume(node.name, node.data, str(node.home), node.init, image)
    made.make()
    return made


def _bridge() -> str:
    return (
        "link set lo up\n"
        f"link add {BRIDGE} type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n"
        f"addr add {NETWORK[1]}/{PREFIX} dev {BRIDGE}\n"
        f"link set {BRIDGE} up\n"
    )


def _joined(index: int, pid: int) -> str:
    return (
        f"link add node{index} type veth peer name eth0 netns {pid}\nlink set node{index} master {BRIDGE}\n"
        f"link set node{index} up\n"
    )


def _inside(address: str) -> str:
    return f"link set lo up\naddr add {address}/{PREFIX} dev eth0\nlink set eth0 up\n"


def _ip(commands: str) -> None:
    try:
        done = subprocess.run(
            ["ip", "-batch", "-"], input=commands, capture_output=True, text=True, timeout=30, check=False
        )
    except FileNotFoundError as absent:
        raise ClusterError("ip is not installed (on Debian: apt-get install iproute2)") from absent
    except subprocess.TimeoutExpired as slow:
        raise ClusterError("ip did not make the nodes' network within 30 s") from slow
    if done.returncode:
        raise ClusterError(f"the nodes' network cannot be made: ip: {done.stderr.strip()}")
