"""What one node does not hear of others: an nftables table in its own network namespace, where packets are delivered.

    table inet splitbrain_1a2b3c {
        set f1 { type ipv4_addr; counter; elements = { 198.18.0.11 } }      # one fault's senders
        set cut { type ipv4_addr; elements = { the union of all cuts } }
        set refused { type ipv4_addr; elements = { the union of all refusals } }
        counter lost_198_18_0_12 { }
        chain input {
            type filter hook input priority -300;
            ip saddr @f1
            ip saddr @cut drop comment "<identity of the controller>"
            ip saddr @refused tcp flags rst accept
            ip saddr @f2
            ip saddr @refused meta l4proto tcp reject with tcp reset
            ip saddr @refused reject with icmpx type port-unreachable
            ip saddr 198.18.0.12 numgen random mod 1000000 < 200000 counter name "lost_198_18_0_12" drop
        }
    }

As on the bridge (see `nft`), sets count for each of several overlapping faults, and one rule decides. Silence wins over
a refusal. A reset passes in both directions: it is how either side is told.

Loss is found here too, at the receiver, and not where the packets leave: a packet dropped on its way out is reported to
the sender's TCP, which then knows at once what it should have to find out.

Only the addresses of other nodes are ever matched, so what a controller sends arrives. Tables of nodes are changed one
by one, each at once: a cut of a whole cluster is in force within some milliseconds, and not in one instant.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.clusters.linux.nft import Table

HOOK, PRIORITY, FAMILY = "input", -300, "inet"

_MILLION = 1_000_000

Senders = Mapping[str, Collection[str]]
"""Set name -> the addresses that one fault concerns."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is in force at a node: whom it does not hear, whom it refuses, and which share of whose packets is lost."""

    cuts: Senders = field(default_factory=dict)
    refusals: Senders = field(default_factory=dict)
    losses: Mapping[str, float] = field(default_factory=dict)

    @property
    def sets(self) -> dict[str, Collection[str]]:
        """Every fault's set."""
        return {**self.cuts, **self.refusals}

    def __bool__(self) -> bool:
        return bool(self.cuts or self.refusals or self.losses)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the kernel says: the addresses that are cut, refused and lossy by rules in force; the packets counted per
    set and address; the packets lost per address."""

    cut: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    lossy: frozenset[str] = frozenset()
    packets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    lost: Mapping[str, int] = field(default_factory=dict)


def table(name: str, owner: str) -> Table:
    """The table of that name on any node."""
    return Table(name, owner, FAMILY, HOOK, PRIORITY)


def create(table: Table) -> str:
    """Makes the table, without rules."""
    return (
        f"add table {table.path}\n"
        f"add chain {table.path} {HOOK} {{ type filter hook {HOOK} priority {PRIORITY}; policy accept; }}\n"
        f"add set {table.path} cut {{ type ipv4_addr; }}\n"
        f"add set {table.path} refused {{ type ipv4_addr; }}\n"
    )


def change(table: Table, rules: Rules) -> str:
    """The transaction after which these rules are in force, whatever was before. Sets and counters that no rule uses
    any more stay until `forget`, so that they can be read after they counted their last packet.
    """
    lines = []
    for name, addresses in rules.sets.items():
        lines.append(f"add set {table.path} {name} {{ type ipv4_addr; counter; }}")
        lines += _elements(table, name, addresses)
    lines += [f"add counter {table.path} {_counter(address)}" for address in rules.losses]
    lines.append(f"flush chain {table.path} {HOOK}")
    for name, faults in (("cut", rules.cuts), ("refused", rules.refusals)):
        lines.append(f"flush set {table.path} {name}")
        lines += _elements(table, name, {address for addresses in faults.values() for address in addresses})
    rule, comment = f"add rule {table.path} {HOOK} ip saddr", f'comment "{table.owner}"'
    lines += [f"{rule} @{name}" for name in rules.cuts]
    lines.append(f"{rule} @cut drop {comment}")
    if rules.refusals:
        lines.append(f"{rule} @refused tcp flags rst accept")
        lines += [f"{rule} @{name}" for name in rules.refusals]
        lines.append(f"{rule} @refused meta l4proto tcp reject with tcp reset {comment}")
        lines.append(f"{rule} @refused reject with icmpx type port-unreachable {comment}")
    for address, loss in rules.losses.items():
        below = round(loss * _MILLION)
        chance = "" if below >= _MILLION else f"numgen random mod {_MILLION} < {below} "
        lines.append(f'{rule} {address} {chance}counter name "{_counter(address)}" drop {comment}')
    return "\n".join(lines) + "\n"


def forget(table: Table, names: Collection[str]) -> str:
    """Deletes the sets of faults that are over."""
    return "".join(f"delete set {table.path} {name}\n" for name in names)


def parse(listing: str) -> Reading:
    """Reads the JSON listing of a table."""
    objects: list[dict[str, Any]] = json.loads(listing)["nftables"]
    decided = {"cut": False, "refused": False}
    unions: dict[str, frozenset[str]] = {}
    packets: dict[str, dict[str, int]] = {}
    lost: dict[str, int] = {}
    dropping: set[str] = set()
    for item in objects:
        if found := item.get("set"):
            counts = dict(_element(raw) for raw in found.get("elem", ()))
            if found["name"] in decided:
                unions[found["name"]] = frozenset(counts)
            else:
                packets[found["name"]] = counts
        elif counter := item.get("counter"):
            lost[_address(counter["name"])] = counter["packets"]
        elif rule := item.get("rule"):
            said = json.dumps(rule["expr"])
            decided["cut"] |= '"@cut"' in said and '"drop"' in said
            decided["refused"] |= '"@refused"' in said and '"tcp reset"' in said
            dropping |= {_address(one["counter"]) for one in rule["expr"] if isinstance(one.get("counter"), str)}
    in_force = {name: unions.get(name, frozenset()) if decided[name] else frozenset() for name in decided}
    return Reading(in_force["cut"], in_force["refused"], frozenset(dropping), packets, lost)


def _elements(table: Table, name: str, addresses: Collection[str]) -> list[str]:
    return [f"add element {table.path} {name} {{ {', '.join(sorted(addresses))} }}"] if addresses else []


def _element(raw: Any) -> tuple[str, int]:
    if isinstance(raw, str):
        return raw, 0
    return raw["elem"]["val"], raw["elem"].get("counter", {}).get("packets", 0)


def _counter(address: str) -> str:
    return f"lost_{address.replace('.', '_')}"


def _address(counter: str) -> str:
    return counter.removeprefix("lost_").replace("_", ".")
