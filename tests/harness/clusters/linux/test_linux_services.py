"""Kill, start, pause, resume and skew, on services that are plain child processes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

import pytest
from local_node import LocalNode

from harness.clusters.linux import processes
from harness.clusters.linux.clocks import PatchedClocks
from harness.clusters.linux.services import Services
from harness.clusters.linux.vdso_self_test import self_test
from harness.errors import NodeError, UsageError
from harness.faults import Status

needs_patching = pytest.mark.skipif(self_test() is not None, reason=str(self_test()))

Main = Callable[[Services, PatchedClocks], Awaitable[None]]


def on_nodes(main: Main, *nodes: LocalNode) -> None:
    by_name = {node.name: node for node in nodes}
    locks = {name: asyncio.Lock() for name in by_name}
    clocks = PatchedClocks(by_name, locks)
    services = Services(by_name, locks, clocks, lambda: False)

    async def run() -> None:
        await services.start(list(by_name))
        await main(services, clocks)

    try:
        asyncio.run(run())
    finally:
        clocks.close()
        for node in nodes:
            node.close()


def test_a_service_with_children_is_killed_whole_and_started_again() -> None:
    async def main(services: Services, clocks: PatchedClocks) -> None:
        before = node.pids()
        assert len(before) == 3
        evidence = (await services.kill(["n1"]))["n1"]
        assert evidence.status is Status.APPLIED
        assert evidence.measured == {"killed_pids": before, "living_processes": 0}
        assert not any(map(processes.alive, before))
        assert (await services.kill(["n1", "n1"]))["n1"].why == "the node was not running"
        evidence = (await services.start(["n1"]))["n1"]
        assert evidence.measured["pids"][0] in node.pids() and node.answers()
        assert (await services.start(["n1"]))["n1"].why == "the node was running"

    node = LocalNode("n1", forks=2)
    on_nodes(main, node)


def test_a_pause_stops_every_process_and_resume_says_for_how_long() -> None:
    async def main(services: Services, clocks: PatchedClocks) -> None:
        evidence = (await services.pause(["n1"]))["n1"]
        assert evidence.measured == {"stopped_pids": node.pids(), "state": "TT"}
        assert (await services.pause(["n1"]))["n1"].why == "the node was paused"
        assert (await services.start(["n1"]))["n1"].why == "the node was running"
        await asyncio.sleep(0.1)
        evidence = (await services.resume(["n1"]))["n1"]
        assert evidence.status is Status.APPLIED and evidence.measured["paused_ms"] >= 100
        assert node.answers()
        assert (await services.resume(["n1"]))["n1"].why == "the node was running"

    node = LocalNode("n1", forks=1)
    on_nodes(main, node)


def test_a_paused_service_can_be_killed() -> None:
    async def main(services: Services, clocks: PatchedClocks) -> None:
        await services.pause(["n1"])
        assert (await services.kill(["n1"]))["n1"].status is Status.APPLIED
        assert (await services.resume(["n1"]))["n1"].why == "the node was not running"

    on_nodes(main, LocalNode("n1"))


def test_a_crash_at_start_is_told_with_the_log_once_the_others_are_up() -> None:
    async def main(services: Services, clocks: PatchedClocks) -> None:
        await services.kill(["bad", "good"])
        bad.crash = "no luck today"
        with pytest.raises(NodeError, match="bad crashed at start; the last lines of its log:\nno luck today"):
            await services.start(["bad", "good"])
        assert good.answers()

    bad, good = LocalNode("bad"), LocalNode("good")
    on_nodes(main, bad, good)


def test_a_service_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(services: Services, clocks: PatchedClocks) -> None:
        await services.kill(["n1"])
        monkeypatch.setattr("harness.clusters.linux.services.START_TIMEOUT_S", 0.3)
        monkeypatch.setattr(node, "answers", lambda: False)
        with pytest.raises(NodeError, match=rf"n1 does not answer on port {node.port} after 0.3 s; it wrote no log"):
            await services.start(["n1"])

    node = LocalNode("n1")
    on_nodes(main, node)


def test_nobody_else_is_taken_for_a_node() -> None:
    async def main(services: Services, clocks: PatchedClocks) -> None:
        for act in (services.kill, services.start, services.pause, services.resume):
            with pytest.raises(UsageError, match="there is no node 'n2'; nodes are n1"):
                await act(["n1", "n2"])
        with pytest.raises(UsageError, match="there is no node 'n2'; nodes are n1"):
            await clocks.skew("n2", 5)
        assert node.answers()

    node = LocalNode("n1")
    on_nodes(main, node)


def test_who_is_cancelled_in_a_pause_leaves_the_node_to_the_next_fault() -> None:
    async def main(services: Services, clocks: PatchedClocks) -> None:
        task = asyncio.ensure_future(services.pause(["n1"]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await services.kill(["n1"])
        assert (await services.start(["n1"]))["n1"].status is Status.APPLIED

    on_nodes(main, LocalNode("n1"))


@needs_patching
def test_an_offset_is_read_by_the_service_and_kept_over_a_restart() -> None:
    async def main(services: Services, clocks: PatchedClocks) -> None:
        def lies_by_s() -> float:
            wall_ns = node.wall_ns()
            assert wall_ns is not None
            return round((wall_ns - time.time_ns()) / 1e9)

        assert await clocks.offsets() == {"n1": 0.0}
        assert (await clocks.skew("n1", 0)).measured == {"offset_ms": 0.0}
        evidence = await clocks.skew("n1", 60_000)
        assert evidence.measured == {"offset_ms": 60_000, "pid": node.pids()[0], "processes": 2}
        assert lies_by_s() == 60
        await services.kill(["n1"])
        evidence = await clocks.skew("n1", -120_000)
        assert evidence.status is Status.SKIPPED and "will start with this offset" in evidence.why
        assert await clocks.offsets() == {}
        assert (await services.start(["n1"]))["n1"].measured["clock"]["offset_ms"] == -120_000
        assert lies_by_s() == -120
        assert await clocks.offsets() == {"n1": -120_000.0}
        assert (await clocks.skew("n1", 0)).measured["offset_ms"] == 0
        await services.kill(["n1"])
        assert "clock" not in (await services.start(["n1"]))["n1"].measured

    node = LocalNode("n1", forks=1)
    on_nodes(main, node)


@needs_patching
def test_a_strobe_sets_known_processes_without_looking_for_others() -> None:
    async def main(services: Services, clocks: PatchedClocks) -> None:
        await clocks.skew("n1", 1)
        looked = 0
        pids = node.pids

        def counted() -> list[int]:
            nonlocal looked
            looked += 1
            return pids()

        node.pids = counted  # type: ignore[method-assign]  # the test listens in
        began = time.monotonic()
        for step in range(500):
            assert (await clocks.skew("n1", float(step))).measured["offset_ms"] == step
        assert looked <= 1 + (time.monotonic() - began) / 0.05

    node = LocalNode("n1")
    on_nodes(main, node)


@needs_patching
def test_a_clock_whose_patch_was_lost_is_patched_anew() -> None:
    async def main(services: Services, clocks: PatchedClocks) -> None:
        await clocks.skew("n1", 5000)
        old = node.pids()[0]
        os.kill(old, 9)  # behind the harness's back, and started again by somebody
        node.launch()
        for _ in range(500):
            if node.answers():
                break
            await asyncio.sleep(0.01)
        evidence = await clocks.skew("n1", 6000)
        assert evidence.status is Status.APPLIED and evidence.measured["pid"] == node.pids()[0] != old

    node = LocalNode("n1")
    on_nodes(main, node)


def test_a_log_cannot_talk_to_the_terminal() -> None:
    async def main(services: Services, clocks: PatchedClocks) -> None:
        await services.kill(["n1"])
        node.crash = "\x1b]0;owned\x07 red \x1b[31m\n\tsecond line"
        with pytest.raises(NodeError) as caught:
            await services.start(["n1"])
        assert "?]0;owned? red ?[31m\n\tsecond line" in str(caught.value)

    node = LocalNode("n1")
    on_nodes(main, node)


@needs_patching
@pytest.mark.parametrize("ppm", [200_000, -200_000])
def test_a_clock_that_drifts_gains_steadily_through_a_restart_until_it_is_set(ppm: int) -> None:
    async def main(services: Services, clocks: PatchedClocks) -> None:
        evidence = await clocks.drift("n1", ppm)
        assert evidence.status is Status.APPLIED
        # A busy machine may hold up the program that steps the clock: it then gains late, and never too much.
        steps_late = 0.05 * abs(ppm) / 1000
        assert evidence.measured["gained_ms"] == pytest.approx(evidence.measured["in_ms"] * ppm / 1e6, abs=steps_late)
        began = time.monotonic()
        first_ms = (await clocks.offsets())["n1"]
        await asyncio.sleep(0.5)
        gained_ms = (await clocks.offsets())["n1"] - first_ms
        assert gained_ms == pytest.approx((time.monotonic() - began) * ppm / 1000, rel=0.3)
        await services.kill(["n1"])
        started = (await services.start(["n1"]))["n1"]
        assert abs(started.measured["clock"]["offset_ms"]) > abs(first_ms + gained_ms)
        assert (await clocks.skew("n1", 0.0)).measured["offset_ms"] == 0
        await asyncio.sleep(0.1)
        assert (await clocks.offsets())["n1"] == 0, "it drifts no more"

    on_nodes(main, LocalNode("n1"))


@needs_patching
def test_the_clock_of_a_node_that_is_down_drifts_all_the_same() -> None:
    async def main(services: Services, clocks: PatchedClocks) -> None:
        await services.kill(["n1"])
        assert (await clocks.drift("n1", 500_000)).status is Status.SKIPPED
        await asyncio.sleep(0.2)
        started = (await services.start(["n1"]))["n1"]
        assert started.measured["clock"]["offset_ms"] > 90

    on_nodes(main, LocalNode("n1"))
