"""Groups of records against a plain map, and checksums that tell apart what plain ones would not."""

from __future__ import annotations

from functools import reduce
from operator import xor
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targets.toys import groups
from targets.toys.groups import RECORDS_MAX, Groups

CHANGES = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.none() | st.integers(0, 3)), max_size=20)


def built(changes: list[tuple[str, Any]]) -> tuple[Groups, dict[str, Any]]:
    held, plain = Groups(), {}
    for name, value in changes:
        if value is None:
            held.drop(name)
            plain.pop(name, None)
        else:
            held.put(name, [name, value])
            plain[name] = [name, value]
    return held, plain


@given(CHANGES, CHANGES)
def test_groups_differ_exactly_where_records_do(ours: list[Any], theirs: list[Any]) -> None:
    (one, mine), (other, yours) = built(ours), built(theirs)
    assert {record[0]: record for record in one.records()} == mine
    differing = one.differing(other.sums, Random(0))
    assert (differing == []) == (mine == yours)
    for name in mine:
        if mine[name] != yours.get(name):
            assert mine[name] in list(one.of(differing))


def test_equal_changes_of_two_records_do_not_cancel_each_other_out() -> None:
    """A CRC is linear: where two records change by the same bits, so do their checksums, and the sum stays."""
    before, after = Groups(), Groups()
    for name in ("a", "b"):
        before.put(name, [name, 1])
        after.put(name, [name, 2])
    assert reduce(xor, before.sums) != reduce(xor, after.sums)


def test_one_message_takes_as_many_groups_as_fit_and_all_have_their_turn() -> None:
    ours = Groups()
    for number in range(3 * RECORDS_MAX):
        ours.put(str(number), [str(number)])
    random, theirs, seen = Random(0), Groups(), set()
    for _ in range(50):
        part = ours.differing(theirs.sums, random)
        assert 0 < len(list(ours.of(part))) <= RECORDS_MAX
        seen.update(part)
    assert len(seen) == 64


def test_a_group_that_is_too_large_is_sent_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "RECORDS_MAX", 1)
    ours = Groups()
    for number in range(500):
        ours.put(str(number), [number])
    [group] = ours.differing(Groups().sums, Random(0))
    assert len(list(ours.of([group]))) > 1
