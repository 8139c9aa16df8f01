"""The shelf of recovery approaches: each answers a failure; the world carries the answer out."""
