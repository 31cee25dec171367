"""A shop's checkout: no more is sold than there was, and no order is lost.

Operations, for an item by its key: `order` of `{"id", "units"}`, each id once in the whole history, and `read`
returning `{"left": units, "orders": [[id, units], ...]}`, the orders that the shop has in its books.

    {process 0, ok, order, key 3, {"id": 7, "units": 2}}        of an item of which there are 3
    {process 1, ok, order, key 3, {"id": 8, "units": 2}}        oversold: 4 were promised to customers

An order is sold when the customer was told so, or when it stands in the books, told or not. One of unknown outcome that
nobody ever saw in the books counts for nothing: whoever had no answer was promised nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from checkers.collection import count
from checkers.counter_bounds import whole
from checkers.findings import Findings, at
from checkers.requests import Request, requests
from checkers.vanished import vanished
from harness.checker import Budget, Result
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.history import History

Order = tuple[Any, int]
"""The id of an order, and how many units."""


class NoOversell:
    """`no_oversell`. `stock` is how many units of each item there are."""

    figures: ClassVar[Mapping[str, str]] = {"units oversold": "units_oversold"}

    def __init__(self, *, stock: int) -> None:
        self.stock = whole("no_oversell: stock", stock)
        if stock < 0:
            raise UsageError(f"no_oversell: stock is a number of units, not {stock}")

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `items, orders, acknowledged, sold_out, turned_away, units_sold, units_oversold`, `oversold` items.

        Sold out are orders refused for want of stock; turned away are those that nothing came of for any other reason:
        refused, or never answered and in nobody's books. Inconclusive if nothing was sold. Raises `HistoryError`.
        """
        books = _Books(history)
        findings = Findings("oversold")
        units_sold = oversold = 0
        for item, sold in books.sold().items():
            units = sum(order.asked["units"] for order in sold)
            units_sold += units
            if units <= self.stock:
                continue
            oversold += units - self.stock
            message = (
                f"item {item}: {count(units, 'unit')} were sold in {count(len(sold), 'order')}, but there were only "
                f"{self.stock:,}; {count(units - self.stock, 'unit')} cannot be delivered"
            )
            findings.add("oversold", message, books.proof(_enough(sold, self.stock)), item)
        sold_out = sum(order.refused for order in books.orders.values())
        stats = {
            "items": len(books.items),
            "orders": len(books.orders),
            "acknowledged": sum(order.ok for order in books.orders.values()),
            "sold_out": sold_out,
            "turned_away": len(books.orders) - sold_out - sum(map(len, books.sold().values())),
            "units_sold": units_sold,
            "units_oversold": oversold,
        }
        passed = (
            f"{count(units_sold, 'unit')} of {count(len(books.items), 'item')} were sold, and no more than there were"
        )
        return findings.result("no_oversell", stats, passed=passed, unproven="" if units_sold else "nothing was sold")


