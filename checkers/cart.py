"""A shopping cart: in the end it holds what was put in and not taken out.

Operations, for a cart by its key: `add` of an item, each once in the whole history; `remove` of one, which returns it,
or null if it was not there; `read` returning the list of all.

    {process 0, ok, add, 7}   {process 1, ok, remove, 7}   {process 2, ok, read, [7]}     7 has come back

Judged are the final reads, those invoked after the mark "final", since a store may be late until then. A removal of
unknown outcome excuses either; one that did not find the item took nothing. In no read may an item be twice, or be
there that nobody had put in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from checkers.collection import count
from checkers.findings import Findings, at
from checkers.requests import Request, requests
from harness.checker import Budget, Result
from harness.operation import Type

if TYPE_CHECKING:
    from harness.history import History


class Cart:
    """`cart`. Lost: acknowledged, never removed, and not in a final read. Came back: its removal was acknowledged, and
    it is in one. Doubled: twice in one read. Unexpected: nobody had put it in, or whoever did was refused.
    """

    figures: ClassVar[Mapping[str, str]] = {
        "items lost": "lost",
        "items that came back": "came_back",
        "items doubled": "doubled",
    }
    measures: ClassVar[Mapping[str, Sequence[str]]] = {"lost_writes": ("lost",)}

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `added, removed, final_reads`, and the kinds. Inconclusive if nothing was put in, or a cart with
        items was not read in the end. Raises `HistoryError`."""
        carts = _Carts(history)
        findings = Findings("lost", "came-back", "doubled", "unexpected")
        final: dict[str | None, list[tuple[Request, set[Any]]]] = {}
        for read in carts.reads:
            seen = carts.look_through(read, findings)
            if read.final:
                final.setdefault(read.key, []).append((read, seen))
        for item, add in carts.added.items():
            carts.judge(item, add, final.get(add.key, []), findings)
        reads = sum(map(len, final.values()))
        unread = {add.key for add in carts.added.values() if add.ok and add.key not in final}
        unproven = "" if any(add.ok for add in carts.added.values()) else "nothing was put in"
        if unread:
            unproven = f"no final read was answered of {count(len(unread), 'cart')} with items"
        stats = {
            "added": sum(add.ok for add in carts.added.values()),
            "removed": len(carts.taken),
            "final_reads": reads,
        }
        passed = f"{count(len(carts.added), 'item')} are where they belong, by {count(reads, 'final read')}"
        return findings.result("cart", stats, passed=passed, unproven=unproven)


class _Carts:
    """A history as its carts see it: who `added` each item, who has certainly `taken` it out, which may `perhaps` have
    been taken, and the answered `reads`."""

    def __init__(self, history: History) -> None:
        self.added: dict[int, Request] = {}
        self.taken: dict[int, Request] = {}
        self.perhaps: set[int] = set()
        self.reads: list[Request] = []
        for request in requests(history, "add", "remove", "read"):
            if request.f == "read":
                if request.ok:
                    self.reads.append(request)
            elif isinstance(request.asked, bool) or not isinstance(request.asked, int):
                raise request.malformed("an item is a whole number")
            elif request.f == "remove":
                self._remove(request)
            elif request.asked in self.added:
                raise request.malformed(f"item {request.asked} was put in before")
            else:
                self.added[request.asked] = request

    def _remove(self, request: Request) -> None:
        item = request.asked
        if request.outcome is Type.INFO:
            self.perhaps.add(item)
        elif request.ok and request.got is not None:
            if request.got != item:
                raise request.malformed("a removal returns the item, or null")
            self.taken.setdefault(item, request)

    def look_through(self, read: Request, findings: Findings) -> set[Any]:
        """What is in a cart; judges what cannot be."""
        if not isinstance(read.got, list) or not all(isinstance(item, int) for item in read.got):
            raise read.malformed("a read of a cart returns a list of whole numbers")
        seen: set[Any] = set()
        for item in read.got:
            where = f"item {item} in cart {read.key}"
            add = self.added.get(item)
            if item in seen:
                findings.add("doubled", f"{where} is there twice at {at(read.end_ns)}", [read], read.key)
            if add is None or add.key != read.key or add.failed or add.start > read.end:
                proof = [read] if add is None else [add, read]
                message = f"{where} is there at {at(read.end_ns)}, but nobody had put it in"
                findings.add("unexpected", message, proof, read.key)
            seen.add(item)
        return seen

    def judge(self, item: int, add: Request, final: list[tuple[Request, set[Any]]], findings: Findings) -> None:
        """Judges where one item is in the end, by the first final read that shows it wrong."""
        taken = self.taken.get(item)
        for read, seen in final:
            where = f"(read on {read.node} at {at(read.end_ns)})"
            if taken and item in seen:
                message = (
                    f"item {item} was taken out of cart {add.key} at {at(taken.end_ns)}, but has come back {where}"
                )
                findings.add("came-back", message, [add, taken, read], add.key)
                return
            if add.ok and item not in seen and not taken and item not in self.perhaps:
                message = f"item {item} was put into cart {add.key} at {at(add.end_ns)} and is not there {where}"
                findings.add("lost", message, [add, read], add.key)
                return
