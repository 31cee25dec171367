"""The docker cluster, with real containers: what its faults do is asserted from inside the nodes."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from docker_support import NODES, Target, ask, cluster, nothing, on_cluster, traces
from shaping_scene import packets_are_shaped_and_refused

from harness.clusters.base import Shape
from harness.clusters.docker import DockerCluster, engine
from harness.clusters.linux import nft, processes
from harness.errors import ClusterError, NodeError, Unsupported, UsageError
from harness.faults import Status

pytestmark = pytest.mark.docker

UDP_PORT = 7999


def datagram_passes(cluster: DockerCluster, source: str, dest: str) -> bool:
    """Whether a datagram sent in one node's network namespace arrives in the other's."""
    listen = (
        f"import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('', {UDP_PORT})); s.settimeout(0.7)\n"
        "print('bound', flush=True)\ntry: s.recv(9)\nexcept TimeoutError: raise SystemExit(1)"
    )
    to = (cluster.members[dest].address, UDP_PORT)
    send = f"import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', {to})"
    listening = cluster.members[dest].entering([sys.executable, "-c", listen])
    with subprocess.Popen(listening, stdout=subprocess.PIPE) as listener:
        assert listener.stdout and listener.stdout.readline()
        assert cluster.members[source].enter([sys.executable, "-c", send]).code == 0
        return listener.wait() == 0


def test_a_one_way_cut_stops_one_direction_and_nothing_else() -> None:
    async def main(cluster: DockerCluster) -> None:
        evidence = await cluster.network.cut("f", {"n1": ["n2"]})
        assert {node: found.status for node, found in evidence.items()} == {"n1": Status.APPLIED}
        assert evidence["n1"].measured == {"drops_from": ["n2"]}
        assert not datagram_passes(cluster, "n2", "n1")
        assert datagram_passes(cluster, "n1", "n2")
        assert datagram_passes(cluster, "n3", "n1")
        await asyncio.sleep(0.3)
        ages = (await ask(cluster, "n1"))["ages_ms"]  # and the controller still reaches the node
        assert ages["n2"] > 300 > ages["n3"]

        lifted = await cluster.network.mend("f")
        assert lifted["n1"].measured["dropped_packets"] >= 1
        assert lifted["n1"].measured["dropped_by_source"]["n2"] >= 1
        assert lifted["n1"].measured["drops_from"] == []
        assert datagram_passes(cluster, "n2", "n1")
        assert await cluster.network.mend("f") == {}

    on_cluster(main)


def test_overlapping_cuts_are_a_union_and_each_counts_its_own() -> None:
    async def main(cluster: DockerCluster) -> None:
        await cluster.network.cut("a", {"n1": ["n2", "n3"]})
        await cluster.network.cut("b", {"n1": ["n2"], "n3": ["n2"]})
        with pytest.raises(UsageError, match="'a' is in force"):
            await cluster.network.cut("a", {"n1": ["n2"]})
        assert not datagram_passes(cluster, "n2", "n1")
        lifted = await cluster.network.mend("a")
        assert lifted["n1"].measured["drops_from"] == ["n2"]  # b still wants it
        assert not datagram_passes(cluster, "n2", "n1")
        assert datagram_passes(cluster, "n3", "n1")
        lifted = await cluster.network.mend("b")
        assert lifted["n1"].measured["dropped_packets"] >= 2
        assert datagram_passes(cluster, "n2", "n1")

        for impossible in ({"n1": ["nobody"]}, {"nobody": ["n1"]}):
            with pytest.raises(UsageError, match="there is no node 'nobody'"):
                await cluster.network.cut("c", impossible)

    on_cluster(main)


def test_a_program_of_this_machine_runs_where_a_nodes_packets_pass() -> None:
    async def main(cluster: DockerCluster) -> None:
        for node in cluster.members.values():
            seen = node.enter(["ip", "-brief", "address"])
            assert seen.code == 0 and f" {node.address}/" in seen.out.decode()
            assert node.enter(["cat"], b"hello").out == b"hello"
        node = cluster.members["n1"]
        here = str(Path("/proc/self/ns/mnt").readlink())
        assert node.enter(["readlink", "/proc/self/ns/mnt"]).out.decode().strip() == here
        await cluster.destroy()
        with pytest.raises(ClusterError, match="the container of n1 is gone"):
            node.enter(["true"])

    on_cluster(main)


def test_kill_ends_every_process_of_the_service_and_keeps_the_container() -> None:
    async def main(cluster: DockerCluster) -> None:
        before = cluster.members["n1"].pids()
        assert len(before) == 2  # the service, and the daemon that left its session
        evidence = (await cluster.processes.kill(["n1"]))["n1"]
        assert evidence.status is Status.APPLIED and evidence.measured["killed_pids"] == before
        assert not any(map(processes.alive, before))
        assert all(map(processes.alive, cluster.members["n1"].keepers))
        with pytest.raises(ConnectionError):
            await cluster.connect("n1")
        assert (await cluster.processes.kill(["n1"]))["n1"].status is Status.SKIPPED
        assert (await cluster.processes.pause(["n1"]))["n1"].status is Status.SKIPPED
        assert (await cluster.processes.resume(["n1"]))["n1"].status is Status.SKIPPED

        evidence = (await cluster.processes.start(NODES))["n1"]
        assert evidence.status is Status.APPLIED
        assert evidence.measured["pids"][0] in cluster.members["n1"].pids()
        await ask(cluster, "n1")
        assert (await cluster.processes.start(["n1"]))["n1"].status is Status.SKIPPED

    on_cluster(main, Target(fork=True))


def test_a_paused_node_does_nothing_until_it_is_resumed() -> None:
    async def main(cluster: DockerCluster) -> None:
        evidence = (await cluster.processes.pause(["n1"]))["n1"]
        assert evidence.status is Status.APPLIED and evidence.measured["state"] == "T"
        assert (await cluster.processes.pause(["n1"]))["n1"].status is Status.SKIPPED
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await ask(cluster, "n1")
        assert (await ask(cluster, "n2"))["ages_ms"]["n1"] > 400
        evidence = (await cluster.processes.resume(["n1"]))["n1"]
        assert evidence.status is Status.APPLIED and evidence.measured["paused_ms"] >= 500
        await ask(cluster, "n1")
        assert (await cluster.processes.resume(["n1"]))["n1"].status is Status.SKIPPED
        await cluster.processes.pause(["n1"])
        assert (await cluster.processes.kill(["n1"]))["n1"].status is Status.APPLIED

    on_cluster(main)


def test_a_skewed_clock_is_what_the_service_reads_and_survives_its_restart() -> None:
    day_ms = 86_400_000.0

    async def offset_ms(cluster: DockerCluster, node: str) -> float:
        before = time.time_ns()
        return ((await ask(cluster, node))["wall_ns"] - before) / 1e6

    async def main(cluster: DockerCluster) -> None:
        monotonic = (await ask(cluster, "n1"))["monotonic_ns"]
        evidence = await cluster.clocks.skew("n1", -day_ms)
        assert evidence.status is Status.APPLIED and evidence.measured["offset_ms"] == -day_ms
        assert abs(await offset_ms(cluster, "n1") + day_ms) < 2000
        assert abs(await offset_ms(cluster, "n2")) < 2000
        assert 0 < (await ask(cluster, "n1"))["monotonic_ns"] - monotonic < 30e9
        assert await cluster.clocks.offsets() == {"n1": -day_ms, "n2": 0.0, "n3": 0.0}

        await cluster.processes.kill(["n1"])
        assert (await cluster.clocks.skew("n1", 500 * day_ms)).status is Status.SKIPPED
        assert set(await cluster.clocks.offsets()) == {"n2", "n3"}
        evidence = (await cluster.processes.start(["n1"]))["n1"]
        assert evidence.measured["clock"]["offset_ms"] == 500 * day_ms
        assert abs(await offset_ms(cluster, "n1") - 500 * day_ms) < 2000

        await cluster.processes.pause(["n1"])
        assert (await cluster.clocks.skew("n1", 3000)).status is Status.APPLIED
        assert all(map(processes.stopped, cluster.members["n1"].pids()))  # patching must not wake it
        assert (await cluster.clocks.offsets())["n1"] == 3000
        await cluster.processes.resume(["n1"])

        for step in range(300):  # a strobe
            assert (await cluster.clocks.skew("n1", 1000.0 * (step % 2))).status is Status.APPLIED
        assert (await cluster.clocks.skew("n1", 0)).measured["offset_ms"] == 0
        assert (await cluster.clocks.skew("n3", 0)).measured == {"offset_ms": 0.0}  # never patched
        assert abs(await offset_ms(cluster, "n1")) < 2000

    on_cluster(main)


def test_a_forked_process_is_skewed_with_its_service() -> None:
    async def main(cluster: DockerCluster) -> None:
        assert (await cluster.clocks.skew("n1", 7000)).measured["processes"] == 2

    on_cluster(main, Target(fork=True))


def test_logs_are_fetched_also_of_a_killed_node_and_traps_in_them_are_not(tmp_path: Path) -> None:
    async def main(cluster: DockerCluster) -> None:
        await cluster.processes.kill(["n2"])
        await cluster.collect_logs(tmp_path)

    on_cluster(main, Target(litter=True))
    for node in NODES:
        assert f"{node} beats" in (tmp_path / node / "node.log").read_text(encoding="utf-8")
    assert sorted(entry.name for entry in (tmp_path / "n1").iterdir()) == ["extra", "node.log"]


def test_a_node_that_crashes_at_start_is_told_with_its_log_and_nothing_stays() -> None:
    made = cluster()
    with pytest.raises(NodeError, match=r"n1 crashed at start(?s:.*)RuntimeError: out of luck"):
        made.run(lambda: made.create(Target(crash=True)))
    assert nothing(traces(made.run_name))


def test_destroy_may_be_called_at_any_time_and_leaves_nothing() -> None:
    made = cluster()

    async def main() -> None:
        await made.destroy()

    made.run(main)
    other = cluster()

    async def twice() -> None:
        await other.create(Target())
        assert not nothing(traces(other.run_name))
        await other.destroy()
        await other.destroy()

    other.run(twice)
    assert nothing(traces(other.run_name))


def test_two_clusters_live_side_by_side() -> None:
    other = cluster()

    async def main(first: DockerCluster) -> None:
        await other.create(Target())
        try:
            mine, theirs = (member.members["n1"].address for member in (first, other))
            assert mine.rpartition(".")[0] != theirs.rpartition(".")[0]
            await first.network.cut("f", {"n1": ["n2", "n3"]})
            await asyncio.sleep(0.3)
            assert max((await ask(other, "n1"))["ages_ms"].values()) < 300
            assert min((await ask(first, "n1"))["ages_ms"].values()) >= 300
        finally:
            await other.destroy()

    on_cluster(main)
    assert nothing(traces(other.run_name))


def test_without_an_engine_everything_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    reasons = set(DockerCluster.probe().values())
    assert reasons == {f"Docker engine does not answer at unix://{tmp_path}/none.sock: start it, or use --cluster sim"}
    assert DockerCluster.sweep() == []
    made = cluster()
    with pytest.raises(ClusterError, match="start it, or use --cluster sim"):
        made.run(lambda: made.create(Target()))


def test_a_socket_without_an_engine_is_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "engine.sock"))
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/engine.sock")
        assert "does not answer" in str(engine.problem())


def test_a_base_image_that_cannot_be_had_or_used_is_told() -> None:
    made = cluster(image="splitbrain.invalid/no-such-image:1")
    with pytest.raises(ClusterError, match=r"no image splitbrain\.invalid/no-such-image:1, and it cannot be pulled"):
        made.run(lambda: made.create(Target()))
    assert nothing(traces(made.run_name))


def test_names_and_options_are_checked_before_anything_is_made() -> None:
    for name in ("", "N1", "a b", "-n", "n/../x", "x" * 40):
        with pytest.raises(UsageError, match="cannot be called"):
            cluster([name])
    with pytest.raises(UsageError, match="name of its own"):
        cluster(["n1", "n1"])
    with pytest.raises(UsageError, match="name of an image"):
        cluster(image=3)

    class Real:
        name = "real"
        service = None

    made = cluster()
    with pytest.raises(Unsupported, match="real has nothing that a container could run"):
        made.run(lambda: made.create(Real()))


def test_a_base_without_python_fails_with_the_builders_last_words(tmp_path: Path) -> None:
    bare = tmp_path / "bare.tar"
    with tarfile.open(bare, "w") as tar:
        tar.addfile(tarfile.TarInfo("nothing-in-here"))
    with engine.connected() as client:
        client.import_image_from_file(str(bare), repository="splitbrain-test-bare", tag="latest")
        try:
            made = cluster(image="splitbrain-test-bare:latest")
            with pytest.raises(ClusterError, match=r"building the nodes' image on splitbrain-test-bare"):
                made.run(lambda: made.create(Target()))
        finally:
            client.remove_image("splitbrain-test-bare:latest")
    assert nothing(traces(made.run_name))


def test_without_nft_a_cluster_has_no_partitions_and_all_that_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nft, "installed", lambda: False)
    answers = DockerCluster.probe()
    for power in ("partition", "reject", "loss"):
        assert "apt-get install nftables" in str(answers[power])
    assert {power: answers[power] for power in ("available", "rate", "kill", "pause", "clock")} == dict.fromkeys(
        ("available", "rate", "kill", "pause", "clock")
    )

    async def main(cluster: DockerCluster) -> None:
        assert (await cluster.network.shape("r", ["n1"], Shape(rate_kbit=1e6)))["n1"].status is Status.APPLIED
        assert (await cluster.network.mend("r"))["n1"].status is Status.APPLIED
        assert (await cluster.processes.kill(["n1"]))["n1"].status is Status.APPLIED

    on_cluster(main)


def test_limits_are_those_of_the_container_and_the_kernel_kills_beyond_them() -> None:
    eat = "held = b'x' * (200 << 20)"
    burn = "import time\nend = time.monotonic() + 1\nwhile time.monotonic() < end: pass"

    def inside(cluster: DockerCluster, program: str) -> int:
        return subprocess.run(["docker", "exec", cluster.members["n1"].container, "python3", "-c", program]).returncode

    async def main(cluster: DockerCluster) -> None:
        evidence = (await cluster.limits.limit("limits-1", ["n1"], memory_bytes=100 << 20, cpus=0.2))["n1"]
        assert evidence.status is Status.APPLIED
        assert evidence.measured["memory_bytes"] == 100 << 20 and evidence.measured["cpus"] == 0.2
        assert await asyncio.to_thread(inside, cluster, eat) == 128 + signal.SIGKILL
        assert await asyncio.to_thread(inside, cluster, burn) == 0
        lifted = (await cluster.limits.lift("limits-1"))["n1"]
        assert lifted.measured["oom_kills"] >= 1 and lifted.measured["throttled_ms"] > 100
        assert lifted.measured["memory_bytes"] is None and lifted.measured["cpus"] is None
        assert await asyncio.to_thread(inside, cluster, eat) == 0

    on_cluster(main)


def test_packets_are_delayed_lost_and_refused_inside_the_containers() -> None:
    async def main(cluster: DockerCluster) -> None:
        before = {name: node.enter(["nft", "list", "ruleset"]).out for name, node in cluster.members.items()}
        await packets_are_shaped_and_refused(cluster)
        assert {name: node.enter(["nft", "list", "ruleset"]).out for name, node in cluster.members.items()} == before

    on_cluster(main)
