"""Durability (T4): 1 - work that was lost / work that was planned."""

from __future__ import annotations

from agentchaos.scoring import intervals
from agentchaos.scoring.attributes.base import Detail, blank, fractions, made, ratios
from agentchaos.scoring.intervals import Bounds
from agentchaos.scoring.results import Attribute
from agentchaos.scoring.table import Table


def durability(table: Table, alpha: float) -> Attribute:
    """The attribute, from `lost_work`."""
    found = ratios(table.rows(), "lost_work")
    if not found or sum(r.denominator for r in found) == 0:
        return blank("durability", "temporal", "no work was planned")
    kept = [1.0 - min(1.0, v) for r in found if (v := r.value) is not None]
    lost = sum(r.numerator for r in found) / sum(r.denominator for r in found)
    bounds = intervals.exact_bounds(kept, alpha)
    detail: Detail = (
        ("definition", "1 - lost steps / planned steps"),
        *fractions(table, "lost_work"),
        ("bounds", bounds.method),
    )
    mean = 1.0 - min(1.0, lost)
    low, high = min(bounds.low or 0.0, mean), max(bounds.high or 0.0, mean)
    return made("durability", "temporal", mean, Bounds(low, high, bounds.method), len(kept), detail)
