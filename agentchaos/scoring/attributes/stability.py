"""Stability (T3): 1 - the area by which useful work falls behind the twin without faults (Bruneau 2003)."""

from __future__ import annotations

import math

from agentchaos.metrics.base import Curve
from agentchaos.scoring import intervals
from agentchaos.scoring.attributes.base import Detail, blank, made
from agentchaos.scoring.results import Attribute
from agentchaos.scoring.table import Table


def stability(table: Table, alpha: float) -> Attribute:
    """The attribute, from the curves of progress of both arms."""
    values: list[float] = []
    chaos, control = table.arms.get("chaos", {}), table.arms.get("control", {})
    for number in sorted(set(chaos) & set(control)):
        ours, twin = chaos[number].get("progress"), control[number].get("progress")
        if isinstance(ours, Curve) and isinstance(twin, Curve):
            area = sum(twin.values)
            if area > 0:
                values.append(1.0 - shortfall(ours, twin) / area)
    if not values:
        return blank("stability", "temporal", "there is no useful work in the arm without faults")
    bounds = intervals.exact_bounds(values, alpha)
    detail: Detail = (
        ("definition", "1 - area by which useful steps fall behind the twin without faults / its area"),
        ("replications", str(len(values))),
        ("worst", f"{min(values):.4f}"),
        ("bounds", bounds.method),
    )
    mean = math.fsum(values) / len(values)
    return made("stability", "temporal", mean, bounds, len(values), detail)


def shortfall(ours: Curve, twin: Curve) -> int:
    """The area by which a curve of cumulative work lies below that of its twin."""
    return sum(max(0, t - o) for o, t in zip(ours.values, twin.values, strict=True))
