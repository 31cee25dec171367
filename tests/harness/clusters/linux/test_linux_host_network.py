"""Cuts, refusals and shapes of nodes one cannot stand between, asserted from inside real network namespaces."""

from __future__ import annotations

import asyncio
import hashlib
import random
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from local_node import LocalNode
from namespaces import Namespace, joined, problem

from harness.clusters.base import Shape
from harness.clusters.linux import commands, packets, tc
from harness.clusters.linux.host_network import HostNetwork
from harness.clusters.linux.spread import SpreadNetwork
from harness.clusters.linux.undo import UndoLog
from harness.errors import UsageError
from harness.faults import Evidence, Status

# What takes milliseconds is not measured beside other tests.
pytestmark = [
    pytest.mark.process,
    pytest.mark.alone,
    pytest.mark.skipif(problem() is not None, reason=str(problem())),
]


@pytest.fixture
def rooms() -> Iterator[dict[str, Namespace]]:
    with joined(3) as made:
        yield made


def nodes(rooms: dict[str, Namespace]) -> list[Namespace]:
    return [node for name, node in rooms.items() if name != "controller"]


@contextmanager
def healed(rooms: dict[str, Namespace]) -> Iterator[HostNetwork]:
    """A network, after whose use every rule and qdisc must be as before."""
    before = {name: node.state() for name, node in rooms.items()}
    network = HostNetwork({node.name: node for node in nodes(rooms)}, "splitbrain_test", "boot:1:2:3")
    try:
        yield network
    finally:
        network.close()
    assert {name: node.state() for name, node in rooms.items()} == before


def run(act: Coroutine[Any, Any, Mapping[str, Evidence]]) -> Mapping[str, Evidence]:
    return asyncio.run(act)


def applied(evidence: Evidence) -> dict[str, Any]:
    assert evidence.status is Status.APPLIED, evidence
    return dict(evidence.measured)


def test_a_cut_stops_one_direction_and_never_the_controller(rooms: dict[str, Namespace]) -> None:
    n1, n2, n3 = nodes(rooms)
    with healed(rooms) as network:
        evidence = run(network.cut("a", {"n1": ["n2"]}))
        assert applied(evidence["n1"]) == {"drops_from": ["n2"]}
        assert n2.sends(n1, 5) == []
        assert len(n1.sends(n2, 5)) == len(n3.sends(n1, 5)) == len(rooms["controller"].sends(n1, 5)) == 5
        with pytest.raises(UsageError, match="'a' is in force"):
            run(network.cut("a", {"n1": ["n3"]}))
        with pytest.raises(UsageError, match="there is no node 'n9'"):
            run(network.cut("b", {"n1": ["n9"]}))
        run(network.cut("b", {"n1": ["n2", "n3"]}))
        lifted = applied(run(network.mend("a"))["n1"])
        assert lifted == {"drops_from": ["n2", "n3"], "dropped_packets": 5, "dropped_by_source": {"n2": 5}}
        assert n2.sends(n1, 5) == []
        assert applied(run(network.mend("b"))["n1"])["dropped_by_source"] == {"n2": 5, "n3": 0}
        assert run(network.mend("b")) == {}
        assert len(n2.sends(n1, 5)) == 5


def test_a_refusal_resets_what_stands_and_refuses_what_is_new(rooms: dict[str, Namespace]) -> None:
    """Whoever says something on a connection that stands is reset; a new one is refused at once."""
    server = """
import socket
listener = socket.create_server(("", 7000))
print("listening", flush=True)
connection, _ = listener.accept()
print(connection.recv(9), flush=True)
try:
    print(connection.recv(9), flush=True)
except ConnectionResetError:
    print("reset", flush=True)
"""
    client = """
import socket, sys
connection = socket.create_connection((sys.argv[1], 7000))
connection.sendall(b"hello")
print("connected", flush=True)
sys.stdin.readline()
connection.sendall(b"again")
try:
    print(connection.recv(9))
except ConnectionResetError:
    print("reset")
"""

    n1, n2, n3 = nodes(rooms)
    with healed(rooms) as network:
        with subprocess.Popen(n1.entering([sys.executable, "-c", server]), stdout=-1, text=True) as serving:
            assert serving.stdout and serving.stdout.readline() == "listening\n"
            asks = n2.entering([sys.executable, "-c", client, n1.address])
            with subprocess.Popen(asks, stdin=-1, stdout=-1, text=True) as asking:
                assert asking.stdout and asking.stdout.readline() == "connected\n"
                assert serving.stdout.readline() == "b'hello'\n"
                both = {"n1": ["n2"], "n2": ["n1"]}
                for node, found in run(network.reject("r", both)).items():
                    assert applied(found) == {"rejects_from": both[node]}
                answer, _ = asking.communicate("go\n", timeout=10)
                assert answer == "reset\n"
            serving.kill()
        (outcome, ms), *_ = n2.connects(n1.address)
        assert outcome == "ECONNREFUSED" and ms < 100
        assert len(n3.sends(n1, 5)) == len(rooms["controller"].sends(n1, 5)) == 5
        lifted = applied(run(network.mend("r"))["n1"])
        assert lifted["rejects_from"] == [] and isinstance(lifted["rejected_packets"], int)
        assert lifted["rejected_packets"] >= 2


