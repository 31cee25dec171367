"""The operations of a run for the page's script: six numbers each, and the values of those near the violations.

Values are the bulk of a history and compress badly; a reader needs them where something broke. All are there in a small
run; in a large one those of the operations round each violation. Beyond `OPS_MAX` operations the same goes for the
operations themselves: the charts count them all, the timeline has those within `NEAR_NS` of a violation.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from operator import add, floordiv, mul, sub
from typing import TYPE_CHECKING, Any

from harness.answers import OPEN, Answers
from harness.operation import Type
from reports.packing import NUMBER_MAX, pack
from reports.text import neutral, show

if TYPE_CHECKING:
    from harness.history import History
    from reports.backdrop import Backdrop

OPS_MAX = 2_000_000
"""Operations on a page at most, unless the caller says otherwise."""

NEAR_NS = 5_000_000_000
VALUES_OPS_MAX = 20_000
TEXT_CHARS_MAX = 160
REASON_CHARS_MAX = 4000
TEXTS_CHARS_MAX = 1_500_000
NAME_CHARS_MAX = 80
MARKS_MAX = 2000
"""Faults, and violations, at most."""

COLUMNS = ("start", "lasted", "kind", "worker", "key", "event")
OUTCOMES = ("ok", "refused", "fail", "info", "open")
"""What became of an operation; `kind` is the place of its f, times how many of these there are, plus the place here."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One anomaly to be marked; `anchor` is the id of the section that tells it, if it has one."""

    anchor: str | None
    type: str
    key: str | None
    message: str
    events: Sequence[int]


@dataclass(frozen=True, slots=True)
class Operations:
    """The text of the block (`reports.packing`), how many operations are in it, and how many there are."""

    text: str
    shown: int
    all: int


def operations(
    history: History,
    answers: Answers,
    back: Backdrop,
    violations: Sequence[Violation] = (),
    *,
    ops_max: int = OPS_MAX,
) -> Operations:
    """Packs the client operations of a history; `answers` are its own, in full."""
    gaps: list[tuple[int, int]] = []
    shown = answers
    if len(answers) > ops_max:
        proofs = [answers.invoked_ns[row] for one in violations for row in _rows(history, answers, one)]
        faults = [fault.start_ns for fault in back.faults if fault.applied]
        windows, kept = _near(answers, [*proofs, *faults, 0], ops_max)
        gaps = _between(windows, int(back.time.high))
        shown = answers.keeping(kept)
    marks = [(one, _rows(history, shown, one)) for one in violations[:MARKS_MAX]]
    head, columns = _columns(history, shown)
    head |= {
        "span": int(back.time.high),
        "gaps": gaps,
        "faults": _faults(back),
        "violations": [_violation(one, rows) for one, rows in marks if rows],
        "values": _values(history, shown, sorted({row for _, rows in marks for row in rows})),
    }
    return Operations(pack(head, columns), len(shown), len(answers))


def _columns(history: History, answers: Answers) -> tuple[dict[str, Any], list[array[int]]]:
    ended_ns = [
        start if end == OPEN else end for start, end in zip(answers.invoked_ns, answers.completed_ns, strict=True)
    ]
    unit_ns = _unit(answers, ended_ns)
    starts = array("q", map(floordiv, answers.invoked_ns, repeat(unit_ns)))
    ends = map(floordiv, ended_ns, repeat(unit_ns))
    processes: memoryview[int] = history.column("process")
    # One number for who asked and through which node: most processes know one node all their life.
    nodes = len(answers.nodes) + 1
    askers = list(map(add, map(mul, map(processes.__getitem__, answers.index), repeat(nodes)), answers.node))
    workers = {asker: place for place, asker in enumerate(dict.fromkeys(askers))}
    columns = [
        array("I", map(sub, starts, chain((0,), starts))),
        array("I", map(sub, ends, starts)),
        _kinds(answers),
        array("I", map(workers.__getitem__, askers)),
        array("I", map((1).__add__, answers.key)),
        array("I", map(sub, answers.index, chain((0,), answers.index))),
    ]
    head = {
        "ops": len(answers),
        "unit": unit_ns,
        "columns": COLUMNS,
        "outcomes": OUTCOMES,
        "fs": [show(f, NAME_CHARS_MAX) for f in answers.fs],
        "keys": [show(key, NAME_CHARS_MAX) for key in answers.keys],
        "nodes": [show(node, NAME_CHARS_MAX) for node in answers.nodes],
        # A node's place is one more than in `nodes`; 0 is none. Keys likewise.
        "workers": [[(asker + 1) // nodes, (asker + 1) % nodes] for asker in workers],
    }
    return head, columns


def _unit(answers: Answers, ended_ns: Sequence[int]) -> int:
    """The unit of times in ns: a microsecond, or as many more as it takes for every number to fit."""
    invoked = answers.invoked_ns
    largest = max(
        chain(map(sub, ended_ns, invoked), map(sub, islice(invoked, 1, None), invoked), invoked[:1]), default=0
    )
    unit_ns = 1000
    while largest // unit_ns >= NUMBER_MAX:
        unit_ns *= 10
    return unit_ns


def _kinds(answers: Answers) -> array[int]:
    places = bytes(OUTCOMES.index(name) for name in ("open", "ok", "fail", "info"))
    refused = OUTCOMES.index("refused")
    fail = int(Type.FAIL)
    outcomes = (
        refused if kind == fail and served else places[kind]
        for kind, served in zip(answers.outcome, answers.served, strict=True)
    )
    return array("I", map(add, map(len(OUTCOMES).__mul__, answers.f), outcomes))


def _rows(history: History, answers: Answers, violation: Violation) -> list[int]:
    """The rows of the operations that prove a violation, as far as they are among these."""
    rows = set()
    for event in violation.events:
        if 0 <= event < len(history):
            invoked = event if history.types()[event] == Type.INVOKE else history.invocation(event)
            row = bisect_left(answers.index, -1 if invoked is None else invoked)
            if row < len(answers) and answers.index[row] == invoked:
                rows.add(row)
    return sorted(rows)


def _near(answers: Answers, moments: Iterable[int], ops_max: int) -> tuple[list[tuple[int, int]], bytearray]:
    """The operations within `NEAR_NS` of these moments, those of the first moments first, as long as there is room:
    the windows of time that are covered, in order and apart, and a byte per operation.
    """
    kept, room, spans = bytearray(len(answers)), ops_max, []
    for moment in moments:
        if room <= 0:
            break
        window = answers.between(moment - NEAR_NS, moment + NEAR_NS)
        missing = [row for row in window if not kept[row]]
        taken = missing[:room]
        for row in taken:
            kept[row] = 1
        room -= len(taken)
        whole = len(taken) == len(missing)
        end_ns = moment + NEAR_NS if whole else answers.invoked_ns[taken[-1]]
        spans.append((max(moment - NEAR_NS, 0), end_ns))
    merged: list[tuple[int, int]] = []
    for start_ns, end_ns in sorted(spans):
        if merged and start_ns <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end_ns))
        else:
            merged.append((start_ns, end_ns))
    return merged, kept


