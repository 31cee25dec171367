"""What the Linux faults need of a node: to know which processes are its service, to start it again, and to run programs
where the node's packets pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Done:
    """A program that ran to its end: its exit code (negative: the signal that ended it) and what it wrote."""

    code: int
    out: bytes
    err: bytes

    @property
    def complaint(self) -> str:
        """The first line that it wrote on standard error, else its exit code: for messages."""
        lines = self.err.decode("utf-8", "replace").strip().splitlines()
        return lines[0] if lines else f"exit status {self.code}"


class ServiceNode(Protocol):
    """A node whose processes this machine sees. Methods block, and may be called from any thread; one caller at a time
    per node.
    """

    name: str
    address: str
    port: int

    @property
    def data(self) -> Path:
        """The node's data directory, by a path that this machine can follow."""
        ...

    def pids(self) -> list[int]:
        """Every living process of the service, however it was forked or daemonised, as this machine numbers them."""
        ...

    def launch(self) -> Sequence[int]:
        """Starts the service's programs, one after the other, and returns their processes, each of which executes its
        program from the start; 0 stands for one that has come to its end already. Raises `ClusterError`.
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

    def entering(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs a program of this machine in the node's network namespace, and in no other
        namespace of the node: it finds this machine's files and programs, and the node's interfaces.
        """
        ...

    def enter(self, argv: Sequence[str], stdin: bytes = b"", timeout_s: float = 10.0) -> Done:
        """Runs such a program to its end. Raises `ClusterError` when it cannot be started or does not end in time."""
        ...
