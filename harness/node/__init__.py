"""The node runtime: what a bundled store is written against, on the standard library alone.

The same class runs in the simulator (`harness.clusters.sim`), over TCP (`python3 -m harness.node MODULE:CLASS --name
...`) and under Maelstrom (`--maelstrom`).
"""

from harness.node.errors import RpcError
from harness.node.host import Body, Clock, Disk, Host, TimerHandle
from harness.node.node import Node

__all__ = ["Body", "Clock", "Disk", "Host", "Node", "RpcError", "TimerHandle"]
