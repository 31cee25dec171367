"""An agent at the other end of two pipes: the same conversation as through a socket, and the same end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.clusters.linux.agent import bundle
from harness.clusters.linux.agent.proxies import RemoteProcesses
from harness.clusters.linux.agent.remote import Agent
from harness.clusters.linux.agent.streams import PipeStream, StreamChannel, introduce
from harness.errors import ClusterError, NodeError
from harness.faults import Status

AGENT = Path(__file__).with_name("beside_agent.py")


class Program:
    """A program with pipes at both ends."""

    def __init__(self, *argv: str) -> None:
        theirs_in, self.write = os.pipe()
        self.read, theirs_out = os.pipe()
        self.process = subprocess.Popen(argv, stdin=theirs_in, stdout=theirs_out, stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)

    async def end(self) -> int:
        return await asyncio.to_thread(self.process.wait, 20)


@asynccontextmanager
async def started(*argv: str) -> AsyncIterator[tuple[StreamChannel, Program]]:
    program = Program(*(argv or (sys.executable, str(AGENT))))
    channel = StreamChannel(await PipeStream.open(program.read, program.write))
    try:
        yield channel, program
    finally:
        channel.close()
        await program.end()


def test_what_is_asked_is_done_and_put_back_when_the_stream_ends(tmp_path: Path) -> None:
    notes = tmp_path / "notes"

    async def main() -> None:
        async with started() as (channel, _):
            said = await introduce(channel, {"notes": str(notes)})
            assert said == {"powers": {"kill": None, "clock": "no ptrace"}}
            agent = Agent()
            agent.attach(channel)
            processes = RemoteProcesses(agent)
            evidence = await asyncio.gather(*(processes.pause([f"n{index}"]) for index in range(5)))
            assert all(one[f"n{index}"].status is Status.APPLIED for index, one in enumerate(evidence))
            with pytest.raises(NodeError, match="n1 crashed at start"):
                await processes.start(["n1"])
            agent.close()

    asyncio.run(main())
    *asked, resumed, killed = notes.read_text().splitlines()
    assert sorted(asked) == [f"pause n{index}" for index in range(5)]
    assert sorted(resumed.split()) == sorted(["resume", *(f"n{index}" for index in range(5))])
    assert killed.startswith("kill ")


def test_it_ends_by_itself_when_nobody_is_heard_for_the_lease(tmp_path: Path) -> None:
    notes = tmp_path / "notes"

    async def main() -> None:
        async with started() as (channel, program):
            await introduce(channel, {"notes": str(notes), "lease_s": 0.3})
            await channel.send({"id": 1, "do": "processes.pause", "with": [["n1"]]})
            assert await program.end() == 0

    asyncio.run(main())
    assert notes.read_text().splitlines() == ["pause n1", "resume n1", "kill n1"]


@pytest.mark.parametrize("order", [{}, {"lease_s": 1}])
def test_what_it_cannot_be_is_said_in_its_first_words(order: dict[str, Any]) -> None:
    async def main() -> None:
        async with started() as (channel, program):
            with pytest.raises(NodeError, match="nothing to note in"):
                await introduce(channel, order)
            assert await program.end() == 1

    asyncio.run(main())


def test_what_answers_no_sense_is_no_agent() -> None:
    async def main() -> None:
        async with started("sh", "-c", "echo Welcome to n1; cat >/dev/null") as (channel, _):
            with pytest.raises(ClusterError, match="no sense"):
                await introduce(channel, {})

    asyncio.run(main())


def test_the_bundle_is_all_that_an_agent_needs(tmp_path: Path) -> None:
    packed = tmp_path / "agent.zip"
    contents = bundle.sources()
    packed.write_bytes(bundle.archive(contents))
    modules = [
        name.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
        for name in contents
        if name.startswith("harness/clusters/linux/") and not name.endswith("/__main__.py")
    ]
    modules.remove("harness.clusters.linux.loop")  # the controller's, which has an event loop of its own
    program = f"import sys; sys.path.insert(0, {str(packed)!r})\n" + "".join(f"import {name}\n" for name in modules)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert bundle.archive(contents) == packed.read_bytes()
