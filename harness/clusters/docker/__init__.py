"""Nodes as containers on one machine. `DockerCluster` is the cluster; what it does to its nodes is in
`harness.clusters.linux`.
"""

from harness.clusters.docker.cluster import DockerCluster

__all__ = ["DockerCluster"]
