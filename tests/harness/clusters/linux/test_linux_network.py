from __future__ import annotations

import asyncio

import pytest
from fake_kernel import FakeKernel
from hypothesis import given
from hypothesis import strategies as st

from harness.clusters.linux import nft
from harness.clusters.linux.host_network import HostNetwork
from harness.clusters.linux.network import BridgeNetwork
from harness.errors import ClusterError, UsageError
from harness.faults import Status

NODES = {f"n{i}": f"198.18.0.1{i}" for i in range(4)}
TABLE = nft.Table("splitbrain_test", "me")

grudges = st.dictionaries(
    st.sampled_from(list(NODES)), st.frozensets(st.sampled_from(list(NODES)), min_size=1), min_size=1
)
steps = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), grudges), max_size=8)


def network(monkeypatch: pytest.MonkeyPatch) -> tuple[BridgeNetwork, FakeKernel]:
    kernel = FakeKernel()
    monkeypatch.setattr(nft, "run", kernel.run)
    monkeypatch.setattr(nft, "listing", kernel.listing)
    made = BridgeNetwork(TABLE, HostNetwork({}, TABLE.name, TABLE.owner))
    made.open(NODES)
    return made, kernel


@given(steps)
def test_a_direction_is_dropped_exactly_while_some_fault_wants_it(
    steps: list[tuple[str, dict[str, frozenset[str]]]],
) -> None:
    """A fault's name toggles it: the second time it is lifted."""

    async def main() -> None:
        in_force: dict[str, dict[str, frozenset[str]]] = {}
        for fault, drops in steps:
            if fault in in_force:
                del in_force[fault]
                evidence = await made.mend(fault)
            else:
                in_force[fault] = drops
                evidence = await made.cut(fault, drops)
                assert set(evidence) == set(drops)
            wanted = {(s, n) for drops in in_force.values() for n, sources in drops.items() for s in sources}
            for node, found in evidence.items():
                assert found.status is Status.APPLIED
                assert found.measured["drops_from"] == sorted(s for s, n in wanted if n == node)
            for source, source_address in NODES.items():
                for node, address in NODES.items():
                    assert kernel.send(TABLE.name, source_address, address) == ((source, node) not in wanted)

    with pytest.MonkeyPatch.context() as monkeypatch:
        made, kernel = network(monkeypatch)
        asyncio.run(main())


def test_each_fault_counts_what_it_dropped_by_source(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        await made.cut("a", {"n0": ["n1", "n2"]})
        await made.cut("b", {"n0": ["n1"]})
        for _ in range(3):
            kernel.send(TABLE.name, NODES["n1"], NODES["n0"])
        lifted = await made.mend("a")
        assert lifted["n0"].measured == {
            "drops_from": ["n1"],
            "dropped_packets": 3,
            "dropped_by_source": {"n1": 3, "n2": 0},
        }
        kernel.send(TABLE.name, NODES["n1"], NODES["n0"])
        assert (await made.mend("b"))["n0"].measured["dropped_packets"] == 4
        assert await made.mend("b") == {}

    made, kernel = network(monkeypatch)
    asyncio.run(main())


def test_a_swap_that_the_kernel_refuses_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: str) -> None:
        raise ClusterError("nft: no buffer space")

    async def main() -> None:
        await made.cut("a", {"n0": ["n1"]})
        monkeypatch.setattr(nft, "run", refuse)
        with pytest.raises(ClusterError, match="no buffer space"):
            await made.cut("b", {"n2": ["n1"]})
        with pytest.raises(ClusterError, match="no buffer space"):
            await made.mend("a")
        monkeypatch.setattr(nft, "run", kernel.run)
        assert await made.mend("b") == {}
        assert (await made.mend("a"))["n0"].measured["drops_from"] == []

    made, kernel = network(monkeypatch)
    asyncio.run(main())


def test_a_rule_that_is_not_there_when_read_back_is_not_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(nft, "run", lambda text: None)
        evidence = await made.cut("a", {"n0": ["n1"]})
        assert evidence["n0"].status is Status.INDETERMINATE
        assert evidence["n0"].why == "no rule drops what comes from n1"

    made, _ = network(monkeypatch)
    asyncio.run(main())


def test_what_cannot_be_done_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        with pytest.raises(UsageError, match="there is no node 'n9'"):
            await made.cut("a", {"n0": ["n9"]})
        await made.cut("a", {"n0": ["n1"]})
        with pytest.raises(UsageError, match="in force"):
            await made.cut("a", {"n0": ["n1"]})

    made, _ = network(monkeypatch)
    asyncio.run(main())
