"""The coordination layer of the sharded store: a log that all servers agree on, which says who owns each shard and what
became of each transaction.

Every server takes part in one Raft group (`raft_server`). The log holds no data, only two kinds of decisions, each made
once, however often it is proposed:

- `["move", shard, epoch, owner]`: in that epoch of the shard, one later than the last, this server owns it. The owners
  of a shard are thus a chain that everybody knows alike, some of it later than others; whoever acts on what it knows
  names the epoch.
- `["commit", transaction]` or `["abort", transaction]`: whichever comes first counts. So nobody needs the server that
  coordinated a transaction to know how it ended: whoever waits for that asks for an abort, and finds in the log whether
  it came too late.

Proposals are sent off and not answered. A server learns what was decided from the log itself, and says again what has
not turned up there.

The leader also rebalances: every now and then it moves a shard from who owns most to who owns fewest, of those that it
hears.
"""

from __future__ import annotations

import asyncio
from typing import Any

from harness.node import Body, Host
from targets.toys.raft_election import LEADER
from targets.toys.raft_server import RaftServer

HOPS_MAX = 2
"""How often a proposal is handed on: to a go-between, and then to the leader."""

AGAIN_S = 0.15
"""After how long a decision that has not turned up is proposed again."""

PROPOSALS_MAX = 8
"""How often."""


class Directory(RaftServer):
    """One server of the group. `shards`: how many there are. `rebalance_ms`: how often one is moved, 0 for never. Other
    options as for `RaftServer`."""

    def __init__(self, host: Host, *, shards: int = 20, rebalance_ms: int = 500, **options: Any) -> None:
        super().__init__(host, **options)
        self.owners = [[self.nodes[shard % len(self.nodes)]] for shard in range(shards)]
        """The owners of each shard: of epoch 1, of epoch 2, and so on. Where all begin needs no decision."""
        self.decisions: dict[str, bool] = {}
        """Whether a transaction is committed, for all that the log has decided. None is forgotten: an owner that comes
        back after any time may be in doubt about it."""
        self._rebalance_s = rebalance_ms / 1000
        self._awaited: dict[str, asyncio.Future[None]] = {}

    def moved(self, shard: int) -> None:
        """The log has given a shard to another owner, or to several since."""

    def decided(self, transaction: str) -> None:
        """The log has decided a transaction."""

    def epoch_at(self, node: str, shard: int, after: int) -> int | None:
        """The first epoch after that one in which a server owns a shard; None if it does not get it again."""
        return next((e for e, owner in enumerate(self.owners[shard], 1) if e > after and owner == node), None)

    async def decide(self, transaction: str) -> bool | None:
        """Asks for a commit, and returns what was decided; None if that is not known in time."""
        for _ in range(PROPOSALS_MAX):
            self._awaited[transaction] = turn = asyncio.get_running_loop().create_future()
            self.suggest(["commit", transaction])
            await asyncio.wait([turn], timeout=AGAIN_S)
            if transaction in self.decisions:
                break
        self._awaited.pop(transaction, None)
        return self.decisions.get(transaction)

    def suggest(self, command: list[Any], hops: int = 0) -> None:
        """Has the leader add a decision to the log, if a leader hears of it."""
        if self.role == LEADER:
            if command[1] not in self.decisions:
                self.propose(command)
        elif hops < HOPS_MAX and (dest := self.leader or self.guide):
            self.send(dest, {"type": "suggest", "command": command, "hops": hops + 1})

    def on_suggest(self, source: str, body: Body) -> None:
        self.suggest(body["command"], body["hops"])

    def applied(self, index: int, command: Any) -> None:
        """Takes in a decision. The leader sends it on at once: somebody holds locks until he hears it."""
        if command is None:
            return
        kind, *details = command
        if kind == "move":
            shard, epoch, owner = details
            owners = self.owners[shard]
            if epoch == len(owners) + 1 and owner != owners[-1]:
                owners.append(owner)
                self.moved(shard)
        elif details[0] not in self.decisions:
            self.decisions[details[0]] = kind == "commit"
            self._tell_decided(details[0])
        if self.role == LEADER:
            self._flush_soon()

    def outcome(self) -> Any:
        return {"owners": [[*owners] for owners in self.owners], "decisions": {**self.decisions}}

    def restored(self, state: Any) -> None:
        """A snapshot stands for decisions that were never seen one by one."""
        news = state["decisions"].keys() - self.decisions.keys()
        self.owners = [[*owners] for owners in state["owners"]]
        self.decisions = {**state["decisions"]}
        for transaction in sorted(news):
            self._tell_decided(transaction)
        for shard in range(len(self.owners)):
            self.moved(shard)

    def _tell_decided(self, transaction: str) -> None:
        if turn := self._awaited.pop(transaction, None):
            turn.set_result(None)
        self.decided(transaction)

    # Rebalancing ------------------------------------------------------------------------------------------------------

    def elected(self) -> None:
        super().elected()
        if self._rebalance_s:
            self._rebalance_later(self.state.term)

    def _rebalance_later(self, term: int) -> None:
        self.after(self._rebalance_s, lambda: self._rebalance(term))

    def _rebalance(self, term: int) -> None:
        if self.role != LEADER or self.state.term != term:
            return
        recent = self.clock.monotonic() - self.election_ns
        alive = [self.name, *(peer for peer, progress in self._peers.all.items() if progress.heard_ns >= recent)]
        burden = {node: [s for s, owners in enumerate(self.owners) if owners[-1] == node] for node in alive}
        self.random.shuffle(alive)
        least, *others = sorted(alive, key=lambda node: len(burden[node]))
        if others and burden[others[-1]]:
            shard = self.random.choice(burden[others[-1]])
            self.suggest(["move", shard, len(self.owners[shard]) + 1, least])
        self._rebalance_later(term)
