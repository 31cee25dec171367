"""The simulator: a whole cluster on virtual time in one thread, repeatable from a seed."""

from harness.clusters.sim.cluster import SimCluster

__all__ = ["SimCluster"]
