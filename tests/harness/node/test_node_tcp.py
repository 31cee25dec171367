"""Real nodes over TCP on the loopback interface, as processes, and the connections to them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from harness.node import RpcError
from harness.node.connection import TcpConnection
from harness.node.wire import LINE_BYTES_MAX

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def start(
    name: str, ports: dict[str, int], data: Path, *more: str, node: str = "node_stores:Store"
) -> subprocess.Popen[str]:
    peers = ",".join(f"{peer}=127.0.0.1:{port}" for peer, port in ports.items())
    command = [sys.executable, "-W", "error", "-m", "harness.node", node, "--name", name]
    command += ["--listen", f"127.0.0.1:{ports[name]}", "--peers", peers, "--data", str(data / name), *more]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(HERE)])}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


@asynccontextmanager
async def running(
    tmp_path: Path, count: int = 3
) -> AsyncIterator[tuple[dict[str, int], dict[str, subprocess.Popen[str]]]]:
    """Nodes that serve; whatever of them is left is killed at the end."""
    ports = {f"n{number + 1}": port for number, port in enumerate(free_ports(count))}
    processes = {name: start(name, ports, tmp_path) for name in ports}
    try:
        for name in ports:
            await (await connected(ports, name)).close()
        yield ports, processes
    finally:
        for process in processes.values():
            end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Kills a process, if it still runs, and lets go of its pipe."""
    process.kill()
    process.wait()
    if process.stderr is not None:
        process.stderr.close()


async def connected(ports: dict[str, int], name: str, source: str = "c1") -> TcpConnection:
    """A connection to a node that serves, or is about to."""
    connection = TcpConnection("127.0.0.1", ports[name], source=source, dest=name)
    async with asyncio.timeout(10):
        while True:
            try:
                await connection.call({"type": "node_status"})
            except ConnectionError:
                await asyncio.sleep(0.02)
            else:
                return connection


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await check():  # noqa: ASYNC110  # what it waits for happens in another process
            await asyncio.sleep(0.02)


def test_a_cluster_serves_survives_a_kill_and_ends_cleanly(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as (ports, processes):
            first, second = await connected(ports, "n1"), await connected(ports, "n2")

            async def arrived(value: int) -> bool:
                return bool((await second.call({"type": "read", "key": "k"}))["value"] == value)

            assert (await first.call({"type": "write", "key": "k", "value": 1}))["type"] == "write_ok"
            await eventually(lambda: arrived(1))

            hanging = asyncio.ensure_future(second.call({"type": "slow", "seconds": 60}))
            await asyncio.sleep(0.05)
            processes["n2"].kill()
            with pytest.raises(ConnectionResetError):
                await hanging
            processes["n2"].communicate()
            with pytest.raises(ConnectionRefusedError):
                await second.call({"type": "read", "key": "k"})
            await first.call({"type": "write", "key": "k", "value": 2})
            processes["n2"] = start("n2", ports, tmp_path)
            await (await connected(ports, "n2")).close()
            await first.call({"type": "write", "key": "k", "value": 3})
            await eventually(lambda: arrived(3))  # the same connection dials again

            await first.close()
            await second.close()
            for process in processes.values():
                process.send_signal(signal.SIGTERM)
            logs = {name: process.communicate(timeout=10)[1] for name, process in processes.items()}
            assert [process.returncode for process in processes.values()] == [0, 0, 0]
            assert "starts with ['log']" not in logs["n2"], "only n1 wrote to its disk"
            assert re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [^\n]+\n){3}", logs["n1"]), (
                "three lines of log: start, serves, stops"
            )

    asyncio.run(main())


def test_requests_share_a_connection_and_errors_arrive_as_errors(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, 2) as (ports, processes):
            connection = await connected(ports, "n1")
            slow = asyncio.ensure_future(connection.call({"type": "slow", "seconds": 0.3}))
            replies = await asyncio.gather(*(connection.call({"type": "large", "size": n}) for n in range(100)))
            assert [len(reply["text"]) for reply in replies] == list(range(100))
            assert len((await connection.call({"type": "large", "size": 3_000_000}))["text"]) == 3_000_000
            assert (await slow)["type"] == "slow_ok"
            for body, code in (
                ({"type": "cas", "key": "k"}, 22),
                ({"type": "crash"}, 13),
                ({"type": "unsendable"}, 13),
                ({"type": "fly"}, 10),
            ):
                with pytest.raises(RpcError) as caught:
                    await connection.call(body)
                assert caught.value.code == code
            asked = await connection.call({"type": "ask", "whom": "n2", "body": {"type": "greet"}})
            assert asked["reply"]["nodes"] == ["n1", "n2"]
            with pytest.raises(RpcError, match="TimeoutError"):
                await connection.call(
                    {"type": "ask", "whom": "n2", "body": {"type": "copy", "key": 1, "value": 1}, "timeout_s": 0.1}
                )
            await connection.call({"type": "ask", "whom": "n1", "body": {"type": "greet"}})
            await connection.close()
            await connection.close()
            with pytest.raises(ConnectionRefusedError):
                await connection.call({"type": "greet"})
            assert processes["n1"].poll() is None

    asyncio.run(main())


