"""Bounds of what is averaged over tasks: tasks are independent of each other, the trials of one are not."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agentchaos.scoring import intervals
from agentchaos.scoring.intervals import ALPHA, Bounds, widest

GRID = 4096
"""Beyond so many tasks their means are rounded outward to steps of 1 / GRID, so that few are distinct."""


def exact(clusters: Sequence[Sequence[float]], alpha: float = ALPHA) -> Bounds:
    """Exact bounds of the mean of values in [0, 1], from the values of each task.

    The bound that judges replications (`intervals.exact_low`), with tasks in their place: Student's t and a
    bootstrap over tasks are too sure of themselves near 0 and 1, where gates sit. Where tasks have different
    numbers of trials, tasks weigh alike in the bounds and trials in the mean, which the bounds always hold.
    """
    means = [min(1.0, max(0.0, math.fsum(values) / len(values))) for values in clusters]
    low = intervals.exact_low(rounded(means), alpha)
    high = 1.0 - intervals.exact_low(rounded([1.0 - mean for mean in means]), alpha)
    return around(
        pooled(clusters), Bounds(low, high, f"exact (Dirichlet-weighted, padded) over {many(means)}")
    )


def rounded(values: Sequence[float]) -> list[float]:
    """The values; where they are many, rounded down, which only lowers a lower bound."""
    if len(values) <= GRID:
        return list(values)
    return [math.floor(value * GRID) / GRID for value in values]


def pooled(clusters: Sequence[Sequence[float]]) -> float:
    """The mean over all trials."""
    return math.fsum(v for values in clusters for v in values) / sum(map(len, clusters))


def around(mean: float, bounds: Bounds) -> Bounds:
    """Bounds that hold their own mean, which rounding or unequal weights may carry beyond them."""
    return widest(bounds, bounds, bounds.method, mean)


def many(tasks: Sequence[object]) -> str:
    """`50 tasks`."""
    return f"{len(tasks):,} task" + ("" if len(tasks) == 1 else "s")
