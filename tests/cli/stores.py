"""Stores that misbehave, each in one way: what a run does with them is what tests/cli/test_bad_input.py asks."""

from typing import Any

from harness.clusters.base import Cluster
from harness.node import Node
from harness.operation import Operation
from harness.target import NodeService
from targets.toy import Toy


class CrashesAtStart(Node):
    async def start(self) -> None:
        raise RuntimeError("no such disk")


class NeverAnswers(Node):
    def on_read(self, source: str, body: dict[str, Any]) -> None:
        return None

    on_write = on_cas = on_read


class AnswersGarbage(Node):
    def on_read(self, source: str, body: dict[str, Any]) -> dict[str, Any]:
        return {"type": "read_ok", "value": {"</script>": ["\x00\u202e", 10**30, None]}}

    def on_write(self, source: str, body: dict[str, Any]) -> dict[str, Any]:
        return {"type": "write_ok"}

    def on_cas(self, source: str, body: dict[str, Any]) -> dict[str, Any]:
        return {"type": "error", "code": "many", "text": ["\x1b[31m"]}


def _toy(name: str, node: type[Node]) -> Toy:
    return Toy(name, NodeService(f"broken_stores:{node.__name__}", packages=()), ())


class _AtOnce(Toy):
    """Ready without being asked."""

    async def ready(self, cluster: Cluster) -> None:
        return None


def crashes_at_start() -> Toy:
    return _toy("crashes-at-start", CrashesAtStart)


def never_ready() -> Toy:
    return _toy("never-ready", NeverAnswers)


def never_answers() -> Toy:
    return _AtOnce("never-answers", NodeService("broken_stores:NeverAnswers", packages=()), ())


def answers_garbage() -> Toy:
    return _AtOnce("answers-garbage", NodeService("broken_stores:AnswersGarbage", packages=()), ())


class _Raises:
    async def open(self) -> None:
        return None

    async def invoke(self, op: Operation) -> Operation:
        raise ZeroDivisionError("the client is broken")

    async def close(self) -> None:
        return None


class _ClientRaises(_AtOnce):
    def client(self, workload: str, cluster: Cluster, node: str) -> Any:
        return _Raises()


def client_raises() -> Toy:
    return _ClientRaises("client-raises", NodeService("broken_stores:AnswersGarbage", packages=()), ())
