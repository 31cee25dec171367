"""The ssh cluster against sshd on machines in namespaces: what it does there, who is refused, and what it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import ssh_rig
from ssh_rig import Rig, Target

from harness.clusters.base import Impairment, Shape
from harness.clusters.ssh.cluster import SshCluster
from harness.errors import ClusterError, UsageError
from harness.faults import Status
from harness.streams import Streams
from harness.target import CommandService, Daemon

T = TypeVar("T")

NODES = ("n1", "n2", "n3")
EVERYTHING = frozenset({"partition", "kill", "pause", "clock", "memory", "cpu", "power-loss", "disk-full"})

pytestmark = pytest.mark.ssh


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with ssh_rig.rig() as made:
        yield made


def cluster(rig: Rig, user: str = "root", **more: Any) -> SshCluster:
    return SshCluster(NODES, streams=Streams(7), run_id="test", **rig.options(user, **more))


def on_cluster(
    made: SshCluster,
    main: Callable[[SshCluster], Awaitable[T]],
    target: Any = None,
    needs: frozenset[str] = frozenset(),
) -> T:
    async def with_cluster() -> T:
        try:
            await made.create(target or Target(), needs)
            return await main(made)
        finally:
            await made.destroy()

    return made.run(with_cluster)


async def ages(made: SshCluster, node: str) -> dict[str, float]:
    connection = await made.connect(node)
    try:
        found: dict[str, float] = (await connection.call({"type": "heard"}))["ages_ms"]
        return found
    finally:
        await connection.close()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(500):
        if await condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came true")


@pytest.mark.parametrize("user", ["root", "tester"])
def test_faults_bite_are_lifted_and_leave_the_machines_as_they_were(rig: Rig, tmp_path: Path, user: str) -> None:
    before = {name: machine.traces() for name, machine in rig.machines.items()}

    async def main(made: SshCluster) -> None:
        await until(lambda: _hears(made, "n1", "n2"))
        cut = await made.network.cut("p", {"n1": ["n2"]})
        assert cut["n1"].status is Status.APPLIED
        assert f"splitbrain_{made.run_name}" in rig.machines["n1"].run("nft", "list", "ruleset")
        assert rig.machines["n2"].run("nft", "list", "ruleset") == "", "the other direction was not cut"
        await until(lambda: _deaf(made, "n1", "n2"))
        mended = await made.network.mend("p")
        assert mended["n1"].measured["dropped_packets"] > 0
        await until(lambda: _hears(made, "n1", "n2"))

        slow = await made.network.shape("d", ["n1"], Shape(delay_ms=50, rate_kbit=5000))
        assert slow["n1"].status is Status.APPLIED, slow
        assert all(ms >= 45 for ms in slow["n1"].measured["round_trip_ms"].values())
        await made.network.mend("d")

        paused = await made.processes.pause(["n2"])
        assert paused["n2"].measured["state"].startswith("T")
        assert (await made.processes.resume(["n2"]))["n2"].status is Status.APPLIED
        assert (await made.processes.kill(["n3"]))["n3"].status is Status.APPLIED
        assert await made.processes.alive() == {"n1": True, "n2": True, "n3": False}
        with pytest.raises(ConnectionError):
            await made.connect("n3")
        assert (await made.processes.start(["n3"]))["n3"].status is Status.APPLIED

        assert (await made.clocks.skew("n2", 5000)).status is Status.APPLIED
        assert round((await made.clocks.offsets())["n2"]) == 5000
        assert (await made.clocks.skew("n2", 0)).status is Status.APPLIED

        limited = await made.limits.limit("l", ["n1"], cpus=0.5)
        assert limited["n1"].measured["cpus"] == 0.5
        assert "splitbrain_" in rig.machines["n1"].traces()["groups"]
        assert (await made.limits.lift("l"))["n1"].status is Status.APPLIED

        full = await made.disks.impair("f", ["n1"], Impairment("full"))
        assert full["n1"].measured["errno"] == "ENOSPC"
        assert (await made.disks.repair("f"))["n1"].status is Status.APPLIED
        lost = await made.disks.lose_power(["n1"])
        assert lost["n1"].status is Status.APPLIED
        await made.processes.start(["n1"])
        await made.collect_logs(tmp_path / "logs")

    on_cluster(cluster(rig, user), main, needs=EVERYTHING)
    for node in NODES:
        assert (tmp_path / "logs" / node / "node.log").exists()
    assert {name: machine.traces() for name, machine in rig.machines.items()} == before


async def _hears(made: SshCluster, node: str, other: str) -> bool:
    return (await ages(made, node)).get(other, 1e9) < 500


async def _deaf(made: SshCluster, node: str, other: str) -> bool:
    return (await ages(made, node)).get(other, 1e9) > 1000


def test_real_programs_run_there_with_their_files_and_are_dialled(rig: Rig) -> None:
    serve = "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port=8000, bind='{}')"

    class Web:
        name = "web"
        service = CommandService(
            lambda node, addresses, data: [
                Daemon(
                    "web", ("python3", "-c", serve.format(addresses[node])), 8000, files={"hello.txt": f"I am {node}"}
                )
            ],
            packages=("python3",),
            programs=("python3",),
        )

    async def main(made: SshCluster) -> bytes:
        link = await made.dial("n2", 8000)
        with link:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(link, b"GET /hello.txt HTTP/1.0\r\n\r\n")
            said = b""
            while more := await loop.sock_recv(link, 65536):
                said += more
            return said

    assert b"I am n2" in on_cluster(cluster(rig), main, Web())


def test_a_program_that_is_missing_is_told_with_what_brings_it(rig: Rig) -> None:
    class Odd:
        name = "odd"
        service = CommandService(
            lambda node, addresses, data: [Daemon("odd", ("no-such-program",), 8000)],
            ("odd-server",),
            ("no-such-program",),
        )

    with pytest.raises(
        ClusterError, match=r"n. lacks no-such-program: on Debian, apt-get install odd-server, or say install"
    ):
        on_cluster(cluster(rig), _nothing, Odd())
    assert all(machine.traces()["files"] == "" for machine in rig.machines.values())


async def _nothing(made: SshCluster) -> None:
    pass


def test_a_machine_whose_key_nobody_knows_is_refused(rig: Rig, tmp_path: Path) -> None:
    empty = tmp_path / "known_hosts"
    empty.write_text("")
    with pytest.raises(ClusterError) as refused:
        on_cluster(cluster(rig, known_hosts=str(empty)), _nothing)
    fingerprint = rig.fingerprint("n1")
    assert fingerprint in str(refused.value)
    assert f"ssh-keyscan {rig.machines['n1'].address} >> {empty}" in str(refused.value)
    assert empty.read_text() == ""


def test_a_machine_whose_key_has_changed_is_refused_even_where_new_ones_are_not(rig: Rig, tmp_path: Path) -> None:
    wrong = tmp_path / "known_hosts"
    lines = rig.known_hosts.read_text().splitlines()
    addresses, keys = [line.split()[0] for line in lines], [line.split(" ", 1)[1] for line in lines]
    wrong.write_text("".join(f"{address} {key}\n" for address, key in zip(addresses, keys[1:] + keys[:1], strict=True)))
    with pytest.raises(ClusterError, match="another host key than"):
        on_cluster(cluster(rig, known_hosts=str(wrong), host_keys="accept-new"), _nothing)


def test_new_keys_are_written_down_where_the_plan_says_so(rig: Rig, tmp_path: Path) -> None:
    known = tmp_path / "new" / "known_hosts"
    on_cluster(cluster(rig, known_hosts=str(known), host_keys="accept-new"), _nothing)
    assert sorted(known.read_text().splitlines()) == sorted(rig.known_hosts.read_text().splitlines())


def test_who_may_not_use_sudo_is_told_so(rig: Rig) -> None:
    with pytest.raises(ClusterError, match=r"nosudo@.*sudo.*without a password"):
        on_cluster(cluster(rig, "nosudo"), _nothing)
    with pytest.raises(ClusterError, match=r"must run as root: log in as root, or with sudo"):
        on_cluster(cluster(rig, "nosudo", sudo=False), _nothing)


def test_a_key_that_opens_nothing_and_a_machine_that_is_not_there(rig: Rig, tmp_path: Path) -> None:
    other = tmp_path / "other"
    ssh_rig.keygen(other)
    with pytest.raises(ClusterError, match="lets nobody in"):
        on_cluster(cluster(rig, key=str(other)), _nothing)
    nowhere = [*rig.hosts()[:2], f"root@{rig.machines['n3'].address}:23"]
    with pytest.raises(ClusterError, match=":23 cannot be reached: Connection refused"):
        on_cluster(cluster(rig, hosts=nowhere), _nothing)
    assert all(machine.traces()["files"] == "" for machine in rig.machines.values()), "two agents had been started"


def test_wrong_addresses_are_found_before_anything_starts(rig: Rig) -> None:
    wrong = [machine.address for machine in rig.machines.values()][::-1]
    with pytest.raises(ClusterError, match="say by 'addresses' how the nodes reach one another"):
        on_cluster(cluster(rig, addresses=wrong), _nothing)
    with pytest.raises(UsageError, match="2 machines are named for 3 nodes"):
        cluster(rig, hosts=rig.hosts()[:2])


def test_machines_say_what_they_can_do(rig: Rig) -> None:
    found = SshCluster.probe_hosts(rig.options() | {"hosts": [rig.hosts()[0], "root@198.18.255.254:1"]})
    able, absent = found.values()
    assert able["available"] is None and able["partition"] is None and able["kill"] is None
    assert "cannot be reached" in str(absent["available"])
    assert rig.machines["n1"].traces()["files"] == ""


def test_what_one_machine_lacks_is_refused_before_anything_starts(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    made = cluster(rig)
    opened = made.machines["n2"].open

    def without_clocks(*arguments: Any) -> dict[str, Any]:
        answer = opened(*arguments)
        return answer | {"powers": answer["powers"] | {"clock": "it is another processor's"}}

    monkeypatch.setattr(made.machines["n2"], "open", without_clocks)
    with pytest.raises(UsageError, match=r"n2 \(root@.*\) cannot do clock: it is another processor's"):
        on_cluster(made, _nothing, needs=frozenset({"clock"}))
    assert all(machine.traces()["files"] == "" for machine in rig.machines.values())
