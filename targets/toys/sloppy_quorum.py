"""The register store on quorums that always answers: whoever is reachable stands in for whoever is not.

A sloppy quorum (DeCandia et al., "Dynamo: Amazon's Highly Available Key-value Store", SOSP 2007, section 4.6) waits a
moment for the key's own replicas. Then it asks the other servers, which answer with what they have, and take a write
with a *hint* whom it is for: durable like any other, and handed over when its owner is back. If even that makes no
quorum, it goes on with the answers it has; its own is always among them. So R and W are what is hoped for, reads and
writes may miss each other though R + W > N, and of writes on two sides of a cut the one with the lower timestamp is
lost, however late it came (`dynamo` keeps both instead). All replicas agree in the end: by hints, and by gossip for
what died with a coordinator.

A coordinator may be cut off from all that it wrote before, and find older timestamps only. So it keeps the highest that
it has given, durable: writes through one server take effect in their order, and a key that is written through one
server alone loses none.
"""

from __future__ import annotations

from typing import Any

from harness.node import Body, Host
from targets.toys.gossip import Gossip
from targets.toys.polling import Answers
from targets.toys.quorum import NOTHING, Key, Quorum, Version
from targets.toys.requests import key_of
from targets.toys.ring import replicas_of

MOMENT_S = 0.1
"""How long the right servers are waited for, and then the others."""

HANDED_MAX = 100
"""Hints in one message."""


class SloppyQuorum(Quorum):
    """One server. Options as for `Quorum`; `handoff_ms`: the time between two tries to hand hints over, `gossip_ms`:
    between two messages of gossip."""

    def __init__(self, host: Host, *, handoff_ms: float = 300, gossip_ms: float = 200, **options: Any) -> None:
        super().__init__(host, **options)
        self._handoff_s = handoff_ms / 1000
        self._gossip = Gossip(self, self._own, gossip_ms, self._journal)
        self._hints: dict[str, dict[Key, Version]] = {}
        self._given = 0

    async def start(self) -> None:
        await super().start()
        self._gossip.start()
        self.after(self._handoff_s, self._hand_over)

    async def _ask(self, key: Key, question: Body, needed: int) -> Answers:
        """Answers of the key's replicas, and of whoever stands in for those that are silent; as many as there are."""
        order = replicas_of(key, self.nodes)
        replicas, others = order[: self._n], order[self._n :]
        answers = await self.poll(replicas, question, lambda found: len(found) >= needed, MOMENT_S)
        if len(answers) < needed:
            silent = [replica for replica in replicas if replica not in answers]
            lacking = max(1, needed - len(answers))
            body = {**question, "for": silent}
            answers |= await self.poll(others, body, lambda found: len(found) >= lacking, MOMENT_S)
        return answers

    async def _next_timestamp(self, key: Key) -> list[Any]:
        """Later than what is found of the key, and than all that this server has given, for any key."""
        counter, *rest = await super()._next_timestamp(key)
        self._given = max(counter, self._given + 1)
        self._journal.append([self._given])
        await self._journal.sync()
        return [self._given, *rest]

    async def _fetch(self, key: Key) -> list[Version]:
        answers = await self._ask(key, {"type": "fetch", "key": key}, self._r)
        return [self._held(key), *(answer["version"] for answer in answers.values())]

    async def _store(self, key: Key, version: Version) -> bool:
        return bool(await self._ask(key, {"type": "store", "key": key, "version": version}, self._w))

    # As stand-in ------------------------------------------------------------------------------------------------------

    async def on_store(self, source: str, body: Body) -> None:
        for owner in body.get("for", ()):
            self._keep_hint(owner, key_of(body), body["version"])
        if "for" not in body:
            self._take(key_of(body), body["version"])
        await self._journal.sync()
        self.answer(source, body, {})

    def _keep_hint(self, owner: str, key: Key, version: Version) -> None:
        hints = self._hints.setdefault(owner, {})
        if version > hints.get(key, NOTHING):
            hints[key] = version
            self._note_hint(key, version, owner)

    def _note_hint(self, key: Key, version: Version | None, owner: str) -> None:
        """Journals a hint that is kept, or with None that there is none any more."""
        self._journal.append([key, version, owner])

    def _held(self, key: Key) -> Version:
        """The latest of what is held as a replica, or for others."""
        hinted = (hints[key] for hints in self._hints.values() if key in hints)
        return max([super()._held(key), *hinted])

    def _hand_over(self) -> None:
        for owner, hints in self._hints.items():
            if hints:
                self.spawn(self._hand(owner, list(hints.items())[:HANDED_MAX]))
        self.after(self._handoff_s, self._hand_over)

    async def _hand(self, owner: str, hints: list[tuple[Key, Version]]) -> None:
        """Gives hints to their owner, and drops them once it has made them durable."""
        body = {"type": "hints", "versions": [[key, version] for key, version in hints]}
        if await self.poll([owner], body, bool, self._handoff_s):
            self._drop(owner, hints)

    def _drop(self, owner: str, hints: list[tuple[Key, Version]]) -> None:
        for key, version in hints:
            if self._hints[owner].get(key) == version:
                del self._hints[owner][key]
                self._note_hint(key, None, owner)

    # As replica -------------------------------------------------------------------------------------------------------

    async def on_hints(self, source: str, body: Body) -> None:
        for key, version in body["versions"]:
            self._take(key, version)
        await self._journal.sync()
        self.answer(source, body, {})

    def on_gossip(self, source: str, body: Body) -> None:
        """Takes what is news; it is durable soon enough: what is lost here comes again."""
        for key, version in body["items"]:
            if self.name in replicas_of(key, self.nodes)[: self._n]:
                self._take(key, version)

    def _own(self) -> list[list[Any]]:
        return [[key, version] for key, version in self._versions.items()]

    def _recover(self, record: list[Any]) -> None:
        match record:
            case [given]:
                self._given = given
            case [key, version]:
                super()._recover(record)
            case [key, None, owner]:
                self._hints[owner].pop(key, None)
            case [key, version, owner]:
                self._hints.setdefault(owner, {})[key] = version

    def _records(self) -> list[list[Any]]:
        hinted = [[key, version, owner] for owner, hints in self._hints.items() for key, version in hints.items()]
        return [[self._given], *self._own(), *hinted]
