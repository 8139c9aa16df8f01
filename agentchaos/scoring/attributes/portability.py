"""Portability (E3): the least correctness over the declared profiles (provider, model, region, runtime)."""

from __future__ import annotations

import math

from agentchaos.scoring.attributes.base import Detail, blank, made, share
from agentchaos.scoring.intervals import Bounds
from agentchaos.scoring.results import Attribute
from agentchaos.scoring.table import Table

NO_PROFILE = "it needs two or more 'profiles'"
LEAST = 2
"""Profiles without which nothing can be said of being carried from one to another."""


def portability(table: Table, alpha: float) -> Attribute:
    """The attribute, over the arms of the profiles."""
    arms = table.of_kind("profile")
    if len(arms) < LEAST:
        return blank("portability", "environmental", NO_PROFILE)
    shares = {arm.profile: share(table, "task_success", alpha, arm.name) for arm in arms}
    sharp = [share(table, "task_success", alpha / len(arms), arm.name) for arm in arms]
    known = {name: value for name, value in shares.items() if value is not None and value.mean is not None}
    if len(known) < len(arms):
        missing = ", ".join(sorted(set(shares) - set(known)))
        return blank("portability", "environmental", f"no task was planned in {missing}")
    means = {name: value.mean or 0.0 for name, value in known.items()}
    worst = min(means, key=lambda name: (means[name], name))
    # each at alpha: the true minimum is one of them, and below that one's bound it is not; for the upper
    # bound of a minimum all must hold
    low = min(value.low or 0.0 for value in known.values())
    high = min(1.0 if value is None or value.high is None else value.high for value in sharp)
    detail: Detail = (
        ("definition", "the least share of right tasks over the profiles"),
        *((f"profile {name}", f"{mean:.4f}") for name, mean in means.items()),
        ("worst", worst),
        ("mean of the worst quarter (CVaR 25 %)", f"{tail_mean(list(means.values()), 0.25):.4f}"),
        ("bounds", known[worst].method),
    )
    bounds = Bounds(low, high, known[worst].method)
    return made("portability", "environmental", means[worst], bounds, known[worst].n, detail)


def tail_mean(values: list[float], share: float) -> float:
    """The mean of the least `share` of equally likely values (conditional value at risk)."""
    left, total = share * len(values), 0.0
    for value in sorted(values):
        weight = min(1.0, left)
        total += weight * value
        left -= weight
    return total / (share * len(values)) if not math.isclose(share, 0) else min(values)
