"""The moment at which somebody comes to lead, seen from outside.

A store is most fragile then: votes were just given, the new leader has no entry of its own anywhere else, and the old
one may not know yet. That lasts milliseconds, and faults that come by a clock hardly ever meet it. So a fault can wait
for it. All that is asked of a target is what faults aimed at leaders ask already: who they are now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

LOOK_S = 0.005
"""Between two questions. Their answers take longer than that on most clusters, and set the pace there: where a node is
silent, as long as one waits for it."""


async def election(leaders: Callable[[], Awaitable[Sequence[str]]], patience_s: float) -> list[str]:
    """Waits for somebody to lead who did not a moment ago, and says who that is; nobody, if it took too long.

    A leader that could not be asked for a moment counts as a new one: it may have been elected again.
    """
    clock = asyncio.get_running_loop()
    until_s = clock.time() + patience_s
    before = set(await leaders())
    while clock.time() < until_s:
        await asyncio.sleep(LOOK_S)
        now = await leaders()
        if new := [node for node in now if node not in before]:
            return new
        before = set(now)
    return []
