"""Which servers hold a key: the order in which they are asked, the same on every server.

By rendezvous hashing (Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", ToN 1998): each server
has a score for each key, and the highest come first. A server that leaves moves its own keys and no others, as on a
ring of hashes, without a ring to keep.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence


def replicas_of(key: str | int, nodes: Sequence[str]) -> list[str]:
    """All servers, those to hold the key first."""
    text = json.dumps(key)
    return sorted(nodes, key=lambda node: (zlib.crc32(f"{node} {text}".encode()), node), reverse=True)


def shard_of(key: str | int, shards: int) -> int:
    """The shard that a key belongs to, of so many: by its hash, so keys spread evenly, and shards stay when servers
    go."""
    return zlib.crc32(json.dumps(key).encode()) % shards
