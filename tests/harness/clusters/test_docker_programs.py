"""Real programs in containers: several per node, from Debian packages, with files and logs of their own."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from docker_support import NODES, cluster, nothing, traces

from harness.clusters.docker import DockerCluster, engine, image
from harness.errors import ClusterError, NodeError, UsageError
from harness.faults import Status
from harness.target import CommandService, Daemon

pytestmark = pytest.mark.docker

PORTS = {"first": 8001, "second": 8002}
LOOKING = Path(__file__).with_name("looking_around.py").read_text(encoding="utf-8")
HOSTILE = "'; touch /tmp/owned; $(touch /tmp/owned) `touch /tmp/owned` \\n%s\n"


class Programs:
    """A target of two programs per node, which the base image has."""

    name = "programs"

    def __init__(self, program: str = "python3") -> None:
        self.program = program
        self.service = CommandService(self.daemons, packages=(), programs=("python3",))

    def daemons(self, node: str, addresses: Mapping[str, str], data: str) -> list[Daemon]:
        return [
            Daemon(
                name,
                (self.program, f"{data}/{name}/look.py", str(port), *addresses),
                port,
                env={"WHICH": name, "ODD": HOSTILE},
                files={f"{name}/look.py": LOOKING, f"{name}/odd name;": f"{node}{HOSTILE}"},
            )
            for name, port in PORTS.items()
        ]


async def look(made: DockerCluster, node: str, program: str = "first") -> dict[str, Any]:
    """What a program of a node sees."""
    with await made.dial(node, PORTS[program]) as connection:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(connection, b"?")
        answer = b""
        while data := await loop.sock_recv(connection, 65536):
            answer += data
    view: dict[str, Any] = json.loads(answer)
    return view


def test_a_node_runs_several_programs_with_files_environment_and_logs_of_their_own(tmp_path: Path) -> None:
    made = cluster()

    async def main() -> None:
        await made.create(Programs())
        for node in NODES:
            seen = await look(made, node)
            assert seen["host"] == node and set(seen["reaches"]) >= set(NODES)
            assert seen["environment"]["WHICH"] == "first" and seen["environment"]["ODD"] == HOSTILE
            assert seen["environment"]["HOME"] == seen["directory"] == "/var/lib/splitbrain"
            assert seen["files"] == ["first", "second"] and seen["zombies"] == []
            assert (await look(made, node, "second"))["environment"]["WHICH"] == "second"
            member = made.members[node]
            assert (member.data / "second" / "odd name;").read_text(encoding="utf-8") == f"{node}{HOSTILE}"
            assert not Path(f"/proc/{member.init}/root/tmp/owned").exists()
        kept = made.members["n1"].data / "first" / "odd name;"
        kept.write_text("changed", encoding="ascii")
        killed = (await made.processes.kill(["n1"]))["n1"]
        assert killed.status is Status.APPLIED and len(killed.measured["killed_pids"]) == 2
        for port in PORTS.values():
            with pytest.raises(ConnectionRefusedError):
                await made.dial("n1", port)
        skewed = await made.clocks.skew("n1", 60_000)
        assert skewed.status is Status.SKIPPED
        started = (await made.processes.start(["n1"]))["n1"]
        assert started.status is Status.APPLIED and len(started.measured["pids"]) == 2
        assert kept.read_text(encoding="ascii") == "changed"  # files are written where they are not there
        for program in PORTS:
            ahead_ns = (await look(made, "n1", program))["wall_ns"] - (await look(made, "n2", program))["wall_ns"]
            assert round(ahead_ns / 1e9) == 60
        await made.collect_logs(tmp_path)

    made.run(main)
    logs = {str(path.relative_to(tmp_path)): path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.log")}
    assert sorted(logs) == [f"{node}/{name}.log" for node in NODES for name in PORTS]
    assert (logs["n2/second.log"], logs["n1/first.log"]) == ("listening on 8002\n", "listening on 8001\n" * 2)
    assert nothing(traces(made.run_name))


def test_a_program_that_is_not_there_is_told_with_its_log() -> None:
    made = cluster(["n1"])
    with pytest.raises(
        NodeError, match=r"n1 crashed at start; the last lines of its log:\n.*/nowhere/program: not found"
    ):
        made.run(lambda: made.create(Programs("/nowhere/program")))
    assert nothing(traces(made.run_name))


def test_an_image_is_built_from_packages_once_and_starts_nothing(tmp_path: Path) -> None:
    stop = threading.Event()
    with engine.connected() as client:
        recipe = image.of_packages(["netcat-openbsd"], ["nc.openbsd"])
        name = image.ensure(client, recipe, None, tmp_path, stop)
        built = client.inspect_image(name)  # type: ignore[no-untyped-call]  # the stubs forgot it
        assert built["Config"]["Labels"] == {"splitbrain": "image"}
        assert image.ensure(client, recipe, None, tmp_path, stop) == name
        again = client.inspect_image(name)  # type: ignore[no-untyped-call]  # the stubs forgot it
        assert again["Id"] == built["Id"]
        # A base that has the program needs no package, and no network: its own version is what is tested.
        own = image.ensure(client, image.of_packages(["no-such-package"], ["nc.openbsd"]), name, tmp_path, stop)
        assert own != name


def test_a_package_that_does_not_exist_is_told_in_the_builders_words(tmp_path: Path) -> None:
    with engine.connected() as client, pytest.raises(ClusterError, match="Unable to locate package no-such-package"):
        recipe = image.of_packages(["no-such-package"], ["no-such-program"])
        image.ensure(client, recipe, None, tmp_path, threading.Event())


@pytest.mark.parametrize("name", ["", "-o", "a b", "$(reboot)", "a;b", "a\nb", "../x"])
def test_what_is_no_name_never_reaches_a_shell(name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a Debian package"):
        image.of_packages([name], ["python3"])
    with pytest.raises(UsageError, match="is no name of a program"):
        image.of_packages(["python3"], [f"/{name}"])
