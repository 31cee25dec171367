"""Small register histories for tests, and a judge that tries every order of their operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from harness import _core
from harness.history import History

MS = 1_000_000


class Op(NamedTuple):
    """One operation, open from `call` to `ret` ms. `kind` is what the client said: ok, fail, info, None for nothing."""

    f: str
    value: Any
    call: int
    ret: int
    kind: str | None = "ok"
    key: str | None = "x"
    error: Any = None
    asked: Any = ...

    @property
    def argument(self) -> Any:
        """The value of the invocation: `asked` if it is given, else what the operation writes."""
        return self.asked if self.asked is not ... else None if self.f == "read" else self.value


KINDS = {"ok": 1, "fail": 2, "info": 3}


def recorded(ops: Sequence[Op], *, marks: Sequence[tuple[int, str]] = ()) -> History:
    """The history of these operations, each by a process of its own; completions come first among equal times."""
    recorder = _core.Recorder()
    events: list[tuple[int, int, int, str]] = [(time, 0, -1, name) for time, name in marks]
    for index, op in enumerate(ops):
        events.append((op.call, 1, index, "call"))
        if op.kind is not None:
            events.append((op.ret, 2 if op.ret == op.call else 0, index, "ret"))
    invoked: dict[int, int] = {}
    for time, _, index, what in sorted(events):
        if index < 0:
            recorder.event(time * MS, -1, 3, "phase", None, what)
            continue
        op = ops[index]
        if what == "call":
            invoked[index] = recorder.invoke(time * MS, index, op.f, op.key, op.argument, "n1")
        elif op.kind is not None:
            recorder.complete(invoked[index], time * MS, KINDS[op.kind], op.value, op.error)
    return History(recorder.history())


def is_linearizable(ops: Sequence[Op], initial: Any = None) -> bool:
    """By definition: tries every order of the completed and every choice of the unknown operations."""
    live = [op for op in ops if op.kind != "fail" and not (op.f == "read" and op.kind != "ok")]

    def extend(left: Sequence[Op], state: Any) -> bool:
        if all(op.kind != "ok" for op in left):
            return True
        for at, op in enumerate(left):
            if any(other.kind == "ok" and other.ret < op.call for other in left):
                continue
            if (op.f == "read" and op.value != state) or (op.f == "cas" and op.value[0] != state):
                continue
            after = op.value[1] if op.f == "cas" else state if op.f == "read" else op.value
            if extend([*left[:at], *left[at + 1 :]], after):
                return True
        return False

    return extend(live, initial)
