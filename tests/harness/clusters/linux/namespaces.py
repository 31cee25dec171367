"""Nodes that are nothing but network namespaces, joined by a bridge in one of its own: what packets do between them is
seen from inside. Everything ends with the processes that hold the namespaces.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from local_node import LocalNode

from harness.clusters.linux import commands

CONTROLLER = "198.18.0.2"

_RECEIVE = """
import socket, sys, time
s = socket.socket(type=socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)
s.bind(("", 7999)); s.settimeout(float(sys.argv[1])); print("bound", flush=True)
began = None
try:
    while True:
        got = s.recv(2000)
        began = began or time.monotonic()
        print(int(got[:8]), time.monotonic() - began)
except TimeoutError:
    pass
"""

_SEND = """
import socket, sys, time
s = socket.socket(type=socket.SOCK_DGRAM)
address, count, size, pause = sys.argv[1], *map(float, sys.argv[2:])
for number in range(int(count)):
    s.sendto((b"%08d" % number).ljust(int(size)), (address, 7999))
    time.sleep(pause)
"""

_CONNECT = """
import errno, socket, sys, time
best = None
for _ in range(int(sys.argv[2])):
    s = socket.socket(); s.settimeout(float(sys.argv[3])); began = time.monotonic()
    code = s.connect_ex((sys.argv[1], 9))
    print(errno.errorcode.get(code, code), (time.monotonic() - began) * 1000)
"""


class Namespace(LocalNode):
    """A `ServiceNode` in a network namespace of its own, without a service."""

    def __init__(self, name: str, address: str) -> None:
        super().__init__(name)
        self.address = address
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "600"])
        own = Path("/proc/self/ns/net").readlink()
        for _ in range(1000):
            try:
                if Path(f"/proc/{self.holder.pid}/ns/net").readlink() != own:
                    break
            except OSError:
                pass
            time.sleep(0.005)
        self.must("ip", "link", "set", "lo", "up")

    def entering(self, argv: Sequence[str]) -> list[str]:
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--", *argv]

    def must(self, *argv: str, timeout_s: float = 20) -> str:
        """Runs a program inside, which must succeed."""
        done = commands.run(self.entering(argv), b"", timeout_s)
        assert done.code == 0, (argv, done)
        return done.out.decode()

    def state(self) -> tuple[str, str]:
        """Every rule and qdisc there is."""
        return self.must("nft", "list", "ruleset"), self.must("tc", "qdisc", "show")

    def connects(self, address: str, count: int = 1, timeout_s: float = 1) -> list[tuple[str, float]]:
        """How that many attempts to connect to a closed port end, and after how many milliseconds."""
        said = self.must(sys.executable, "-c", _CONNECT, address, str(count), str(timeout_s))
        return [(line.split()[0], float(line.split()[1])) for line in said.splitlines()]

    def round_trip_ms(self, address: str) -> float:
        return min(ms for _, ms in self.connects(address, 5))

    def sends(
        self, other: Namespace, count: int, *, size: int = 100, pause_s: float = 0.0, patience_s: float = 0.7
    ) -> list[tuple[int, float]]:
        """The numbers of the datagrams that arrive at another node, in this order, with seconds since the first."""
        listening = other.entering([sys.executable, "-c", _RECEIVE, str(patience_s)])
        with subprocess.Popen(listening, stdout=subprocess.PIPE, text=True) as listener:
            assert listener.stdout and listener.stdout.readline()
            self.must(sys.executable, "-c", _SEND, other.address, str(count), str(size), str(pause_s), timeout_s=60)
            lines = listener.stdout.read().splitlines()
        return [(int(line.split()[0]), float(line.split()[1])) for line in lines]

    def close(self) -> None:
        super().close()
        self.holder.kill()
        self.holder.wait()


@contextmanager
def joined(count: int) -> Iterator[dict[str, Namespace]]:
    """So many nodes n1, n2, ... and the controller's namespace, `controller`, behind one bridge."""
    made: dict[str, Namespace] = {}
    try:
        made["switch"] = switch = Namespace("switch", "")
        switch.must("ip", "link", "add", "hub", "type", "bridge")
        switch.must("ip", "link", "set", "hub", "up")
        addresses = {"controller": CONTROLLER} | {f"n{i}": f"198.18.0.{10 + i}" for i in range(1, count + 1)}
        for name, address in addresses.items():
            made[name] = node = Namespace(name, address)
            pair = ("type", "veth", "peer", "name", f"p-{name}", "netns", str(switch.holder.pid))
            node.must("ip", "link", "add", "eth0", *pair)
            node.must("ip", "address", "add", f"{address}/24", "dev", "eth0")
            node.must("ip", "link", "set", "eth0", "up")
            switch.must("ip", "link", "set", f"p-{name}", "master", "hub", "up")
        yield {name: node for name, node in made.items() if name != "switch"}
    finally:
        for node in made.values():
            node.close()


def problem() -> str | None:
    """Why no such nodes can be made here."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "network namespaces need root on Linux"
    missing = [program for program in ("ip", "tc", "nft", "nsenter", "unshare") if commands.found(program) is None]
    return f"{', '.join(missing)} not installed" if missing else None