def test_garbage_is_answered_and_harms_nobody(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, 1) as (ports, processes):
            reader, writer = await asyncio.open_connection("127.0.0.1", ports["n1"])
            for line in (
                b"garbage\n",
                b"[" * 100_000 + b"\n",
                b'{"src":"c9","dest":"n1","body":{"type":7,"msg_id":1}}\n',
            ):
                writer.write(line)
                assert json.loads(await reader.readline())["body"]["code"] == 12
            writer.write(b'{"src":"c9","dest":"n7","body":{"type":"greet","msg_id":4}}\n')
            answer = json.loads(await reader.readline())
            assert (answer["dest"], answer["body"]["code"], answer["body"]["in_reply_to"]) == ("c9", 1, 4)
            writer.write(b'\n\n{"src":"c9","dest":"n1","body":{"type":"greet","msg_id":5}}\n')
            assert json.loads(await reader.readline())["body"]["greeting"] == "hello"
            writer.write(b"\xff" * (LINE_BYTES_MAX + 2))
            assert json.loads(await reader.readline())["body"]["code"] == 12
            with pytest.raises(ConnectionError):
                for _ in range(500):
                    writer.write(b"\xff" * 65536)
                    await writer.drain()
                    await asyncio.sleep(0.01)
            writer.close()
            connection = await connected(ports, "n1")
            assert (await connection.call({"type": "greet"}))["type"] == "greet_ok"
            await connection.close()
            assert processes["n1"].poll() is None

    asyncio.run(main())


def test_a_client_that_does_not_read_is_cut_off(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, 1) as (ports, processes):
            deaf = socket.create_connection(("127.0.0.1", ports["n1"]))
            request = json.dumps({"src": "c9", "dest": "n1", "body": {"type": "large", "size": 4_000_000, "msg_id": 1}})
            deaf.sendall(f"{request}\n".encode() * 20)
            connection = await connected(ports, "n1")
            deaf.settimeout(10)
            received = 0
            with suppress(ConnectionResetError):
                while data := deaf.recv(1 << 20):
                    received += len(data)
            assert received < 20 * 4_000_000
            deaf.close()
            assert (await connection.call({"type": "greet"}))["type"] == "greet_ok"
            await connection.close()
            processes["n1"].terminate()
            assert "reads too slowly" in processes["n1"].communicate()[1]

    asyncio.run(main())


def test_options_reach_the_class_and_exits_end_the_process(tmp_path: Path) -> None:
    async def main() -> None:
        [port] = free_ports(1)
        process = start("n1", {"n1": port}, tmp_path, "--options", '{"greeting": "good day"}')
        connection = await connected({"n1": port}, "n1")
        assert (await connection.call({"type": "greet"}))["greeting"] == "good day"
        with pytest.raises(ConnectionResetError):
            await connection.call({"type": "exit"})
        process.communicate(timeout=10)
        assert process.returncode == 7
        await connection.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["node_stores:Failing"], 1, "the node crashed at start: OSError: the disk is on fire"),
        (["node_stores:Store", "--options", '{"no_such": 1}'], 1, "unexpected keyword argument 'no_such'"),
        (["node_stores:Store", "--listen", "TAKEN"], 1, "address already in use"),
        (["node_stores:Absent"], 2, "cannot load 'node_stores:Absent'"),
        (["absent:Store"], 2, "No module named 'absent'"),
        (["nonsense"], 2, "cannot load 'nonsense'"),
        (["node_stores:Store", "--options", "{"], 2, "not JSON"),
        (["node_stores:Store", "--options", "[]"], 2, "the options are a JSON object"),
        (["node_stores:Store", "--peers", "n1=nowhere"], 2, "'nowhere' is not IP:PORT"),
    ],
)
def test_what_cannot_start_says_so(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(HERE)])}
    command = [sys.executable, "-m", "harness.node", *arguments]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        if "--listen" in arguments:
            command[-1] = f"127.0.0.1:{taken.getsockname()[1]}"
        result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20, cwd=tmp_path)
    assert (result.returncode, says in result.stderr) == (code, True), result.stderr
    assert (code == 2) <= ("Traceback" not in result.stderr)


def test_a_connection_to_something_else_breaks_instead_of_hanging() -> None:
    async def main() -> None:
        hung_up = asyncio.Event()

        async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            with suppress(ConnectionError):
                await reader.read()
            writer.close()
            hung_up.set()

        server = await asyncio.start_server(babble, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        connection = TcpConnection("127.0.0.1", port, source="c1", dest="n1")
        with pytest.raises(ConnectionError):
            await connection.call({"type": "read"})
        await connection.close()
        await hung_up.wait()
        server.close()
        await asyncio.sleep(0)

    asyncio.run(main())


def test_the_client_works_on_uvloop_too(tmp_path: Path) -> None:
    import uvloop

    async def main() -> Any:
        async with running(tmp_path, 1) as (ports, _):
            connection = await connected(ports, "n1")
            reply = await connection.call({"type": "greet"})
            await connection.close()
            return reply["type"]

    assert uvloop.run(main()) == "greet_ok"
