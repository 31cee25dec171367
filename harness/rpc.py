"""What an error of a bundled store, or of any node that speaks Maelstrom's protocol, says about an operation.

Codes below 1000 have a meaning in the protocol, and all but two of them are definite: the request was not carried out.
The rest, and what we do not know, is indefinite. A connection that was refused never carried the request; one that
broke may have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.client import Failed, Indeterminate
from harness.clusters.base import Connection
from harness.node.errors import (
    ABORT,
    KEY_ALREADY_EXISTS,
    KEY_DOES_NOT_EXIST,
    MALFORMED_REQUEST,
    NODE_NOT_FOUND,
    NOT_SUPPORTED,
    PRECONDITION_FAILED,
    TEMPORARILY_UNAVAILABLE,
    TXN_CONFLICT,
    RpcError,
)

DEFINITE = frozenset(
    (
        NODE_NOT_FOUND,
        NOT_SUPPORTED,
        TEMPORARILY_UNAVAILABLE,
        MALFORMED_REQUEST,
        ABORT,
        KEY_DOES_NOT_EXIST,
        KEY_ALREADY_EXISTS,
        PRECONDITION_FAILED,
        TXN_CONFLICT,
    )
)
"""Codes that say the operation certainly did not happen. All others, 0 (timeout) and 13 (crash) among them, leave it
open."""


def failure(error: Exception) -> Failed | Indeterminate:
    """The exception a client raises in place of `error`: what it says about the operation, and a JSON value for the
    history.

    Extra fields of an error body are kept, so a refused compare-and-set tells the value it found as `current`.
    """
    if isinstance(error, RpcError):
        said = {"code": error.code, "text": error.text, **error.extra}
        return Failed(said) if error.code in DEFINITE else Indeterminate(said)
    said = {"error": type(error).__name__, "text": str(error)}
    return Failed(said) if isinstance(error, ConnectionRefusedError) else Indeterminate(said)


async def call(connection: Connection, body: Mapping[str, Any]) -> dict[str, Any]:
    """`connection.call`, but raises `Failed` or `Indeterminate` only."""
    try:
        return await connection.call(body)
    except Exception as error:
        raise failure(error) from error
