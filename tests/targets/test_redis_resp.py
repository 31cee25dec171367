"""Redis's protocol against servers that answer badly, and clients against sentinels that lie."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from harness.client import Failed, Indeterminate
from harness.operation import Operation
from targets.redis.clients import CLIENTS
from targets.redis.daemons import SENTINEL_PORT
from targets.redis.errors import failure
from targets.redis.resp import ErrorReply, Line, encoded
from targets.unanswered import TEXT_CHARS_MAX, Broken, Malformed, NotSent, Refusal

ADDRESS = b"*2\r\n$7\r\n1.2.3.4\r\n$4\r\n6379\r\n"
MASTER = b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"


class Liar:
    """A cluster of one node whose sentinel and server give these answers, whatever they are asked, and hang up."""

    nodes = ("n1",)

    def __init__(self, sentinel: bytes, server: list[bytes]) -> None:
        self._answers = {SENTINEL_PORT: [sentinel], 6379: server}
        self._ports: dict[int, Any] = {}
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        for port, answers in self._answers.items():
            server = await asyncio.start_server(self._serve(answers), "127.0.0.1", 0)
            self._servers.append(server)
            self._ports[port] = server.sockets[0].getsockname()

    def _serve(self, answers: list[bytes]) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for answer in answers:
                if not await reader.read(65536) or not answer:
                    break
                writer.write(answer)
            await writer.drain()
            writer.close()

        return serve

    async def dial(self, node: str, port: int) -> socket.socket:
        made = socket.socket()
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, self._ports[port])
        return made

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        await asyncio.sleep(0.02)  # connections notice that they have ended


def called(answer: bytes) -> Any:
    async def main() -> Any:
        liar = Liar(b"", [answer])
        await liar.start()
        line = await Line.open(lambda: liar.dial("n1", 6379))
        try:
            async with asyncio.timeout(20):
                return await line.call("GET", "x")
        finally:
            line.close()
            await liar.close()

    return asyncio.run(main())


def invoked(workload: str, op: Operation, answer: bytes, *, sentinel: bytes = ADDRESS, role: bytes = MASTER) -> Any:
    async def main() -> Any:
        liar = Liar(sentinel, [role, answer])
        await liar.start()
        client = CLIENTS[workload](liar, "n1")  # type: ignore[arg-type]
        try:
            return await client.invoke(op)
        finally:
            await client.close()
            await liar.close()

    return asyncio.run(main())


def test_commands_are_arrays_of_bulk_strings() -> None:
    assert encoded(["SET", "ä", 5, b"\xff"]) == b"*4\r\n$3\r\nSET\r\n$2\r\n\xc3\xa4\r\n$1\r\n5\r\n$1\r\n\xff\r\n"


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (b"+OK\r\n", "OK"),
        (b":-5\r\n", -5),
        (b"$3\r\na\r\n\r\n", b"a\r\n"),
        (b"$-1\r\n", None),
        (b"*-1\r\n", None),
        (b"*0\r\n", []),
        (b"*2\r\n*1\r\n:1\r\n$0\r\n\r\n", [[1], b""]),
    ],
)
def test_replies_of_every_kind(answer: bytes, value: Any) -> None:
    assert called(answer) == value


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "not a reply of Redis"),
        (b"\r\n", "not a reply of Redis"),
        (b":five\r\n", "not a number"),
        (b":" + b"9" * 100 + b"\r\n", "not a number"),
        (b"$x\r\n", "not a number"),
        (b"$2\r\nabcd", "does not end where it says"),
        (b"$999999999\r\n", "more than 64 MiB"),
        (b"*99999999\r\n", "more than 64 MiB or 4,000,000 items"),
        (b"*1\r\n" * 50, "not a reply of Redis"),
        (b"+" + b"x" * 200_000 + b"\r\n", "limit"),
    ],
)
def test_what_is_no_reply_of_redis_is_malformed(answer: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        called(answer)


@pytest.mark.parametrize("answer", [b"", b"$5\r\nab", b"*2\r\n:1\r\n", b"+OK"])
def test_a_reply_that_ends_early_is_a_broken_connection(answer: bytes) -> None:
    with pytest.raises(Broken):
        called(answer)


def test_errors_are_bounded_and_their_first_word_is_their_code() -> None:
    with pytest.raises(Refusal) as refused:
        called(b"-LOADING \xff" + b"x" * 10_000 + b"\r\n")
    assert refused.value.code == "LOADING"
    assert len(str(refused.value)) <= TEXT_CHARS_MAX


@pytest.mark.parametrize(
    ("workload", "op", "answer"),
    [
        ("register", Operation("read", 1), b"$4\r\ntext\r\n"),
        ("register", Operation("read", 1), b"$30\r\n" + b"9" * 30 + b"\r\n"),
        ("register", Operation("read", 1), b":5\r\n"),
        ("register", Operation("write", 1, 5), b"+QUEUED\r\n"),
        ("register", Operation("cas", 1, [5, 6]), b":0\r\n"),
        ("register", Operation("cas", 1, [5, 6]), b"*2\r\n$1\r\n5\r\n$1\r\n5\r\n"),
        ("append", Operation("txn", None, [["append", 1, 5]]), b"+OK\r\n+QUEUED\r\n*0\r\n"),
        ("append", Operation("txn", None, [["append", 1, 5]]), b"+OK\r\n+QUEUED\r\n*1\r\n-WRONGTYPE no\r\n"),
        ("append", Operation("txn", None, [["r", 1, None]]), b"+OK\r\n+QUEUED\r\n*1\r\n*1\r\n$-1\r\n"),
        ("set", Operation("add", 1, 5), b":0\r\n"),
        ("set", Operation("read", 1), b"*1\r\n$1\r\nx\r\n"),
        ("lock", Operation("acquire", 1, 5), b"+QUEUED\r\n"),
    ],
)
def test_a_reply_of_the_wrong_shape_leaves_the_operation_open(workload: str, op: Operation, answer: bytes) -> None:
    with pytest.raises(Indeterminate) as doubt:
        invoked(workload, op, answer)
    assert doubt.value.error["type"] == "malformed"
    json.dumps(doubt.value.error).encode()


@pytest.mark.parametrize(
    ("sentinel", "role"),
    [
        (b"*-1\r\n", MASTER),
        (b"*2\r\n$7\r\n1.2.3.4\r\n$4\r\n9999\r\n", MASTER),
        (b"*2\r\n$7\r\n1.2.3.4\r\n$2\r\nxx\r\n", MASTER),
        (b"+OK\r\n", MASTER),
        (b"-ERR No such master with that name\r\n", MASTER),
        (b"", MASTER),
        (ADDRESS, b"*1\r\n$5\r\nslave\r\n"),
        (ADDRESS, b"*0\r\n"),
        (ADDRESS, b""),
    ],
)
def test_without_a_primary_nothing_is_sent(sentinel: bytes, role: bytes) -> None:
    with pytest.raises(Failed) as failed:
        invoked("register", Operation("write", 1, 5), b"+OK\r\n", sentinel=sentinel, role=role)
    assert failed.value.error["type"] == "not-sent"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("READONLY You can't write against a read only replica.", Failed),
        ("MISCONF Errors writing to the AOF file: No space left on device", Failed),
        ("NOREPLICAS Not enough good replicas to write.", Failed),
        ("ERR something new", Indeterminate),
        ("UNBLOCKED force unblock from blocking operation", Indeterminate),
        ("", Indeterminate),
    ],
)
def test_what_redis_errors_say_about_a_write(text: str, expected: type[Exception]) -> None:
    assert type(failure(ErrorReply(text), harmless=False)) is expected
    assert type(failure(ErrorReply(text), harmless=True)) is Failed


def test_the_other_problems() -> None:
    assert type(failure(NotSent("down"), harmless=False)) is Failed
    assert type(failure(Broken("reset"), harmless=False)) is Indeterminate
    assert type(failure(Malformed("odd"), harmless=True)) is Indeterminate
