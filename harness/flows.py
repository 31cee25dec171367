"""Flows: what a system is used for, where it is used for more than one thing, each with promises of its own.

A shop's visitors browse, and some of them order. The shop may promise that browsing never stops and that no item is
sold twice; no store can promise both of both. So an expectation may be of one flow:

    {availability: {min: 0.99, flow: browse}}

A flow is its own objects, those whose keys begin with its name and a slash (`browse/7`), and judged on its own: the
checker sees the operations on these and no others, and so does coverage. That is sound because nothing is taken from
an object: all that was done to it is there, in its order, and what is violated there is violated in the whole. Telling
flows by the kind of operation was rejected, for it is not sound: reads without the writes they saw prove nothing.

Which flow an invariant speaks of goes without saying where only one could be meant; a workload then adds `flow` to the
options of that checker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.history import History

OPTION = "flow"
"""The option of every expectation that names one flow."""

_NAMES, _NAME_CHARS = 10, 40
"""How many names of flows a message lists, and how much of each: they are what a file says."""


@runtime_checkable
class HasFlows(Protocol):
    """A workload of several flows."""

    flows: Sequence[str]


def separate(options: Mapping[str, Any], workload: Any) -> tuple[str | None, dict[str, Any]]:
    """The flow that these options name, if any, and those that are left for the checker. Raises `UsageError` for a
    flow that the workload has not."""
    left = dict(options)
    if OPTION not in left:
        return None, left
    flow = left.pop(OPTION)
    has = workload.flows if isinstance(workload, HasFlows) else ()
    if flow not in has:
        raise UsageError(f"workload {workload.name} has no flow {flow!r}: it has {', '.join(has) or 'none'}")
    return flow, left


def key_in(flow: str, key: str | int) -> str:
    """The key of a flow's object that has this key in the flow alone."""
    return f"{flow}/{key}"


def select(history: History, flow: str | None) -> History:
    """The selection of a flow's operations, and of everything that no client did; all of it for None."""
    if flow is None:
        return history
    column, keys = history.core.codes("key")
    mine = [*(key.startswith(f"{flow}/") for key in keys), False]  # the last is that of -1: no key
    rows = zip(memoryview(column), history.column("process"), strict=True)
    return history.select(row for row, (code, process) in enumerate(rows) if process < 0 or mine[code])


def only(history: History, flow: str) -> History:
    """`select` for whoever only has a history: the flows are those that its keys name. Raises `UsageError`, which tells
    them, for one of which there is no operation."""
    keys = history.keys()
    named = list(dict.fromkeys(key.partition("/")[0] for key in keys if "/" in key))
    if flow in named:
        return select(history, flow)
    told = [f"{name!r:.{_NAME_CHARS}}" for name in named[:_NAMES]] + ["..."] * (len(named) > _NAMES)
    there = f"the flows here are {', '.join(told)}" if named else "there are no flows here: leave it out"
    raise UsageError(f"no operation is of a flow {flow!r}, for no key begins with {flow + '/'!r}: {there}")
