"""Pictures of cycles, and their edges in words."""

from __future__ import annotations

from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import pytest

from checkers.list_append import ListAppend
from harness.checker import Anomaly, Budget
from harness.history import History
from reports.cycles import LINES_MAX, LOOKS, STEPS_MAX, Card, Edge, Look, cycle, draw
from tests.checkers.lines import history

EVIL = '</svg><script>alert("&")</script>\u202e'


def drawn(kinds: list[str], lines: int = 2) -> ElementTree.Element:
    count = len(kinds)
    cards = [Card(f"T{at + 1}", f"process {at}", [EVIL] * (1 + at % lines), "ok") for at in range(count)]
    edges = [Edge(f"T{at + 1}", f"T{(at + 1) % count + 1}", kind, EVIL, EVIL) for at, kind in enumerate(kinds)]
    return ElementTree.fromstring(draw(cards, edges, "a"))


def box(rect: ElementTree.Element) -> tuple[float, float, float, float]:
    x, y, width, height = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


@pytest.mark.parametrize("count", range(2, STEPS_MAX + 1))
@pytest.mark.parametrize("lines", [1, LINES_MAX])
def test_every_transaction_has_a_box_of_its_own_and_every_edge_an_arrow(count: int, lines: int) -> None:
    kinds = [list(LOOKS)[at % len(LOOKS)] for at in range(count)]
    root = drawn(kinds, lines)
    boxes = [box(rect) for rect in root.iter("rect")]
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert len(boxes) == count
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
    for (left, top, right, bottom), (x1, y1, x2, y2) in combinations(boxes, 2):
        assert right < x1 or x2 < left or bottom < y1 or y2 < top, "they do not overlap"
    arrows = [path for path in root.iter("path") if path.get("marker-end")]
    assert [path.get("marker-end") for path in arrows] == [f"url(#a-head-{kind})" for kind in kinds]
    heads = {marker.get("id") for marker in root.iter("marker")}
    assert heads == {f"a-head-{kind}" for kind in kinds}
    assert not root.findall(".//script")


def test_kinds_differ_in_more_than_colour() -> None:
    needs: dict[str | None, list[Look]] = {}
    for look in LOOKS.values():
        needs.setdefault(look.dashes, []).append(look)
    assert len({look.verb for look in LOOKS.values()}) == len(LOOKS)
    assert [look.name for look in needs[None]] == ["write, write", "write, read"], "these two are told by their label"


def test_less_than_two_is_no_cycle() -> None:
    with pytest.raises(ValueError, match="at least two"):
        draw([], [], "a")


WRITE_SKEW = """
0 invoke txn [["r","x",null],["append","y",1]]
1 invoke txn [["r","y",null],["append","x",2]]
0 ok txn [["r","x",[]],["append","y",1]]
1 ok txn [["r","y",[]],["append","x",2]]
2 invoke txn [["r","x",null],["r","y",null]]
2 ok txn [["r","x",[2]],["r","y",[1]]]
"""


def found(text: str) -> tuple[History, Anomaly]:
    judged = history(text)
    [anomaly] = ListAppend().check(judged, budget=Budget()).anomalies
    return judged, anomaly


def test_what_the_checker_found_is_told_edge_by_edge() -> None:
    told = cycle(*found(WRITE_SKEW), "a")
    assert told
    assert [(card.name, card.who, list(card.lines)) for card in told.cards] == [
        ("T1", "process 1", ["read y: []", "append x ← 2"]),
        ("T2", "process 0", ["read x: []", "append y ← 1"]),
    ]
    assert [(edge.start, edge.look.verb, edge.end, edge.key) for edge in told.edges] == [
        ("T1", "misses what is written by", "T2", "y"),
        ("T2", "misses what is written by", "T1", "x"),
    ]
    assert told.edges[0].why.startswith("Because on key y T1 read [] and T2 appended 1 after that")
    assert told.svg


def test_long_transactions_are_cut() -> None:
    more = ",".join(f'["append","z{at}",{at}]' for at in range(9))
    told = cycle(*found(WRITE_SKEW.replace('["append","y",1]', f'["append","y",1],{more}')), "a")
    assert told
    assert list(told.cards[1].lines)[-1] == "… and 6 more"
    assert len(told.cards[1].lines) == LINES_MAX


@pytest.mark.parametrize(
    "steps",
    [
        None,
        [],
        7,
        "cycle",
        [7],
        [{}],
        [{"from": 0, "to": 99}],
        [{"from": -1, "to": 0}],
        [{"from": "0", "to": 0}],
        [{"from": 0}],
    ],
)
def test_a_verdict_that_holds_no_cycle_has_none(steps: Any) -> None:
    judged, anomaly = found(WRITE_SKEW)
    assert cycle(judged, Anomaly("G2-item", "", anomaly.ops, None, {"cycle": steps}), "a") is None


def test_what_cannot_be_drawn_is_told_in_words() -> None:
    judged, anomaly = found(WRITE_SKEW)
    step = {"from": 0, "to": 1, "kind": "unheard of", "key": None, "why": EVIL}
    told = cycle(judged, Anomaly("G2-item", "", anomaly.ops, None, {"cycle": [step]}), "a")
    assert told
    assert (told.svg, [(edge.start, edge.end, edge.look.verb) for edge in told.edges]) == (
        "",
        [("T1", "?", "comes before")],
    )
