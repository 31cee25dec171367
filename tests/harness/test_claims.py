"""Claims and what they expect."""

import pytest

from harness.claims import Claim, Expectation
from harness.errors import UsageError


@pytest.mark.parametrize(
    "raw",
    [
        "linearizable",
        {"not": "linearizable"},
        {"availability": {"min": 0.99, "side": "majority"}},
        {"not": {"x": {"a": 1}}},
    ],
)
def test_an_expectation_is_written_as_it_was_read(raw: object) -> None:
    assert Expectation.parse(raw).to_json() == raw


def test_a_bare_number_is_the_most_there_may_be() -> None:
    assert Expectation.parse({"lost_writes": 0}) == Expectation("lost_writes", {"max": 0})


def test_not_not_is_the_thing_itself() -> None:
    assert Expectation.parse({"not": {"not": "linearizable"}}) == Expectation.parse("linearizable")


@pytest.mark.parametrize("raw", [None, 3, "", [], {}, {"a": 1, "b": 2}, {"a": "b"}, {1: {}}, {"a": True}])
def test_anything_else_is_refused_with_what_was_expected(raw: object) -> None:
    with pytest.raises(UsageError, match=r"cannot expect .* write a name such as linearizable"):
        Expectation.parse(raw)


def test_a_promise_under_faults_is_a_promise_under_fewer_faults() -> None:
    claim = Claim.of("c", "linearizable", workload="register", nemeses=["partition", "kill"])
    assert claim.speaks_for("register", [])
    assert claim.speaks_for("register", ["kill"])
    assert not claim.speaks_for("register", ["kill", "clock"])
    assert not claim.speaks_for("append", ["kill"])
