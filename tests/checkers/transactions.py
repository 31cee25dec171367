"""Transactions for tests: histories from a few lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from harness import _core
from harness.history import History

KINDS = {"ok": 1, "fail": 2, "info": 3}


class Txn(NamedTuple):
    """One transaction, open from `call` to `ret` ms. `mops` is what it did, as its completion tells."""

    mops: list[list[Any]]
    call: int
    ret: int
    process: int
    kind: str = "ok"


def recorded(txns: Sequence[Txn]) -> History:
    """The history of these; completions come first among equal times."""
    recorder = _core.Recorder()
    invoked: dict[int, int] = {}
    events = [(txn.call, 1, number) for number, txn in enumerate(txns)]
    events += [(txn.ret, 0, number) for number, txn in enumerate(txns)]
    for time, is_call, number in sorted(events):
        txn = txns[number]
        if is_call:
            asked = [[f, key, None if f == "r" else value] for f, key, value in txn.mops]
            invoked[number] = recorder.invoke(time * 1_000_000, txn.process, "txn", None, asked, None)
        else:
            recorder.complete(invoked[number], time * 1_000_000, KINDS[txn.kind], txn.mops, None)
    return History(recorder.history())
