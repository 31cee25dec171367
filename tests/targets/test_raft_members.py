"""Who belongs, as a log says it, against a plain list of entries."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from targets.toys.raft_members import Members, is_majority, named_by, naming

NODES = ("n1", "n2", "n3", "n4", "n5")
SOME = st.lists(st.sampled_from(NODES), unique=True, min_size=1).map(tuple)


@given(st.lists(st.tuples(st.sampled_from(["entry", "change", "cut", "begin"]), SOME, st.integers(0, 30)), max_size=30))
def test_the_last_entry_that_names_members_counts(steps) -> None:
    members, first = Members(NODES), 0
    log = {0: NODES}  # what is in force with the log up to each index
    for what, names, at in steps:
        last = max(log)
        if what == "entry":
            log[last + 1] = log[last]
        elif what == "change":
            members.add(last + 1, names)
            log[last + 1] = names
        elif what == "cut" and first < at <= last:
            members.cut(at)
            log = {index: named for index, named in log.items() if index < at}
        elif what == "begin" and first <= at <= last:
            members.begin(at, members.at(at))
            first = at
        assert members.latest == log[max(log)]
        assert all(members.at(index) == named for index, named in log.items() if index >= first)
        assert members.at(members.since) == members.latest


@given(SOME, st.sampled_from(NODES))
def test_majorities_before_and_after_one_change_have_a_server_in_common(before, node) -> None:
    after = tuple(name for name in before if name != node) if node in before else (*before, node)

    def majorities(members):
        return [set(some) for some in combinations(NODES, len(members) // 2 + 1) if is_majority(some, members)]

    assert all(one & other for one in majorities(before) for other in majorities(after))


def test_others_do_not_count() -> None:
    assert is_majority({"n1", "n2"}, ("n1", "n2", "n3"))
    assert not is_majority({"n1", "n4", "n5"}, ("n1", "n2", "n3"))
    assert not is_majority({"n1", "n2"}, ("n1", "n2", "n3", "n4"))
    assert not is_majority(set(), ())


def test_a_command_names_members_or_is_of_another_kind() -> None:
    assert named_by(naming(["n1", "n2"])) == ("n1", "n2")
    assert named_by(["n1", 7, "write", "members", 1]) is None and named_by(None) is None
