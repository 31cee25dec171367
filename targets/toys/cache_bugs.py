"""Bugs to plant in the caches, each an override of the one method it spoils."""

from __future__ import annotations

from targets.toys.cache import Cache, Copy, Key


class NotInvalidated(Cache):
    """The primary tells nobody of a write, so caches show the old value until its life ends (writes on a path around
    the cache)."""

    def _invalidate(self, key: Key, version: int) -> None:
        return


class AgesByWallClock(Cache):
    """The age of a copy is taken from the clock that can be set: set back, it keeps copies young for as long (expiry
    times as dates, compared on another machine or after a correction)."""

    def _now(self) -> int:
        return self.clock.wall()


class RenewsStale(Cache):
    """A copy shown for want of the primary counts as new again, so the bound never comes (a `stale-if-error` that
    stores what it served)."""

    def _fall_back(self, key: Key) -> Copy:
        copy = super()._fall_back(key)
        copy.asked_ns = self._now()
        return copy
