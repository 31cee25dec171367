"""The store: a node that hands out numbers.

With `apart: false` each node counts from one on its own, so two nodes give out the same number: a bug to be found."""

from typing import Any

from harness.node import Host, Node


class Counter(Node):
    """Answers `next` with a number it has not given out before."""

    def __init__(self, host: Host, *, apart: bool = True) -> None:
        super().__init__(host)
        self.step = len(self.nodes) if apart else 1
        self.last = self.nodes.index(self.name) if apart else 0

    def on_next(self, source: str, body: dict[str, Any]) -> dict[str, Any]:
        self.last += self.step
        return {"type": "next_ok", "value": self.last}
