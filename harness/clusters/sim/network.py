"""The simulated network as nemeses see it: faults by id, several at once, and what each did read back from the
links."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict

from harness.clusters.base import Drops, Shape
from harness.clusters.sim.link import Deliver, Link
from harness.clusters.sim.loop import SimLoop
from harness.errors import Unsupported, UsageError
from harness.faults import Evidence, Status


class SimNetwork:
    """A link for every ordered pair of nodes, also from a node to itself. `base` shapes all links between different
    nodes, always.
    `make` makes the links, as the class does."""

    def __init__(
        self,
        loop: SimLoop,
        deliver: Mapping[str, Deliver],
        *,
        latency_ns: tuple[int, int],
        base: Shape,
        stream: random.Random,
        make: Callable[..., Link] = Link,
    ) -> None:
        self._links: dict[str, dict[str, Link]] = {}
        for source in deliver:
            self._links[source] = {}
            for dest, take in deliver.items():
                range_ns = latency_ns if source != dest else (0, 0)
                self._links[source][dest] = make(loop, source, dest, take, latency_ns=range_ns, stream=stream)
        self._base = base
        self._cut: dict[str, dict[Link, dict[str, int]]] = {}
        self._shaped: dict[str, dict[Link, dict[str, int]]] = {}
        self._shapes: dict[str, Shape] = {}
        self._reshape(self._pairs())

    def links(self, source: str) -> Mapping[str, Link]:
        """Everything this node can send to, by name."""
        return self._links[source]

    def cutting(self, link: Link) -> list[str]:
        """The faults that cut this link now."""
        return [fault for fault, links in self._cut.items() if link in links]

    def losing(self, link: Link) -> list[str]:
        """The faults by whose shapes this link may lose a message now; none where it does so even undisturbed."""
        shapes = [(fault, self._shapes[fault]) for fault, links in self._shaped.items() if link in links]
        return [fault for fault, shape in shapes if shape.loss or shape.rate_kbit]

    async def cut(self, fault: str, drops: Drops) -> Mapping[str, Evidence]:
        """Drops the named directions at once, what is in flight included. A fault's id can be in force only once."""
        self._check_new(fault)
        cut: dict[Link, dict[str, int]] = {}
        for dest, sources in drops.items():
            for source in sources:
                link = self._link(source, dest)
                if link not in cut:
                    cut[link] = link.counters()
                    link.cuts += 1
        self._cut[fault] = cut
        by_dest = _by(cut, lambda link: link.dest)
        return {
            dest: _applied({"drops_from": sorted(link.source for link in links if link.cuts)})
            for dest, links in by_dest.items()
        }

    async def reject(self, fault: str, drops: Drops) -> Mapping[str, Evidence]:
        """Refuses: messages of the simulator have no connections that could be reset."""
        raise Unsupported("the simulator cannot reject: its messages have no connections to reset")

    async def shape(self, fault: str, nodes: Sequence[str], shape: Shape) -> Mapping[str, Evidence]:
        """Shapes what these nodes send to others; shapes already there stay in force beside it."""
        self._check_new(fault)
        links = [link for node in nodes for link in self._others(node)]
        self._shapes[fault] = shape
        self._shaped[fault] = {link: link.counters() for link in links}
        self._reshape(links)
        return {
            source: _applied({"links": [link.dest for link in own]} | asdict(own[0].shape))
            for source, own in _by(links, lambda link: link.source).items()
        }

    async def mend(self, fault: str) -> Mapping[str, Evidence]:
        """Lifts one fault, a cut or a shape. Counts are of messages while it was in force, whichever fault took
        them."""
        cut = self._cut.pop(fault, {})
        for link in cut:
            link.cuts -= 1
        shaped = self._shaped.pop(fault, {})
        self._shapes.pop(fault, None)
        self._reshape(shaped)
        evidence: dict[str, Evidence] = {}
        for dest, links in _by(cut, lambda link: link.dest).items():
            still = sorted(link.source for link in links if link.cuts)
            dropped = {link.source: link.dropped - cut[link]["dropped_packets"] for link in links}
            evidence[dest] = _applied(
                {"drops_from": still, "dropped_packets": sum(dropped.values()), "dropped_by_source": dropped}
            )
        for source, links in _by(shaped, lambda link: link.source).items():
            counts = {
                name: sum(link.counters()[name] - shaped[link][name] for link in links) for name in links[0].counters()
            }
            evidence[source] = _applied(counts | asdict(links[0].shape))
        return evidence

    def _check_new(self, fault: str) -> None:
        if fault in self._cut or fault in self._shaped:
            raise UsageError(
                f"the fault {fault!r} is already in force on the network; give each fault an id of its own"
            )

    def _link(self, source: str, dest: str) -> Link:
        link = self._links.get(source, {}).get(dest)
        if link is None or source == dest:
            raise UsageError(f"there is no link from {source!r} to {dest!r} to cut; nodes are {', '.join(self._links)}")
        return link

    def _others(self, node: str) -> list[Link]:
        if node not in self._links:
            raise UsageError(f"there is no node {node!r} to shape; nodes are {', '.join(self._links)}")
        return [link for link in self._links[node].values() if link.dest != node]

    def _pairs(self) -> list[Link]:
        return [link for node in self._links for link in self._others(node)]

    def _reshape(self, links: Iterable[Link]) -> None:
        for link in links:
            link.reshape([self._base, *(shape for fault, shape in self._shapes.items() if link in self._shaped[fault])])


def _by(links: Iterable[Link], end: Callable[[Link], str]) -> dict[str, list[Link]]:
    grouped: dict[str, list[Link]] = {}
    for link in links:
        grouped.setdefault(end(link), []).append(link)
    return grouped


def _applied(measured: Mapping[str, object]) -> Evidence:
    return Evidence(Status.APPLIED, measured)
