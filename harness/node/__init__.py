"""The node runtime: what a bundled store is written against, on the standard library alone."""
