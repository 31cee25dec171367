"""Containment of hand-made histories with known answers: which keys were lost, and with whom."""

from __future__ import annotations

from typing import Any

import pytest

from checkers.containment import Containment
from harness.checker import Budget, Result
from harness.errors import UsageError
from harness.operation import Type
from harness.verdict import Verdict
from tests.histories import FAIL, OK, Script

NODES = ["n1", "n2", "n3", "n4", "n5"]
KEYS = [f"k{place:02}" for place in range(100)]
"""Of which a node with half its fair part, a tenth of all, may have up to 19: ten, and three times three by chance."""


def check(script: Script, **options: Any) -> Result:
    return Containment(**{"times": 0.5, **options}).check(script.history(), budget=Budget())


def asking(script: Script, start: float, end: float, lost: list[str], *, nodes: list[str] = NODES) -> Script:
    """Every key is read on each of these nodes, five times a second; those in `lost` are refused."""
    for step in range(round((end - start) * 5)):
        for node in nodes:
            for key in KEYS:
                script.op(start + step / 5, node, FAIL if key in lost else OK, key=key)
    return script


def one_killed(lost: list[str]) -> Script:
    """n5 down from 10 s to 12 s."""
    script = Script().fault("kill-1", 10, 12, ["n5"]).phase("heal", 14)
    asking(asking(script, 9, 10, []), 12.1, 13, [])
    return asking(script, 10.1, 12, lost, nodes=NODES[:4])


def test_a_node_may_take_its_part_of_the_keys_with_it_and_no_more() -> None:
    kept = check(one_killed(KEYS[:19]))
    assert kept.verdict is Verdict.PASS, kept.why
    assert kept.why == "at most 19 of 100 keys were lost at a time, of 19 allowed"
    assert (kept.stats["worst_share"], kept.stats["pieces"][0]["lost"]) == (0.19, KEYS[:19])
    spread = check(one_killed(KEYS[:20]))
    [anomaly] = spread.anomalies
    assert (spread.verdict, anomaly.type) == (Verdict.FAIL, "spread")
    assert anomaly.message == ("20 of 100 keys were lost from 10.0 s to 12.0 s, with n5 away, promised: at most 19")
    history = one_killed(KEYS[:20]).history()
    assert {history[index].key for index in anomaly.ops} <= set(KEYS[:20])
    assert {history[index].type for index in anomaly.ops} == {Type.INVOKE}


def test_two_that_are_away_together_may_take_twice_as_much() -> None:
    def both(lost: list[str]) -> Script:
        script = Script().fault("kill-1", 10, 14, ["n4"]).fault("pause-1", 11, 13, ["n5"], worker=1).phase("heal", 20)
        return asking(script, 11.1, 13, lost, nodes=NODES[:3])

    assert check(both(KEYS[:32])).verdict is Verdict.PASS
    assert check(both(KEYS[:33])).verdict is Verdict.FAIL


def test_keys_that_are_too_few_to_tell_the_part_from_all_prove_nothing() -> None:
    vague = check(one_killed(KEYS), times=4.75)
    assert (vague.verdict, vague.stats["pieces"]) == (Verdict.INCONCLUSIVE, [])
    assert vague.why.startswith("100 keys are too few")
    assert check(one_killed(KEYS), times=2).verdict is Verdict.FAIL


def test_pieces_are_judged_apart_because_others_take_other_keys() -> None:
    script = Script().fault("kill-1", 10, 12, ["n4"]).fault("kill-2", 14, 16, ["n5"]).phase("heal", 20)
    asking(script, 10.1, 12, KEYS[:15], nodes=[*NODES[:3], "n5"])
    asking(script, 14.1, 16, KEYS[15:30], nodes=NODES[:4])
    assert check(script).verdict is Verdict.PASS


def test_a_few_refusals_lose_no_key_and_the_first_seconds_can_be_left_out() -> None:
    script = one_killed([])
    for key in KEYS:
        script.op(11, "n1", FAIL, key=key)
    assert check(script).verdict is Verdict.PASS
    assert check(script, min=1).verdict is Verdict.FAIL
    slow = Script().fault("kill-1", 10, 12, ["n5"]).phase("heal", 14)
    asking(asking(slow, 10.1, 11, KEYS, nodes=NODES[:4]), 11, 12, [], nodes=NODES[:4])
    assert check(slow, after="1s", min=0.9).verdict is Verdict.PASS
    assert check(slow, after="800ms", min=0.9).verdict is Verdict.FAIL


def test_those_who_are_away_themselves_are_not_asked() -> None:
    script = Script().cut("partition-1", 10, 12, [["n1", "n2"], ["n3", "n4", "n5"]]).phase("heal", 14)
    asking(script, 10.1, 12, KEYS, nodes=["n1", "n2"])
    assert check(script).verdict is Verdict.INCONCLUSIVE
    asking(script, 10.1, 12, KEYS[:30], nodes=["n3", "n4", "n5"])
    assert check(script).verdict is Verdict.PASS


def test_without_faults_no_key_may_be_lost() -> None:
    quiet = asking(Script().phase("heal", 14), 0, 2, [])
    assert check(quiet).verdict is Verdict.PASS
    lost = check(asking(Script().phase("heal", 14), 0, 2, ["k01"]))
    assert lost.why == "1 of 100 keys were lost from 0.0 s to 14.0 s, with no node away, promised: at most 0"


@pytest.mark.parametrize(
    "script",
    [
        Script().phase("heal", 1),
        Script().fault("clock-1", 1, 3, ["n1"]).phase("heal", 4).op(2),
        Script().fault("kill-1", 1, 3, ["n1", "n2", "n3"]).phase("heal", 4).op(2, "n5"),
        Script().fault("kill-1", 1, 3, ["n1"]).phase("heal", 4).op(2, "n5", Type.OK, key=None),
    ],
    ids=["nothing", "nobody away", "no majority", "no keys"],
)
def test_where_nothing_could_be_lost_nothing_is_proved(script: Script) -> None:
    for node in NODES:
        script.op(3.5, node, key=None)
    assert check(script).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("options", [{"times": -1}, {"times": True}, {"min": "0.9"}, {"after": "soon"}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        check(Script().phase("heal", 1), **options)
