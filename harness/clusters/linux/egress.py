"""What one node sends to its peers, shaped where it leaves the node: rate by tc, delay, jitter, duplicates and order by
netem or, where the kernel has none, by a program of ours (see `delays`). Loss happens at the receivers (see `inbound`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from harness.clusters.base import Shape
from harness.clusters.linux import tc
from harness.clusters.linux.delays.started import Delays
from harness.clusters.linux.node import ServiceNode
from harness.clusters.linux.undo import UndoLog, no_qdisc
from harness.errors import ClusterError


@dataclass(frozen=True, slots=True)
class Names:
    """What a run's things on a node are called: the delaying table, its owner, the qdisc's number."""

    table: str
    owner: str
    major: int


class Egress:
    """One node's way out, blocking. Nothing of ours is on the node while nothing is shaped."""

    def __init__(self, node: ServiceNode, names: Names, log: UndoLog | None = None, *, netem: bool) -> None:
        """`log` gets written where the node outlives the run and is the machine itself. What delays needs none: it ends
        with this process."""
        self._node = node
        self._log = log
        self._steps: dict[str, int] = {}
        self._names = names
        self._netem = netem
        self._devices: dict[str, list[str]] = {}
        self._delays: Delays | None = None

    def reshape(self, shape: Shape, peers: Sequence[str]) -> dict[str, int]:
        """Puts a shape in force toward these addresses, which stay the same as long as anything is shaped. Returns the
        counters until now: they begin with the first shape and end with the last. Raises `ClusterError`."""
        delaying = replace(shape, loss=0.0, rate_kbit=0.0)
        counters = {} if self._netem else self._delay(delaying, peers)
        return counters | self._shape_links(shape if self._netem else Shape(rate_kbit=shape.rate_kbit), peers)

    def read(self) -> dict[str, Any]:
        """What the node says is in force, by what was asked of it: qdiscs by device, or the table of delays. Raises
        `ClusterError`."""
        seen: dict[str, Any] = {}
        if self._devices:
            seen["shaped"] = {device: self._links(device) for device in self._devices}
        if self._delays is not None:
            # As text: nft 1.0.6 writes whatever lies in memory for the flags of a table that has an owner as JSON.
            listing = self._node.enter(["nft", "list", "table", "ip", self._names.table])
            if listing.code:
                raise ClusterError(f"nft: {listing.complaint}")
            rules = [line for line in listing.out.decode("utf-8", "replace").splitlines() if self._names.owner in line]
            if not rules:
                raise ClusterError(f"no rule queues packets on {self._node.name}")
            seen |= {"queueing_rules": len(rules), "delays_pid": self._delays.pid}
        return seen

    def close(self) -> None:
        """Ends what runs beside the node. Its qdiscs go with `reshape`, or with the node's network."""
        if self._delays is not None:
            self._delays.stop()
            self._delays = None

    def _delay(self, shape: Shape, peers: Sequence[str]) -> dict[str, int]:
        wanted = shape != Shape()
        if self._delays is None:
            if not wanted:
                return {}
            self._delays = Delays(self._node.entering, self._names.table, self._names.owner, peers)
        try:
            return self._delays.reshape(shape)
        except ClusterError:
            # Its table is gone with it, and packets pass. Whoever shapes next gets a new one.
            self.close()
            if wanted:
                raise
            return {}
        finally:
            if not wanted:
                self.close()

    def _shape_links(self, shape: Shape, peers: Sequence[str]) -> dict[str, int]:
        wanted = bool(shape.rate_kbit or (self._netem and tc.netem_options(shape)))
        if wanted and not self._devices:
            by_device: dict[str, list[str]] = {}
            for peer in peers:
                by_device.setdefault(self._device(peer), []).append(peer)
            for device, behind in by_device.items():
                kind, handle = tc.root(self._listing(device))
                if handle != "0:":
                    raise ClusterError(f"{device} of {self._node.name} has a qdisc of somebody else's: {kind} {handle}")
                if self._log is not None:
                    self._steps[device] = self._log.add(no_qdisc(device, self._names.major))
                self._devices[device] = behind
                self._tc(tc.create(device, self._names.major, behind))
        counts = [tc.counts(self._listing(device), self._names.major) for device in self._devices]
        for device, behind in list(self._devices.items()):
            if wanted:
                self._tc(tc.reshape(device, self._names.major, len(behind), shape, netem=self._netem))
            else:
                if tc.root(self._listing(device))[1] == f"{self._names.major:x}:":
                    self._tc(tc.delete(device))
                del self._devices[device]
                if self._log is not None:
                    self._log.strike(self._steps.pop(device))
        if not counts:
            return {}
        return {"queued_packets": sum(one.sent for one in counts), "overflowed_at_rate": sum(c.dropped for c in counts)}

    def _links(self, device: str) -> dict[str, Any]:
        """How many links are shaped there, and how: read back, so it is not what was asked for but what is."""
        done = self._node.enter(["tc", "class", "show", "dev", device])
        own = rf"class htb {self._names.major:x}:[0-9a-f]+ .*\brate (\S+)"
        rates = re.findall(own, done.out.decode("utf-8", "replace"))
        leaves = tc.leaves(self._listing(device), self._names.major)
        if not len(rates) == len(leaves) == len(self._devices[device]):
            raise ClusterError(f"tc lists {len(rates)} of {len(self._devices[device])} links of {device}")
        return {"links": len(rates), "rate": rates[0], "qdisc": leaves[0]}

    def _device(self, peer: str) -> str:
        done = self._node.enter(["ip", "-j", "route", "get", peer])
        with suppress(ValueError, LookupError):
            return str(json.loads(done.out)[0]["dev"])
        raise ClusterError(f"{self._node.name} has no route to {peer}: {done.complaint}")

    def _listing(self, device: str) -> str:
        done = self._node.enter(["tc", "-s", "-j", "qdisc", "show", "dev", device])
        if done.code:
            raise ClusterError(f"tc qdisc show dev {device}: {done.complaint}")
        return done.out.decode("utf-8", "replace")

    def _tc(self, commands: str) -> None:
        done = self._node.enter(["tc", "-batch", "-"], commands.encode())
        if done.code:
            raise ClusterError(f"tc on {self._node.name}: {done.complaint}")


def describe(shape: Shape) -> Mapping[str, float]:
    """The fields that say something, without what floating point adds to sums and products."""
    return {name: round(value, 9) for name, value in asdict(shape).items() if value}
