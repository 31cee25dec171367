"""What an error of Redis says about the operation that met it.

Redis checks a command before it executes it, and executes it whole: the errors below are told before anything has
changed. That an operation which was acknowledged may still be lost is another matter, and what is tested. Errors we do
not know leave the operation open. Read off Redis 7.0's `server.c` (`processCommand`) and `script.c`.
"""

from __future__ import annotations

from harness.client import Failed, Indeterminate
from targets import unanswered
from targets.unanswered import Unanswered

DEFINITE = frozenset(
    (
        "READONLY",  # a replica
        "LOADING",  # reading its data set from disk
        "MASTERDOWN",  # a replica without its primary
        "NOREPLICAS",  # fewer replicas than `min-replicas-to-write`
        "OOM",
        "MISCONF",  # the disk refused the last write
        "BUSY",  # a script runs for long
        "NOSCRIPT",
        "WRONGTYPE",
        "EXECABORT",  # a command of the transaction was refused when it was queued
        "NOAUTH",
        "NOPERM",
        "DENIED",
    )
)
"""The first words of errors that say the command was not carried out."""

STALE = frozenset(("READONLY", "MASTERDOWN", "LOADING", "EXECABORT"))
"""Errors that say that this server is not, or not yet, the one to ask."""


def failure(problem: Unanswered, *, harmless: bool) -> Failed | Indeterminate:
    """The exception a client raises in place of `problem`; `harmless` is a command that changes nothing."""
    return unanswered.failure(problem, "redis", lambda refusal: refusal.code in DEFINITE, harmless=harmless)
