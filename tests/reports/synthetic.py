"""Runs made by hand: histories that look like those of a consistent store and of an available one, without running
either.

The loads are small models, not simulations: workers bound to nodes ask at a steady rate; whoever is cut off, stopped
or has just lost a leader gets no answer before the deadline. Equal seeds give equal runs.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness._core import Recorder
from harness.checker import Anomaly
from harness.history import History
from harness.operation import PHASE, Operation, Type
from harness.plan import Plan
from harness.verdict import Verdict
from reports.data import ClaimRecord, FaultRecord, NodeEvidence, RunData

SECOND = 1_000_000_000
NODES = ("n1", "n2", "n3", "n4", "n5")


def history(events: Sequence[Operation]) -> History:
    """A history out of events in any order."""
    recorder, open_ops = Recorder(None), {}
    for op in sorted(events, key=lambda op: op.time):
        assert op.process is not None
        if op.type is Type.INVOKE or op.process not in open_ops:  # marks of phases are given as completions alone
            row = recorder.invoke(op.time, op.process, op.f, op.key, op.value, op.node)
            open_ops[op.process] = row
        if op.type is not Type.INVOKE:
            recorder.complete(open_ops.pop(op.process), op.time, op.type, op.value, op.error)
    return History(recorder.history())


Answer = tuple[Type, Any, Any, int]
"""What a store says: type, value, error, and after how many ns."""


def load(
    store: Callable[[int, str, str, str, Any, random.Random], Answer],
    *,
    seed: int = 7,
    time_s: float = 60.0,
    rate: float = 200.0,
    workers: int = 10,
    keys: int = 20,
) -> list[Operation]:
    """The events of a register workload against `store(time_ns, node, f, key, value, random)`, with the marks of the
    phases.
    """
    chance = random.Random(seed)
    events: list[Operation] = []
    written = 0
    gap_s = workers / rate
    for worker in range(workers):
        process, now, node = worker, int(chance.random() * gap_s * SECOND), NODES[worker % len(NODES)]
        while now < time_s * SECOND:
            f = chance.choices(("read", "write", "cas"), (5, 4, 1))[0]
            key = f"k{chance.randrange(keys)}"
            written += 1
            value = None if f == "read" else written if f == "write" else [written - 20, written]
            type_, answer, error, spent = store(now, node, f, key, value, chance)
            events.append(Operation(f, key, value, process, Type.INVOKE, now, node))
            events.append(Operation(f, key, answer, process, type_, now + spent, node, error))
            process += workers * (type_ is Type.INFO)
            now += spent + int(chance.uniform(0.4, 1.6) * gap_s * SECOND)
    end = int(time_s * SECOND)
    for name, at in (
        ("load", 0),
        ("heal", end + 1),
        ("settle", end + 2),
        ("final", end + 5 * SECOND),
        ("end", end + 6 * SECOND),
    ):
        events.append(Operation(PHASE, None, name, -1, Type.INFO, at))
    for worker in range(workers):
        for position in range(keys):
            at = end + 5 * SECOND + position * 20_000_000 + worker * 1000
            reader = 1_000_000 + worker
            events.append(Operation("read", f"k{position}", None, reader, Type.INVOKE, at, NODES[worker % 5]))
            events.append(
                Operation("read", f"k{position}", position, reader, Type.OK, at + 1_500_000, NODES[worker % 5])
            )
    return events


def fault(
    number: int, family: str, start_s: float, end_s: float | None, hit: Sequence[str], **extra: Any
) -> FaultRecord:
    """An applied fault with the evidence its family leaves."""
    measured: dict[str, Any] = {
        "partition": {"rules": 4, "dropped_messages": 812},
        "kill": {"pid": 4211, "exited": True},
        "pause": {"state": "T", "stopped_ms": 2140},
        "clock": {"offset_ms": 1800, "healed_offset_ms": 0},
    }.get(family, {"seen": True})
    others = [node for node in NODES if node not in hit]
    drops = dict.fromkeys(hit, others) | {node: list(hit) for node in others}
    resolved = {"drops": drops} if family == "partition" else {"nodes": list(hit)}
    fields: dict[str, Any] = {
        "status": "applied",
        "draw": {"grudge": "majority"} if family == "partition" else {"targets": "minority"},
        "resolved": resolved,
        "nodes": {node: NodeEvidence("applied", measured) for node in hit},
    }
    end_ns = None if end_s is None else int(end_s * SECOND)
    fields |= {"id": f"{family}-{number}", "family": family, "start_ns": int(start_s * SECOND), "end_ns": end_ns}
    return FaultRecord(**{**fields, **extra})


def schedule(families: Sequence[str], seed: int = 7, time_s: float = 60.0) -> list[FaultRecord]:
    """Faults of each family in turn, some ten seconds apart."""
    chance, faults = random.Random(seed), []
    for offset, family in enumerate(families):
        at, number = 3.0 + offset * 1.7, 1
        while at < time_s - 4:
            length = chance.uniform(2.5, 6)
            hit = sorted(chance.sample(NODES, 2 if family == "partition" else chance.choice((1, 2))))
            faults.append(fault(number, family, at, min(at + length, time_s), hit))
            at, number = at + length + chance.uniform(3, 7), number + 1
    return faults


def _hit(faults: Sequence[FaultRecord], time_ns: int, node: str, families: Sequence[str]) -> FaultRecord | None:
    return next(
        (
            one
            for one in faults
            if one.family in families and one.start_ns <= time_ns < (one.end_ns or 0) and node in one.nodes
        ),
        None,
    )


DEADLINE = 2 * SECOND


def consistent(faults: Sequence[FaultRecord]) -> Callable[..., Answer]:
    """A store that gives up answers rather than consistency."""

    def answer(time_ns: int, node: str, f: str, key: str, value: Any, chance: random.Random) -> Answer:
        if _hit(faults, time_ns, node, ("kill",)):
            return Type.FAIL, None, ["connect", "connection refused by 198.18.0.13:8001"], 400_000
        if _hit(faults, time_ns, node, ("partition", "pause")):
            return Type.INFO, None, "timeout", DEADLINE
        if any(0 <= time_ns - one.start_ns < 0.6 * SECOND for one in faults if one.family in ("kill", "partition")):
            return Type.INFO, None, {"code": 13, "text": "no leader"}, int(chance.uniform(0.2, 0.9) * SECOND)
        if f == "cas" and chance.random() < 0.6:
            return Type.FAIL, None, {"current": value[0] - 3}, int(chance.lognormvariate(15.2, 0.4))
        return Type.OK, (chance.randrange(9000) if f == "read" else value), None, int(chance.lognormvariate(15.2, 0.5))

    return answer


def available(faults: Sequence[FaultRecord]) -> Callable[..., Answer]:
    """A store that answers everybody, whatever it knows."""

    def answer(time_ns: int, node: str, f: str, key: str, value: Any, chance: random.Random) -> Answer:
        if f == "cas" and chance.random() < 0.5:
            return Type.FAIL, None, {"current": value[0] - 3}, int(chance.lognormvariate(13.4, 0.3))
        return Type.OK, (chance.randrange(9000) if f == "read" else value), None, int(chance.lognormvariate(13.4, 0.35))

    return answer


def covered(faults: Sequence[FaultRecord], families: Sequence[str]) -> dict[str, Any]:
    """Coverage in the form a run records it."""
    counts = {name: sum(one.family == name for one in faults) for name in families}
    return {
        "complete": True,
        "why": "",
        "ops": 11890,
        "ok_ops": 10342,
        "families": {
            name: {"applied": number, "skipped": 0, "indeterminate": 0, "ops": 310 * number, "ok_ops": 221 * number}
            for name, number in counts.items()
        },
    }


def run_data(
    target: str,
    events: Sequence[Operation],
    faults: Sequence[FaultRecord],
    claims: Sequence[ClaimRecord],
    *,
    nemeses: Sequence[str] = ("partition",),
    **extra: Any,
) -> RunData:
    """A finished run around these events."""
    verdict = Verdict.worst(claim.verdict for claim in claims)
    fields: Mapping[str, Any] = {
        "verdict": verdict,
        "exit_code": verdict.exit_code,
        "target": target,
        "workload": "register",
        "cluster": "sim",
        "nodes": NODES,
        "seed": 7,
        "time_s": 60.0,
        "nemeses": nemeses,
        "command": f"splitbrain run {target} --nemesis {','.join(nemeses)} --time 60s --seed 7",
        "claims": claims,
        "faults": faults,
        "stats": {"ops": 12034, "wall_s": 3.218, "by_f": {"read": {"ok": 5100, "p50_ms": 3.91}}},
        "history": history(events),
        "run": f"runs/{target}/20260304T101112-7",
        "version": "0.1.0",
        "plan": f"target: {target}\nnodes: 5\nseed: 7\n",
    }
    return RunData(**{**fields, **extra})


def passing() -> RunData:
    """A raft-like run: four families of faults, every promise kept."""
    families = ("partition", "kill", "pause", "clock")
    faults = schedule(families)
    faults[2] = fault(
        3,
        "partition",
        22,
        25.5,
        ["n5"],
        status="skipped",
        nodes={"n5": NodeEvidence("skipped", {}, "n5 was down")},
        why="n5: n5 was down",
    )
    claims = [
        ClaimRecord(
            "raft-linearizable",
            "linearizable",
            Verdict.PASS,
            "every one of 20 keys is linearizable (zones, 11,890 operations)",
            covered(faults, families),
        ),
        ClaimRecord(
            "raft-majority-available",
            {"availability": {"min": 0.99, "side": "majority", "after": "2s"}},
            Verdict.PASS,
            "99.71 % of 4,211 operations on the majority side were answered within their deadline",
            covered(faults, families[:1]),
        ),
        ClaimRecord(
            "raft-recovers",
            {"recovers": {"within": "5s"}},
            Verdict.PASS,
            "back to 95 % of the calm rate within 1.24 s of the last heal",
        ),
    ]
    return run_data("raft", load(consistent(faults)), faults, claims, nemeses=families)


STALE = (
    "The read of k3 by process 8 on n4 returned 41, but process 0 on n1 had already been told ok for its write of 57, "
    "1.8 s before the read began. No order of these operations explains it: the read must come after the write, and "
    "the write of 41 came before it."
)


def failing() -> RunData:
    """A run of a store that answers everybody, held to linearizability: a stale read during a partition."""
    faults = schedule(("partition",))
    events = load(available(faults))
    start = faults[1].start_ns
    proof = [
        (100_001, "n1", "write", 41, 41, Type.OK, start - 900_000_000, 2_100_000),
        (100_000, "n1", "write", 57, 57, Type.OK, start + 400_000_000, 90_000_000),
        (100_008, "n4", "read", None, 41, Type.OK, start + 2_300_000_000, 400_000_000),
        (100_003, "n4", "write", 58, None, Type.INFO, start + 2_350_000_000, 200_000_000),
    ]
    for process, node, f, value, answer, type_, at, spent in proof:
        events.append(Operation(f, "k3", value, process, Type.INVOKE, at, node))
        events.append(
            Operation(f, "k3", answer, process, type_, at + spent, node, "timeout" if type_ is Type.INFO else None)
        )
    made = history(events)
    ops = tuple(op.index for op in made if op.process is not None and 100_000 <= op.process < 100_010)
    stale = Anomaly("stale-read", STALE, ops, "k3", {"staleness_ms": 1810.4, "model": "register"})
    claims = [
        ClaimRecord(
            "linearizable",
            "linearizable",
            Verdict.FAIL,
            "12 of 20 keys are not linearizable",
            covered(faults, ["partition"]),
            (stale,),
        ),
        ClaimRecord(
            "converges",
            {"converges": {"within": "5s"}},
            Verdict.PASS,
            "all final reads agree 0.8 s after healing",
            covered(faults, ["partition"]),
        ),
        ClaimRecord(
            "available",
            {"availability": {"min": 0.99}},
            Verdict.INCONCLUSIVE,
            "no operation fell into a window",
            {"complete": False, "why": "no kill was injected"},
        ),
    ]
    return run_data("multi-leader", [], faults, claims, history=made)


def passing_partition() -> RunData:
    """The consistent store under the faults of `failing`."""
    faults = schedule(("partition",))
    claim = ClaimRecord(
        "raft-linearizable",
        "linearizable",
        Verdict.PASS,
        "every one of 20 keys is linearizable",
        covered(faults, ["partition"]),
    )
    return run_data("raft", load(consistent(faults)), faults, [claim])


def write_run(folder: Path, run: RunData) -> None:
    """The files of a finished run, as the harness leaves them."""
    folder.mkdir(parents=True)
    plan = Plan.build({"target": run.target, "seed": run.seed, "nemeses": list(run.nemeses)})
    claims = [
        {
            "id": claim.id,
            "expect": claim.expect,
            "verdict": claim.verdict.value,
            "why": claim.why,
            "coverage": claim.coverage,
            "anomalies": [
                {"type": one.type, "message": one.message, "ops": one.ops, "key": one.key, "details": one.details}
                for one in claim.anomalies
            ],
        }
        for claim in run.claims
    ]
    verdict = {"verdict": run.verdict, "exit_code": run.exit_code, "target": run.target, "workload": run.workload}
    verdict |= {"cluster": run.cluster, "seed": run.seed, "run": str(folder), "claims": claims, "stats": run.stats}
    (folder / "plan.yaml").write_text(plan.to_yaml(), encoding="utf-8")
    (folder / "verdict.json").write_text(json.dumps(verdict), encoding="utf-8")
    faults = [json.dumps(dataclasses.asdict(fault)) + "\n" for fault in run.faults]
    (folder / "faults.jsonl").write_text("".join(faults), encoding="utf-8")
    run.history.write(folder / "history.arrow", "arrow")
