"""The protocol: what a generator is, what it answers, and which plain values stand for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar, cast, dataclass_transform

from harness.errors import UsageError
from harness.generators.context import NEVER, Context
from harness.operation import Operation, Type

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True)
def node(cls: type[_T]) -> type[_T]:
    """A dataclass for generator states: frozen for the type checker, a plain slotted class when it runs.

    Each operation makes one new state per combinator on its way. A dataclass that is frozen at run time assigns every
    field through `object.__setattr__`, which costs three times as much to make: a third of the whole budget of an
    operation.
    """
    return dataclass(slots=True, eq=False)(cls)


@node
class Pending:
    """ "Nothing now": ask again after the next event, and at `until` (nanoseconds) at the latest."""

    until: int = NEVER


PENDING = Pending()
"""Nothing until something happens: an operation is invoked or completed."""

Answer: TypeAlias = "tuple[Operation | Pending | None, Generator | None]"
"""What to do now, and the generator to go on with. None for either means: that was all."""


class Generator(Protocol):
    """An immutable description of operations to come. Package text: `harness.generators`."""

    __slots__ = ()

    def op(self, ctx: Context) -> Answer:
        """What to do at this moment.

        An operation is to be invoked at once, by its `process` or, when that is None, by any free thread in `ctx`.
        Whoever asked goes on with the second part of the answer if it uses the first, and may keep the old generator
        if it does not; after `Pending` it must go on with the second part. Must be pure but for draws from
        `ctx.random`.
        """
        ...

    def update(self, ctx: Context, event: Operation) -> Generator:
        """The generator after an event, on any thread it may use, its own or not. Returns `self` when it does not
        care."""
        return self


Liftable: TypeAlias = "Generator | Operation | Sequence[Any] | Callable[[Context], Any] | None"
"""What combinators take: a generator, or a plain value that stands for one (see `lift`)."""


@node
class Nothing(Generator):
    """The generator that is exhausted from the start."""

    def op(self, ctx: Context) -> Answer:
        return None, None


NOTHING = Nothing()


@node
class Single(Generator):
    """One operation, then nothing. Waits for its `time`, and for a free thread: its own if it names a process, else
    any."""

    operation: Operation

    def op(self, ctx: Context) -> Answer:
        op = self.operation
        if op.time > ctx.time:
            return Pending(op.time), self
        if op.type is not Type.INVOKE:  # a remark takes no thread
            return op, None
        if not (ctx.free if op.process is None else ctx.is_free(op.process)):
            return PENDING, self
        return op, None


@node
class Function(Generator):
    """Calls a function of the context whenever a thread is free, for ever, until it returns None or something
    exhausted."""

    function: Callable[[Context], Any]

    def op(self, ctx: Context) -> Answer:
        if not ctx.free:
            return PENDING, self
        made = self.function(ctx)
        if type(made) is Operation and made.process is None and made.time <= ctx.time:
            return made, self
        if made is None:
            return None, None
        if type(made) is Pending:
            return made, self
        op, following = lift(made).op(ctx)
        if op is None or following is None:
            return op, None if op is None else self
        return op, Concat(following, (self,), 0)


@node
class Concat(Generator):
    """One generator to its end, then the next."""

    head: Generator
    rest: Sequence[Any]
    place: int

    def op(self, ctx: Context) -> Answer:
        head, place = self.head, self.place
        while True:
            op, following = head.op(ctx)
            if op is not None:
                if following is head and place == self.place:
                    return op, self
                if following is None:
                    if place == len(self.rest):
                        return op, None
                    following, place = lift(self.rest[place]), place + 1
                return op, Concat(following, self.rest, place)
            if place == len(self.rest):
                return None, None
            head, place = lift(self.rest[place]), place + 1

    def update(self, ctx: Context, event: Operation) -> Generator:
        head = self.head.update(ctx, event)
        return self if head is self.head else Concat(head, self.rest, self.place)


def lift(value: Liftable) -> Generator:
    """The generator that a plain value stands for. Raises `UsageError` for a value that stands for none.

    An `Operation` is itself, once. A sequence is each of its members (lifted) in order. A function of the context is
    called for each operation; what it returns is lifted and played to its end before it is called again, until it
    returns None. None is nothing.
    """
    if type(value) is Operation:
        return Single(value)
    if value is None:
        return NOTHING
    if hasattr(value, "op") and hasattr(value, "update"):
        return cast("Generator", value)  # a runtime check of the whole protocol would cost microseconds
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return Concat(lift(value[0]), value, 1) if len(value) else NOTHING
    if callable(value):
        return Function(value)
    raise UsageError(f"not a generator: {value!r}: give an Operation, a sequence, a function of the context or None")
