"""What a Raft leader knows of its followers: how far each has come, and what a majority has in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    """All whom a leader sends to: the other members, and a server that is about to join and does not count yet. `round`
    counts the leader's messages to all of them; a reply names the round it answers."""

    def __init__(self, name: str) -> None:
        self.round = 0
        self.sent = 0
        """The last index that was there when the leader last wrote to all of them."""
        self.all: dict[str, Progress] = {}
        self._name = name
        self._members: Sequence[str] = ()

    def restart(self, members: Sequence[str], next: int, now_ns: int) -> None:
        """At the beginning of a leadership: nothing is known, and everybody is given the time to answer."""
        self.all = {name: Progress(next, now_ns, round=self.round) for name in members if name != self._name}
        self._members = members

    def teach(self, name: str, next: int) -> Progress:
        """Somebody is sent what it lacks, before it counts; it has not been heard from. Returns its progress."""
        progress = self.all[name] = Progress(next, -(1 << 62), round=self.round, probing=True)
        return progress

    def dismiss(self, name: str) -> None:
        """Somebody is sent nothing any more."""
        self.all.pop(name, None)

    def count(self, members: Sequence[str]) -> None:
        """Others make a majority from now on. Who joins was taught; who left is dismissed."""
        self.all = {name: progress for name, progress in self.all.items() if name in members}
        self._members = members

    def hear(self, peer: str, reply: Body, now_ns: int) -> bool:
        """Takes in one reply of this term. Returns whether to send that follower something at once."""
        progress = self.all.get(peer)
        if progress is None:
            return False
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
        """Whether a majority, the leader included if it belongs, was heard from since then."""
        return self._of_majority(lambda progress: progress.heard_ns, since_ns) >= since_ns

    def held_by_majority(self, own: int) -> int:
        """The last index that a majority holds durably, `own` being the leader's."""
        return self._of_majority(lambda progress: progress.match, own)

    def confirmed_round(self) -> int:
        """The last round that a majority has answered, the leader always included if it belongs."""
        return self._of_majority(lambda progress: progress.round, self.round)

    def _of_majority(self, of: Callable[[Progress], int], own: int) -> int:
        """The greatest number that a majority has reached."""
        reached = sorted(own if name == self._name else of(self.all[name]) for name in self._members)
        return reached[-(len(reached) // 2 + 1)]
