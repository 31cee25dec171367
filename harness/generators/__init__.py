"""Generators: what is to be done, by whom and when, as immutable values.

In a nutshell
    A generator describes the operations of a run: a load of reads and writes on a thousand clients at 200 a second for
    a minute, cuts and kills beside it, then a final read of everything. It knows nothing of threads, sockets or
    sleeping. The interpreter asks it again and again "what now?", does what it says, and tells it what happened. Small
    generators are combined into larger ones.

By example
    One read; reads for ever; reads and writes at random, ten of them; two hundred a second on average, for a minute:

        Operation("read")
        repeat(Operation("read"))
        limit(10, mix(repeat(Operation("read")), write))
        time_limit(60, stagger(1 / 200, mix(repeat(Operation("read")), write)))

    where `write` is a function of the moment, called for every operation, with its only chance:

        def write(ctx): return Operation("write", key="x", value=ctx.random.randrange(5))

    A run: load beside two nemeses, all ended after a minute, healed, then every client reads once:

        phases(
            time_limit(60, any(
                clients(stagger(1 / 200, load)),
                nemesis("partition", cycle([sleep(5), start_cut, sleep(5), stop_cut])),
                nemesis("kill", cycle([sleep(7), kill, sleep(3), restart])),
            )),
            nemesis("partition", heal),
            clients(each_thread(Operation("read"))),
        )

    Plain values stand for generators: an `Operation` is that operation, once; a sequence is its members in order; a
    function of the context is called for each operation until it returns None; None is nothing. `simulate` plays any
    of this in no time.

The protocol
    `op(ctx)` answers "what now?" with a pair: what to do, and the generator to go on with. What to do is one of

    - an `Operation`: invoke it at once, by its `process`, or by any free thread in the context if that is None;
    - `PENDING` or `Pending(until)`: nothing now; ask again after the next event, and at the time `until` at the
    latest;
    - None: all is said.

    `update(ctx, event)` tells it of every invocation and completion on the threads it may use, and gives the
    generator to go on with. The context has the time, the free threads and the run's stream of chance, and is good
    for that one call. Whoever asks is free to throw an answer away and keep the generator it had, as `any` does with
    all but one of its parts; only the generator that comes with `Pending` must be kept, so that a pause, once begun,
    goes on.

Trade-offs
    *Nothing is planned ahead.* An operation is due now or not offered at all. Were generators allowed to answer "this
    operation, in three seconds", every combinator would have to compare times, and to throw away and draw again
    whatever an event overtakes: with a slow part and a busy part side by side, most of the work. Worse, a time limit
    that sees an operation planned for after the limit while all clients are busy cannot tell whether it is the last
    word. Here it can always wait.

    *Waiting is said, not polled.* A generator that waits names its time or waits for an event. So virtual time can
    jump, and a schedule that can never go on is found out at once instead of hanging.

    *Values, not coroutines.* A Python generator function would read more simply, but it cannot be asked twice, copied
    for each thread, or started over. The price is a new small object per combinator and operation, 0.3 us each.

    *One stream of chance.* Every draw is from `ctx.random`, so equal seeds give equal schedules, as long as the same
    events come in the same order.

    *Structure sharing, not mutation.* A state per thread is kept in a persistent table, and threads are bits of an
    int, so that a thousand workers cost hardly more per operation than ten.
"""

from harness.generators.bounds import cycle, limit, once, process_limit, repeat, time_limit, until_ok
from harness.generators.choice import any, flip_flop, mix, weighted
from harness.generators.context import NEVER, Context, Crew
from harness.generators.observe import log, on_update, trace
from harness.generators.order import concat, phases, synchronize, then
from harness.generators.protocol import PENDING, Answer, Generator, Liftable, Pending, lift
from harness.generators.routing import clients, each_process, each_thread, keyed, nemesis, on, reserve
from harness.generators.simulation import imperfect, perfect, perfect_info, quick, simulate
from harness.generators.timing import delay, sleep, stagger

__all__ = [
    "NEVER",
    "PENDING",
    "Answer",
    "Context",
    "Crew",
    "Generator",
    "Liftable",
    "Pending",
    "any",
    "clients",
    "concat",
    "cycle",
    "delay",
    "each_process",
    "each_thread",
    "flip_flop",
    "imperfect",
    "keyed",
    "lift",
    "limit",
    "log",
    "mix",
    "nemesis",
    "on",
    "on_update",
    "once",
    "perfect",
    "perfect_info",
    "phases",
    "process_limit",
    "quick",
    "repeat",
    "reserve",
    "simulate",
    "sleep",
    "stagger",
    "synchronize",
    "then",
    "time_limit",
    "trace",
    "until_ok",
    "weighted",
]
