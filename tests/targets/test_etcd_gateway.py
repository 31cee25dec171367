"""Requests to nodes that answer badly: nothing they say is believed, repeated without bound, or taken for success."""

from __future__ import annotations

import asyncio
import json
import socket
from base64 import b64encode
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from harness.client import Failed, Indeterminate
from harness.operation import Operation
from targets.etcd.clients import CLIENTS
from targets.etcd.errors import DEFINITE_TEXTS, failure
from targets.etcd.gateway import Gateway
from targets.unanswered import TEXT_CHARS_MAX, Broken, Malformed, NotSent, Refusal

HEADER = {"header": {"revision": "1"}}


def http(body: bytes | Any, status: str = "200 OK", head: str = "") -> bytes:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\n{head}Content-Length: {len(text)}\r\n\r\n".encode() + text


def against(answers: list[bytes], scene: Callable[[Callable[[], Any]], Any], *, late_s: float = 0) -> Any:
    """Plays a scene against a server that gives these answers, whatever it is asked, and then hangs up. Without answers
    it gives one per connection, with the connection's number, `late_s` after it was asked."""
    connections = count(1)

    async def main() -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for answer in answers or [http({"header": {"connection": next(connections)}})]:
                await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(late_s)
                writer.write(answer)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        where = server.sockets[0].getsockname()

        async def dial() -> socket.socket:
            made = socket.socket()
            made.setblocking(False)
            await asyncio.get_running_loop().sock_connect(made, where)
            return made

        async with server, asyncio.timeout(10):
            return await scene(dial)

    return asyncio.run(main())


def called(*answers: bytes) -> Any:
    async def scene(dial: Any) -> Any:
        line = Gateway(dial)
        try:
            return await line.call("/v3/kv/range", {})
        finally:
            line.drop()

    return against(list(answers), scene)


def invoked(workload: str, op: Operation, *answers: bytes) -> Operation:
    async def scene(dial: Any) -> Any:
        client = CLIENTS[workload](dial)
        try:
            return await client.invoke(op)
        finally:
            await client.close()

    done: Operation = against(list(answers), scene)
    return done


