"""What runs leave on a machine, and how it is taken away.

Everything of a run lies below /var/lib/splitbrain/<run>: what was uploaded, the nodes' data and logs, the undo log, and
`agent`, the identity of the process that works there. Nothing else is ever looked at: a directory without that file, or
whose agent lives, is somebody else's.
"""

from __future__ import annotations

import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from harness.clusters.linux import cgroups, processes, undo
from harness.clusters.linux.disks import volume
from harness.clusters.linux.identity import Identity
from harness.errors import ClusterError

TOP = Path("/var/lib/splitbrain")
PROGRAM = "program"

LEAVE_TIMEOUT_S = 30.0
"""How long an agent may take to put everything back."""

YOUNG_S = 60.0
"""A directory whose agent has not yet said who it is may be just being unpacked for so long."""

_RUN = re.compile(r"[0-9a-f]{10}")


def directory(run: str) -> Path:
    """Where everything of a run lies. Raises `ClusterError` for what is no run's name."""
    if not _RUN.fullmatch(run):
        raise ClusterError(f"{run!r} is no run's name")
    return TOP / run


def undo_log(run: str) -> Path:
    """The run's undo log (see `harness.clusters.linux.undo`)."""
    return directory(run) / "undo.jsonl"


def claim(run: str) -> list[str]:
    """This process works there from now on. One that did before is seen off, and what it may have left in force is
    lifted; its data stay. Says what was lifted."""
    place = directory(run)
    earlier, lifted = _agent(place), []
    if earlier is not None:
        _see_off(earlier)
        lifted = lift(run)
    draft = place / "agent.new"
    draft.write_text(str(Identity.own()), encoding="ascii")
    draft.replace(place / "agent")
    return lifted


def lift(run: str) -> list[str]:
    """Puts back what a run whose agent is gone did to the machine; its files stay. Says what there was to do. Raises
    `ClusterError`."""
    thawed = volume.thaw_below(directory(run))
    lifted = undo.replay(undo_log(run))
    return thawed + lifted + cgroups.remove(run)


def forget(run: str) -> None:
    """Removes the files. Raises `ClusterError`."""
    place = directory(run)
    volume.wait_released(place)
    shutil.rmtree(place, ignore_errors=True)
    if place.exists():
        time.sleep(0.1)  # somebody who was just being killed may have made a file meanwhile
        shutil.rmtree(place, ignore_errors=True)
    if place.exists():
        raise ClusterError(f"cannot remove {place}")
    with suppress(OSError):
        TOP.rmdir()  # if this was the last one


def sweep() -> list[str]:
    """Puts back what dead runs did, and removes their files; says what it removed."""
    removed = []
    for run in list(_dead()):
        removed += [*lift(run), f"files {directory(run)}"]
        forget(run)
    return removed


def _dead() -> Iterator[str]:
    for place in sorted(TOP.glob("*/")):
        if not _RUN.fullmatch(place.name) or place.is_symlink() or not (place / PROGRAM).is_dir():
            continue
        agent = _agent(place)
        if agent is None:
            if time.time() - place.stat().st_mtime > YOUNG_S:
                yield place.name
        elif not agent.alive():
            yield place.name


def _agent(place: Path) -> Identity | None:
    try:
        return Identity.parse((place / "agent").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _see_off(agent: Identity) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not agent.alive():
            return
        processes.send([agent.pid], number)
        processes.send([agent.pid], signal.SIGCONT)
        processes.wait_gone([agent.pid], LEAVE_TIMEOUT_S)
    if agent.alive():
        raise ClusterError(f"the agent of an earlier connection (process {agent.pid}) does not end")
