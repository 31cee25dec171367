"""Search, filter, order and paging, and the addresses that ask for them."""

from __future__ import annotations

import random
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.serve.facts import STATES, ClaimFacts, RunFacts
from reports.serve.query import PAGE_RUNS, Choices, Page, Query
from reports.serve.store import RunName


def run(target: str, number: int, verdict: str = "pass", *claims: ClaimFacts, workload: str = "register") -> RunFacts:
    name = RunName(target, f"run{number}")
    text = f"{target} {workload} {verdict} {' '.join(claim.id for claim in claims)}".casefold()
    return RunFacts(name, target, workload, "sim", "7", float(number), 0.0, verdict, claims, text=text)


LINEARIZABLE = ClaimFacts("linearizable", "linearizable", "pass")
BROKEN = ClaimFacts("linearizable", "linearizable", "fail")
RUNS = [
    run("raft", 4, "fail", BROKEN),
    run("etcd", 3, "error", LINEARIZABLE),
    run("raft", 2, "pass", LINEARIZABLE),
    run("paxos", 1, "inconclusive", workload="append"),
]


def numbers(**fields: str) -> list[int]:
    return [int(one.began_s) for one in Query.of(fields).select(RUNS, 0.0)]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, [4, 3, 2, 1]),
        ({"target": "raft"}, [4, 2]),
        ({"verdict": "error"}, [3]),
        ({"workload": "append"}, [1]),
        ({"claim": "linearizable"}, [4, 3, 2]),
        ({"claim": "linearizable", "verdict": "pass"}, [3, 2]),
        ({"q": "RAFT fail"}, [4]),
        ({"q": "raft nothing"}, []),
        ({"sort": "time", "order": "up"}, [1, 2, 3, 4]),
        ({"sort": "target"}, [3, 1, 4, 2]),
        ({"sort": "verdict"}, [4, 3, 1, 2]),
        ({"sort": "verdict", "order": "down"}, [2, 1, 3, 4]),
        ({"sort": "claim"}, [4, 3, 2, 1]),
        ({"sort": "nonsense", "order": "sideways", "verdict": "splendid", "page": "-3"}, [4, 3, 2, 1]),
    ],
)
def test_select(fields: dict[str, str], found: list[int]) -> None:
    assert numbers(**fields) == found


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "q": st.text(max_size=20),
            "target": st.text(max_size=20),
            "claim": st.text(max_size=20),
            "verdict": st.sampled_from(STATES),
            "sort": st.sampled_from(("time", "target", "verdict", "claim")),
            "order": st.sampled_from(("up", "down")),
            "page": st.integers(1, 999).map(str),
        },
    )
)
def test_an_address_asks_for_what_it_was_made_from(fields: dict[str, str]) -> None:
    query = Query.of(fields)
    again = Query.of(dict(parse_qsl(urlsplit(query.address(page=query.page)).query)))
    lone = any("\ud800" <= letter <= "\udfff" for text in fields.values() for letter in text)
    assert lone or again == query


def test_ordering_twice_turns_round() -> None:
    once = Query.of(dict(parse_qsl(urlsplit(Query().sorting("target")).query)))
    assert (once.sort, once.down) == ("target", False)
    twice = Query.of(dict(parse_qsl(urlsplit(once.sorting("target")).query)))
    assert (twice.sort, twice.down) == ("target", True)


def test_pages_hold_every_run_once() -> None:
    runs = [run("raft", number) for number in range(PAGE_RUNS * 2 + 1)]
    random.Random(1).shuffle(runs)
    pages = [Page.of(runs, number) for number in (1, 2, 3)]
    assert [one for page in pages for one in page.runs] == runs
    assert [page.first_shown for page in pages] == [1, PAGE_RUNS + 1, 2 * PAGE_RUNS + 1]
    assert Page.of(runs, 99).number == 3
    assert Page.of([], 5).last == 1


def test_choices_count_runs() -> None:
    choices = Choices.of(RUNS, 0.0)
    assert choices.targets == {"etcd": 1, "paxos": 1, "raft": 2}
    assert choices.claims == {"linearizable": 3}
    assert choices.states == {"error": 1, "fail": 1, "inconclusive": 1, "pass": 1}