class NoLostOrder:
    """`no_lost_order`: what a customer was told is what the books say in the end.

    Lost: acknowledged, but the last final read that lacks it (one after the mark "final") is followed by none that has
    it. Doubled: twice in one
    read. Unwanted: in the books though it was refused, changed, or not placed by anybody before the read returned.
    """

    figures: ClassVar[Mapping[str, str]] = {
        "acknowledged orders lost": "lost_order",
        "orders doubled": "doubled_order",
    }

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `orders, acknowledged, final_reads`, and the kinds. Inconclusive if no order was acknowledged, or an
        item with one was not read in the end. Raises `HistoryError`."""
        books = _Books(history)
        findings = Findings("lost-order", "doubled-order", "unwanted-order")
        final: dict[str | None, list[tuple[Request, set[Any]]]] = defaultdict(list)
        for read, listed in books.reads:
            seen: set[Any] = set()
            for entry in listed:
                _look(entry, entry[0] in seen, books.orders.get(entry[0]), read, findings)
                seen.add(entry[0])
            if read.final:
                final[read.key].append((read, seen))
        told = {id: order for id, order in books.orders.items() if order.ok}
        for id, order in told.items():
            if lacking := vanished(id, final[order.key]):
                message = (
                    f"order {id} of item {order.key} was acknowledged at {at(order.end_ns)}, but in the end it is not "
                    f"in the books (read on {lacking.node} at {at(lacking.end_ns)})"
                )
                findings.add("lost-order", message, [order, lacking], order.key)
        reads = sum(map(len, final.values()))
        stats = {"orders": len(books.orders), "acknowledged": len(told), "final_reads": reads}
        unread = {order.key for order in told.values() if not final[order.key]}
        unproven = "" if told else "no order was acknowledged"
        if unread:
            unproven = f"no final read was answered of {count(len(unread), 'item')} with acknowledged orders"
        passed = (
            f"each of {count(len(told), 'acknowledged order')} is in the books once, by {count(reads, 'final read')}"
        )
        return findings.result("no_lost_order", stats, passed=passed, unproven=unproven)


def _look(order: Order, again: bool, placed: Request | None, read: Request, findings: Findings) -> None:
    """Judges one order that a read found in the books."""
    id, units = order
    where = f"order {id} of item {read.key}"
    if again:
        findings.add("doubled-order", f"{where} is twice in the books (read at {at(read.end_ns)})", [read], read.key)
    if placed is None or placed.key != read.key or placed.start > read.end:
        message = f"{where} is in the books at {at(read.end_ns)}, but nobody had placed it"
        findings.add("unwanted-order", message, [read], read.key)
    elif placed.failed:
        message = f"{where} was refused at {at(placed.end_ns)}, but is in the books at {at(read.end_ns)}"
        findings.add("unwanted-order", message, [placed, read], read.key)
    elif placed.asked["units"] != units:
        message = f"{where} was placed for {placed.asked['units']}, but the books say {units}"
        findings.add("unwanted-order", message, [placed, read], read.key)


class _Books:
    """A history as a shop sees it: `orders` by id, and the answered `reads` with the orders in each."""

    def __init__(self, history: History) -> None:
        self.orders: dict[Any, Request] = {}
        self.reads: list[tuple[Request, list[Order]]] = []
        self.items: set[str | None] = set()
        self._sold: dict[str | None, list[Request]] | None = None
        self._seen: dict[Any, Request] = {}
        for request in requests(history, "order", "read"):
            self.items.add(request.key)
            if request.f == "order":
                self._place(request)
            elif request.ok:
                self.reads.append((request, _listed(request)))
        for read, listed in self.reads:
            for id, _ in listed:
                self._seen.setdefault(id, read)

    def _place(self, request: Request) -> None:
        asked = request.asked
        if not isinstance(asked, dict) or not _is_order([asked.get("id"), asked.get("units")]):
            raise request.malformed('an order needs the value {"id", "units"}')
        if asked["id"] in self.orders:
            raise request.malformed(f"order {asked['id']} was placed before")
        self.orders[asked["id"]] = request

    def sold(self) -> dict[str | None, list[Request]]:
        """By item, the orders that customers were told of, or that stand in the books though nobody was told no."""
        if self._sold is None:
            self._sold = defaultdict(list)
            for id, order in self.orders.items():
                if order.ok or (not order.failed and id in self._seen):
                    self._sold[order.key].append(order)
        return self._sold

    def proof(self, orders: list[Request]) -> list[Request]:
        """The orders, and of those without an answer the reads that found them."""
        return orders + [self._seen[order.asked["id"]] for order in orders if not order.ok]


def _enough(orders: list[Request], stock: int) -> list[Request]:
    """As few orders as exceed the stock."""
    chosen: list[Request] = []
    units = 0
    for order in sorted(orders, key=lambda order: (-order.asked["units"], order.start)):
        if units > stock:
            break
        chosen.append(order)
        units += order.asked["units"]
    return chosen


def _listed(read: Request) -> list[Order]:
    got = read.got.get("orders") if isinstance(read.got, dict) else None
    if not isinstance(got, list) or not all(isinstance(order, list) and _is_order(order) for order in got):
        raise read.malformed('a read of a shop returns {"left": units, "orders": [[id, units], ...]}')
    return [(id, units) for id, units in got]


def _is_order(order: list[Any]) -> bool:
    return (
        len(order) == 2
        and isinstance(order[0], str | int)
        and isinstance(order[1], int)
        and not isinstance(order[1], bool)
        and order[1] >= 0
    )
