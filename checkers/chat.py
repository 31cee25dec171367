"""Chats: no message is lost or doubled, and nobody sees an answer without what it answers.

Operations, on a conversation by its key: `send` of a message's id, `read` returning the list of ids, in their order
(`checkers.feed`). Whoever sends a message may be answering what he has seen:

    {process 0, ok, send, key 3, 7}     {process 1, ok, read, key 3, [7]}     {process 1, ok, send, key 3, 8}
    {process 2, ok, read, key 3, [8]}   the answer without the question; [8, 7] has it before the question

What a sender saw is what its process read of the conversation, and its own acknowledged messages there (Ahamad et al.,
"Causal memory", Distributed Computing 1995, on one object). Of these it is enough to look at what is new since the
sender's last message: that one stands for all before it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from checkers.collection import count
from checkers.feed import Entry, Feed, NothingLost
from checkers.findings import Findings, at
from checkers.requests import Request
from harness.checker import Budget, Result

if TYPE_CHECKING:
    from harness.history import History


class NoLostMessage(NothingLost):
    """`no_lost_message`: none lost, doubled or unwanted, as `checkers.feed` tells."""

    name: ClassVar[str] = "no_lost_message"
    noun: ClassVar[str] = "message"
    add: ClassVar[str] = "send"
    figures: ClassVar[Mapping[str, str]] = {
        "acknowledged messages lost": "lost_message",
        "messages doubled": "doubled_message",
    }
    measures: ClassVar[Mapping[str, Sequence[str]]] = {"lost_writes": ("lost_message",)}


class CausalOrder:
    """`causal_order`: every read of a conversation has a message only behind all that its sender had seen."""

    figures: ClassVar[Mapping[str, str]] = {
        "answers shown without their question": "answer_without_question",
        "answers shown before their question": "answer_before_question",
    }

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `messages, answers` (messages whose senders had seen others), `reads`, and the kinds: an answer
        without its question, or before it. Each pair is told once. Inconclusive if no read found an answer. Raises
        `HistoryError`."""
        feed = Feed(history, "send")
        questions = _questions(feed)
        findings = Findings("answer-without-question", "answer-before-question")
        told: set[tuple[Entry, Entry]] = set()
        judged = 0
        for read, found in feed.reads:
            places = {id: place for place, id in reversed([*enumerate(found)])}
            for answer, place in places.items():
                for question, seen in questions.get(answer, ()):
                    judged += 1
                    where = places.get(question)
                    if (where is None or where > place) and (question, answer) not in told:
                        told.add((question, answer))
                        _tell(findings, feed, question, answer, seen, read, missing=where is None)
        stats = {"messages": len(feed.entries), "answers": len(questions), "reads": len(feed.reads)}
        passed = f"{count(len(feed.reads), 'read')} found every answer behind what it answers"
        unproven = "" if judged else "no read found a message whose sender had seen another"
        return findings.result("causal_order", stats, passed=passed, unproven=unproven)


@dataclass(slots=True)
class _Screen:
    """What one process has seen of a conversation: all of it, and what is new since its last message, with how."""

    known: set[Entry] = field(default_factory=set)
    new: list[tuple[Entry, Request]] = field(default_factory=list)

    def show(self, id: Entry, how: Request) -> None:
        if id not in self.known:
            self.known.add(id)
            self.new.append((id, how))


def _questions(feed: Feed) -> dict[Entry, list[tuple[Entry, Request]]]:
    """By message: what its sender had seen by then, unless that goes without saying, and by which operation."""
    screens: dict[tuple[int, str | None], _Screen] = defaultdict(_Screen)
    questions: dict[Entry, list[tuple[Entry, Request]]] = {}
    for request in feed.all:
        screen = screens[request.process, request.key]
        if request.f == "read":
            if request.ok:
                for id in request.got:
                    screen.show(id, request)
            continue
        if screen.new:
            questions[request.asked] = [*screen.new]
        if request.ok:
            screen.new.clear()
            screen.show(request.asked, request)
    return questions


def _tell(
    findings: Findings, feed: Feed, question: Entry, answer: Entry, seen: Request, read: Request, *, missing: bool
) -> None:
    sent = feed.entries[answer]
    own = "sent" if seen.f == "send" else "seen"
    shown = "without it" if missing else "before it"
    message = (
        f"in {read.key}, message {answer} was sent at {at(sent.start_ns)} by who had {own} message {question} "
        f"at {at(seen.end_ns)}, but is shown {shown} on {read.node} at {at(read.end_ns)}"
    )
    kind = "answer-without-question" if missing else "answer-before-question"
    asked = feed.entries.get(question)
    findings.add(kind, message, [request for request in (asked, seen, sent, read) if request], read.key)
