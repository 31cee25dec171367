"""A name service: each name has one owner who updates it, and everybody resolves it.

What is asked of it is an answer, always and everywhere (`availability`), that is not too old (`staleness`), does not go
back (`monotonic-reads`), and is the same everywhere before long (`converges`). It is the case for which a store that is
always available costs nothing else: since nobody but its owner updates a name, and always through the same node, no
update can be lost to another (`lost_writes`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness.generators import Context, Generator, stagger
from harness.generators.context import pick
from harness.generators.protocol import PENDING, Answer, node
from harness.operation import Operation
from harness.options import integer, number, weights
from workloads.ending import final_reads
from workloads.register import KEYS_MAX, RATE_MAX

FUNCTIONS = ("read", "write")


class Dns:
    """The workload: `read` resolves a name, `write` gives it a new record (a whole number).

    `names` is their number, at least one for each worker, who owns every `concurrency`-th; `rate` is that of operations
    per second over all workers; `mix` gives shares to `read` and `write`.
    """

    name: ClassVar[str] = "dns"
    asks_for: ClassVar[Mapping[str, str]] = {"read": "lookups", "write": "updates"}
    model: ClassVar[str] = "register"
    expectations: ClassVar[Sequence[str]] = (
        "availability",
        "staleness",
        "stale_reads",
        "converges",
        "catches_up",
        "lost_writes",
        "monotonic-reads",
        "linearizable",
        "sequential",
        "causal",
        "pram",
        "recovers",
    )

    def __init__(
        self,
        *,
        names: int | None = None,
        rate: float = 200,
        mix: Mapping[str, int] | None = None,
        concurrency: int = 10,
    ) -> None:
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=KEYS_MAX)
        wanted = 2 * self.concurrency if names is None else names
        self.names = integer(self.name, "names", wanted, min=self.concurrency, max=2 * KEYS_MAX)
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.mix = weights(self.name, "mix", mix or {"read": 19, "write": 1}, FUNCTIONS)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        reads = self.mix["read"] / sum(self.mix.values())
        return stagger(1 / self.rate, Load(self.names, self.concurrency, reads, 1))

    def final(self) -> Generator:
        """Every worker resolves every name."""
        return final_reads(Operation("read", name) for name in range(self.names))

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Tells `linearizable` that these are registers."""
        return {"model": self.model} if expectation == "linearizable" else {}


@node
class Load(Generator):
    """What is next: `reads` is their share, `owners` how many workers share the names, `fresh` the next record nobody
    has used."""

    names: int
    owners: int
    reads: float
    fresh: int

    def op(self, ctx: Context) -> Answer:
        if not ctx.free:
            return PENDING, self
        random = ctx.random.random
        if random() < self.reads:
            return ctx.assign(Operation("read", int(random() * self.names))), self
        thread = pick(ctx.free, ctx.random)
        owned = range(thread % self.owners, self.names, self.owners)
        name = owned[int(random() * len(owned))]
        update = Operation("write", name, self.fresh, ctx.crew.processes[thread])
        return update, Load(self.names, self.owners, self.reads, self.fresh + 1)
