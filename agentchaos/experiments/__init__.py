"""Experiments: plans of plans on common random numbers: compare, ablate, sweep."""
