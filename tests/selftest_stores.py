"""Stores of one node for the selftest, each as wrong as its name says, and the package that declares them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from harness.claims import Claim
from harness.node import Host, Node, RpcError
from harness.node.errors import PRECONDITION_FAILED, TEMPORARILY_UNAVAILABLE
from harness.target import NodeService, Trial
from targets.toy import Planted, Toy

NAMES = ("honest", "boastful", "unsure", "crashing", "deadly", "misnamed", "endless")

FIELDS = {"nodes": 1, "time": "2s", "settle": "500ms", "timeout": "500ms"}


def install(folder: Path) -> Path:
    """Declares the stores as an installed package does, in a folder that belongs on the path. Returns it."""
    info = folder / "selftest_stores-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: selftest-stores\nVersion: 1\n")
    lines = [f"{name} = tests.selftest_stores:{name}" for name in NAMES]
    (info / "entry_points.txt").write_text("[splitbrain.targets]\n" + "\n".join(lines) + "\n")
    return folder


class Registers(Node):
    """Keeps registers in memory."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.values: dict[str, Any] = {}

    def on_read(self, source: str, body: dict[str, Any]) -> dict[str, Any]:
        return {"type": "read_ok", "value": self.values.get(body["key"])}

    def on_write(self, source: str, body: dict[str, Any]) -> dict[str, Any]:
        self.values[body["key"]] = body["value"]
        return {"type": "write_ok"}

    def on_cas(self, source: str, body: dict[str, Any]) -> dict[str, Any]:
        if self.values.get(body["key"]) != body["from"]:
            raise RpcError(PRECONDITION_FAILED, "another value")
        return {**self.on_write(source, {**body, "value": body["to"]}), "type": "cas_ok"}


class LosesWrites(Registers):
    """Every fourth write is acknowledged and forgotten."""

    def on_write(self, source: str, body: dict[str, Any]) -> dict[str, Any]:
        return super().on_write(source, body) if self.random.getrandbits(2) else {"type": "write_ok"}


class RefusesReads(Registers):
    """Every fourth read is refused."""

    def on_read(self, source: str, body: dict[str, Any]) -> dict[str, Any]:
        if self.random.getrandbits(2):
            return super().on_read(source, body)
        raise RpcError(TEMPORARILY_UNAVAILABLE, "not now")


class CrashesAtStart(Registers):
    async def start(self) -> None:
        raise RuntimeError("no such disk")


class EndsTheProcess(Registers):
    def on_write(self, source: str, body: dict[str, Any]) -> dict[str, Any]:
        os._exit(7)


class StandsStill(Registers):
    def on_write(self, source: str, body: dict[str, Any]) -> dict[str, Any]:
        time.sleep(60)
        return super().on_write(source, body)


def _toy(
    name: str, node: str, expect: Any = "linearizable", bugs: tuple[Planted, ...] = (), workload: str = "register"
) -> Toy:
    return Toy(
        name,
        NodeService(node, packages=()),
        (Claim.of(f"{name}-promise", expect, workload="register", nemeses=()),),
        trials=(Trial(workload, (), FIELDS),),
        bugs=bugs,
    )


HERE = "tests.selftest_stores"
HONEST = f"{HERE}:Registers"


def honest(*, bug: str | None = None) -> Toy:
    """As good as it says, with a bug that shows at once and one that cannot show."""
    bugs = (
        Planted("loses-writes", "forgets writes", ("linearizable",), f"{HERE}:LosesWrites"),
        Planted("does-nothing", "nothing is wrong", ("linearizable",), HONEST),
    )
    return _toy("honest", HONEST, bugs=bugs).with_bug(bug)


def boastful() -> Toy:
    """Promises what it cannot keep."""
    return _toy("boastful", f"{HERE}:RefusesReads", {"availability": {"min": 1}})


def unsure() -> Toy:
    """Of its promise nothing can ever be known."""
    return _toy("unsure", HONEST, {"not": "linearizable"})


def crashing() -> Toy:
    return _toy("crashing", f"{HERE}:CrashesAtStart")


def deadly() -> Toy:
    """Ends the process that simulates it."""
    return _toy("deadly", f"{HERE}:EndsTheProcess")


def misnamed() -> Toy:
    """Has a trial that cannot be: nobody knows its workload."""
    return _toy("misnamed", HONEST, workload="no-such-work")


def endless() -> Toy:
    """Simulating it takes for ever."""
    return _toy("endless", f"{HERE}:StandsStill")
