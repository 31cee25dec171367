"""Requests to real systems that got no answer of the expected kind, and what that says of their operations.

    Unanswered
      NotSent       nothing has left this process
      Broken        the connection ended before the answer had come
      Malformed     the answer is none
      Refusal       the system answered with an error

A request that changes nothing may fail in any way and has still not happened, so reads are never left open by an error;
only an answer that is none ends their client.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.client import Failed, Indeterminate

TEXT_CHARS_MAX = 300
"""How much of an error's text is kept."""

LOST = (OSError, EOFError)
"""What a connection that breaks raises; `IncompleteReadError` is an EOFError."""


class Unanswered(Exception):
    """A request that got no answer of the expected kind. Its text is what is known."""


class NotSent(Unanswered):
    """The node could not be reached: the request certainly did nothing."""


class Broken(Unanswered):
    """The connection ended while the answer was awaited."""


class Malformed(Unanswered):
    """What came is no answer that the system would give."""


class Refusal(Unanswered):
    """The system's own error: `code` is what it goes by there."""

    def __init__(self, code: int | str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def failure(
    problem: Unanswered, system: str, definite: Callable[[Refusal], bool], *, harmless: bool
) -> Failed | Indeterminate:
    """The exception a client raises in place of `problem`; `definite` says of which errors of that system it is known
    that nothing was done, `harmless` is a request that changes nothing."""
    if isinstance(problem, NotSent):
        return Failed({"type": "not-sent", "text": str(problem)})
    if isinstance(problem, Malformed):
        return Indeterminate({"type": "malformed", "text": str(problem)})
    if isinstance(problem, Broken):
        said = {"type": "broken", "text": str(problem)}
        return Failed(said) if harmless else Indeterminate(said)
    assert isinstance(problem, Refusal), "there are four kinds"
    error = {"type": system, "code": problem.code, "text": problem.text}
    return Failed(error) if harmless or definite(problem) else Indeterminate(error)


def plain(text: str) -> str:
    """A text fit for a history: of bounded length, and without halves of surrogate pairs."""
    return text[:TEXT_CHARS_MAX].encode("utf-8", "replace").decode()
