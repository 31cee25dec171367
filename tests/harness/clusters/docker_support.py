"""What the docker tests share: a small cluster, a look at the machine, and a controller in a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from harness.clusters.docker import DockerCluster, engine, names
from harness.clusters.linux import ledger, nft
from harness.streams import Streams
from harness.target import NodeService

T = TypeVar("T")

NODES = ("n1", "n2", "n3")


class Target:
    """As much of a target as a cluster looks at."""

    name = "beating"

    def __init__(self, **options: Any) -> None:
        self.service = NodeService("beating_node:Beating", packages=("beating_node",), options=options)


def cluster(nodes: Sequence[str] = NODES, **options: Any) -> DockerCluster:
    return DockerCluster(nodes, streams=Streams(7), run_id="test", **options)


def on_cluster(main: Callable[[DockerCluster], Awaitable[T]], target: Target | None = None) -> T:
    """Runs a test on a cluster whose nodes have all heard one another, and takes it down."""
    made = cluster()

    async def with_cluster() -> T:
        try:
            await made.create(target or Target())
            for node in NODES:
                await _heard_all(made, node)
            return await main(made)
        finally:
            await made.destroy()

    return made.run(with_cluster)


async def _heard_all(cluster: DockerCluster, node: str) -> None:
    for _ in range(1000):
        if len((await ask(cluster, node))["ages_ms"]) == len(NODES) - 1:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{node} does not hear the others")


async def ask(cluster: DockerCluster, node: str) -> dict[str, Any]:
    """A node's own view (see `Beating.on_heard`)."""
    connection = await cluster.connect(node)
    try:
        return await connection.call({"type": "heard"})
    finally:
        await connection.close()


def traces(run: str) -> dict[str, list[str]]:
    """Everything of one run that is on the machine, by kind."""
    mine = {"label": f"{names.RUN_LABEL}={run}"}
    with engine.connected() as client:
        containers = client.containers(all=True, filters=mine)
        networks = client.networks(filters=mine)
        volumes = client.volumes(filters={"dangling": False}).get("Volumes") or []
    marks = [container["Id"] for container in containers] + [run]
    return {
        "containers": [container["Id"] for container in containers],
        "networks": [network["Id"] for network in networks],
        "tables": [name for _, name in nft.tables(nft.listing("tables")) if run in name],
        "interfaces": [entry.name for entry in Path("/sys/class/net").iterdir() if run in entry.name],
        "records": [entry.name for entry in ledger.ROOT.iterdir() if run in entry.name] if ledger.ROOT.exists() else [],
        "processes": _processes_with(marks),
        "volumes": [volume["Name"] for volume in volumes if run in str(volume)],
        "loops": [file for file in _backing_files() if run in file],
        "mounts": [place for place in mounts() if any(mark in place for mark in marks)],
        "scratch": [entry.name for entry in ledger.SCRATCH.glob(f"*{run}*")],
    }


def _backing_files() -> list[str]:
    """The files behind the machine's loop devices."""
    found = []
    for file in Path("/sys/block").glob("loop*/loop/backing_file"):
        with suppress(OSError):
            found.append(file.read_text(encoding="utf-8"))
    return found


def mounts() -> set[str]:
    """Where anything is mounted."""
    return {line.split()[1] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()}


def mounts_of(containers: Sequence[str]) -> set[str]:
    """Where the file systems and network namespaces of these containers are mounted."""
    found = set()
    with engine.connected() as client:
        for container in containers:
            answer = client.inspect_container(container)
            found |= {answer["GraphDriver"]["Data"]["MergedDir"], answer["NetworkSettings"]["SandboxKey"]}
    return {str(Path(path).resolve()) for path in found}


def nothing(found: Mapping[str, Sequence[str]]) -> bool:
    return not any(found.values())


class Controller:
    """A process that makes a cluster, says so, and waits until it is told to go on or is killed."""

    def __init__(self, *, until: str = "up", lease_s: float = 60.0) -> None:
        here = Path(__file__).parent
        self.process = subprocess.Popen(
            [sys.executable, str(here / "docker_controller.py"), str(lease_s)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.said: dict[str, Any] = {}
        while self.said.get("stage") != until:
            line = self.process.stdout.readline()
            if not line:
                assert self.process.stderr
                raise AssertionError(self.process.stderr.read())
            self.said = json.loads(line)

    @property
    def run(self) -> str:
        return str(self.said["run"])

    def end(self) -> tuple[int, str]:
        """Waits for its end; returns the exit code and what it wrote on standard error."""
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


def _processes_with(marks: Sequence[str]) -> list[str]:
    """Processes whose command line names one of the marks: a container's id is in that of its shim."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
            if any(mark in text for mark in marks):
                found.append(f"{entry.name} {text}")
    return found
