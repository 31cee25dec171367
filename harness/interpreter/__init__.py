"""The interpreter: plays a generator on workers, nemeses and a clock, and records what happens.

One scheduler, on one asyncio loop, owns the generator and its context. It takes completions first, then asks the
generator what now, journals the invocation, hands it to a worker, tells the generator; and sleeps when the generator
says that it waits. Workers are tasks that live for the whole run; they call clients, journal the completion when the
answer is there, and report it. All else is rules for when things go wrong:

- `Failed` is `fail`; `Indeterminate`, any other exception and a missed deadline are `info`. After `info` the thread
goes on under process
  p + concurrency with a fresh client; the old client is closed in the background.
- A client that cannot be opened makes its operation `fail` with `{"type": "no-client", ...}`: nothing was sent. The
next operation tries again.
- A deadline holds whether or not the client cooperates: the worker is replaced, and its late answer reaches nobody.
- A client that answers nonsense is a `HarnessError`, not a verdict on the target.
- Nemesis operations always complete as `info`, with the value that the nemesis returned or the exception it raised in
`error`.

What was rejected. *A task per operation*: 2 us more each than a task that waits for the next one. *A timer per
operation*: see `harness.interpreter.deadlines`. *A queue between scheduler and workers*: each worker has at most one
operation, so a slot and a future do. *Threads that ask the generator under a lock*: then the order of draws depends on
the machine, and a seed means nothing.

Nothing here reads a clock but through `now`, draws but from `random`, or depends on hashes, addresses or the order of
sets. On a loop that is deterministic, a run is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from harness.client import Client, SyncClient
from harness.errors import UsageError
from harness.generators import Liftable, lift
from harness.generators.context import Crew
from harness.interpreter.scheduler import Journal, Scheduler
from harness.interpreter.tally import Tally
from harness.interpreter.workers import Perform
from harness.operation import Operation

__all__ = ["Journal", "Perform", "Tally", "interpret"]

SECOND_NS = 1_000_000_000


async def interpret(
    generator: Liftable,
    *,
    recorder: Journal,
    nodes: Sequence[str],
    concurrency: int,
    clients: Callable[[str], Client | SyncClient],
    now: Callable[[], int],
    random: Random,
    nemeses: Mapping[str, Perform] | None = None,
    timeout_ns: int = 2 * SECOND_NS,
    nemesis_timeout_ns: int = 120 * SECOND_NS,
    close_timeout_ns: int = 5 * SECOND_NS,
    processes: Sequence[int] | None = None,
    on_event: Callable[[Operation], None] | None = None,
    tally: Tally | None = None,
) -> Tally:
    """Plays `generator` until it is exhausted and every operation is complete.

    - `nodes`, `concurrency`: client thread i works on `nodes[i % len(nodes)]`, with a client made by `clients(node)`:
    one per process, opened when
      it gets its first operation.
    - `now`: nanoseconds, monotonic, in step with the running loop's clock. It is the time of the history and of the
    generator.
    - `nemeses`: by name, in order; nemesis j is process -1 - j and gets the operations of `nemesis(j or name, ...)`.
    - `timeout_ns`, `nemesis_timeout_ns`: from invocation to completion. `close_timeout_ns`: for closing one client.
    - `processes`: which process each client thread begins as; `Tally.processes` of the interpretation before, on the
    same history.
    - `on_event`: called with each event as it is recorded. Must be quick.
    - `tally`: filled in place and returned, for callers that want it also when this raises.

    Raises `HarnessError` when the harness failed: a client that answers nonsense, a generator that breaks the
    protocol, a history that cannot be written (`RecordingError`). However it ends, also by cancellation, clients are
    closed, and operations that were open are completed as `info` with error `{"type": "cancelled"}`.
    """
    if concurrency and not nodes:
        raise UsageError("clients need at least one node to talk to")
    performers = dict(nemeses or {})
    tally = tally if tally is not None else Tally()
    scheduler = Scheduler(
        lift(generator),
        crew=Crew.of(concurrency, performers, processes),
        journal=recorder,
        nodes=nodes,
        clients=clients,
        nemeses=performers,
        now=now,
        random=random,
        timeout_ns=timeout_ns,
        nemesis_timeout_ns=nemesis_timeout_ns,
        close_timeout_ns=close_timeout_ns,
        on_event=on_event,
        tally=tally,
    )
    await scheduler.run()
    return tally
