"""Who belongs to a Raft cluster, as its log says: the last entry that names the members is in force, committed or not.

Ongaro's thesis, chapter 4. A change adds or removes one server, since a majority of the old members and one of the new
then always have a server in common; joint consensus, the way of the Raft paper, would allow any change and need two
steps for each. A server acts on a change as soon as its log has it, so whoever commits it has counted the majority that
holds from then on. And it goes back when that entry is overwritten.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

Names = tuple[str, ...]


def naming(members: Sequence[str]) -> dict[str, Any]:
    """The command of an entry that names the members."""
    return {"members": [*members]}


def named_by(command: Any) -> Names | None:
    """The members that a command names, None for any other command."""
    return tuple(command["members"]) if isinstance(command, dict) else None


def is_majority(some: Collection[str], members: Names) -> bool:
    """Whether more than half of the members are among `some`; others do not count."""
    return 2 * sum(name in some for name in members) > len(members)


class Members:
    """The members as of every index of a log."""

    def __init__(self, members: Names) -> None:
        self._known = [(0, members)]

    @property
    def latest(self) -> Names:
        """Those in force."""
        return self._known[-1][1]

    @property
    def since(self) -> int:
        """The index of the entry that names those in force."""
        return self._known[-1][0]

    def at(self, index: int) -> Names:
        """Those that were in force with the log up to there; not asked for before its beginning."""
        return next(members for since, members in reversed(self._known) if since <= index)

    def add(self, index: int, members: Names) -> None:
        """An entry names them."""
        self._known.append((index, members))

    def cut(self, index: int) -> None:
        """The entries from there on are gone."""
        while self._known[-1][0] >= index:
            self._known.pop()

    def begin(self, index: int, members: Names) -> None:
        """The log begins behind that index, with these."""
        self._known = [(index, members), *(known for known in self._known if known[0] > index)]
