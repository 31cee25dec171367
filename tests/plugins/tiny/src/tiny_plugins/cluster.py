"""The cluster: the simulator under another name, which is enough to show that clusters are plugins too."""

from harness.clusters.sim import SimCluster


class TinySim(SimCluster):
    """A cluster of one's own would implement `harness.clusters.base.Cluster` from the ground up."""

    name = "tiny-sim"
