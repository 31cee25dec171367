"""In what order: `concat`, `then`, `phases`, `synchronize`."""

from __future__ import annotations

from harness.generators.context import Context
from harness.generators.protocol import PENDING, Answer, Generator, Liftable, lift, node


def concat(*generators: Liftable) -> Generator:
    """One generator to its end, then the next. The next may begin while operations of the one before are still open."""
    return lift(generators)


def then(first: Liftable, second: Liftable) -> Generator:
    """`first` to its end, then, when all its operations are complete and every thread is free, `second`."""
    return concat(first, synchronize(second))


def phases(*generators: Liftable) -> Generator:
    """One generator after the other, each only when every thread is free: no operation overlaps the border of two
    phases."""
    return concat(*(synchronize(generator) for generator in generators))


def synchronize(generator: Liftable) -> Generator:
    """Waits until every thread it may use is free, then goes on as `generator`."""
    return Synchronize(lift(generator))


@node
class Synchronize(Generator):
    """State of `synchronize`: waiting. Once it is through, nothing of it is left."""

    child: Generator

    def op(self, ctx: Context) -> Answer:
        return self.child.op(ctx) if ctx.free == ctx.threads else (PENDING, self)
