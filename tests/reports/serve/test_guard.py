"""Who may ask: only for this machine's own names, and for changes only its own pages."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from reports.serve.guard import BODY_BYTES_MAX, HEADERS, Guard


def ask(method: str, headers: list[tuple[str, str]], names: tuple[str, ...] = ()) -> tuple[int, dict[str, str]]:
    """The status and the headers that come through a guard before an application that says 200 to all."""
    sent: list[MutableMapping[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"mine")]})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError("nothing is read")

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    asyncio.run(Guard(application, names)({"type": "http", "method": method, "headers": raw}, receive, send))
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000", "192.0.2.7", "my-machine:80"]
)
def test_addresses_and_names_of_this_machine_are_answered(host: str) -> None:
    assert ask("GET", [("host", host)], ("my-machine",))[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "",
        "[::1",
        "a@b",
        "x:y:z",
    ],
)
def test_a_name_that_anybody_may_own_is_not(host: str) -> None:
    assert ask("GET", [("host", host)])[0] == 421


def test_a_request_has_one_host() -> None:
    assert ask("GET", [])[0] == 421
    assert ask("GET", [("host", "localhost"), ("host", "localhost")])[0] == 421


@pytest.mark.parametrize(
    "origins",
    [
        [],
        ["null"],
        ["http://evil.example"],
        ["https://localhost:8000"],
        ["http://localhost:8001"],
        ["http://localhost:8000"] * 2,
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_only_a_page_of_the_same_origin_may_change_anything(method: str, origins: list[str]) -> None:
    assert ask(method, [("host", "localhost:8000"), *(("origin", origin) for origin in origins)])[0] == 403


def test_a_page_of_the_same_origin_may() -> None:
    assert ask("POST", [("host", "localhost:8000"), ("origin", "http://localhost:8000")])[0] == 200


@pytest.mark.parametrize(
    "header",
    [("content-length", str(BODY_BYTES_MAX + 1)), ("content-length", "many"), ("transfer-encoding", "chunked")],
)
def test_nothing_large_is_taken(header: tuple[str, str]) -> None:
    assert ask("POST", [("host", "localhost"), ("origin", "http://localhost"), header])[0] == 413


def test_every_answer_bears_the_headers_and_keeps_its_own() -> None:
    for method, host in (("GET", "localhost"), ("GET", "evil.example"), ("POST", "localhost")):
        status, headers = ask(method, [("host", host)])
        assert HEADERS.keys() <= headers.keys()
        assert headers["cache-control"] == ("mine" if status == 200 else "no-store")
