"""The gate: many claims held against many runs, and one answer for a CI job."""
