"""A killed controller's run heals itself: its warden removes it after the lease, and is not left behind either."""

from __future__ import annotations

import random
import signal
import time

import pytest
from docker_support import Controller, mounts, mounts_of, nothing, traces

from harness.clusters.docker import DockerCluster
from harness.clusters.linux import ledger, processes
from harness.clusters.linux.identity import Identity

pytestmark = [pytest.mark.docker, pytest.mark.alone]

LEASE_S = 0.3
HEALED_S_MAX = 30.0


def warden(run: str) -> Identity:
    [record] = [record for record in ledger.records() if record.run == run]
    return Identity.parse(record.agent)


def heals(run: str) -> bool:
    """Whether nothing is left of a run after a while, though nobody does anything."""
    until = time.monotonic() + HEALED_S_MAX
    while not nothing(traces(run)):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def killed(controller: Controller) -> str:
    controller.process.kill()
    controller.end()
    return controller.run


def test_a_killed_controllers_run_is_gone_after_the_lease_with_its_warden() -> None:
    controller = Controller(lease_s=LEASE_S)
    made = mounts_of(traces(controller.run)["containers"])
    watching = warden(controller.run)
    assert watching.alive() and made <= mounts()
    assert heals(killed(controller))
    assert not watching.alive()
    assert not made & mounts()
    assert not [pid for pid in controller.said["pids"] if processes.alive(pid)]


def test_who_cleans_up_first_ends_the_warden() -> None:
    controller = Controller(lease_s=600)
    watching = warden(controller.run)
    run = killed(controller)
    time.sleep(0.3)
    assert watching.alive() and traces(run)["containers"]  # within the lease, all is as the controller left it
    said = "\n".join(DockerCluster.sweep())
    assert run in said and not watching.alive()
    assert nothing(traces(run))


def test_without_its_warden_the_run_waits_for_the_next_start() -> None:
    controller = Controller(lease_s=LEASE_S)
    processes.send([warden(controller.run).pid], signal.SIGKILL)
    run = killed(controller)
    time.sleep(3 * LEASE_S)
    assert traces(run)["containers"]
    DockerCluster.sweep()
    assert nothing(traces(run))


@pytest.mark.parametrize("seed", range(4))
def test_whenever_the_controller_is_killed_nothing_stays(seed: int) -> None:
    controller = Controller(until="starting", lease_s=LEASE_S)
    time.sleep(random.Random(seed).uniform(0, 2.5))
    assert heals(killed(controller))
