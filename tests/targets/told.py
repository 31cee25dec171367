"""What operations came to, as values that tests compare."""

from __future__ import annotations

from typing import Any

from harness.client import Failed, Indeterminate
from harness.operation import Operation


async def told(client: Any, *ops: Operation) -> list[Any]:
    """What each operation came to: its value, or the exception's type and error."""
    answers: list[Any] = []
    for op in ops:
        try:
            done = await client.invoke(op)
        except (Failed, Indeterminate) as problem:
            answers.append((type(problem), problem.error))
        else:
            answers.append(done.value)
    return answers


async def asked(target: Any, cluster: Any, node: str, workload: str, *ops: Operation) -> list[Any]:
    """The same, of a client that is made for it."""
    client = target.client(workload, cluster, node)
    try:
        return await told(client, *ops)
    finally:
        await client.close()
