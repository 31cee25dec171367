"""Errors that travel: the codes of Maelstrom's protocol, and the exception that stands for an error body on either
side.

Codes below 1000 are the protocol's own, https://github.com/jepsen-io/maelstrom/blob/main/doc/protocol.md#errors; what
each says about an operation is decided in `harness.rpc`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TIMEOUT = 0
NODE_NOT_FOUND = 1
NOT_SUPPORTED = 10
TEMPORARILY_UNAVAILABLE = 11
MALFORMED_REQUEST = 12
CRASH = 13
ABORT = 14
KEY_DOES_NOT_EXIST = 20
KEY_ALREADY_EXISTS = 21
PRECONDITION_FAILED = 22
TXN_CONFLICT = 30

_RESERVED = frozenset(("type", "code", "text", "msg_id", "in_reply_to"))


class RpcError(Exception):
    """An answer of type `error`. A handler raises it to refuse a request; `rpc` raises it when the other side did.

    `extra` are further JSON fields of the body, e.g. `current=3` beside code 22.
    """

    def __init__(self, code: int, text: str, **extra: Any) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.extra = extra

    def __str__(self) -> str:
        return f"{self.text} (error {self.code})"

    def to_body(self) -> dict[str, Any]:
        """The error as a message's body, without `in_reply_to`."""
        return {"type": "error", "code": self.code, "text": self.text} | self.extra

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> RpcError:
        """Reads an error body. One without a proper code counts as a crash: nobody knows what happened."""
        code = body.get("code")
        error = cls(code if type(code) is int else CRASH, str(body.get("text", "")))
        error.extra = {key: value for key, value in body.items() if key not in _RESERVED}
        return error
