"""What happens on the cluster, from its making to its removal: the part of a run that takes time.

One generator describes all of it: load and faults side by side, then the end of every fault, a pause, and the final
reads, with a mark in the history where each part begins, so that checkers know the parts from the history alone.
Whatever fails or whoever interrupts, the faults are healed, the logs fetched and the cluster taken down, in that
order, and each of these is tried even when the one before it failed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from harness._core import Recorder
from harness.clusters.base import Cluster
from harness.confidential import Journal
from harness.errors import HarnessError, RecordingError
from harness.experiment import Experiment
from harness.generators import Generator, any, clients, nemesis, phases, sleep, time_limit
from harness.interpreter import interpret
from harness.operation import PHASE, Operation
from harness.runs import Epoch, RunFolder
from harness.schedule import NemesisWorker, healing, schedule
from harness.streaming import Watched
from harness.toll import InForce
from harness.watch import Stop, Watch, until_violation
from harness.watchdog import WATCHDOG, Watchdog

HARNESS = "harness"
"""The nemesis thread of the harness itself: as process -1 it sets the phase marks."""

FLUSH_S = 0.5
"""How often the history is handed to the operating system when little happens; the recorder sees to it when much
does. Also how often claims are judged that can be judged while the run goes on: in simulated runs this is virtual time,
so equal seeds stop at the same event."""


HISTORY_SHARE = 0.25
"""How much of the memory that checking may use a history may fill: a target that answers ever more must not take the
machine down. While it is read, it is there three times over."""


class Progress(Protocol):
    """Whoever watches a run. `event` is called with every event of the history, and is None when nobody looks."""

    event: Callable[[Operation], None] | None

    def phase(self, name: str) -> None:
        """The run has come to this part of its life."""

    def watch(self, watch: Watch) -> None:
        """The run is about to begin; this will know how its promises stand."""


def conduct(
    experiment: Experiment,
    folder: RunFolder,
    progress: Progress | None,
    watched: Mapping[str, Watched] | None = None,
) -> Stop | None:
    """Makes the cluster, plays the whole schedule on it, and removes it. The history is in `folder.history` afterwards.

    Claims in `watched` are judged while it runs. With the plan's `stop_on_violation` the load ends at the first
    violation found so, which is returned.

    Raises `HarnessError` (or one of its kinds) for what failed outside the target; what was recorded until then is
    kept.
    """
    cluster = experiment.cluster(folder.path.name)
    try:
        recorder = Recorder(str(folder.history))
    except OSError as problem:
        raise RecordingError(f"cannot record to {folder.history}: {problem.strerror}") from problem
    watch = Watch(recorder, watched or {})
    if progress:
        progress.watch(watch)
    life = _Life(experiment, folder, cluster, recorder, progress, watch)
    try:
        cluster.run(life.live)
        recorder.close()
    except OSError as problem:
        raise RecordingError(f"the history could not be written to its end: {problem.strerror}") from problem
    finally:
        with suppress(OSError):  # told above, or about to be: a second refusal of the disk adds nothing
            recorder.close()
    return watch.stop if experiment.plan.stop_on_violation else None


@dataclass(frozen=True, slots=True)
class _Life:
    """One run on one cluster."""

    experiment: Experiment
    folder: RunFolder
    cluster: Cluster
    recorder: Recorder
    progress: Progress | None
    watch: Watch

    async def live(self) -> None:
        """From nothing to nothing."""
        target = self.experiment.target
        in_force = InForce(self.cluster.nodes, keep_quorum=self.experiment.plan.keep_quorum)
        workers = [NemesisWorker(each, self.cluster, target, in_force) for each in self.experiment.nemeses]
        standing = False
        try:
            self._tell("creating")
            await self.cluster.create(target, self._needs())
            standing = True
            await target.ready(self.cluster)
            for worker in workers:
                await worker.nemesis.setup(self.cluster)
            await self._play(workers, in_force)
        finally:
            # On nodes that never stood there is nothing to heal, and failing to would hide why they did not.
            await self._undo(workers if standing else [])

    def _needs(self) -> frozenset[str]:
        return frozenset().union(*(nemesis.needs for nemesis in self.experiment.nemeses))

    async def _play(self, workers: Sequence[NemesisWorker], in_force: InForce) -> None:
        plan, hidden = self.experiment.plan, self.experiment.confidential
        epoch = self.cluster.now()
        self.folder.write_epoch(Epoch(epoch, time.time_ns()))
        watchdog = Watchdog(self.cluster, in_force, lambda: self.cluster.now() - epoch, restart=plan.watchdog)

        async def mark(op: Operation) -> Any:
            if op.value == "end":
                watchdog.end()
            return await self._mark(op)

        performers = {HARNESS: mark, **{worker.nemesis.family: worker.perform for worker in workers}}
        playing = asyncio.current_task()
        assert playing is not None, "in a coroutine"
        flushing = asyncio.create_task(self._flush_for_ever())
        flushing.add_done_callback(lambda task: task.cancelled() or playing.cancel())
        aside = [flushing, asyncio.create_task(watchdog.watch())]
        try:
            await interpret(
                any(self._schedule(workers), watchdog.operations()),
                recorder=Journal(self.recorder, hidden) if hidden.values else self.recorder,
                nodes=plan.node_names,
                concurrency=plan.concurrency,
                clients=self._client,
                nemeses={**performers, WATCHDOG: watchdog.perform},
                now=lambda: self.cluster.now() - epoch,
                random=self.experiment.streams.stream("ops"),
                timeout_ns=round(plan.timeout * 1e9),
                on_event=self.progress.event if self.progress else None,
            )
        except asyncio.CancelledError:
            if flushing.done() and not flushing.cancelled():
                flushing.result()
            raise
        finally:
            for task in aside:
                task.cancel()

    def _schedule(self, workers: Sequence[NemesisWorker]) -> Generator:
        """The whole run as one generator."""
        plan, workload = self.experiment.plan, self.experiment.workload
        faults = [schedule(worker.nemesis, self.experiment.streams, plan.faults) for worker in workers]
        load = time_limit(plan.time, any(clients(workload.generator()), *faults))
        return phases(
            _mark_of("load"),
            until_violation(self.watch, load) if plan.stop_on_violation else load,
            _mark_of("heal"),
            healing(workers),
            _mark_of("settle"),
            sleep(plan.settle),
            _mark_of("final"),
            clients(workload.final()),
            _mark_of("end"),
        )

    def _client(self, node: str) -> Any:
        return self.experiment.target.client(self.experiment.plan.workload.name, self.cluster, node)

    async def _mark(self, op: Operation) -> Any:
        self._tell(op.value)
        if op.value == "heal":
            self.watch.end()
        return op.value

    async def _flush_for_ever(self) -> None:
        """Raises `RecordingError` once the history has outgrown its share."""
        budget = self.experiment.budget.memory_bytes
        while True:
            await asyncio.sleep(FLUSH_S)
            with suppress(OSError):  # the next event that is recorded meets the same refusal, and tells it
                self.recorder.flush()
            self.watch.look()
            size = self.folder.history.stat().st_size
            if size > budget * HISTORY_SHARE:
                raise RecordingError(
                    f"the history outgrew a quarter of what checking may use (budget.memory: {budget / 1e6:,.0f} MB): "
                    f"{size / 1e6:,.0f} MB after {len(self.recorder):,} events, {size / len(self.recorder):,.0f} bytes "
                    "each: let the target answer less, the run be shorter, or the budget larger"
                )

    async def _undo(self, workers: Sequence[NemesisWorker]) -> None:
        """Heals, fetches the logs, removes the cluster: each of them whatever became of the others."""
        self._tell("removing")
        problems: list[str] = []
        for worker in workers:
            await _try(worker.heal_all(), problems)
        await _try(self._collect_logs(), problems)
        await _try(self.cluster.destroy(), problems)
        if problems:
            raise HarnessError("; ".join(problems))

    async def _collect_logs(self) -> None:
        await self.cluster.collect_logs(self.folder.logs)
        self.experiment.confidential.hide_in_files(self.folder.logs)

    def _tell(self, phase: str) -> None:
        if self.progress:
            self.progress.phase(phase)


def _mark_of(phase: str) -> Generator:
    return nemesis(HARNESS, Operation(PHASE, value=phase))


async def _try(step: Any, problems: list[str]) -> None:
    try:
        await step
    except (HarnessError, OSError) as problem:
        problems.append(str(problem))
