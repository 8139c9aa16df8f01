"""Stability (T3): 1 - the area by which useful work falls behind the twin without faults (Bruneau 2003).

The twin is no lower reference than the declared rate: `objectives.throughput` is due in value of right
tasks, and counts here as the steps that tasks of that value have in the scenario.
"""

from __future__ import annotations

import math

from agentchaos.metrics.base import Curve, Data, Ratio
from agentchaos.scoring import intervals
from agentchaos.scoring.attributes.base import Detail, blank, made
from agentchaos.scoring.results import Attribute
from agentchaos.scoring.table import Table
from agentchaos.trace import NS


def stability(table: Table, alpha: float) -> Attribute:
    """The attribute, from the curves of progress of both arms."""
    values: list[float] = []
    chaos, control = table.arms.get("chaos", {}), table.arms.get("control", {})
    rate = table.objectives.throughput
    for number in sorted(set(chaos) & set(control)):
        ours, twin = chaos[number].get("progress"), control[number].get("progress")
        if isinstance(ours, Curve) and isinstance(twin, Curve):
            missing, area = shortfall(ours, twin, floor_of(control[number], rate, twin.every))
            if area > 0:
                values.append(1.0 - missing / area)
    if not values:
        return blank("stability", "temporal", "there is no useful work in the arm without faults")
    bounds = intervals.exact_bounds(values, alpha)
    floor = () if rate is None else (("reference", f"the twin, at least {rate * 3600:g} / h of right tasks"),)
    detail: Detail = (
        ("definition", "1 - area by which useful steps fall behind the twin without faults / its area"),
        *floor,
        ("replications", str(len(values))),
        ("worst", f"{min(values):.4f}"),
        ("bounds", bounds.method),
    )
    mean = math.fsum(values) / len(values)
    return made("stability", "temporal", mean, bounds, len(values), detail)


def floor_of(control: Data, rate: float | None, every: int) -> float:
    """Steps due a cell of the grid of `every` ns by a declared rate of value; 0 where none is declared.

    control: whose planned steps for a value of 1 are those of the scenario.
    """
    steps, tasks = control.get("lost_work"), control.get("task_success")
    if rate is None or not (isinstance(steps, Ratio) and isinstance(tasks, Ratio) and tasks.denominator):
        return 0.0
    return rate * every / NS * 1000 * steps.denominator / tasks.denominator


def shortfall(ours: Curve, twin: Curve, due: float = 0.0) -> tuple[float, float]:
    """(area by which cumulative work lies below its reference, area of that); due: floor of it, a cell."""
    missing = area = 0.0
    for cell, (done, other) in enumerate(zip(ours.values, twin.values, strict=True), 1):
        wanted = max(other, due * cell)
        area += wanted
        missing += max(0.0, wanted - done)
    return missing, area
