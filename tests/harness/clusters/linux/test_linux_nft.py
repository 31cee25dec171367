from __future__ import annotations

import json

import pytest
from fake_kernel import FakeKernel
from hypothesis import given
from hypothesis import strategies as st

from harness.clusters.linux import nft
from harness.errors import ClusterError

TABLE = nft.Table("splitbrain_test", "boot:1:2:3")
A, B, C = "198.18.0.11", "198.18.0.12", "198.18.0.13"

pairs = st.frozensets(st.tuples(st.sampled_from([A, B, C]), st.sampled_from([A, B, C])), max_size=4)
states = st.lists(st.dictionaries(st.sampled_from(["f1", "f2", "f3"]), pairs, max_size=3), max_size=5)


def test_the_table_drops_nothing_at_first_and_says_whose_it_is() -> None:
    assert nft.create(TABLE) == (
        "add table bridge splitbrain_test\n"
        "add chain bridge splitbrain_test forward { type filter hook forward priority 0; policy accept; }\n"
        "add set bridge splitbrain_test cut { type ipv4_addr . ipv4_addr; }\n"
        'add rule bridge splitbrain_test forward ip saddr . ip daddr @cut drop comment "boot:1:2:3"\n'
    )


def test_a_swap_is_one_text_that_counts_before_it_drops() -> None:
    assert nft.swap(TABLE, {"f1": [(A, B)]}, {"f1": [(A, B)], "f2": [(C, B), (A, B)]}) == (
        "add set bridge splitbrain_test f2 { type ipv4_addr . ipv4_addr; counter; }\n"
        f"add element bridge splitbrain_test f2 {{ {A} . {B}, {C} . {B} }}\n"
        "flush chain bridge splitbrain_test forward\n"
        "flush set bridge splitbrain_test cut\n"
        f"add element bridge splitbrain_test cut {{ {A} . {B}, {C} . {B} }}\n"
        "add rule bridge splitbrain_test forward ip saddr . ip daddr @f1\n"
        "add rule bridge splitbrain_test forward ip saddr . ip daddr @f2\n"
        'add rule bridge splitbrain_test forward ip saddr . ip daddr @cut drop comment "boot:1:2:3"\n'
    )


@given(states)
def test_whatever_the_order_of_faults_what_is_dropped_is_their_union(
    states: list[dict[str, frozenset[nft.Pair]]],
) -> None:
    kernel = FakeKernel()
    kernel.run(nft.create(TABLE))
    before: dict[str, frozenset[nft.Pair]] = {}
    for wanted in states:
        # A name stands for one fault, whose pairs never change.
        after = {name: before.get(name, chosen) for name, chosen in wanted.items()}
        kernel.run(nft.swap(TABLE, before, after))
        for name in before.keys() - after.keys():
            kernel.run(nft.forget(TABLE, name))
        before = after
        reading = nft.parse(kernel.listing("table", "bridge", TABLE.name))
        assert reading.cut == {pair for chosen in after.values() for pair in chosen}
        assert {name: set(counts) for name, counts in reading.packets.items()} == {n: set(p) for n, p in after.items()}


def test_a_set_keeps_its_counts_until_it_is_forgotten() -> None:
    kernel = FakeKernel()
    cuts = {"f1": [(A, B)], "f2": [(A, B), (C, B)]}
    kernel.run(nft.create(TABLE) + nft.swap(TABLE, {}, cuts))
    assert not kernel.send(TABLE.name, A, B)
    assert kernel.send(TABLE.name, B, A)
    kernel.run(nft.swap(TABLE, cuts, {"f2": cuts["f2"]}))
    assert not kernel.send(TABLE.name, A, B)
    packets = nft.parse(kernel.listing("table", "bridge", TABLE.name)).packets
    assert packets == {"f1": {(A, B): 1}, "f2": {(A, B): 2, (C, B): 0}}


LISTING = """{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
 {"table": {"family": "bridge", "name": "splitbrain_test", "handle": 5}},
 {"set": {"family": "bridge", "name": "f1", "table": "splitbrain_test", "type": ["ipv4_addr", "ipv4_addr"], "handle": 2,
  "elem": [{"elem": {"val": {"concat": ["198.18.0.11", "198.18.0.12"]},
   "counter": {"packets": 2, "bytes": 120}}}],
  "stmt": [{"counter": null}]}},
 {"set": {"family": "bridge", "name": "cut", "table": "splitbrain_test", "type": ["ipv4_addr", "ipv4_addr"],
  "handle": 3, "elem": [{"concat": ["198.18.0.11", "198.18.0.12"]}]}},
 {"chain": {"family": "bridge", "table": "splitbrain_test", "name": "forward", "handle": 1, "type": "filter"}},
 {"rule": {"family": "bridge", "table": "splitbrain_test", "chain": "forward", "handle": 6, "comment": "boot:1:2:3",
  "expr": [{"match": {"op": "==", "left": {"concat": []}, "right": "@cut"}}, {"drop": null}]}}]}"""


def test_what_nft_itself_lists_is_read() -> None:
    assert nft.parse(LISTING) == nft.Reading(frozenset({(A, B)}), {"f1": {(A, B): 2}})
    assert nft.owners(LISTING) == ["boot:1:2:3"]
    assert nft.tables(LISTING) == [("bridge", "splitbrain_test")]


def test_tables_are_found_also_where_nft_lists_garbage() -> None:
    listing = """{"nftables": [{"table": {"family": "ip", "name": "splitbrain_a", "handle": 2, "flags": "\x00\ufffd
"}}, {"table": {"family": "inet", "name": "splitbrain_b", "handle": 3}}]}"""
    assert nft.tables(listing) == [("ip", "splitbrain_a"), ("inet", "splitbrain_b")]


def test_elements_without_the_rule_cut_nothing() -> None:
    without = [item for item in json.loads(LISTING)["nftables"] if "rule" not in item]
    assert nft.parse(json.dumps({"nftables": without})).cut == frozenset()


def test_other_peoples_tables_are_not_ours() -> None:
    listing = json.dumps({"nftables": [{"table": {"family": "ip", "name": "nat"}}]})
    assert nft.tables(listing) == []


def test_without_nft_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.clusters.linux.commands.found", lambda _: None)
    assert "apt-get install nftables" in str(nft.problem("bridge"))
    with pytest.raises(ClusterError, match="nft is not installed"):
        nft.run("")
