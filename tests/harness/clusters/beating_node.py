"""A store for the docker tests: its nodes send each other heartbeats, and say when they last heard whom."""

from __future__ import annotations

import os
import time
from pathlib import Path

from harness.node import Host, Node

BEAT_S = 0.02


def _idle() -> None:
    while True:
        time.sleep(1)


class Beating(Node):
    """`crash` makes its start fail, `fork` makes it leave a daemon behind, `litter` sets traps in its log directory."""

    def __init__(self, host: Host, *, crash: bool = False, fork: bool = False, litter: bool = False) -> None:
        super().__init__(host)
        self.heard: dict[str, int] = {}
        self.crash, self.fork, self.litter = crash, fork, litter

    async def start(self) -> None:
        if self.crash:
            raise RuntimeError("out of luck")
        if self.fork and os.fork() == 0:
            os.setsid()
            _idle()
        if self.litter:
            Path("/var/log/splitbrain/secret").symlink_to("/etc/shadow")
            Path("/var/log/splitbrain/extra").write_text("more", encoding="ascii")
        self.log(f"{self.name} beats")
        self.beat()

    def beat(self) -> None:
        for peer in self.peers:
            self.send(peer, {"type": "beat"})
        self.after(BEAT_S, self.beat)

    async def on_beat(self, source: str, body: dict[str, object]) -> None:
        self.heard[source] = self.clock.monotonic()

    async def on_heard(self, source: str, body: dict[str, object]) -> dict[str, object]:
        """Milliseconds since each peer was heard last, and what this process takes for the time."""
        now = self.clock.monotonic()
        return {
            "type": "heard_ok",
            "ages_ms": {peer: (now - at) / 1e6 for peer, at in self.heard.items()},
            "wall_ns": time.time_ns(),
            "monotonic_ns": time.monotonic_ns(),
        }
