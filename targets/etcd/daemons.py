"""How a node of etcd is started: one daemon, in the foreground, everything by command line.

`--initial-cluster-state new` is right for every start but one: etcd reads it only where its data directory is empty. A
member that was removed and comes back needs `existing` there, and is told so by `rejoined`, the members as they are
then.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.target import Daemon

CLIENT_PORT = 2379
PEER_PORT = 2380

TOKEN = "splitbrain"
SNAPSHOT_COUNT = 1_000
"""Entries between snapshots; etcd's own 100,000 would not be reached in a test, and recovery never exercised."""


def peer_url(address: str) -> str:
    """Where a node's peers reach it."""
    return f"http://{address}:{PEER_PORT}"


def etcd_daemon(
    node: str,
    addresses: Mapping[str, str],
    data: str,
    *,
    election_ms: int,
    heartbeat_ms: int,
    snapshot_count: int = SNAPSHOT_COUNT,
    rejoined: bool = False,
) -> Daemon:
    """The daemon of one node. `addresses` are those of the members."""
    client = f"http://{addresses[node]}:{CLIENT_PORT}"
    peers = ",".join(f"{name}={peer_url(address)}" for name, address in addresses.items())
    return Daemon(
        name="etcd",
        argv=(
            "etcd",
            *("--name", node),
            *("--data-dir", f"{data}/etcd"),
            *("--listen-client-urls", client),
            *("--advertise-client-urls", client),
            *("--listen-peer-urls", peer_url(addresses[node])),
            *("--initial-advertise-peer-urls", peer_url(addresses[node])),
            *("--initial-cluster", peers),
            *("--initial-cluster-token", TOKEN),
            *("--initial-cluster-state", "existing" if rejoined else "new"),
            *("--election-timeout", str(election_ms)),
            *("--heartbeat-interval", str(heartbeat_ms)),
            *("--snapshot-count", str(snapshot_count)),
            *("--logger", "zap"),
            *("--log-outputs", "stderr"),
        ),
        port=CLIENT_PORT,
        env={"ETCD_UNSUPPORTED_ARCH": "arm64"},
    )
