"""What an error of etcd says about the operation that met it.

Only what is known to be decided before a request is proposed to the cluster, or is the deterministic outcome of
applying it without effect, is definite. Everything else leaves the operation open, and so do errors we do not know.
Read off etcd 3.4's `etcdserver/v3_server.go`, `apply.go` and `api/v3rpc/key.go`. Two that mislead:

- "database space exceeded" also comes from a put that *was* applied, the one that reached the quota: open.
- "server stopped" comes from a node that may have handed the proposal to the leader before: open.
"""

from __future__ import annotations

from harness.client import Failed, Indeterminate
from targets import unanswered
from targets.unanswered import Refusal, Unanswered

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


def failure(problem: Unanswered, *, harmless: bool) -> Failed | Indeterminate:
    """The exception a client raises in place of `problem`; `harmless` is a request that changes nothing."""
    return unanswered.failure(problem, "etcd", _definite, harmless=harmless)


def _definite(refusal: Refusal) -> bool:
    return refusal.code in DEFINITE_CODES or refusal.text in DEFINITE_TEXTS
