"""The parts of the program that delays packets which need no packets."""

from __future__ import annotations

import random
import struct

from hypothesis import given
from hypothesis import strategies as st

from harness.clusters.linux.delays import netlink
from harness.clusters.linux.delays.schedule import MS_NS, PACKETS_MAX, REORDER_NS_MAX, Schedule

LINKS = [b"\xc6\x12\x00\x0b", b"\xc6\x12\x00\x0c"]

arrivals = st.lists(st.tuples(st.sampled_from(LINKS), st.integers(0, 50 * MS_NS)), max_size=60)


@given(arrivals, st.floats(0, 100), st.floats(0, 100), st.integers())
def test_each_packet_goes_once_in_time_and_in_its_links_order(
    arrivals: list[tuple[bytes, int]], delay_ms: float, jitter_ms: float, seed: int
) -> None:
    schedule = Schedule(draw=random.Random(seed))
    schedule.reshape({"delay_ms": delay_ms, "jitter_ms": jitter_ms, "loss": 0.5})
    came: dict[int, int] = {}
    now_ns = 0
    for number, (link, pause_ns) in enumerate(arrivals):
        now_ns += pause_ns
        came[number] = now_ns
        schedule.take(b"%d" % number, link, now_ns)
    gone: dict[int, int] = {}
    while (wait_s := schedule.wait_s(0)) is not None:
        at_ns = round(wait_s * 1e9)
        for packet in schedule.due(at_ns + 1):
            assert int(packet) not in gone
            gone[int(packet)] = at_ns
    assert set(gone) == set(came)
    for number in came:
        assert gone[number] - came[number] >= (delay_ms - jitter_ms) * MS_NS - 2
        assert gone[number] <= max(came.values()) + (delay_ms + jitter_ms) * MS_NS + 2
    for link in LINKS:
        mine = [number for number in gone if arrivals[number][0] == link]
        assert mine == sorted(mine)


def test_copies_and_late_ones_are_as_many_as_asked_for() -> None:
    schedule = Schedule(draw=random.Random(7))
    schedule.reshape({"duplicate": 0.2, "reorder": 0.3})
    for number in range(10_000):
        schedule.take(b"%05d" % number, LINKS[0], 0)
    assert 1800 < schedule.duplicated < 2200
    assert 3400 < schedule.reordered < 3800  # of packets and copies
    at_once = schedule.due(0)
    late = schedule.due(REORDER_NS_MAX)
    assert at_once == sorted(at_once) and schedule.wait_s(0) is None
    assert len(late) == schedule.reordered and len(at_once + late) == 10_000 + schedule.duplicated


def test_what_comes_when_too_many_wait_is_dropped_and_counted() -> None:
    schedule = Schedule()
    schedule.reshape({"delay_ms": 1})
    for _ in range(PACKETS_MAX + 5):
        schedule.take(b"packet", LINKS[0], 0)
    assert schedule.overflowed == 5 and len(schedule.due(MS_NS)) == PACKETS_MAX
    schedule.take(b"packet", LINKS[0], 0)
    assert schedule.overflowed == 5


def test_attributes_are_padded_and_read_back() -> None:
    body = netlink.text(1, "ab") + netlink.number(2, -150) + netlink.nested(3, netlink.attribute(4, b"xyz"))
    assert len(body) % 4 == 0
    found = {kind: body[begin:end] for kind, begin, end in netlink.attributes(body, 0, len(body))}
    assert found[1] == b"ab\0" and struct.unpack("!i", found[2]) == (-150,)
    assert [found[3][begin:end] for _, begin, end in netlink.attributes(found[3], 0, len(found[3]))] == [b"xyz"]


def test_messages_of_a_datagram_are_told_apart() -> None:
    data = netlink.message(0x301, 0, 2, 7, b"abcd", sequence=5) + netlink.message(0x302, 0, 2, 8)
    assert [(kind, sequence) for kind, sequence, _ in netlink.messages(data)] == [(0x301, 5), (0x302, 0)]
    assert next(netlink.messages(data))[2] == struct.pack("!BBH", 2, 0, 7) + b"abcd"


def test_garbage_ends_the_reading() -> None:
    assert list(netlink.messages(b"\0" * 64)) == []
    assert list(netlink.attributes(b"\0" * 64, 0, 64)) == []
