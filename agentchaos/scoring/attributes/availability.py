"""Availability (Y1): how many of the nines of its target it has."""

from __future__ import annotations

import math

from agentchaos.scoring.attributes.base import Detail, blank, made, share
from agentchaos.scoring.intervals import Bounds
from agentchaos.scoring.results import Attribute
from agentchaos.scoring.table import Table


def nines(availability: float, target: float) -> float:
    """min(1, log(1 - A) / log(1 - target)): 0.99 against 0.999 is two nines of three."""
    if availability >= 1.0:
        return 1.0
    return min(1.0, max(0.0, math.log1p(-availability) / math.log1p(-target)))


def availability(table: Table, alpha: float) -> Attribute:
    """The attribute: the smaller of units up and requests served, in nines of the target."""
    target = table.objectives.availability
    if target is None:
        return blank("availability", "systemic", "set 'objectives: {availability: 0.999}'")
    both = {
        name: value
        for name in ("availability", "request_availability")
        if (value := share(table, name, alpha)) is not None and value.mean is not None
    }
    if not both:
        return blank("availability", "systemic", "nothing was to be available")
    name, worst = min(both.items(), key=lambda item: (item[1].mean or 0.0, item[0]))
    mean = nines(worst.mean or 0.0, target)
    low = min(nines(v.low or 0.0, target) for v in both.values())
    detail: Detail = (
        ("definition", f"log(1 - A) / log(1 - {target:g}), A the smaller of units and requests"),
        *((key, f"{value.mean:.6f}") for key, value in both.items()),
        ("smaller", name),
    )
    # each at alpha: the true minimum is one of the two, and below that one's bound it is not; for the
    # upper bound of a minimum both must hold
    sharp = (share(table, key, alpha / len(both)) for key in both)
    high = min(1.0 if v is None or v.high is None else nines(v.high, target) for v in sharp)
    return made("availability", "systemic", mean, Bounds(low, high, worst.method), worst.n, detail)
