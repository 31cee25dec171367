"""The end of a run: patient with who answers, and not with who is silent."""

from __future__ import annotations

from harness.operation import Operation, Type
from tests.workloads.schedules import ending
from workloads.ending import SILENCE_S_MAX
from workloads.register import Register

TIMEOUT_NS = 2_000_000_000
KEYS = 40


def silent(op: Operation) -> Operation:
    return op._replace(type=Type.INFO, time=op.time + TIMEOUT_NS)


def slow(op: Operation) -> Operation:
    return op._replace(type=Type.OK, time=op.time + TIMEOUT_NS)


def test_who_never_answers_is_left_after_a_while() -> None:
    asked = ending(Register(keys=KEYS), complete=silent, workers=2)
    assert SILENCE_S_MAX / 2 < (asked[-1].time - asked[0].time) / 1e9 < SILENCE_S_MAX


def test_who_answers_slowly_is_asked_for_everything() -> None:
    asked = ending(Register(keys=KEYS), complete=slow, workers=2)
    assert len(asked) == 2 * KEYS
    assert (asked[-1].time - asked[0].time) / 1e9 > SILENCE_S_MAX


def test_an_answer_now_and_then_is_enough_to_go_on() -> None:
    tries = dict.fromkeys(range(KEYS), 0)

    def moody(op: Operation) -> Operation:
        tries[int(op.key or 0)] += 1
        return (slow if tries[int(op.key or 0)] % 9 == 0 else silent)(op)

    asked = ending(Register(keys=KEYS), complete=moody, workers=1)
    assert {op.key for op in asked} == set(range(KEYS))
