"""Links and faults on them: what arrives, when, and what the evidence says."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Coroutine, Mapping
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clusters.base import Shape, combine
from harness.clusters.sim.bodies import copy_body
from harness.clusters.sim.link import FRAME_BYTES, QUEUE_BYTES_MAX, REORDER_NS_MAX
from harness.clusters.sim.loop import SimLoop
from harness.clusters.sim.network import SimNetwork
from harness.errors import UsageError
from harness.faults import Status

MS = 1_000_000
NODES = ("n1", "n2", "n3")


class Bench:
    """A network between three names that write down what reaches them: (dest, source, number, time in ns)."""

    def __init__(self, *, latency_ns: tuple[int, int] = (MS, 2 * MS), base: Shape | None = None) -> None:
        self.loop = SimLoop()
        self.arrived: list[tuple[str, str, int, int]] = []
        self.network = SimNetwork(
            self.loop,
            {node: self._taker(node) for node in NODES},
            latency_ns=latency_ns,
            base=base or Shape(),
            stream=random.Random(1),
        )

    def _taker(self, dest: str) -> Callable[[str, dict[str, Any]], None]:
        return lambda source, body: self.arrived.append((dest, source, body["number"], self.loop.now_ns))

    def send(self, source: str, dest: str, number: int = 0, **more: Any) -> None:
        self.network.links(source)[dest].send({"number": number, **more})

    def run(self, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.loop.run_until_complete(story())

    def numbers(self, dest: str) -> list[int]:
        return [number for to, _, number, _ in self.arrived if to == dest]


def measured(evidence: Mapping[str, Any], node: str) -> Mapping[str, Any]:
    assert evidence[node].status is Status.APPLIED
    result: Mapping[str, Any] = evidence[node].measured
    return result


def test_messages_take_their_time_and_keep_their_order() -> None:
    bench = Bench()

    async def story() -> None:
        for number in range(200):
            bench.send("n1", "n2", number)
            await asyncio.sleep(0.0001)
        await asyncio.sleep(1)

    bench.run(story)
    assert bench.numbers("n2") == list(range(200))
    delays = [when - number * 100_000 for _, _, number, when in bench.arrived]
    assert min(delays) >= MS
    assert max(delays) < 2 * MS
    assert len(set(delays)) > 100


def test_a_node_reaches_itself_at_once_and_through_every_fault() -> None:
    bench = Bench(base=Shape(loss=1.0))

    async def story() -> None:
        await bench.network.cut("cut", {"n1": ["n2", "n3"]})
        bench.send("n1", "n1", 7)
        bench.send("n1", "n2", 8)
        await asyncio.sleep(1)

    bench.run(story)
    assert bench.arrived == [("n1", "n1", 7, 0)]


def test_a_cut_drops_one_direction_and_counts() -> None:
    bench = Bench()

    async def story() -> None:
        evidence = await bench.network.cut("one-way", {"n2": ["n1", "n3"]})
        assert measured(evidence, "n2")["drops_from"] == ["n1", "n3"]
        assert list(evidence) == ["n2"]
        for number in range(3):
            bench.send("n1", "n2", number)
        bench.send("n2", "n1", 9)
        await asyncio.sleep(1)
        healed = measured(await bench.network.mend("one-way"), "n2")
        assert healed == {"drops_from": [], "dropped_packets": 3, "dropped_by_source": {"n1": 3, "n3": 0}}
        bench.send("n1", "n2", 4)
        await asyncio.sleep(1)

    bench.run(story)
    assert bench.numbers("n1") == [9]
    assert bench.numbers("n2") == [4]


def test_a_cut_takes_what_is_in_flight() -> None:
    bench = Bench()

    async def story() -> None:
        bench.send("n1", "n2", 1)
        await bench.network.cut("cut", {"n2": ["n1"]})
        await asyncio.sleep(1)
        assert measured(await bench.network.mend("cut"), "n2")["dropped_packets"] == 1

    bench.run(story)
    assert bench.arrived == []


def test_a_cut_link_stays_cut_until_the_last_fault_on_it_is_lifted() -> None:
    bench = Bench()

    async def story() -> None:
        await bench.network.cut("a", {"n2": ["n1"]})
        await bench.network.cut("b", {"n2": ["n1", "n3"]})
        assert measured(await bench.network.mend("a"), "n2")["drops_from"] == ["n1"]
        bench.send("n1", "n2", 1)
        await asyncio.sleep(1)
        assert measured(await bench.network.mend("b"), "n2")["dropped_packets"] == 1
        bench.send("n1", "n2", 2)
        await asyncio.sleep(1)
        assert await bench.network.mend("b") == {}
        assert await bench.network.mend("never heard of") == {}

    bench.run(story)
    assert bench.numbers("n2") == [2]


def test_nonsense_is_refused() -> None:
    bench = Bench()

    async def story() -> None:
        await bench.network.cut("a", {"n2": ["n1"]})
        for faulty in (
            bench.network.cut("a", {"n3": ["n1"]}),
            bench.network.shape("a", ["n1"], Shape(loss=0.5)),
            bench.network.cut("b", {"n9": ["n1"]}),
            bench.network.cut("b", {"n1": ["n1"]}),
            bench.network.shape("b", ["n9"], Shape(loss=0.5)),
        ):
            with pytest.raises(UsageError):
                await faulty

    bench.run(story)


@pytest.mark.parametrize(
    ("shape", "counter", "share"),
    [
        (Shape(loss=0.3), "lost_packets", 0.3),
        (Shape(duplicate=0.2), "duplicated_packets", 0.2),
        (Shape(reorder=0.1), "reordered_packets", 0.1),
    ],
)
def test_chances_come_true_as_often_as_they_say(shape: Shape, counter: str, share: float) -> None:
    bench = Bench()

    async def story() -> None:
        evidence = await bench.network.shape("shaped", ["n1"], shape)
        assert measured(evidence, "n1")["links"] == ["n2", "n3"]
        for number in range(4000):
            bench.send("n1", "n2", number)
            bench.send("n3", "n2", number)
            await asyncio.sleep(0.001)
        await asyncio.sleep(1)
        counts = measured(await bench.network.mend("shaped"), "n1")
        assert counts[counter] == pytest.approx(4000 * share, rel=0.15)
        assert counts["sent_packets"] == 4000

    bench.run(story)
    shaped = [number for _, source, number, _ in bench.arrived if source == "n1"]
    others = [number for _, source, number, _ in bench.arrived if source == "n3"]
    assert others == list(range(4000)), "only what the node itself sends is shaped"
    lost, repeated = 4000 - len(set(shaped)), len(shaped) - len(set(shaped))
    swapped = sum(a > b for a, b in pairwise(shaped))
    assert (lost > 0, repeated > 0, swapped > 0) == (
        counter == "lost_packets",
        counter == "duplicated_packets",
        counter == "reordered_packets",
    ) or counter == "duplicated_packets"


def test_delay_and_jitter_add_to_the_latency_and_keep_the_order() -> None:
    bench = Bench()

    async def story() -> None:
        await bench.network.shape("slow", ["n1"], Shape(delay_ms=100, jitter_ms=20))
        for number in range(500):
            bench.send("n1", "n2", number)
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)

    bench.run(story)
    delays = [when - number * 100 * MS for _, _, number, when in bench.arrived]
    assert bench.numbers("n2") == list(range(500))
    assert 81 * MS <= min(delays) < 90 * MS
    assert 110 * MS < max(delays) < 122 * MS


def test_a_reordered_message_falls_behind_by_a_bounded_time() -> None:
    bench = Bench(latency_ns=(MS, MS))

    async def story() -> None:
        await bench.network.shape("mixed", ["n1"], Shape(reorder=0.5))
        for number in range(1000):
            bench.send("n1", "n2", number)
            await asyncio.sleep(0.001)
        await asyncio.sleep(1)

    bench.run(story)
    assert all(MS <= when - number * MS <= MS + REORDER_NS_MAX for _, _, number, when in bench.arrived)


def test_a_rate_makes_messages_wait_for_each_other_and_a_full_queue_drops() -> None:
    bench = Bench(latency_ns=(0, 0))
    text = "x" * 1000
    size = FRAME_BYTES + len(json.dumps({"number": 0, "text": text}, separators=(",", ":")))

    async def story() -> None:
        await bench.network.shape("thin", ["n1"], Shape(rate_kbit=80))  # ten bytes a millisecond
        for _ in range(3):
            bench.send("n1", "n2", 0, text=text)
        await asyncio.sleep(60)
        assert [when for *_, when in bench.arrived] == [size * MS // 10 * n for n in (1, 2, 3)]
        for _ in range(500):
            bench.send("n1", "n2", 0, text=text)
        await asyncio.sleep(600)
        counts = measured(await bench.network.mend("thin"), "n1")
        assert counts["lost_packets"] == 500 - QUEUE_BYTES_MAX // size

    bench.run(story)
    assert len(bench.arrived) == 3 + QUEUE_BYTES_MAX // size


def test_shapes_overlap_and_each_can_be_lifted_alone() -> None:
    bench = Bench(latency_ns=(0, 0), base=Shape(delay_ms=1))

    async def story() -> None:
        await bench.network.shape("a", ["n1"], Shape(delay_ms=10))
        evidence = await bench.network.shape("b", ["n1", "n2"], Shape(delay_ms=100))
        assert measured(evidence, "n1")["delay_ms"] == 111
        assert measured(evidence, "n2")["delay_ms"] == 101
        assert measured(await bench.network.mend("a"), "n1")["delay_ms"] == 101
        assert measured(await bench.network.mend("b"), "n1")["delay_ms"] == 1
        bench.send("n1", "n2")
        await asyncio.sleep(1)

    bench.run(story)
    assert bench.arrived == [("n2", "n1", 0, MS)]


def test_combining_shapes_takes_every_chance_and_the_slowest_rate() -> None:
    union = combine(
        [Shape(loss=0.5, rate_kbit=100, jitter_ms=1), Shape(loss=0.5, duplicate=0.25, rate_kbit=50), Shape()]
    )
    assert union == Shape(jitter_ms=1, loss=0.75, duplicate=0.25, rate_kbit=50)
    assert combine([]) == Shape()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=12,
)


@given(st.dictionaries(st.text() | st.integers(), json_values, max_size=5))
def test_bodies_are_copied_as_the_wire_would(body: dict[Any, Any]) -> None:
    copied = copy_body(body)
    expected = json.loads(json.dumps(body))
    assert copied == expected
    assert json.dumps(copied) == json.dumps(expected)
    assert not _shared(body, copied)


def _shared(left: Any, right: Any) -> bool:
    mutable = (dict, list)

    def parts(value: Any) -> list[Any]:
        inner = (
            list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, (list, tuple)) else []
        )
        return [value, *(part for item in inner for part in parts(item))]

    mine = {id(part) for part in parts(left) if isinstance(part, mutable)}
    return any(id(part) in mine for part in parts(right) if isinstance(part, mutable))


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object()])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        copy_body({"value": value})
