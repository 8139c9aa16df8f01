"""Scalability (Y3): the share of the demand that is served right and in time, over steps of the load.

Work and resources grow together; the demand is what the scenario declares, so that being slow at 1x lowers
it too. Efficiency X_m / (m X_1) and the fit of the universal scalability law X(N) = g N / (1 + s (N - 1) +
k N (N - 1)) (Gunther 2007) stand beside, as diagnostics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from agentchaos.scoring import intervals
from agentchaos.scoring.attributes.base import Detail, blank, made, ratios
from agentchaos.scoring.results import Attribute
from agentchaos.scoring.table import ArmFacts, Table

NO_LOAD = "it needs load steps; write 'measure: [scalability]'"
ENDLESS = "an endless loop takes as much work as it can do: it has no demand that could be missed"
LEAST = 2


def scalability(table: Table, alpha: float) -> Attribute:
    """The attribute, over the arms of the load steps; the mean over steps of served / demand."""
    arms = table.of_kind("load")
    if len(arms) < LEAST:
        return blank("scalability", "systemic", NO_LOAD)
    if any(group.endless for group in table.setting.groups):
        return blank("scalability", "systemic", ENDLESS)
    values = _by_replication(table, arms)
    if not values:
        return blank("scalability", "systemic", "no task was planned at every step")
    steps = {arm.load: math.fsum(v[i] for v in values) / len(values) for i, arm in enumerate(arms)}
    means = [math.fsum(v) / len(v) for v in values]
    bounds = intervals.exact_bounds(means, alpha)
    mean = math.fsum(means) / len(means)
    detail: Detail = (
        ("definition", "mean over load steps of right tasks in time / tasks demanded"),
        *((f"{load}x", f"{served:.4f} of the demand") for load, served in steps.items()),
        *_diagnostics(steps),
        ("replications", str(len(values))),
        ("bounds", bounds.method),
    )
    return made("scalability", "systemic", mean, bounds, len(values), detail)


def _by_replication(table: Table, arms: Sequence[ArmFacts]) -> list[list[float]]:
    """Served / demand at each step, for each replication that all steps have."""
    found = []
    for number in sorted(set.intersection(*(set(table.arms[arm.name]) for arm in arms))):
        shares = [r.value for arm in arms for r in ratios([table.arms[arm.name][number]], "goodput")]
        whole = [share for share in shares if share is not None]
        if len(whole) == len(arms):
            found.append(whole)
    return found


def _diagnostics(steps: dict[int, float]) -> Detail:
    """Efficiency against 1x, and the universal scalability law."""
    served = {load: load * share for load, share in steps.items()}  # in units of the demand at 1x
    lines: list[tuple[str, str]] = []
    if served.get(1, 0.0) > 0:
        told = ", ".join(f"{load}x {x / (load * served[1]):.3f}" for load, x in served.items())
        lines.append(("efficiency X_m / (m X_1) (diagnostic)", told))
    if fitted := usl(served):
        g, s, k = fitted
        peak = f", peak at {math.sqrt((1 - s) / k):.1f}x" if k > 0 and s < 1 else ""
        lines.append(("USL fit (diagnostic)", f"g = {g:.4f}, s = {s:.4f}, k = {k:.5f}{peak}"))
    return tuple(lines)


def usl(served: dict[int, float]) -> tuple[float, float, float] | None:
    """(g, s, k) of the universal scalability law, none negative; None below three steps that serve at all.

    N / X = (1 + s (N - 1) + k N (N - 1)) / g is linear: least squares with coefficients >= 0 (Lawson and
    Hanson 1974).
    """
    from scipy.optimize import nnls

    points = [(float(n), x) for n, x in sorted(served.items()) if x > 0]
    if len(points) < 3:
        return None
    (base, contention, coherency), _ = nnls(
        [[1.0, n - 1, n * (n - 1)] for n, _ in points], [n / x for n, x in points]
    )
    if base <= 0:
        return None
    return float(1 / base), float(contention / base), float(coherency / base)
