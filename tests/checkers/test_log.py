"""Append-only logs."""

from __future__ import annotations

import pytest

from checkers.log import Log
from harness.errors import HistoryError, UsageError
from harness.verdict import Verdict
from tests.checkers.lines import done, judged, only


def send(process: int, message: str, offset: int | str, key: str = "0") -> str:
    return done(process, "send", f'[["send",{key},{message}]]', f'[["send",{key},[{offset},{message}]]]')


def poll(process: int, *polled: tuple[int, str], f: str = "poll") -> str:
    messages = ",".join(f"[{offset},{message}]" for offset, message in polled)
    return done(process, f, '[["poll"]]', f'[["poll",{{"0":[{messages}]}}]]')


AB = send(0, '"a"', 0) + send(0, '"b"', 1)
A, B = (0, '"a"'), (1, '"b"')


def kinds(text: str) -> list[str]:
    return sorted({anomaly.type for anomaly in judged(Log(), text).anomalies})


def test_all_polled() -> None:
    result = judged(Log(), AB + poll(1, A, B))
    assert (result.verdict, result.why) == (
        Verdict.PASS,
        "all 2 acknowledged messages were polled, in order (2 polled in all)",
    )


def test_lost() -> None:
    result = judged(Log(), AB + poll(1, B))
    assert only(result).message == (
        'The send of "a" to key 0 by process 0 was acknowledged at 2 ms at offset 0, but nobody polled it, although '
        "process 1 polled the later offset 1."
    )
    assert only(result).ops == (0, 1, 4, 5)


def test_unseen_is_not_lost_unless_everything_was_read() -> None:
    result = judged(Log(), AB + poll(1, A))
    assert (result.verdict, result.stats["unseen"]) == (Verdict.INCONCLUSIVE, 1)
    assert only(judged(Log(caught_up=True), AB + poll(1, A))).type == "lost"


def test_messages_of_unknown_fate_are_never_missed() -> None:
    crashed = '5 invoke send [["send",0,"c"]]\n5 info send [["send",0,"c"]]\n'
    assert judged(Log(), AB + crashed + poll(1, A, B)).verdict is Verdict.PASS
    assert judged(Log(), AB + crashed + poll(1, A, B, (2, '"c"'))).verdict is Verdict.PASS


def test_one_message_twice_and_two_at_one_offset() -> None:
    assert kinds(AB + poll(1, A, B, (2, '"a"'))) == ["duplicate"]
    assert kinds(AB + send(3, '"c"', 1) + poll(1, A, B) + poll(2, (1, '"c"'))) == ["inconsistent-offset"]


def test_order_of_sends() -> None:
    swapped = poll(9, (0, '"b"'), (1, '"a"'))
    assert kinds(send(0, '"a"', 1) + send(1, '"b"', 0) + swapped) == ["reordered"]
    assert kinds(send(0, '"a"', 1) + send(0, '"b"', 0) + swapped) == ["nonmonotonic-send"]
    result = judged(Log(), send(0, '"a"', 1) + send(1, '"b"', 0) + swapped)
    assert only(result).ops == (0, 1, 2, 3)
    concurrent = '0 invoke send [["send",0,"a"]]\n' + send(1, '"b"', 0) + '0 ok send [["send",0,[1,"a"]]]\n'
    assert kinds(concurrent + swapped) == []
    both = '[["send",0,[1,"a"]],["send",0,[0,"b"]]]'
    assert kinds(done(0, "txn", '[["send",0,"a"],["send",0,"b"]]', both) + swapped) == ["int-nonmonotonic-send"]
    assert kinds(send(0, '"a"', "null") + send(1, '"b"', 0) + swapped) == ["reordered"], "polls tell offsets, too"


