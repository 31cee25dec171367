"""What was there for certain and is gone in the end."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from checkers.requests import Request


def vanished(id: Any, final: Sequence[tuple[Request, Container[Any]]]) -> Request | None:
    """The last final read that lacks it, by invocation, unless one that could have come later has it: None.

    `final` are reads of the whole, and what each found. One that comes late to some node is not lost: whether nodes
    agree in the end is what `converges` judges.
    """
    lacking = max((read for read, found in final if id not in found), key=lambda read: read.start, default=None)
    if lacking and any(id in found and read.end > lacking.start for read, found in final):
        return None
    return lacking
