"""What tc does to packets that a node sends to its peers: their rate, and where the kernel has netem, everything else
but loss.

    qdisc htb 5b11: root                      what matches no filter passes untouched
      class 5b11:1  rate 1000kbit             one per peer, chosen by its address
        qdisc netem 8001: delay 50ms 10ms     or bfifo: as much as waits before a router's slow link
      class 5b11:2 ...

This module makes and reads texts. A root qdisc that somebody configured is never replaced: only those which the kernel
gives to an interface by itself (they have the handle 0:), and which it gives back when ours is deleted.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from harness.clusters.base import Shape

QUEUE_BYTES_MAX = 131_072
"""What waits before a link with a rate, as in the simulator."""

NETEM_PACKETS_MAX = 20_000
"""What waits for its time on a link that netem delays."""

REORDER_MS = 10.0
"""How far a reordered packet falls behind where packets are not delayed anyway."""

_UNLIMITED = "100gbit"


@dataclass(frozen=True, slots=True)
class Counts:
    """What passed a device's classes: packets sent, and dropped because too many waited."""

    sent: int
    dropped: int


def handle(run: str) -> int:
    """The major number of a run's qdisc, which has no name to bear the run's; the kernel's own begin at 8001."""
    return 0x1000 + zlib.crc32(run.encode()) % 0x6000


def create(device: str, major: int, peers: Sequence[str]) -> str:
    """Commands (`tc -batch -`) that put a class for each peer in place, without a limit."""
    lines = [f"qdisc add dev {device} root handle {major:x}: htb"]
    for minor, peer in enumerate(peers, 1):
        lines += [
            f"class add dev {device} parent {major:x}: classid {major:x}:{minor:x} htb {_rate(0)}",
            f"filter add dev {device} parent {major:x}: protocol ip prio 1 u32 match ip dst {peer}/32 "
            f"flowid {major:x}:{minor:x}",
        ]
    return "\n".join(lines) + "\n"


def reshape(device: str, major: int, peers: int, shape: Shape, *, netem: bool) -> str:
    """Commands that lead from any shape to this one."""
    leaf = netem_options(shape) if netem else ""
    below = f"netem {leaf}" if leaf else f"bfifo limit {QUEUE_BYTES_MAX}"
    lines = []
    for minor in range(1, peers + 1):
        lines += [
            f"class change dev {device} parent {major:x}: classid {major:x}:{minor:x} htb {_rate(shape.rate_kbit)}",
            # Another kind of qdisc needs another handle; the kernel chooses it.
            f"qdisc replace dev {device} parent {major:x}:{minor:x} {below}",
        ]
    return "\n".join(lines) + "\n"


def delete(device: str) -> str:
    """The command that gives the interface back its own qdisc."""
    return f"qdisc del dev {device} root\n"


def netem_options(shape: Shape) -> str:
    """A shape in the words of netem(8), loss and rate apart; empty when there is nothing for netem to do.

    With a rate, however large, netem keeps packets in order under jitter."""
    reorder, delay_ms = shape.reorder, shape.delay_ms
    if reorder and not delay_ms:
        # netem sends some at once and delays the rest: what is to fall behind is the rest.
        reorder, delay_ms = 1 - reorder, REORDER_MS
    words = []
    if delay_ms or shape.jitter_ms:
        words.append(f"delay {delay_ms:g}ms" + (f" {shape.jitter_ms:g}ms" if shape.jitter_ms else ""))
        if shape.reorder:
            words.append(f"reorder {reorder * 100:g}%")
        elif shape.jitter_ms:
            words.append(f"rate {_UNLIMITED}")
    if shape.duplicate:
        words.append(f"duplicate {shape.duplicate * 100:g}%")
    return " ".join([f"limit {NETEM_PACKETS_MAX}", *words]) if words else ""


def root(listing: str) -> tuple[str, str]:
    """(kind, handle) of an interface's root qdisc, of `tc -j qdisc show dev DEVICE`; ("", "0:") where it has none."""
    for qdisc in json.loads(listing or "[]"):
        if qdisc.get("root"):
            return qdisc["kind"], qdisc["handle"]
    return "", "0:"


def leaves(listing: str, major: int) -> list[str]:
    """The kinds of the qdiscs below our classes."""
    own = f"{major:x}:"
    return [qdisc["kind"] for qdisc in json.loads(listing or "[]") if str(qdisc.get("parent", "")).startswith(own)]


def counts(listing: str, major: int) -> Counts:
    """What the qdiscs below our classes counted, of `tc -s -j qdisc show dev DEVICE`."""
    own = f"{major:x}:"
    below = [qdisc for qdisc in json.loads(listing or "[]") if str(qdisc.get("parent", "")).startswith(own)]
    return Counts(sum(one.get("packets", 0) for one in below), sum(one.get("drops", 0) for one in below))


def _rate(kbit: float) -> str:
    rate = f"rate {round(kbit * 1000)}bit" if kbit else f"rate {_UNLIMITED}"
    return f"{rate} quantum 60000"