def _between(windows: Sequence[tuple[int, int]], span_ns: int) -> list[tuple[int, int]]:
    """What lies between windows, before the first, and behind the last."""
    edges = [0, *chain.from_iterable(windows), span_ns]
    return [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end]


def _faults(back: Backdrop) -> list[dict[str, Any]]:
    return [
        {
            "name": show(fault.id, NAME_CHARS_MAX),
            "colour": back.look(fault.family)[0],
            "from": fault.start_ns,
            "to": int(back.time.high) if fault.end_ns is None else fault.end_ns,
        }
        for fault in back.faults[:MARKS_MAX]
        if fault.applied
    ]


def _violation(one: Violation, rows: Sequence[int]) -> dict[str, Any]:
    return {
        "anchor": one.anchor,
        "type": show(one.type, NAME_CHARS_MAX),
        "key": None if one.key is None else show(one.key, NAME_CHARS_MAX),
        "message": show(one.message, 400),
        "rows": rows,
    }


def _values(history: History, answers: Answers, proofs: Sequence[int]) -> dict[str, Any]:
    """What was asked and answered, as JSON texts by place in `texts`, -1 for nothing, for each of `rows`."""
    rows = _valued(len(answers), proofs)
    invocations = [answers.index[row] for row in rows]
    completions = list(map(history.completion, invocations))
    events = sorted({*invocations, *(event for event in completions if event is not None)})
    picked = history.select(events)
    place = {event: row for row, event in enumerate(events)}
    texts: dict[str, int] = {}
    said = [_said(picked, name, texts) for name in ("value", "error")]
    asked = [said[0][place[event]] for event in invocations]
    answered = []
    for event in completions:
        error = -1 if event is None else said[1][place[event]]
        answered.append(error if event is None or error >= 0 else said[0][place[event]])
    return {"rows": rows, "asked": asked, "answered": answered, "texts": list(texts)}


def _valued(ops: int, proofs: Sequence[int]) -> list[int]:
    """The rows whose values are told: all, or those round the rows that prove violations."""
    if ops <= VALUES_OPS_MAX:
        return list(range(ops))
    reach = VALUES_OPS_MAX // (2 * len(proofs) + 1) if proofs else 0
    near = (range(max(row - reach, 0), min(row + reach + 1, ops)) for row in proofs)
    return sorted(set(chain.from_iterable(near)))


def _said(history: History, name: str, texts: dict[str, int]) -> list[int]:
    """A column of JSON as places in `texts`, which grows by what is new; -1 for nothing, or for what has no room."""
    column, found = history.core.codes(name)
    places, room = [], TEXTS_CHARS_MAX - sum(map(len, texts))
    for text in map(_reason, found) if name == "error" else found:
        shown = neutral(text[:TEXT_CHARS_MAX]) + ("…" if len(text) > TEXT_CHARS_MAX else "")
        room -= len(shown)
        places.append(-1 if text == "null" or room < 0 else texts.setdefault(shown, len(texts)))
    codes: memoryview[int] = memoryview(column)
    return [-1 if code < 0 else places[code] for code in codes]


def _reason(text: str) -> str:
    """What of an error a reader wants first: the value a compare-and-set found, or the words."""
    match json.loads(text) if len(text) < REASON_CHARS_MAX else text:
        case {"current": current}:
            return f"found {json.dumps(current, ensure_ascii=False)}"
        case {"text": str() as words} | [_, str() as words]:
            return words
        case str() as words:
            return words
    return text
