"""Whatever ends a process cluster's controller or its agent, and whoever runs them: nothing of it is left."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.clusters.linux import ledger, nft, processes

HERE = Path(__file__).parent
NOBODY = 65534
USERS = ["root", "nobody"]

ROOTS = {
    "root": (ledger.ROOT, ledger.SCRATCH),
    "nobody": (Path(f"/tmp/splitbrain-{NOBODY}"), Path(f"/var/tmp/splitbrain-{NOBODY}")),
}

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else as well"),
]


def command(user: str, *arguments: str) -> list[str]:
    controller = [sys.executable, str(HERE / "process_controller.py"), *arguments]
    return controller if user == "root" else [sys.executable, str(HERE / "unprivileged.py"), *controller]


class Controller:
    """A process that makes a cluster, says so, and waits until it is killed."""

    def __init__(self, user: str, *, until: str = "up") -> None:
        self.user = user
        self.namespaces: set[str] = set()
        self.process = subprocess.Popen(
            command(user), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/"
        )
        self.said: dict[str, Any] = {}
        while self.said.get("stage") != until:
            self.hear()

    def hear(self) -> None:
        assert self.process.stdout and self.process.stderr
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.stderr.read())
        self.said = json.loads(line)

    @property
    def run(self) -> str:
        return str(self.said["run"])

    def family(self) -> list[int]:
        """The agent's three processes, from the outside in, and all that they hold."""
        found = [int(self.said["agent"])]
        for pid in found:
            found += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split())
        return found

    def end(self) -> tuple[int, str]:
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=30)


def traces(user: str, run: str) -> dict[str, Sequence[str]]:
    """Everything of one run that is on the machine, by kind."""
    own = [str(place) for root in ROOTS[user] for place in root.glob(f"{run}*")]
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return {
        "processes": processes_of(run),
        "files": own,
        "mounts": [line for line in mounts if run in line],
        "tables": [name for _, name in nft.tables(nft.listing("tables")) if run in name],
        "interfaces": [entry.name for entry in Path("/sys/class/net").iterdir() if run in entry.name],
        "groups": [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/*{run}*")],
    }


def processes_of(run: str) -> list[str]:
    """Whose command line or working directory bears the run's name."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if run in (entry / "cmdline").read_text(errors="replace") or run in str((entry / "cwd").readlink()):
                found.append(entry.name)
        except OSError:
            continue
    return found


def nothing(found: dict[str, Sequence[str]]) -> bool:
    return not any(found.values())


def sweep(user: str) -> list[str]:
    done = subprocess.run(command(user, "sweep"), capture_output=True, text=True, check=True, cwd="/")
    said: list[str] = json.loads(done.stdout)
    return said


def soon_gone(pids: Sequence[int]) -> bool:
    return not processes.wait_gone(pids, 5)


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stage", ["starting", "up"])
def test_an_interrupted_controller_takes_its_cluster_down(user: str, number: signal.Signals, stage: str) -> None:
    controller = Controller(user, until=stage)
    family = controller.family() if stage == "up" else []
    if stage == "starting":
        time.sleep(0.2)  # among the namespaces, as a rule
    controller.process.send_signal(number)
    assert controller.end() == (130, "")
    assert nothing(traces(user, controller.run))
    assert not any(map(processes.alive, family))


@pytest.mark.parametrize("user", USERS)
def test_the_nodes_of_a_killed_controller_end_by_themselves_and_its_files_are_swept(user: str) -> None:
    living, killed = Controller(user), Controller(user)
    family = killed.family()
    assert len(family) == 3 + 2 * 3  # an init and a service per node
    assert traces(user, killed.run)["processes"] and not traces(user, killed.run)["tables"]
    before = traces(user, living.run)
    killed.kill()
    assert soon_gone(family)
    left = traces(user, killed.run)
    assert left.pop("files") and nothing(left)

    said = sweep(user)
    assert any(killed.run in line for line in said) and not any(living.run in line for line in said)
    assert nothing(traces(user, killed.run))
    assert traces(user, living.run) == before
    living.process.send_signal(signal.SIGTERM)
    assert living.end() == (130, "")
    assert nothing(traces(user, living.run))


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("which", [0, 1, 2], ids=["outermost", "init", "agent"])
def test_a_killed_agent_takes_all_with_it_and_its_controller_says_so(user: str, which: int) -> None:
    controller = Controller(user)
    family = controller.family()
    os.kill(family[which], signal.SIGKILL)
    assert soon_gone(family)
    controller.hear()
    assert controller.said["stage"] == "lost" and "agent is gone" in controller.said["problem"]
    assert controller.end() == (0, "")
    assert nothing(traces(user, controller.run))


@pytest.mark.parametrize("user", USERS)
def test_a_stopped_agent_of_a_dead_controller_is_ended(user: str) -> None:
    controller = Controller(user)
    family = controller.family()
    for pid in family[:3]:
        os.kill(pid, signal.SIGSTOP)
    controller.kill()
    said = sweep(user)
    assert f"agent {family[0]}" in said
    assert soon_gone(family)
    assert nothing(traces(user, controller.run))


@pytest.mark.parametrize("user", USERS)
def test_a_controller_killed_at_any_moment_is_swept(user: str) -> None:
    moments = random.Random(f"moments of {user}")
    for _ in range(8):
        controller = Controller(user, until="starting")
        time.sleep(moments.uniform(0, 0.8))
        controller.kill()
        sweep(user)
        assert nothing(traces(user, controller.run))