def test_order_of_polls() -> None:
    three = AB + send(0, '"c"', 2)
    c = (2, '"c"')
    everything = poll(9, A, B, c)
    assert kinds(three + everything + poll(1, B) + poll(1, A)) == ["nonmonotonic-poll"]
    assert kinds(three + everything + poll(1, B) + poll(1, B)) == ["nonmonotonic-poll"]
    assert kinds(three + everything + poll(1, B, A)) == ["int-nonmonotonic-poll"]
    assert kinds(three + everything + poll(1, A) + poll(1, c)) == ["poll-skip"]
    assert kinds(three + everything + poll(1, A, c)) == ["int-poll-skip"]
    assert kinds(three + everything + poll(1, A) + poll(2, c)) == [], "each consumer by itself"
    assert kinds(AB + poll(1, A, B) + poll(1, (7, '"x"'))) == ["thin-air"], "nothing is known to be in between"


def test_consumers_that_are_moved() -> None:
    def again(between: str) -> str:
        return AB + poll(9, A, B) + poll(1, B) + between + poll(1, A)

    assert kinds(again(done(1, "assign", "[0]"))) == ["nonmonotonic-poll"], "it keeps its place"
    assert kinds(again(done(1, "assign", "[0]") + done(1, "assign", "[]") + done(1, "assign", "[0]"))) == []
    assert kinds(again(done(1, "subscribe", "[0]"))) == []
    assert kinds(again('1 invoke poll [["poll"]]\n1 fail poll [["poll"]]\n')) == []
    subscribed = judged(Log(), AB + poll(9, A, B) + done(1, "subscribe", "[0]") + poll(1, B) + poll(1, A))
    assert (subscribed.verdict, subscribed.stats["nonmonotonic_polls_while_subscribed"]) == (Verdict.PASS, 1)


def test_messages_from_nowhere() -> None:
    failed = '5 invoke send [["send",0,"a"]]\n5 fail send [["send",0,"a"]]\n'
    assert kinds(failed + poll(1, A)) == ["aborted-read"]
    assert kinds(failed + send(0, '"a"', 0) + poll(1, A)) == [], "sent again"
    assert kinds(poll(1, A)) == ["thin-air"]
    assert kinds(poll(1, A) + send(0, '"a"', 0)) == ["thin-air"], "before it was sent"


def test_too_little() -> None:
    assert judged(Log(), "").verdict is Verdict.INCONCLUSIVE
    assert judged(Log(), poll(1)).why == "no send was acknowledged"
    assert "nothing was polled" in judged(Log(), send(0, '"a"', 0)).why


def test_bad_input_is_refused() -> None:
    with pytest.raises(UsageError, match="true or false"):
        Log(caught_up="yes")  # type: ignore[arg-type]  # users write anything into a claims file
    for text, message in [
        (send(0, "1", 0) + send(1, "1", 1), "event 2: 1 is sent to key 0 a second time"),
        (done(0, "send", "7"), "event 1: an operation on logs is a list of"),
        (done(0, "poll", '[["poll"]]', '[["poll",{"0":[1]}]]'), "event 1: an operation on logs is a list of"),
        (done(0, "push", "[]"), "event 0: a log knows send, poll, txn"),
    ]:
        with pytest.raises(HistoryError, match="^" + message):
            judged(Log(), text)


def test_a_transaction_that_polls_what_it_sent_itself() -> None:
    asked = '[["send",0,"a"],["poll"]]'
    own = done(0, "txn", asked, '[["send",0,[0,"a"]],["poll",{"0":[[0,"a"]]}]]')
    assert only(judged(Log(), own)).ops == (0, 1)
    assert kinds(own) == ["precommitted-read"]
    assert kinds(AB + poll(0, A, B)) == [], "another operation of the same process may"


def test_messages_of_others_within_a_transaction_are_counted() -> None:
    both = '[["send",0,[0,"a"]],["send",0,[2,"c"]]]'
    at_once = '1 invoke send [["send",0,"b"]]\n', '1 ok send [["send",0,[1,"b"]]]\n'
    mixed = done(0, "txn", '[["send",0,"a"],["send",0,"c"]]', both).join(at_once) + poll(2, A, B, (2, '"c"'))
    result = judged(Log(), mixed)
    assert (result.verdict, result.stats["int_send_skips"]) == (Verdict.PASS, 1)
