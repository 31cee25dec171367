"""Cuts in the network: one nftables table per run, changed in whole transactions.

The table's chain first counts and then drops:

    table bridge splitbrain_1a2b3c {
        set f1  { type ipv4_addr . ipv4_addr; counter; elements = { 198.18.0.11 . 198.18.0.12 } }
        set f2  { ... }
        set cut { type ipv4_addr . ipv4_addr; elements = { the union of all sets } }
        chain forward {
            type filter hook forward priority 0;
            ip saddr . ip daddr @f1
            ip saddr . ip daddr @f2
            ip saddr . ip daddr @cut drop comment "<identity of the controller>"
        }
    }

A set per fault whose rule has no verdict lets each of several overlapping faults count what it hit, per direction,
while the last rule alone decides. Had each fault a rule that drops, the first would swallow the packets, and their
evidence, of all later ones. The kernel commits a transaction as a whole: no packet sees half a partition. One such swap
takes 5 to 20 ms, most of it the start of `nft`.

The bridge family sees packets that one bridge port forwards to another, so traffic between the controller and a node
(which is local to the machine) never meets these rules. A cut made where packets are delivered instead (`inet`, input)
is for nodes one cannot stand between.

This module makes and reads texts; `run` and `listing` alone touch the kernel. Requires kernel 5.7 (counters in sets)
and nft 0.9.5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from harness.clusters.linux import commands
from harness.errors import ClusterError

PREFIX = "splitbrain_"
"""Every table of ours is called this and then the run's short id."""

TIMEOUT_S = 10.0

_ABSENT = "nft is not installed (on Debian: apt-get install nftables)"

_TABLE = re.compile(r'"table": \{"family": "(\w+)", "name": "([^"]+)"')

Pair = tuple[str, str]
"""(source address, destination address): packets from the first to the second."""

Cuts = Mapping[str, Collection[Pair]]
"""Set name -> the directions that one fault stops."""


@dataclass(frozen=True, slots=True)
class Table:
    """Where the rules live. `owner` is kept in the rule's comment, so that a table says by itself whose it is (128
    bytes at most).
    """

    name: str
    owner: str
    family: str = "bridge"
    hook: str = "forward"
    priority: int = 0

    @property
    def path(self) -> str:
        """Family and name, as nft's commands want them."""
        return f"{self.family} {self.name}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the kernel says is in force: the pairs being dropped, and per set and pair the packets it counted."""

    cut: frozenset[Pair]
    packets: Mapping[str, Mapping[Pair, int]]


def create(table: Table) -> str:
    """The transaction that makes the table, with nothing cut."""
    return (
        f"add table {table.path}\n"
        f"add chain {table.path} {table.hook} "
        f"{{ type filter hook {table.hook} priority {table.priority}; policy accept; }}\n"
        f"add set {table.path} cut {{ type ipv4_addr . ipv4_addr; }}\n" + _rules(table, ())
    )


def swap(table: Table, before: Cuts, after: Cuts) -> str:
    """The transaction that leads from one state to the next. The sets of faults that are no longer in force stay,
    unused, until `forget` deletes them: so their counters can be read after the last packet was counted.
    """
    lines = [
        f"add set {table.path} {name} {{ type ipv4_addr . ipv4_addr; counter; }}"
        for name in after
        if name not in before
    ]
    lines += [
        f"add element {table.path} {name} {_elements(after[name])}"
        for name in after
        if name not in before and after[name]
    ]
    lines += [f"flush chain {table.path} {table.hook}", f"flush set {table.path} cut"]
    union = {pair for pairs in after.values() for pair in pairs}
    if union:
        lines.append(f"add element {table.path} cut {_elements(union)}")
    return "\n".join(lines) + "\n" + _rules(table, tuple(after))


def forget(table: Table, name: str) -> str:
    """The transaction that deletes the set of a lifted fault."""
    return f"delete set {table.path} {name}\n"


