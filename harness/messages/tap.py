"""What listens to a cluster's messages, and keeps those of a few scenes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappush, heappushpop
from typing import Any, Protocol, runtime_checkable

from harness.messages.message import BODY_CHARS_MAX, NAME_CHARS_MAX, Fate, Message
from harness.messages.scene import Scene

MESSAGES_MAX = 200
OTHERS_MAX = 60
"""How many of these may be about something else."""


@dataclass(slots=True)
class Kept:
    """The messages of one scene that are kept, and how many are not."""

    scene: Scene
    messages: list[Message]
    left_out: int


class Tap:
    """Takes note of messages while a run goes on; which of them it keeps depends on nothing but the run.

    `caller` says which process a client's message belongs to; `hide` takes what is confidential out of a body. Nothing
    is noted before `epoch_ns` is set: the cluster's time when the run began.
    """

    def __init__(
        self, scenes: Sequence[Scene], *, caller: Callable[[], int | None], hide: Callable[[Any], Any] = lambda it: it
    ) -> None:
        self.epoch_ns: int | None = None
        self.caller = caller
        self._hide = hide
        self._scenes = [_Shelves(scene) for scene in scenes]

    def sent(
        self,
        source: str,
        dest: str,
        body: Mapping[str, Any],
        now_ns: int,
        process: int | None = None,
        request: Mapping[str, Any] | None = None,
    ) -> Message | None:
        """A message was sent at this time of the cluster's: the note of it, or None when nobody wants one. A reply is
        about what its `request` is about."""
        if self.epoch_ns is None:
            return None
        at_ns, made = now_ns - self.epoch_ns, None
        for shelves in self._scenes:
            if shelves.scene.start_ns <= at_ns <= shelves.scene.end_ns:
                shelves.heard += 1
                rank = (-shelves.scene.distance_ns(at_ns), -shelves.heard)
                if not shelves.may_take(rank):
                    continue
                topic = shelves.scene.topic
                about = topic.named_in(body) or topic.named_in(request)
                if shelves.has_room(about, rank):
                    made = made or self._note(source, dest, body, at_ns, process)
                    shelves.take(about, rank, made)
        return made

    def ended(self, message: Message, now_ns: int, fate: Fate, faults: Iterable[str] = ()) -> None:
        """It arrived, or will never do so."""
        assert self.epoch_ns is not None, "it was sent after the run began"
        message.ended_ns, message.fate, message.faults = now_ns - self.epoch_ns, fate, tuple(faults)

    def kept(self) -> list[Kept]:
        """What was kept of each scene."""
        return [shelves.kept() for shelves in self._scenes]

    def _note(self, source: str, dest: str, body: Mapping[str, Any], at_ns: int, process: int | None) -> Message:
        text = _begin(self._hide(body))
        kind = str(self._hide(str(body.get("type", ""))))[:NAME_CHARS_MAX]
        return Message(source, dest, at_ns, kind, text[:BODY_CHARS_MAX], len(text) > BODY_CHARS_MAX, False, process)


def _begin(body: Any) -> str:
    """The beginning of its JSON, a little more than what is kept: a body of a megabyte is not written out for that."""
    parts, length = [], 0
    for part in _ENCODER.iterencode(body):
        parts.append(part)
        length += len(part)
        if length > BODY_CHARS_MAX:
            break
    return "".join(parts)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=repr)

_Ranked = tuple[tuple[int, int], Message]


@dataclass(slots=True)
class _Shelves:
    """The nearest messages of each kind, on heaps whose first is the farthest; no two ranks are equal."""

    scene: Scene
    about: list[_Ranked] = field(default_factory=list)
    others: list[_Ranked] = field(default_factory=list)
    heard: int = 0

    def may_take(self, rank: tuple[int, int]) -> bool:
        """Whether there is room on any shelf: cheaper to ask than what a message is about."""
        return self.has_room(True, rank) or self.has_room(False, rank)

    def has_room(self, about: bool, rank: tuple[int, int]) -> bool:
        heap, most = self._shelf(about)
        return len(heap) < most or rank > heap[0][0]

    def take(self, about: bool, rank: tuple[int, int], message: Message) -> None:
        heap, most = self._shelf(about)
        (heappush if len(heap) < most else heappushpop)(heap, (rank, message))

    def kept(self) -> Kept:
        others = sorted(self.others, reverse=True)[: MESSAGES_MAX - len(self.about)]
        chosen = [(rank[1], replace(one, about=True)) for rank, one in self.about]
        chosen += [(rank[1], one) for rank, one in others]
        messages = [one for _, one in sorted(chosen, key=lambda numbered: -numbered[0])]
        return Kept(self.scene, messages, self.heard - len(messages))

    def _shelf(self, about: bool) -> tuple[list[_Ranked], int]:
        return (self.about, MESSAGES_MAX) if about else (self.others, OTHERS_MAX)


@runtime_checkable
class Tapped(Protocol):
    """A cluster that can show the messages it carries."""

    def tap(self, tap: Tap) -> None:
        """From now on every message is told to `tap`. To be called before `run`; changes nothing of what happens."""
        ...
