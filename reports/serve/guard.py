"""Who may ask, and what a browser may do with an answer: a layer round the whole application.

Three things reach a server on loopback that its user did not mean to let in. A page of another site may send forms to
it: so what changes anything must name this server as its origin. A name that an attacker owns may be made to point at
it (DNS rebinding), which makes that page one of the same origin: so a request must be for an address or for a name of
this machine. And a run's own data may hold script: no answer of ours allows any but ours, and a report, which is a
file of the run, is shown in a sandbox without an origin.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from reports.page import script_policy

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_BYTES_MAX = 64 << 10

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with less, a browser names no origin when it sends our own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "content-security-policy": "frame-ancestors 'none'",
}
"""Of every answer that does not say otherwise; a page's own security policy is in the page."""


def report_policy() -> str:
    """For a page that lies in the runs folder: no origin, no forms, no network, and of all script only that which our
    reports have. One made by another version is shown without script; it says everything without."""
    return (
        f"sandbox allow-scripts; default-src 'none'; script-src {script_policy()}; "
        "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


class Guard:
    """Refuses what is not meant for this server, and puts `HEADERS` on what it answers. `names` are those, beside
    addresses and `localhost`, under which it may be asked."""

    def __init__(self, application: Application, names: Collection[str] = ()) -> None:
        self._application = application
        self._names = {"localhost", *(name.casefold() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        if len(hosts) != 1 or not self._ours(hosts[0]):
            await _refuse(send, 421, "this server answers only under its own address, such as http://127.0.0.1:8000")
        elif scope["method"] not in ("GET", "HEAD") and not _same_origin(headers, hosts[0]):
            await _refuse(send, 403, "only a page of this server itself may ask for that")
        elif not _small(headers):
            await _refuse(send, 413, f"nothing this server takes is larger than {BODY_BYTES_MAX:,} bytes")
        else:
            await self._application(scope, receive, _dressed(send))

    def _ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name.casefold() in self._names or _address(name)


def _address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same_origin(headers: list[tuple[bytes, bytes]], host: str) -> bool:
    return [value.decode("latin-1") for name, value in headers if name == b"origin"] == [f"http://{host}"]


def _small(headers: list[tuple[bytes, bytes]]) -> bool:
    sizes = [value for name, value in headers if name == b"content-length"]
    chunked = any(name == b"transfer-encoding" for name, _ in headers)
    return not chunked and all(size.isdigit() and int(size) <= BODY_BYTES_MAX for size in sizes)


def _dressed(send: Send) -> Send:
    async def dressed(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            more = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in given]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return dressed


async def _refuse(send: Send, status: int, why: str) -> None:
    body = f"splitbrain: {why}\n".encode()
    plain = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await _dressed(send)({"type": "http.response.start", "status": status, "headers": plain})
    await send({"type": "http.response.body", "body": body})
