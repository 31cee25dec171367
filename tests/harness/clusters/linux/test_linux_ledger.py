from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clusters.linux import addresses, ledger, processes
from harness.clusters.linux.identity import Identity
from harness.clusters.linux.ledger import Record
from harness.errors import ClusterError

OWN = Identity.own()


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ledger, "ROOT", tmp_path / "splitbrain")
    monkeypatch.setattr(ledger, "SCRATCH", tmp_path / "scratch")
    return tmp_path / "splitbrain"


def test_a_record_is_read_back_until_it_is_struck(root: Path) -> None:
    record = Record("abc", "docker", str(OWN))
    ledger.write(record)
    amended = ledger.amend(record, subnet="198.18.7.0/24", tables=(("bridge", "splitbrain_abc"),))
    (amended.directory / "a-file-of-the-run").write_text("x", encoding="ascii")
    amended.scratch.mkdir(parents=True)
    (amended.scratch / "a-large-file").write_text("x", encoding="ascii")
    assert ledger.records() == [amended]
    assert amended.identity == OWN and amended.identity.alive()
    ledger.strike(amended)
    ledger.strike(amended)
    assert ledger.records() == [] and list(root.iterdir()) == []
    assert not ledger.SCRATCH.exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"run": "bad", "cluster": "docker", "controller": "x", "tables": []}']
)
def test_what_is_no_record_is_left_alone_until_it_is_old(root: Path, text: str) -> None:
    (root / "bad").mkdir(parents=True)
    (root / "bad" / "record.json").write_text(text, encoding="utf-8")
    (root / "empty").mkdir()
    (root / "other").mkdir()
    ledger.write(Record("moved", "docker", str(OWN)))
    (root / "moved" / "record.json").rename(root / "other" / "record.json")  # a record of another run's name
    assert ledger.records() == []
    ledger.drop_unused()
    assert (root / "empty").exists()
    os.utime(root / "empty", (time.time() - 100,) * 2)
    ledger.drop_unused()
    assert not (root / "empty").exists() and (root / "bad").exists()


def test_a_place_that_cannot_be_written_is_told(root: Path) -> None:
    root.write_text("a file in the way", encoding="ascii")
    with pytest.raises(ClusterError, match="undo record"):
        ledger.write(Record("abc", "docker", str(OWN)))
    with pytest.raises(ClusterError, match="cannot use"), ledger.locked("x"):
        pass


def test_a_lock_is_held_by_one_process_and_dies_with_it(root: Path) -> None:
    file = str(root / "x.lock")
    program = f"import fcntl; f = open({file!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True); input()"
    with ledger.locked("x"):
        pass
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout and holder.stdout.readline()
        began = time.monotonic()
        killer = subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -9 {holder.pid}"])
        with ledger.locked("x"):
            assert time.monotonic() - began >= 0.25
        killer.wait()


def test_an_identity_is_alive_as_long_as_its_process() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        start = processes.read(child.pid).start_ticks
        identity = Identity(OWN.boot, OWN.pid_namespace, child.pid, start)
        assert identity.alive()
        assert not Identity(OWN.boot, OWN.pid_namespace, child.pid, start - 1).alive()  # the number, reused
        assert not Identity("another-boot", OWN.pid_namespace, child.pid, start).alive()
        child.kill()
        processes.wait_gone([child.pid], 5)
        assert not identity.alive()  # a zombie controls nothing
    assert not identity.alive()


def test_an_identity_of_a_namespace_that_cannot_be_seen_is_dead_only_where_all_can_be_seen() -> None:
    elsewhere = Identity(OWN.boot, 1, 1, 1)
    in_the_first_namespace = OWN.pid_namespace == 0xEFFFFFFC
    assert elsewhere.alive() is not in_the_first_namespace


@given(
    st.text(st.characters(min_codepoint=48, max_codepoint=122, blacklist_characters=":")),
    st.integers(0),
    st.integers(0),
    st.integers(0),
)
def test_identities_survive_being_written_down(boot: str, namespace: int, pid: int, start: int) -> None:
    identity = Identity(boot, namespace, pid, start)
    assert Identity.parse(str(identity)) == identity


@pytest.mark.parametrize("text", ["", "a:b:c:d", "boot:1:2", "boot:1:2:3:4"])
def test_what_is_no_identity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"unpack|invalid literal"):
        Identity.parse(text)


nets = st.integers(0, 511).map(lambda n: IPv4Network((int(addresses.RANGE.network_address) + n * 256, 24)))
wide = st.sampled_from([IPv4Network("198.18.0.0/17"), IPv4Network("10.0.0.0/8")])


@given(
    st.lists(st.one_of(nets, st.just(IPv4Network("198.18.0.0/17")), st.just(IPv4Network("10.0.0.0/8"))), max_size=40)
)
def test_a_free_network_overlaps_no_taken_one(taken: list[IPv4Network]) -> None:
    free = addresses.free(taken)
    assert free.subnet_of(addresses.RANGE) and free.prefixlen == 24
    assert not any(free.overlaps(other) for other in taken)


def test_when_all_networks_are_taken_the_message_says_what_helps() -> None:
    with pytest.raises(ClusterError, match="splitbrain clean"):
        addresses.free([addresses.RANGE])
    with pytest.raises(ClusterError, match="at most 240 nodes"):
        addresses.node_address(addresses.RANGE, 240)
    assert addresses.node_address(IPv4Network("198.18.4.0/24"), 0) == "198.18.4.10"


def test_routes_are_read_and_default_routes_are_not_networks() -> None:
    table = (
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "br-1\t000412C6\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FEFFFF\t0\t0\t0\n"
    )
    assert addresses.routed(table) == [IPv4Network("198.18.4.0/24"), IPv4Network("10.0.2.0/23")]
    assert all(isinstance(network, IPv4Network) for network in addresses.routed())


def test_a_place_that_somebody_else_made_is_not_trusted(root: Path, tmp_path: Path) -> None:
    record = Record("abc", "process", str(OWN))
    root.mkdir()
    root.chmod(0o777)
    with pytest.raises(ClusterError, match="not a directory of this user's alone"):
        ledger.write(record)
    root.chmod(0o700)
    ledger.write(record)
    root.chmod(0o777)
    assert ledger.records() == []
    root.rename(tmp_path / "elsewhere")
    root.symlink_to(tmp_path / "elsewhere")
    assert ledger.records() == []
    with pytest.raises(ClusterError, match="not a directory of this user's alone"):
        ledger.write(record)


def test_scratch_is_empty_and_goes_with_the_record() -> None:
    record = Record("abc", "process", str(OWN))
    ledger.write(record)
    assert ledger.make_scratch(record) == record.scratch and list(record.scratch.iterdir()) == []
    with pytest.raises(ClusterError, match="File exists"):
        ledger.make_scratch(record)
    ledger.strike(record)
    assert not record.scratch.exists()


def test_a_scratch_directory_is_made_while_other_runs_end_all_the_time(root: Path) -> None:
    ending = threading.Event()

    def end_runs() -> None:
        while not ending.is_set():
            ledger.strike(Record("another", "process", str(OWN)))

    others = [threading.Thread(target=end_runs) for _ in range(2)]
    for other in others:
        other.start()
    try:
        for number in range(300):
            record = Record(f"run{number}", "process", str(OWN))
            assert ledger.make_scratch(record).is_dir()
            ledger.strike(record)
    finally:
        ending.set()
        for other in others:
            other.join()
    assert not ledger.SCRATCH.exists()
