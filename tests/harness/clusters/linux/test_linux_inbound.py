from __future__ import annotations

import json

from harness.clusters.linux import inbound

A, B, C = "198.18.0.11", "198.18.0.12", "198.18.0.13"
TABLE = inbound.table("splitbrain_test", "boot:1:2:3")
T = "inet splitbrain_test"


def test_the_table_stands_where_packets_are_delivered() -> None:
    assert inbound.create(TABLE) == (
        f"add table {T}\n"
        f"add chain {T} input {{ type filter hook input priority -300; policy accept; }}\n"
        f"add set {T} cut {{ type ipv4_addr; }}\n"
        f"add set {T} refused {{ type ipv4_addr; }}\n"
    )


def test_a_change_is_one_text_that_counts_then_drops_then_refuses_then_loses() -> None:
    rules = inbound.Rules({"f1": [A, B]}, {"f2": [C]}, {B: 0.25, C: 1.0})
    assert inbound.change(TABLE, rules) == (
        f"add set {T} f1 {{ type ipv4_addr; counter; }}\n"
        f"add element {T} f1 {{ {A}, {B} }}\n"
        f"add set {T} f2 {{ type ipv4_addr; counter; }}\n"
        f"add element {T} f2 {{ {C} }}\n"
        f"add counter {T} lost_198_18_0_12\n"
        f"add counter {T} lost_198_18_0_13\n"
        f"flush chain {T} input\n"
        f"flush set {T} cut\n"
        f"add element {T} cut {{ {A}, {B} }}\n"
        f"flush set {T} refused\n"
        f"add element {T} refused {{ {C} }}\n"
        f"add rule {T} input ip saddr @f1\n"
        f'add rule {T} input ip saddr @cut drop comment "boot:1:2:3"\n'
        f"add rule {T} input ip saddr @refused tcp flags rst accept\n"
        f"add rule {T} input ip saddr @f2\n"
        f'add rule {T} input ip saddr @refused meta l4proto tcp reject with tcp reset comment "boot:1:2:3"\n'
        f'add rule {T} input ip saddr @refused reject with icmpx type port-unreachable comment "boot:1:2:3"\n'
        f"add rule {T} input ip saddr {B} numgen random mod 1000000 < 250000 "
        'counter name "lost_198_18_0_12" drop comment "boot:1:2:3"\n'
        f'add rule {T} input ip saddr {C} counter name "lost_198_18_0_13" drop comment "boot:1:2:3"\n'
    )


def test_nothing_in_force_leaves_one_rule_that_drops_nobody() -> None:
    assert inbound.change(TABLE, inbound.Rules()) == (
        f"flush chain {T} input\n"
        f"flush set {T} cut\n"
        f"flush set {T} refused\n"
        f'add rule {T} input ip saddr @cut drop comment "boot:1:2:3"\n'
    )


def rule(set_or_address: str, *verdict: object) -> dict[str, object]:
    match = {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": set_or_address}}
    return {"rule": {"expr": [match, *verdict]}}


SETS: list[dict[str, object]] = [
    {"set": {"name": "cut", "elem": [A]}},
    {"set": {"name": "refused", "elem": [C]}},
    {"set": {"name": "f1", "elem": [{"elem": {"val": A, "counter": {"packets": 3, "bytes": 180}}}]}},
    {"counter": {"name": "lost_198_18_0_12", "packets": 7, "bytes": 420}},
]


def test_what_nft_lists_is_read() -> None:
    decisions = [
        rule("@cut", {"drop": None}),
        rule("@refused", {"reject": {"type": "tcp reset"}}),
        rule(B, {"counter": "lost_198_18_0_12"}, {"drop": None}),
    ]
    assert inbound.parse(json.dumps({"nftables": SETS + decisions})) == inbound.Reading(
        frozenset({A}), frozenset({C}), frozenset({B}), {"f1": {A: 3}}, {B: 7}
    )


def test_sets_without_the_rules_that_decide_put_nothing_in_force() -> None:
    reading = inbound.parse(json.dumps({"nftables": [*SETS, rule("@cut"), rule("@refused", {"accept": None})]}))
    assert not reading.cut and not reading.refused and not reading.lossy
    assert reading.lost == {B: 7}
