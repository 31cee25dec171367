"""What every cluster of real nodes must do to packets. In detail it is asserted without a cluster
(`test_linux_host_network`); here it is whether a cluster puts all of it in force, spares its controller, and heals."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from docker_support import NODES, ask

from harness.clusters.base import Shape
from harness.faults import Status


async def packets_are_shaped_and_refused(cluster: Any) -> None:
    """For a cluster whose nodes beat (see `Beating`)."""
    network = cluster.network
    delayed = await network.shape("d", ["n1"], Shape(delay_ms=100, jitter_ms=5, duplicate=0.1, reorder=0.1))
    lost = await network.shape("l", ["n1", "n2"], Shape(loss=0.3))
    thin = await network.shape("r", ["n2"], Shape(rate_kbit=500))
    refused = await network.reject("x", {"n3": ["n1"]})
    for found in (delayed["n1"], lost["n1"], lost["n2"], thin["n2"], refused["n3"]):
        assert found.status is Status.APPLIED, found
    assert min(delayed["n1"].measured["round_trip_ms"].values()) >= 95
    began = time.monotonic()
    await ask(cluster, "n1")
    assert time.monotonic() - began < 0.09  # the controller is no peer
    await asyncio.sleep(1.5)
    assert (await ask(cluster, "n3"))["ages_ms"]["n1"] > 1000
    lifted = {fault: await network.mend(fault) for fault in "dlrx"}
    assert lifted["d"]["n1"].measured["delayed_packets"] > 0
    assert lifted["l"]["n2"].measured["lost_packets"] > 0
    assert lifted["r"]["n2"].measured["queued_packets"] > 0
    assert lifted["x"]["n3"].measured["rejected_packets"] > 0
    for _ in range(200):
        ages = [age for node in NODES for age in (await ask(cluster, node))["ages_ms"].values()]
        if max(ages) < 300:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("some node does not hear the others again")