def test_an_answer_is_read_whole_or_in_chunks() -> None:
    assert called(http(HEADER)) == HEADER
    text = json.dumps(HEADER).encode()
    chunked = b"5\r\n%b\r\n%x;x=y\r\n%b\r\n0\r\nTrailer: 1\r\n\r\n" % (text[:5], len(text) - 5, text[5:])
    assert called(b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n" + chunked) == HEADER


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "not an answer in HTTP/1.1"),
        (b"HTTP/1.1 ABC huh\r\n\r\n", "not an answer in HTTP/1.1"),
        (b"HTTP/1.1\r\n\r\n", "not an answer in HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "without a length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "without a length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999\r\n\r\n", "without a length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n", "more than 64 MiB"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n", "more than 64 MiB"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "invalid literal"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n", "limit"),
        (http(b"<html>"), "and no JSON"),
        (http(b"[" * 100_000), "and no JSON"),
        (http(b'{"header": NaN}'), "and no JSON"),
        (http([1]), "and no object"),
        (http({"header": 5}), "neither an answer nor an error"),
        (http({}), "neither an answer nor an error"),
        (http({"error": 7}, "500 Oops"), "neither an answer nor an error"),
        (http({"error": "no", "code": 14}, "200 OK"), "neither an answer nor an error"),
    ],
)
def test_what_is_no_answer_of_etcd_is_malformed(answer: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        called(answer)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", http(HEADER)[:-1]])
def test_an_answer_that_ends_early_is_a_broken_connection(answer: bytes) -> None:
    with pytest.raises(Broken):
        called(answer)


def test_errors_are_etcds_own_and_bounded() -> None:
    with pytest.raises(Refusal) as refused:
        called(http({"error": "\ud800" + "x" * 10_000, "code": "y"}, "503 Service Unavailable"))
    assert refused.value.code == -1
    assert len(refused.value.text.encode()) <= TEXT_CHARS_MAX


def test_a_connection_that_was_closed_meanwhile_is_dialled_again() -> None:
    async def scene(dial: Any) -> None:
        line = Gateway(dial)
        for _ in range(3):
            assert await line.call("/v3/kv/range", {}) == HEADER
            await asyncio.sleep(0.05)
        line.drop()

    against([http(HEADER)], scene)


def test_a_call_that_was_cancelled_leaves_its_answer_to_nobody() -> None:
    async def scene(dial: Any) -> None:
        line = Gateway(dial)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await line.call("/v3/kv/range", {})
        await asyncio.sleep(0.2)
        assert (await line.call("/v3/kv/range", {}))["header"] == {"connection": 2}
        line.drop()

    against([], scene, late_s=0.1)


def kvs(value: Any, /, key: str = "register/1", **more: Any) -> bytes:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    entry = {"key": b64encode(key.encode()).decode(), "value": b64encode(text).decode(), "mod_revision": "4", **more}
    return http({**HEADER, "kvs": [entry]})


@pytest.mark.parametrize(
    ("workload", "op", "answer"),
    [
        ("register", Operation("read", 1), kvs("text")),
        ("register", Operation("read", 1), kvs(True)),
        ("register", Operation("read", 1), kvs(1.5)),
        ("register", Operation("read", 1), kvs(1 << 70)),
        ("register", Operation("read", 1), kvs(b"[" * 100_000)),
        ("register", Operation("read", 1), kvs(b"\xff")),
        ("register", Operation("read", 1), kvs(5, value="!!")),
        ("register", Operation("read", 1), kvs(5, mod_revision=None)),
        ("register", Operation("read", 1), http({**HEADER, "kvs": 5})),
        ("register", Operation("read", 1), http({**HEADER, "kvs": [5]})),
        ("register", Operation("cas", 1, [5, 6]), http({**HEADER, "succeeded": "yes"})),
        ("register", Operation("cas", 1, [5, 6]), http({**HEADER, "responses": []})),
        ("register", Operation("cas", 1, [5, 6]), http({**HEADER, "responses": 7})),
        ("register", Operation("write", 1, 6), http([])),
        ("append", Operation("txn", None, [["r", 1, None]]), http({**HEADER, "succeeded": True})),
        ("set", Operation("read", 1), kvs(5)),
        ("set", Operation("read", 1), kvs(1, key="set/1/x")),
        ("set", Operation("read", 1), kvs(1, key="set/1/")),
        ("lock", Operation("acquire", 1, 7), http({**HEADER, "responses": [{}]})),
    ],
)
def test_an_answer_of_the_wrong_shape_leaves_the_operation_open(workload: str, op: Operation, answer: bytes) -> None:
    with pytest.raises(Indeterminate) as doubt:
        invoked(workload, op, answer)
    assert doubt.value.error["type"] == "malformed"
    json.dumps(doubt.value.error).encode()


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (8, "etcdserver: too many requests", Failed),
        (14, "etcdserver: no leader", Failed),
        (3, "etcdserver: key is not provided", Failed),
        (2, "raft proposal dropped", Failed),
        (5, "etcdserver: requested lease not found", Failed),
        (14, "etcdserver: request timed out", Indeterminate),
        (14, "etcdserver: request timed out, possibly due to previous leader failure", Indeterminate),
        (14, "etcdserver: request timed out, possibly due to connection lost", Indeterminate),
        (14, "etcdserver: leader changed", Indeterminate),
        (14, "etcdserver: server stopped", Indeterminate),
        (8, "etcdserver: mvcc: database space exceeded", Indeterminate),
        (4, "context deadline exceeded", Indeterminate),
        (1, "context canceled", Indeterminate),
        (14, "transport is closing", Indeterminate),
        (-1, "whatever comes next", Indeterminate),
    ],
)
def test_what_etcds_errors_say_about_a_write(code: int, text: str, expected: type[Exception]) -> None:
    said = failure(Refusal(code, text), harmless=False)
    assert type(said) is expected
    assert said.error == {"type": "etcd", "code": code, "text": text}
    assert type(failure(Refusal(code, text), harmless=True)) is Failed


def test_the_other_problems() -> None:
    assert type(failure(NotSent("down"), harmless=False)) is Failed
    assert type(failure(Broken("reset"), harmless=False)) is Indeterminate
    assert type(failure(Broken("reset"), harmless=True)) is Failed
    assert type(failure(Malformed("odd"), harmless=True)) is Indeterminate
    assert "etcdserver: mvcc: database space exceeded" not in DEFINITE_TEXTS