def test_delay_is_one_way_and_leaves_the_controller_alone(rooms: dict[str, Namespace]) -> None:
    n1, n2, n3 = nodes(rooms)
    with healed(rooms) as network:
        measured = applied(run(network.shape("d", ["n1"], Shape(delay_ms=100)))["n1"])
        assert measured["delay_ms"] == 100 and measured["links"] == ["n2", "n3"]
        assert min(measured["round_trip_ms"].values()) >= 100 > 50 > min(measured["round_trip_ms_before"].values())
        for dest in (n2, n3):
            assert 100 <= n1.round_trip_ms(dest.address) < 110
        assert n2.round_trip_ms(n3.address) < 20
        assert n1.round_trip_ms(rooms["controller"].address) < 20
        lifted = applied(run(network.mend("d"))["n1"])
        assert lifted["delayed_packets"] and lifted["overflowed_packets"] == 0 and lifted["still"] == {}
        assert n1.round_trip_ms(n2.address) < 20


def test_jitter_spreads_and_keeps_the_order(rooms: dict[str, Namespace]) -> None:
    n1, n2, _ = nodes(rooms)
    with healed(rooms) as network:
        applied(run(network.shape("j", ["n1"], Shape(delay_ms=30, jitter_ms=10)))["n1"])
        times = [ms for _, ms in n1.connects(n2.address, 40)]
        assert 20 <= min(times) < 28 and sum(ms > 32 for ms in times) > 10  # and no bound above: a busy machine adds
        assert [number for number, _ in n1.sends(n2, 300, pause_s=0.001)] == list(range(300))
        applied(run(network.mend("j"))["n1"])


def test_loss_is_a_share_of_what_one_node_sends(rooms: dict[str, Namespace]) -> None:
    n1, n2, n3 = nodes(rooms)
    with healed(rooms) as network:
        measured = applied(run(network.shape("l", ["n1"], Shape(loss=0.3)))["n1"])
        assert measured["lost_at"] == ["n2", "n3"] and measured["loss"] == 0.3
        arrived = len(n1.sends(n2, 1000))
        assert 620 < arrived < 780  # five standard deviations either way
        assert len(n2.sends(n1, 300)) == len(n2.sends(n3, 300)) == len(rooms["controller"].sends(n1, 300)) == 300
        run(network.shape("all", ["n1"], Shape(loss=1)))
        assert n1.sends(n2, 10) == []
        assert applied(run(network.mend("all"))["n1"])["lost_packets"] == 10
        assert applied(run(network.mend("l"))["n1"])["lost_packets"] == 1000 - arrived + 10


def test_duplicates_and_reordering(rooms: dict[str, Namespace]) -> None:
    n1, n2, _ = nodes(rooms)
    with healed(rooms) as network:
        applied(run(network.shape("d", ["n1"], Shape(duplicate=0.2)))["n1"])
        numbers = [number for number, _ in n1.sends(n2, 1000, pause_s=0.0001)]
        assert len(set(numbers)) == 1000 and 1130 < len(numbers) < 1270
        assert applied(run(network.mend("d"))["n1"])["duplicated_packets"] == len(numbers) - 1000

        applied(run(network.shape("r", ["n1"], Shape(reorder=0.2)))["n1"])
        numbers = [number for number, _ in n1.sends(n2, 1000, pause_s=0.0005)]
        late = sum(later < earlier for earlier, later in pairwise(numbers))
        assert sorted(numbers) == list(range(1000)) and late > 30
        assert 130 < applied(run(network.mend("r"))["n1"])["reordered_packets"] < 270


