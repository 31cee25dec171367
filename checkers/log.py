"""Append-only logs, as Kafka keeps them: nothing acknowledged is lost, doubled or moved, and consumers read on.

Operations, as in Jepsen's kafka workload: `send`, `poll` and `txn`, each a list of `["send", key, message]`, completed
as `["send", key, [offset, message]]` (offset null where the client was not told), and `["poll"]`, completed as
`["poll", {key: [[offset, message], ...]}]`; and `assign`, `subscribe`, `crash` for the consumer. Each message is sent
to a key once.

    {process 0, ok, send, [["send", 0, [0, "a"]]]}
    {process 0, ok, send, [["send", 0, [1, "b"]]]}
    {process 1, ok, poll, [["poll", {"0": [[1, "b"]]}]]}        "a" is lost: nobody polled it, though b is behind it

Consumers that subscribe are moved between keys without being told: their jumps from poll to poll are counted
(`nonmonotonic_polls_while_subscribed`, `poll_skips_while_subscribed`) and held against nobody. An assignment keeps a
consumer's place in the keys it keeps; after a failed operation nobody knows where it goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from checkers.collection import collected
from harness import _core
from harness.checker import Budget, Result
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.history import History

KINDS = (
    "lost",
    "duplicate",
    "inconsistent-offset",
    "reordered",
    "nonmonotonic-send",
    "int-nonmonotonic-send",
    "nonmonotonic-poll",
    "int-nonmonotonic-poll",
    "poll-skip",
    "int-poll-skip",
    "precommitted-read",
    "aborted-read",
    "thin-air",
)


class Log:
    """`log`. `caught_up`: the history ends with polls that read everything, so what nobody polled is lost.

    Lost: acknowledged and polled by nobody, although a later offset of its key was. Duplicate: one message at two
    offsets; inconsistent-offset: two messages at one. Reordered: acknowledged before another was sent, but behind it;
    nonmonotonic-send: by one process. Nonmonotonic-poll: a process goes back; poll-skip: past a message that is known
    to be there. `int-`: within one operation. Precommitted-read: a transaction polled what it sent itself.
    Aborted-read and thin-air: polled, though its send failed, or was never made by then.
    """

    def __init__(self, *, caught_up: bool = False) -> None:
        if not isinstance(caught_up, bool):
            raise UsageError(f"log: caught_up is true or false, not {caught_up!r}")
        self.caught_up = caught_up

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `acknowledged, polled, unseen` and the kinds. Unseen were acknowledged, but neither they nor
        anything behind them was polled. `int_send_skips`, if there are any: pairs of sends of one transaction with
        another's message between them, which Kafka allows.

        Inconclusive if there are unseen messages, or nothing was acknowledged or polled. Raises `HistoryError`, also
        for a message sent twice.
        """
        return collected("log", lambda: _core.check_log(history.core, caught_up=self.caught_up), KINDS, _passed)


def _passed(stats: Mapping[str, Any]) -> str:
    return (
        f"all {stats['acknowledged']:,} acknowledged messages were polled, in order ({stats['polled']:,} polled in all)"
    )
