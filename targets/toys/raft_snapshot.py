"""A snapshot: what the log came to, up to an index, in place of the entries that led there.

Without it a log grows for ever, and a restart does everything that was ever done again. Each server takes its own, of
what it has applied: a committed entry is the same everywhere, so no leader needs to be asked (section 7 of the Raft
paper; Ongaro's thesis, chapter 5, where this is called a memory-based state machine). What goes in is all that the
entries left behind and later ones depend on:

- the state machine, with its memory of what was done for whom: without it a command that the network brings a second
  time behind the snapshot would be done again (thesis, 6.3);
- the members as of then, if no later entry names others;
- the term of the last entry, which the next message of a leader is compared with.

A leader that has no longer got the entries a follower needs sends its snapshot instead, in one message: a state is as
large as the messages of a node may be (`harness.node.wire`), no larger. The paper cuts it into parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from targets.toys.raft_members import Names


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All entries up to `index`, the last of which is of `term`. `state` is a JSON value that is never changed, None
    before anything was applied."""

    index: int
    term: int
    members: Names
    state: Any

    def to_json(self) -> list[Any]:
        """For the journal and for messages."""
        return [self.index, self.term, [*self.members], self.state]

    @classmethod
    def from_json(cls, raw: Sequence[Any]) -> Snapshot:
        """What `to_json` gave."""
        index, term, members, state = raw
        return cls(index, term, tuple(members), state)