def test_a_stream_comes_whole_and_fast_through_all_of_it(rooms: dict[str, Namespace]) -> None:
    """Segments are cut up, checksummed, copied and reordered on their way; a delay is no bottleneck."""
    receive = """
import hashlib, socket
listener = socket.create_server(("", 7000))
print("listening", flush=True)
connection, _ = listener.accept()
seen = hashlib.sha256()
while data := connection.recv(1 << 16):
    seen.update(data)
print(seen.hexdigest(), flush=True)
"""
    send = """
import random, socket, sys
connection = socket.create_connection((sys.argv[1], 7000))
connection.sendall(random.Random(7).randbytes(8 << 20))
"""
    sent = hashlib.sha256(random.Random(7).randbytes(8 << 20)).hexdigest()
    n1, n2, _ = nodes(rooms)

    def seconds() -> float:
        with subprocess.Popen(n2.entering([sys.executable, "-c", receive]), stdout=-1, text=True) as receiving:
            assert receiving.stdout and receiving.stdout.readline() == "listening\n"
            began = time.monotonic()
            n1.must(sys.executable, "-c", send, n2.address, timeout_s=60)
            assert receiving.stdout.readline() == f"{sent}\n"
            return time.monotonic() - began

    with healed(rooms) as network:
        applied(run(network.shape("d", ["n1"], Shape(delay_ms=20)))["n1"])
        assert seconds() < 8  # 2 segments for each 20 ms, which is what small queues would allow, would take a minute
        applied(run(network.shape("all", ["n1"], Shape(loss=0.01, duplicate=0.05, jitter_ms=5, reorder=0.01)))["n1"])
        seconds()
        for fault in ("d", "all"):
            assert applied(run(network.mend(fault))["n1"])["overflowed_packets"] == 0


def test_a_rate_is_one_links_and_one_way(rooms: dict[str, Namespace]) -> None:
    n1, n2, _ = nodes(rooms)
    with healed(rooms) as network:
        measured = applied(run(network.shape("r", ["n1"], Shape(rate_kbit=1000)))["n1"])
        assert measured["shaped"] == {"eth0": {"links": 2, "rate": "1Mbit", "qdisc": "bfifo"}}
        # 90 packets of 1042 bytes on the wire are 750 kbit, and what the bucket held passed at once.
        slow = n1.sends(n2, 90, size=1000)
        assert len(slow) == 90 and 0.65 < slow[-1][1] < 2
        assert n2.sends(n1, 90, size=1000)[-1][1] < 0.6
        assert n1.sends(rooms["controller"], 90, size=1000)[-1][1] < 0.6
        lifted = applied(run(network.mend("r"))["n1"])
        assert lifted["queued_packets"] >= 90 and lifted["overflowed_at_rate"] == 0 and lifted["still"] == {}


def test_overlapping_shapes_are_a_union_and_each_counts_its_own(rooms: dict[str, Namespace]) -> None:
    n1, n2, n3 = nodes(rooms)
    with healed(rooms) as network:
        run(network.shape("a", ["n1", "n2"], Shape(delay_ms=20)))
        n1.sends(n3, 50)
        run(network.shape("b", ["n1"], Shape(delay_ms=30, loss=0.5)))
        assert 50 <= min(ms for _, ms in n1.connects(n3.address, 12, 3)) < 65
        assert 20 <= n2.round_trip_ms(n3.address) < 35
        lifted = run(network.mend("a"))
        assert applied(lifted["n1"])["still"] == {"delay_ms": 30, "loss": 0.5}
        assert applied(lifted["n2"])["still"] == {}
        assert n2.round_trip_ms(n3.address) < 15
        only_b = applied(run(network.mend("b"))["n1"])
        assert applied(lifted["n1"])["delayed_packets"] >= only_b["delayed_packets"]
        assert n1.round_trip_ms(n3.address) < 15


def test_a_qdisc_of_somebody_elses_stays_and_the_shape_is_not_applied(rooms: dict[str, Namespace]) -> None:
    n1 = rooms["n1"]
    n1.must("sh", "-c", "tc qdisc add dev eth0 root handle 77: tbf rate 1gbit burst 1mb latency 1ms")
    try:
        with healed(rooms) as network:
            evidence = run(network.shape("r", ["n1"], Shape(rate_kbit=1000)))["n1"]
            assert evidence.status is Status.INDETERMINATE
            assert evidence.why == "eth0 of n1 has a qdisc of somebody else's: tbf 77:"
            run(network.mend("r"))
    finally:
        n1.must("tc", "qdisc", "del", "dev", "eth0", "root")


