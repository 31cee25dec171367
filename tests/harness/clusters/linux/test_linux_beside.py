"""Capabilities beside each node, asked together, when some of them cannot be asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from harness.clusters.base import Impairment
from harness.clusters.linux.beside import SpreadClocks, SpreadDisks, SpreadLimits, SpreadProcesses
from harness.errors import ClusterError, NodeError, UsageError
from harness.faults import Evidence, Status

APPLIED = Evidence(Status.APPLIED, {"seen": True})


class Beside:
    """All capabilities of one node, or none: it may be `gone`, or have `forgotten` its faults."""

    def __init__(self, node: str, *, gone: bool = False, forgotten: bool = False) -> None:
        self.node = node
        self.gone = gone
        self.forgotten = forgotten
        self.asked: list[str] = []

    def _answer(self, what: str) -> dict[str, Evidence]:
        if self.gone:
            raise ClusterError("the nodes' agent is gone")
        self.asked.append(what)
        return {self.node: APPLIED}

    async def kill(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        assert nodes == [self.node]
        return self._answer("kill")

    async def start(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        if self.forgotten:
            raise NodeError(f"{self.node} crashed at start")
        return self._answer("start")

    async def alive(self) -> Mapping[str, bool]:
        self._answer("alive")
        return {self.node: False}

    async def skew(self, node: str, offset_ms: float) -> Evidence:
        return self._answer("skew")[node]

    async def offsets(self) -> Mapping[str, float]:
        self._answer("offsets")
        return {self.node: 5.0}

    async def limit(self, fault: str, nodes: Sequence[str], **limits: Any) -> Mapping[str, Evidence]:
        return self._answer("limit")

    async def lift(self, fault: str) -> Mapping[str, Evidence]:
        return {} if self.forgotten else self._answer("lift")

    async def impair(self, fault: str, nodes: Sequence[str], impairment: Impairment) -> Mapping[str, Evidence]:
        self._answer("impair")
        return {self.node: Evidence(Status.SKIPPED, why="impaired already") if self.forgotten else APPLIED}

    async def repair(self, fault: str) -> Mapping[str, Evidence]:
        return self._answer("repair")


def beside(**n2: bool) -> dict[str, Any]:
    return {"n1": Beside("n1"), "n2": Beside("n2", **n2)}


def test_one_that_is_gone_spoils_no_other_ones_evidence() -> None:
    at = beside(gone=True)

    async def main() -> None:
        killed = await SpreadProcesses(at).kill(["n1", "n2"])
        assert killed["n1"].status is Status.APPLIED and killed["n2"].status is Status.INDETERMINATE
        assert "gone" in killed["n2"].why
        assert await SpreadProcesses(at).alive() == {"n1": False, "n2": True}, "nobody knows that it is down"
        assert (await SpreadClocks(at).skew("n2", 1)).status is Status.INDETERMINATE
        assert await SpreadClocks(at).offsets() == {"n1": 5.0}

    asyncio.run(main())


@pytest.mark.parametrize(("n2", "says"), [({"gone": True}, "n2: .* gone"), ({"forgotten": True}, "n2 crashed")])
def test_a_node_that_does_not_start_is_an_error_once_the_others_have_started(n2: dict[str, bool], says: str) -> None:
    at = beside(**n2)
    with pytest.raises(NodeError, match=says):
        asyncio.run(SpreadProcesses(at).start(["n2", "n1"]))
    assert at["n1"].asked == ["start"]


def test_who_is_to_run_is_known() -> None:
    async def main() -> None:
        processes = SpreadProcesses(beside())
        await processes.start(["n1", "n2"])
        await processes.kill(["n2"])
        assert processes.wanted == {"n1"}

    asyncio.run(main())


def test_a_limit_that_ended_with_its_agent_is_told_once() -> None:
    at = beside(forgotten=True)

    async def main() -> None:
        limits = SpreadLimits(at)
        await limits.limit("f", ["n1", "n2"], cpus=0.5)
        lifted = await limits.lift("f")
        assert (lifted["n1"].status, lifted["n2"].status) == (Status.APPLIED, Status.INDETERMINATE)
        assert await limits.lift("f") == {}
        assert await limits.lift("unknown") == {}

    asyncio.run(main())


def test_one_that_is_gone_is_asked_again_to_lift_its_fault() -> None:
    at = beside()

    async def main() -> None:
        limits = SpreadLimits(at)
        await limits.limit("f", ["n1", "n2"], cpus=0.5)
        at["n2"].gone = True
        assert (await limits.lift("f"))["n2"].status is Status.INDETERMINATE
        at["n2"].gone = False
        assert set(await limits.lift("f")) == {"n2"}

    asyncio.run(main())


def test_what_was_skipped_has_nothing_to_repair() -> None:
    at = beside(forgotten=True)

    async def main() -> None:
        disks = SpreadDisks(at)
        await disks.impair("f", ["n1", "n2"], Impairment("full"))
        assert set(await disks.repair("f")) == {"n1"}

    asyncio.run(main())


def test_a_node_that_is_not_there_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="no node 'n9'"):
        asyncio.run(SpreadProcesses(beside()).kill(["n9"]))
