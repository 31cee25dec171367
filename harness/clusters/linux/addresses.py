"""Networks for runs: one /24 each, out of 198.18.0.0/15.

That range is set aside for benchmarks of network gear (RFC 2544) and is routed nowhere, so it collides with no user's
own private network. Collisions among runs are ruled out by a lock and the ledger; a network that somebody else set up
in the range shows as a route.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network
from pathlib import Path

from harness.errors import ClusterError

RANGE = IPv4Network("198.18.0.0/15")

FIRST_NODE = 10
"""Node i of a run has host number FIRST_NODE + i; the numbers below are left for gateways and controllers."""

MAX_NODES = 240


def free(taken: Iterable[IPv4Network]) -> IPv4Network:
    """The first /24 that overlaps none of the given networks. Raises `ClusterError` when 512 runs have used them up."""
    used = list(taken)
    for candidate in RANGE.subnets(new_prefix=24):
        if not any(candidate.overlaps(other) for other in used):
            return candidate
    raise ClusterError(f"no free network is left in {RANGE}: `splitbrain clean` removes those of dead runs")


def routed(table: str | None = None) -> list[IPv4Network]:
    """The networks this machine has routes to, but for default routes; `table` is the text of /proc/net/route."""
    text = Path("/proc/net/route").read_text(encoding="ascii") if table is None else table
    found = []
    for line in text.splitlines()[1:]:
        _, destination, _, _, _, _, _, mask, *_ = line.split()
        # Both are 32-bit numbers in the machine's byte order, which on every machine splitbrain runs on is
        # little-endian.
        address = int.from_bytes(bytes.fromhex(destination), "little")
        prefix = int(mask, 16).bit_count()
        if prefix:
            found.append(IPv4Network((address, prefix)))
    return found


def node_address(subnet: IPv4Network, index: int) -> str:
    """The address of node `index` (from 0)."""
    if not 0 <= index < MAX_NODES:
        raise ClusterError(f"a run has at most {MAX_NODES} nodes")
    return str(subnet[FIRST_NODE + index])
