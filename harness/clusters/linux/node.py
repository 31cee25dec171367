"""The one thing the Linux faults need of a node: to know which processes are its service, and to start it again."""

from __future__ import annotations

from typing import Protocol


class ServiceNode(Protocol):
    """A node whose processes this machine sees. Methods block, and may be called from any thread; one caller at a time
    per node.
    """

    name: str
    address: str
    port: int

    def pids(self) -> list[int]:
        """Every living process of the service, however it was forked or daemonised, as this machine numbers them."""
        ...

    def launch(self) -> int:
        """Starts the service and returns its process, which executes the service's program from the start. Raises
        `ClusterError`.
        """
        ...

    def answers(self) -> bool:
        """Whether the service serves requests, found out within about a second."""
        ...

    def wall_ns(self) -> int | None:
        """What time the service itself says it is, ns since the epoch; None when it does not say."""
        ...

    def log_tail(self) -> str:
        """The last lines that the service wrote; empty when there are none or they cannot be had."""
        ...
