"""What this machine's kernel and programs can do to packets, found out by trying, in network namespaces that last as
long as the question.
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


def problems() -> Mapping[str, str | None]:
    """For "reject" and each of `harness.clusters.base.PACKETS`: None when nodes on this machine can have it, else why
    not. Needs the rights to make network namespaces."""
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
def _tc_problem(kind: str, *options: str) -> str | None:
    if commands.found("tc") is None:
        return "tc is not installed (on Debian: apt-get install iproute2)"
    try:
        done = commands.run([*_NAMESPACE, "tc", "qdisc", "add", "dev", "lo", "root", kind, *options])
    except ClusterError as problem:
        return str(problem)
    return f"this kernel has no qdisc {kind}: {done.complaint}" if done.code else None


@cache
def _queueing_problem() -> str | None:
    missing = "this kernel has no netem, and its packets cannot be queued to a program instead"

    def entering(argv: Sequence[str]) -> list[str]:
        return [*_NAMESPACE, *argv]

    try:
        Delays(entering, f"{nft.PREFIX}probe", f"probe:{os.getpid()}", [_PEER]).stop()
    except ClusterError as problem:
        return f"{missing}: {problem}"
    return None
