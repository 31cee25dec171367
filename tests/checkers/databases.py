"""Simulated databases: transactions whose level of isolation follows from how they were made."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from tests.checkers.transactions import Txn

CLIENTS = 10
KEYS_AT_A_TIME = 5
TXNS_A_KEY = 40


@dataclass(slots=True)
class Open:
    """A transaction that a client has begun: what it saw of the log, when, and what it is going to do."""

    snapshot: int
    call: int
    plan: list[tuple[str, int, int]]


def lists(database: str, *, txns: int, seed: int) -> list[Txn]:
    """Appends and reads on a database with one log of commits.

    `serializable` takes effect at once while a transaction is open; `snapshot` reads what was there when it began, and
    the first to commit wins; `prefix` too, but begins at a state that may be a few commits old; `read-committed` reads
    the newest state at each read, while others commit to keys that it does not lock by writing them.
    """
    chance = random.Random(seed)
    versions: dict[int, list[tuple[int, int]]] = {}
    open_: dict[int, Open] = {}
    done: list[Txn] = []
    commits = at = fresh = 0
    while len(done) < txns:
        at += 1
        client = chance.randrange(CLIENTS)
        base = len(done) // TXNS_A_KEY
        if client not in open_:
            lag = chance.randrange(6) if database == "prefix" else 0
            plan = []
            for _ in range(chance.randint(1, 4)):
                fresh += 1
                plan.append((chance.choice(["append", "r"]), base + chance.randrange(KEYS_AT_A_TIME), fresh))
            open_[client] = Open(max(0, commits - lag), at, plan)
            continue
        txn = open_.pop(client)
        snapshot = commits if database == "serializable" else txn.snapshot
        newest = {key: versions[key][-1][0] for f, key, _ in txn.plan if f == "append" and versions.get(key)}
        beaten = database != "read-committed" and any(commit > snapshot for commit in newest.values())
        mops: list[list[Any]] = []
        for f, key, value in txn.plan:
            if f == "append":
                mops.append([f, key, value])
                continue
            seen = [v for commit, v in versions.get(key, []) if commit <= snapshot or database == "read-committed"]
            mops.append([f, key, seen + [mop[2] for mop in mops if mop[0] == "append" and mop[1] == key]])
            other = base + chance.randrange(KEYS_AT_A_TIME)
            is_locked = any(f == "append" and key == other for f, key, _ in txn.plan)
            if database == "read-committed" and not is_locked:
                commits, fresh = commits + 1, fresh + 1
                versions.setdefault(other, []).append((commits, fresh))
                done.append(Txn([["append", other, fresh]], at, at + 1, CLIENTS + len(done)))
        at += 1
        if not beaten:
            commits += 1
            for f, key, value in mops:
                if f == "append":
                    versions.setdefault(key, []).append((commits, value))
        done.append(Txn(mops, txn.call, at, client, "fail" if beaten else "ok"))
    return done


def replicas(*, txns: int, seed: int) -> list[Txn]:
    """Writes and reads of registers on a replica per client, which receives others' transactions some time later, in an
    order that all share; the last in that order wins. That is causal, and nothing more.
    """
    chance = random.Random(seed)
    received = [0] * CLIENTS
    log: list[tuple[int, dict[int, int]]] = []
    done: list[Txn] = []
    fresh = 0
    while len(done) < txns:
        client = chance.randrange(CLIENTS)
        received[client] = min(len(log), received[client] + chance.randrange(30))
        base = len(done) // TXNS_A_KEY
        mops: list[list[Any]] = []
        own: dict[int, int] = {}
        for _ in range(chance.randint(1, 4)):
            key = base + chance.randrange(KEYS_AT_A_TIME)
            if chance.random() < 0.5:
                fresh += 1
                own[key] = fresh
                mops.append(["w", key, fresh])
                continue
            known = [writes for at, (by, writes) in enumerate(log) if at < received[client] or by == client]
            seen = next((writes[key] for writes in [own, *reversed(known[-3000:])] if key in writes), None)
            mops.append(["r", key, seen])
        log.append((client, own))
        done.append(Txn(mops, 2 * len(done), 2 * len(done) + 1, client))
    return done