def delete(family: str, name: str) -> str:
    """The transaction that removes a table, whether or not it is there."""
    return f"add table {family} {name}\ndelete table {family} {name}\n"


def parse(listing: str) -> Reading:
    """Reads the JSON listing of one table (`nft -j list table`)."""
    cut: frozenset[Pair] = frozenset()
    packets: dict[str, dict[Pair, int]] = {}
    dropping = False
    for item in _objects(listing):
        if found := item.get("set"):
            counts = dict(_element(raw) for raw in found.get("elem", ()))
            if found["name"] == "cut":
                cut = frozenset(counts)
            else:
                packets[found["name"]] = counts
        elif rule := item.get("rule"):
            dropping = dropping or any("drop" in statement for statement in rule["expr"])
    # Elements without the rule that drops them would cut nothing.
    return Reading(cut if dropping else frozenset(), packets)


def owners(listing: str) -> list[str]:
    """The comments of a table's rules: for a table of ours, its controller's identity."""
    return [item["rule"]["comment"] for item in _objects(listing) if "comment" in item.get("rule", {})]


def tables(listing: str) -> list[tuple[str, str]]:
    """(family, name) of each table in a listing (`nft -j list tables`) that bears our prefix."""
    # Not as JSON: of a table that is owned by a process, nft 1.0.6 lists as flags whatever lies in memory.
    return [(family, name) for family, name in _TABLE.findall(listing) if name.startswith(PREFIX)]


def run(text: str, *, check_only: bool = False, enter: commands.Enter = commands.run) -> None:
    """Hands one transaction to the kernel; it takes effect whole or not at all. `enter` says in whose network namespace
    (`ServiceNode.enter`). Raises `ClusterError` with nft's own words.
    """
    _nft(["-c", "-f", "-"] if check_only else ["-f", "-"], text, enter)


def listing(*what: str, enter: commands.Enter = commands.run) -> str:
    """The JSON listing of something, e.g. `listing("table", "bridge", name)`."""
    return _nft(["-j", "list", *what], None, enter)


def installed() -> bool:
    """Whether there is an nft to run. Where there is none, there are no tables of ours either."""
    return commands.found("nft") is not None


def problem(family: str) -> str | None:
    """Why this machine cannot cut with tables of that family; None if it can. Asks the kernel for a dry run and changes
    nothing.
    """
    if not installed():
        return _ABSENT
    table = Table(f"{PREFIX}probe", "probe", family)
    pair = ("198.18.0.1", "198.18.0.2")
    try:
        run(create(table) + swap(table, {}, {"f1": [pair]}), check_only=True)
    except ClusterError as refused:
        return f"the kernel takes no nftables rules of the {family} family: {refused}"
    return None


def _rules(table: Table, names: Collection[str]) -> str:
    rule = f"add rule {table.path} {table.hook} ip saddr . ip daddr"
    counting = [f"{rule} @{name}\n" for name in names]
    return "".join(counting) + f'{rule} @cut drop comment "{table.owner}"\n'


def _elements(pairs: Collection[Pair]) -> str:
    return "{ " + ", ".join(f"{source} . {destination}" for source, destination in sorted(pairs)) + " }"


def _element(raw: Any) -> tuple[Pair, int]:
    # With a counter, an element is {"elem": {"val": VALUE, "counter": {...}}}, without one it is VALUE.
    body = raw.get("elem", {"val": raw})
    source, destination = body["val"]["concat"]
    return (source, destination), body.get("counter", {}).get("packets", 0)


def _objects(listing: str) -> list[dict[str, Any]]:
    objects: list[dict[str, Any]] = json.loads(listing)["nftables"]
    return objects


def _nft(arguments: list[str], text: str | None, enter: commands.Enter) -> str:
    if not installed():
        raise ClusterError(_ABSENT)
    done = enter(["nft", *arguments], (text or "").encode(), TIMEOUT_S)
    if done.code:
        raise ClusterError(f"nft {' '.join(arguments)}: {done.complaint}")
    return done.out.decode("utf-8", "replace")
