"""A store whose answers are no answers, each in a way of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from harness.node import Body, Host, Node

MB = 1 << 20
LAST_WORDS = "these are the last words"


@cache
def nested(depth: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(depth):
        made = [made]
    return made


ANSWERS: dict[str, Callable[[Body], Any]] = {
    "nothing": lambda body: None,
    "no object": lambda body: 7,
    "no type": lambda body: {"value": None},
    "an answer to something else": lambda body: {"type": "txn_ok"},
    "no id": lambda body: {"type": "read_ok", "value": None, "in_reply_to": []},
    "another id": lambda body: {"type": "read_ok", "value": None, "in_reply_to": body["msg_id"] + 1},
    "not a number": lambda body: {"type": "error", "code": 22, "text": "", "current": float("nan")},
    "no end": lambda body: {"type": "error", "code": 22, "text": "", "current": float("inf")},
    "too many digits": lambda body: {"type": "error", "code": 22, "text": "", "current": 10**5000},
    "too deep to keep": lambda body: {"type": "error", "code": 22, "text": "", "current": nested(300)},
    "too deep to send": lambda body: {"type": "error", "code": 22, "text": "", "current": nested(100_000)},
    "no code": lambda body: {"type": "error", "code": True, "text": ""},
    "a text for a code": lambda body: {"type": "error", "code": "22", "text": nested(100)},
}
"""None of these says whether the operation happened."""

UNBOUNDED: dict[str, Callable[[Body], Any]] = {
    "megabytes": lambda body: {"type": "error", "code": 13, "text": "x" * MB},
    "a computation": lambda body: compute(),
}


def compute() -> None:
    while True:
        pass


class Twisted(Node):
    """Answers each request with the next of the named ways; with `noise`, n1 has begun with a log of that many
    megabytes, and every request is logged with one more."""

    def __init__(self, host: Host, *, ways: list[str], noise: int = 0) -> None:
        super().__init__(host)
        self.ways = [(ANSWERS | UNBOUNDED)[way] for way in ways]
        self.noise = noise
        self.count = 0

    async def start(self) -> None:
        if self.noise > 1 and self.name == "n1":
            for _ in range(self.noise):
                sys.stderr.write("." * MB + "\n")
        score = Path("/proc/self/oom_score_adj").read_text(encoding="ascii").strip()
        self.last_words = f"{LAST_WORDS}, of one that goes at {score}"

    def on_read(self, source: str, body: Body) -> Any:
        self.count += 1
        if self.noise:
            self.log("." * MB)
            self.log(self.last_words)
        answer = self.ways[self.count % len(self.ways)](body)
        if isinstance(answer, dict) and "in_reply_to" in answer:
            return self.send(source, answer)
        return answer

    on_write = on_cas = on_read
