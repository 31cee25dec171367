"""Messages between clients and nodes, as far as a run's folder keeps them: those round a violation.

A violation is explained by what was said and what got lost. Its *scene* is the time from the first to the last of the
operations that prove it, with a margin, and the keys these are about. Of the messages of a scene at most
`MESSAGES_MAX` are kept: first those whose body names one of the keys, then a few others for the surroundings, of
each kind those nearest in time to where an operation begins or ends. How many were left out is kept as well. So what is
kept is bounded whatever a store sends, in memory and on disk.

`messages.jsonl` holds one JSON object a line. First comes `{"format": 1}`, with a `why` where there is nothing more to
come. Each scene is a line `{"scene": 0, "type", "key", "ops", "start_ns", "end_ns", "left_out"}`,
where type, key and ops are those of the violation; its messages follow in the order of their sending:
`{"scene": 0, "source", "dest", "sent_ns", "ended_ns", "fate", "faults", "type", "body", "cut", "about",
"process"}`. Times are ns since the run began. `body` is the JSON text, and `cut` says that it is only
the first `BODY_CHARS_MAX` characters; `about` says whether it names a key of the scene; `process` is that of the
client, null between nodes.
`fate` is one of `Fate`, and `faults` are the ids of those that took the message.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from heapq import heappush, heappushpop
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from harness.checker import Anomaly
from harness.operation import Operation, Type

if TYPE_CHECKING:
    from harness.history import History

FORMAT = 1
SCENES_MAX = 3
"""Violations whose messages are kept, those of broken claims first: one explains most."""

MESSAGES_MAX = 200
OTHERS_MAX = 60
"""How many of these may be about something else."""

BODY_CHARS_MAX = 2_000
NAME_CHARS_MAX = 200
MARGIN_NS = 50_000_000
"""How long before its first operation, and after its last, a scene begins and ends."""

ITEMS_MAX, RECORD_MAX = 100, 16
"""How much of a body is searched for a key, and how long an array or object may be that is taken for a record."""


class Fate(StrEnum):
    """What became of a message."""

    ARRIVED = "arrived"
    HELD = "held"
    """It arrived at a paused node, and waited there."""
    CUT = "cut"
    """A partition dropped it, when it was sent or under way."""
    LOST = "lost"
    """The link lost it, or had no room for it."""
    DOWN = "down"
    """Nobody listened at its destination."""
    CLOSED = "closed"
    """The connection it was sent on had broken."""
    LATE = "late"
    """The client no longer waited for this reply."""
    UNDER_WAY = "under way"
    """It had not arrived when the scene ended."""


@dataclass(slots=True)
class Message:
    """One message; `ended_ns` and `fate` change once, when it arrives or is lost."""

    source: str
    dest: str
    sent_ns: int
    type: str
    body: str
    cut: bool
    about: bool
    process: int | None = None
    ended_ns: int | None = None
    fate: Fate = Fate.UNDER_WAY
    faults: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """One line of messages.jsonl, but for its scene."""
        return {
            "source": self.source,
            "dest": self.dest,
            "sent_ns": self.sent_ns,
            "ended_ns": self.ended_ns,
            "fate": self.fate.value,
            "faults": list(self.faults),
            "type": self.type,
            "body": self.body,
            "cut": self.cut,
            "about": self.about,
            "process": self.process,
        }

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Message:
        """From such a line. Raises KeyError, TypeError or ValueError."""
        return cls(
            str(raw["source"]),
            str(raw["dest"]),
            int(raw["sent_ns"]),
            str(raw["type"]),
            str(raw["body"])[:BODY_CHARS_MAX],
            bool(raw["cut"]),
            bool(raw["about"]),
            None if raw["process"] is None else int(raw["process"]),
            None if raw["ended_ns"] is None else int(raw["ended_ns"]),
            Fate(raw["fate"]),
            tuple(str(fault) for fault in raw["faults"]),
        )


@dataclass(frozen=True, slots=True)
class Topic:
    """What a violation is about: keys, and the values that were written to them at the time, or that it is about."""

    keys: frozenset[str]
    values: frozenset[str]

    def named_in(self, body: Any) -> bool:
        """Whether a body speaks of it: a key in a field `key`, as the name of a field, or as a text of its own; or an
        short object or array that holds both a key and one of its values, such as a record `[18, 96, "n2"]`.

        A number alone names nothing: terms and lengths are numbers, too. Of a body of more than `ITEMS_MAX` items
        only
        the first are looked at, breadth first.
        """
        waiting: deque[Any] = deque([body])
        left = ITEMS_MAX
        while waiting and left > 0:
            item = waiting.popleft()
            left -= 1
            if isinstance(item, str) and item in self.keys:
                return True
            if isinstance(item, dict):
                if not self.keys.isdisjoint(item) or ("key" in item and _plain(item["key"]) in self.keys):
                    return True
                item = list(islice(item.values(), left))
            if isinstance(item, list):
                item = item[:left]
                if len(item) <= RECORD_MAX and self._is_record(item):
                    return True
                waiting.extend(inner for inner in item if isinstance(inner, dict | list | str))
        return False

    def _is_record(self, items: Sequence[Any]) -> bool:
        plain = [_plain(item) for item in items]
        keys = {place for place, text in enumerate(plain) if text in self.keys}
        values = {place for place, text in enumerate(plain) if text in self.values}
        return bool(keys and values) and len(keys | values) > 1


def _plain(item: Any) -> str | None:
    """A scalar by its text; None for what is no scalar that could be a key or a value."""
    return str(item) if type(item) in (str, int, float) else None


@dataclass(frozen=True, slots=True)
class Scene:
    """Where to look: the violation, its time, what it is about, and where its operations begin and end."""

    anomaly: Anomaly
    start_ns: int
    end_ns: int
    topic: Topic
    moments: Sequence[int]

    @classmethod
    def of(cls, history: History, anomaly: Anomaly) -> Scene | None:
        """None for an anomaly without operations, or a history without times."""
        rows = {row for index in anomaly.ops if (row := _invocation(history, index)) is not None}
        if not rows or not history.has_times:
            return None
        ends = {end for row in rows if (end := history.completion(row)) is not None}
        moments = sorted(history[row].time for row in rows | ends)
        start_ns, end_ns = max(moments[0] - MARGIN_NS, 0), moments[-1] + MARGIN_NS
        steps = [step for row in sorted(rows | ends) for step in _steps(history[row])]
        keys = frozenset({key for key, _ in steps} if anomaly.key is None else {anomaly.key})
        times = history.column("time")
        during = range(bisect_left(times, start_ns), bisect_left(times, end_ns))
        types = history.types()
        steps += [step for row in during if types[row] == Type.INVOKE for step in _steps(history[row])]
        values = frozenset(value for key, value in steps if key in keys and value is not None)
        return cls(anomaly, start_ns, end_ns, Topic(keys, values), moments)

    def distance_ns(self, time_ns: int) -> int:
        """From here to the nearest beginning or end of an operation."""
        place = bisect_left(self.moments, time_ns)
        return min(abs(moment - time_ns) for moment in self.moments[max(place - 1, 0) : place + 1])


def _invocation(history: History, index: int) -> int | None:
    if not 0 <= index < len(history):
        return None
    return index if history[index].type is Type.INVOKE else history.invocation(index)


def _steps(op: Operation) -> Iterator[tuple[str, str | None]]:
    """The keys an event of a client touches, each with a value, by their texts. `["append", 3, 7]` is a step of a
    transaction."""
    if op.process is None or op.process < 0:
        return
    if op.key is not None:
        for value in op.value if isinstance(op.value, list) else (op.value,):
            yield str(op.key), _plain(value)
    elif isinstance(op.value, list):
        for step in op.value:
            if isinstance(step, list) and len(step) > 1 and _plain(step[1]) is not None:
                for value in step[2] if len(step) > 2 and isinstance(step[2], list) else step[2:]:
                    yield str(step[1]), _plain(value)
                yield str(step[1]), None


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


def lines(kept: Sequence[Kept], why: str = "") -> Iterator[str]:
    """The lines of messages.jsonl."""
    yield _line({"format": FORMAT} | ({"why": why} if why else {}))
    for number, one in enumerate(kept):
        anomaly, scene = one.scene.anomaly, one.scene
        yield _line(
            {"scene": number, "type": anomaly.type, "key": anomaly.key, "ops": list(anomaly.ops)}
            | {"start_ns": scene.start_ns, "end_ns": scene.end_ns}
            | {"left_out": one.left_out}
        )
        for message in one.messages:
            yield _line({"scene": number} | message.to_json())


def _line(value: Mapping[str, Any]) -> str:
    # Escaped to ASCII, so that a lone surrogate in a body cannot break the file.
    return json.dumps(value) + "\n"


@dataclass(frozen=True, slots=True)
class Conversation:
    """The messages round one violation, read back, and how many more there were."""

    messages: Sequence[Message]
    left_out: int = 0


_Violation = tuple[str, str | None, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Heard:
    """What a messages.jsonl holds; `why` is the reason where it holds nothing."""

    conversations: Mapping[_Violation, Conversation] = field(default_factory=dict)
    why: str = ""

    def about(self, anomaly: Anomaly) -> Conversation | None:
        """The conversation round this violation, if it was kept."""
        return self.conversations.get((anomaly.type, anomaly.key, anomaly.ops))

    @classmethod
    def read(cls, text: Iterable[str]) -> Heard:
        """From the lines of the file, as many as `lines` writes at most; unknown fields are passed over. Raises
        KeyError, TypeError or ValueError where they are no such lines."""
        objects = (json.loads(line) for line in islice(text, 1 + SCENES_MAX * (1 + MESSAGES_MAX)))
        first = next(objects)
        if not 1 <= int(first["format"]) <= FORMAT:
            return cls(why=f"messages.jsonl is of format {int(first['format'])}, and this splitbrain reads {FORMAT}")
        found: list[tuple[_Violation, list[Message], int]] = []
        for one in objects:
            if "source" in one:
                found[int(one["scene"])][1].append(Message.of(one))
            else:
                violation = str(one["type"]), one["key"], tuple(int(index) for index in one["ops"])
                found.append((violation, [], int(one["left_out"])))
        spoken = {violation: Conversation(said, left_out) for violation, said, left_out in found}
        return cls(spoken, str(first.get("why") or ""))
