"""Where a target's nodes live: `sim` and `docker`, behind the one interface of `harness.clusters.base`."""
