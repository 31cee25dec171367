"""Histories of registers whose verdict is known by construction, as JSON lines.

Every operation is served at a random moment between its call and its return, and what it returns follows from the order
of service: so the history is linearizable, whatever is concurrent. A violation is one read given a value that, going by
the times of all operations, cannot have been there while the read was open.

Equal loads give equal files. Times are ns; a client waits, is served and is answered within 1 us each, and a crashed
one goes on as another process.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

STEP_NS_MAX = 1000
READ, WRITE, CAS = range(3)
NAMES = ("read", "write", "cas")
NULL = 0
"""The value of a register at first; all others are written as they are."""

SUSPECTS_MAX = 200
"""How many reads are tried until one can be given an impossible value."""

STALE_ROUNDS = 20
"""How many operations of every client lie between a unique value and the read that returns it too late."""

EVENTS_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class Load:
    """What a history is made of. `values` None: every value is written once; else so many different ones are used.

    `crashed` writers are never answered; every other one of them took effect. `mix` are the shares of reads, writes and
    CAS, which all find what they expect.
    """

    operations: int
    clients: int
    keys: int = 1
    values: int | None = None
    crashed: int = 0
    violated: bool = False
    mix: tuple[float, float, float] = (0.5, 0.3, 0.2)
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Operations:
    """Columns of operations in the order of service. `held` is what a CAS finds, `value` what is written or read."""

    call: Any
    ret: Any
    process: Any
    key: Any
    f: Any
    crashed: Any
    held: Any
    value: Any


def write_history(load: Load, path: Path) -> None:
    """Makes the history and writes it to a file."""
    operations = _served(load)
    if load.violated:
        _violate(operations, load)
    _write(operations, path)


def _served(load: Load) -> Operations:
    rng = np.random.default_rng(load.seed)
    each = -(-load.operations // load.clients)
    steps = rng.integers(1, STEP_NS_MAX + 1, size=(load.clients, 3 * each))
    times = steps.cumsum(axis=1).reshape(-1, 3)
    clients = np.repeat(np.arange(load.clients), each)
    order = np.argsort(times[:, 1], kind="stable")[: load.operations]
    call, ret, client = times[order, 0], times[order, 2], clients[order]
    functions = rng.choice(3, size=load.operations, p=load.mix).tolist()
    crashes = [load.operations * (2 * i + 1) // (2 * load.crashed) for i in range(load.crashed)]
    for index in crashes:
        functions[index] = WRITE
    crashed = np.zeros(load.operations, bool)
    crashed[crashes] = True
    keys = rng.integers(load.keys, size=load.operations)
    held, value = _states(load, functions, keys.tolist(), set(crashes[1::2]), rng)
    process = client + load.clients * _crashes_before(client, crashed)
    return Operations(call, ret, process, keys, np.array(functions), crashed, np.array(held), np.array(value))


def _crashes_before(client: Any, crashed: Any) -> Any:
    """For every operation, how many of its client's before it crashed."""
    before = np.zeros(len(client), np.int64)
    for one in np.unique(client[crashed]):
        own = np.flatnonzero(client == one)
        before[own] = np.cumsum(crashed[own]) - crashed[own]
    return before


def _states(
    load: Load, functions: list[int], keys: list[int], lost: set[int], rng: np.random.Generator
) -> tuple[list[int], list[int]]:
    """What every operation finds, and what it writes or reads. Changes a CAS of nothing into a write."""
    states = [NULL] * load.keys
    if load.values is None:
        values = range(1, load.operations + 1)
    else:
        values = rng.integers(1, load.values + 1, size=load.operations).tolist()
    held, value = [NULL] * load.operations, [NULL] * load.operations
    for index, (key, fresh) in enumerate(zip(keys, values, strict=True)):
        state = states[key]
        if functions[index] == READ:
            value[index] = state
            continue
        value[index] = fresh
        if functions[index] == CAS and state == NULL:
            functions[index] = WRITE
        elif functions[index] == CAS:
            held[index] = state
        if index not in lost:
            states[key] = fresh
    return held, value


def _violate(operations: Operations, load: Load) -> None:
    """Gives one late read a value it cannot have seen. Raises ValueError if none is found."""
    reads = np.flatnonzero(operations.f == READ)
    for read in reads[len(reads) * 9 // 10 :][:SUSPECTS_MAX]:
        if load.values is not None:
            suspects = range(1, load.values + 1)
        else:
            earlier = slice(0, max(0, read - STALE_ROUNDS * load.clients))
            same_key = operations.key[earlier] == operations.key[read]
            changed = (operations.f[earlier] != READ) & ~operations.crashed[earlier]
            suspects = operations.value[earlier][same_key & changed][-1:]
        for value in suspects:
            if _impossible(operations, read, value):
                operations.value[read] = value
                return
    raise ValueError(f"no read of {load} can be given an impossible value")


def _impossible(operations: Operations, read: int, value: int) -> bool:
    """Whether all who wrote this value had returned when one who wrote another was called, who returned before the
    read was called; save those who were called after it had returned."""
    writes = (operations.key == operations.key[read]) & (operations.f != READ)
    ret = np.where(operations.crashed, np.iinfo(np.int64).max, operations.ret)
    writers = writes & (operations.value == value) & (operations.call <= operations.ret[read])
    last = ret[writers].max(initial=0)
    others = writes & (operations.value != value) & (operations.call > last)
    return bool((others & (ret < operations.call[read])).any())


def _write(operations: Operations, path: Path) -> None:
    """Both events of every operation, in the order of their times; calls come first among equals."""
    count = len(operations.call)
    order = np.argsort(np.concatenate([operations.call, operations.ret]), kind="stable")
    with path.open("w") as file:
        for start in range(0, 2 * count, EVENTS_AT_ONCE):
            events = order[start : start + EVENTS_AT_ONCE]
            rows, is_call = events % count, events < count
            times = np.where(is_call, operations.call[rows], operations.ret[rows])
            columns = (column[rows].tolist() for column in (operations.process, operations.key, operations.f))
            told = (column[rows].tolist() for column in (operations.crashed, operations.held, operations.value))
            for line in zip(times.tolist(), is_call.tolist(), *columns, *told, strict=True):
                file.write(_line(*line))


def _line(time: int, is_call: bool, process: int, key: int, f: int, crashed: bool, held: int, value: int) -> str:
    if f == CAS:
        said = f',"value":[{held},{value}]'
    elif value == NULL or (f == READ and is_call):
        said = ""
    else:
        said = f',"value":{value}'
    kind = "invoke" if is_call else "info" if crashed else "ok"
    return f'{{"time":{time},"process":{process},"type":"{kind}","f":"{NAMES[f]}","key":"{key}"{said}}}\n'
