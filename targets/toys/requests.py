"""Reading requests: fields of a body, checked, so that a malformed one is refused instead of breaking the store."""

from __future__ import annotations

from typing import Any

from harness.node import Body, RpcError
from harness.node.errors import MALFORMED_REQUEST


def key_of(body: Body) -> str | int:
    """The register a request is about. Raises `RpcError`."""
    key = field(body, "key")
    if isinstance(key, bool) or not isinstance(key, str | int):
        raise RpcError(MALFORMED_REQUEST, f"a key is a string or a whole number, not {key!r:.80}")
    return key


def field(body: Body, name: str) -> Any:
    """A field that must be there. Raises `RpcError`."""
    if name not in body:
        raise RpcError(MALFORMED_REQUEST, f"a request of type {body.get('type')!r:.80} needs the field {name!r}")
    return body[name]
