"""What an error of etcd says about the operation that met it.

Only what is known to be decided before a request is proposed to the cluster, or is the deterministic outcome of
applying it without effect, is definite. Everything else leaves the operation open, and so do errors we do not know.
Read off etcd 3.4's `etcdserver/v3_server.go`, `apply.go` and `api/v3rpc/key.go`. Two that mislead:

- "database space exceeded" also comes from a put that *was* applied, the one that reached the quota: open.
- "server stopped" comes from a node that may have handed the proposal to the leader before: open.

A request that changes nothing may fail in any way and has still not happened, so reads are never left open by an error;
only an answer that is none ends their client.
"""

from __future__ import annotations

from harness.client import Failed, Indeterminate
from targets.etcd.gateway import Broken, GatewayProblem, Malformed, NotSent, Refusal

INVALID_ARGUMENT, UNIMPLEMENTED = 3, 12

DEFINITE_CODES = frozenset((INVALID_ARGUMENT, UNIMPLEMENTED))
"""gRPC's codes for requests that were refused as they came in."""

DEFINITE_TEXTS = frozenset(
    (
        "etcdserver: too many requests",
        "etcdserver: no leader",
        "etcdserver: not capable",
        "etcdserver: requested lease not found",
        "etcdserver: member not found",
        "etcdserver: member ID already exist",
        "etcdserver: Peer URLs already exists",
        "etcdserver: unhealthy cluster",
        "etcdserver: re-configuration failed due to not enough started members",
        "raft proposal dropped",
    )
)
"""Refused before it was proposed, or applied without effect."""


def failure(problem: GatewayProblem, *, harmless: bool) -> Failed | Indeterminate:
    """The exception a client raises in place of `problem`; `harmless` is a request that changes nothing."""
    if isinstance(problem, NotSent):
        return Failed({"type": "not-sent", "text": str(problem)})
    if isinstance(problem, Malformed):
        return Indeterminate({"type": "malformed", "text": str(problem)})
    if isinstance(problem, Broken):
        said = {"type": "broken", "text": str(problem)}
        return Failed(said) if harmless else Indeterminate(said)
    assert isinstance(problem, Refusal), "there are four kinds"
    error = {"type": "etcd", "code": problem.code, "text": problem.text}
    definite = harmless or problem.code in DEFINITE_CODES or problem.text in DEFINITE_TEXTS
    return Failed(error) if definite else Indeterminate(error)
