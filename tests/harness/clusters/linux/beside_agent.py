"""An agent for the tests: its processes capability notes what is asked of it in a file."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.clusters.linux.agent import beside
from harness.errors import NodeError
from harness.faults import Evidence, Status


class Noting:
    """Processes, on paper."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def _note(self, act: str, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        with self._file.open("a") as notes:
            notes.write(f"{act} {' '.join(nodes)}\n")
        print("this must not reach the controller")  # noqa: T201 - that is the point
        return {node: Evidence(Status.APPLIED, {"text": "x" * 200_000}) for node in nodes}

    async def pause(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        return await self._note("pause", nodes)

    async def resume(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        return await self._note("resume", nodes)

    async def kill(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        return await self._note("kill", nodes)

    async def start(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        raise NodeError(f"{nodes[0]} crashed at start")


async def assemble(order: Mapping[str, Any]) -> beside.Assembled:
    if "notes" not in order:
        raise NodeError("there is nothing to note in")
    return beside.Assembled({"processes": Noting(Path(order["notes"]))}, {"kill": None, "clock": "no ptrace"})


if __name__ == "__main__":
    sys.exit(beside.run(assemble))
