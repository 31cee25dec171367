"""Taking a run off the machine: its containers, network, packet filter and files. What is not labelled as ours is never
touched.

Everything here may be called again, at any time, by anyone: the run itself at its end, or a later start that found its
controller dead.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.clusters.docker import engine, names
from harness.clusters.linux import ledger, nft, processes
from harness.clusters.linux.disks import volume
from harness.clusters.linux.identity import Identity
from harness.errors import ClusterError

if TYPE_CHECKING:
    from docker import APIClient

CLUSTER = "docker"

QUIET_S = 0.25
"""A request that a killed controller had just sent is still being carried out: what a dead run made is looked for again
after this long.
"""

RESIST_S = 20.0

_GONE, _BUSY = 404, 409


def run(record: ledger.Record) -> list[str]:
    """Removes everything of one run and strikes its record; says what it removed. Raises `ClusterError` when something
    resists, for example because the engine is gone: the record then stays for a later start.
    """
    # The packet filter first: it is the only part that can still do harm, and needs no engine.
    removed = tables(record.tables)
    with engine.connected() as client:
        removed += docker_things(client, record.run)
    volume.wait_released(record.scratch)
    ledger.strike(record)
    return [*removed, f"undo record {record.directory}"]


def docker_things(client: APIClient, run_name: str) -> list[str]:
    """Removes the containers and networks that carry this run's label. Their file systems are thawed first: a process
    that writes to a frozen one cannot be killed, and keeps its container."""
    volume.thaw_below(ledger.SCRATCH / run_name)
    mine = {"label": f"{names.RUN_LABEL}={run_name}"}
    with engine.explained("removing the containers of a run"):
        containers = client.containers(all=True, filters=mine)
        with ThreadPoolExecutor(max_workers=16) as pool:
            removed = list(pool.map(lambda container: _remove_container(client, container), containers))
        for network in client.networks(filters=mine):
            _settled(partial(client.remove_network, network["Id"]))
            removed.append(f"network {network['Name']}")
    return removed


def tables(wanted: Sequence[tuple[str, str]]) -> list[str]:
    """Removes nftables tables, if they are there."""
    removed = []
    if wanted and nft.installed():
        there = nft.tables(nft.listing("tables"))
        for family, name in wanted:
            if (family, name) in there:
                nft.run(nft.delete(family, name))
                removed.append(f"nftables table {family} {name}")
    return removed


def dead_runs() -> list[str]:
    """Removes what dead controllers left, found by the ledger and by labels; says what. Where no engine that we may use
    answers, only packet filters are removed, and the rest waits. Raises `ClusterError` when something resists.
    """
    if not sys.platform.startswith("linux"):
        return []
    root = os.geteuid() == 0
    dead = [record for record in ledger.records() if record.cluster == CLUSTER and not record.identity.alive()]
    for record in dead:
        _relieve(record)
    removed = tables([table for record in dead for table in record.tables])
    removed += _orphaned_tables() if root else []
    if engine.problem() is None:
        with engine.connected() as client:
            for record in dead:
                removed += _until_quiet(client, record)
            # Only root is sure to see every process: whom others do not see may be alive.
            for run_name in _dead_by_label(client) if root else []:
                removed += docker_things(client, run_name)
        ledger.drop_unused()
    return removed


def dead_run(record: ledger.Record) -> list[str]:
    """Removes one run whose controller is dead. Raises `ClusterError` when something resists."""
    removed = tables(record.tables)
    with engine.connected() as client:
        return removed + _until_quiet(client, record)


def _relieve(record: ledger.Record) -> None:
    """Ends the warden of a dead run: what it was about to do is done now."""
    if record.agent:
        warden = Identity.parse(record.agent)
        if warden.alive():
            processes.send([warden.pid], signal.SIGKILL)
            processes.wait_gone([warden.pid], RESIST_S)


def _until_quiet(client: APIClient, record: ledger.Record) -> list[str]:
    removed = docker_things(client, record.run)
    while True:
        time.sleep(QUIET_S)
        late = docker_things(client, record.run)
        removed += late
        if not late:
            return removed + run(record)


def _dead_by_label(client: APIClient) -> list[str]:
    """Runs without a record, for example because somebody emptied /run, whose labels name a dead controller."""
    ours = {"label": names.RUN_LABEL}
    with engine.explained("looking for what dead runs left"):
        things = [*client.containers(all=True, filters=ours), *client.networks(filters=ours)]
    return sorted(
        {
            thing["Labels"][names.RUN_LABEL]
            for thing in things
            if _is_dead(thing["Labels"].get(names.CONTROLLER_LABEL, ""))
        }
    )


def _orphaned_tables() -> list[str]:
    """Tables with our prefix that no record names: their own comment says whose they are."""
    if not nft.installed():
        return []
    known = {table for record in ledger.records() for table in record.tables}
    return tables(
        [
            (family, name)
            for family, name in nft.tables(nft.listing("tables"))
            if (family, name) not in known and any(map(_is_dead, nft.owners(nft.listing("table", family, name))))
        ]
    )


def _is_dead(identity: str) -> bool:
    """Whether this is the identity of a controller that is gone. What says nothing about its maker is left alone."""
    try:
        return not Identity.parse(identity).alive()
    except ValueError:
        return False


def _remove_container(client: APIClient, container: dict[str, Any]) -> str:
    _settled(partial(client.remove_container, container["Id"], force=True, v=True))
    [name] = container["Names"][:1] or [container["Id"]]
    return f"container {name.lstrip('/')}"


def _settled(request: Callable[[], object]) -> None:
    """Sends a removal until it is done. Somebody else may be removing the same thing, or the engine may still be at
    work on it.
    """
    from docker import errors

    deadline = time.monotonic() + RESIST_S
    while True:
        try:
            request()
            return
        except errors.APIError as refused:
            if refused.status_code == _GONE:
                return
            # A device that is busy, or a network whose last container is only just going, are the engine's 4xx and 5xx.
            busy = refused.status_code == _BUSY or refused.is_server_error() or "active endpoints" in str(refused)
            if not busy or time.monotonic() >= deadline:
                raise ClusterError(
                    f"the Docker engine does not remove something of ours: {refused.explanation}"
                ) from refused
            time.sleep(0.05)
