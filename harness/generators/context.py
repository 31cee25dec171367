"""What a generator sees when it is asked: the time, which threads are free, whose processes they run, and a stream of
chance.

A *thread* is a place in the crew, numbered from 0: first the client workers, then one thread per nemesis. A *process*
is what runs there at the moment: client thread i runs i, then i + c after its first crash, then i + 2c, ... (c client
threads); nemesis j runs -1 - j for ever. So a process tells its thread by arithmetic alone, also long after it
crashed.

Sets of threads are the bits of one int. Asking "is any client free" of 1,024 threads is then one AND of 128 bytes,
where a set of numbers would cost an allocation per thread; it is what keeps a thousand workers as cheap per operation
as ten.
"""

from __future__ import annotations

import random as _random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.errors import UsageError
from harness.operation import Operation, Type

NEVER = (1 << 63) - 1
"""A time later than every time, in nanoseconds."""

_INVOKE = Type.INVOKE
_new = tuple.__new__


@dataclass(frozen=True, slots=True)
class Crew:
    """Who there is: `concurrency` client threads, then one thread per name in `nemeses`; `processes[thread]` runs
    there now."""

    concurrency: int
    nemeses: tuple[str, ...]
    processes: tuple[int, ...]

    @classmethod
    def of(cls, concurrency: int, nemeses: Iterable[str] = (), processes: Sequence[int] | None = None) -> Crew:
        """A crew whose clients run `processes` (default: 0, 1, ..., one per client thread)."""
        names = tuple(nemeses)
        if concurrency < 0:
            raise UsageError(f"concurrency must not be negative: {concurrency}")
        running = tuple(range(concurrency)) if processes is None else tuple(processes)
        if len(running) != concurrency or any(p < 0 or p % concurrency != i for i, p in enumerate(running)):
            raise UsageError(f"client thread i of {concurrency} runs process i + k * {concurrency}, not {running}")
        return cls(concurrency, names, running + tuple(-1 - j for j in range(len(names))))

    @property
    def threads(self) -> int:
        """Every thread."""
        return (1 << len(self.processes)) - 1

    @property
    def clients(self) -> int:
        """The client threads."""
        return (1 << self.concurrency) - 1

    def nemesis(self, which: int | str) -> int:
        """The one thread of a nemesis, by position or name. Raises `UsageError` for one that is not in the crew."""
        position = self.nemeses.index(which) if which in self.nemeses else which
        if not isinstance(position, int) or not 0 <= position < len(self.nemeses):
            raise UsageError(f"no nemesis {which!r}: there are {', '.join(self.nemeses) or 'none'}")
        return 1 << (self.concurrency + position)

    def thread(self, process: int) -> int:
        """The thread that runs or once ran `process`."""
        return process % self.concurrency if process >= 0 else self.concurrency - 1 - process

    def reincarnate(self, thread: int) -> Crew:
        """The crew after the process on a client thread crashed: a new one takes over."""
        running = self.processes
        successor = running[thread] + self.concurrency
        return Crew(self.concurrency, self.nemeses, (*running[:thread], successor, *running[thread + 1 :]))


class Context:
    """The moment at which a generator is asked or updated. Good for that one call: its owner moves it on afterwards.

    `time` is in nanoseconds; `threads` are the threads this generator may use, `free` those of them that wait for an
    operation.
    """

    __slots__ = ("crew", "free", "random", "threads", "time")

    def __init__(self, time: int, free: int, threads: int, random: _random.Random, crew: Crew) -> None:
        self.time = time
        self.free = free
        self.threads = threads
        self.random = random
        self.crew = crew

    @classmethod
    def of(cls, crew: Crew, random: _random.Random, time: int = 0) -> Context:
        """The context before the first operation: every thread is free."""
        return cls(time, crew.threads, crew.threads, random, crew)

    def only(self, threads: int) -> Context:
        """The same moment as seen by a generator that may use only these threads."""
        return Context(self.time, self.free & threads, self.threads & threads, self.random, self.crew)

    @property
    def clients(self) -> int:
        """The client threads among those this generator may use."""
        return self.threads & self.crew.clients

    @property
    def nemeses(self) -> int:
        """The nemesis threads among those this generator may use."""
        return self.threads & ~self.crew.clients

    def process(self, thread: int) -> int:
        """The process that `thread` runs now."""
        return self.crew.processes[thread]

    def thread(self, process: int) -> int:
        """The thread that runs or once ran `process`."""
        return self.crew.thread(process)

    def is_free(self, process: int) -> bool:
        """Whether `process` waits for an operation on a thread this generator may use. Raises `UsageError` for one
        that is gone."""
        thread, running = self.crew.thread(process), self.crew.processes
        if thread >= len(running) or running[thread] != process:
            raise UsageError(f"an operation names process {process}, but nobody runs it (any more)")
        return bool(self.free >> thread & 1)

    def assign(self, op: Operation) -> Operation:
        """`op` with a process: its own, or else that of a free thread, picked by chance. Some thread must be free."""
        f, key, value, process, type, time, node, error, index = op
        if process is not None or type is not _INVOKE:
            return op
        process = self.crew.processes[pick(self.free, self.random)]
        return _new(Operation, (f, key, value, process, type, time, node, error, index))


def pick(threads: int, random: _random.Random) -> int:
    """One of a non-empty set of threads.

    The first member at or above a random place: one draw and a few operations on ints however many threads there are.
    Among neighbours of long gaps that is not quite even, but no thread is ever left out. (A draw of `random()` and one
    product round alike on every machine.)
    """
    place = int(random.random() * threads.bit_length())
    rest = threads >> place
    return place if rest & 1 else place + (rest & -rest).bit_length() - 1


def members(threads: int) -> Iterator[int]:
    """The threads of a set, ascending."""
    while threads:
        lowest = threads & -threads
        yield lowest.bit_length() - 1
        threads ^= lowest
