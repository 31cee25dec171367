"""The facts of every run in a folder, in memory, kept up to date by one thread that reads what changed.

A page never waits long for it. Whoever asks gets what is known, newest runs first, after at most `PATIENCE_S`; a first
look at ten thousand runs goes on behind, and the page says how far it is. An unchanged run costs one `lstat` per look,
and nobody looks more often than once in `LOOK_S`.

A database in the folder was rejected: reading ten thousand verdicts takes seconds, once, in the background, while a
file that two servers write, that may be read-only, torn, or planted, is something to go wrong for ever.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from reports.serve.facts import RunFacts, Signature, read, signature
from reports.serve.store import Missing, RunName, Store

LOOK_S = 1.0
PATIENCE_S = 0.08
RUNS_MAX = 200_000
_TELL_EVERY = 500


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known: the runs, newest first, and how many there are that have not been read yet."""

    runs: tuple[RunFacts, ...] = ()
    unread: int = 0


class Index:
    """A store's runs. `close` ends the thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[RunName, tuple[Signature, RunFacts]] = {}
        self._told = Snapshot()
        self._change = threading.Condition()
        self._looked_s = float("-inf")
        self._wanted, self._closed = True, False
        threading.Thread(target=self._keep, name="index", daemon=True).start()

    def look(self, patience_s: float = PATIENCE_S) -> Snapshot:
        """The runs as they are now, or, if that takes longer than `patience_s`, as far as they are known."""
        with self._change:
            asked_s = time.monotonic()
            if asked_s - self._looked_s > LOOK_S:
                self._wanted = True
                self._change.notify_all()
                self._change.wait_for(lambda: not self._wanted or self._closed, patience_s)
            return self._told

    def one(self, name: RunName) -> RunFacts:
        """The facts of one run as they are now. Raises `Missing` if there is no such run."""
        with self._store.folder(name.target, name.run) as folder:
            if (sign := signature(f"/proc/self/fd/{folder}")) is None:
                raise Missing(f"{name} is no run: it has no plan, no history and no verdict")
            return read(folder, name, sign)

    def close(self) -> None:
        """Nothing is read from now on."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    def _keep(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._wanted or self._closed)
                if self._closed:
                    return
            began_s = time.monotonic()
            self._refresh()
            with self._change:
                self._looked_s, self._wanted = began_s, False
                self._change.notify_all()

    def _refresh(self) -> None:
        there = dict(_signatures(self._store.root))
        changed = [name for name, sign in there.items() if name not in self._known or self._known[name][0] != sign]
        gone = self._known.keys() - there.keys()
        for name in gone:
            del self._known[name]
        if not changed and not gone:
            return
        changed.sort(key=lambda name: name.run, reverse=True)
        for count, name in enumerate(changed, 1):
            with suppress(Missing), self._store.folder(name.target, name.run) as folder:
                self._known[name] = there[name], read(folder, name, there[name])
            if self._closed:
                return
            if count in (100, len(changed)) or count % _TELL_EVERY == 0:
                self._tell(len(changed) - count)
        if not changed:
            self._tell(0)

    def _tell(self, unread: int) -> None:
        runs = sorted(
            (facts for _, facts in self._known.values()), key=lambda one: (one.began_s, one.name), reverse=True
        )
        told = Snapshot(tuple(runs), unread)
        with self._change:
            self._told = told


def _signatures(root: os.PathLike[str]) -> Iterator[tuple[RunName, Signature]]:
    """Every folder two below the root that holds a run, but what links lead to, what is hidden, and names that are no
    text."""
    count = 0
    for target in _folders(os.fspath(root)):
        for run in _folders(target.path):
            if count < RUNS_MAX and (sign := signature(run.path)) is not None:
                count += 1
                yield RunName(target.name, run.name), sign


def _folders(path: str) -> Iterator[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.name.isprintable() and entry.is_dir(follow_symlinks=False):
                yield entry
