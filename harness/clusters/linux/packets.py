"""What this machine's kernel and programs can do to packets, found out by trying, in network namespaces that last as
long as the question. Whoever may not make any, as in a sidecar, tries it on the loopback device of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache

from harness.clusters.base import PACKETS
from harness.clusters.linux import commands, nft
from harness.clusters.linux.delays.started import Delays
from harness.errors import ClusterError

_PEER = "198.18.0.1"
_NAMESPACE = ("unshare", "--net", "--")
_DEVICE = "lo"


def problems() -> Mapping[str, str | None]:
    """For "reject" and each of `harness.clusters.base.PACKETS`: None when nodes on this machine can have it, else why
    not. Needs the rights to change a network."""
    filtering = nft.problem("inet")
    queueing = None if has_netem() else filtering or _queueing_problem()
    return {
        "reject": filtering,
        **dict.fromkeys(PACKETS, queueing),
        "loss": filtering,
        "rate": _tc_problem("htb"),
    }


@cache
def has_netem() -> bool:
    """Whether tc and this kernel have netem, and what its use for some nodes only needs."""
    return _tc_problem("htb") is None and _tc_problem("netem", "delay", "1ms") is None


@cache
def _aside() -> Sequence[str]:
    """What a command line begins with that runs in a network namespace of its own; empty where that may not be had."""
    try:
        refused = commands.run([*_NAMESPACE, "true"]).code
    except ClusterError:
        refused = 1
    return () if refused else _NAMESPACE


@cache
def _tc_problem(kind: str, *options: str) -> str | None:
    if commands.found("tc") is None:
        return "tc is not installed (on Debian: apt-get install iproute2)"
    try:
        done = commands.run([*_aside(), "tc", "qdisc", "add", "dev", _DEVICE, "root", kind, *options])
        if not done.code and not _aside():
            commands.run(["tc", "qdisc", "del", "dev", _DEVICE, "root"])
    except ClusterError as problem:
        return str(problem)
    return f"this kernel has no qdisc {kind}: {done.complaint}" if done.code else None


@cache
def _queueing_problem() -> str | None:
    missing = "this kernel has no netem, and its packets cannot be queued to a program instead"

    def entering(argv: Sequence[str]) -> list[str]:
        return [*_aside(), *argv]

    try:
        Delays(entering, f"{nft.PREFIX}probe", f"probe:{os.getpid()}", [_PEER]).stop()
    except ClusterError as problem:
        return f"{missing}: {problem}"
    return None
