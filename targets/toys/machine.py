"""The state machine that a log drives: registers by key, and a memory of what was done for whom.

Networks repeat messages. A request that travelled from one node to another may therefore reach the log twice, and a
write that is applied twice brings back an overwritten value. So every command carries the name of the node that took it
from its client and a number of that node's, and a command seen before is answered with what it came to the first time
(Ongaro, "Consensus: Bridging Theory and Practice", 2014, section 6.3). The memory per node is bounded: what is older
than its last `REMEMBERED` commands is neither done nor answered with certainty.
"""

from __future__ import annotations

from typing import Any

from harness.node import Body, RpcError
from harness.node.errors import PRECONDITION_FAILED, TIMEOUT
from targets.toys.values import Step, transact

REMEMBERED = 512
"""Outcomes kept per node that takes requests."""

Command = list[Any]
"""`[node, number, "write", key, value]`, `[node, number, "cas", key, from, to]` or `[node, number, "txn", steps]` (see
`targets.toys.values`); numbers of a node never repeat."""


class Registers:
    """Registers that all replicas agree on, as long as they apply the same commands in the same order."""

    def __init__(self) -> None:
        self._values: dict[str | int, Any] = {}
        self._done: dict[str, dict[int, Body]] = {}
        self._forgotten: dict[str, int] = {}

    def state(self) -> Any:
        """All of it as a JSON value, which later commands do not change."""
        done = [[node, list(answers.items())] for node, answers in self._done.items()]
        return {"values": list(self._values.items()), "done": done, "forgotten": dict(self._forgotten)}

    def restore(self, state: Any) -> None:
        """Becomes what `state` told."""
        self._values = dict(state["values"])
        self._done = {node: dict(answers) for node, answers in state["done"]}
        self._forgotten = dict(state["forgotten"])

    def read(self, key: str | int) -> Body:
        """The answer to a read now; None stands for a key never written."""
        return {"type": "read_ok", "value": self._values.get(key)}

    def apply(self, command: Command) -> Body:
        """Does a command, unless it is done already, and returns the answer for its client."""
        node, number = command[0], command[1]
        done = self._done.setdefault(node, {})
        answer = done.get(number)
        if answer is not None:
            return answer
        if number <= self._forgotten.get(node, -1):
            return {"type": "error", "code": TIMEOUT, "text": "too old to tell whether it was done before"}
        answer = done[number] = self._do(*command[2:])
        if len(done) > REMEMBERED:
            oldest = next(iter(done))
            del done[oldest]
            self._forgotten[node] = max(oldest, self._forgotten.get(node, -1))
        return answer

    def _do(self, what: str, *arguments: Any) -> Body:
        return self._transact(*arguments) if what == "txn" else self._on_one(what, *arguments)

    def _transact(self, steps: list[Step]) -> Body:
        try:
            results, written = transact(self._values.get, steps)
        except RpcError as refusal:
            return refusal.to_body()
        self._values.update(written)
        return {"type": "txn_ok", "results": results}

    def _on_one(self, what: str, key: str | int, *arguments: Any) -> Body:
        if what == "write":
            [self._values[key]] = arguments
            return {"type": "write_ok"}
        expected, value = arguments
        current = self._values.get(key)
        if current != expected:
            text = f"expected {expected!r:.80}, found {current!r:.80}"
            return {"type": "error", "code": PRECONDITION_FAILED, "text": text, "current": current}
        self._values[key] = value
        return {"type": "cas_ok"}
