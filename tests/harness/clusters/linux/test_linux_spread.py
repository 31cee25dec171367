"""Networks beside each node, asked together, when some of them cannot be asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from harness.clusters.base import Network, Shape
from harness.clusters.linux.spread import SpreadNetwork, merge
from harness.errors import ClusterError, UsageError
from harness.faults import Evidence, Status


class Beside:
    """A network that notes what it is asked, or is out of reach."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.asked: list[Any] = []
        self.reachable = True

    async def cut(self, fault: str, drops: Any) -> Mapping[str, Evidence]:
        return self._answer("cut", fault, drops)

    async def reject(self, fault: str, drops: Any) -> Mapping[str, Evidence]:
        return self._answer("reject", fault, drops)

    async def shape(self, fault: str, nodes: Any, shape: Shape) -> Mapping[str, Evidence]:
        return self._answer("shape", fault, nodes, shape)

    async def mend(self, fault: str) -> Mapping[str, Evidence]:
        return self._answer("mend", fault)

    def _answer(self, *asked: Any) -> dict[str, Evidence]:
        if not self.reachable:
            raise ClusterError("the agent is gone")
        self.asked.append(asked)
        return {self.node: Evidence(Status.APPLIED, {"by": self.node})}


def spread() -> tuple[SpreadNetwork, dict[str, Beside]]:
    beside = {name: Beside(name) for name in ("n1", "n2", "n3")}
    networks: dict[str, Network] = dict(beside)
    return SpreadNetwork(networks), beside


def test_each_is_asked_for_its_own_part_and_only_loss_for_everybodys() -> None:
    network, beside = spread()
    asyncio.run(network.cut("c", {"n1": ["n2"], "n2": ["n1", "n3"]}))
    assert beside["n1"].asked == [("cut", "c", {"n1": ["n2"]})]
    assert beside["n2"].asked == [("cut", "c", {"n2": ["n1", "n3"]})]
    assert beside["n3"].asked == []
    asyncio.run(network.shape("d", ["n3"], Shape(delay_ms=1)))
    asyncio.run(network.shape("l", ["n3"], Shape(loss=0.1)))
    assert [len(one.asked) for one in beside.values()] == [2, 2, 2]
    assert set(asyncio.run(network.mend("d"))) == {"n3"} and asyncio.run(network.mend("d")) == {}
    assert set(asyncio.run(network.mend("l"))) == {"n1", "n2", "n3"}


def test_who_is_out_of_reach_is_indeterminate_and_asked_again() -> None:
    network, beside = spread()
    beside["n2"].reachable = False
    evidence = asyncio.run(network.reject("r", {"n1": ["n2"], "n2": ["n1"]}))
    assert evidence["n1"].status is Status.APPLIED
    assert (evidence["n2"].status, evidence["n2"].why) == (Status.INDETERMINATE, "n2: the agent is gone")
    assert asyncio.run(network.mend("r"))["n2"].status is Status.INDETERMINATE
    beside["n2"].reachable = True
    assert asyncio.run(network.mend("r"))["n2"].status is Status.APPLIED
    assert asyncio.run(network.mend("r")) == {}


def test_mistakes_are_told_before_anybody_is_asked() -> None:
    network, beside = spread()
    with pytest.raises(UsageError, match="there is no node 'n9'"):
        asyncio.run(network.cut("c", {"n9": ["n1"]}))
    with pytest.raises(UsageError, match="there is no node 'n9'"):
        asyncio.run(network.shape("c", ["n9"], Shape(loss=1)))
    asyncio.run(network.cut("c", {"n1": ["n2"]}))
    with pytest.raises(UsageError, match="'c' is in force"):
        asyncio.run(network.cut("c", {"n1": ["n2"]}))
    assert [len(one.asked) for one in beside.values()] == [1, 0, 0]


def test_what_several_saw_of_one_node_is_as_sure_as_the_least_sure() -> None:
    own = Evidence(Status.APPLIED, {"delay_ms": 5, "lost_packets": 0, "lost_at": []})
    peers = [Evidence(Status.APPLIED, {"lost_packets": n, "lost_at": [f"n{n}"]}) for n in (3, 2)]
    assert merge([own, *peers]).measured == {"delay_ms": 5, "lost_packets": 5, "lost_at": ["n2", "n3"]}
    unsure = Evidence(Status.INDETERMINATE, why="gone")
    assert (merge([own, unsure, unsure]).status, merge([own, unsure, unsure]).why) == (Status.INDETERMINATE, "gone")


class Forgetful(Beside):
    """One whose agent was lost and came back: it knows nothing of any fault."""

    def _answer(self, *asked: Any) -> dict[str, Evidence]:
        return {} if asked[0] == "mend" else super()._answer(*asked)


def test_a_fault_that_ended_with_its_agent_is_told_once() -> None:
    network = SpreadNetwork({"n1": Forgetful("n1"), "n2": Beside("n2")})

    async def main() -> None:
        await network.cut("p", {"n1": ["n2"], "n2": ["n1"]})
        lifted = await network.mend("p")
        assert lifted["n1"].status is Status.INDETERMINATE and "put it back" in lifted["n1"].why
        assert lifted["n2"].status is Status.APPLIED
        assert await network.mend("p") == {}
        await network.cut("p", {"n2": ["n1"]})

    asyncio.run(main())
