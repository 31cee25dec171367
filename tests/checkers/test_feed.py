"""Feeds: chats and timelines. What is lost, what came before what, who sees his own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from checkers.chat import CausalOrder, NoLostMessage
from checkers.timeline import NoLostPost, OwnPostsSeen, PostsInOrder
from harness.checker import Budget, Checker, Result
from harness.errors import HistoryError
from harness.operation import Type
from harness.verdict import Verdict
from tests.checkers.application import Did, feeds, told
from tests.checkers.lines import only

BUDGET = Budget()


def judged(checker: Checker, *ops: Did, final_at: float | None = None) -> Result:
    return checker.check(told(ops, final_at=final_at), budget=BUDGET)


def add(at: int, who: int, id: int, f: str = "send", outcome: Type | None = Type.OK, key: int = 3) -> Did:
    return Did(at, 5, f, key, id, id, outcome, f"n{who}", who)


def read(at: int, who: int, *ids: int, key: int = 3) -> Did:
    return Did(at, 5, "read", key, None, [*ids], node=f"n{who}", process=who)


def test_a_message_is_lost() -> None:
    result = judged(NoLostMessage(), add(0, 1, 7), read(60, 2, 7), read(70, 4), final_at=50)
    assert only(result).message == (
        "message 7 in 3 was acknowledged at 0.005 s, but in the end it is gone (read on n4 at 0.075 s)"
    )
    assert (only(result).type, only(result).key, only(result).ops) == ("lost-message", "3", (0, 1, 6, 7))


def test_one_that_comes_late_is_not_lost() -> None:
    result = judged(NoLostPost(), add(0, 1, 7, "post"), read(60, 4), read(70, 2, 7), final_at=50)
    assert (result.verdict, result.why) == (Verdict.PASS, "each of 1 acknowledged post is there once, by 2 final reads")


def test_doubled_and_unwanted() -> None:
    kept = add(0, 1, 7)
    for found, words in [((7, 7), "is there 2 times"), ((7, 8), "was refused"), ((7, 5), "nobody had added it")]:
        result = judged(NoLostMessage(), kept, add(9, 2, 8, outcome=Type.FAIL), read(60, 1, *found), final_at=50)
        assert words in only(result).message


def test_an_answer_is_shown_without_its_question() -> None:
    result = judged(CausalOrder(), add(0, 0, 7), read(10, 1, 7), add(20, 1, 8), read(30, 2, 8), read(40, 2, 8))
    assert only(result).message == (
        "in 3, message 8 was sent at 0.020 s by who had seen message 7 at 0.015 s, but is shown without it on n2 "
        "at 0.035 s"
    )
    assert (only(result).type, only(result).ops) == ("answer-without-question", (0, 1, 2, 3, 4, 5, 6, 7))


def test_an_answer_is_shown_before_its_question() -> None:
    result = judged(CausalOrder(), add(0, 0, 7), add(10, 0, 8), read(30, 2, 8, 7))
    assert only(result).type == "answer-before-question"
    assert "by who had sent message 7" in only(result).message


def test_whoever_had_seen_nothing_answers_nothing() -> None:
    ops = [add(0, 0, 7), read(10, 1, 7, key=4), add(20, 1, 8), read(30, 2, 8), read(40, 2, 8, 7)]
    assert judged(CausalOrder(), *ops).why == "no read found a message whose sender had seen another"
    refused = [add(0, 0, 7, outcome=Type.FAIL), add(10, 0, 8), read(20, 1, 8)]
    assert judged(CausalOrder(), *refused).verdict is Verdict.INCONCLUSIVE


def test_the_own_post_is_missing_and_told_once() -> None:
    ops = [add(0, 0, 7, "post"), read(10, 1), read(20, 0), read(30, 0), read(40, 0, key=4)]
    result = judged(OwnPostsSeen(), *ops)
    assert only(result).message == (
        "post 7 on the timeline of 3 was acknowledged at 0.005 s, but whoever posted it does not see it on n0 "
        "at 0.025 s"
    )
    assert judged(OwnPostsSeen(), ops[0], read(10, 0, 7)).verdict is Verdict.PASS
    assert judged(OwnPostsSeen(), ops[0], ops[1]).why == "nobody read a timeline after posting on it"


def test_posts_stand_in_the_wrong_order() -> None:
    first, second = add(0, 0, 7, "post"), add(10, 1, 8, "post")
    result = judged(PostsInOrder(), first, second, read(20, 2, 8, 7), read(30, 2, 8, 7))
    assert only(result).message == (
        "on the timeline of 3, read on n2 at 0.025 s, post 8 stands before post 7, which was acknowledged before it "
        "was made"
    )
    at_once = second._replace(start=3)
    assert judged(PostsInOrder(), first, at_once, read(20, 2, 8, 7)).verdict is Verdict.PASS
    assert judged(PostsInOrder(), first, read(20, 2, 7)).why == "no read found two posts"


def test_bad_input_is_refused() -> None:
    for op, message in [
        (add(0, 0, 7)._replace(asked=None), "event 1: send needs an id"),
        (read(0, 0)._replace(got={"7": 1}), "event 1: a read returns the list of ids"),
        (add(0, 0, 7, "post"), "event 0: there is no operation 'post' here, but send, read"),
    ]:
        with pytest.raises(HistoryError, match=message):
            judged(NoLostMessage(), op)
    with pytest.raises(HistoryError, match="event 3: 7 was added before"):
        judged(CausalOrder(), add(0, 0, 7), add(10, 1, 7))


def answered(ops: list[Did], f: str = "read") -> list[Did]:
    return [op for op in ops if op.f == f and op.outcome is Type.OK]


@given(feeds("send"))
def test_lost_doubled_and_unwanted_is_what_the_definition_says(ops: list[Did]) -> None:
    expected: dict[str, int] = {"lost_message": 0, "doubled_message": 0, "unwanted_message": 0}
    sent = {op.asked: op for op in ops if op.f == "send"}
    for op in answered(ops, "send"):
        final = [read for read in answered(ops) if read.key == op.key and read.start > 55]
        lacking = max((read.start for read in final if op.asked not in read.got), default=None)
        expected["lost_message"] += lacking is not None and not any(
            op.asked in read.got and read.end > lacking for read in final
        )
    for read in answered(ops):
        for id in set(read.got):
            expected["doubled_message"] += read.got.count(id) > 1
            op = sent.get(id)
            expected["unwanted_message"] += (
                op is None or op.outcome is Type.FAIL or op.start >= read.end or op.key != read.key
            )
    result = judged(NoLostMessage(), *ops, final_at=55.5)
    assert {kind: result.stats[kind] for kind in expected} == expected


def pasts(ops: list[Did]) -> dict[int, set[int]]:
    """By message, everything that its sender can have known of the conversation, and who told it, and so on."""
    seen: dict[int, set[int]] = {}
    for op in ops:
        if op.f == "send":
            before = [each for each in ops if each.process == op.process and each.key == op.key and each.end < op.start]
            seen[op.asked] = {id for each in answered(before) for id in each.got}
            seen[op.asked] |= {each.asked for each in answered(before, "send")}
    for _ in seen:
        for known in seen.values():
            known |= {far for near in known for far in seen.get(near, ())}
    return seen


@given(feeds("send"))
def test_the_causal_order_is_what_the_definition_says(ops: list[Did]) -> None:
    past = pasts(ops)
    broken = any(
        question not in read.got or read.got.index(question) > read.got.index(answer)
        for read in answered(ops)
        for answer in read.got
        for question in past.get(answer, set()) - {answer}
    )
    history = told(ops)
    result = CausalOrder().check(history, budget=BUDGET)
    assert bool(result.anomalies) == broken
    for anomaly in result.anomalies:
        assert CausalOrder().check(history.select(anomaly.ops), budget=BUDGET).anomalies, "what is told proves it"


@given(feeds("post"))
def test_own_posts_are_what_the_definition_says(ops: list[Did]) -> None:
    missing = {
        post.asked
        for post in answered(ops, "post")
        for read in answered(ops)
        if (read.process, read.key) == (post.process, post.key) and post.end < read.start and post.asked not in read.got
    }
    history = told(ops)
    result: Any = OwnPostsSeen().check(history, budget=BUDGET)
    assert result.stats["own_post_missing"] == len(missing)
    for anomaly in result.anomalies:
        assert OwnPostsSeen().check(history.select(anomaly.ops), budget=BUDGET).anomalies


@given(feeds("post"))
def test_the_order_of_posts_is_what_the_definition_says(ops: list[Did]) -> None:
    posts = {op.asked: op for op in ops if op.f == "post"}
    wrong = any(
        later in posts and earlier in posts and posts[earlier].end < posts[later].start
        for read in answered(ops)
        if (found := [id for id in read.got if id in posts]) is not None
        for place, later in enumerate(found)
        for earlier in found[place + 1 :]
        if posts[earlier].outcome is Type.OK
    )
    history = told(ops)
    result = PostsInOrder().check(history, budget=BUDGET)
    assert bool(result.anomalies) == wrong
    for anomaly in result.anomalies:
        assert PostsInOrder().check(history.select(anomaly.ops), budget=BUDGET).anomalies
