"""Nodes as processes of this machine, each in namespaces of its own.

`cluster` is the controller's side; `agent` runs in the namespaces, where `rooms` makes the nodes, `node` is one of them
and `init` its first process.
"""

from harness.clusters.process.cluster import ProcessCluster

__all__ = ["ProcessCluster"]