def test_with_a_network_beside_each_node_all_act_together(rooms: dict[str, Namespace], tmp_path: Path) -> None:
    """As on machines of their own, whose undo logs are empty when all is healed."""
    n1, n2, n3 = nodes(rooms)
    before = {name: node.state() for name, node in rooms.items()}
    logs = {node.name: UndoLog(tmp_path / node.name) for node in (n1, n2, n3)}
    by_name = {node.name: node for node in (n1, n2, n3)}
    beside = {
        name: HostNetwork(by_name, "splitbrain_test", "boot:1:2:3", here=name, log=log) for name, log in logs.items()
    }
    network = SpreadNetwork(beside)
    shape = Shape(loss=0.3, delay_ms=30, rate_kbit=100_000)
    measured = applied(run(network.shape("s", ["n1"], shape))["n1"])
    assert measured["lost_at"] == ["n2", "n3"] and measured["links"] == ["n2", "n3"]
    assert min(measured["round_trip_ms"].values()) >= 30
    run(network.cut("c", {"n3": ["n2"], "n2": ["n3"]}))
    assert {name: len(log.steps) for name, log in logs.items()} == {"n1": 1, "n2": 1, "n3": 1}
    arrived = len(n1.sends(n2, 300)) + len(n1.sends(n3, 300))
    assert 320 < arrived < 520 and n2.sends(n3, 3) == []
    assert len(n2.sends(n1, 50)) == 50
    lifted = run(network.mend("s"))
    assert set(lifted) == {"n1"} and applied(lifted["n1"])["lost_packets"] >= 600 - arrived
    dropped = run(network.mend("c"))
    assert [applied(dropped[name])["dropped_packets"] for name in ("n2", "n3")] == [0, 3]
    assert run(network.mend("c")) == {} == run(network.mend("s"))
    assert {name: node.state() for name, node in rooms.items()} == before
    assert not any(log.steps for log in logs.values())
    for log in logs.values():
        log.close()
    with pytest.raises(UsageError, match="n2 is not at hand here, but n1 is"):
        run(beside["n1"].cut("x", {"n2": ["n1"]}))


@pytest.mark.parametrize("address", ["n1.example", "::1", "198.18.0.1 }; flush ruleset\n"])
def test_only_ipv4_addresses_become_part_of_rules(address: str) -> None:
    node = LocalNode("n1")
    node.address = address
    network = HostNetwork({"n1": node, "n2": LocalNode("n2")}, "splitbrain_test", "me")
    for act in (
        network.cut("a", {"n2": ["n1"]}),
        network.reject("a", {"n1": ["n2"]}),
        network.shape("a", ["n1"], Shape(loss=1)),
    ):
        with pytest.raises(UsageError, match="need its IPv4 address, not"):
            run(act)


@pytest.mark.parametrize(
    "shape",
    [
        Shape(delay_ms=50),
        Shape(delay_ms=0.001, jitter_ms=60_000),
        Shape(jitter_ms=5),
        Shape(duplicate=0.25),
        Shape(reorder=0.2),
        Shape(reorder=1),
        Shape(delay_ms=20, jitter_ms=5, duplicate=0.01, reorder=0.123456789, rate_kbit=1000),
    ],
)
def test_tc_understands_what_netem_is_told(rooms: dict[str, Namespace], shape: Shape) -> None:
    """Also where the kernel has no netem, and then says so."""
    node = rooms["n1"]
    words = tc.netem_options(shape).split()
    done = node.enter(["tc", "qdisc", "add", "dev", "lo", "root", "netem", *words])
    assert done.code == 0 or b"qdisc kind is unknown" in done.err, done


@pytest.mark.skipif(packets.has_netem(), reason="this kernel needs no program to delay packets")
def test_packets_pass_when_whoever_delays_them_is_killed(rooms: dict[str, Namespace]) -> None:
    n1, n2, _ = nodes(rooms)
    with healed(rooms) as network:
        measured = applied(run(network.shape("d", ["n1"], Shape(delay_ms=200)))["n1"])
        assert commands.run(["kill", "-KILL", str(measured["delays_pid"])]).code == 0
        deadline = time.monotonic() + 5
        while n1.round_trip_ms(n2.address) > 100 and time.monotonic() < deadline:
            pass
        assert n1.round_trip_ms(n2.address) < 100
        lifted = run(network.mend("d"))["n1"]
        assert lifted.status is Status.APPLIED and "delayed_packets" not in lifted.measured


@pytest.mark.skipif(packets.has_netem(), reason="this kernel needs no program to delay packets")
def test_nothing_is_delayed_any_more_when_the_controller_is_gone(rooms: dict[str, Namespace]) -> None:
    """The kernel closes its pipe, however it ended."""
    n1, n2 = rooms["n1"], rooms["n2"]
    before = n1.state()
    controller = """
import sys, time
from harness.clusters.base import Shape
from harness.clusters.linux.delays.started import Delays
delays = Delays(lambda argv: [*sys.argv[2:], *argv], "splitbrain_test_delays", "me", [sys.argv[1]])
delays.reshape(Shape(delay_ms=200))
print("delaying", flush=True)
time.sleep(60)
"""
    command = [sys.executable, "-c", controller, n2.address, *n1.entering([])]
    with subprocess.Popen(command, stdout=-1, text=True) as started:
        assert started.stdout and started.stdout.readline() == "delaying\n"
        assert n1.round_trip_ms(n2.address) >= 200
        started.kill()
    for _ in range(500):
        if n1.state() == before:
            break
        time.sleep(0.01)
    assert n1.state() == before and n1.round_trip_ms(n2.address) < 100
