"""Robustness (E2): the volume under the reliability surface, over perturbation and fault intensity."""

from __future__ import annotations

from agentchaos.scoring.attributes.base import Detail, blank, made, share
from agentchaos.scoring.intervals import Bounds
from agentchaos.scoring.results import Attribute
from agentchaos.scoring.table import Table


def robustness(table: Table, alpha: float) -> Attribute:
    """The attribute, over the arms that were played."""
    with_, without = (
        share(table, "task_success", alpha / 2),
        share(table, "task_success", alpha / 2, "control"),
    )
    if with_ is None or without is None or with_.mean is None or without.mean is None:
        return blank("robustness", "environmental", "both arms are needed")
    detail: Detail = (
        ("definition", "mean of pass^1 at fault intensity 0 and 1 (small form, k = 1)"),
        ("intensity 0", f"{without.mean:.4f}"),
        ("intensity 1", f"{with_.mean:.4f}"),
        ("worst cell", f"{min(with_.mean, without.mean):.4f}"),
        ("clipped ratio", f"{min(1.0, with_.mean / without.mean):.4f}" if without.mean else "-"),
    )
    low = ((with_.low or 0.0) + (without.low or 0.0)) / 2
    high = sum(1.0 if cell.high is None else cell.high for cell in (with_, without)) / 2
    bounds = Bounds(low, high, "mean of two bounds, each at alpha / 2")
    mean = (with_.mean + without.mean) / 2
    return made("robustness", "environmental", mean, bounds, with_.n, detail, "small form")
