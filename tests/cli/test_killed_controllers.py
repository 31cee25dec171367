"""A controller killed at any moment: after `splitbrain clean` the machine is as it was, and what had been recorded can
be read."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

import pytest
from cli.conftest import Splitbrain

from harness.clusters.linux import ledger
from harness.clusters.linux.disks import kernel
from harness.errors import HistoryError
from harness.history import History

pytestmark = [
    pytest.mark.alone,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="it looks at what only root sees"),
]

PLAN = """
target: raft
cluster: {cluster}
nodes: 3
time: 120s
seed: {seed}
watchdog: true
expect: [linearizable]
nemeses: [{faults}]
"""

FAULTS = ("partition", "kill", "pause", "clock", "packet", "disk", "power", "limits")

ROUNDS = {"process": (6, 8), "docker": (4, 4)}
"""How many rounds, of how many controllers side by side. A variable of the environment may ask for more rounds."""

YOUNG_S, OLD_S = 5.0, 3.0
"""Every other controller is killed within so many seconds of its start, while it makes things as a rule; the rest
within so many of its first record, under faults."""

KINDS = {
    "interfaces": ["ls", "/sys/class/net"],
    "tables": ["nft", "list", "tables"],
    "mounts": ["findmnt", "-rno", "SOURCE,TARGET"],
    "groups": ["find", "/sys/fs/cgroup", "-name", "*splitbrain*"],
    # Those of containers are mounts; the engine itself removes the files they were mounted on, once a minute.
    "network namespaces": ["ls", "/run/netns"],
    "containers": ["docker", "ps", "-a", "--no-trunc", "--format", "{{.Names}}"],
    "networks": ["docker", "network", "ls", "--format", "{{.Name}}"],
    "processes": ["ps", "-eo", "args"],
}


def machine(runs: list[str]) -> Mapping[str, list[str]]:
    """What is on this machine, by kind. Unless it is ours alone, as in CI, only what bears the names of these runs."""
    found = {}
    for kind, words in KINDS.items():
        try:
            found[kind] = subprocess.run(words, capture_output=True, text=True, check=False).stdout.splitlines()
        except FileNotFoundError:
            found[kind] = []
    found["processes"] = [line for line in found["processes"] if "harness" in line or "splitbrain" in line]
    found["loop devices"] = list(kernel.loops().values())
    found["files"] = [str(path) for root in (ledger.ROOT, ledger.SCRATCH) if root.exists() for path in root.iterdir()]
    if not os.environ.get("CI"):
        found = {kind: [line for line in lines if any(run in line for run in runs)] for kind, lines in found.items()}
    return {kind: sorted(lines) for kind, lines in found.items()}


def controller(splitbrain: Splitbrain, cluster: str, seed: int) -> subprocess.Popen[bytes]:
    plan = splitbrain.folder / f"plan-{seed}.yaml"
    faults = ", ".join(f"{{name: {name}, interval: 1s}}" for name in FAULTS)
    plan.write_text(PLAN.format(cluster=cluster, seed=seed, faults=faults), encoding="utf-8")
    with (splitbrain.folder / f"errors-{seed}").open("wb") as errors:
        return subprocess.Popen(
            splitbrain.command("run", "--plan", str(plan), "--runs", str(seed)),
            cwd=splitbrain.folder,
            env=splitbrain.environment(),
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )


@pytest.mark.parametrize("cluster", [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ROUNDS])
def test_nothing_is_left_of_killed_controllers(splitbrain: Splitbrain, cluster: str) -> None:
    moments = random.Random(f"moments of {cluster}")
    rounds, beside = ROUNDS[cluster]
    rounds = int(os.environ.get("SPLITBRAIN_KILL_ROUNDS", rounds))
    splitbrain("clean")
    before = machine([])
    counts = {"histories": 0, "with events": 0, "runs": 0}
    for number in range(rounds):
        runs = _one_round(splitbrain, cluster, [number * beside + i for i in range(beside)], moments)
        counts["runs"] += len(runs)
        cleaned = splitbrain("clean")
        assert cleaned.returncode == 0, cleaned.stderr
        assert _left(before, runs) == {}, (runs, cleaned.stdout)
    for file in splitbrain.folder.glob("*/raft/*/history.arrow"):
        history = History.read(file)
        counts["histories"] += 1
        counts["with events"] += len(history) > 0
    assert min(counts["histories"], counts["with events"]) >= rounds * (beside // 2), counts


def _one_round(splitbrain: Splitbrain, cluster: str, seeds: list[int], moments: random.Random) -> list[str]:
    """Starts controllers side by side and kills each at a moment of its own; the names of their runs."""
    began = time.monotonic()
    living = {seed: controller(splitbrain, cluster, seed) for seed in seeds}
    runs = []
    try:
        for wait_s, seed in sorted((moments.uniform(0.2, YOUNG_S), seed) for seed in seeds if seed % 2 == 0):
            time.sleep(max(0.0, began + wait_s - time.monotonic()))
            runs += _kill(splitbrain, living[seed], seed)
        for seed in (seed for seed in seeds if seed % 2):
            while not recorded(splitbrain, seed) and living[seed].poll() is None:
                time.sleep(0.05)
            time.sleep(moments.uniform(0, OLD_S))
            runs += _kill(splitbrain, living[seed], seed)
    finally:
        for process in living.values():
            process.kill()
            process.wait()
    return runs


def recorded(splitbrain: Splitbrain, seed: int) -> bool:
    """Whether a controller has recorded anything yet."""
    with suppress(HistoryError):
        return any(len(History.read(file)) for file in splitbrain.folder.glob(f"{seed}/raft/*/history.arrow"))
    return False


def _kill(splitbrain: Splitbrain, process: subprocess.Popen[bytes], seed: int) -> list[str]:
    runs = [record.run for record in ledger.records() if record.identity.pid == process.pid]
    assert process.poll() is None, (splitbrain.folder / f"errors-{seed}").read_text(encoding="utf-8")
    process.kill()
    process.wait()
    return runs


def _left(before: Mapping[str, list[str]], runs: list[str]) -> Mapping[str, list[str]]:
    """What is on the machine that was not there before, once the kernel has had a moment to bury what was killed."""
    until = time.monotonic() + 5
    while True:
        now = machine(runs)
        new = {kind: sorted((Counter(lines) - Counter(before[kind])).elements()) for kind, lines in now.items()}
        if not any(new.values()) or time.monotonic() > until:
            return {kind: lines for kind, lines in new.items() if lines}
        time.sleep(0.1)
