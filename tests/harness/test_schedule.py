"""When faults come and go, and that none is ever forgotten."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar

import pytest

from harness.errors import HarnessError
from harness.faults import Evidence, Fault, Injection, Status
from harness.generators import any as any_of
from harness.generators import clients, repeat, simulate, stagger, time_limit
from harness.operation import Operation, Type
from harness.schedule import NemesisWorker, healing, opening, schedule
from harness.streams import Streams
from harness.toll import InForce, Toll
from nemeses.kill import Kill
from nemeses.partition import Partition
from nemeses.pause import Pause

SECOND = 1_000_000_000
NODES = ["n1", "n2", "n3"]


class Fake:
    """A nemesis that keeps a diary, and fails where it is told to."""

    family: ClassVar[str] = "fake"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self, interval_s: float = 10, *, inject: Exception | None = None, heal: Exception | None = None
    ) -> None:
        self.interval_s = interval_s
        self.costs = Toll()
        self.diary: list[str] = []
        self.faults: list[Fault] = []
        self.failures = {"inject": inject, "heal": heal, "teardown": None}

    def draw(self, random: random.Random) -> Mapping[str, Any]:
        return {"number": random.getrandbits(32)}

    def toll(self, nodes: Any, draw: Any) -> Toll:
        return self.costs

    async def setup(self, cluster: Any) -> None:
        self._do("setup")

    async def inject(self, cluster: Any, fault: Fault) -> Injection:
        self.faults.append(fault)
        self._do("inject")
        return Injection({"nodes": ["n1"]}, {"n1": Evidence(Status.APPLIED, {"seen": True})})

    async def heal(self, cluster: Any, fault: Fault) -> Mapping[str, Evidence]:
        self._do("heal", fault.id)
        return {"n1": Evidence(Status.SKIPPED, why="gone")}

    async def teardown(self, cluster: Any) -> None:
        self._do("teardown")

    def _do(self, what: str, about: str = "") -> None:
        self.diary.append(f"{what} {about}".strip())
        if failure := self.failures.get(what):
            raise failure


class Other(Fake):
    family = "other"


class Target:
    async def primaries(self, cluster: Any) -> list[str]:
        return ["n2"]


def faults_of(events: list[Operation], family: str = "fake") -> list[tuple[float, str, str]]:
    """Invocations of a nemesis: time in seconds, step, fault."""
    return [
        (event.time / SECOND, event.f.partition("-")[0], event.value["fault"])
        for event in events
        if event.type is Type.INVOKE and event.f.endswith(family)
    ]


def test_faults_come_and_go_by_turns_about_an_interval_apart() -> None:
    events = simulate(time_limit(1000, schedule(Fake(), Streams(1))), nemeses=["fake"], concurrency=1)
    steps = faults_of(events)
    assert [step for _, step, _ in steps[:4]] == ["start", "stop", "start", "stop"]
    assert [fault for _, _, fault in steps[:4]] == ["fake-1", "fake-1", "fake-2", "fake-2"]
    gaps = [after[0] - before[0] for before, after in pairwise(steps)]
    assert all(5 <= gap <= 15.001 for gap in gaps)
    assert 8.5 < sum(gaps) / len(gaps) < 11.5
    assert 2 <= steps[0][0] <= 6, "the first comes early, so that a short run sees one"


def test_a_fault_waits_for_the_end_of_the_one_before() -> None:
    def slow(op: Operation) -> Operation:
        return op._replace(type=Type.INFO, time=op.time + 40 * SECOND)

    events = simulate(time_limit(500, schedule(Fake(), Streams(1))), nemeses=["fake"], concurrency=1, complete=slow)
    open_ops = 0
    for event in events:
        open_ops += 1 if event.type is Type.INVOKE else -1
        assert open_ops <= 1


def test_the_third_fault_of_a_seed_is_the_same_whatever_else_happens() -> None:
    alone = simulate(time_limit(200, schedule(Fake(), Streams(5))), nemeses=["fake", "other"], concurrency=2)
    load = clients(stagger(0.1, repeat(Operation("read"))))
    parts = any_of(load, schedule(Fake(), Streams(5)), schedule(Other(3), Streams(5)))
    busy = simulate(time_limit(200, parts), nemeses=["fake", "other"], concurrency=2, seed=9)

    def draws(events: list[Operation]) -> list[Any]:
        return [event.value for event in events if event.f == "start-fake" and event.type is Type.INVOKE]

    assert draws(alone) == draws(busy) and len(draws(alone)) > 5
    assert draws(alone) != draws(
        simulate(time_limit(200, schedule(Fake(), Streams(6))), nemeses=["fake"], concurrency=1)
    )


def test_the_time_of_faults_that_are_left_out_passes_without_them() -> None:
    whole = simulate(time_limit(200, schedule(Fake(), Streams(5))), nemeses=["fake"], concurrency=1)
    some = schedule(Fake(), Streams(5), ["fake-3", "fake-4", "other-1", "fake-9000"])
    events = simulate(time_limit(200, some), nemeses=["fake"], concurrency=1)
    kept = [step for step in faults_of(whole) if step[2] in ("fake-3", "fake-4")]
    assert len(kept) == 4
    for (at, *left), (whole_at, *of_whole) in zip(faults_of(events), kept, strict=True):
        assert left == of_whole
        assert abs(at - whole_at) < 0.1, "but for the moments that the others took"
    draws = {event.value["fault"]: event.value.get("draw") for event in whole if event.f == "start-fake"}
    assert all(event.value["draw"] == draws[event.value["fault"]] for event in events if event.f == "start-fake")


def test_a_schedule_is_a_value_that_can_be_played_twice() -> None:
    value = time_limit(100, schedule(Fake(), Streams(3)))
    assert simulate(value, nemeses=["fake"]) == simulate(value, nemeses=["fake"])


def start(worker: NemesisWorker, id: str = "fake-1", **draw: Any) -> Any:
    return asyncio.run(worker.perform(Operation("start-fake", value={"fault": id, "draw": draw})))


def stop(worker: NemesisWorker, id: str = "fake-1") -> Any:
    return asyncio.run(worker.perform(Operation("stop-fake", value={"fault": id})))


def test_the_worker_answers_in_the_form_of_the_history() -> None:
    worker = NemesisWorker(Fake(), None, Target(), InForce(NODES))
    assert start(worker, grudge="ring") == {
        "fault": "fake-1",
        "draw": {"grudge": "ring"},
        "resolved": {"nodes": ["n1"]},
        "nodes": {"n1": {"status": "applied", "measured": {"seen": True}}},
    }
    assert [fault.id for fault in worker.in_force] == ["fake-1"]
    assert stop(worker) == {
        "fault": "fake-1",
        "nodes": {"n1": {"status": "skipped", "measured": {}, "why": "gone"}},
    }
    assert not worker.in_force


def test_primaries_are_asked_of_the_target_when_the_fault_is_injected() -> None:
    nemesis = Fake()
    worker = NemesisWorker(nemesis, None, Target(), InForce(NODES))
    done = start(worker, targets="primaries")
    assert nemesis.faults[0].draw == {"targets": "primaries", "primaries": ["n2"]}
    assert done["draw"] == {"targets": "primaries"}, "the history keeps what the schedule drew"


class Elections:
    """Somebody else leads whenever one asks."""

    def __init__(self) -> None:
        self.asked = 0

    async def primaries(self, cluster: Any) -> list[str]:
        self.asked += 1
        return [f"n{self.asked}"]


def test_a_fault_that_waits_for_an_election_tells_who_won_it_and_looks_again_before_it_strikes() -> None:
    nemesis = Fake()
    done = start(NemesisWorker(nemesis, None, Elections(), InForce(NODES)), targets="followers", when="election")
    assert nemesis.faults[0].draw == {"targets": "followers", "when": "election", "primaries": ["n3"]}
    assert done["resolved"]["elected"] == ["n2"]


def test_without_an_election_it_comes_all_the_same() -> None:
    nemesis = Fake()
    nemesis.interval_s = 0.01
    done = start(NemesisWorker(nemesis, None, Target(), InForce(NODES)), when="election")
    assert done["resolved"]["elected"] == []
    assert len(nemesis.faults) == 1


def test_stopping_what_never_started_is_no_fault() -> None:
    nemesis = Fake()
    assert stop(NemesisWorker(nemesis, None, Target(), InForce(NODES))) == {"fault": "fake-1", "nodes": {}}
    assert nemesis.diary == []


def test_a_failed_injection_is_still_healed() -> None:
    nemesis = Fake(inject=OSError("half done"))
    worker = NemesisWorker(nemesis, None, Target(), InForce(NODES))
    with pytest.raises(OSError, match="half done"):
        start(worker)
    events = simulate(healing([worker]), nemeses=["fake"])
    assert faults_of(events) == [(0.0, "stop", "fake-1")]


def test_a_failed_healing_is_tried_again_at_the_end() -> None:
    nemesis = Fake(heal=OSError("no"))
    worker = NemesisWorker(nemesis, None, Target(), InForce(NODES))
    start(worker, "fake-1")
    start(worker, "fake-2")
    with pytest.raises(OSError, match="no"):
        stop(worker, "fake-1")
    with pytest.raises(HarnessError, match=r"fake-2 could not be healed.*fake-1 could not be healed"):
        asyncio.run(worker.heal_all())
    assert nemesis.diary[-3:] == ["heal fake-2", "heal fake-1", "teardown"], "everything is tried, newest first"
    nemesis.failures["heal"] = None
    asyncio.run(worker.heal_all())
    assert not worker.in_force


def test_cleaning_up_may_fail_too() -> None:
    nemesis = Fake()
    nemesis.failures["teardown"] = OSError("stuck")
    with pytest.raises(HarnessError, match="fake could not clean up: stuck"):
        asyncio.run(NemesisWorker(nemesis, None, Target(), InForce(NODES)).heal_all())


def test_healing_ends_every_fault_on_its_own_thread() -> None:
    first, second = (
        NemesisWorker(Fake(), None, Target(), InForce(NODES)),
        NemesisWorker(Other(), None, Target(), InForce(NODES)),
    )
    made_before = healing([first, second])
    start(first, "fake-1")
    start(first, "fake-2")
    asyncio.run(second.perform(Operation("start-other", value={"fault": "other-1", "draw": {}})))
    events = simulate(made_before, nemeses=["fake", "other"], concurrency=1)
    ended = {(event.process, event.f, event.value["fault"]) for event in events if event.type is Type.INVOKE}
    assert ended == {(-1, "stop-fake", "fake-1"), (-1, "stop-fake", "fake-2"), (-2, "stop-other", "other-1")}


def test_healing_nothing_ends_at_once() -> None:
    assert simulate(healing([NemesisWorker(Fake(), None, Target(), InForce(NODES))]), nemeses=["fake"]) == []


def test_the_first_fault_goes_for_the_primaries_where_a_family_can() -> None:
    for seed in range(20):
        draws = [opening(nemesis, random.Random(seed)) for nemesis in (Partition(), Kill(), Pause())]
        assert all("primaries" in draw.values() for draw in draws)
        assert opening(Kill(targets="minority"), random.Random(seed))["targets"] == "minority"
