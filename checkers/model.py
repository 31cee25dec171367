"""Data types of your own, for `Linearizable(model=...)`.

A model says what an object does when it is used by one client at a time. The search numbers states and operations and
asks for each transition once, so a model may be slow, but must be pure: equal questions, equal answers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Protocol, runtime_checkable


class Special(Enum):
    """Answers that no state or JSON value can be mistaken for."""

    ILLEGAL = "illegal"
    UNKNOWN = "unknown"


ILLEGAL: Final = Special.ILLEGAL
"""What `step` returns for an operation that cannot have had its result in this state."""

UNKNOWN: Final = Special.UNKNOWN
"""The result of an operation of which nobody knows whether it took effect: any result is possible."""


@runtime_checkable
class Model(Protocol):
    """A sequential data type. `reads` names the operations that never change a state."""

    @property
    def initial(self) -> Hashable: ...

    @property
    def reads(self) -> Collection[str]: ...

    def step(self, state: Any, f: str, argument: Any, result: Any) -> Hashable:
        """The state after an operation: its name, what it was invoked with, and what it returned (or `UNKNOWN`).

        `ILLEGAL` if it cannot have returned that in `state`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Table:
    """A model as a table: `steps[state][f, argument, result]` is the next state, and what is missing is illegal.

    Arguments and results are JSON values; lists among them are written as tuples. A result of `UNKNOWN` stands for an
    operation whose outcome nobody knows.
    """

    initial: Hashable
    steps: Mapping[Hashable, Mapping[tuple[str, Hashable, Hashable], Hashable]]
    reads: Collection[str] = field(default=())

    def step(self, state: Any, f: str, argument: Any, result: Any) -> Hashable:
        return self.steps.get(state, {}).get((f, _hashable(argument), _hashable(result)), ILLEGAL)


@dataclass(frozen=True, slots=True)
class Steps:
    """A model as a function: `function(state, f, argument, result)` is the next state, or `ILLEGAL`."""

    initial: Hashable
    function: Callable[[Any, str, Any, Any], Hashable]
    reads: Collection[str] = field(default=())

    def step(self, state: Any, f: str, argument: Any, result: Any) -> Hashable:
        return self.function(state, f, argument, result)


def _hashable(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    if isinstance(value, dict):
        return tuple(sorted((key, _hashable(item)) for key, item in value.items()))
    return value
