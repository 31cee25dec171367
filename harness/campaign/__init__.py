"""Campaigns: one target, or several, tried again and again with ever new seeds and mixes of load and faults."""
