"""Transactions on a map of values: what each step means, and nothing about who holds the map.

A transaction is a list of steps `[what, key, argument]`, done in order, all or none:

    ["r", key, null]        -> the value, null when there is none
    ["w", key, value]       -> value
    ["append", key, value]  -> value; the list at key (none is an empty one) grows by it
    ["pop", key, null]      -> the first element of the list, which loses it; null when it is empty
    ["put", key, element]   -> element; the list at key has it afterwards, once
    ["drop", key, element]  -> whether the list had it; it has it no more
    ["add", key, number]    -> the new number; none counts as 0
    ["is", key, value]      refuses the transaction unless the value there equals this
    ["least", key, number]  refuses it unless the number there is at least this

A refusal is a definite error that tells the step and the value it found: nothing was done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.node import RpcError
from harness.node.errors import MALFORMED_REQUEST, PRECONDITION_FAILED

Key = str | int
Step = list[Any]

STEPS_MAX = 1_000


def transact(value_of: Callable[[Key], Any], steps: list[Step]) -> tuple[list[Any], dict[Key, Any]]:
    """What each step came to, and what has to be written for it; changes nothing itself. Raises `RpcError`."""
    written: dict[Key, Any] = {}
    results: list[Any] = []
    for place, (what, key, argument) in enumerate(steps):
        found = written[key] if key in written else value_of(key)
        match what:
            case "r":
                results.append(found)
                continue
            case "w":
                result = after = argument
            case "append":
                result, after = argument, [*_list(found), argument]
            case "pop":
                before = _list(found)
                result, after = (before[0], before[1:]) if before else (None, before)
            case "put":
                before = _list(found)
                result, after = argument, before if argument in before else [*before, argument]
            case "drop":
                before = _list(found)
                result, after = argument in before, [element for element in before if element != argument]
            case "add":
                result = after = _number(found) + _number(argument)
            case "is" | "least":
                if found != argument if what == "is" else _number(found) < _number(argument):
                    text = f"step {place}: {what} {key!r:.80} {argument!r:.80}, found {found!r:.80}"
                    raise RpcError(PRECONDITION_FAILED, text, step=place, current=found)
                results.append(found)
                continue
            case _:
                raise RpcError(MALFORMED_REQUEST, f"there is no step {what!r:.80}")
        written[key] = after
        results.append(result)
    return results, written


def steps_of(body: dict[str, Any]) -> list[Step]:
    """The steps of a request. Raises `RpcError` for what is none."""
    steps = body.get("steps")
    if not isinstance(steps, list) or len(steps) > STEPS_MAX or not all(map(_is_step, steps)):
        raise RpcError(MALFORMED_REQUEST, f"a transaction has at most {STEPS_MAX} steps [what, key, argument]")
    return steps


def is_read_only(steps: list[Step]) -> bool:
    """Whether a transaction can change nothing."""
    return all(what in ("r", "is", "least") for what, _, _ in steps)


def _is_step(step: Any) -> bool:
    return (
        isinstance(step, list)
        and len(step) == 3
        and isinstance(step[0], str)
        and isinstance(step[1], str | int)
        and not isinstance(step[1], bool)
    )


def _list(found: Any) -> list[Any]:
    if found is None:
        return []
    if isinstance(found, list):
        return found
    raise RpcError(MALFORMED_REQUEST, f"there is no list, but {found!r:.80}")


def _number(found: Any) -> int:
    if found is None:
        return 0
    if isinstance(found, int) and not isinstance(found, bool):
        return found
    raise RpcError(MALFORMED_REQUEST, f"there is no whole number, but {found!r:.80}")
