"""Loads without a memory: each operation is drawn by itself, and may carry a number that no other operation has."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from harness.generators import Context, Generator
from harness.generators.protocol import PENDING, Answer, node
from harness.operation import Operation

Draw = Callable[[Random, int], Operation]
"""Makes the next operation of chance and a number given to no other; it must be pure but for the draws."""


@node
class Drawn(Generator):
    """What `draw` makes, without end, by any free thread; `fresh` is the next number nobody has been given."""

    draw: Draw
    fresh: int = 1

    def op(self, ctx: Context) -> Answer:
        if not ctx.free:
            return PENDING, self
        return ctx.assign(self.draw(ctx.random, self.fresh)), Drawn(self.draw, self.fresh + 1)
