"""What a Raft leader knows of its followers: how far each has come, and what a majority has in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.node import Body


@dataclass(slots=True)
class Progress:
    """One follower. `next` runs ahead of `match` by what was sent and not yet acknowledged."""

    next: int
    heard_ns: int
    match: int = 0
    round: int = 0
    probing: bool = False
    """Whether to send it no entries until it has said that it listens, and from where on."""
    beaten: int = -1
    """`match` at the last heartbeat if something was on its way then, else -1."""

    def skip_to(self, next: int) -> None:
        """What is before that cannot be sent; whether the follower has it is asked."""
        self.next, self.probing = next, True


class Peers:
    """All followers. `round` counts the leader's messages to all of them; a reply names the round it answers."""

    def __init__(self, names: Sequence[str]) -> None:
        self.majority = (len(names) + 1) // 2 + 1
        self.round = 0
        self.sent = 0
        """The last index that was there when the leader last wrote to all of them."""
        self.all: dict[str, Progress] = {}
        self._names = names

    def restart(self, next: int, now_ns: int) -> None:
        """At the beginning of a leadership: nothing is known, and everybody is given the time to answer."""
        self.all = {name: Progress(next, now_ns, round=self.round) for name in self._names}

    def hear(self, peer: str, reply: Body, now_ns: int) -> bool:
        """Takes in one reply of this term. Returns whether to send that follower something at once."""
        progress = self.all[peer]
        progress.heard_ns = now_ns
        progress.round = max(progress.round, reply["round"])
        if reply["ok"]:
            progress.match = max(progress.match, reply["next"] - 1)
            progress.next = max(progress.next, progress.match + 1)
            progress.probing = False
            return progress.next <= self.sent
        stale = reply["previous"] <= progress.match or (progress.probing and reply["previous"] != progress.next - 1)
        if stale:
            return False
        progress.next = max(progress.match + 1, min(reply["next"], reply["previous"]))
        progress.probing = True
        return True

    def retreat(self) -> None:
        """At a heartbeat: a follower that has acknowledged nothing since the last one is probed before it is sent
        more."""
        for progress in self.all.values():
            outstanding = progress.match < progress.next - 1
            if outstanding and progress.match == progress.beaten:
                progress.next = progress.match + 1
                progress.probing = True
            progress.beaten = progress.match if outstanding else -1

    def quorum_since(self, since_ns: int) -> bool:
        """Whether a majority, the leader included, was heard from since then."""
        return 1 + sum(progress.heard_ns >= since_ns for progress in self.all.values()) >= self.majority

    def held_by_majority(self, own: int) -> int:
        """The last index that a majority holds durably, `own` being the leader's."""
        return sorted((own, *(progress.match for progress in self.all.values())))[-self.majority]

    def confirmed_round(self) -> int:
        """The last round that a majority has answered, the leader always included."""
        return sorted((self.round, *(progress.round for progress in self.all.values())))[-self.majority]
