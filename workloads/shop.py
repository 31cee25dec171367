"""A shop: visitors browse its catalog, and some of them order. One system, two uses, each with promises of its own.

Whoever browses wants an answer and forgives one that is a little old; whoever orders wants what he was told to be true.
So a shop may keep its pages where they are always at hand and its stock where it is sold once, and choose for each what
to give up when the network splits. The operations are those of `workloads.catalog` and `workloads.checkout`, in the
flows `browse` and `checkout` (`harness.flows`): a claim about `availability`, `recovers` or `converges` names the flow
it means, or means both; any other is of the flow it can be asked of.

    {availability: {min: 0.99, flow: browse}}        no_oversell        {staleness: {max: 2}}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

from harness import flows
from harness.client import Client
from harness.clusters.base import Connection
from harness.errors import UsageError
from harness.generators import Context, Generator
from harness.generators import any as any_of
from harness.generators.order import concat
from harness.generators.protocol import Answer, node
from harness.operation import Operation, Type
from harness.options import number, weights
from workloads.catalog import Catalog
from workloads.checkout import Checkout, CheckoutClient
from workloads.register import RATE_MAX, RegisterClient

BROWSE, CHECKOUT = "browse", "checkout"


class Shop:
    """The workload: a catalog of `products`, and a checkout of `items`, which are those workloads' options.

    `rate` is that of all operations per second; `mix` gives shares to `browse` and `checkout`, at least 1 to each.
    """

    name: ClassVar[str] = "shop"
    model: ClassVar[str] = "shop"
    flows: ClassVar[Sequence[str]] = (BROWSE, CHECKOUT)
    asks_for: ClassVar[Mapping[str, str]] = {
        **{flows.key_in(BROWSE, f): noun for f, noun in Catalog.asks_for.items()},
        **{flows.key_in(CHECKOUT, f): noun for f, noun in Checkout.asks_for.items()},
    }
    expectations: ClassVar[Sequence[str]] = tuple(dict.fromkeys((*Catalog.expectations, *Checkout.expectations)))

    def __init__(
        self,
        *,
        products: int = 20,
        items: int = 100,
        rate: float = 100,
        mix: Mapping[str, int] | None = None,
        concurrency: int = 10,
    ) -> None:
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.mix = weights(self.name, "mix", mix or {BROWSE: 3, CHECKOUT: 2}, self.flows)
        if not all(self.mix.values()):
            raise UsageError(f"shop: mix gives at least 1 to each of {', '.join(self.flows)}, not {dict(self.mix)}")
        self.concurrency = concurrency
        browsing, ordering = (self.rate * self.mix[flow] / sum(self.mix.values()) for flow in self.flows)
        self.parts: Mapping[str, Catalog | Checkout] = {
            BROWSE: Catalog(products=products, rate=browsing, concurrency=concurrency),
            CHECKOUT: Checkout(items=items, rate=ordering, concurrency=concurrency),
        }

    def generator(self) -> Generator:
        """The load of both flows side by side, for client threads only, without end."""
        return any_of(*(InFlow(flow, part.generator()) for flow, part in self.parts.items()))

    def final(self) -> Generator:
        """Every worker reads every product, and the books of every item."""
        return concat(*(InFlow(flow, part.final()) for flow, part in self.parts.items()))

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Those of the part that it can be asked of, and that part's flow; none for what can be asked of both."""
        asked = [flow for flow, part in self.parts.items() if expectation in part.expectations]
        if len(asked) != 1:
            return {}
        return {flows.OPTION: asked[0], **self.parts[asked[0]].checker_options(expectation)}


@node
class InFlow(Generator):
    """A generator whose operations belong to a flow: their keys do, and it sees those events alone, as its own."""

    flow: str
    child: Generator

    def op(self, ctx: Context) -> Answer:
        op, child = self.child.op(ctx)
        if type(op) is Operation and op.type is Type.INVOKE and op.key is not None:
            op = op._replace(key=flows.key_in(self.flow, op.key))
        if child is None:
            return op, None
        return op, self if child is self.child else InFlow(self.flow, child)

    def update(self, ctx: Context, event: Operation) -> Generator:
        flow, slash, key = str(event.key).partition("/")
        if not slash or flow != self.flow:
            return self
        child = self.child.update(ctx, event._replace(key=key))
        return self if child is self.child else InFlow(self.flow, child)


class ShopClient:
    """The workload's client for bundled stores: one of each part, on connections of their own to one node."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]]) -> None:
        self._clients: Mapping[str, Client] = {BROWSE: RegisterClient(connect), CHECKOUT: CheckoutClient(connect)}

    async def open(self) -> None:
        """Connects. Raises `ConnectionError` when the node is down."""
        for client in self._clients.values():
            await client.open()

    async def close(self) -> None:
        """Lets go of the connections."""
        for client in self._clients.values():
            await client.close()

    async def invoke(self, op: Operation) -> Operation:
        """Does it with the client of the flow it belongs to. Raises as that does."""
        return await self._clients[str(op.key).partition("/")[0]].invoke(op)
