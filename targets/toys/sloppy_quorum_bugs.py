"""Bugs to plant in the store on sloppy quorums, each an override of the one method it spoils."""

from __future__ import annotations

from targets.toys.quorum import Key, Version
from targets.toys.sloppy_quorum import SloppyQuorum


class HintsInMemory(SloppyQuorum):
    """A stand-in acknowledges what it holds for others in memory alone, so a crash loses it before its owner is back
    (hinted hand-off as an in-memory queue; Cassandra's hints between two flushes)."""

    def _note_hint(self, key: Key, version: Version | None, owner: str) -> None:
        return


class HintsSentOnce(SloppyQuorum):
    """A hint is dropped as soon as it is sent, whether or not its owner is there to take it (hand-off over a transport
    that is taken for reliable)."""

    async def _hand(self, owner: str, hints: list[tuple[Key, Version]]) -> None:
        self._drop(owner, hints)
        await super()._hand(owner, hints)


class HintsNeverSent(SloppyQuorum):
    """Hints are kept, and never handed over (a hand-off that was switched off or stalls, as Cassandra's
    `hinted_handoff_enabled: false` without repairs)."""

    def _hand_over(self) -> None:
        return
