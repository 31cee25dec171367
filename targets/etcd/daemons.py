"""How a node of etcd is started: one daemon, in the foreground, everything from a file in its data directory.

The file is JSON, which is YAML, which is what etcd reads. It is written before the first start and stays: what it says
of the initial cluster etcd reads only while it has no data. A member that was removed and comes back needs a file that
says `existing`, with the members as they are then, and an empty data directory; `rejoining` makes the one, and names
the other after the new member, so that nothing has to be deleted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.target import Daemon

CLIENT_PORT = 2379
PEER_PORT = 2380
CONFIG = "etcd.yml"

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
) -> Daemon:
    """The daemon of one node. `addresses` are those of the members."""
    client = f"http://{addresses[node]}:{CLIENT_PORT}"
    config = {
        "name": node,
        "data-dir": f"{data}/etcd",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer_url(addresses[node]),
        "initial-advertise-peer-urls": peer_url(addresses[node]),
        "initial-cluster": initial_cluster({name: peer_url(address) for name, address in addresses.items()}),
        "initial-cluster-token": "splitbrain",
        "initial-cluster-state": "new",
        "election-timeout": election_ms,
        "heartbeat-interval": heartbeat_ms,
        "snapshot-count": snapshot_count,
        "enable-grpc-gateway": True,  # the default on a command line, but not in a file
        "logger": "zap",
        "log-outputs": ["stderr"],
    }
    return Daemon("etcd", ("etcd", "--config-file", f"{data}/{CONFIG}"), CLIENT_PORT, files={CONFIG: written(config)})


def rejoining(config: Mapping[str, Any], members: Mapping[str, str], member: str) -> dict[str, Any]:
    """The configuration of a node that comes back as a new member: `members` are all names with their peer URLs, its
    own among them; `member` is its new ID."""
    base = str(config["data-dir"]).partition("/etcd")[0]
    return {
        **config,
        "data-dir": f"{base}/etcd-{member}",
        "initial-cluster": initial_cluster(members),
        "initial-cluster-state": "existing",
    }


def initial_cluster(members: Mapping[str, str]) -> str:
    """Names and peer URLs, as etcd writes them."""
    return ",".join(f"{name}={url}" for name, url in members.items())


def written(config: Mapping[str, Any]) -> str:
    """A configuration as the text of its file."""
    return json.dumps(config, indent=1) + "\n"
